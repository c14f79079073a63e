/* http/h1_head.h - the lines of a head, between h1.c (which finds them) and h1_head.c (which takes
 * them apart). */
#ifndef HOB_HTTP_H1_HEAD_H
#define HOB_HTTP_H1_HEAD_H

#include "http/h1.h"

/* What a head's fields said so far; struct hob__h1.seen. */
enum {
    HOB__H1_SEEN_HOST = 1,
    HOB__H1_SEEN_ENCODING = 2,
    HOB__H1_SEEN_CLOSE = 4,
    HOB__H1_SEEN_KEEP = 8,
    HOB__H1_SEEN_UPGRADE = 16, /* the Upgrade field */
    HOB__H1_SEEN_UPGRADE_TOKEN = 32
};

/* Lines without their ends: block[at .. end). 0 or an error. */
int hob__h1_request_line(struct hob__h1 *p, const char *block, uint32_t at, uint32_t end);
int hob__h1_status_line(struct hob__h1 *p, const char *block, uint32_t at, uint32_t end);
/* meaning: of a head; a trailer's fields are only checked. */
int hob__h1_field_line(struct hob__h1 *p, const char *block, uint32_t at, uint32_t end,
                       bool meaning);

/* Notes where it went wrong; returns the code. */
static inline int hob__h1_fail(struct hob__h1 *p, int code, uint64_t at) {
    p->error_at = at;
    return code;
}
#endif
