package toolyard

import (
	"encoding/base64"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"reflect"
	"strings"
)

// Sampling is a request to the client's model. What the client makes of it, and with which model, is up to the client and its
// user. SamplePrompt is the short way.
type Sampling struct {
	Messages []SamplingMessage
	// MaxTokens is how long the answer may be. 0: 1,000, a page or so.
	MaxTokens int
	// SystemPrompt is what the model is told before the conversation.
	SystemPrompt  string
	Temperature   *float64
	StopSequences []string
	Preferences   *ModelPreferences
	// Tools are offered to the model, for clients that CanSamplingTools. The plugin runs them.
	Tools []SamplingTool
	// ToolChoice is "auto", "required" or "none". Empty: not said.
	ToolChoice string
	// Metadata is passed on to the model's provider.
	Metadata map[string]any
}

// SamplingMessage is one message of a conversation with a model.
type SamplingMessage struct {
	Role    Role
	Content []SamplingContent
}

// SamplingContent is a piece of such a message: Text, Image, Audio, ToolUse or ToolUsed.
type SamplingContent interface {
	samplingJSON() (map[string]any, error)
}

// ToolUse is a tool that the model wants to use.
type ToolUse struct {
	ID   string
	Name string
	// Input is an object of JSON.
	Input string
}

// ToolUsed is what came of a ToolUse.
type ToolUsed struct {
	// ID is that of the ToolUse.
	ID      string
	Content []Content
	IsError bool
}

// SamplingTool is a tool that is offered to the client's model. NewSamplingTool makes one of a type.
type SamplingTool struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	InputSchema jsontext.Value `json:"inputSchema"`
}

// ModelPreferences say which kind of model would be best. Each priority is from 0, not important, to 1.
type ModelPreferences struct {
	// Hints are parts of models' names, the best first.
	Hints                     []string
	Cost, Speed, Intelligence *float64
}

// Sampled is what the client's model said.
type Sampled struct {
	Role    Role
	Content []SamplingContent
	// Model is the model's name.
	Model string
	// StopReason is why it stopped: endTurn, stopSequence, maxTokens, toolUse, another word of the provider's, or nothing.
	StopReason string
}

// maxTokens is how long an answer may be when nobody says.
const maxTokens = 1_000

// SamplePrompt is a conversation that begins with the user saying this.
func SamplePrompt(prompt string) Sampling {
	return Sampling{Messages: []SamplingMessage{{User, []SamplingContent{Text{Text: prompt}}}}}
}

// NewSamplingTool offers the model a tool that takes the fields of T.
func NewSamplingTool[T any](name, description string) (SamplingTool, error) {
	input, err := inputSchema(reflect.TypeFor[T]())
	if err != nil {
		return SamplingTool{}, Internalf("the tool %s: %w", name, err)
	}
	return SamplingTool{name, description, jsontext.Value(input.String())}, nil
}

// Continued adds what the model answered to an earlier request, and what came of the tools that it wanted, for it to go on.
func (s Sampling) Continued(answer Sampled, used ...ToolUsed) Sampling {
	// Not appended in place: the caller's request stays as it is.
	s.Messages = append(s.Messages[:len(s.Messages):len(s.Messages)], SamplingMessage{answer.Role, answer.Content})
	if len(used) > 0 {
		results := SamplingMessage{Role: User}
		for _, result := range used {
			results.Content = append(results.Content, result)
		}
		s.Messages = append(s.Messages, results)
	}
	return s
}

