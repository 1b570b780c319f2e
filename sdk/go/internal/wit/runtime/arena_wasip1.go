package runtime

import "unsafe"

// The memory for what the host hands over. It is not Go's: while the host asks for memory, a component must not call the host, and Go's
// allocator would, since the collector may begin and looks at the clock. Nor is Go's own there yet when the adapter
// between WASI's two versions asks for its state, which it does first of all.
//
// What is handed over with a call stays as long as the instance. What an import gives back is copied, and its place used again.

// block is a piece of it.
type block struct {
	base, size uintptr
}

// place is where in the memory something ends.
type place struct {
	block int
	used  uintptr
}

// blockBytesMin is what the adapter's state takes, and its stack again. Each block is twice the one before, at least.
const blockBytesMin = 64 << 10

var (
	// With each block twice the one before, this is more than a component can address.
	blocks [20]block
	count  int
	end    place
	// begun is where it ended when the first of those that are reading now began.
	begun   place
	readers int
)

// Begin says that what the host will put into memory from now on is read, and copied, before End.
func Begin() {
	if readers == 0 {
		begun = end
	}
	readers++
}

// End gives the place back. Goroutines may read at once; the last one does.
func End() {
	readers--
	if readers == 0 {
		end = begun
	}
}

// sbrk is how Go's runtime gets its own memory, so that both keep out of each other's way.
//
//go:linkname sbrk runtime.sbrk
func sbrk(size uintptr) unsafe.Pointer

// realloc is where the host gets memory. It never asks for more of what it has.
//
//go:wasmexport cabi_realloc
func realloc(_ unsafe.Pointer, _, align, size uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	for {
		if end.block == count && !grow(size) {
			// The host refuses a pointer that is none, and so ends the call.
			return nil
		}
		// A block begins at a page of memory, which suits every alignment.
		from := (end.used + align - 1) &^ (align - 1)
		if current := blocks[end.block]; from+size <= current.size {
			end.used = from + size
			return unsafe.Pointer(current.base + from)
		}
		end = place{block: end.block + 1}
	}
}

// grow adds a block that has room for size.
func grow(size uintptr) bool {
	if count == len(blocks) {
		return false
	}
	wanted := uintptr(blockBytesMin)
	if count > 0 {
		wanted = 2 * blocks[count-1].size
	}
	wanted = (max(wanted, size) + blockBytesMin - 1) &^ (blockBytesMin - 1)
	memory := sbrk(wanted)
	if memory == nil {
		return false
	}
	blocks[count] = block{uintptr(memory), wanted}
	count++
	return true
}
