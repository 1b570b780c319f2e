package toolyard

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// resource is something that can be read, or a family of such.
type resource struct {
	about
	// uri is one URI, template parses as a family, and prefix is how URIs begin: one of the three is there.
	uri, prefix string
	template    *template
	read        func(ctx *Context, at Match) ([]Contents, error)
}

// Match is what a client asked for.
type Match struct {
	URI string
	// Vars are the template's variables, decoded.
	Vars map[string]string
}

// ResourceInfo is one entry of the list of resources.
type ResourceInfo struct {
	URI, Name, Title, Description, MimeType string
	// Size is in bytes. Nil: not known.
	Size        *uint64
	Icons       []Icon
	Annotations *Annotations
	Meta        Meta
}

// TemplateInfo is a family of resources.
type TemplateInfo struct {
	Template, Name, Title, Description, MimeType string
	Icons                                        []Icon
	Annotations                                  *Annotations
	Meta                                         Meta
}

// Page is a part of the list of resources.
type Page struct {
	Resources []ResourceInfo
	// Next is where the next part begins, in words of your own. Empty: this was the last.
	Next string
}

// Resource registers what can be read at one URI. Clients see it in the list.
//
// T is string for text, []byte for bytes, Contents or []Contents, or data, which becomes JSON. ErrNotFound says that there is
// nothing.
func Resource[T any](uri, name, description string, read func(*Context) (T, error), options ...Option) {
	addResource(resource{uri: uri}, name, description, options, func(ctx *Context, _ Match) (T, error) { return read(ctx) })
}

// ResourceTemplate registers what can be read at the URIs that fit a template (RFC 6570), such as orders://{id}: {name} is up
// to a slash, {+name} is all the rest, and {?one,two} at the end may be left out.
func ResourceTemplate[T any](uris, name, description string, read func(*Context, Match) (T, error), options ...Option) {
	parsed, err := parseTemplate(uris)
	if err != nil {
		panic(fmt.Sprintf("toolyard: the template %s: %s", uris, err))
	}
	addResource(resource{template: parsed}, name, description, options, read)
}

// ResourcePrefix registers what can be read at all URIs that begin with prefix. Clients see those that a ResourceList names.
func ResourcePrefix[T any](prefix string, read func(*Context, Match) (T, error), options ...Option) {
	addResource(resource{prefix: prefix}, prefix, "", options, read)
}

// ResourceList registers a list of resources that are known only when it is asked for. cursor is the Next of an earlier part.
func ResourceList(list func(ctx *Context, cursor string) (Page, error)) {
	registered.listings = append(registered.listings, list)
}

func addResource[T any](r resource, name, description string, options []Option, read func(*Context, Match) (T, error)) {
	r.about = newAbout(ofResource, name, description, options)
	if r.mimeType == "" && isJSON[T]() {
		r.mimeType = "application/json"
	}
	r.read = func(ctx *Context, at Match) ([]Contents, error) {
		out, err := read(ctx, at)
		if err != nil {
			return nil, err
		}
		return contentsOf(out)
	}
	registered.resources = append(registered.resources, r)
}

func isJSON[T any]() bool {
	switch any(*new(T)).(type) {
	case string, []byte, Contents, []Contents:
		return false
	}
	return true
}

func contentsOf(out any) ([]Contents, error) {
	switch out := out.(type) {
	case string:
		return []Contents{{Text: out}}, nil
	case []byte:
		// Never nil: these are bytes, though there may be none.
		return []Contents{{Blob: append([]byte{}, out...)}}, nil
	case Contents:
		return []Contents{out}, nil
	case []Contents:
		return out, nil
	}
	text, err := jsonText(out)
	if err != nil {
		return nil, Internalf("the resource cannot be said in JSON: %w", err)
	}
	return []Contents{{Text: text}}, nil
}

// Resources are what the host learns without running anything: how the URIs begin, and the templates.
func (p *Plugin) Resources() (prefixes []string, templates []TemplateInfo) {
	for i := range p.resources {
		r := &p.resources[i]
		prefixes = append(prefixes, r.beginning())
		if r.template != nil {
			templates = append(templates, TemplateInfo{
				r.template.text, r.name, r.title, r.description, r.mimeType, r.icons, r.annotations, r.meta,
			})
		}
	}
	return shortest(prefixes), templates
}

// shortest leaves out what begins with another one, and so says nothing more.
func shortest(prefixes []string) []string {
	slices.Sort(prefixes)
	var kept []string
	for _, prefix := range prefixes {
		// What a text is the beginning of comes right after it.
		if len(kept) == 0 || !strings.HasPrefix(prefix, kept[len(kept)-1]) {
			kept = append(kept, prefix)
		}
	}
	return kept
}

// ListResources gives a part of the list: first what has a URI of its own, then what the listing functions tell of.
func (p *Plugin) ListResources(ctx *Context, cursor string) (page Page, err error) {
	index, own := 0, ""
	if cursor == "" {
		for _, r := range p.resources {
			if r.uri != "" {
				page.Resources = append(page.Resources, ResourceInfo{
					r.uri, r.name, r.title, r.description, r.mimeType, r.size, r.icons, r.annotations, r.meta,
				})
			}
		}
	} else if index, own, err = readCursor(cursor); err != nil {
		return page, err
	}
	for ; index < len(p.listings); index, own = index+1, "" {
		listed, err := p.listings[index](ctx, own)
		if err != nil {
			return page, err
		}
		page.Resources = append(page.Resources, listed.Resources...)
		if listed.Next != "" {
			page.Next = strconv.Itoa(index) + ":" + listed.Next
			break
		}
	}
	return page, nil
}

// readCursor: a cursor says which function is to go on, and in its own words where.
func readCursor(cursor string) (index int, own string, err error) {
	number, own, found := strings.Cut(cursor, ":")
	index, err = strconv.Atoi(number)
	if !found || err != nil || index < 0 {
		return 0, "", InvalidArgumentsf("the cursor is none that this list gave out")
	}
	return index, own, nil
}

// ReadResource reads what is at a URI; ErrNotFound where there is nothing.
func (p *Plugin) ReadResource(ctx *Context, uri string) ([]Contents, error) {
	for i := range p.resources {
		r := &p.resources[i]
		vars, fits := r.fits(uri)
		if !fits {
			continue
		}
		contents, err := r.read(ctx, Match{uri, vars})
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return r.complete(contents, uri), nil
	}
	return nil, ErrNotFound
}

// complete: what a function says of its contents is that which the client asked for, unless it says otherwise.
func (r *resource) complete(contents []Contents, uri string) []Contents {
	for i := range contents {
		if contents[i].URI == "" {
			contents[i].URI = uri
		}
		if contents[i].MimeType == "" {
			contents[i].MimeType = r.mimeType
		}
	}
	return contents
}

func (r *resource) beginning() string {
	if r.template != nil {
		return r.template.beginning()
	}
	return r.uri + r.prefix
}

func (r *resource) fits(uri string) (map[string]string, bool) {
	switch {
	case r.template != nil:
		return r.template.match(uri)
	case r.prefix != "":
		return nil, strings.HasPrefix(uri, r.prefix)
	}
	return nil, r.uri == uri
}
