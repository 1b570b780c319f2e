// The plugin {{name}}: the functions that init registers are its tools.
package main

import "toolyard"

func init() {
	toolyard.Tool("greet", "Greets somebody.", greet, toolyard.ReadOnly())
}

func main() {}

// Greeting is what greet takes: one argument for each field.
type Greeting struct {
	Name  string `json:"name" doc:"Who is greeted." jsonschema:"minLength=1"`
	Times int    `json:"times" doc:"How often." jsonschema:"minimum=1,maximum=10,default=1"`
}

// Greeted is what it gives back.
type Greeted struct {
	Lines []string `json:"lines" doc:"A greeting each."`
}

func greet(_ *toolyard.Context, args Greeting) (Greeted, error) {
	var greeted Greeted
	for range args.Times {
		greeted.Lines = append(greeted.Lines, "Hello, "+args.Name+"!")
	}
	return greeted, nil
}
