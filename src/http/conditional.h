/* http/conditional.h - whether a request's conditions hold (RFC 9110, 13), and which parts of the
 * representation it wants (14). Without I/O. */
#ifndef HOB_HTTP_CONDITIONAL_H
#define HOB_HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the server has: a strong tag, with its quotation marks, and the seconds since 1970 of the
 * last change. */
struct hob__validators {
    const char *etag;
    int64_t modified;
};

/* The headers, NULL where there is none. */
struct hob__conditions {
    const char *if_match, *if_none_match, *if_modified_since, *if_unmodified_since, *if_range;
};

/* For GET and HEAD: 200, 304 or 412 (13.2.2). */
int hob__conditions_judge(const struct hob__conditions *c, const struct hob__validators *v);
/* Is Range to be looked at (13.1.5)? */
bool hob__conditions_range(const struct hob__conditions *c, const struct hob__validators *v);

enum { HOB__RANGES = 16 };

struct hob__range {
    int64_t from, size;
};

/* The parts that a Range header asks for, of something of `size` bytes: how many, in its order; 0:
 * the header is to be ignored (another unit, malformed, too many or overlapping parts: then the
 * whole is cheaper, 14.2); -1: none of them exists (416). */
int hob__ranges_parse(const char *header, int64_t size, struct hob__range out[HOB__RANGES]);
#endif
