package toolyard

import (
	"encoding"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// JSONSchemaer is a type that says its own JSON Schema (2020-12), where what reflection finds is not enough.
type JSONSchemaer interface {
	JSONSchema() string
}

// Enumerated is a string type with a fixed set of values.
type Enumerated interface {
	EnumValues() []string
}

// schema is an object of JSON that is being written: its keys stand in the order in which they were added.
type schema struct {
	keys   []string
	values []string
}

func (s *schema) set(key, json string) {
	if at := slices.Index(s.keys, key); at >= 0 {
		s.values[at] = json
		return
	}
	s.keys, s.values = append(s.keys, key), append(s.values, json)
}

func (s *schema) get(key string) string {
	if at := slices.Index(s.keys, key); at >= 0 {
		return s.values[at]
	}
	return ""
}

func (s *schema) String() string {
	var out strings.Builder
	out.WriteByte('{')
	for i, key := range s.keys {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(quoted(key) + ":" + s.values[i])
	}
	out.WriteByte('}')
	return out.String()
}

// quoted is a string as JSON, which for a string cannot fail.
func quoted(text string) string {
	json, _ := jsontext.AppendQuote(nil, text)
	return string(json)
}

func typed(name string) *schema {
	s := &schema{}
	s.set("type", quoted(name))
	return s
}

// reflector makes schemas of types. A struct stands where it is used; only one that holds itself goes into $defs.
type reflector struct {
	open      []reflect.Type
	recursive map[reflect.Type]bool
	defs      schema
	// input says that it is about what is read rather than about what is written.
	input bool
}

var (
	schemaerType   = reflect.TypeFor[JSONSchemaer]()
	enumeratedType = reflect.TypeFor[Enumerated]()
	textType       = reflect.TypeFor[encoding.TextMarshaler]()
	rawType        = reflect.TypeFor[jsontext.Value]()
	timeType       = reflect.TypeFor[time.Time]()
	durationType   = reflect.TypeFor[time.Duration]()
)

// inputSchema is the schema of a tool's arguments: a struct's fields, and nothing else.
func inputSchema(t reflect.Type) (*schema, error) {
	r := reflector{input: true}
	s, err := r.root(t)
	if err != nil {
		return nil, err
	}
	if s.get("type") != `"object"` {
		return nil, fmt.Errorf("the arguments are a %s: they have to be a struct", t)
	}
	if t.Kind() == reflect.Struct && !t.Implements(schemaerType) {
		// A misspelt optional argument would otherwise be ignored without a word.
		s.set("additionalProperties", "false")
	}
	return s, nil
}

// outputSchema is the schema of the data that a tool gives back; nil if it allows everything.
func outputSchema[T any]() (*schema, error) {
	r := reflector{}
	s, err := r.root(reflect.TypeFor[T]())
	if err != nil || len(s.keys) == 0 {
		return nil, err
	}
	return s, nil
}

func (r *reflector) root(t reflect.Type) (*schema, error) {
	r.recursive = map[reflect.Type]bool{}
	s, err := r.of(t)
	if err != nil {
		return nil, err
	}
	if ref := s.get("$ref"); ref != "" {
		// The root has to be an object in itself.
		s = typed("object")
		s.set("allOf", `[{"$ref":`+ref+`}]`)
	}
	if len(r.defs.keys) > 0 {
		s.set("$defs", r.defs.String())
	}
	return s, nil
}

func (r *reflector) of(t reflect.Type) (*schema, error) {
	if s, err := special(t); s != nil || err != nil {
		return s, err
	}
	switch t.Kind() {
	case reflect.Pointer:
		s, err := r.of(t.Elem())
		if err != nil {
			return nil, err
		}
		return nullable(s), nil
	case reflect.Bool:
		return typed("boolean"), nil
	case reflect.String:
		return typed("string"), nil
	case reflect.Float32, reflect.Float64:
		return typed("number"), nil
	case reflect.Slice, reflect.Array:
		return r.list(t)
	case reflect.Map:
		values, err := r.of(t.Elem())
		if err != nil {
			return nil, err
		}
		s := typed("object")
		s.set("additionalProperties", values.String())
		return s, nil
	case reflect.Struct:
		return r.object(t)
	case reflect.Interface:
		return &schema{}, nil
	}
	if s := integer(t); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("a %s cannot be said in JSON", t)
}

// special is about types that are not what their kind says. Nil: there is nothing special.
func special(t reflect.Type) (*schema, error) {
	value := reflect.Zero(t)
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return nil, nil
	case t.Implements(schemaerType):
		return parsed(value.Interface().(JSONSchemaer).JSONSchema())
	case t.Implements(enumeratedType):
		s := typed("string")
		s.set("enum", list(value.Interface().(Enumerated).EnumValues(), quoted))
		return s, nil
	case t == rawType:
		return &schema{}, nil
	case t == durationType:
		return nil, errors.New("a time.Duration has no one form in JSON: take a number, and say its unit")
	case t == timeType, t.Implements(textType), t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return typed("string"), nil
	}
	return nil, nil
}

