/* http/server/kept_head.h - the head of an answer, kept for the next one that is like it: of most
 * servers' answers only the length and the body differ.
 *
 * What is kept is the head of an answer of HTTP/1.1 that does not end the connection, has a length,
 * and of the handler's headers Content-Type alone. It is compared by what that says, not by where
 * it lies, and by the second that its Date was made in. A server has one, and is its only user: a
 * loop's own, as the server is. A usual answer is sent straight from here, its body put behind the
 * head: so between the fitting and the send nobody else may run. */
#ifndef HOB_HTTP_KEPT_HEAD_H
#define HOB_HTTP_KEPT_HEAD_H

#include <hob/base.h>
#include <string.h>

enum { HOB__KEPT_TYPE = 64, HOB__KEPT_HEAD = 256, HOB__KEPT_BODY = 1792 };

struct hob__kept_head {
    int64_t made;    /* the second of its Date */
    uint64_t length; /* as it says */
    uint16_t status;
    uint16_t digits_at,
        size; /* of text: where the length stands, and all; size 0: nothing is kept */
    uint16_t type_size;
    char type[HOB__KEPT_TYPE];
    char text[HOB__KEPT_HEAD + HOB__KEPT_BODY]; /* the head, and room behind it */
};

void hob__kept_head_set_length(struct hob__kept_head *k, uint64_t length);
/* memcmp(), without the call. */
static inline bool hob__kept_same(const char *a, const char *b, size_t n) {
    uint64_t x, y;
    if (HOB__UNLIKELY(n < sizeof x)) return memcmp(a, b, n) == 0;
    for (size_t at = 0;; at += sizeof x) {
        if (at > n - sizeof x) at = n - sizeof x; /* the last ones, some of them again */
        memcpy(&x, a + at, sizeof x);
        memcpy(&y, b + at, sizeof y);
        if (x != y) return false;
        if (at == n - sizeof x) return true;
    }
}
/* Is it the head for that answer? Then its length is that, from here on. */
static inline bool hob__kept_head_fits(struct hob__kept_head *k, int64_t now, int status,
                                       const char *type, size_t type_size, uint64_t length) {
    if (k->made != now || k->status != status || k->type_size != type_size || k->size == 0 ||
        !hob__kept_same(k->type, type, type_size))
        return false;
    if (k->length != length) hob__kept_head_set_length(k, length);
    return true;
}
/* Keeps that head, which ends with the length and the empty line; or nothing, if it is too long. */
void hob__kept_head_keep(struct hob__kept_head *k, int64_t now, int status, const char *type,
                         size_t type_size, uint64_t length, const char *head, size_t size);
#endif
