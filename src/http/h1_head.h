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

/* What a field of the head says about the message itself: its name is `name_size` bytes of a token.
 * 0 or an error. */
int hob__h1_meaning(struct hob__h1 *p, const char *name, uint32_t name_size, const char *value,
                    uint32_t n);

/* Has the name of one of those so many bytes? */
static inline bool hob__h1_may_mean(uint32_t name_size) {
    const unsigned sizes = 1u << 4 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 14 | 1u << 17;
    return name_size < 18 && sizes >> name_size & 1;
}

/* h1_usual.c: takes the lines in[p->line ..) of a head, as far as they are complete and as most
 * are; the first that is not stays for the functions above. Nothing of it has been looked at
 * before. True: the empty line that ends the head was taken, too. */
bool hob__h1_usual(struct hob__h1 *p, const char *in, size_t n);

/* Can that be a host, and its port (RFC 9110, 7.2)? Possibly nothing. */
bool hob__h1_host_ok(const char *value, size_t n);

/* Notes where it went wrong; returns the code. */
static inline int hob__h1_fail(struct hob__h1 *p, int code, uint64_t at) {
    p->error_at = at;
    return code;
}
#endif
