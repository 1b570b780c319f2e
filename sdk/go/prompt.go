package toolyard

import (
	"encoding/json/jsontext"
	"reflect"
	"slices"
)

type prompt struct {
	about
	arguments []PromptArgument
	get       func(ctx *Context, arguments map[string]string) (*PromptResult, error)
}

// PromptInfo is what the host learns of a prompt.
type PromptInfo struct {
	Name, Title, Description string
	Arguments                []PromptArgument
	Icons                    []Icon
	Meta                     Meta
}

// PromptArgument is one argument of a prompt.
type PromptArgument struct {
	Name, Title, Description string
	Required                 bool
}

// Message is one message of a prompt.
type Message struct {
	Role    Role
	Content Content
}

// PromptResult is all that a prompt can give back.
type PromptResult struct {
	Description string
	Messages    []Message
	Meta        Meta
}

// Prompt registers a function as a prompt. The fields of In, a struct, are its arguments, with the tags of a tool's; they are
// text, or numbers and bools, which are read from text. Out is string or Content, which the user then says, Message, []Message, or
// PromptResult.
func Prompt[In, Out any](name, description string, fill func(*Context, In) (Out, error), options ...Option) {
	t := reflect.TypeFor[In]()
	p := prompt{about: newAbout(ofPrompt, name, description, options), arguments: promptArguments(t)}
	p.get = func(ctx *Context, arguments map[string]string) (*PromptResult, error) {
		var in In
		if err := fillIn(&in, t, arguments); err != nil {
			return nil, err
		}
		out, err := fill(ctx, in)
		if err != nil {
			return nil, err
		}
		return promptResultOf(name, out)
	}
	registered.prompts = append(registered.prompts, p)
}

func promptArguments(t reflect.Type) []PromptArgument {
	var arguments []PromptArgument
	for f := range fieldsOf(t) {
		title, _ := f.keyword("title")
		arguments = append(arguments, PromptArgument{f.key, title, f.Tag.Get("doc"), f.required(true)})
	}
	return arguments
}

// fillIn makes a struct of arguments that are text.
func fillIn(in any, t reflect.Type, arguments map[string]string) error {
	if missing := defaults(t); missing != "" {
		if err := decode(missing, in); err != nil {
			return Internalf("a default: %w", err)
		}
	}
	object := &schema{}
	for f := range fieldsOf(t) {
		value, given := arguments[f.key]
		if !given {
			continue
		}
		json := quoted(value)
		if plain := deref(f.Type); plain.Kind() != reflect.String && jsontext.Value(value).IsValid() {
			// A number or a bool is said in JSON as it is in a prompt's arguments.
			json = value
		}
		object.set(f.key, json)
	}
	return decode(object.String(), in)
}

func promptResultOf(name string, out any) (*PromptResult, error) {
	switch out := out.(type) {
	case string:
		return &PromptResult{Messages: []Message{{User, Text{Text: out}}}}, nil
	case Content:
		return &PromptResult{Messages: []Message{{User, out}}}, nil
	case Message:
		return &PromptResult{Messages: []Message{out}}, nil
	case []Message:
		return &PromptResult{Messages: out}, nil
	case PromptResult:
		return &out, nil
	case *PromptResult:
		return out, nil
	}
	return nil, Internalf("the prompt %s gave back a %T: give back a string, Content, Message, []Message or PromptResult", name, out)
}

// Prompts are those that were registered, in that order.
func (p *Plugin) Prompts() []PromptInfo {
	var infos []PromptInfo
	for _, one := range p.prompts {
		infos = append(infos, PromptInfo{one.name, one.title, one.description, one.arguments, one.icons, one.meta})
	}
	return infos
}

// GetPrompt fills a prompt in.
func (p *Plugin) GetPrompt(ctx *Context, name string, arguments map[string]string) (*PromptResult, error) {
	i := slices.IndexFunc(p.prompts, func(one prompt) bool { return one.name == name })
	if i < 0 {
		return nil, Internalf("the plugin has no prompt `%s`", name)
	}
	return p.prompts[i].get(ctx, arguments)
}
