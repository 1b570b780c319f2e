//go:build !wasip1

package config

import (
	"context"
	"maps"

	"toolyard/internal/host"
)

func get(ctx context.Context, key string) (string, bool) {
	value, found := host.Of(ctx).Config[key]
	return value, found
}

func all(ctx context.Context) map[string]string {
	return maps.Clone(host.Of(ctx).Config)
}
