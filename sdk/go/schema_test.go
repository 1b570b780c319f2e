package toolyard

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

type color string

func (color) EnumValues() []string { return []string{"red", "blue"} }

type own struct{}

func (own) JSONSchema() string { return `{"type":"string","pattern":"^a"}` }

type inner struct {
	X int `json:"x" jsonschema:"default=1"`
}

type node struct {
	Name string  `json:"name"`
	Next []*node `json:"next"`
}

type embedded struct {
	inner2
	Y bool `json:"y"`
}

type inner2 struct {
	Z string `json:"z"`
}

func TestSchemas(t *testing.T) {
	check := func(in any, input bool, want string) {
		t.Helper()
		r := reflector{input: input}
		got, err := r.root(reflect.TypeOf(in))
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != want {
			t.Errorf("%T\n got %s\nwant %s", in, got, want)
		}
	}
	check("", true, `{"type":"string"}`)
	check(int64(0), true, `{"type":"integer"}`)
	check(uint(0), true, `{"type":"integer","minimum":0}`)
	check(int8(0), true, `{"type":"integer","minimum":-128,"maximum":127}`)
	check(uint16(0), true, `{"type":"integer","minimum":0,"maximum":65535}`)
	check([]byte{}, true, `{"type":"string"}`)
	check(time.Time{}, true, `{"type":"string"}`)
	check(map[string]float64{}, true, `{"type":"object","additionalProperties":{"type":"number"}}`)
	check(struct {
		A any `json:"a"`
	}{}, true, `{"type":"object","properties":{"a":{}},"required":["a"]}`)
	check(struct {
		A *color `json:"a" doc:"Which."`
		B *inner `json:"b"`
		C own    `json:"c" doc:"It begins with a."`
		D int    `json:"d,omitempty"`
		E string `json:"-"`
		F []int  `jsonschema:"minItems=1,items.maximum=9"`
	}{}, true, `{"type":"object","properties":{`+
		`"a":{"type":["string","null"],"enum":["red","blue",null],"description":"Which."},`+
		`"b":{"type":["object","null"],"properties":{"x":{"type":"integer","default":1}}},`+
		`"c":{"type":"string","pattern":"^a","description":"It begins with a."},`+
		`"d":{"type":"integer"},"F":{"type":"array","items":{"type":"integer","maximum":9},"minItems":1}},`+
		`"required":["c","F"]}`)
	// What is written is there, though it may be null or have a default.
	check(struct {
		A *string `json:"a"`
		B inner   `json:"b"`
	}{}, false, `{"type":"object","properties":{"a":{"type":["string","null"]},`+
		`"b":{"type":"object","properties":{"x":{"type":"integer","default":1}},"required":["x"]}},"required":["a","b"]}`)
	check(embedded{}, true, `{"type":"object","properties":{"z":{"type":"string"},"y":{"type":"boolean"}},"required":["z","y"]}`)
	check(node{}, true, `{"type":"object","allOf":[{"$ref":"#/$defs/node"}],"$defs":{"node":{"type":"object","properties":`+
		`{"name":{"type":"string"},"next":{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}}},`+
		`"required":["name","next"]}}}`)
}

func TestWhatHasNoSchema(t *testing.T) {
	check := func(in any, want string) {
		t.Helper()
		_, err := inputSchema(reflect.TypeOf(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v", in, err)
		}
	}
	check(0, "have to be a struct")
	check(struct{ A chan int }{}, "a chan int cannot be said in JSON")
	check(struct{ A time.Duration }{}, "no one form in JSON")
	check(struct{ A []inner }{}, "no defaults within a list")
	check(struct {
		A int `jsonschema:"least=1"`
	}{}, "the tag jsonschema has no `least`")
	check(struct {
		A int `jsonschema:"default=x"`
	}{}, "`x` is no int")
	check(struct {
		A int `jsonschema:"minimum=one"`
	}{}, "`one` is no number")
}

func TestTagsAreSplitAtCommas(t *testing.T) {
	got := splitTag(`pattern=^a{1\,2}$,minLength=1`)
	if want := []string{"pattern=^a{1,2}$", "minLength=1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestDecodingSaysWhere(t *testing.T) {
	var in struct {
		List []struct {
			Count int8 `json:"count"`
		} `json:"list"`
	}
	err := decode(`{"list":[{"count":1},{"count":300}]}`, &in)
	if err == nil || !strings.HasPrefix(err.Error(), "`list.1.count`: 300 does not fit") {
		t.Error(err)
	}
	if asError(err).Kind != KindInvalidArguments {
		t.Error("another kind")
	}
}

func TestJSONIsWrittenAsItIs(t *testing.T) {
	got, err := jsonText(struct {
		B []int    `json:"b"`
		A string   `json:"a"`
		C *float64 `json:"c"`
	}{A: "<é&\u2028>", C: Ptr(52.52)})
	if err != nil || got != "{\"b\":[],\"a\":\"<é&\u2028>\",\"c\":52.52}" {
		t.Errorf("%s %v", got, err)
	}
}

func TestForms(t *testing.T) {
	type fields struct {
		Name  string   `json:"name" doc:"Yours." jsonschema:"maxLength=9"`
		Age   *int     `json:"age" jsonschema:"minimum=1"`
		Color color    `json:"color" jsonschema:"default=blue"`
		Tags  []string `json:"tags,omitempty" jsonschema:"items.enum=a|b"`
	}
	got, err := formSchema(reflect.TypeFor[fields]())
	want := `{"type":"object","properties":{"name":{"type":"string","description":"Yours.","maxLength":9},` +
		`"age":{"type":"integer","minimum":1},"color":{"type":"string","enum":["red","blue"],"default":"blue"},` +
		`"tags":{"type":"array","items":{"type":"string","enum":["a","b"]}}},"required":["name"]}`
	if err != nil || got != want {
		t.Errorf("%s %v", got, err)
	}
	for _, wrong := range []any{struct{ A inner }{}, struct{ A []string }{}, struct{ A map[string]int }{}, 1} {
		if _, err := formSchema(reflect.TypeOf(wrong)); err == nil {
			t.Errorf("%T", wrong)
		}
	}
}
