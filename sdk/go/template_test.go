package toolyard

import (
	"maps"
	"slices"
	"testing"
)

func TestTemplatesAreReadBackwards(t *testing.T) {
	check := func(text, uri string, want map[string]string) {
		t.Helper()
		parsed, err := parseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		got, fits := parsed.match(uri)
		if fits != (want != nil) || fits && !maps.Equal(got, want) {
			t.Errorf("%s, %s: %v %v", text, uri, got, fits)
		}
	}
	type vars = map[string]string
	check("t://{id}/data", "t://123/data", vars{"id": "123"})
	check("t://{id}/data", "t://a%2Fb%c3%A9é/data", vars{"id": "a/béé"})
	for _, wrong := range []string{"t:///data", "t://a/b/data", "t://a/dat", "t://a/data/", "t://%2/data", "t://%ff/data"} {
		check("t://{id}/data", wrong, nil)
	}
	check("t://{name}.{ending}", "t://a.b.c", vars{"name": "a", "ending": "b.c"})
	check("t://{+path}", "t://a/b?c#d", vars{"path": "a/b?c#d"})
	check("t://{+path}", "t://", nil)
	check("t://{+path}/meta", "t://a/meta/b/meta", vars{"path": "a/meta/b"})
	check("t://{id}{?one,two}", "t://a", vars{"id": "a"})
	check("t://{id}{?one,two}", "t://a?two=%20x&other=1&one", vars{"id": "a", "one": "", "two": " x"})
	check("t://{id}{?one,two}", "t://a?one=%zz", nil)
}

func TestTemplatesThatAreNone(t *testing.T) {
	for _, wrong := range []string{"t://{id", "{id}", "t://{}", "t://{#id}", "t://{a,b}", "t://{?a}/x"} {
		if _, err := parseTemplate(wrong); err == nil {
			t.Error(wrong)
		}
	}
}

func TestPrefixesAreTheShortest(t *testing.T) {
	got := shortest([]string{"b://x", "a://c", "a://", "a://b"})
	if !slices.Equal(got, []string{"a://", "b://x"}) {
		t.Error(got)
	}
}
