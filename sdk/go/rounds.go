package toolyard

import "encoding/json/v2"

// stateBytesMax is how much a plugin may keep from one round to the next (`input-need` in the contract).
const stateBytesMax = 16 << 10

// rounds is what a call knows from its earlier rounds, and what it takes along to the next.
type rounds struct {
	// responses are the answers that have just come, by key, as the client gave them.
	responses map[string]string
	kept      kept
}

// kept goes on to the next round: answers that were used, and what was to be remembered. An answer that no question asked for is
// not in it.
type kept struct {
	// Format is 1. Another version of this package may write it in another way; what it kept is then asked for again.
	Format   int               `json:"v"`
	Answers  map[string]string `json:"a,omitempty"`
	Memories map[string]string `json:"m,omitempty"`
}

const keptFormat = 1

func newRounds(responses map[string]string, state []byte) *rounds {
	r := &rounds{responses: responses}
	// A state that is none is as good as empty. The host seals it, so that nobody else can have written it.
	if err := json.Unmarshal(state, &r.kept); err != nil || r.kept.Format != keptFormat {
		r.kept = kept{}
	}
	r.kept.Format = keptFormat
	if r.kept.Answers == nil {
		r.kept.Answers = map[string]string{}
	}
	if r.kept.Memories == nil {
		r.kept.Memories = map[string]string{}
	}
	return r
}

// candidates are what may be the answer: the one that was used before, then the one that has just come.
func (r *rounds) candidates(key string) []string {
	var found []string
	for _, answers := range []map[string]string{r.kept.Answers, r.responses} {
		if answer, ok := answers[key]; ok {
			found = append(found, answer)
		}
	}
	return found
}

// state is empty where nothing was kept.
func (r *rounds) state() ([]byte, error) {
	if len(r.kept.Answers) == 0 && len(r.kept.Memories) == 0 {
		return nil, nil
	}
	text, err := jsonText(r.kept)
	if err != nil {
		return nil, Internalf("what was kept cannot be said in JSON: %w", err)
	}
	if len(text) > stateBytesMax {
		return nil, Internalf(
			"the answers so far and what is to be remembered take %d bytes, and %d can be kept for the next round",
			len(text), stateBytesMax)
	}
	return []byte(text), nil
}
