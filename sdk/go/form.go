package toolyard

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"reflect"
	"slices"
)

// Answer is what the user made of a form or a page.
type Answer[T any] struct {
	// Action is what the user did: "accept", "decline" or "cancel".
	Action string
	// Value is what was filled in, if it was accepted.
	Value T
}

// Accepted says whether it was answered.
func (a Answer[T]) Accepted() bool { return a.Action == "accept" }

// Form is a form for the user to fill in, with a field for each of T's. message says what it is about.
//
// A field is a string, a number, a bool, one of several strings (enum), or a list of such; nothing is nested. The tags are those of
// arguments. A pointer may be left empty, and a default is what the form shows at first. What is secret does not belong
// into a form but onto a page: see URL.
func Form[T any](message string) Question[Answer[T]] {
	return form[T]{message: message}
}

// FormWithSchema is a form whose fields are known only when the tool runs. The schema goes to the client as it stands.
func FormWithSchema[T any](message, schema string) Question[Answer[T]] {
	return form[T]{message, schema}
}

// Confirm is a question with nothing to fill in. message says what accepting means.
func Confirm(message string) Question[Answer[struct{}]] {
	return form[struct{}]{message, emptyForm}
}

// URL is a page for the user to open in a browser, such as a sign-in: the place for what is secret. That it was accepted
// says that the user went there, and not what came of it.
func URL(message, url string) Question[Answer[struct{}]] {
	return urlQuestion{message, url}
}

const emptyForm = `{"type":"object","properties":{}}`

type form[T any] struct {
	message, schema string
}

func (f form[T]) request() (InputRequest, error) {
	text := f.schema
	if text == "" {
		s, err := formSchema(reflect.TypeFor[T]())
		if err != nil {
			return InputRequest{}, Internalf("the form: %w", err)
		}
		text = s
	}
	return InputRequest{Kind: "form", Message: f.message, JSON: text}, nil
}

func (f form[T]) read(response string) (Answer[T], error) {
	return readAnswer[T](response)
}

type urlQuestion struct {
	message, url string
}

func (p urlQuestion) request() (InputRequest, error) {
	return InputRequest{Kind: "url", Message: p.message, URL: p.url}, nil
}

func (p urlQuestion) read(response string) (Answer[struct{}], error) {
	return readAnswer[struct{}](response)
}

// readAnswer reads an ElicitResult.
func readAnswer[T any](response string) (answer Answer[T], err error) {
	var result struct {
		Action  string         `json:"action"`
		Content jsontext.Value `json:"content"`
	}
	if err := json.Unmarshal([]byte(response), &result); err != nil {
		return answer, err
	}
	if !slices.Contains([]string{"accept", "decline", "cancel"}, result.Action) {
		return answer, fmt.Errorf("nobody can `%s` a form", result.Action)
	}
	answer.Action = result.Action
	if !answer.Accepted() {
		return answer, nil
	}
	for _, field := range missingFields(reflect.TypeFor[T](), result.Content) {
		return answer, fmt.Errorf("`%s` was not filled in", field)
	}
	// A client may leave an empty form's content out.
	if len(result.Content) > 0 {
		err = json.Unmarshal(result.Content, &answer.Value)
	}
	return answer, err
}

// missingFields are those that must be filled in and were not: encoding/json does not mind.
func missingFields(t reflect.Type, content jsontext.Value) []string {
	if t.Kind() != reflect.Struct {
		return nil
	}
	given := map[string]jsontext.Value{}
	// If it is no object, reading it says so better.
	_ = json.Unmarshal(content, &given)
	var missing []string
	for f := range fieldsOf(t) {
		if _, found := given[f.key]; !found && f.required(true) {
			missing = append(missing, f.key)
		}
	}
	return missing
}

// formSchema is the part of JSON Schema that clients draw forms from (PrimitiveSchemaDefinition in the protocol's schema).
func formSchema(t reflect.Type) (string, error) {
	if t.Kind() != reflect.Struct {
		return "", fmt.Errorf("a form is made of a struct, and %s is none", t)
	}
	r := reflector{input: true, recursive: map[reflect.Type]bool{}}
	properties, required := &schema{}, []string{}
	for f := range fieldsOf(t) {
		// What may be left empty is left out, rather than null.
		plain := deref(f.Type)
		s, err := r.of(plain)
		if err == nil {
			err = f.describe(s)
		}
		if err == nil && !fitsForm(plain, s) {
			err = fmt.Errorf("it is a %s: a form holds strings, numbers, bools, and lists of strings that have an enum", plain)
		}
		if err != nil {
			return "", fmt.Errorf("field %s of %s: %w", f.Name, t, err)
		}
		properties.set(f.key, s.String())
		if f.required(true) {
			required = append(required, f.key)
		}
	}
	form := typed("object")
	form.set("properties", properties.String())
	if len(required) > 0 {
		form.set("required", list(required, quoted))
	}
	return form.String(), nil
}

func fitsForm(t reflect.Type, s *schema) bool {
	switch s.get("type") {
	case `"string"`, `"number"`, `"integer"`, `"boolean"`:
		return true
	case `"array"`:
		items, err := parsed(s.get("items"))
		return err == nil && t.Elem().Kind() == reflect.String && items.get("enum") != ""
	}
	return false
}
