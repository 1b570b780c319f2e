// Package export_toolyard_plugin_tools is what the generated bindings call for the contract's tools. Package toolyard sets it.
package export_toolyard_plugin_tools

import (
	bindings "toolyard/internal/bindings/toolyard_plugin_tools"
	wit "toolyard/internal/wit/types"
)

// The functions of the interface.
var (
	Describe func() []bindings.Tool
	Call     func(
		name, arguments string, context bindings.CallContext, resume wit.Option[bindings.Resumption],
	) wit.Result[bindings.Outcome, bindings.Error]
)
