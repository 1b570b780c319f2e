package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"toolyard"
	"toolyard/keyvalue"
)

// prefix is how the keys of places begin.
const prefix = "place."

func init() {
	toolyard.Resource("weather://about", "about", "Where the forecasts come from.",
		func(*toolyard.Context) (string, error) {
			return "Weather by Open-Meteo (https://open-meteo.com), CC BY 4.0.", nil
		}, toolyard.MimeType("text/plain"))
	toolyard.ResourceTemplate("weather://places/{name}", "place", "A place that was kept.", readPlace,
		toolyard.MimeType("application/json"))
	toolyard.ResourceList(placesAsResources)
	toolyard.Prompt("packing_list", "What to pack for a trip.",
		func(_ *toolyard.Context, args PackingList) (string, error) {
			const text = "What should I pack for %s days in %s? Ask the tool forecast for the weather."
			return fmt.Sprintf(text, args.Days, args.Place), nil
		})
	toolyard.CompletePrompt("packing_list", "place", completePlace)
}

// PackingList is what the prompt takes.
type PackingList struct {
	Place string `json:"place" doc:"Where to."`
	Days  string `json:"days" doc:"How many days." jsonschema:"default=3"`
}

// SavePlaceArgs is what save_place takes.
type SavePlaceArgs struct {
	Name      string  `json:"name" doc:"What to call it." jsonschema:"minLength=1,maxLength=50"`
	Latitude  float64 `json:"latitude" doc:"Degrees north." jsonschema:"minimum=-90,maximum=90"`
	Longitude float64 `json:"longitude" doc:"Degrees east." jsonschema:"minimum=-180,maximum=180"`
}

func savePlace(ctx *toolyard.Context, args SavePlaceArgs) (string, error) {
	store, err := keyvalue.Open(ctx)
	if err != nil {
		return "", err
	}
	// The value has no name: that is its key.
	text := fmt.Sprintf(`{"latitude":%s,"longitude":%s}`, decimal(args.Latitude), decimal(args.Longitude))
	if err := store.Set(prefix+args.Name, []byte(text)); err != nil {
		return "", err
	}
	ctx.ResourcesChanged()
	return fmt.Sprintf("Saved %s.", args.Name), nil
}

// Places is what places gives.
type Places struct {
	Places []string `json:"places" doc:"Their names."`
}

func listPlaces(ctx *toolyard.Context, _ struct{}) (Places, error) {
	names, err := placeNames(ctx)
	return Places{names}, err
}

// placeNames are those that were kept, sorted.
func placeNames(ctx context.Context) ([]string, error) {
	store, err := keyvalue.Open(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for key, err := range store.KeysWith(prefix) {
		if err != nil {
			return nil, err
		}
		names = append(names, strings.TrimPrefix(key, prefix))
	}
	slices.Sort(names)
	return names, nil
}

// Sure is the form of forget_places.
type Sure struct {
	Forget bool `json:"forget" doc:"Whether to forget them."`
}

func forgetPlaces(ctx *toolyard.Context, _ struct{}) (string, error) {
	names, err := placeNames(ctx)
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "There is nothing to forget.", nil
	}
	answer, err := toolyard.Ask(ctx, "sure", toolyard.Form[Sure](fmt.Sprintf("Forget %d places?", len(names))))
	if err != nil {
		return "", err
	}
	if !answer.Accepted() || !answer.Value.Forget {
		return "Kept everything.", nil
	}
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = prefix + name
	}
	store, err := keyvalue.Open(ctx)
	if err != nil {
		return "", err
	}
	if err := store.DeleteMany(keys); err != nil {
		return "", err
	}
	ctx.ResourcesChanged()
	return fmt.Sprintf("Forgot %d places.", len(names)), nil
}

func readPlace(ctx *toolyard.Context, at toolyard.Match) (string, error) {
	store, err := keyvalue.Open(ctx)
	if err != nil {
		return "", err
	}
	value, found, err := store.Get(prefix + at.Vars["name"])
	if err == nil && !found {
		err = toolyard.ErrNotFound
	}
	return string(value), err
}

func placesAsResources(ctx *toolyard.Context, _ string) (toolyard.Page, error) {
	var page toolyard.Page
	names, err := placeNames(ctx)
	if errors.Is(err, keyvalue.ErrDenied) {
		// Nothing can be kept, and so nothing is. What else there is can still be listed.
		return page, nil
	}
	for _, name := range names {
		page.Resources = append(page.Resources, toolyard.ResourceInfo{
			URI: "weather://places/" + escaped(name), Name: name, MimeType: "application/json",
		})
	}
	return page, err
}

func completePlace(ctx *toolyard.Context, value string, _ map[string]string) (toolyard.Completion, error) {
	names, err := placeNames(ctx)
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, value) })
	return toolyard.Suggest(names), err
}
