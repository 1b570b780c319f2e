// Package nethttp lets net/http reach other servers the way package fetch does, for libraries that want an *http.Client.
//
//	client := &http.Client{Transport: nethttp.Transport{}}
//
// It has a price: net/http makes a component about 7 MB larger, and slower to load and to start. Package fetch is for all else.
package nethttp

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"toolyard/fetch"
)

// Transport is an http.RoundTripper over wasi:http. The client follows redirects itself, and the request's context says how long it
// may take; in native tests it also carries what is granted, so make requests with http.NewRequestWithContext.
type Transport struct {
	// Timeout is how long a request may take whose context does not end sooner. 0: 20 seconds.
	Timeout time.Duration
}

// RoundTrip sends one request.
func (t Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		defer request.Body.Close()
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, fmt.Errorf("the request's body cannot be read: %w", err)
		}
	}
	answer, err := fetch.Do(request.Context(), fetch.Request{
		Method: request.Method, URL: request.URL.String(), Header: fetch.Header(request.Header), Body: body, Timeout: t.Timeout,
	})
	if err != nil {
		return nil, err
	}
	response := &http.Response{
		Status: fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status)), StatusCode: answer.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: answer.Body, ContentLength: -1, Request: request,
	}
	for name, values := range answer.Header {
		for _, value := range values {
			response.Header.Add(name, value)
		}
	}
	return response, nil
}
