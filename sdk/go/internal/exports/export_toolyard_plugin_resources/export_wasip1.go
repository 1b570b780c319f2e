// Package export_toolyard_plugin_resources is what the generated bindings call for the contract's resources. Package toolyard
// sets it.
package export_toolyard_plugin_resources

import (
	bindings "toolyard/internal/bindings/toolyard_plugin_resources"
	wit "toolyard/internal/wit/types"
)

// The functions of the interface.
var (
	Describe func() bindings.ResourceDescription
	List     func(
		cursor wit.Option[string], context bindings.CallContext,
	) wit.Result[bindings.ResourcePage, bindings.Error]
	Read func(
		uri string, context bindings.CallContext, resume wit.Option[bindings.Resumption],
	) wit.Result[bindings.ReadOutcome, bindings.Error]
)
