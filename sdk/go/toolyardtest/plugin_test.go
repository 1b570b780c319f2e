package toolyardtest_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"toolyard"
	"toolyard/config"
	"toolyard/fetch"
	"toolyard/keyvalue"
	"toolyard/toolyardtest"
)

type args struct {
	Name  string `json:"name" doc:"Who."`
	Times int    `json:"times" jsonschema:"default=2"`
	Deep  struct {
		Flag bool `json:"flag" jsonschema:"default=true"`
	} `json:"deep,omitzero"`
}

type details struct {
	Color string `json:"color" jsonschema:"enum=red|blue"`
}

func init() {
	toolyard.Tool("greet", "Greets.", func(ctx *toolyard.Context, in args) (string, error) {
		ctx.Progress(1, 2, "half")
		slog.InfoContext(ctx, "greeting", "name", in.Name, slog.Group("g", "a", 1))
		ctx.ResourcesChanged()
		ctx.ResourceUpdated("t://x")
		return fmt.Sprint("Hello, ", in.Name, in.Times, in.Deep.Flag), nil
	}, toolyard.Title("Greet"), toolyard.ReadOnly(), toolyard.OpenWorld(false))

	toolyard.Tool("fail", "Fails.", func(_ *toolyard.Context, in args) (string, error) {
		err := map[string]error{
			"plain": errors.New("plain"), "busy": toolyard.Retryablef(time.Second, "busy: %w", fetch.ErrTimeout),
			"wrapped": fmt.Errorf("there: %w", toolyard.Deniedf("no")),
		}[in.Name]
		return "", err
	})

}

func init() {
	toolyard.Tool("ask", "Asks.", func(ctx *toolyard.Context, _ struct{}) (string, error) {
		runs++
		begun, err := toolyard.Once(ctx, "begun", func() (int, error) { return runs, nil })
		if err != nil {
			return "", err
		}
		var form toolyard.Answer[details]
		var said toolyard.Sampled
		err = toolyard.AskAll(ctx,
			toolyard.For("details", toolyard.Form[details]("Which?"), &form),
			toolyard.For("haiku", toolyard.SamplePrompt("A haiku."), &said))
		if err != nil {
			return "", err
		}
		roots, err := toolyard.Ask(ctx, "roots", toolyard.Roots{})
		if err != nil {
			return "", fmt.Errorf("wrapped: %w", err)
		}
		return fmt.Sprint(runs-begun, form.Value.Color, said.Text(), roots[0].URI), nil
	})

}

