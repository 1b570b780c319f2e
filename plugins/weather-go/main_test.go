package main

import (
	"encoding/json/v2"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"toolyard"
	"toolyard/fetch"
	"toolyard/toolyardtest"
)

// service answers as Open-Meteo does.
func service(request *fetch.Request) (*fetch.Response, error) {
	const forecast = "https://api.open-meteo.com/v1/forecast?latitude=52.52&longitude=13.41" +
		"&daily=temperature_2m_max,temperature_2m_min,precipitation_probability_max&timezone=UTC&forecast_days=2&temperature_unit="
	const search = "https://geocoding-api.open-meteo.com/v1/search?name="
	if request.Header.Get("accept") != "application/json" {
		return nil, errors.New("it does not say what it accepts")
	}
	name, _ := strings.CutSuffix(strings.TrimPrefix(request.URL, search), "&count=1")
	switch {
	case strings.HasPrefix(request.URL, forecast):
		return fetch.NewResponse(200, `{"daily":{"time":["2026-11-21","2026-11-22"],"temperature_2m_max":[8.4,-0.5],`+
			`"temperature_2m_min":[1.5,-1.6],"precipitation_probability_max":[40,null]}}`), nil
	case name == "K%C3%B6ln%20%26%20Bonn":
		return fetch.NewResponse(200, `{"results":[{"name":"Köln","latitude":52.52,"longitude":13.41}]}`), nil
	case name == "Nowhere":
		return fetch.NewResponse(200, `{"generationtime_ms":1}`), nil
	case name == "Odd":
		return fetch.NewResponse(200, `{"results":[{"name":"Odd"}]}`), nil
	case name == "Busy":
		return fetch.NewResponse(429, ""), nil
	case name == "Gone":
		return fetch.NewResponse(404, ""), nil
	}
	return nil, fetch.ErrConnect
}

func check(t *testing.T, host *toolyardtest.Host, tool, arguments, want string) {
	t.Helper()
	reply, err := host.Call(tool, arguments)
	got := ""
	switch {
	case err != nil:
		got = "error: " + err.Error()
	case reply.JSON != "":
		got = reply.JSON
	default:
		got = reply.Text
	}
	if got != want {
		t.Errorf("%s %s\n got %s\nwant %s", tool, arguments, got, want)
	}
}

func TestConvert(t *testing.T) {
	host := toolyardtest.New(t)
	check(t, host, "convert", `{"value":20,"from":"celsius","to":"fahrenheit"}`, `{"value":68,"unit":"fahrenheit"}`)
	check(t, host, "convert", `{"value":-40,"from":"fahrenheit","to":"celsius"}`, `{"value":-40,"unit":"celsius"}`)
	check(t, host, "convert", `{"value":0,"from":"kelvin","to":"fahrenheit"}`, `{"value":-460,"unit":"fahrenheit"}`)
	check(t, host, "convert", `{"value":0,"from":"kelvin","to":"kelvin"}`, `{"value":0,"unit":"kelvin"}`)
	check(t, host, "convert", `{"value":-459,"from":"fahrenheit","to":"kelvin"}`, `{"value":0,"unit":"kelvin"}`)
	for _, below := range []string{
		`{"value":-1,"from":"kelvin","to":"celsius"}`, `{"value":-274,"from":"celsius","to":"kelvin"}`,
		`{"value":-460,"from":"fahrenheit","to":"kelvin"}`,
	} {
		check(t, host, "convert", below, "error: That is below absolute zero.")
	}
}

func TestForecast(t *testing.T) {
	host := toolyardtest.New(t).HTTP(service)
	check(t, host, "forecast", `{"place":"Köln & Bonn","days":2}`, `{"place":"Köln","unit":"celsius","days":[`+
		`{"date":"2026-11-21","high":8,"low":2,"rain":40},{"date":"2026-11-22","high":0,"low":-2,"rain":0}]}`)
	if got := host.Logs(); !slices.Equal(got, []string{"info: forecast of 2 days for Köln"}) {
		t.Error(got)
	}
	if got := host.Progress(); len(got) != 3 || got[2] != (toolyardtest.Progress{Done: 3, Total: 3, Message: "done"}) {
		t.Error(got)
	}
	check(t, host, "forecast", `{"place":"Nowhere"}`, "error: There is no place called Nowhere.")
	check(t, host, "forecast", `{"place":"Odd"}`, "error: The weather service gave an answer that is not understood.")
	check(t, host, "forecast", `{"place":"Gone"}`, "error: The weather service answered with status 404.")
	check(t, host, "forecast", `{"place":"Elsewhere"}`, "error: The weather service cannot be reached.")
	_, err := host.Call("forecast", `{"place":"Busy"}`)
	var busy *toolyard.Error
	if !errors.As(err, &busy) || busy.Kind != toolyard.KindRetryable || busy.After != time.Second {
		t.Error(err)
	}
	check(t, toolyardtest.New(t), "forecast", `{"place":"Rome"}`, "error: The weather service cannot be reached.")
}

