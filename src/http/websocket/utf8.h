/* http/websocket/utf8.h - whether a text that comes in pieces is UTF-8 (RFC 3629), told at the
 * first byte that cannot be. */
#ifndef HOB_HTTP_WEBSOCKET_UTF8_H
#define HOB_HTTP_WEBSOCKET_UTF8_H

#include <hob/base.h>

/* All zero before a text. */
struct hob__utf8 {
    uint8_t left;      /* bytes that the last character still needs */
    uint8_t low, high; /* what its next one may be */
};

/* Are the next n bytes right? */
bool hob__utf8_next(struct hob__utf8 *u, const void *bytes, size_t n);
/* May the text end here? */
static inline bool hob__utf8_complete(const struct hob__utf8 *u) { return u->left == 0; }
#endif
