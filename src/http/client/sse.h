/* http/client/sse.h - the lines of a stream of events become events (WHATWG HTML, 9.2.6), without
 * I/O. */
#ifndef HOB_HTTP_SSE_H
#define HOB_HTTP_SSE_H

#include <hob/sse.h>

#include "base/buffer.h"

struct hob__events {
    size_t max; /* bytes of an event, and of a line */
    struct hob__buffer line, data, type;
    struct hob__buffer id;      /* as the last "id" field says */
    struct hob__buffer last_id; /* the same at the last empty line */
    int64_t retry_ms;           /* as the server said; -1: nothing yet */
    bool begun, after_cr, given;
};

/* Takes up to n bytes; *used of them are done with. 1: an event, which stands in *event until the
 * next call; 0: more is needed; HOB_E_LIMIT, -ENOMEM. */
int hob__events_next(struct hob__events *p, const char *in, size_t n, size_t *used,
                     struct hob_sse_event *event);
/* For another stream that goes on where this one broke: what was not complete is forgotten. */
void hob__events_restart(struct hob__events *p);
void hob__events_free(struct hob__events *p);
#endif