func TestPlaces(t *testing.T) {
	host := toolyardtest.New(t).HTTP(service).KeyValue()
	check(t, host, "places", `{}`, `{"places":[]}`)
	check(t, host, "forget_places", `{}`, "There is nothing to forget.")
	check(t, host, "save_place", `{"name":"Rome","latitude":41.9,"longitude":12.5}`, "Saved Rome.")
	check(t, host, "save_place", `{"name":"at home","latitude":52.52,"longitude":13.41}`, "Saved at home.")
	check(t, host, "places", `{}`, `{"places":["Rome","at home"]}`)
	check(t, host, "forecast", `{"place":"at home","days":2,"unit":"fahrenheit"}`, `{"place":"at home","unit":"fahrenheit","days":[`+
		`{"date":"2026-11-21","high":8,"low":2,"rain":40},{"date":"2026-11-22","high":0,"low":-2,"rain":0}]}`)
	if got := host.Changes(); !slices.Equal(got, []string{"resources", "resources"}) {
		t.Error(got)
	}

	list, err := host.List()
	if err != nil || len(list) != 3 || list[0].URI != "weather://about" || list[2].URI != "weather://places/at%20home" {
		t.Error(list, err)
	}
	contents, err := host.Read("weather://places/at%20home")
	if err != nil || contents[0].Text != `{"latitude":52.52,"longitude":13.41}` || contents[0].MimeType != "application/json" {
		t.Error(contents, err)
	}
	if _, err := host.Read("weather://places/Paris"); !errors.Is(err, toolyard.ErrNotFound) {
		t.Error(err)
	}
	found, err := host.Complete(toolyard.Reference{Prompt: "packing_list"}, "place", "a")
	if err != nil || !slices.Equal(found.Values, []string{"at home"}) {
		t.Error(found, err)
	}

	host.Answer("sure", toolyardtest.Accept(map[string]any{"forget": false}))
	check(t, host, "forget_places", `{}`, "Kept everything.")
	host.Answer("sure", toolyardtest.Decline())
	check(t, host, "forget_places", `{}`, "Kept everything.")
	host.Answer("sure", toolyardtest.Accept(map[string]any{"forget": true}))
	check(t, host, "forget_places", `{}`, "Forgot 2 places.")
	if asked := host.Asked[0]; asked.Message != "Forget 2 places?" || asked.JSON !=
		`{"type":"object","properties":{"forget":{"type":"boolean","description":"Whether to forget them."}},"required":["forget"]}` {
		t.Errorf("%+v", asked)
	}
	check(t, host, "places", `{}`, `{"places":[]}`)
}

func TestWithoutAStore(t *testing.T) {
	host := toolyardtest.New(t)
	check(t, host, "places", `{}`, "error: this plugin has no store to keep anything in")
	if list, err := host.List(); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
}

func TestChart(t *testing.T) {
	reply, err := toolyardtest.New(t).Call("chart", `{"highs":[9,2]}`)
	if err != nil || len(reply.Content) != 5 || reply.Text != "Highest 9, lowest 2." {
		t.Fatal(reply, err)
	}
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="120">` +
		`<rect x="0" y="51" width="18" height="69"/><rect x="20" y="58" width="18" height="62"/></svg>`
	if got := reply.Content[1].(toolyard.Image); string(got.Data) != svg {
		t.Errorf("%s", got.Data)
	}
	if got := reply.Content[2].(toolyard.Audio); len(got.Data) != 44 || string(got.Data[36:]) != "data\x00\x00\x00\x00" {
		t.Errorf("%q", got.Data)
	}
	if got := reply.Content[4].(toolyard.Embedded).Contents; got.Text != "9,2\n" || got.URI != "weather://chart" {
		t.Errorf("%+v", got)
	}
}

func TestNowIsNow(t *testing.T) {
	host := toolyardtest.New(t)
	var moments [2]Moment
	for i := range moments {
		reply, err := host.Call("now", `{}`)
		if err != nil || json.Unmarshal([]byte(reply.JSON), &moments[i]) != nil {
			t.Fatal(reply, err)
		}
	}
	if moments[0].Random == moments[1].Random || time.Since(time.UnixMilli(moments[0].TimeMS)) > time.Minute {
		t.Error(moments)
	}
}

func TestWhoami(t *testing.T) {
	host := toolyardtest.New(t)
	check(t, host, "whoami", `{}`, `{"tenant":"default","client":null,"attempt":1}`)
	host.As.Client.Name = "editor"
	check(t, host, "whoami", `{}`, `{"tenant":"default","client":"editor","attempt":1}`)
}

func TestPackingList(t *testing.T) {
	host := toolyardtest.New(t)
	prompt, err := host.Prompt("packing_list", map[string]string{"place": "Rome"})
	want := "What should I pack for 3 days in Rome? Ask the tool forecast for the weather."
	if err != nil || prompt.Messages[0].Content.(toolyard.Text).Text != want {
		t.Error(prompt, err)
	}
}

func TestDescriptions(t *testing.T) {
	host := toolyardtest.New(t)
	want := `{"type":"object","properties":{"place":{"type":"string","description":"The name of a city.","minLength":1},` +
		`"days":{"type":"integer","description":"How many days.","minimum":1,"maximum":7,"default":3},` +
		`"unit":{"type":"string","description":"The unit of the temperatures.","enum":["celsius","fahrenheit"],"default":"celsius"}},` +
		`"required":["place"],"additionalProperties":false}`
	if got := host.Tool("forecast").InputSchema; got != want {
		t.Error(got)
	}
	crash := host.Tool("crash")
	if crash.Hints != (toolyard.Hints{}) {
		t.Errorf("%+v", crash)
	}
}
