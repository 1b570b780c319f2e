// Package export_toolyard_plugin_prompts is what the generated bindings call for the contract's prompts. Package toolyard sets it.
package export_toolyard_plugin_prompts

import (
	bindings "toolyard/internal/bindings/toolyard_plugin_prompts"
	wit "toolyard/internal/wit/types"
)

// The functions of the interface.
var (
	Describe func() []bindings.Prompt
	Get      func(
		name string, arguments []wit.Tuple2[string, string], context bindings.CallContext,
		resume wit.Option[bindings.Resumption],
	) wit.Result[bindings.PromptOutcome, bindings.Error]
)
