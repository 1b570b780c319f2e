package toolyard

import (
	"context"
	"slices"
	"time"

	"toolyard/internal/host"
)

// Call is what a plugin is told about the call it serves.
type Call struct {
	// Tenant is whose plugin this is: default on a host without tenants.
	Tenant string
	// Subject is the caller, under a name that means nothing elsewhere.
	Subject string
	// Scopes are what the caller was granted.
	Scopes []string
	Client Client
	// DeadlineMS is when the host will stop this call, in milliseconds since 1970.
	DeadlineMS uint64
	// Attempt is 1 for the first run, one more for each time that the host runs the call again.
	Attempt uint32
	// IdempotencyKey is the same over all rounds and retries of one call. Hand it to services that take such a key.
	IdempotencyKey string
	// WantsProgress says whether anybody receives what Progress says.
	WantsProgress bool
	// Trace is where the call stands in a distributed trace; nil if it is in none.
	Trace *Trace
	// Meta is what the client put into the request's _meta: an object of JSON, empty if there was none.
	Meta string
}

// Client is who sent the call, by its own words: for messages, never for decisions about access.
type Client struct {
	// Name and Version are empty where the client did not say.
	Name, Version string
	Capabilities  Capabilities
}

// Capabilities are what a client can be asked for.
type Capabilities uint8

// What a client may be able to do.
const (
	CanForm Capabilities = 1 << iota
	CanURL
	CanSampling
	CanSamplingTools
	CanRoots
)

// Trace is a W3C trace context.
type Trace struct {
	Traceparent, Tracestate, Baggage string
}

// Context is the call that is being served. It is a context.Context with the call's deadline: hand it on.
type Context struct {
	context.Context
	Call
	rounds *rounds
}

// NewContext is for tests; package toolyardtest has shorter ways. responses and state are those of an earlier NeedInput.
func NewContext(parent context.Context, call Call, responses map[string]string, state []byte) *Context {
	// A deadline that no clock can say is as good as none.
	deadline := time.UnixMilli(int64(min(call.DeadlineMS, 1<<48)))
	timed, cancel := context.WithDeadline(parent, deadline)
	// Nobody else has a use for it: a call's instance ends with the call.
	context.AfterFunc(timed, cancel)
	return &Context{Context: timed, Call: call, rounds: newRounds(responses, state)}
}

// TimeLeft is how long this call may still take. Zero when its time is up.
func (c *Context) TimeLeft() time.Duration {
	deadline, _ := c.Deadline()
	return max(time.Until(deadline), 0)
}

// HasScope says whether the caller was granted a scope.
func (c *Context) HasScope(scope string) bool {
	return slices.Contains(c.Scopes, scope)
}

// ClientCan says whether the client can be asked for all of this.
func (c *Context) ClientCan(wanted Capabilities) bool {
	return c.Client.Capabilities&wanted == wanted
}

// Progress tells the caller that done of total is done, in a unit of your choosing, and what is going on now. With total 0,
// nobody knows how much there is to do. It never waits and never fails.
func (c *Context) Progress(done, total float64, message string) {
	if c.WantsProgress {
		host.Report(c, done, total, message)
	}
}

// ToolsChanged tells clients that asked for it to fetch the list of tools again.
func (c *Context) ToolsChanged() { host.ListChanged(c, host.Tools) }

// PromptsChanged tells clients that asked for it to fetch the list of prompts again.
func (c *Context) PromptsChanged() { host.ListChanged(c, host.Prompts) }

// ResourcesChanged tells clients that asked for it to fetch the list of resources again.
func (c *Context) ResourcesChanged() { host.ListChanged(c, host.Resources) }

// ResourceUpdated tells clients that subscribed to uri, which is one of this plugin's, to read it again.
func (c *Context) ResourceUpdated(uri string) { host.ResourceUpdated(c, uri) }
