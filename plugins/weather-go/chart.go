package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"toolyard"
)

// ChartArgs is what chart takes.
type ChartArgs struct {
	Highs []int `json:"highs" doc:"The temperatures." jsonschema:"minItems=1,maxItems=14,items.minimum=-60,items.maximum=60"`
}

func chart(_ *toolyard.Context, args ChartArgs) ([]toolyard.Content, error) {
	summary := fmt.Sprintf("Highest %d, lowest %d.", slices.Max(args.Highs), slices.Min(args.Highs))
	forUser := &toolyard.Annotations{Audience: []toolyard.Role{toolyard.User}, Priority: toolyard.Ptr(0.5)}
	return []toolyard.Content{
		toolyard.Text{Text: summary, Annotations: forUser},
		toolyard.Image{Data: bars(args.Highs), MimeType: "image/svg+xml"},
		toolyard.Audio{Data: silence(), MimeType: "audio/wav"},
		toolyard.ResourceLink{URI: "weather://about", Name: "about", MimeType: "text/plain"},
		toolyard.Embedded{Contents: toolyard.Contents{URI: "weather://chart", MimeType: "text/csv", Text: csv(args.Highs)}},
	}, nil
}

// bars is a picture: a bar for each temperature.
func bars(highs []int) []byte {
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="120">`, 20*len(highs))
	for i, high := range highs {
		height := high + 60
		fmt.Fprintf(&svg, `<rect x="%d" y="%d" width="18" height="%d"/>`, 20*i, 120-height, height)
	}
	svg.WriteString("</svg>")
	return []byte(svg.String())
}

// silence is a WAV file without a sample: mono, 8 bits, 8000 Hz.
func silence() []byte {
	wav := binary.LittleEndian.AppendUint32([]byte("RIFF"), 36)
	wav = binary.LittleEndian.AppendUint32(append(wav, "WAVEfmt "...), 16)
	// PCM, one channel.
	wav = binary.LittleEndian.AppendUint16(wav, 1)
	wav = binary.LittleEndian.AppendUint16(wav, 1)
	// Samples per second, bytes per second, bytes per sample, bits.
	wav = binary.LittleEndian.AppendUint32(wav, 8000)
	wav = binary.LittleEndian.AppendUint32(wav, 8000)
	wav = binary.LittleEndian.AppendUint16(wav, 1)
	wav = binary.LittleEndian.AppendUint16(wav, 8)
	return binary.LittleEndian.AppendUint32(append(wav, "data"...), 0)
}

func csv(highs []int) string {
	var values []string
	for _, high := range highs {
		values = append(values, strconv.Itoa(high))
	}
	return strings.Join(values, ",") + "\n"
}
