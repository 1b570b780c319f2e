package toolyard

import (
	"context"
	"log/slog"
	"runtime"
	"strings"

	"toolyard/internal/host"
)

// Levels of the host that log/slog has no name for: slog.Log(ctx, toolyard.LevelTrace, "…").
const (
	LevelTrace    = slog.LevelDebug - 4
	LevelCritical = slog.LevelError + 4
)

// LogHandler writes what log/slog is told to the host's log. In a component it is the default; what the operator's log level leaves
// out, the host drops.
type LogHandler struct {
	attrs  string
	groups string
}

// Enabled says yes: it is the host that knows.
func (LogHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle writes the message, with attributes as key=value behind it, under the name of the function that speaks.
func (h LogHandler) Handle(ctx context.Context, record slog.Record) error {
	var message strings.Builder
	message.WriteString(record.Message + h.attrs)
	record.Attrs(func(attr slog.Attr) bool {
		message.WriteString(attrText(h.groups, attr))
		return true
	})
	host.Log(ctx, hostLevel(record.Level), speaker(record.PC), message.String())
	return nil
}

// WithAttrs is part of slog.Handler.
func (h LogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, attr := range attrs {
		h.attrs += attrText(h.groups, attr)
	}
	return h
}

// WithGroup is part of slog.Handler.
func (h LogHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.groups += name + "."
	}
	return h
}

func attrText(groups string, attr slog.Attr) string {
	value := attr.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		if attr.Equal(slog.Attr{}) {
			return ""
		}
		return " " + groups + attr.Key + "=" + value.String()
	}
	if attr.Key != "" {
		groups += attr.Key + "."
	}
	var text strings.Builder
	for _, inner := range value.Group() {
		text.WriteString(attrText(groups, inner))
	}
	return text.String()
}

func hostLevel(level slog.Level) host.Level {
	switch {
	case level < slog.LevelDebug:
		return host.Trace
	case level < slog.LevelInfo:
		return host.Debug
	case level < slog.LevelWarn:
		return host.Info
	case level < slog.LevelError:
		return host.Warn
	case level < LevelCritical:
		return host.Error
	}
	return host.Critical
}

// speaker is the function that wrote a line, such as main.forecast.
func speaker(pc uintptr) string {
	if pc == 0 {
		return ""
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return frame.Function[strings.LastIndexByte(frame.Function, '/')+1:]
}
