package fetch

import (
	"errors"
	"fmt"
)

// Why there is no response, for errors.Is. Each error is a plain sentence that may be shown to the caller's model.
var (
	// ErrInvalidRequest: the request is not one, or has a header that is not the plugin's to set.
	ErrInvalidRequest = errors.New("the request cannot be sent")
	// ErrDenied: it was not granted. The host's log says what is missing.
	ErrDenied = errors.New("this address may not be reached from here")
	// ErrDNS: the server's name leads nowhere.
	ErrDNS = errors.New("there is no server of that name")
	// ErrConnect: there is no connection to the server.
	ErrConnect = errors.New("the server cannot be reached")
	// ErrTLS: the connection cannot be trusted.
	ErrTLS = errors.New("no secure connection to the server can be made")
	// ErrTimeout: it took longer than it may.
	ErrTimeout = errors.New("the server took too long")
	// ErrTooLarge: the response has more bytes than were asked for, or than the host lets through.
	ErrTooLarge = errors.New("the response is too large")
	// ErrTooManyRedirects: there are more than RedirectsMax.
	ErrTooManyRedirects = errors.New("there are too many redirects")
	// ErrTooMany: too many requests are open, or were made.
	ErrTooMany = errors.New("too many requests; try again later")
	// ErrFailed: the host could not, or would not, go on.
	ErrFailed = errors.New("the request failed")
	// ErrResponse: the response broke off, or is not what it says it is.
	ErrResponse = errors.New("the server's response cannot be used")
)

// StatusError is a status that is no success.
type StatusError struct {
	Status int
}

// Error says which status it is.
func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answered with status %d", e.Status)
}

// detail is an error of a kind with a sentence of its own.
type detail struct {
	kind error
	said error
}

func (d *detail) Error() string   { return d.said.Error() }
func (d *detail) Unwrap() []error { return []error{d.kind, d.said} }
