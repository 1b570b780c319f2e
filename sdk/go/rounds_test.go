package toolyard

import (
	"strings"
	"testing"
)

func TestWhatWasKeptComesBack(t *testing.T) {
	first := newRounds(nil, nil)
	if state, err := first.state(); state != nil || err != nil {
		t.Error("there is nothing to keep", state, err)
	}
	first.kept.Answers["name"] = `{"é":1}`
	first.kept.Memories["name"] = "2"
	state, err := first.state()
	if err != nil {
		t.Fatal(err)
	}
	again := newRounds(map[string]string{"name": "new", "other": "unasked"}, state)
	if got := again.candidates("name"); len(got) != 2 || got[0] != `{"é":1}` || got[1] != "new" {
		t.Error(got)
	}
	if again.kept.Memories["name"] != "2" {
		t.Error(again.kept)
	}
	if same, _ := again.state(); string(same) != string(state) {
		t.Error("what was not asked for is not kept", string(same))
	}
	for _, none := range []string{"x", "{}", `{"v":2,"a":{"name":"x"}}`, string(state[:len(state)-1])} {
		if got := newRounds(nil, []byte(none)).candidates("name"); len(got) != 0 {
			t.Error(none, got)
		}
	}
}

func TestThereIsABoundToWhatIsKept(t *testing.T) {
	first := newRounds(nil, nil)
	first.kept.Memories["big"] = strings.Repeat("x", stateBytesMax)
	if _, err := first.state(); err == nil || asError(err).Kind != KindInternal {
		t.Error(err)
	}
}

func TestSamplingInTheProtocolsWords(t *testing.T) {
	type lookup struct {
		Word string `json:"word"`
	}
	tool, err := NewSamplingTool[lookup]("look_up", "Looks a word up.")
	if err != nil {
		t.Fatal(err)
	}
	question := SamplePrompt("What is a quoll?")
	question.Tools, question.ToolChoice, question.Temperature = []SamplingTool{tool}, "auto", Ptr(0.0)
	question.Preferences = &ModelPreferences{Hints: []string{"small"}, Speed: Ptr(1.0)}
	answer, err := question.read(`{"role":"assistant","model":"m","stopReason":"toolUse","content":` +
		`[{"type":"text","text":"Let me see."},{"type":"tool_use","id":"1","name":"look_up","input":{"word":"quoll"}}]}`)
	if err != nil || answer.Text() != "Let me see." || len(answer.ToolUses()) != 1 {
		t.Fatal(answer, err)
	}
	var arguments lookup
	if err := answer.ToolUses()[0].Arguments(&arguments); err != nil || arguments.Word != "quoll" {
		t.Error(arguments, err)
	}
	link := ResourceLink{URI: "t://quoll", Name: "quoll", Icons: []Icon{{Src: "data:,"}}, Annotations: &Annotations{Audience: []Role{User}}}
	next := question.Continued(answer, ToolUsed{ID: "1", Content: []Content{Text{}, link}, IsError: true})
	got, err := next.request()
	want := `{"messages":[{"content":{"text":"What is a quoll?","type":"text"},"role":"user"},{"content":[` +
		`{"text":"Let me see.","type":"text"},{"id":"1","input":{"word":"quoll"},"name":"look_up","type":"tool_use"}],` +
		`"role":"assistant"},{"content":{"content":[{"text":"","type":"text"},` +
		`{"annotations":{"audience":["user"]},"icons":[{"src":"data:,"}],"name":"quoll","type":"resource_link","uri":"t://quoll"}],"isError":true,` +
		`"toolUseId":"1","type":"tool_result"},"role":"user"}],"maxTokens":1000,"temperature":0,` +
		`"modelPreferences":{"hints":[{"name":"small"}],"speedPriority":1},"tools":[{"name":"look_up",` +
		`"description":"Looks a word up.","inputSchema":{"type":"object","properties":{"word":{"type":"string"}},` +
		`"required":["word"],"additionalProperties":false}}],"toolChoice":{"mode":"auto"}}`
	if err != nil || got.JSON != want {
		t.Errorf("\n got %s\nwant %s\n%v", got.JSON, want, err)
	}
	for _, wrong := range []string{`{}`, `{"role":"x","content":[],"model":"m"}`, `{"role":"user","model":"m","content":{"type":"video"}}`,
		`{"role":"user","model":"m","content":{"type":"image","data":"%"}}`} {
		if _, err := question.read(wrong); err == nil {
			t.Error(wrong)
		}
	}
}
