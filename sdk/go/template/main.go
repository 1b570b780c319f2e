// The plugin {{name}}: the functions that init registers are its tools.
package main

import (
	"log/slog"
	"slices"
	"strings"

	"toolyard"
)

func init() {
	toolyard.Tool("greet", "Greets somebody.", greet, toolyard.ReadOnly(), toolyard.Idempotent(), toolyard.OpenWorld(false))
}

func main() {}

// Greeting is what greet takes: one argument for each field.
type Greeting struct {
	Name  string `json:"name" doc:"Whom to greet." jsonschema:"minLength=1"`
	Times int    `json:"times" doc:"How many times." jsonschema:"minimum=1,maximum=10,default=1"`
}

func greet(ctx *toolyard.Context, args Greeting) (string, error) {
	slog.InfoContext(ctx, "greeting "+args.Name)
	return strings.Join(slices.Repeat([]string{"Hello, " + args.Name + "!"}, args.Times), " "), nil
}