func init() {
	toolyard.Tool("grants", "Uses what is granted.", func(ctx *toolyard.Context, _ struct{}) ([]string, error) {
		store, err := keyvalue.Open(ctx)
		if err != nil {
			return nil, err
		}
		for i := range 25 {
			if err := store.Set(fmt.Sprintf("k%02d", i), nil); err != nil {
				return nil, err
			}
		}
		append3 := func(old []int) ([]int, error) { return append(old, 3), nil }
		for want := 1; want <= 2; want++ {
			if list, err := keyvalue.UpdateJSON(store, "a", append3); err != nil || len(list) != want {
				return nil, toolyard.Internalf("%v %w", list, err)
			}
		}
		for key, err := range store.KeysWith("k2") {
			if err != nil || !strings.HasPrefix(key, "k2") {
				return nil, toolyard.Internalf("%s %w", key, err)
			}
		}
		var keys []string
		for key, err := range store.Keys() {
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
		sum, err := store.Increment("n", 5)
		if err != nil {
			return nil, err
		}
		list, _, err := keyvalue.GetJSON[[]int](store, "a")
		response, err2 := fetch.Do(ctx, fetch.Request{URL: config.GetOr(ctx, "base", "http://none") + "/a", RedirectsMax: 1,
			Header: fetch.Header{"Authorization": {"x"}}})
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		text, err := response.Text(100)
		return []string{fmt.Sprint(len(keys), keys[0], keys[25]), fmt.Sprint(sum, list), text, response.URL}, err
	})

}

func init() {
	toolyard.Resource("t://one", "one", "One.", func(*toolyard.Context) ([]byte, error) { return nil, nil })
	toolyard.ResourceTemplate("t://many/{id}", "many", "Many.", func(_ *toolyard.Context, at toolyard.Match) (map[string]string, error) {
		if at.Vars["id"] == "none" {
			return nil, toolyard.ErrNotFound
		}
		return at.Vars, nil
	})
	for _, name := range []string{"a", "b"} {
		toolyard.ResourceList(func(_ *toolyard.Context, cursor string) (toolyard.Page, error) {
			next := map[string]string{"": "2"}[cursor]
			return toolyard.Page{Resources: []toolyard.ResourceInfo{{URI: "t://many/" + name + cursor, Name: name}}, Next: next}, nil
		})
	}
	type plan struct {
		Guests int     `json:"guests" doc:"How many."`
		Place  *string `json:"place"`
		Tea    bool    `json:"tea" jsonschema:"default=true"`
	}
	toolyard.Prompt("plan", "Plans.", func(_ *toolyard.Context, in plan) (toolyard.Content, error) {
		return toolyard.Text{Text: fmt.Sprint(in.Guests, in.Place != nil, in.Tea)}, nil
	})
	toolyard.CompleteTemplate("t://many/{id}", "id",
		func(_ *toolyard.Context, value string, _ map[string]string) (toolyard.Completion, error) {
			return toolyard.StartingWith(value, []string{"Ada", "Bob", "amy"}), nil
		})
}

// How often the function was run.
var runs int

func TestATool(t *testing.T) {
	host := toolyardtest.New(t)
	reply, err := host.Call("greet", `{"name":"Ada"}`)
	if err != nil || reply.Text != "Hello, Ada2 true" {
		t.Error(reply, err)
	}
	if got := host.Logs(); !slices.Equal(got, []string{"info: greeting name=Ada g.a=1"}) {
		t.Error(got)
	}
	if got := host.Progress(); len(got) != 1 || got[0].Message != "half" {
		t.Error(got)
	}
	if got := host.Changes(); !slices.Equal(got, []string{"resources", "t://x"}) {
		t.Error(got)
	}
	info := host.Tool("greet")
	want := `{"type":"object","properties":{"name":{"type":"string","description":"Who."},"times":{"type":"integer","default":2},` +
		`"deep":{"type":"object","properties":{"flag":{"type":"boolean","default":true}}}},"required":["name"],"additionalProperties":false}`
	if info.InputSchema != want || info.OutputSchema != "" || info.Title != "Greet" || !*info.Hints.ReadOnly || *info.Hints.OpenWorld {
		t.Errorf("%+v", info)
	}
	if _, err := host.Call("greet", `{"name":1}`); err == nil || err.Error()[:6] != "`name`" {
		t.Error(err)
	}
}

func TestErrorsHaveKinds(t *testing.T) {
	host := toolyardtest.New(t)
	_, err := host.Call("fail", `{"name":"busy"}`)
	var kind *toolyard.Error
	if !errors.As(err, &kind) || kind.Kind != toolyard.KindRetryable || kind.After != time.Second || !errors.Is(err, fetch.ErrTimeout) {
		t.Error(err)
	}
	if _, err = host.Call("fail", `{"name":"wrapped"}`); !errors.As(err, &kind) || kind.Kind != toolyard.KindDenied {
		t.Error(err)
	}
	if _, err = host.Call("none", `{}`); !errors.As(err, &kind) || kind.Kind != toolyard.KindInternal {
		t.Error(err)
	}
}

func TestAskingRunsTheFunctionAgain(t *testing.T) {
	host := toolyardtest.New(t).
		Answer("details", toolyardtest.Accept(map[string]any{"color": "red"})).
		Answer("haiku", toolyardtest.Sampled("An old pond.")).
		Answer("roots", toolyardtest.Roots("file:///home/ada"))
	reply, err := host.Call("ask", `{}`)
	if err != nil || reply.Text != "2redAn old pond.file:///home/ada" {
		t.Error(reply, err)
	}
	if len(host.Asked) != 3 || host.Asked[0].Message != "Which?" || host.Asked[1].Kind != "sampling" {
		t.Errorf("%+v", host.Asked)
	}
	want := `{"messages":[{"content":{"text":"A haiku.","type":"text"},"role":"user"}],"maxTokens":1000}`
	if host.Asked[1].JSON != want {
		t.Error(host.Asked[1].JSON)
	}
}

func TestAnAnswerThatDoesNotFitIsAskedForAgain(t *testing.T) {
	host := toolyardtest.New(t).Answer("details", toolyardtest.Accept(map[string]any{})).Answer("haiku", toolyardtest.Sampled("x"))
	if _, err := host.Call("ask", `{}`); err == nil || len(host.Asked) < 32 {
		t.Error(err, len(host.Asked))
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	host := toolyardtest.New(t)
	if _, err := host.Call("grants", `{}`); !errors.Is(err, keyvalue.ErrDenied) {
		t.Error(err)
	}
	host.KeyValue()
	if _, err := host.Call("grants", `{}`); !errors.Is(err, fetch.ErrDenied) {
		t.Error(err)
	}
	host.KeyValue().Config("base", "https://shop.example").HTTP(func(request *fetch.Request) (*fetch.Response, error) {
		if request.URL == "https://shop.example/a" {
			response := fetch.NewResponse(302, "")
			response.Header["location"] = []string{"https://other.example/b?c"}
			return response, nil
		}
		return fetch.NewResponse(200, "it "+request.Method+request.Header.Get("authorization")), nil
	})
	reply, err := host.Call("grants", `{}`)
	if err != nil || reply.JSON != `["26ak24","5 [3 3]","it GET","https://other.example/b?c"]` {
		t.Error(reply, err)
	}
}

func TestResources(t *testing.T) {
	host := toolyardtest.New(t)
	all, err := host.List()
	var uris []string
	for _, one := range all {
		uris = append(uris, one.URI)
	}
	if err != nil || !slices.Equal(uris, []string{"t://one", "t://many/a", "t://many/a2", "t://many/b", "t://many/b2"}) {
		t.Error(uris, err)
	}
	one, err := host.Read("t://one")
	if err != nil || one[0].Blob == nil || one[0].URI != "t://one" {
		t.Error(one, err)
	}
	many, err := host.Read("t://many/x%20y")
	if err != nil || many[0].Text != `{"id":"x y"}` || many[0].MimeType != "application/json" {
		t.Error(many, err)
	}
	for _, uri := range []string{"t://many/none", "t://two"} {
		if _, err := host.Read(uri); !errors.Is(err, toolyard.ErrNotFound) {
			t.Error(uri, err)
		}
	}
	prefixes, templates := toolyard.Registered().Resources()
	if !slices.Equal(prefixes, []string{"t://many/", "t://one"}) || len(templates) != 1 {
		t.Error(prefixes, templates)
	}
}

func TestPromptsAndCompletions(t *testing.T) {
	host := toolyardtest.New(t)
	got, err := host.Prompt("plan", map[string]string{"guests": "3"})
	if err != nil || got.Messages[0].Role != toolyard.User || got.Messages[0].Content.(toolyard.Text).Text != "3 false true" {
		t.Error(got, err)
	}
	if _, err := host.Prompt("plan", map[string]string{"guests": "many"}); err == nil {
		t.Error("many is no number")
	}
	info := toolyard.Registered().Prompts()[0]
	want := []toolyard.PromptArgument{{Name: "guests", Description: "How many.", Required: true}, {Name: "place"}, {Name: "tea"}}
	if !slices.Equal(info.Arguments, want) {
		t.Error(info.Arguments)
	}
	found, err := host.Complete(toolyard.Reference{Template: "t://many/{id}"}, "id", "a")
	if err != nil || !slices.Equal(found.Values, []string{"Ada", "amy"}) || *found.Total != 2 || found.HasMore {
		t.Error(found, err)
	}
}

func TestASettingIsReadAsWhatItIs(t *testing.T) {
	host := toolyardtest.New(t).Config("n", " 12 ").Config("x", "0.5").Config("yes", "true").Config("no", "false").Config("wait", "1m30s").
		Config("words", "many")
	ctx := host.Context()
	read := func(value any, err error) string { return fmt.Sprint(value, err) }
	for _, check := range []struct{ got, want string }{
		{read(config.Read(ctx, "n", 1)), "12<nil>"},
		{read(config.Read(ctx, "n", int64(1))), "12<nil>"},
		{read(config.Read(ctx, "none", 7)), "7<nil>"},
		{read(config.Read(ctx, "x", 1.0)), "0.5 <nil>"},
		{read(config.Read(ctx, "yes", false)), "true <nil>"},
		{read(config.Read(ctx, "no", true)), "false <nil>"},
		{read(config.Read(ctx, "wait", time.Second)), "1m30s <nil>"},
		{read(config.Read(ctx, "words", 1)), "1the operator's setting `words` cannot be used: it is no integer"},
		{read(config.Read(ctx, "words", true)), "truethe operator's setting `words` cannot be used: it is neither `true` nor `false`"},
		{read(config.Read(ctx, "words", time.Second)), "1s the operator's setting `words` cannot be used: it is no time such as `1m30s`"},
	} {
		if strings.ReplaceAll(check.got, " ", "") != strings.ReplaceAll(check.want, " ", "") {
			t.Errorf("%s, not %s", check.got, check.want)
		}
	}
}
