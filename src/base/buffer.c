/* base/buffer.c - a growable byte buffer with a bound. */
#include "base/buffer.h"

#include <string.h>

#include "base/memory.h"

void hob__buffer_give_back(struct hob__buffer *b) { hob__free(b->data); }

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

int hob__buffer_reserve_slowly(struct hob__buffer *b, size_t n, size_t max) {
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

bool hob__buffer_validate(const struct hob__buffer *b) {
    return b->start <= b->end && b->end <= b->cap && (b->data || b->cap == 0);
}
