package fetch_test

import (
	"errors"
	"strings"
	"testing"

	"toolyard/fetch"
	"toolyard/toolyardtest"
)

// redirecting answers /N with a redirect of that status to where the query says, and tells of all else what was sent.
func redirecting(request *fetch.Request) (*fetch.Response, error) {
	path, to, _ := strings.Cut(strings.TrimPrefix(request.URL, "https://a.example/"), "?")
	if status := map[string]int{"303": 303, "307": 307}[path]; status != 0 {
		response := fetch.NewResponse(status, "")
		response.Header["Location"] = []string{to}
		return response, nil
	}
	names := ""
	for _, name := range []string{"authorization", "content-type", "x-own"} {
		if request.Header.Get(name) != "" {
			names += " " + name
		}
	}
	return fetch.NewResponse(200, request.Method+" "+request.URL+" "+string(request.Body)+names), nil
}

func TestRedirects(t *testing.T) {
	host := toolyardtest.New(t).HTTP(redirecting)
	check := func(url string, want string) {
		t.Helper()
		response, err := fetch.Do(host.Context(), fetch.Request{
			Method: "POST", URL: url, Body: []byte("body"), RedirectsMax: 2,
			Header: fetch.Header{"Authorization": {"x"}, "Content-Type": {"text/plain"}, "X-Own": {"y"}},
		})
		got := ""
		if err == nil {
			got, err = response.Text(1000)
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", url, got, want)
		}
	}
	check("https://a.example/", "POST https://a.example/ body authorization content-type x-own")
	check("https://a.example/307?/b", "POST https://a.example/b body authorization content-type x-own")
	check("https://a.example/303?/b", "GET https://a.example/b  authorization x-own")
	check("https://a.example/307?https://b.example/", "POST https://b.example/ body content-type x-own")
	check("https://a.example/307?/307?/307?/b", "there are more than 2 redirects")
	check("https://a.example/307?ftp://b.example/",
		"the server redirects to what is no address: `ftp://b.example/` does not begin with https:// or http://")
}

func TestWhatIsNoRequest(t *testing.T) {
	host := toolyardtest.New(t).HTTP(redirecting)
	for _, url := range []string{"", "a.example", "ftp://a.example/", "https://", "https://me@a.example/", "https://a.example/\x00"} {
		if _, err := fetch.Get(host.Context(), url); !errors.Is(err, fetch.ErrInvalidRequest) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := fetch.PostJSON(host.Context(), "https://a.example/", func() {}); !errors.Is(err, fetch.ErrInvalidRequest) {
		t.Error(err)
	}
}

func TestBodiesAreReadWithABound(t *testing.T) {
	if body, err := fetch.NewResponse(200, "12345").Bytes(5); err != nil || string(body) != "12345" {
		t.Error(body, err)
	}
	if _, err := fetch.NewResponse(200, "123456").Bytes(5); !errors.Is(err, fetch.ErrTooLarge) {
		t.Error(err)
	}
	if _, err := fetch.NewResponse(200, "\xff").Text(5); !errors.Is(err, fetch.ErrResponse) {
		t.Error(err)
	}
	var number int
	if err := fetch.NewResponse(200, `"x"`).JSON(5, &number); !errors.Is(err, fetch.ErrResponse) {
		t.Error(err)
	}
	var status *fetch.StatusError
	if err := fetch.NewResponse(404, "").Check(); !errors.As(err, &status) || status.Status != 404 {
		t.Error(err)
	}
}
