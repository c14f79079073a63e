/* base/buffer.h - a growable byte buffer with a bound. Bytes are put in at the end and taken out at
 * the start; it can begin in memory that is not its own (a frame, a record) and moves to the heap
 * when it outgrows that. All zero is an empty buffer without memory. Exported for the sister
 * libraries. */
#ifndef HOB_BASE_BUFFER_H
#define HOB_BASE_BUFFER_H

#include <hob/base.h>

struct hob__buffer {
    char *data;
    size_t start, end; /* the bytes are data[start .. end) */
    size_t cap;
    bool borrowed; /* data is not on the heap */
};

/* Begins in storage[0..n), which must outlive the buffer. */
static inline void hob__buffer_borrow(struct hob__buffer *b, char *storage, size_t n) {
    b->data = storage;
    b->start = b->end = 0;
    b->cap = n;
    b->borrowed = true;
}
/* Frees the memory; the buffer is then all zero. */
HOB_API void hob__buffer_give_back(struct hob__buffer *b);
static inline void hob__buffer_free(struct hob__buffer *b) {
    if (b->data && !b->borrowed) hob__buffer_give_back(b);
    b->data = NULL;
    b->start = b->end = b->cap = 0;
    b->borrowed = false;
}

static inline size_t hob__buffer_size(const struct hob__buffer *b) { return b->end - b->start; }
static inline char *hob__buffer_bytes(const struct hob__buffer *b) { return b->data + b->start; }
static inline size_t hob__buffer_room(const struct hob__buffer *b) { return b->cap - b->end; }
static inline char *hob__buffer_tail(const struct hob__buffer *b) { return b->data + b->end; }
/* n bytes were written behind the end. */
static inline void hob__buffer_put(struct hob__buffer *b, size_t n) { b->end += n; }
/* n bytes at the start have been dealt with. */
static inline void hob__buffer_take(struct hob__buffer *b, size_t n) {
    b->start += n;
    if (b->start == b->end) b->start = b->end = 0;
}

/* Makes room for n more bytes behind the end, by moving the bytes to the front or by growing (to at
 * least twice the size), so that the buffer never holds more than max bytes. 0, -ENOMEM, or
 * HOB_E_LIMIT: then it is as it was. */
HOB_API int hob__buffer_reserve_slowly(struct hob__buffer *b, size_t n, size_t max);
static inline int hob__buffer_reserve(struct hob__buffer *b, size_t n, size_t max) {
    size_t size = hob__buffer_size(b);
    if (HOB__LIKELY(hob__buffer_room(b) >= n && size <= max && n <= max - size)) return 0;
    return hob__buffer_reserve_slowly(b, n, max);
}
/* Puts n bytes in. 0, -ENOMEM, or HOB_E_LIMIT. */
static inline int hob__buffer_append(struct hob__buffer *b, const void *bytes, size_t n,
                                     size_t max) {
    int rc = hob__buffer_reserve(b, n, max);
    if (rc < 0) return rc;
    if (n) __builtin_memcpy(hob__buffer_tail(b), bytes, n);
    b->end += n;
    return 0;
}
/* Checks every invariant (tests). */
HOB_API bool hob__buffer_validate(const struct hob__buffer *b);
#endif
