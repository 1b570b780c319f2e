//go:build !wasip1

package keyvalue

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"toolyard/internal/host"
)

// bucket is the store of native tests: values in memory, with the same rules about who was first.
type bucket struct {
	granted *host.Granted
}

// cell is a key, and what was there.
type cell struct {
	bucket bucket
	key    string
	value  []byte
}

// keysInAPart is small, so that tests of plugins see more than one part.
const keysInAPart = 10

func open(ctx context.Context, name string) (bucket, error) {
	granted := host.Of(ctx)
	switch {
	case granted.Store == nil:
		return bucket{}, ErrDenied
	case name != "default":
		return bucket{}, ErrNoSuchStore
	}
	return bucket{granted}, nil
}

func (b bucket) get(key string) ([]byte, bool, error) {
	b.granted.Lock()
	defer b.granted.Unlock()
	value, found := b.granted.Store[key]
	return bytes.Clone(value), found, nil
}

func (b bucket) set(key string, value []byte) error {
	return b.setMany(map[string][]byte{key: value})
}

func (b bucket) delete(key string) error {
	return b.deleteMany([]string{key})
}

func (b bucket) exists(key string) (bool, error) {
	_, found, err := b.get(key)
	return found, err
}

func (b bucket) listKeys(cursor string) (keys []string, next string, err error) {
	b.granted.Lock()
	defer b.granted.Unlock()
	all := slices.Sorted(maps.Keys(b.granted.Store))
	all = slices.DeleteFunc(all, func(key string) bool { return cursor != "" && key <= cursor })
	if len(all) <= keysInAPart {
		return all, "", nil
	}
	return all[:keysInAPart], all[keysInAPart-1], nil
}

func (b bucket) getMany(keys []string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	for i, key := range keys {
		values[i], _, _ = b.get(key)
	}
	return values, nil
}

func (b bucket) setMany(values map[string][]byte) error {
	b.granted.Lock()
	defer b.granted.Unlock()
	for key, value := range values {
		// Not nil, which is for what is not there.
		b.granted.Store[key] = append([]byte{}, value...)
	}
	return nil
}

func (b bucket) deleteMany(keys []string) error {
	b.granted.Lock()
	defer b.granted.Unlock()
	for _, key := range keys {
		delete(b.granted.Store, key)
	}
	return nil
}

func (b bucket) increment(key string, delta int64) (int64, error) {
	b.granted.Lock()
	defer b.granted.Unlock()
	var old int64
	if value, found := b.granted.Store[key]; found {
		var err error
		if old, err = strconv.ParseInt(string(value), 10, 64); err != nil {
			return 0, errors.New("the store refused: the value is no number")
		}
	}
	b.granted.Store[key] = strconv.AppendInt(nil, old+delta, 10)
	return old + delta, nil
}

func (b bucket) watch(key string) (cell, error) {
	value, _, err := b.get(key)
	return cell{b, key, value}, err
}

func (c cell) current() ([]byte, error) {
	return c.value, nil
}

// swap gives the cell anew where somebody else was first.
func (c cell) swap(value []byte) (lost *cell, err error) {
	now, _, err := c.bucket.get(c.key)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(now, c.value) || (now == nil) != (c.value == nil) {
		return &cell{c.bucket, c.key, now}, nil
	}
	return nil, c.bucket.set(c.key, value)
}
