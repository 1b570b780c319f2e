/* The heap of a component (heap.c). */
#ifndef TOOLYARD_HEAP_H
#define TOOLYARD_HEAP_H

#include <stddef.h>

/* `size` bytes at a multiple of `alignment`, a power of two. NULL and `errno` if it is none, or if there is no room. */
void *ty_heap_take(size_t alignment, size_t size);

/* How many bytes may be used. */
size_t ty_heap_room(void *pointer);

/* The same bytes where there is room for `size`; NULL and `errno` if there is none, and then nothing has changed. */
void *ty_heap_resize(void *pointer, size_t size);

/* Takes NULL too. */
void ty_heap_free(void *pointer);

/* More memory, `bytes` of it, at a multiple of 64 KiB; NULL if there is none. */
void *ty_heap_more(size_t bytes);

#endif
