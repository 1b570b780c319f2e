package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"toolyard"
	"toolyard/config"
	"toolyard/fetch"
	"toolyard/keyvalue"
)

// ForecastArgs is what forecast takes.
type ForecastArgs struct {
	Place string `json:"place" doc:"The name of a city." jsonschema:"minLength=1"`
	Days  int    `json:"days" doc:"How many days." jsonschema:"minimum=1,maximum=7,default=3"`
	Unit  string `json:"unit" doc:"The unit of the temperatures." jsonschema:"enum=celsius|fahrenheit,default=celsius"`
}

// Forecast is what it gives.
type Forecast struct {
	Place string `json:"place" doc:"The place that was found."`
	Unit  string `json:"unit" doc:"The unit of the temperatures." jsonschema:"enum=celsius|fahrenheit"`
	Days  []Day  `json:"days" doc:"A day each."`
}

// Day is the weather of one day.
type Day struct {
	Date string `json:"date" doc:"The date, as YYYY-MM-DD."`
	High int    `json:"high" doc:"The highest temperature."`
	Low  int    `json:"low" doc:"The lowest temperature."`
	Rain int    `json:"rain" doc:"How likely rain is, in percent."`
}

// place is where something is.
type place struct {
	Name      string  `json:"name,omitempty"`
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// daily is Open-Meteo's answer: a list for each thing, and a day's values at the same index of each.
type daily struct {
	Daily *struct {
		Time []string   `json:"time"`
		High []float64  `json:"temperature_2m_max"`
		Low  []float64  `json:"temperature_2m_min"`
		Rain []*float64 `json:"precipitation_probability_max"`
	} `json:"daily"`
}

// answerBytesMax is far above what a week's forecast has.
const answerBytesMax = 1 << 20

func forecast(ctx *toolyard.Context, args ForecastArgs) (Forecast, error) {
	none := Forecast{}
	ctx.Progress(1, 3, "looking for the place")
	at, err := locate(ctx, args.Place)
	if err != nil {
		return none, err
	}
	ctx.Progress(2, 3, "asking for the forecast")
	var answer daily
	address := fmt.Sprintf(
		"%s/v1/forecast?latitude=%s&longitude=%s&daily=temperature_2m_max,temperature_2m_min,precipitation_probability_max"+
			"&timezone=UTC&forecast_days=%d&temperature_unit=%s",
		config.GetOr(ctx, "api", "https://api.open-meteo.com"), decimal(at.Latitude), decimal(at.Longitude), args.Days, args.Unit)
	if err := ask(ctx, address, &answer); err != nil {
		return none, err
	}
	days, err := answer.days()
	if err != nil {
		return none, err
	}
	slog.InfoContext(ctx, fmt.Sprintf("forecast of %d days for %s", args.Days, at.Name))
	ctx.Progress(3, 3, "done")
	return Forecast{at.Name, args.Unit, days}, nil
}

// locate finds a place among those that were kept, or else by its name.
func locate(ctx context.Context, name string) (place, error) {
	if kept, found := keptPlace(ctx, name); found {
		kept.Name = name
		return kept, nil
	}
	var answer struct {
		Results []struct {
			Name      *string  `json:"name"`
			Latitude  *float64 `json:"latitude"`
			Longitude *float64 `json:"longitude"`
		} `json:"results"`
	}
	geocoding := config.GetOr(ctx, "geocoding", "https://geocoding-api.open-meteo.com")
	if err := ask(ctx, geocoding+"/v1/search?name="+escaped(name)+"&count=1", &answer); err != nil {
		return place{}, err
	}
	if len(answer.Results) == 0 {
		return place{}, toolyard.Failedf("There is no place called %s.", name)
	}
	first := answer.Results[0]
	if first.Name == nil || first.Latitude == nil || first.Longitude == nil {
		return place{}, notUnderstood()
	}
	return place{*first.Name, *first.Latitude, *first.Longitude}, nil
}

// keptPlace looks into the store. One that was not granted, or holds something else, keeps nothing.
func keptPlace(ctx context.Context, name string) (place, bool) {
	store, err := keyvalue.Open(ctx)
	if err != nil {
		return place{}, false
	}
	kept, found, err := keyvalue.GetJSON[place](store, prefix+name)
	return kept, found && err == nil
}

// ask reads the answer of the weather service into what target points to.
func ask(ctx context.Context, address string, target any) error {
	header := fetch.Header{"Accept": {"application/json"}}
	response, err := fetch.Do(ctx, fetch.Request{URL: address, Header: header})
	if err != nil {
		slog.WarnContext(ctx, "no answer from the weather service", "reason", err)
		return toolyard.Failedf("The weather service cannot be reached.")
	}
	switch status := response.Status; {
	case status >= 500 || status == 429:
		return toolyard.Retryablef(time.Second, "The weather service answered with status %d.", status)
	case status != 200:
		return toolyard.Failedf("The weather service answered with status %d.", status)
	}
	if err := response.JSON(answerBytesMax, target); err != nil {
		slog.WarnContext(ctx, "the weather service's answer cannot be read", "reason", err)
		return notUnderstood()
	}
	return nil
}

func (d daily) days() ([]Day, error) {
	lists := d.Daily
	if lists == nil || lists.Time == nil {
		return nil, notUnderstood()
	}
	count := len(lists.Time)
	if len(lists.High) != count || len(lists.Low) != count || len(lists.Rain) != count {
		return nil, notUnderstood()
	}
	days := make([]Day, count)
	for i, date := range lists.Time {
		days[i] = Day{Date: date, High: rounded(lists.High[i]), Low: rounded(lists.Low[i])}
		if rain := lists.Rain[i]; rain != nil {
			days[i].Rain = rounded(*rain)
		}
	}
	return days, nil
}

func notUnderstood() error {
	return toolyard.Failedf("The weather service gave an answer that is not understood.")
}

// escaped is percent-encoded but for what RFC 3986 calls unreserved, so that it can stand in a query and in a path.
func escaped(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// decimal is the shortest form of a coordinate.
func decimal(value float64) string {
	return strconv.FormatFloat(value, 'f', -1, 64)
}
