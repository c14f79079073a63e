/* base/buffer.c - a growable byte buffer with a bound. */
#include "base/buffer.h"

#include <string.h>

#include "base/memory.h"

void hob__buffer_borrow(struct hob__buffer *b, char *storage, size_t n) {
    *b = (struct hob__buffer){.data = storage, .cap = n, .borrowed = true};
}

void hob__buffer_free(struct hob__buffer *b) {
    if (!b->borrowed) hob__free(b->data);
    *b = (struct hob__buffer){0};
}

static int grow(struct hob__buffer *b, size_t needed, size_t max) {
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < needed) cap = cap > SIZE_MAX / 2 ? needed : cap * 2;
    if (cap > max) cap = max;
    size_t size = hob__buffer_size(b);
    char *data;
    if (b->borrowed || b->start > 0) {
        data = hob__alloc(cap);
        if (!data) return -ENOMEM;
        if (size) memcpy(data, hob__buffer_bytes(b), size);
        if (!b->borrowed) hob__free(b->data);
    } else {
        data = hob__realloc(b->data, cap);
        if (!data) return -ENOMEM;
    }
    *b = (struct hob__buffer){.data = data, .end = size, .cap = cap};
    return 0;
}

int hob__buffer_reserve(struct hob__buffer *b, size_t n, size_t max) {
    size_t size = hob__buffer_size(b);
    if (n > max || size > max - n) return HOB_E_LIMIT;
    if (hob__buffer_room(b) >= n) return 0;
    if (b->cap >= size + n) {
        memmove(b->data, hob__buffer_bytes(b), size);
        b->start = 0;
        b->end = size;
        return 0;
    }
    return grow(b, size + n, max);
}

int hob__buffer_append(struct hob__buffer *b, const void *bytes, size_t n, size_t max) {
    int rc = hob__buffer_reserve(b, n, max);
    if (rc < 0) return rc;
    if (n) memcpy(hob__buffer_tail(b), bytes, n);
    b->end += n;
    return 0;
}

bool hob__buffer_validate(const struct hob__buffer *b) {
    return b->start <= b->end && b->end <= b->cap && (b->data || b->cap == 0);
}
