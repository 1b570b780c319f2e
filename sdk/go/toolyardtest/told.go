//go:build !wasip1

package toolyardtest

import (
	"encoding/json/v2"
	"slices"

	"toolyard"
	"toolyard/internal/host"
)

// Progress is one report.
type Progress = host.Progress

// Progress is what was reported.
func (h *Host) Progress() []Progress {
	h.granted.Lock()
	defer h.granted.Unlock()
	return slices.Clone(h.granted.Progress)
}

// Logs are the lines that were logged, such as "info: fetched 3 rows".
func (h *Host) Logs() []string {
	h.granted.Lock()
	defer h.granted.Unlock()
	names := []string{"trace", "debug", "info", "warn", "error", "critical"}
	var lines []string
	for _, line := range h.granted.Logs {
		lines = append(lines, names[line.Level]+": "+line.Message)
	}
	return lines
}

// Changes are the lists that changed, "tools", "prompts" or "resources", and the URIs of resources that did.
func (h *Host) Changes() []string {
	h.granted.Lock()
	defer h.granted.Unlock()
	var changes []string
	for _, what := range h.granted.Lists {
		changes = append(changes, []string{"tools", "prompts", "resources"}[what])
	}
	return append(changes, h.granted.Updated...)
}

// Accept is a form that was filled in with this, or a page that the user went to.
func Accept(content any) string {
	return said(map[string]any{"action": "accept", "content": content})
}

// Decline is a user who says no.
func Decline() string { return `{"action":"decline"}` }

// Cancel is a user who goes away without saying.
func Cancel() string { return `{"action":"cancel"}` }

// Sampled is what the client's model says.
func Sampled(text string) string {
	content := map[string]any{"type": "text", "text": text}
	return said(map[string]any{"role": "assistant", "content": content, "model": "test", "stopReason": "endTurn"})
}

// Roots are the folders that the client works in.
func Roots(uris ...string) string {
	roots := []toolyard.Root{}
	for _, uri := range uris {
		roots = append(roots, toolyard.Root{URI: uri})
	}
	return said(map[string]any{"roots": roots})
}

func said(answer any) string {
	text, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return string(text)
}
