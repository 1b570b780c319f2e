package fetch

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"toolyard/internal/bindings/wasi_clocks_monotonic_clock"
	"toolyard/internal/bindings/wasi_http_outgoing_handler"
	"toolyard/internal/bindings/wasi_http_types"
	"toolyard/internal/bindings/wasi_io_poll"
	"toolyard/internal/bindings/wasi_io_streams"
	"toolyard/internal/wit/runtime"
	wit "toolyard/internal/wit/types"
)

// writeBytesMax is what one write may hold, as wasi:io has it.
const writeBytesMax = 4096

// readBytesMax is how much is asked of the host at once.
const readBytesMax = 64 << 10

// exchange sends one request over wasi:http, and waits for the head of the response.
func exchange(_ context.Context, request *Request, target *url.URL, deadline time.Time) (*Response, error) {
	// What the host puts into memory from here on is copied.
	runtime.Begin()
	defer runtime.End()
	wire, err := head(request, target)
	if err != nil {
		return nil, err
	}
	var outgoing *wasi_http_types.OutgoingBody
	if len(request.Body) > 0 {
		outgoing = wire.Body().Ok()
	}
	options, err := limits(deadline)
	if err != nil {
		return nil, err
	}
	sent := wasi_http_outgoing_handler.Handle(wire, wit.Some(options))
	if sent.IsErr() {
		return nil, fromCode(sent.Err())
	}
	future := sent.Ok()
	defer future.Drop()
	if outgoing != nil {
		// If the server does not want it all, its response says why; if there is none, that is the error.
		_ = write(outgoing, request.Body, deadline)
		wasi_http_types.OutgoingBodyFinish(outgoing, wit.None[*wasi_http_types.Fields]())
	}
	incoming, err := await(future, deadline)
	if err != nil {
		return nil, err
	}
	defer incoming.Drop()
	response := &Response{Status: int(incoming.Status()), Header: Header{}}
	fields := incoming.Headers()
	defer fields.Drop()
	for _, entry := range fields.Entries() {
		name := strings.Clone(entry.F0)
		response.Header[name] = append(response.Header[name], string(entry.F1))
	}
	// It was not taken before: this is the first time.
	whole := incoming.Consume().Ok()
	response.Body = &body{whole: whole, stream: whole.Stream().Ok(), deadline: deadline}
	return response, nil
}

func head(request *Request, target *url.URL) (*wasi_http_types.OutgoingRequest, error) {
	fields := wasi_http_types.MakeFields()
	entries := Header{}
	for name, values := range request.Header {
		entries[name] = values
	}
	if len(request.Body) > 0 {
		entries["content-length"] = []string{strconv.Itoa(len(request.Body))}
	}
	for name, values := range entries {
		for _, value := range values {
			added := fields.Append(name, []byte(value))
			if !added.IsErr() {
				continue
			}
			if added.Err().Tag() == wasi_http_types.HeaderErrorInvalidSyntax {
				return nil, problem(ErrInvalidRequest, "the header %q is not well formed", name)
			}
			return nil, problem(ErrInvalidRequest, "the header `%s` is not the plugin's to set", name)
		}
	}
	wire := wasi_http_types.MakeOutgoingRequest(fields)
	scheme := wasi_http_types.MakeSchemeHttp()
	if target.Scheme == "https" {
		scheme = wasi_http_types.MakeSchemeHttps()
	}
	path := target.RequestURI()
	for _, set := range []struct {
		what   string
		result wit.Result[wit.Unit, wit.Unit]
	}{
		{"method", wire.SetMethod(method(request.Method))},
		{"scheme", wire.SetScheme(wit.Some(scheme))},
		{"server's name", wire.SetAuthority(wit.Some(target.Host))},
		{"path", wire.SetPathWithQuery(wit.Some(path))},
	} {
		if set.result.IsErr() {
			return nil, problem(ErrInvalidRequest, "the %s cannot be sent", set.what)
		}
	}
	return wire, nil
}

func method(name string) wasi_http_types.Method {
	switch name {
	case "GET":
		return wasi_http_types.MakeMethodGet()
	case "HEAD":
		return wasi_http_types.MakeMethodHead()
	case "POST":
		return wasi_http_types.MakeMethodPost()
	case "PUT":
		return wasi_http_types.MakeMethodPut()
	case "DELETE":
		return wasi_http_types.MakeMethodDelete()
	case "OPTIONS":
		return wasi_http_types.MakeMethodOptions()
	case "PATCH":
		return wasi_http_types.MakeMethodPatch()
	}
	return wasi_http_types.MakeMethodOther(name)
}

// limits tells the host, too, so that it gives up when nobody waits any more.
func limits(deadline time.Time) (*wasi_http_types.RequestOptions, error) {
	left, err := leftOf(deadline)
	if err != nil {
		return nil, err
	}
	options := wasi_http_types.MakeRequestOptions()
	// A host that does not know one of them is no reason not to ask: the deadline is kept here anyway.
	options.SetConnectTimeout(wit.Some(left))
	options.SetFirstByteTimeout(wit.Some(left))
	options.SetBetweenBytesTimeout(wit.Some(left))
	return options, nil
}

func write(outgoing *wasi_http_types.OutgoingBody, bytes []byte, deadline time.Time) error {
	stream := outgoing.Write().Ok()
	defer stream.Drop()
	for len(bytes) > 0 {
		room := stream.CheckWrite()
		if room.IsErr() {
			return ErrConnect
		}
		if room.Ok() == 0 {
			if err := until(stream.Subscribe(), deadline); err != nil {
				return err
			}
			continue
		}
		now := min(len(bytes), int(min(room.Ok(), writeBytesMax)))
		if stream.Write(bytes[:now]).IsErr() {
			return ErrConnect
		}
		bytes = bytes[now:]
	}
	if stream.Flush().IsErr() {
		return ErrConnect
	}
	return nil
}

