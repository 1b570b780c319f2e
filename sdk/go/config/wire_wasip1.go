package config

import (
	"context"
	"strings"

	"toolyard/internal/bindings/wasi_config_store"
	"toolyard/internal/wit/runtime"
)

// The interface allows for errors of the place that settings come from. The host has them in memory, so there are none; another
// host's would leave a plugin with what it has: its defaults.

func get(_ context.Context, key string) (string, bool) {
	runtime.Begin()
	defer runtime.End()
	result := wasi_config_store.Get(key)
	if result.IsErr() || result.Ok().IsNone() {
		return "", false
	}
	return strings.Clone(result.Ok().Some()), true
}

func all(context.Context) map[string]string {
	runtime.Begin()
	defer runtime.End()
	settings := map[string]string{}
	result := wasi_config_store.GetAll()
	if result.IsErr() {
		return settings
	}
	for _, pair := range result.Ok() {
		settings[strings.Clone(pair.F0)] = strings.Clone(pair.F1)
	}
	return settings
}
