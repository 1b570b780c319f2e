package toolyard

import (
	"encoding/json/v2"
	"log/slog"
)

// Question is something that can be asked, with an answer of type A: Form, Confirm, URL, Sampling or Roots make one.
type Question[A any] interface {
	// request is the question as the host takes it.
	request() (InputRequest, error)
	// read reads an answer, an object of JSON, or says why it is none.
	read(response string) (A, error)
}

// Ask asks one question. key is its name within the call, the same in each round.
//
// The answer may be there already. If not, Ask returns an error to pass on: it ends this round, and the function is run again
// from its start when the answer is there, maybe on another machine. So what has an effect belongs behind the last question,
// and what is costly into Once. An answer that does not fit is asked for again.
func Ask[A any](ctx *Context, key string, question Question[A]) (answer A, err error) {
	err = AskAll(ctx, For(key, question, &answer))
	return answer, err
}

// AskAll asks several questions in one round, so that the client can put them before its user together.
func AskAll(ctx *Context, questions ...Asked) error {
	var need NeedInput
	for _, question := range questions {
		if !question.find(ctx) {
			request, err := question.request()
			if err != nil {
				return err
			}
			need.Requests = append(need.Requests, request)
		}
	}
	if len(need.Requests) == 0 {
		return nil
	}
	return needed(ctx, &need)
}

func needed(ctx *Context, need *NeedInput) (err error) {
	if need.State, err = ctx.rounds.state(); err != nil {
		return err
	}
	return need
}

// Asked is one of several questions. For makes it.
type Asked struct {
	find    func(*Context) bool
	request func() (InputRequest, error)
}

// For puts the answer to a question where answer points.
func For[A any](key string, question Question[A], answer *A) Asked {
	find := func(ctx *Context) bool {
		for _, response := range ctx.rounds.candidates(key) {
			read, err := question.read(response)
			if err == nil {
				*answer, ctx.rounds.kept.Answers[key] = read, response
				return true
			}
			slog.WarnContext(ctx, "an answer does not fit and is asked for again", "key", key, "reason", err)
		}
		return false
	}
	request := func() (InputRequest, error) {
		request, err := question.request()
		request.Key = key
		return request, err
	}
	return Asked{find, request}
}

// Require ends the call unless the client can be asked for all of this: for tools that know from the start that they will. Pass
// its error on; the host says what is missing, in the words of the client's protocol.
func Require(ctx *Context, wanted Capabilities) error {
	probes := []struct {
		capability Capabilities
		request    InputRequest
	}{
		{CanForm, InputRequest{Key: "form", Kind: "form", JSON: emptyForm}},
		{CanURL, InputRequest{Key: "url", Kind: "url", URL: "https://example.com/"}},
		{CanSampling, InputRequest{Key: "sampling", Kind: "sampling", JSON: `{"messages":[],"maxTokens":1}`}},
		{CanSamplingTools, InputRequest{
			Key: "tools", Kind: "sampling", JSON: `{"messages":[],"maxTokens":1,"toolChoice":{"mode":"none"}}`,
		}},
		{CanRoots, InputRequest{Key: "roots", Kind: "roots"}},
	}
	var need NeedInput
	for _, probe := range probes {
		if wanted&probe.capability != 0 && !ctx.ClientCan(probe.capability) {
			need.Requests = append(need.Requests, probe.request)
		}
	}
	if len(need.Requests) == 0 {
		return nil
	}
	return needed(ctx, &need)
}

// Remember keeps a value for the later rounds of this call, in place of what was kept under this key. All that is kept, answers
// included, takes at most 16 KiB.
func Remember(ctx *Context, key string, value any) error {
	text, err := jsonText(value)
	if err != nil {
		return Internalf("`%s` cannot be remembered: %w", key, err)
	}
	ctx.rounds.kept.Memories[key] = text
	return nil
}

// Recall is what was kept under this key, in this round or an earlier one. False where it is of another type, too.
func Recall[T any](ctx *Context, key string) (value T, found bool) {
	text, found := ctx.rounds.kept.Memories[key]
	if !found || json.Unmarshal([]byte(text), &value) != nil {
		return *new(T), false
	}
	return value, true
}

// Once does something in one round only, and remembers what came out of it for the later ones.
func Once[T any](ctx *Context, key string, work func() (T, error)) (T, error) {
	if value, found := Recall[T](ctx, key); found {
		return value, nil
	}
	value, err := work()
	if err == nil {
		err = Remember(ctx, key, value)
	}
	return value, err
}
