// Package keyvalue keeps values that outlive a call: wasi:keyvalue.
//
// A plugin that was granted [plugin.NAME.grants.keyvalue] has a store of its own, for each tenant another. Calls run at the same
// time, on several machines even, so what reads and then writes goes through Update.
package keyvalue

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"iter"
	"strings"

	"toolyard"
)

// Why a value could not be had or kept. Any other error is the store's own, in words.
var (
	// ErrDenied: it was not granted.
	ErrDenied = errors.New("this plugin has no store to keep anything in")
	// ErrNoSuchStore: there is no store of that name.
	ErrNoSuchStore = errors.New("there is no store of that name")
)

// Store is a plugin's values by their keys.
type Store struct {
	bucket bucket
}

// Open opens the plugin's store: ErrDenied where the operator did not grant one.
func Open(ctx context.Context) (*Store, error) {
	return OpenNamed(ctx, "default")
}

// OpenNamed opens a store by its name, for hosts that have several.
func OpenNamed(ctx context.Context, name string) (*Store, error) {
	bucket, err := open(ctx, name)
	if err != nil {
		return nil, err
	}
	return &Store{bucket}, nil
}

// Get is the value of key, and whether it has one.
func (s *Store) Get(key string) (value []byte, found bool, err error) {
	return s.bucket.get(key)
}

// Set sets key to value, whatever it was.
func (s *Store) Set(key string, value []byte) error {
	return s.bucket.set(key, value)
}

// Delete takes key away, if it is there.
func (s *Store) Delete(key string) error {
	return s.bucket.delete(key)
}

// Exists says whether key has a value.
func (s *Store) Exists(key string) (bool, error) {
	return s.bucket.exists(key)
}

// Keys gives all keys in their order, fetched part by part. An error ends it.
func (s *Store) Keys() iter.Seq2[string, error] {
	return s.KeysWith("")
}

// KeysWith gives the keys that begin with prefix, as Keys does.
func (s *Store) KeysWith(prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for cursor, more := "", true; more; {
			keys, next, err := s.bucket.listKeys(cursor)
			if err != nil {
				yield("", err)
				return
			}
			for _, key := range keys {
				if strings.HasPrefix(key, prefix) && !yield(key, nil) {
					return
				}
			}
			cursor, more = next, next != ""
		}
	}
}

// GetMany are the values of keys, in their order; nil where there is none.
func (s *Store) GetMany(keys []string) ([][]byte, error) {
	return s.bucket.getMany(keys)
}

// SetMany sets several keys at once.
func (s *Store) SetMany(values map[string][]byte) error {
	return s.bucket.setMany(values)
}

// DeleteMany takes several keys away.
func (s *Store) DeleteMany(keys []string) error {
	return s.bucket.deleteMany(keys)
}

// Increment adds delta to the number at key, which begins at 0, and gives the sum. One step, whoever else counts.
func (s *Store) Increment(key string, delta int64) (int64, error) {
	return s.bucket.increment(key, delta)
}

// updatesMax is how often an update begins again. Each time somebody else's got through, so only a key that many write at once
// comes near.
const updatesMax = 1000

// Update sets key to what change makes of its value, which is nil where there is none, and gives that. If somebody else writes it meanwhile,
// change is asked again with what they wrote, so that no update is lost: it therefore has no other effect. If it returns an error,
// nothing is written.
func (s *Store) Update(key string, change func(old []byte) ([]byte, error)) ([]byte, error) {
	seen, err := s.bucket.watch(key)
	if err != nil {
		return nil, err
	}
	for range updatesMax {
		old, err := seen.current()
		if err != nil {
			return nil, err
		}
		value, err := change(old)
		if err != nil {
			return nil, err
		}
		lost, err := seen.swap(value)
		if err != nil {
			return nil, err
		}
		if lost == nil {
			return value, nil
		}
		seen = *lost
	}
	return nil, toolyard.Retryablef(0, "too many write `%s` at once; try again", key)
}

// GetJSON is the value of key, which is JSON, and whether it has one.
func GetJSON[T any](s *Store, key string) (value T, found bool, err error) {
	text, found, err := s.Get(key)
	if err != nil || !found {
		return value, false, err
	}
	return value, true, fromJSON(key, text, &value)
}

// SetJSON sets key to value as JSON.
func SetJSON(s *Store, key string, value any) error {
	text, err := toJSON(key, value)
	if err != nil {
		return err
	}
	return s.Set(key, text)
}

// UpdateJSON is Update for a value that is JSON. old is the zero value where there is none.
func UpdateJSON[T any](s *Store, key string, change func(old T) (T, error)) (value T, err error) {
	_, err = s.Update(key, func(text []byte) ([]byte, error) {
		var old T
		if text != nil {
			if err := fromJSON(key, text, &old); err != nil {
				return nil, err
			}
		}
		made, err := change(old)
		if err != nil {
			return nil, err
		}
		value = made
		return toJSON(key, made)
	})
	return value, err
}

func fromJSON(key string, text []byte, value any) error {
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("what is stored as `%s` cannot be read: %w", key, err)
	}
	return nil
}

func toJSON(key string, value any) ([]byte, error) {
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("`%s` cannot be said in JSON: %w", key, err)
	}
	return text, nil
}
