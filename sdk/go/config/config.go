// Package config reads what the operator set for this plugin: wasi:config.
//
// The values stand in the host's configuration, under [plugin.NAME.grants.config]; a key of [plugin.NAME.grants.secrets] gives a
// secret's value under that key. There is nothing where the operator wrote nothing, so every setting needs a default or an
// error of its own.
package config

import (
	"cmp"
	"context"
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

// All are all settings, by key.
func All(ctx context.Context) map[string]string {
	return all(ctx)
}
