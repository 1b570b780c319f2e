package toolyard

import (
	"slices"
	"strings"
)

// Completion is what may stand in an argument.
type Completion struct {
	// Values are the suggestions, the best ones first.
	Values []string
	// Total is how many there are in all; nil: not known.
	Total *uint32
	// HasMore says that there are more than these.
	HasMore bool
}

// Reference is what is being filled in: a prompt by its name, or a resource template.
type Reference struct {
	Prompt, Template string
}

type completer struct {
	of       Reference
	argument string
	complete Completer
}

// Completer suggests values that begin like value, given the arguments that are known already.
type Completer func(ctx *Context, value string, known map[string]string) (Completion, error)

// valuesMax: more are not passed on to clients.
const valuesMax = 100

// CompletePrompt registers suggestions for a prompt's argument.
func CompletePrompt(prompt, argument string, complete Completer) {
	registered.completers = append(registered.completers, completer{Reference{Prompt: prompt}, argument, complete})
}

// CompleteTemplate registers suggestions for a variable of a resource template.
func CompleteTemplate(template, variable string, complete Completer) {
	registered.completers = append(registered.completers, completer{Reference{Template: template}, variable, complete})
}

// Suggest makes a Completion of all there is: the first 100 of these, and how many there are.
func Suggest(values []string) Completion {
	total := uint32(len(values))
	shown := values[:min(len(values), valuesMax)]
	return Completion{shown, &total, len(values) > len(shown)}
}

// StartingWith makes a Completion of those candidates that begin with value, whatever their case.
func StartingWith(value string, candidates []string) Completion {
	var fitting []string
	for _, candidate := range candidates {
		if strings.HasPrefix(strings.ToLower(candidate), strings.ToLower(value)) {
			fitting = append(fitting, candidate)
		}
	}
	return Suggest(fitting)
}

// Complete suggests values of an argument. Nothing where the plugin has no suggestions for it.
func (p *Plugin) Complete(ctx *Context, of Reference, argument, value string, known map[string]string) (Completion, error) {
	i := slices.IndexFunc(p.completers, func(c completer) bool { return c.of == of && c.argument == argument })
	if i < 0 {
		return Suggest(nil), nil
	}
	return p.completers[i].complete(ctx, value, known)
}
