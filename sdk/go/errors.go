package toolyard

import (
	"errors"
	"fmt"
	"time"
)

// ErrorKind says why a call gave no result.
type ErrorKind int

// The kinds of errors that the host knows.
const (
	// KindFailed: it did not work.
	KindFailed ErrorKind = iota
	// KindInvalidArguments: the arguments are not usable.
	KindInvalidArguments
	// KindDenied: the caller may not do this.
	KindDenied
	// KindRetryable: it did not work now and had no effect.
	KindRetryable
	// KindInternal: the plugin is at fault. The caller's program gets a protocol error, and its model reads nothing.
	KindInternal
)

// Error is an error of a kind. Any other error that a function returns is KindFailed, with its own words.
type Error struct {
	Kind    ErrorKind
	Message string
	// After is how long to wait before the call is run again, for KindRetryable. 0: the host decides.
	After time.Duration
	cause error
}

// Error gives the message, which is for the caller's model.
func (e *Error) Error() string { return e.Message }

// Unwrap gives what was formatted with %w.
func (e *Error) Unwrap() error { return e.cause }

// ErrNotFound is what a resource returns where there is nothing by that URI.
var ErrNotFound = errors.New("there is nothing by that name")

// Failedf says that it did not work, why, and what to do about it.
func Failedf(format string, args ...any) error {
	return newError(KindFailed, fmt.Errorf(format, args...))
}

// InvalidArgumentsf says which argument is not usable, and what would be.
func InvalidArgumentsf(format string, args ...any) error {
	return newError(KindInvalidArguments, fmt.Errorf(format, args...))
}

// Deniedf says that the caller may not do this.
func Deniedf(format string, args ...any) error {
	return newError(KindDenied, fmt.Errorf(format, args...))
}

// Retryablef says that it did not work now and had no effect: running it again is safe and may help. With after 0, the host
// decides when.
func Retryablef(after time.Duration, format string, args ...any) error {
	e := newError(KindRetryable, fmt.Errorf(format, args...))
	e.After = after
	return e
}

// Internalf says that the plugin itself is at fault.
func Internalf(format string, args ...any) error {
	return newError(KindInternal, fmt.Errorf(format, args...))
}

func newError(kind ErrorKind, formatted error) *Error {
	return &Error{Kind: kind, Message: formatted.Error(), cause: errors.Unwrap(formatted)}
}

// NeedInput is the error of a function that cannot go on without an answer: what Ask returns for the host to see. Pass it on.
type NeedInput struct {
	Requests []InputRequest
	// State is what the next round gets back.
	State []byte
}

// Error says that it is no failure.
func (*NeedInput) Error() string { return "more input is needed" }

// InputRequest is one question.
type InputRequest struct {
	Key string
	// Kind is "form", "url", "sampling" or "roots".
	Kind string
	// Message is shown to the user, for a form or a url.
	Message string
	// URL is the page to open.
	URL string
	// JSON is a form's schema, or the params of a sampling request.
	JSON string
}

// asError brings any error into the host's kinds.
func asError(err error) *Error {
	var own *Error
	var need *NeedInput
	switch {
	case errors.As(err, &need):
		return &Error{Kind: KindInternal, Message: "lists and suggestions cannot ask for input"}
	case errors.As(err, &own):
		// What was said around it counts, too.
		return &Error{Kind: own.Kind, Message: err.Error(), After: own.After}
	default:
		return &Error{Kind: KindFailed, Message: err.Error()}
	}
}
