/* The heap. An instance is made for each call, and each time its memory grows the host changes what may be touched, before the call and
 * after it. Zig's allocator makes it grow once for each size that is asked for. This one begins with room that is there, grows by large
 * pieces, and takes the place of the C library's (as the random numbers do, see wasm_random.c). */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

/* Blocks are powers of two in size; one that was freed serves again for the same size. */
enum { LEAST_LOG2 = 5, SIZES = 31, ALIGNMENT = 16, PIECE_BYTES = 64 << 10, GROWTH_BYTES = 256 << 10 };

/* Stands right before what the plugin gets. */
typedef struct header {
    char *block;
    size_t size_log2;
} header;

_Static_assert(sizeof(header) <= ALIGNMENT, "a header fits before the least aligned pointer");

/* Enough for a block of 64 KiB, which some of WASI asks for, and small ones beside it. */
static _Alignas(ALIGNMENT) char first[4 * PIECE_BYTES];
static char *top = first;
static char *end = first + sizeof first;
/* The freed blocks of each size; each begins with where the next one is. */
static char *freed[SIZES];

static header *header_of(void *pointer) {
    return (header *)((char *)pointer - ALIGNMENT);
}

static void give_back(char *block, size_t size_log2) {
    memcpy(block, &freed[size_log2], sizeof(char *));
    freed[size_log2] = block;
}

/* More room, at its end or elsewhere. What is left of the old one then becomes freed blocks. */
static int grow(size_t size) {
    size_t bytes = size > GROWTH_BYTES ? size : GROWTH_BYTES;
    bytes = (bytes + PIECE_BYTES - 1) / PIECE_BYTES * PIECE_BYTES;
    char *more = ty_heap_more(bytes);
    if (!more) return 0;
    if (more != end) {
        for (size_t log2 = SIZES; log2-- > LEAST_LOG2;) {
            if ((size_t)(end - top) < (size_t)1 << log2) continue;
            give_back(top, log2);
            top += (size_t)1 << log2;
        }
        top = more;
    }
    end = more + bytes;
    return 1;
}

static char *take(size_t size_log2) {
    char *block = freed[size_log2];
    if (block) {
        memcpy(&freed[size_log2], block, sizeof(char *));
        return block;
    }
    size_t size = (size_t)1 << size_log2;
    if ((size_t)(end - top) < size && !grow(size)) return NULL;
    block = top;
    top += size;
    return block;
}

void *ty_heap_take(size_t alignment, size_t size) {
    if (alignment & (alignment - 1)) {
        errno = EINVAL;
        return NULL;
    }
    /* Room for the header, and for going up to where it is aligned. */
    size_t before = alignment > ALIGNMENT ? alignment : ALIGNMENT;
    size_t size_log2 = LEAST_LOG2;
    while (size_log2 < SIZES && ((size_t)1 << size_log2) - 1 < before) size_log2++;
    while (size_log2 < SIZES && ((size_t)1 << size_log2) - before < size) size_log2++;
    char *block = size_log2 < SIZES ? take(size_log2) : NULL;
    if (!block) {
        errno = ENOMEM;
        return NULL;
    }
    char *pointer = (char *)(((uintptr_t)block + before) / before * before);
    *header_of(pointer) = (header){ block, size_log2 };
    return pointer;
}

size_t ty_heap_room(void *pointer) {
    header *of = header_of(pointer);
    return (size_t)(of->block + ((size_t)1 << of->size_log2) - (char *)pointer);
}

void ty_heap_free(void *pointer) {
    if (!pointer) return;
    header of = *header_of(pointer);
    give_back(of.block, of.size_log2);
}

void *ty_heap_resize(void *pointer, size_t size) {
    if (!pointer) return ty_heap_take(ALIGNMENT, size);
    size_t room = ty_heap_room(pointer);
    if (size <= room) return pointer;
    void *larger = ty_heap_take(ALIGNMENT, size);
    if (!larger) return NULL;
    memcpy(larger, pointer, room);
    ty_heap_free(pointer);
    return larger;
}

#ifdef __wasm__
void *ty_heap_more(size_t bytes) {
    size_t before = __builtin_wasm_memory_grow(0, bytes / PIECE_BYTES);
    return before == SIZE_MAX ? NULL : (void *)(before * PIECE_BYTES);
}

void *malloc(size_t size) {
    return ty_heap_take(ALIGNMENT, size);
}

void free(void *pointer) {
    ty_heap_free(pointer);
}

void *realloc(void *pointer, size_t size) {
    return ty_heap_resize(pointer, size);
}

void *reallocarray(void *pointer, size_t count, size_t size) {
    size_t bytes;
    if (!__builtin_mul_overflow(count, size, &bytes)) return ty_heap_resize(pointer, bytes);
    errno = ENOMEM;
    return NULL;
}

void *calloc(size_t count, size_t size) {
    void *pointer = reallocarray(NULL, count, size);
    return pointer ? memset(pointer, 0, count * size) : NULL;
}

void *aligned_alloc(size_t alignment, size_t size) {
    return ty_heap_take(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    return ty_heap_take(alignment, size);
}

void *valloc(size_t size) {
    return ty_heap_take(PIECE_BYTES, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || alignment & (alignment - 1)) return EINVAL;
    int before = errno;
    void *taken = ty_heap_take(alignment, size);
    errno = before;
    if (!taken) return ENOMEM;
    *pointer = taken;
    return 0;
}

size_t malloc_usable_size(void *pointer) {
    return pointer ? ty_heap_room(pointer) : 0;
}

/* By these names wasi-libc's own functions ask for it. */
void *__libc_malloc(size_t size) {
    return ty_heap_take(ALIGNMENT, size);
}

void *__libc_calloc(size_t count, size_t size) {
    return calloc(count, size);
}

void __libc_free(void *pointer) {
    ty_heap_free(pointer);
}
#else
/* For its test. */
void *ty_heap_more(size_t bytes) {
    return bytes > 1 << 24 ? NULL : aligned_alloc(PIECE_BYTES, bytes);
}
#endif
