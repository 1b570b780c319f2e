package toolyard

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// template is an RFC 6570 template, as far as it can be read backwards.
type template struct {
	text  string
	parts []part
}

// part is a piece of a template.
type part struct {
	kind partKind
	// text is a literal, or the name of a variable.
	text string
	// names are those of a query.
	names []string
}

type partKind int

const (
	literalPart partKind = iota
	// segmentPart is {name}: not empty, up to a `/`, `?` or `#`.
	segmentPart
	// restPart is {+name}: not empty.
	restPart
	// queryPart is {?one,two}, at the end: each may be left out, in any order.
	queryPart
)

func parseTemplate(text string) (*template, error) {
	t := &template{text: text}
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		if before != "" {
			t.parts = append(t.parts, part{kind: literalPart, text: before})
		}
		if !found {
			break
		}
		expression, next, closed := strings.Cut(after, "}")
		if !closed {
			return nil, errors.New("a `{` is not closed")
		}
		one, err := parsePart(expression)
		if err != nil {
			return nil, err
		}
		if one.kind == queryPart && next != "" {
			return nil, errors.New("a query stands at the end")
		}
		t.parts, rest = append(t.parts, one), next
	}
	if t.beginning() == "" {
		return nil, errors.New("it begins with a variable: begin with a prefix such as orders://")
	}
	return t, nil
}

func parsePart(expression string) (part, error) {
	one := part{kind: segmentPart, text: expression}
	switch {
	case strings.HasPrefix(expression, "+"):
		one = part{kind: restPart, text: expression[1:]}
	case strings.HasPrefix(expression, "?"):
		one = part{kind: queryPart, names: strings.Split(expression[1:], ",")}
	}
	for _, name := range append(one.names, one.text) {
		if strings.ContainsFunc(name, func(c rune) bool { return !isNameRune(c) }) || one.kind != queryPart && name == "" {
			return one, fmt.Errorf("`{%s}` is not one of {name}, {+name} and {?one,two}", expression)
		}
	}
	return one, nil
}

func isNameRune(c rune) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// beginning is what stands before the first variable.
func (t *template) beginning() string {
	if len(t.parts) > 0 && t.parts[0].kind == literalPart {
		return t.parts[0].text
	}
	return ""
}

// match gives the values of the variables, decoded, where the URI fits.
func (t *template) match(uri string) (map[string]string, bool) {
	found := map[string]string{}
	return found, fit(t.parts, uri, found)
}

func fit(parts []part, text string, found map[string]string) bool {
	if len(parts) == 0 {
		return text == ""
	}
	first, others := parts[0], parts[1:]
	switch first.kind {
	case literalPart:
		rest, fits := strings.CutPrefix(text, first.text)
		return fits && fit(others, rest, found)
	case segmentPart:
		end := strings.IndexAny(text, "/?#")
		if end < 0 {
			end = len(text)
		}
		return fitValue(first.text, others, text, end, found)
	case restPart:
		return fitValue(first.text, others, text, len(text), found)
	default:
		return fitQuery(first.names, text, found)
	}
}

// fitValue tries all values, the shortest first: what follows says where it ends.
func fitValue(name string, others []part, text string, endMax int, found map[string]string) bool {
	for end := 1; end <= endMax; end++ {
		if end < len(text) && !utf8.RuneStart(text[end]) {
			continue
		}
		value, ok := decoded(text[:end])
		if ok && fit(others, text[end:], found) {
			found[name] = value
			return true
		}
	}
	return false
}

func fitQuery(names []string, text string, found map[string]string) bool {
	if text == "" {
		return true
	}
	query, isQuery := strings.CutPrefix(text, "?")
	if !isQuery {
		return false
	}
	for _, pair := range strings.Split(query, "&") {
		name, encoded, _ := strings.Cut(pair, "=")
		value, ok := decoded(encoded)
		if !ok {
			return false
		}
		// Others may be for somebody between the client and us.
		if slices.Contains(names, name) {
			found[name] = value
		}
	}
	return true
}

// decoded undoes percent-encoding (RFC 3986, section 2.1).
func decoded(text string) (string, bool) {
	value, err := url.PathUnescape(text)
	return value, err == nil && utf8.ValidString(value)
}
