package host

import (
	"context"

	"toolyard/internal/bindings/toolyard_plugin_changes"
	"toolyard/internal/bindings/toolyard_plugin_progress"
	"toolyard/internal/bindings/wasi_logging_logging"
	wit "toolyard/internal/wit/types"
)

// Report reports progress. Total 0: not known.
func Report(_ context.Context, done, total float64, message string) {
	known, said := wit.None[float64](), wit.None[string]()
	if total != 0 {
		known = wit.Some(total)
	}
	if message != "" {
		said = wit.Some(message)
	}
	toolyard_plugin_progress.Report(done, known, said)
}

// Log writes to the host's log.
func Log(_ context.Context, level Level, where, message string) {
	wasi_logging_logging.Log(wasi_logging_logging.Level(level), where, message)
}

// ListChanged says that a list is another one now.
func ListChanged(_ context.Context, what Listing) {
	toolyard_plugin_changes.ListChanged(toolyard_plugin_changes.Listing(what))
}

// ResourceUpdated says that a resource is another one now.
func ResourceUpdated(_ context.Context, uri string) {
	toolyard_plugin_changes.ResourceUpdated(uri)
}
