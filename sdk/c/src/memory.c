/* The memory of a call, and text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* All of a call's memory goes at once, so it is cut off from a few large pieces. */
typedef struct ty_chunk {
    struct ty_chunk *next;
    size_t used;
    size_t room;
    _Alignas(16) char data[];
} ty_chunk;

/* With its own fields and those of the heap, a chunk is a power of two, as the heap's blocks are. */
enum { CHUNK_BYTES = (16 << 10) - 32, ALIGNMENT = 16 };

static ty_chunk *new_chunk(size_t room) {
    ty_chunk *chunk = room > SIZE_MAX - sizeof *chunk ? NULL : malloc(sizeof *chunk + room);
    if (!chunk) abort();
    chunk->next = NULL;
    chunk->used = 0;
    chunk->room = room;
    return chunk;
}

ty_call *ty_call_begin(void) {
    ty_chunk *chunk = new_chunk(CHUNK_BYTES);
    ty_private *own = calloc(1, sizeof *own);
    ty_call *call = calloc(1, sizeof *call);
    if (!own || !call) abort();
    own->chunks = chunk;
    own->total = -1;
    call->own = own;
    call->name = "";
    return call;
}

void ty_call_end(ty_call *call) {
    for (ty_chunk *chunk = call->own->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(call->own);
    free(call);
}

void *ty_alloc(ty_call *call, size_t size) {
    if (size > SIZE_MAX - ALIGNMENT) abort();
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    ty_chunk *chunk = call->own->chunks;
    if (size > chunk->room - chunk->used) {
        chunk = new_chunk(size > CHUNK_BYTES ? size : CHUNK_BYTES);
        chunk->next = call->own->chunks;
        call->own->chunks = chunk;
    }
    char *start = chunk->data + chunk->used;
    chunk->used += size;
    return memset(start, 0, size);
}

void *ty_alloc_many(ty_call *call, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) abort();
    return ty_alloc(call, bytes);
}

void *ty_push(ty_call *call, ty_list *list, size_t size) {
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 8;
        void *items = ty_alloc_many(call, room, size);
        if (list->count) memcpy(items, list->items, list->count * size);
        list->items = items;
        list->room = room;
    }
    return (char *)list->items + size * list->count++;
}

ty_bytes ty_copy(ty_call *call, const void *data, size_t length) {
    if (length == SIZE_MAX) abort();
    char *copy = ty_alloc(call, length + 1);
    if (length) memcpy(copy, data, length);
    return (ty_bytes){ copy, length };
}

ty_bytes ty_bytes_of(const char *text) {
    return (ty_bytes){ text, text ? strlen(text) : 0 };
}

const char *ty_format_list(ty_call *call, const char *format, va_list list) {
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    if (length < 0) abort();
    char *text = ty_alloc(call, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

const char *ty_format(ty_call *call, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const char *text = ty_format_list(call, format, list);
    va_end(list);
    return text;
}

bool ty_begins(const char *text, const char *beginning) {
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Bytes of UTF-8 are in the order of code points. */
static int compare_texts(const void *one, const void *other) {
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

void ty_sort(const char **texts, size_t count) {
    if (count) qsort(texts, count, sizeof *texts, compare_texts);
}

static bool is_continuation(char byte) {
    return ((unsigned char)byte & 0xC0) == 0x80;
}

size_t ty_utf8_length(const char *text, size_t left) {
    if (left == 0) return 0;
    unsigned char first = (unsigned char)text[0];
    if (first < 0x80) return 1;
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || left < length) return 0;
    for (size_t i = 1; i < length; i++) {
        if (!is_continuation(text[i])) return 0;
    }
    unsigned char second = (unsigned char)text[1];
    /* Longer than needed, halves of pairs, beyond the last code point. */
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
    return length;
}

ty_bytes ty_clean(ty_call *call, ty_bytes text) {
    size_t good = 0, one;
    while (good < text.length && (one = ty_utf8_length(text.data + good, text.length - good))) good += one;
    if (good == text.length) return text;
    static const char unknown[] = "\xEF\xBF\xBD";
    char *clean = ty_alloc_many(call, text.length + 1, sizeof unknown - 1);
    size_t length = 0;
    for (size_t at = 0; at < text.length; at += one ? one : 1) {
        one = ty_utf8_length(text.data + at, text.length - at);
        memcpy(clean + length, one ? text.data + at : unknown, one ? one : sizeof unknown - 1);
        length += one ? one : sizeof unknown - 1;
    }
    return (ty_bytes){ clean, length };
}
