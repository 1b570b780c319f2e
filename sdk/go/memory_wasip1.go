package toolyard

import (
	"math"
	"runtime/debug"
)

// memoryBytes is where the collector begins to work harder, rather than let the heap double as it likes: a call has 64 MiB, unless the
// operator says otherwise, and some of it is not the heap's.
const memoryBytes = 48 << 20

func init() {
	// An operator who gives more says so in the environment, as GOMEMLIMIT.
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryBytes)
	}
}
