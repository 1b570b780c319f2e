package main

import (
	"testing"

	"toolyard/toolyardtest"
)

func TestGreet(t *testing.T) {
	reply, err := toolyardtest.New(t).Call("greet", `{"name": "Ada", "times": 2}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"lines":["Hello, Ada!","Hello, Ada!"]}`; reply.JSON != want {
		t.Errorf("%s, not %s", reply.JSON, want)
	}
}
