//go:build !wasip1

// Package toolyardtest tests a plugin without a host: go test runs it natively, and what it tells the host is kept here.
//
//	host := toolyardtest.New(t).Config("region", "eu").KeyValue()
//	reply, err := host.Call("greet", `{"name": "Ada"}`)
//	// reply.Text is "Hello, Ada!"
//
// A host is a test's own, so that tests may run side by side. What a tool logs without the call's context (slog.Info rather than
// slog.InfoContext) goes to standard error instead.
package toolyardtest

import (
	"context"
	"encoding/json/v2"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"toolyard"
	"toolyard/fetch"
	"toolyard/internal/host"
)

func init() {
	slog.SetDefault(slog.New(toolyard.LogHandler{}))
}

// Host stands in for the operator, the client and its user. It grants nothing until it is said.
type Host struct {
	t       *testing.T
	granted *host.Granted
	answers map[string]string
	// As is what the plugin is told of the call: change what a test needs otherwise.
	As toolyard.Call
	// Asked are the questions that the plugin put, in all rounds.
	Asked []toolyard.InputRequest
}

// New is a host without tenants and authentication, whose client listens to progress and can be asked everything, with 30 seconds
// to go.
func New(t *testing.T) *Host {
	t.Helper()
	all := toolyard.CanForm | toolyard.CanURL | toolyard.CanSampling | toolyard.CanSamplingTools | toolyard.CanRoots
	return &Host{
		t: t, granted: &host.Granted{Config: map[string]string{}}, answers: map[string]string{},
		As: toolyard.Call{
			Tenant: "default", Subject: "anonymous", Client: toolyard.Client{Capabilities: all},
			DeadlineMS: uint64(time.Now().Add(30 * time.Second).UnixMilli()), Attempt: 1, IdempotencyKey: "test",
			WantsProgress: true,
		},
	}
}

// Config grants a setting, or a secret that the plugin may read.
func (h *Host) Config(key, value string) *Host {
	h.granted.Config[key] = value
	return h
}

// KeyValue grants a store, which is empty.
func (h *Host) KeyValue() *Host {
	h.granted.Store = map[string][]byte{}
	return h
}

// HTTP grants requests, which serve answers: with fetch.ErrDenied, for those that would not be granted.
func (h *Host) HTTP(serve func(*fetch.Request) (*fetch.Response, error)) *Host {
	h.granted.Serve = serve
	return h
}

// Answer is what is said to the question of this key: Accept, Decline, Cancel, Sampled or Roots. A question without an answer
// ends the test.
func (h *Host) Answer(key, answer string) *Host {
	h.answers[key] = answer
	return h
}

// Context is that of a call's first round, for functions that are tested by themselves.
func (h *Host) Context() *toolyard.Context {
	return h.resumed(nil, nil)
}

func (h *Host) resumed(responses map[string]string, state []byte) *toolyard.Context {
	return toolyard.NewContext(host.With(context.Background(), h.granted), h.As, responses, state)
}

// Reply is what a tool gave back.
type Reply struct {
	*toolyard.Result
	// JSON is Structured as the host gets it, empty where there is none.
	JSON string
	// Text is the text of all content.
	Text string
}

// Call calls a tool as the host would: with the answers, as often as it asks. The host holds arguments against the schema before;
// that is not done here.
func (h *Host) Call(tool, arguments string) (*Reply, error) {
	h.t.Helper()
	// The host asks before it calls: what it would refuse to load is no plugin to test.
	if _, err := toolyard.Registered().Tools(); err != nil {
		h.t.Fatal(err)
	}
	result, err := converse(h, func(ctx *toolyard.Context) (*toolyard.Result, error) {
		return toolyard.Registered().CallTool(ctx, tool, arguments)
	})
	if err != nil {
		return nil, err
	}
	reply := &Reply{Result: result}
	var texts []string
	for _, content := range result.Content {
		if text, ok := content.(toolyard.Text); ok {
			texts = append(texts, text.Text)
		}
	}
	reply.Text = strings.Join(texts, "\n")
	if result.Structured != nil {
		text, err := json.Marshal(result.Structured, json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		reply.JSON = string(text)
	}
	return reply, nil
}

// Read reads a resource.
func (h *Host) Read(uri string) ([]toolyard.Contents, error) {
	h.t.Helper()
	return converse(h, func(ctx *toolyard.Context) ([]toolyard.Contents, error) {
		return toolyard.Registered().ReadResource(ctx, uri)
	})
}

// List lists all resources, in all parts.
func (h *Host) List() ([]toolyard.ResourceInfo, error) {
	var all []toolyard.ResourceInfo
	for cursor, first := "", true; first || cursor != ""; first = false {
		page, err := toolyard.Registered().ListResources(h.Context(), cursor)
		if err != nil {
			return nil, err
		}
		all, cursor = append(all, page.Resources...), page.Next
	}
	return all, nil
}

// Prompt fills a prompt in.
func (h *Host) Prompt(name string, arguments map[string]string) (*toolyard.PromptResult, error) {
	h.t.Helper()
	return converse(h, func(ctx *toolyard.Context) (*toolyard.PromptResult, error) {
		return toolyard.Registered().GetPrompt(ctx, name, arguments)
	})
}

// Complete asks for suggestions.
func (h *Host) Complete(of toolyard.Reference, argument, value string) (toolyard.Completion, error) {
	return toolyard.Registered().Complete(h.Context(), of, argument, value, nil)
}

// Tool is the description of a tool. A tool that cannot be described ends the test.
func (h *Host) Tool(name string) toolyard.ToolInfo {
	h.t.Helper()
	tools, err := toolyard.Registered().Tools()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, tool := range tools {
		if tool.Name == name {
			return tool
		}
	}
	h.t.Fatalf("there is no tool `%s`", name)
	return toolyard.ToolInfo{}
}

// roundsMax is how often a plugin may ask, as the host has it.
const roundsMax = 32

func converse[T any](h *Host, call func(*toolyard.Context) (T, error)) (T, error) {
	h.t.Helper()
	out, err := call(h.Context())
	for range roundsMax {
		var need *toolyard.NeedInput
		if !errors.As(err, &need) {
			return out, err
		}
		h.Asked = append(h.Asked, need.Requests...)
		responses := map[string]string{}
		for _, request := range need.Requests {
			answer, found := h.answers[request.Key]
			if !found {
				h.t.Fatalf("the plugin asks for `%s`, and the test has no answer", request.Key)
			}
			responses[request.Key] = answer
		}
		out, err = call(h.resumed(responses, need.State))
	}
	return out, errors.New("the plugin asked for input more than 32 times")
}
