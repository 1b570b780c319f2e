// A weather plugin: forecasts by Open-Meteo, places that are kept, and one of everything that a plugin can do.
package main

import (
	"math"
	"math/rand/v2"
	"time"

	"toolyard"
)

func init() {
	toolyard.Tool("convert", "Converts a temperature from one unit to another.", convert,
		toolyard.Title("Convert a temperature"), toolyard.ReadOnly(), toolyard.Idempotent(), toolyard.OpenWorld(false))
	toolyard.Tool("forecast", "Gives the weather of the coming days at a place.", forecast,
		toolyard.ReadOnly(), toolyard.OpenWorld(true))
	toolyard.Tool("save_place", "Keeps a place under a name.", savePlace,
		toolyard.Idempotent(), toolyard.Destructive(false), toolyard.OpenWorld(false))
	toolyard.Tool("places", "Lists the places that were kept.", listPlaces,
		toolyard.ReadOnly(), toolyard.OpenWorld(false))
	toolyard.Tool("forget_places", "Forgets all places that were kept, if the user agrees.", forgetPlaces,
		toolyard.Destructive(true), toolyard.OpenWorld(false))
	toolyard.Tool("chart", "Draws temperatures as bars.", chart,
		toolyard.ReadOnly(), toolyard.Idempotent(), toolyard.OpenWorld(false))
	toolyard.Tool("now", "Gives a random number and the time.", now, toolyard.OpenWorld(false))
	toolyard.Tool("whoami", "Says who is calling.", whoami, toolyard.ReadOnly(), toolyard.OpenWorld(false))
	toolyard.Tool("crash", "Fails in a way that nobody thought of.", crash)
}

func main() {}

// Unit is what a temperature is said in.
type Unit string

// The units.
const (
	Celsius    Unit = "celsius"
	Fahrenheit Unit = "fahrenheit"
	Kelvin     Unit = "kelvin"
)

// EnumValues are the units, for the schemas.
func (Unit) EnumValues() []string {
	return []string{string(Celsius), string(Fahrenheit), string(Kelvin)}
}

// Conversion is what convert takes.
type Conversion struct {
	Value int  `json:"value" doc:"The temperature." jsonschema:"minimum=-1000000,maximum=1000000"`
	From  Unit `json:"from" doc:"Its unit."`
	To    Unit `json:"to" doc:"The unit wanted."`
}

// Converted is what it gives.
type Converted struct {
	Value int  `json:"value" doc:"The converted temperature."`
	Unit  Unit `json:"unit" doc:"Its unit."`
}

// The freezing point of water, in kelvin.
const freezing = 273.15

func convert(_ *toolyard.Context, args Conversion) (Converted, error) {
	celsius := float64(args.Value)
	switch args.From {
	case Fahrenheit:
		celsius = (celsius - 32) * 5 / 9
	case Kelvin:
		celsius -= freezing
	}
	// In kelvin as they were given, where rounding on the way could go below what is not.
	if celsius+freezing < 0 && !(args.From == Kelvin && args.Value >= 0) {
		return Converted{}, toolyard.Failedf("That is below absolute zero.")
	}
	wanted := celsius
	switch args.To {
	case Fahrenheit:
		wanted = celsius*9/5 + 32
	case Kelvin:
		wanted = celsius + freezing
	}
	return Converted{rounded(wanted), args.To}, nil
}

func rounded(value float64) int {
	return int(math.Floor(value + 0.5))
}

// Moment is what now gives.
type Moment struct {
	Random int32 `json:"random" doc:"A random number."`
	TimeMS int64 `json:"time_ms" doc:"Milliseconds since 1970."`
}

func now(*toolyard.Context, struct{}) (Moment, error) {
	return Moment{rand.Int32(), time.Now().UnixMilli()}, nil
}

// Caller is what whoami gives.
type Caller struct {
	Tenant  string  `json:"tenant" doc:"The tenant."`
	Client  *string `json:"client" doc:"The client's name."`
	Attempt int     `json:"attempt" doc:"How often it was tried."`
}

func whoami(ctx *toolyard.Context, _ struct{}) (Caller, error) {
	caller := Caller{Tenant: ctx.Tenant, Attempt: int(ctx.Attempt)}
	if ctx.Client.Name != "" {
		caller.Client = &ctx.Client.Name
	}
	return caller, nil
}

func crash(_ *toolyard.Context, _ struct{}) (string, error) {
	var days []string
	return days[len(days)], nil
}