func await(future *wasi_http_types.FutureIncomingResponse, deadline time.Time) (*wasi_http_types.IncomingResponse, error) {
	for {
		if got := future.Get(); !got.IsNone() {
			// Once: it was not taken before.
			response := got.Some().Ok()
			if response.IsErr() {
				return nil, fromCode(response.Err())
			}
			return response.Ok(), nil
		}
		if err := until(future.Subscribe(), deadline); err != nil {
			return nil, err
		}
	}
}

// body arrives while it is read. The stream is let go before what it is part of.
type body struct {
	whole    *wasi_http_types.IncomingBody
	stream   *wasi_io_streams.InputStream
	deadline time.Time
}

func (b *body) Read(into []byte) (int, error) {
	for len(into) > 0 {
		n, err := b.chunk(into)
		if n > 0 || err != nil {
			return n, err
		}
		if err := until(b.stream.Subscribe(), b.deadline); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// chunk reads what is there by now.
func (b *body) chunk(into []byte) (int, error) {
	runtime.Begin()
	defer runtime.End()
	read := b.stream.Read(uint64(min(len(into), readBytesMax)))
	if read.IsErr() {
		return 0, b.ended(read.Err())
	}
	return copy(into, read.Ok()), nil
}

func (b *body) Close() error {
	b.stream.Drop()
	b.whole.Drop()
	return nil
}

func (b *body) ended(reason wasi_io_streams.StreamError) error {
	if reason.Tag() == wasi_io_streams.StreamErrorClosed {
		return io.EOF
	}
	failure := reason.LastOperationFailed()
	defer failure.Drop()
	if code := wasi_http_types.HttpErrorCode(failure); !code.IsNone() {
		return fromCode(code.Some())
	}
	return unusable("it broke off")
}

// until waits for ready, or until it is too late.
func until(ready *wasi_io_poll.Pollable, deadline time.Time) error {
	runtime.Begin()
	defer runtime.End()
	defer ready.Drop()
	left, err := leftOf(deadline)
	if err != nil {
		return err
	}
	late := wasi_clocks_monotonic_clock.SubscribeDuration(left)
	defer late.Drop()
	if !slices.Contains(wasi_io_poll.Poll([]*wasi_io_poll.Pollable{ready, late}), 0) {
		return ErrTimeout
	}
	return nil
}

func leftOf(deadline time.Time) (uint64, error) {
	left := time.Until(deadline)
	if left <= 0 {
		return 0, ErrTimeout
	}
	return uint64(left), nil
}

func unusable(reason string) error {
	return problem(ErrResponse, "the server's response cannot be used: %s", reason)
}

func fromCode(code wasi_http_types.ErrorCode) error {
	switch code.Tag() {
	case wasi_http_types.ErrorCodeHttpRequestDenied, wasi_http_types.ErrorCodeDestinationIpProhibited:
		return ErrDenied
	case wasi_http_types.ErrorCodeDnsError, wasi_http_types.ErrorCodeDestinationNotFound:
		return ErrDNS
	case wasi_http_types.ErrorCodeDnsTimeout, wasi_http_types.ErrorCodeConnectionTimeout,
		wasi_http_types.ErrorCodeConnectionReadTimeout, wasi_http_types.ErrorCodeConnectionWriteTimeout,
		wasi_http_types.ErrorCodeHttpResponseTimeout:
		return ErrTimeout
	case wasi_http_types.ErrorCodeDestinationUnavailable, wasi_http_types.ErrorCodeDestinationIpUnroutable,
		wasi_http_types.ErrorCodeConnectionRefused, wasi_http_types.ErrorCodeConnectionTerminated:
		return ErrConnect
	case wasi_http_types.ErrorCodeConnectionLimitReached:
		return ErrTooMany
	case wasi_http_types.ErrorCodeTlsProtocolError, wasi_http_types.ErrorCodeTlsCertificateError,
		wasi_http_types.ErrorCodeTlsAlertReceived:
		return ErrTLS
	case wasi_http_types.ErrorCodeHttpResponseBodySize:
		if max := code.HttpResponseBodySize(); !max.IsNone() {
			return problem(ErrTooLarge, "the response is larger than %d bytes", max.Some())
		}
		return ErrTooLarge
	}
	return fromRareCode(code)
}

func fromRareCode(code wasi_http_types.ErrorCode) error {
	switch code.Tag() {
	case wasi_http_types.ErrorCodeHttpResponseHeaderSectionSize, wasi_http_types.ErrorCodeHttpResponseHeaderSize:
		return unusable("its headers are too large")
	case wasi_http_types.ErrorCodeHttpResponseIncomplete:
		return unusable("it broke off")
	case wasi_http_types.ErrorCodeHttpProtocolError:
		return unusable("it is not HTTP")
	case wasi_http_types.ErrorCodeHttpRequestMethodInvalid:
		return problem(ErrInvalidRequest, "the method cannot be sent")
	case wasi_http_types.ErrorCodeHttpRequestUriInvalid, wasi_http_types.ErrorCodeHttpRequestUriTooLong:
		return problem(ErrInvalidRequest, "the address cannot be asked for")
	case wasi_http_types.ErrorCodeHttpRequestBodySize, wasi_http_types.ErrorCodeHttpRequestHeaderSectionSize,
		wasi_http_types.ErrorCodeHttpRequestHeaderSize:
		return problem(ErrInvalidRequest, "the request is too large")
	case wasi_http_types.ErrorCodeInternalError:
		if reason := code.InternalError(); !reason.IsNone() {
			return fmt.Errorf("%w: %s", ErrFailed, reason.Some())
		}
	}
	return unusable("it cannot be read")
}
