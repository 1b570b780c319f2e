package main

import (
	"testing"

	"toolyard/toolyardtest"
)

func TestSomebodyIsGreeted(t *testing.T) {
	reply, err := toolyardtest.New(t).Call("greet", `{"name": "Ada", "times": 2}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Hello, Ada! Hello, Ada!"; reply.Text != want {
		t.Errorf("%s, not %s", reply.Text, want)
	}
}
