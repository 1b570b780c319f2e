package toolyard

import (
	"reflect"
)

// tool is one tool as it was registered. Its schemas are made when the host asks for them, and not in each call.
type tool struct {
	about
	input reflect.Type
	run   func(ctx *Context, arguments string) (*Result, error)
}

// ToolInfo is what the host learns of a tool.
type ToolInfo struct {
	Name, Title, Description string
	// InputSchema is JSON, and so is OutputSchema, which is empty where there is none.
	InputSchema, OutputSchema string
	Hints                     Hints
	Icons                     []Icon
	LongRunning               bool
	Meta                      Meta
}

// Tool registers a function as a tool. Call it in an init function.
//
// The fields of In, a struct, are the arguments: the tag json names one, doc describes it, and jsonschema says what it may be
// (see the README). A pointer, omitempty or a default make it one that may be left out.
//
// Out says what the tool gives back: string is text; Content, one of its types, or []Content is content; Result is everything;
// struct{} is nothing; and any other type is data, with its JSON Schema as the tool's output schema.
func Tool[In, Out any](name, description string, run func(*Context, In) (Out, error), options ...Option) {
	t := tool{about: newAbout(ofTool, name, description, options), input: reflect.TypeFor[In]()}
	if t.output == nil && isData[Out]() {
		t.output = outputSchema[Out]
	}
	t.run = func(ctx *Context, arguments string) (*Result, error) {
		var in In
		if missing := defaults(t.input); missing != "" {
			if err := decode(missing, &in); err != nil {
				return nil, Internalf("a default: %w", err)
			}
		}
		if err := decode(arguments, &in); err != nil {
			return nil, err
		}
		out, err := run(ctx, in)
		if err != nil {
			return nil, err
		}
		return resultOf(out), nil
	}
	registered.tools = append(registered.tools, t)
}

// isData says whether a type is neither text nor content, but something with a schema.
func isData[Out any]() bool {
	var out Out
	switch any(&out).(type) {
	case *string, *Content, *[]Content, *Result, **Result, *struct{}:
		return false
	}
	_, isContent := any(out).(Content)
	return !isContent
}

func resultOf(out any) *Result {
	switch out := out.(type) {
	case string:
		return &Result{Content: []Content{Text{Text: out}}}
	case Content:
		return &Result{Content: []Content{out}}
	case []Content:
		return &Result{Content: out}
	case Result:
		return &out
	case *Result:
		return out
	case struct{}:
		return &Result{}
	}
	return &Result{Structured: out}
}

func (t *tool) info() (ToolInfo, error) {
	info := ToolInfo{
		Name: t.name, Title: t.title, Description: t.description,
		Hints: t.hints, Icons: t.icons, LongRunning: t.longRunning, Meta: t.meta,
	}
	input, err := inputSchema(t.input)
	if err != nil {
		return info, Internalf("the tool %s: %w", t.name, err)
	}
	info.InputSchema = input.String()
	if t.output == nil {
		return info, nil
	}
	output, err := t.output()
	if err != nil {
		return info, Internalf("the result of the tool %s: %w", t.name, err)
	}
	if output != nil {
		info.OutputSchema = output.String()
	}
	return info, nil
}
