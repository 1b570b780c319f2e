// Package host is the border to the host: the contract's imports in a component, what a test grants in a native test.
package host

// Level is how serious a log line is, in the contract's words.
type Level uint8

// The levels of wasi:logging.
const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
	Critical
)

// Listing is a list that clients know.
type Listing uint8

// The lists of the contract's changes.
const (
	Tools Listing = iota
	Prompts
	Resources
)
