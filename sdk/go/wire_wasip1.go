package toolyard

import (
	"context"

	"toolyard/internal/bindings/toolyard_plugin_prompts"
	"toolyard/internal/bindings/toolyard_plugin_resources"
	"toolyard/internal/bindings/toolyard_plugin_tools"
	"toolyard/internal/bindings/toolyard_plugin_types"
	wit "toolyard/internal/wit/types"
)

// From this package's words to those of the generated bindings, and back.

func each[A, B any](items []A, convert func(A) B) []B {
	converted := make([]B, len(items))
	for i, item := range items {
		converted[i] = convert(item)
	}
	return converted
}

// optional is text that is not there where it is empty.
func optional(text string) wit.Option[string] {
	if text == "" {
		return wit.None[string]()
	}
	return wit.Some(text)
}

func optionalOf[T any](value *T) wit.Option[T] {
	if value == nil {
		return wit.None[T]()
	}
	return wit.Some(*value)
}

func mapOf(list pairs) map[string]string {
	values := make(map[string]string, len(list))
	for _, pair := range list {
		values[pair.F0] = pair.F1
	}
	return values
}

func contextOf(call callContext, resume resumption) *Context {
	own := Call{
		Tenant: call.Tenant, Subject: call.Subject, Scopes: call.Scopes, DeadlineMS: call.DeadlineMs, Attempt: call.Attempt,
		IdempotencyKey: call.IdempotencyKey, WantsProgress: call.WantsProgress, Meta: call.Meta.Or(""),
		Client: Client{
			Name: call.Client.Name.Or(""), Version: call.Client.Version.Or(""),
			// The same bits, in the order of the contract.
			Capabilities: Capabilities(call.Client.Capabilities),
		},
	}
	if !call.Trace.IsNone() {
		trace := call.Trace.Some()
		own.Trace = &Trace{trace.Traceparent, trace.Tracestate.Or(""), trace.Baggage.Or("")}
	}
	if resume.IsNone() {
		return NewContext(context.Background(), own, nil, nil)
	}
	return NewContext(context.Background(), own, mapOf(resume.Some().Responses), resume.Some().State)
}

func needToWire(need *NeedInput) toolyard_plugin_types.InputNeed {
	request := func(question InputRequest) wit.Tuple2[string, toolyard_plugin_types.InputRequest] {
		pair := wit.Tuple2[string, toolyard_plugin_types.InputRequest]{F0: question.Key}
		switch question.Kind {
		case "form":
			form := toolyard_plugin_types.FormRequest{Message: question.Message, Schema: question.JSON}
			pair.F1 = toolyard_plugin_types.MakeInputRequestForm(form)
		case "url":
			page := toolyard_plugin_types.UrlRequest{Message: question.Message, Url: question.URL}
			pair.F1 = toolyard_plugin_types.MakeInputRequestUrl(page)
		case "sampling":
			pair.F1 = toolyard_plugin_types.MakeInputRequestSampling(question.JSON)
		default:
			pair.F1 = toolyard_plugin_types.MakeInputRequestRoots()
		}
		return pair
	}
	return toolyard_plugin_types.InputNeed{Requests: each(need.Requests, request), State: need.State}
}

// metaToWire panics where a meta cannot be said in JSON, which is a mistake of the plugin's.
func metaToWire(meta Meta) wit.Option[string] {
	text, err := metaText(meta)
	if err != nil {
		panic(err)
	}
	return optional(text)
}

func iconToWire(icon Icon) toolyard_plugin_types.Icon {
	wire := toolyard_plugin_types.Icon{Src: icon.Src, MimeType: optional(icon.MimeType), Sizes: icon.Sizes}
	switch icon.Theme {
	case "light":
		wire.Theme = wit.Some(toolyard_plugin_types.IconThemeLight)
	case "dark":
		wire.Theme = wit.Some(toolyard_plugin_types.IconThemeDark)
	}
	return wire
}

func roleToWire(role Role) uint8 {
	if role == Assistant {
		return toolyard_plugin_types.RoleAssistant
	}
	return toolyard_plugin_types.RoleUser
}

func annotationsToWire(annotations *Annotations) wit.Option[toolyard_plugin_types.Annotations] {
	if annotations == nil {
		return wit.None[toolyard_plugin_types.Annotations]()
	}
	return wit.Some(toolyard_plugin_types.Annotations{
		Audience: each(annotations.Audience, roleToWire), Priority: optionalOf(annotations.Priority),
		LastModified: optional(annotations.LastModified),
	})
}

