package toolyard

import "encoding/json/v2"

// Roots is the question for the folders that the client works in.
type Roots struct{}

// Root is a folder, or a file, that the client works in. It is on the client's machine: a plugin cannot look into it.
type Root struct {
	// URI is such as file:///home/ada/project.
	URI string `json:"uri"`
	// Name may be empty.
	Name string `json:"name,omitempty"`
}

func (Roots) request() (InputRequest, error) {
	return InputRequest{Kind: "roots"}, nil
}

func (Roots) read(response string) ([]Root, error) {
	var result struct {
		Roots []Root `json:"roots"`
	}
	err := json.Unmarshal([]byte(response), &result)
	return result.Roots, err
}
