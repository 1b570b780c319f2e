package fetch

import (
	"encoding/json/v2"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// Response is the head of a response, and a body that is read with a bound.
type Response struct {
	// Status is such as 200.
	Status int
	Header Header
	// URL is where it came from: after redirects, the last place.
	URL string
	// Body is read by Bytes, Text and JSON, or as a stream.
	Body io.ReadCloser
}

// NewResponse is a response for a native test to give.
func NewResponse(status int, body string) *Response {
	return &Response{Status: status, Header: Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// OK says whether the status is 200 to 299.
func (r *Response) OK() bool {
	return r.Status >= 200 && r.Status < 300
}

// Check is a StatusError if the status is no success.
func (r *Response) Check() error {
	if r.OK() {
		return nil
	}
	return &StatusError{r.Status}
}

// Bytes is the body, and ErrTooLarge if it has more than bytesMax.
func (r *Response) Bytes(bytesMax int) ([]byte, error) {
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(bytesMax)+1))
	if err != nil {
		return nil, err
	}
	if len(body) > bytesMax {
		return nil, problem(ErrTooLarge, "the response is larger than %d bytes", bytesMax)
	}
	return body, nil
}

// Text is the body, which is UTF-8.
func (r *Response) Text(bytesMax int) (string, error) {
	body, err := r.Bytes(bytesMax)
	if err == nil && !utf8.Valid(body) {
		err = problem(ErrResponse, "the server's response cannot be used: it is not text in UTF-8")
	}
	return string(body), err
}

// JSON reads the body, which is JSON, into what target points to.
func (r *Response) JSON(bytesMax int, target any) error {
	body, err := r.Bytes(bytesMax)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, target); err != nil {
		var semantic *json.SemanticError
		if errors.As(err, &semantic) {
			return problem(ErrResponse, "the server's response is not what was expected: %w", err)
		}
		return problem(ErrResponse, "the server's response is not JSON: %w", err)
	}
	return nil
}

// location is where the server sends the client instead, empty if it does not.
func (r *Response) location() string {
	switch r.Status {
	case 301, 302, 303, 307, 308:
		return r.Header.Get("Location")
	}
	return ""
}