func integer(t reflect.Type) *schema {
	s := typed("integer")
	switch t.Kind() {
	case reflect.Int8, reflect.Int16:
		s.set("minimum", strconv.Itoa(-1<<(t.Bits()-1)))
		s.set("maximum", strconv.Itoa(1<<(t.Bits()-1)-1))
	case reflect.Uint8, reflect.Uint16:
		s.set("minimum", "0")
		s.set("maximum", strconv.Itoa(1<<t.Bits()-1))
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		s.set("minimum", "0")
	case reflect.Int, reflect.Int32, reflect.Int64:
	default:
		return nil
	}
	return s
}

func (r *reflector) list(t reflect.Type) (*schema, error) {
	items, err := r.of(t.Elem())
	if err != nil {
		return nil, err
	}
	if r.input && defaults(t.Elem()) != "" {
		return nil, fmt.Errorf("there are no defaults within a list, and %s has some", t.Elem())
	}
	s := typed("array")
	s.set("items", items.String())
	return s, nil
}

func (r *reflector) object(t reflect.Type) (*schema, error) {
	ref := &schema{}
	ref.set("$ref", quoted("#/$defs/"+t.Name()))
	if slices.Contains(r.open, t) {
		r.recursive[t] = true
		return ref, nil
	}
	if r.defs.get(t.Name()) != "" && r.recursive[t] {
		return ref, nil
	}
	r.open = append(r.open, t)
	defer func() { r.open = r.open[:len(r.open)-1] }()

	s, properties := typed("object"), &schema{}
	required, err := r.fields(t, properties)
	if err != nil {
		return nil, err
	}
	s.set("properties", properties.String())
	if len(required) > 0 {
		s.set("required", list(required, quoted))
	}
	if r.recursive[t] {
		r.defs.set(t.Name(), s.String())
		return ref, nil
	}
	return s, nil
}

// fields adds a struct's fields to properties, and gives the names of those that must be there.
func (r *reflector) fields(t reflect.Type, properties *schema) (required []string, err error) {
	for field := range fieldsOf(t) {
		s, err := r.of(field.Type)
		if err == nil {
			err = field.describe(s)
		}
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", field.Name, t, err)
		}
		properties.set(field.key, s.String())
		if field.required(r.input) {
			required = append(required, field.key)
		}
	}
	return required, nil
}

// nullable allows null beside what a schema says.
func nullable(s *schema) *schema {
	name := s.get("type")
	switch {
	case len(s.keys) == 0:
		return s
	case strings.HasPrefix(name, `"`):
		s.set("type", "["+name+`,"null"]`)
		if values := s.get("enum"); values != "" {
			s.set("enum", strings.TrimSuffix(values, "]")+",null]")
		}
		return s
	default:
		either := &schema{}
		either.set("anyOf", "["+s.String()+`,{"type":"null"}]`)
		return either
	}
}

// parsed takes a schema that somebody wrote apart, so that a field can say more of it.
func parsed(text string) (*schema, error) {
	decoder := jsontext.NewDecoder(strings.NewReader(text))
	if token, err := decoder.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, fmt.Errorf("the JSONSchema is not an object of JSON: %s", text)
	}
	s := &schema{}
	for decoder.PeekKind() != '}' {
		key, err := decoder.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("the JSONSchema cannot be read: %w", err)
		}
		name := key.String()
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("the JSONSchema cannot be read: %w", err)
		}
		s.set(name, string(value))
	}
	return s, nil
}

func list[T any](items []T, json func(T) string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = json(item)
	}
	return "[" + strings.Join(texts, ",") + "]"
}
