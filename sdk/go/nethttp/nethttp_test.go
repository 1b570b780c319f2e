package nethttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"toolyard/fetch"
	"toolyard/nethttp"
	"toolyard/toolyardtest"
)

func TestAClientOfNetHTTP(t *testing.T) {
	host := toolyardtest.New(t).HTTP(func(request *fetch.Request) (*fetch.Response, error) {
		if strings.HasSuffix(request.URL, "/old") {
			response := fetch.NewResponse(307, "")
			response.Header["location"] = []string{"/new"}
			return response, nil
		}
		return fetch.NewResponse(200, request.Method+" "+request.URL+" "+string(request.Body)+request.Header.Get("x-a")), nil
	})
	request, err := http.NewRequestWithContext(host.Context(), "POST", "https://a.example/old", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-A", "!")
	client := &http.Client{Transport: nethttp.Transport{}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 || string(body) != "POST https://a.example/new body!" {
		t.Error(string(body), err)
	}
}
