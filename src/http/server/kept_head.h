/* http/server/kept_head.h - the head of an answer, kept for the next one that is like it: of most
 * servers' answers only the length and the body differ.
 *
 * What is kept is the head of an answer of HTTP/1.1 that does not end the connection, has a length,
 * and of the handler's headers Content-Type alone. It is compared by what that says, not by where
 * it lies, and by the second that its Date was made in. A server has one, and is its only user: a
 * loop's own, as the server is. */
#ifndef HOB_HTTP_KEPT_HEAD_H
#define HOB_HTTP_KEPT_HEAD_H

#include <hob/base.h>
#include <string.h>

enum { HOB__KEPT_TYPE = 64, HOB__KEPT_HEAD = 256 };

struct hob__kept_head {
    int64_t made;    /* the second of its Date */
    uint64_t length; /* as it says */
    uint16_t status;
    uint16_t digits_at,
        size; /* of text: where the length stands, and all; size 0: nothing is kept */
    char type[HOB__KEPT_TYPE];
    char text[HOB__KEPT_HEAD];
};

void hob__kept_head_set_length(struct hob__kept_head *k, uint64_t length);
/* Is it the head for that answer? Then its length is that, from here on. */
static inline bool hob__kept_head_fits(struct hob__kept_head *k, int64_t now, int status,
                                       const char *type, uint64_t length) {
    if (k->made != now || k->status != status || k->size == 0 || strcmp(k->type, type) != 0)
        return false;
    if (k->length != length) hob__kept_head_set_length(k, length);
    return true;
}
/* Keeps that head, which ends with the length and the empty line; or nothing, if it is too long. */
void hob__kept_head_keep(struct hob__kept_head *k, int64_t now, int status, const char *type,
                         uint64_t length, const char *head, size_t size);
#endif
