package toolyard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"toolyard/internal/bindings/toolyard_plugin_completions"
	"toolyard/internal/bindings/toolyard_plugin_prompts"
	"toolyard/internal/bindings/toolyard_plugin_resources"
	"toolyard/internal/bindings/toolyard_plugin_tools"
	"toolyard/internal/bindings/toolyard_plugin_types"
	// The functions that the host calls.
	_ "toolyard/internal/bindings/wit_exports"
	"toolyard/internal/exports/export_toolyard_plugin_completions"
	"toolyard/internal/exports/export_toolyard_plugin_prompts"
	"toolyard/internal/exports/export_toolyard_plugin_resources"
	"toolyard/internal/exports/export_toolyard_plugin_tools"
	"toolyard/internal/host"
	wit "toolyard/internal/wit/types"
)

// Short names for what the host is told.
type (
	callContext = toolyard_plugin_types.CallContext
	resumption  = wit.Option[toolyard_plugin_types.Resumption]
	wireError   = toolyard_plugin_types.Error
	pairs       = []wit.Tuple2[string, string]
)

func init() {
	slog.SetDefault(slog.New(LogHandler{}))
	export_toolyard_plugin_tools.Describe = describeTools
	export_toolyard_plugin_tools.Call = callTool
	export_toolyard_plugin_resources.Describe = describeResources
	export_toolyard_plugin_resources.List = listResources
	export_toolyard_plugin_resources.Read = readResource
	export_toolyard_plugin_prompts.Describe = describePrompts
	export_toolyard_plugin_prompts.Get = getPrompt
	export_toolyard_plugin_completions.Complete = complete
}

// served runs one call. A panic is the plugin's fault, and its stack is for the log alone.
func served[T any](call func() (T, error)) (result wit.Result[T, wireError]) {
	defer func() {
		if reason := recover(); reason != nil {
			message := fmt.Sprintf("panic: %v\n\n%s", reason, debug.Stack())
			host.Log(context.Background(), host.Error, "panic", message)
			result = wit.Err[T](toolyard_plugin_types.MakeErrorInternal("the plugin failed inside; the host's log says where"))
		}
	}()
	out, err := call()
	if err != nil {
		return wit.Err[T](errorToWire(asError(err)))
	}
	return wit.Ok[T, wireError](out)
}

func errorToWire(err *Error) wireError {
	switch err.Kind {
	case KindInvalidArguments:
		return toolyard_plugin_types.MakeErrorInvalidArguments(err.Message)
	case KindDenied:
		return toolyard_plugin_types.MakeErrorDenied(err.Message)
	case KindRetryable:
		hint := toolyard_plugin_types.RetryHint{Message: err.Message}
		if err.After > 0 {
			hint.AfterMs = wit.Some(uint64(err.After.Milliseconds()))
		}
		return toolyard_plugin_types.MakeErrorRetryable(hint)
	case KindInternal:
		return toolyard_plugin_types.MakeErrorInternal(err.Message)
	}
	return toolyard_plugin_types.MakeErrorFailed(err.Message)
}

// needOf takes a question out of an error, however deep it is in it.
func needOf(err error) (*toolyard_plugin_types.InputNeed, bool) {
	var need *NeedInput
	if !errors.As(err, &need) {
		return nil, false
	}
	wire := needToWire(need)
	return &wire, true
}

func describeTools() []toolyard_plugin_tools.Tool {
	infos, err := registered.Tools()
	if err != nil {
		// A description has no error to give: the host refuses a plugin that fails at it, and its log says why.
		host.Log(context.Background(), host.Error, "", err.Error())
		panic(err)
	}
	return each(infos, toolToWire)
}

func callTool(name, arguments string, call callContext, resume resumption) wit.Result[toolyard_plugin_tools.Outcome, wireError] {
	return served(func() (outcome toolyard_plugin_tools.Outcome, err error) {
		result, err := registered.CallTool(contextOf(call, resume), name, arguments)
		if need, found := needOf(err); found {
			return toolyard_plugin_tools.MakeOutcomeNeedInput(*need), nil
		}
		if err != nil {
			return outcome, err
		}
		wire, err := resultToWire(result)
		return toolyard_plugin_tools.MakeOutcomeComplete(wire), err
	})
}

func describeResources() toolyard_plugin_resources.ResourceDescription {
	prefixes, templates := registered.Resources()
	return toolyard_plugin_resources.ResourceDescription{Prefixes: prefixes, Templates: each(templates, templateToWire)}
}

func listResources(
	cursor wit.Option[string], call callContext,
) wit.Result[toolyard_plugin_resources.ResourcePage, wireError] {
	return served(func() (wire toolyard_plugin_resources.ResourcePage, err error) {
		page, err := registered.ListResources(contextOf(call, resumption{}), cursor.Or(""))
		wire.Resources, wire.Next = each(page.Resources, resourceToWire), optional(page.Next)
		return wire, err
	})
}

func readResource(uri string, call callContext, resume resumption) wit.Result[toolyard_plugin_resources.ReadOutcome, wireError] {
	return served(func() (outcome toolyard_plugin_resources.ReadOutcome, err error) {
		contents, err := registered.ReadResource(contextOf(call, resume), uri)
		if need, found := needOf(err); found {
			return toolyard_plugin_resources.MakeReadOutcomeNeedInput(*need), nil
		}
		if errors.Is(err, ErrNotFound) || err == nil && len(contents) == 0 {
			return toolyard_plugin_resources.MakeReadOutcomeNotFound(), nil
		}
		return toolyard_plugin_resources.MakeReadOutcomeComplete(each(contents, contentsToWire)), err
	})
}

func describePrompts() []toolyard_plugin_prompts.Prompt {
	return each(registered.Prompts(), promptToWire)
}

func getPrompt(
	name string, arguments pairs, call callContext, resume resumption,
) wit.Result[toolyard_plugin_prompts.PromptOutcome, wireError] {
	return served(func() (outcome toolyard_plugin_prompts.PromptOutcome, err error) {
		result, err := registered.GetPrompt(contextOf(call, resume), name, mapOf(arguments))
		if need, found := needOf(err); found {
			return toolyard_plugin_prompts.MakePromptOutcomeNeedInput(*need), nil
		}
		if err != nil {
			return outcome, err
		}
		return toolyard_plugin_prompts.MakePromptOutcomeComplete(toolyard_plugin_prompts.PromptResult{
			Description: optional(result.Description), Messages: each(result.Messages, messageToWire), Meta: metaToWire(result.Meta),
		}), nil
	})
}

func complete(
	reference toolyard_plugin_completions.Reference, argument, value string, known pairs, call callContext,
) wit.Result[toolyard_plugin_completions.Completion, wireError] {
	return served(func() (toolyard_plugin_completions.Completion, error) {
		var of Reference
		if reference.Tag() == toolyard_plugin_completions.ReferencePrompt {
			of.Prompt = reference.Prompt()
		} else {
			of.Template = reference.ResourceTemplate()
		}
		found, err := registered.Complete(contextOf(call, resumption{}), of, argument, value, mapOf(known))
		return toolyard_plugin_completions.Completion{
			Values: found.Values, Total: optionalOf(found.Total), HasMore: found.HasMore,
		}, err
	})
}
