package keyvalue

import (
	"context"
	"fmt"
	"strings"

	"toolyard/internal/bindings/wasi_keyvalue_atomics"
	"toolyard/internal/bindings/wasi_keyvalue_batch"
	"toolyard/internal/bindings/wasi_keyvalue_store"
	"toolyard/internal/wit/runtime"
	wit "toolyard/internal/wit/types"
)

type bucket struct {
	*wasi_keyvalue_store.Bucket
}

type cell struct {
	*wasi_keyvalue_atomics.Cas
}

// ask asks the host and copies what it says, of which read makes a copy: its place in memory is used again.
func ask[W, T any](call func() wit.Result[W, wasi_keyvalue_store.Error], read func(W) T) (value T, err error) {
	runtime.Begin()
	defer runtime.End()
	result := call()
	if result.IsErr() {
		return value, fromWire(result.Err())
	}
	return read(result.Ok()), nil
}

// tell is ask where there is nothing to read.
func tell(call func() wit.Result[wit.Unit, wasi_keyvalue_store.Error]) error {
	_, err := ask(call, same[wit.Unit])
	return err
}

func same[T any](value T) T { return value }

// copied is nil where there is no value, and not nil where it is empty.
func copied(value wit.Option[[]uint8]) []byte {
	if value.IsNone() {
		return nil
	}
	return append([]byte{}, value.Some()...)
}

func fromWire(err wasi_keyvalue_store.Error) error {
	switch err.Tag() {
	case wasi_keyvalue_store.ErrorNoSuchStore:
		return ErrNoSuchStore
	case wasi_keyvalue_store.ErrorAccessDenied:
		return ErrDenied
	}
	return fmt.Errorf("the store refused: %s", err.Other())
}

func open(_ context.Context, name string) (bucket, error) {
	handle, err := ask(func() wit.Result[*wasi_keyvalue_store.Bucket, wasi_keyvalue_store.Error] {
		return wasi_keyvalue_store.Open(name)
	}, same)
	return bucket{handle}, err
}

func (b bucket) get(key string) ([]byte, bool, error) {
	value, err := ask(func() wit.Result[wit.Option[[]uint8], wasi_keyvalue_store.Error] { return b.Get(key) }, copied)
	return value, value != nil, err
}

func (b bucket) set(key string, value []byte) error {
	return tell(func() wit.Result[wit.Unit, wasi_keyvalue_store.Error] { return b.Set(key, value) })
}

func (b bucket) delete(key string) error {
	return tell(func() wit.Result[wit.Unit, wasi_keyvalue_store.Error] { return b.Delete(key) })
}

func (b bucket) exists(key string) (bool, error) {
	return ask(func() wit.Result[bool, wasi_keyvalue_store.Error] { return b.Exists(key) }, same)
}

func (b bucket) listKeys(cursor string) (keys []string, next string, err error) {
	from := wit.None[string]()
	if cursor != "" {
		from = wit.Some(cursor)
	}
	keys, err = ask(func() wit.Result[wasi_keyvalue_store.KeyResponse, wasi_keyvalue_store.Error] {
		return b.ListKeys(from)
	}, func(part wasi_keyvalue_store.KeyResponse) []string {
		next = strings.Clone(part.Cursor.Or(""))
		keys := make([]string, len(part.Keys))
		for i, key := range part.Keys {
			keys[i] = strings.Clone(key)
		}
		return keys
	})
	return keys, next, err
}

func (b bucket) getMany(keys []string) ([][]byte, error) {
	type found = []wit.Option[wit.Tuple2[string, []uint8]]
	return ask(func() wit.Result[found, wasi_keyvalue_store.Error] {
		return wasi_keyvalue_batch.GetMany(b.Bucket, keys)
	}, func(pairs found) [][]byte {
		values := make([][]byte, len(pairs))
		for i, pair := range pairs {
			if !pair.IsNone() {
				values[i] = append([]byte{}, pair.Some().F1...)
			}
		}
		return values
	})
}

func (b bucket) setMany(values map[string][]byte) error {
	var pairs []wit.Tuple2[string, []uint8]
	for key, value := range values {
		pairs = append(pairs, wit.Tuple2[string, []uint8]{F0: key, F1: value})
	}
	return tell(func() wit.Result[wit.Unit, wasi_keyvalue_store.Error] {
		return wasi_keyvalue_batch.SetMany(b.Bucket, pairs)
	})
}

func (b bucket) deleteMany(keys []string) error {
	return tell(func() wit.Result[wit.Unit, wasi_keyvalue_store.Error] {
		return wasi_keyvalue_batch.DeleteMany(b.Bucket, keys)
	})
}

func (b bucket) increment(key string, delta int64) (int64, error) {
	return ask(func() wit.Result[int64, wasi_keyvalue_store.Error] {
		return wasi_keyvalue_atomics.Increment(b.Bucket, key, delta)
	}, same)
}

func (b bucket) watch(key string) (cell, error) {
	cas, err := ask(func() wit.Result[*wasi_keyvalue_atomics.Cas, wasi_keyvalue_store.Error] {
		return wasi_keyvalue_atomics.CasNew(b.Bucket, key)
	}, same)
	return cell{cas}, err
}

func (c cell) current() ([]byte, error) {
	return ask(func() wit.Result[wit.Option[[]uint8], wasi_keyvalue_store.Error] { return c.Current() }, copied)
}

// swap gives the cell anew where somebody else was first.
func (c cell) swap(value []byte) (lost *cell, err error) {
	runtime.Begin()
	defer runtime.End()
	result := wasi_keyvalue_atomics.Swap(c.Cas, value)
	if !result.IsErr() {
		return nil, nil
	}
	reason := result.Err()
	if reason.Tag() == wasi_keyvalue_atomics.CasErrorCasFailed {
		return &cell{reason.CasFailed()}, nil
	}
	return nil, fromWire(reason.StoreError())
}
