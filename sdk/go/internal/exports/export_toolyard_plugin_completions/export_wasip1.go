// Package export_toolyard_plugin_completions is what the generated bindings call for the contract's completions. Package toolyard
// sets it.
package export_toolyard_plugin_completions

import (
	bindings "toolyard/internal/bindings/toolyard_plugin_completions"
	wit "toolyard/internal/wit/types"
)

// Complete is the function of the interface.
var Complete func(
	reference bindings.Reference, argument, value string, known []wit.Tuple2[string, string], context bindings.CallContext,
) wit.Result[bindings.Completion, bindings.Error]
