// Package config reads what the operator set for this plugin: wasi:config.
//
// The values stand in the host's configuration, under [plugin.NAME.grants.config]; a key of [plugin.NAME.grants.secrets] gives a
// secret's value under that key. There is nothing where the operator wrote nothing, so every setting needs a default or an
// error of its own.
package config

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"toolyard"
)

// Get is the setting key, and whether the operator made it.
func Get(ctx context.Context, key string) (value string, found bool) {
	return get(ctx, key)
}

// GetOr is the setting key, or fallback where the operator did not make it or left it empty.
func GetOr(ctx context.Context, key, fallback string) string {
	value, _ := get(ctx, key)
	return cmp.Or(value, fallback)
}

// Value is what a setting may be read as: a number, a truth (true or false), or a time such as 1m30s.
type Value interface {
	int | int64 | float64 | bool | time.Duration
}

// Read is the setting key as a number or the like, or fallback where the operator did not make it. The error names the key, and not
// what stands there.
func Read[T Value](ctx context.Context, key string, fallback T) (T, error) {
	written, found := get(ctx, key)
	if !found {
		return fallback, nil
	}
	value, words, err := parse(fallback, strings.TrimSpace(written))
	if err != nil {
		return fallback, toolyard.Failedf("the operator's setting `%s` cannot be used: it is %s", key, words)
	}
	return value.(T), nil
}

// parse reads text as what like is, or says in words what it would have to be.
func parse(like any, text string) (value any, words string, err error) {
	switch like.(type) {
	case int:
		value, err = strconv.Atoi(text)
		return value, "no integer", err
	case int64:
		value, err = strconv.ParseInt(text, 10, 64)
		return value, "no integer", err
	case float64:
		value, err = strconv.ParseFloat(text, 64)
		return value, "no number", err
	case time.Duration:
		value, err = time.ParseDuration(text)
		return value, "no time such as `1m30s`", err
	default:
		if text != "true" && text != "false" {
			err = strconv.ErrSyntax
		}
		return text == "true", "neither `true` nor `false`", err
	}
}

// All are all settings, by key.
func All(ctx context.Context) map[string]string {
	return all(ctx)
}
