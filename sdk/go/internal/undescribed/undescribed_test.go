// Package undescribed holds a plugin that cannot be described, alone: what a program registers, all of its tests see.
package undescribed

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"toolyard"
	"toolyard/toolyardtest"
)

const asBroken = "TOOLYARD_UNDESCRIBED"

type waited struct {
	Took time.Duration `json:"took"`
}

func init() {
	toolyard.Tool("wait", "Waits.", func(*toolyard.Context, struct{}) (waited, error) { return waited{}, nil })
}

func TestACallOfWhatCannotBeDescribedEndsTheTest(t *testing.T) {
	if os.Getenv(asBroken) != "" {
		_, _ = toolyardtest.New(t).Call("wait", "{}")
		t.Fatal("it went on")
	}
	again := exec.Command(os.Args[0], "-test.run", t.Name())
	again.Env = append(os.Environ(), asBroken+"=1")
	said, err := again.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "field Took of undescribed.waited") || strings.Contains(string(said), "it went on") {
		t.Errorf("%v: %s", err, said)
	}
}