// Text is all of its text.
func (s Sampled) Text() string {
	var texts []string
	for _, piece := range s.Content {
		if text, ok := piece.(Text); ok {
			texts = append(texts, text.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// ToolUses are the tools that the model wants to use. The plugin runs them, and hands the results back with Continued.
func (s Sampled) ToolUses() []ToolUse {
	var uses []ToolUse
	for _, piece := range s.Content {
		if use, ok := piece.(ToolUse); ok {
			uses = append(uses, use)
		}
	}
	return uses
}

// Arguments reads the input into what target points to.
func (u ToolUse) Arguments(target any) error {
	return decode(u.Input, target)
}

func (s Sampling) request() (InputRequest, error) {
	wire, err := s.wire()
	if err != nil {
		return InputRequest{}, err
	}
	text, err := jsonText(wire)
	if err != nil {
		return InputRequest{}, Internalf("the request to the model cannot be said in JSON: %w", err)
	}
	return InputRequest{Kind: "sampling", JSON: text}, nil
}

// createMessage is CreateMessageRequestParams of the protocol.
type createMessage struct {
	Messages         []map[string]any  `json:"messages"`
	MaxTokens        int               `json:"maxTokens"`
	SystemPrompt     string            `json:"systemPrompt,omitempty"`
	Temperature      *float64          `json:"temperature,omitempty"`
	StopSequences    []string          `json:"stopSequences,omitempty"`
	ModelPreferences *preferences      `json:"modelPreferences,omitzero"`
	Tools            []SamplingTool    `json:"tools,omitempty"`
	ToolChoice       map[string]string `json:"toolChoice,omitempty"`
	Metadata         map[string]any    `json:"metadata,omitempty"`
}

type preferences struct {
	Hints        []map[string]string `json:"hints,omitempty"`
	Cost         *float64            `json:"costPriority,omitempty"`
	Speed        *float64            `json:"speedPriority,omitempty"`
	Intelligence *float64            `json:"intelligencePriority,omitempty"`
}

func (s Sampling) wire() (*createMessage, error) {
	wire := &createMessage{
		MaxTokens: s.MaxTokens, SystemPrompt: s.SystemPrompt, Temperature: s.Temperature,
		StopSequences: s.StopSequences, Tools: s.Tools, Metadata: s.Metadata,
	}
	if wire.MaxTokens == 0 {
		wire.MaxTokens = maxTokens
	}
	if s.ToolChoice != "" {
		wire.ToolChoice = map[string]string{"mode": s.ToolChoice}
	}
	if p := s.Preferences; p != nil {
		wire.ModelPreferences = &preferences{Cost: p.Cost, Speed: p.Speed, Intelligence: p.Intelligence}
		for _, name := range p.Hints {
			wire.ModelPreferences.Hints = append(wire.ModelPreferences.Hints, map[string]string{"name": name})
		}
	}
	for _, message := range s.Messages {
		var pieces []any
		for _, piece := range message.Content {
			block, err := piece.samplingJSON()
			if err != nil {
				return nil, err
			}
			pieces = append(pieces, block)
		}
		said := map[string]any{"role": string(message.Role), "content": pieces}
		if len(pieces) == 1 {
			// Revisions before 2025-11-25 know one piece for a message.
			said["content"] = pieces[0]
		}
		wire.Messages = append(wire.Messages, said)
	}
	return wire, nil
}

func (s Sampling) read(response string) (Sampled, error) {
	var result struct {
		Role       Role           `json:"role"`
		Content    jsontext.Value `json:"content"`
		Model      string         `json:"model"`
		StopReason string         `json:"stopReason"`
	}
	if err := json.Unmarshal([]byte(response), &result); err != nil {
		return Sampled{}, err
	}
	if result.Role != User && result.Role != Assistant {
		return Sampled{}, fmt.Errorf("nobody has the role `%s`", result.Role)
	}
	sampled := Sampled{Role: result.Role, Model: result.Model, StopReason: result.StopReason}
	pieces := []jsontext.Value{result.Content}
	if result.Content.Kind() == '[' {
		if err := json.Unmarshal(result.Content, &pieces); err != nil {
			return Sampled{}, err
		}
	}
	for _, piece := range pieces {
		content, err := readSampled(piece)
		if err != nil {
			return Sampled{}, err
		}
		sampled.Content = append(sampled.Content, content)
	}
	return sampled, nil
}

func readSampled(piece jsontext.Value) (SamplingContent, error) {
	var block struct {
		Type     string         `json:"type"`
		Text     *string        `json:"text"`
		Data     *string        `json:"data"`
		MimeType string         `json:"mimeType"`
		ID       string         `json:"id"`
		Name     string         `json:"name"`
		Input    jsontext.Value `json:"input"`
	}
	if err := json.Unmarshal(piece, &block); err != nil {
		return nil, err
	}
	switch {
	case block.Type == "text" && block.Text != nil:
		return Text{Text: *block.Text}, nil
	case block.Type == "tool_use" && block.Name != "":
		return ToolUse{block.ID, block.Name, string(block.Input)}, nil
	case (block.Type == "image" || block.Type == "audio") && block.Data != nil:
		data, err := base64.StdEncoding.DecodeString(*block.Data)
		if err != nil {
			return nil, fmt.Errorf("`data` is not base64: %w", err)
		}
		if block.Type == "image" {
			return Image{Data: data, MimeType: block.MimeType}, nil
		}
		return Audio{Data: data, MimeType: block.MimeType}, nil
	}
	return nil, fmt.Errorf("a model does not say `%s`, or not like that", block.Type)
}
