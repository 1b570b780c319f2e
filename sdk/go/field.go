package toolyard

import (
	"encoding/json/jsontext"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
)

// field is a struct's field, with what its tags say:
//
//	Days int `json:"days" doc:"How many days." jsonschema:"minimum=1,maximum=7,default=3"`
type field struct {
	reflect.StructField
	key      string
	optional bool
}

// keywords of the jsonschema tag, and what their values are.
var keywords = map[string]func(value string, field reflect.Type) (json string, err error){
	"title": text, "pattern": text, "format": text,
	"minimum": number, "maximum": number, "exclusiveMinimum": number, "exclusiveMaximum": number, "multipleOf": number,
	"minLength": number, "maxLength": number, "minItems": number, "maxItems": number,
	"uniqueItems": number, "default": literal, "enum": choices,
	// The argument also travels in the header Mcp-Param-NAME.
	"header": text,
}

// fieldsOf gives the fields that JSON knows, those of embedded structs in their place.
func fieldsOf(t reflect.Type) iter.Seq[field] {
	return func(yield func(field) bool) { eachField(t, yield) }
}

// eachField says whether to go on.
func eachField(t reflect.Type, yield func(field) bool) bool {
	for i := range t.NumField() {
		f := field{StructField: t.Field(i)}
		tag := strings.Split(f.Tag.Get("json"), ",")
		f.key = tag[0]
		f.optional = slices.Contains(tag, "omitempty") || slices.Contains(tag, "omitzero")
		switch {
		case f.key == "-":
			continue
		case f.Anonymous && f.key == "" && f.Type.Kind() == reflect.Struct:
			if !eachField(f.Type, yield) {
				return false
			}
			continue
		case !f.IsExported():
			continue
		case f.key == "":
			f.key = f.Name
		}
		if !yield(f) {
			return false
		}
	}
	return true
}

// required says whether it must be there: in what is read, a pointer or a default stands for what is not.
func (f field) required(input bool) bool {
	_, hasDefault := f.keyword("default")
	return !f.optional && !(input && (hasDefault || f.Type.Kind() == reflect.Pointer))
}

// describe adds to the schema of the field's type what is said of the field.
func (f field) describe(s *schema) error {
	if doc := f.Tag.Get("doc"); doc != "" {
		s.set("description", quoted(doc))
	}
	for _, part := range splitTag(f.Tag.Get("jsonschema")) {
		key, value, _ := strings.Cut(part, "=")
		name, ofItems := strings.CutPrefix(key, "items.")
		read, known := keywords[name]
		if !known {
			return fmt.Errorf("the tag jsonschema has no `%s`", key)
		}
		target, t := s, deref(f.Type)
		if ofItems {
			items, err := parsed(s.get("items"))
			if err != nil {
				return fmt.Errorf("`%s` is for a list: %w", key, err)
			}
			target, t = items, deref(t.Elem())
		}
		json, err := read(value, t)
		if err != nil {
			return fmt.Errorf("`%s` in the tag jsonschema: %w", part, err)
		}
		if name == "header" {
			name = "x-mcp-header"
		}
		target.set(name, json)
		if ofItems {
			s.set("items", target.String())
		}
	}
	return nil
}

// keyword is what the tag jsonschema says under a name.
func (f field) keyword(name string) (string, bool) {
	for _, part := range splitTag(f.Tag.Get("jsonschema")) {
		if value, found := strings.CutPrefix(part, name+"="); found {
			return value, true
		}
	}
	return "", false
}

// splitTag splits at commas. One that is meant is written `\\,` in the tag.
func splitTag(tag string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(tag); i++ {
		switch {
		case tag[i] == '\\' && i+1 < len(tag) && tag[i+1] == ',':
			i++
			part.WriteByte(',')
		case tag[i] == ',':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(tag[i])
		}
	}
	if part.Len() > 0 {
		parts = append(parts, part.String())
	}
	return parts
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func text(value string, _ reflect.Type) (string, error) {
	return quoted(value), nil
}

func number(value string, _ reflect.Type) (string, error) {
	if json := jsontext.Value(value); !json.IsValid() || strings.HasPrefix(value, `"`) {
		return "", fmt.Errorf("`%s` is no number", value)
	}
	return value, nil
}

// literal is a value of the field's own type. Text needs no quotes.
func literal(value string, t reflect.Type) (string, error) {
	if t.Kind() == reflect.String {
		return quoted(value), nil
	}
	json := value
	if err := decode(json, reflect.New(t).Interface()); err != nil {
		return "", fmt.Errorf("`%s` is no %s", value, t)
	}
	return json, nil
}

func choices(value string, t reflect.Type) (string, error) {
	var values []string
	for _, choice := range strings.Split(value, "|") {
		json, err := literal(choice, t)
		if err != nil {
			return "", err
		}
		values = append(values, json)
	}
	return "[" + strings.Join(values, ",") + "]", nil
}

// defaults is a JSON object of what a struct's fields are where nobody says: empty where there are no defaults.
func defaults(t reflect.Type) string {
	if t.Kind() != reflect.Struct {
		return ""
	}
	object := &schema{}
	for f := range fieldsOf(t) {
		value, found := f.keyword("default")
		if !found {
			if inner := defaults(f.Type); inner != "" {
				object.set(f.key, inner)
			}
			continue
		}
		// One that is none was refused when the tool was described.
		if json, err := literal(value, deref(f.Type)); err == nil {
			object.set(f.key, json)
		}
	}
	if len(object.keys) == 0 {
		return ""
	}
	return object.String()
}