func contentToWire(content Content) toolyard_plugin_types.Content {
	switch piece := content.(type) {
	case Text:
		return toolyard_plugin_types.MakeContentText(toolyard_plugin_types.TextContent{
			Text: piece.Text, Annotations: annotationsToWire(piece.Annotations), Meta: metaToWire(piece.Meta),
		})
	case Image:
		return toolyard_plugin_types.MakeContentImage(toolyard_plugin_types.MediaContent{
			Data: piece.Data, MimeType: piece.MimeType,
			Annotations: annotationsToWire(piece.Annotations), Meta: metaToWire(piece.Meta),
		})
	case Audio:
		return toolyard_plugin_types.MakeContentAudio(toolyard_plugin_types.MediaContent{
			Data: piece.Data, MimeType: piece.MimeType,
			Annotations: annotationsToWire(piece.Annotations), Meta: metaToWire(piece.Meta),
		})
	case ResourceLink:
		return toolyard_plugin_types.MakeContentResourceLink(toolyard_plugin_types.ResourceLink{
			Uri: piece.URI, Name: piece.Name, Title: optional(piece.Title), Description: optional(piece.Description),
			MimeType: optional(piece.MimeType), Size: optionalOf(piece.Size), Icons: each(piece.Icons, iconToWire),
			Annotations: annotationsToWire(piece.Annotations), Meta: metaToWire(piece.Meta),
		})
	case Embedded:
		return toolyard_plugin_types.MakeContentResource(toolyard_plugin_types.EmbeddedResource{
			Contents:    contentsToWire(piece.Contents),
			Annotations: annotationsToWire(piece.Annotations), Meta: metaToWire(piece.Meta),
		})
	}
	panic("a piece of content is nil")
}

func contentsToWire(contents Contents) toolyard_plugin_types.ResourceContents {
	body := toolyard_plugin_types.MakeResourceBodyText(contents.Text)
	if contents.Blob != nil {
		body = toolyard_plugin_types.MakeResourceBodyBlob(contents.Blob)
	}
	return toolyard_plugin_types.ResourceContents{
		Uri: contents.URI, MimeType: optional(contents.MimeType), Body: body, Meta: metaToWire(contents.Meta),
	}
}

func resultToWire(result *Result) (wire toolyard_plugin_tools.ToolResult, err error) {
	if result == nil {
		return wire, Internalf("the tool gave back a nil *Result")
	}
	wire.Content = each(result.Content, contentToWire)
	wire.IsError, wire.Meta = result.IsError, metaToWire(result.Meta)
	if result.Structured != nil {
		text, err := jsonText(result.Structured)
		if err != nil {
			return wire, Internalf("the result cannot be said in JSON: %w", err)
		}
		wire.Structured = wit.Some(text)
	}
	return wire, nil
}

func toolToWire(info ToolInfo) toolyard_plugin_tools.Tool {
	tool := toolyard_plugin_tools.Tool{
		Name: info.Name, Title: optional(info.Title), Description: optional(info.Description),
		InputSchema: info.InputSchema, OutputSchema: optional(info.OutputSchema),
		Icons: each(info.Icons, iconToWire), LongRunning: info.LongRunning, Meta: metaToWire(info.Meta),
	}
	if hints := info.Hints; hints != (Hints{}) {
		tool.Annotations = wit.Some(toolyard_plugin_tools.ToolAnnotations{
			ReadOnly: optionalOf(hints.ReadOnly), Destructive: optionalOf(hints.Destructive),
			Idempotent: optionalOf(hints.Idempotent), OpenWorld: optionalOf(hints.OpenWorld),
		})
	}
	return tool
}

func templateToWire(info TemplateInfo) toolyard_plugin_resources.ResourceTemplate {
	return toolyard_plugin_resources.ResourceTemplate{
		UriTemplate: info.Template, Name: info.Name, Title: optional(info.Title), Description: optional(info.Description),
		MimeType: optional(info.MimeType), Icons: each(info.Icons, iconToWire),
		Annotations: annotationsToWire(info.Annotations), Meta: metaToWire(info.Meta),
	}
}

func resourceToWire(info ResourceInfo) toolyard_plugin_resources.Resource {
	return toolyard_plugin_resources.Resource{
		Uri: info.URI, Name: info.Name, Title: optional(info.Title), Description: optional(info.Description),
		MimeType: optional(info.MimeType), Size: optionalOf(info.Size), Icons: each(info.Icons, iconToWire),
		Annotations: annotationsToWire(info.Annotations), Meta: metaToWire(info.Meta),
	}
}

func promptToWire(info PromptInfo) toolyard_plugin_prompts.Prompt {
	argument := func(one PromptArgument) toolyard_plugin_prompts.PromptArgument {
		return toolyard_plugin_prompts.PromptArgument{
			Name: one.Name, Title: optional(one.Title), Description: optional(one.Description), Required: one.Required,
		}
	}
	return toolyard_plugin_prompts.Prompt{
		Name: info.Name, Title: optional(info.Title), Description: optional(info.Description),
		Arguments: each(info.Arguments, argument), Icons: each(info.Icons, iconToWire), Meta: metaToWire(info.Meta),
	}
}

func messageToWire(message Message) toolyard_plugin_prompts.PromptMessage {
	return toolyard_plugin_prompts.PromptMessage{Role: roleToWire(message.Role), Content: contentToWire(message.Content)}
}
