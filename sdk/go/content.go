package toolyard

// Role is who says something, or whom it is for.
type Role string

// The roles of a conversation.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// Icon is an image that a client may show beside a name.
type Icon struct {
	// Src is an https: or a data: URI.
	Src string
	// MimeType may be left out: then it is what the URI says.
	MimeType string
	// Sizes are such as "48x48" or "any". Empty: any size.
	Sizes []string
	// Theme is the background it was drawn for, "light" or "dark". Empty: either.
	Theme string
}

// Annotations are hints to the client about one piece of content.
type Annotations struct {
	// Audience is whom it is for. Empty: everybody.
	Audience []Role
	// Priority is from 0 (may be left out) to 1 (must be seen). Nil: not said. Ptr makes one of a number.
	Priority *float64
	// LastModified is an ISO 8601 date and time.
	LastModified string
}

// Meta is a _meta object: anything that can be said in JSON, by key.
type Meta map[string]any

// Content is one piece of an answer: Text, Image, Audio, ResourceLink or Embedded.
type Content interface {
	isContent()
}

// Text is text for the model or the user.
type Text struct {
	Text        string
	Annotations *Annotations
	Meta        Meta
}

// Image is a picture, of a type such as image/png.
type Image struct {
	Data        []byte
	MimeType    string
	Annotations *Annotations
	Meta        Meta
}

// Audio is a sound, of a type such as audio/wav.
type Audio struct {
	Data        []byte
	MimeType    string
	Annotations *Annotations
	Meta        Meta
}

// ResourceLink points to a resource that the client may read.
type ResourceLink struct {
	URI         string
	Name        string
	Title       string
	Description string
	MimeType    string
	// Size is in bytes. Nil: not known.
	Size        *uint64
	Icons       []Icon
	Annotations *Annotations
	Meta        Meta
}

// Embedded is a resource that travels inside an answer.
type Embedded struct {
	Contents    Contents
	Annotations *Annotations
	Meta        Meta
}

// Contents is what a resource holds: Text, or Blob if that is not nil.
type Contents struct {
	// URI may be left out where it is the one that the client asked for.
	URI string
	// MimeType may be left out where it is the one that the resource was declared with.
	MimeType string
	Text     string
	Blob     []byte
	Meta     Meta
}

func (Text) isContent()         {}
func (Image) isContent()        {}
func (Audio) isContent()        {}
func (ResourceLink) isContent() {}
func (Embedded) isContent()     {}

// Result is all that a tool can give back. Tools that give back text, content or data have no need of it.
type Result struct {
	// Content may be empty where there is Structured: the host then says the same as text.
	Content []Content
	// Structured is said in JSON. Nil: there is none.
	Structured any
	// IsError says that this tells of a failure. An error says so more easily.
	IsError bool
	Meta    Meta
}

// Ptr gives a pointer to a value, for what may be left out.
func Ptr[T any](value T) *T {
	return &value
}
