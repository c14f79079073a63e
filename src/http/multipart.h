/* http/multipart.h - multipart bodies without I/O (RFC 2046, 5.1): bytes in, events out; no tasks,
 * no allocation. Used as h1.h is: HOB__PART_NEED means come back with the same unused bytes and
 * more behind them. The events are the same for every way of cutting the input, except that a
 * part's bytes may come as more or fewer HOB__PART_DATA.
 *
 *   (HEAD DATA* END)* LAST
 *
 * Strict: a boundary stands at the very beginning or behind CR LF, and is followed by "--", or by
 * white space and CR LF; headers are as HTTP's, without folding. What stands before the first
 * boundary and behind the last is passed over. */
#ifndef HOB_HTTP_MULTIPART_H
#define HOB_HTTP_MULTIPART_H

#include <hob/base.h>

enum hob__part_event {
    HOB__PART_NEED = 0,
    HOB__PART_HEAD, /* the headers of a part: a block for hob__h1_split(), perhaps empty */
    HOB__PART_DATA, /* a piece of its content */
    HOB__PART_END,  /* of the part */
    HOB__PART_LAST  /* of all of them, forever: what is left does not matter */
};

enum { HOB__BOUNDARY_MAX = 70 };

struct hob__parts {
    char delimiter[HOB__BOUNDARY_MAX + 8]; /* CR LF, "--", the boundary */
    uint32_t delimiter_size;
    uint32_t max_head; /* bytes */
    uint32_t scanned;  /* of a head: so much of it has no end */
    uint8_t state;
};

/* 0, or -EINVAL: no boundary (1 to 70 of its characters; RFC 2046, 5.1.1). */
int hob__parts_init(struct hob__parts *p, const char *boundary, size_t n, uint32_t max_head);
/* The next event, or HOB_E_MULTIPART, HOB_E_HTTP_HEADERS_TOO_LARGE. *used bytes are done with.
 * *piece: of HEAD and DATA. As long as there is less than a delimiter's size and max_head, more may
 * be needed; never with more than that. */
int hob__parts_next(struct hob__parts *p, const char *in, size_t n, size_t *used,
                    struct hob_slice *piece);
#endif
