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

// Unpin is called by the generated code once it has read what the host put into memory. End does that job here.
func Unpin() {}
