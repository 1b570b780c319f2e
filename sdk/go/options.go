package toolyard

import "fmt"

// Option says more of a tool, a prompt or a resource.
type Option struct {
	name  string
	kinds kind
	set   func(*about)
}

// kind is what an option may be said of.
type kind uint8

const (
	ofTool kind = 1 << iota
	ofPrompt
	ofResource
	ofAll = ofTool | ofPrompt | ofResource
)

// about is what clients and people are told of something.
type about struct {
	name        string
	title       string
	description string
	icons       []Icon
	meta        Meta
	hints       Hints
	longRunning bool
	output      func() (*schema, error)
	mimeType    string
	size        *uint64
	annotations *Annotations
}

// Hints say what calling a tool may do. Nil: not said.
type Hints struct {
	ReadOnly    *bool
	Destructive *bool
	Idempotent  *bool
	OpenWorld   *bool
}

// Title is a name for people.
func Title(title string) Option {
	return Option{"Title", ofAll, func(a *about) { a.title = title }}
}

// Icons are images that a client may show beside the name.
func Icons(icons ...Icon) Option {
	return Option{"Icons", ofAll, func(a *about) { a.icons = icons }}
}

// WithMeta sets the _meta of the description.
func WithMeta(meta Meta) Option {
	return Option{"WithMeta", ofAll, func(a *about) { a.meta = meta }}
}

// ReadOnly says that the tool changes nothing.
func ReadOnly() Option {
	return Option{"ReadOnly", ofTool, func(a *about) { a.hints.ReadOnly = Ptr(true) }}
}

// Destructive says whether the tool may delete or overwrite.
func Destructive(may bool) Option {
	return Option{"Destructive", ofTool, func(a *about) { a.hints.Destructive = &may }}
}

// Idempotent says that calling twice with the same arguments has the effect of calling once.
func Idempotent() Option {
	return Option{"Idempotent", ofTool, func(a *about) { a.hints.Idempotent = Ptr(true) }}
}

// OpenWorld says whether the tool reaches things outside of the host, such as the web.
func OpenWorld(does bool) Option {
	return Option{"OpenWorld", ofTool, func(a *about) { a.hints.OpenWorld = &does }}
}

// LongRunning says that the tool usually takes longer than a client likes to wait.
func LongRunning() Option {
	return Option{"LongRunning", ofTool, func(a *about) { a.longRunning = true }}
}

// Output says that a tool which returns a Result gives back a T in its Structured.
func Output[T any]() Option {
	return Option{"Output", ofTool, func(a *about) { a.output = outputSchema[T] }}
}

// MimeType says of what type a resource is, such as text/plain.
func MimeType(mimeType string) Option {
	return Option{"MimeType", ofResource, func(a *about) { a.mimeType = mimeType }}
}

// Size says how many bytes a resource has.
func Size(bytes uint64) Option {
	return Option{"Size", ofResource, func(a *about) { a.size = &bytes }}
}

// Annotated gives clients hints about a resource.
func Annotated(annotations Annotations) Option {
	return Option{"Annotated", ofResource, func(a *about) { a.annotations = &annotations }}
}

func newAbout(kind kind, name, description string, options []Option) about {
	a := about{name: name, description: description}
	for _, option := range options {
		if option.kinds&kind == 0 {
			panic(fmt.Sprintf("toolyard: the option %s cannot be said of %s", option.name, name))
		}
		option.set(&a)
	}
	return a
}
