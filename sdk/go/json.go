package toolyard

import (
	"encoding/json/v2"
	"errors"
	"strings"
)

// jsonText writes JSON as all of Toolyard does: compact, keys in the order of a struct's fields or sorted, and with every
// character that needs no escape as it is. That a nil slice is [] and not null is the way of encoding/json/v2.
func jsonText(value any) (string, error) {
	text, err := json.Marshal(value, json.Deterministic(true))
	return string(text), err
}

// metaText is a _meta as JSON, empty where there is none.
func metaText(meta Meta) (string, error) {
	if meta == nil {
		return "", nil
	}
	text, err := jsonText(meta)
	if err != nil {
		return "", Internalf("the meta cannot be said in JSON: %w", err)
	}
	return text, nil
}

// decode reads a call's arguments over what is in target already. The host has held them against the schema; what is left are
// rules that a schema does not say, such as the range of an int16.
func decode(text string, target any) error {
	err := json.Unmarshal([]byte(text), target)
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return InvalidArgumentsf("the arguments cannot be read: %w", err)
	}
	place := strings.ReplaceAll(strings.TrimPrefix(string(semantic.JSONPointer), "/"), "/", ".")
	reason := "it is no " + semantic.GoType.String()
	if semantic.Err != nil {
		reason = semantic.Err.Error()
	}
	if len(semantic.JSONValue) > 0 {
		reason = string(semantic.JSONValue) + " does not fit: " + reason
	}
	return InvalidArgumentsf("`%s`: %s", place, reason)
}
