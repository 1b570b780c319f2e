package keyvalue

import (
	"context"
	"fmt"

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

// handles stay as long as the instance. The collector would give them back at a time of its own choosing, and while the host
// asks for memory a component must not call the host.
var handles []any

// done is a result as Go has it. What the host put into memory is reached from the value now, and need not be held any more.
func done[T any](result wit.Result[T, wasi_keyvalue_store.Error]) (value T, err error) {
	runtime.Unpin()
	if result.IsErr() {
		return value, fromWire(result.Err())
	}
	return result.Ok(), nil
}

func failed[T any](result wit.Result[T, wasi_keyvalue_store.Error]) error {
	_, err := done(result)
	return err
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
	handle, err := done(wasi_keyvalue_store.Open(name))
	handles = append(handles, handle)
	return bucket{handle}, err
}

func (b bucket) get(key string) ([]byte, bool, error) {
	value, err := done(b.Get(key))
	if err != nil || value.IsNone() {
		return nil, false, err
	}
	return value.Some(), true, nil
}

func (b bucket) set(key string, value []byte) error { return failed(b.Set(key, value)) }

func (b bucket) delete(key string) error { return failed(b.Delete(key)) }

func (b bucket) exists(key string) (bool, error) { return done(b.Exists(key)) }

func (b bucket) listKeys(cursor string) (keys []string, next string, err error) {
	from := wit.None[string]()
	if cursor != "" {
		from = wit.Some(cursor)
	}
	part, err := done(b.ListKeys(from))
	return part.Keys, part.Cursor.Or(""), err
}

func (b bucket) getMany(keys []string) ([][]byte, error) {
	found, err := done(wasi_keyvalue_batch.GetMany(b.Bucket, keys))
	if err != nil {
		return nil, err
	}
	values := make([][]byte, len(found))
	for i, pair := range found {
		if !pair.IsNone() {
			values[i] = pair.Some().F1
		}
	}
	return values, nil
}

func (b bucket) setMany(values map[string][]byte) error {
	var pairs []wit.Tuple2[string, []uint8]
	for key, value := range values {
		pairs = append(pairs, wit.Tuple2[string, []uint8]{F0: key, F1: value})
	}
	return failed(wasi_keyvalue_batch.SetMany(b.Bucket, pairs))
}

func (b bucket) deleteMany(keys []string) error {
	return failed(wasi_keyvalue_batch.DeleteMany(b.Bucket, keys))
}

func (b bucket) increment(key string, delta int64) (int64, error) {
	return done(wasi_keyvalue_atomics.Increment(b.Bucket, key, delta))
}

func (b bucket) watch(key string) (cell, error) {
	cas, err := done(wasi_keyvalue_atomics.CasNew(b.Bucket, key))
	handles = append(handles, cas)
	return cell{cas}, err
}

func (c cell) current() ([]byte, error) {
	value, err := done(c.Current())
	if err != nil || value.IsNone() {
		return nil, err
	}
	// Not nil, which is for what is not there.
	return append([]byte{}, value.Some()...), nil
}

// swap gives the cell anew where somebody else was first.
func (c cell) swap(value []byte) (lost *cell, err error) {
	result := wasi_keyvalue_atomics.Swap(c.Cas, value)
	runtime.Unpin()
	if !result.IsErr() {
		return nil, nil
	}
	reason := result.Err()
	if reason.Tag() == wasi_keyvalue_atomics.CasErrorCasFailed {
		handles = append(handles, reason.CasFailed())
		return &cell{reason.CasFailed()}, nil
	}
	return nil, fromWire(reason.StoreError())
}
