// Package fetch sends requests to other servers: a small client over wasi:http that waits for its answers.
//
// It reaches what the operator granted in [[plugin.NAME.grants.http]], and nothing else. Secrets for other services need not be
// with the plugin: the operator can have the host add them to requests on their way out.
//
// It is small because net/http is not: that would add 7 MB to a component. Who needs it all the same finds a transport for it
// in toolyard/nethttp.
package fetch

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// timeout is how long a request may take that says nothing else: less than the host usually gives a call, so that the plugin
// gets to say what happened.
const timeout = 20 * time.Second

// Request is a request that is not sent yet.
type Request struct {
	// Method is GET where it is empty.
	Method string
	URL    string
	// Header goes along. Host, and what belongs to the connection, is for the host to set.
	Header Header
	Body   []byte
	// Timeout is how long all of it may take, redirects and reading the body included. 0: 20 seconds. The context's deadline holds too.
	Timeout time.Duration
	// RedirectsMax is how many redirects are followed: none, unless it says so. Each place is held against what is granted, and another
	// server is not sent this one's credentials.
	RedirectsMax int
}

// Header is what goes along with a request or a response. Names are the same however they are capitalized.
type Header map[string][]string

// Get is the first value of a name, empty where there is none.
func (h Header) Get(name string) string {
	for other, values := range h {
		if strings.EqualFold(name, other) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// Get sends a GET request.
func Get(ctx context.Context, url string) (*Response, error) {
	return Do(ctx, Request{URL: url})
}

// PostJSON sends a value as JSON.
func PostJSON(ctx context.Context, url string, value any) (*Response, error) {
	body, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return nil, problem(ErrInvalidRequest, "the body cannot be said in JSON: %w", err)
	}
	return Do(ctx, Request{
		Method: "POST", URL: url, Body: body, Header: Header{"Content-Type": {"application/json"}},
	})
}

// Do sends a request, and waits for the head of the response. A status such as 404 is a response, too: Response.Check makes an
// error of it.
func Do(ctx context.Context, request Request) (*Response, error) {
	if request.Method == "" {
		request.Method = "GET"
	}
	if request.Timeout == 0 {
		request.Timeout = timeout
	}
	deadline := time.Now().Add(request.Timeout)
	if until, ok := ctx.Deadline(); ok && until.Before(deadline) {
		deadline = until
	}
	target, err := parse(request.URL)
	for left := request.RedirectsMax; err == nil; left-- {
		var response *Response
		if response, err = exchange(ctx, &request, target, deadline); err != nil {
			break
		}
		response.URL = target.String()
		location := response.location()
		if location == "" || request.RedirectsMax == 0 {
			return response, nil
		}
		response.Body.Close()
		if left == 0 {
			return nil, problem(ErrTooManyRedirects, "there are more than %d redirects", request.RedirectsMax)
		}
		target, err = redirect(&request, response.Status, target, location)
	}
	return nil, err
}

func parse(text string) (*url.URL, error) {
	target, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, problem(ErrInvalidRequest, "`%s` is no address", text)
	case target.Scheme != "http" && target.Scheme != "https":
		return nil, problem(ErrInvalidRequest, "`%s` does not begin with https:// or http://", text)
	case target.Hostname() == "":
		return nil, problem(ErrInvalidRequest, "`%s` names no server", text)
	case target.User != nil:
		return nil, problem(ErrInvalidRequest, "the address holds a user's name: send it in the header Authorization")
	}
	return target, nil
}

// redirect follows RFC 9110, section 15.4.
func redirect(request *Request, status int, from *url.URL, location string) (*url.URL, error) {
	relative, err := url.Parse(location)
	if err != nil {
		return nil, problem(ErrResponse, "the server redirects to what is no address: `%s`", location)
	}
	to, err := parse(from.ResolveReference(relative).String())
	if err != nil {
		return nil, problem(ErrResponse, "the server redirects to what is no address: %w", err)
	}
	kept := Header{}
	for name, values := range request.Header {
		if from.Scheme == to.Scheme && from.Host == to.Host || !isCredential(name) {
			kept[name] = values
		}
	}
	// 307 and 308 say: the same again. The others mean that what was posted arrived, and the answer is elsewhere.
	if status != 307 && status != 308 && request.Method != "GET" && request.Method != "HEAD" {
		request.Method, request.Body = "GET", nil
		for name := range kept {
			if strings.HasPrefix(strings.ToLower(name), "content-") {
				delete(kept, name)
			}
		}
	}
	request.Header = kept
	return to, nil
}

// isCredential is about headers that are meant for the server they were written for.
func isCredential(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "cookie", "cookie2", "proxy-authorization":
		return true
	}
	return false
}

// problem is an error of one of the kinds below, in a sentence of its own.
func problem(kind error, format string, args ...any) error {
	return &detail{kind, fmt.Errorf(format, args...)}
}
