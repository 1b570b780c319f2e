// Package toolyard turns ordinary Go functions into tools, prompts and resources of a Toolyard plugin.
//
//	func init() {
//		toolyard.Tool("greet", "Greets somebody.", func(ctx *toolyard.Context, args Greeting) (string, error) {
//			return "Hello, " + args.Name + "!", nil
//		})
//	}
//
//	func main() {}
//
// The README has all of it on one page.
package toolyard

import "slices"

// Plugin is what was registered. Tests go through it as the host would; package toolyardtest makes that short.
type Plugin struct {
	tools      []tool
	resources  []resource
	listings   []func(*Context, string) (Page, error)
	prompts    []prompt
	completers []completer
}

// An instance serves one call and has one plugin, so that there is nothing to choose.
var registered Plugin

// Registered is the plugin that this program is.
func Registered() *Plugin {
	return &registered
}

// Tools are those that were registered, in that order. An error says what about one of them cannot be described.
func (p *Plugin) Tools() ([]ToolInfo, error) {
	var infos []ToolInfo
	for i := range p.tools {
		info, err := p.tools[i].info()
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// CallTool runs a tool with arguments that are an object of JSON. It does not hold them against the schema: the host does.
func (p *Plugin) CallTool(ctx *Context, name, arguments string) (*Result, error) {
	i := slices.IndexFunc(p.tools, func(t tool) bool { return t.name == name })
	if i < 0 {
		return nil, Internalf("the plugin has no tool `%s`", name)
	}
	return p.tools[i].run(ctx, arguments)
}
