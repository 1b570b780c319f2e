// Package runtime holds what the generated bindings run on: handles of the host's resources, and memory that crosses the border.
package runtime

import (
	"runtime"
	"unsafe"
)

// Handle is the number of a resource, until it is given away. 0 is none.
type Handle struct {
	number int32
}

// MakeHandle takes a resource over.
func MakeHandle(number int32) *Handle { return &Handle{number} }

// Use is the number, which stays valid.
func (h *Handle) Use() int32 {
	if h.number == 0 {
		panic("a resource is used after it was given away")
	}
	return h.number
}

// Take gives the resource away.
func (h *Handle) Take() int32 {
	number := h.Use()
	h.number = 0
	return number
}

// TakeOrNil is Take, and 0 where it was given away before.
func (h *Handle) TakeOrNil() int32 {
	number := h.number
	h.number = 0
	return number
}

// Set gives an empty handle its resource.
func (h *Handle) Set(number int32) { h.number = number }

// Allocate makes memory that the collector leaves in its place until pinner lets it go.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Of words, so that any alignment up to 8 holds.
	pointer := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(pointer)
	return pointer
}

// fromHost keeps what the host put into memory in its place until it was read.
var fromHost runtime.Pinner

// Unpin lets go of what the host put into memory, once it was read.
func Unpin() { fromHost.Unpin() }

// early is the memory for what the host, and the adapter between WASI's two versions, want before Go's own memory is set up: the
// adapter's state and its stack, 64 KiB each, and an empty list or two. Pages that nobody touches cost nothing.
var early [4 * 64 << 10]byte

var (
	earlyUsed uintptr
	isReady   bool
)

func init() { isReady = true }

// pauseClock has the adapter answer with the time that it said last. The collector looks at the clock, and while the host asks for
// memory a component must not call the host.
//
//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused bool)

// realloc is where the host gets memory for what it hands over. It never asks for more of what it has.
//
//go:wasmexport cabi_realloc
func realloc(_ unsafe.Pointer, _, align, size uintptr) unsafe.Pointer {
	if !isReady {
		return earlyMemory(align, size)
	}
	pauseClock(true)
	pointer := Allocate(&fromHost, size, align)
	pauseClock(false)
	return pointer
}

func earlyMemory(align, size uintptr) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(&early))
	begin := (base+earlyUsed+align-1)&^(align-1) - base
	if begin+size > uintptr(len(early)) {
		// Without memory there is no way to say more.
		return nil
	}
	earlyUsed = begin + size
	return unsafe.Pointer(&early[begin])
}
