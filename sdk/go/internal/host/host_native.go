//go:build !wasip1

package host

import (
	"context"
	"fmt"
	"os"
	"sync"
)

// Granted is what a test grants, and what it was told.
type Granted struct {
	sync.Mutex
	Config map[string]string
	// Store holds the values by key; nil: not granted.
	Store map[string][]byte
	// Serve answers requests, in the words of package fetch; nil: not granted.
	Serve any

	Progress []Progress
	Logs     []Line
	Lists    []Listing
	Updated  []string
}

// Progress is one report.
type Progress struct {
	Done, Total float64
	Message     string
}

// Line is one line of the log.
type Line struct {
	Level   Level
	Where   string
	Message string
}

type key struct{}

// With makes a context in which this is granted. A test's grants travel in the context, so that tests can run side by side.
func With(parent context.Context, granted *Granted) context.Context {
	return context.WithValue(parent, key{}, granted)
}

// Of is what was granted; nothing where nobody said.
func Of(ctx context.Context) *Granted {
	if granted, ok := ctx.Value(key{}).(*Granted); ok {
		return granted
	}
	return &Granted{}
}

// Report notes progress.
func Report(ctx context.Context, done, total float64, message string) {
	granted := Of(ctx)
	granted.Lock()
	defer granted.Unlock()
	granted.Progress = append(granted.Progress, Progress{done, total, message})
}

// Log notes a line. One that was said without the call's context goes to standard error.
func Log(ctx context.Context, level Level, where, message string) {
	granted, ok := ctx.Value(key{}).(*Granted)
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: %s\n", where, message)
		return
	}
	granted.Lock()
	defer granted.Unlock()
	granted.Logs = append(granted.Logs, Line{level, where, message})
}

// ListChanged notes that a list is another one.
func ListChanged(ctx context.Context, what Listing) {
	granted := Of(ctx)
	granted.Lock()
	defer granted.Unlock()
	granted.Lists = append(granted.Lists, what)
}

// ResourceUpdated notes that a resource is another one.
func ResourceUpdated(ctx context.Context, uri string) {
	granted := Of(ctx)
	granted.Lock()
	defer granted.Unlock()
	granted.Updated = append(granted.Updated, uri)
}
