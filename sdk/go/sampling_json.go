package toolyard

import "encoding/base64"

// Content in the protocol's words, for where a plugin has to write them itself: inside of a request to the client's model. What a
// plugin answers, the host writes.

func (t Text) samplingJSON() (map[string]any, error) {
	return block("text", t.Annotations, t.Meta, "text", t.Text), nil
}

func (i Image) samplingJSON() (map[string]any, error) {
	data := base64.StdEncoding.EncodeToString(i.Data)
	return block("image", i.Annotations, i.Meta, "data", data, "mimeType", i.MimeType), nil
}

func (a Audio) samplingJSON() (map[string]any, error) {
	data := base64.StdEncoding.EncodeToString(a.Data)
	return block("audio", a.Annotations, a.Meta, "data", data, "mimeType", a.MimeType), nil
}

func (u ToolUse) samplingJSON() (map[string]any, error) {
	input := map[string]any{}
	if err := decode(u.Input, &input); err != nil {
		return nil, Internalf("the input of the tool %s: %w", u.Name, err)
	}
	return block("tool_use", nil, nil, "id", u.ID, "name", u.Name, "input", input), nil
}

func (u ToolUsed) samplingJSON() (map[string]any, error) {
	content := []map[string]any{}
	for _, piece := range u.Content {
		said, err := contentJSON(piece)
		if err != nil {
			return nil, err
		}
		content = append(content, said)
	}
	result := block("tool_result", nil, nil, "toolUseId", u.ID, "content", content)
	if u.IsError {
		result["isError"] = true
	}
	return result, nil
}

func contentJSON(piece Content) (map[string]any, error) {
	switch piece := piece.(type) {
	case SamplingContent:
		return piece.samplingJSON()
	case ResourceLink:
		link := block("resource_link", piece.Annotations, piece.Meta, "uri", piece.URI, "name", piece.Name,
			"title", piece.Title, "description", piece.Description, "mimeType", piece.MimeType)
		if piece.Size != nil {
			link["size"] = *piece.Size
		}
		if len(piece.Icons) > 0 {
			link["icons"] = iconsJSON(piece.Icons)
		}
		return link, nil
	case Embedded:
		contents := block("", nil, piece.Contents.Meta, "uri", piece.Contents.URI, "mimeType", piece.Contents.MimeType)
		if piece.Contents.Blob != nil {
			contents["blob"] = base64.StdEncoding.EncodeToString(piece.Contents.Blob)
		} else {
			contents["text"] = piece.Contents.Text
		}
		return block("resource", piece.Annotations, piece.Meta, "resource", contents), nil
	}
	return nil, Internalf("a %T is no content", piece)
}

func iconsJSON(icons []Icon) []map[string]any {
	var all []map[string]any
	for _, icon := range icons {
		one := block("", nil, nil, "src", icon.Src, "mimeType", icon.MimeType, "theme", icon.Theme)
		if len(icon.Sizes) > 0 {
			one["sizes"] = icon.Sizes
		}
		all = append(all, one)
	}
	return all
}

// block is an object of the keys and values that follow. Of these, empty text is left out but where it is the text itself.
func block(kind string, annotations *Annotations, meta Meta, pairs ...any) map[string]any {
	object := map[string]any{}
	add := func(key string, value any) {
		if value != "" || key == "text" || key == "data" {
			object[key] = value
		}
	}
	add("type", kind)
	for i := 0; i < len(pairs); i += 2 {
		add(pairs[i].(string), pairs[i+1])
	}
	if meta != nil {
		object["_meta"] = meta
	}
	if annotations != nil {
		hints := map[string]any{}
		if len(annotations.Audience) > 0 {
			hints["audience"] = annotations.Audience
		}
		if annotations.Priority != nil {
			hints["priority"] = *annotations.Priority
		}
		if annotations.LastModified != "" {
			hints["lastModified"] = annotations.LastModified
		}
		object["annotations"] = hints
	}
	return object
}
