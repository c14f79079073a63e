/* http/client/phases.h - the marks on a request's way, of which its phases are made.
 *
 * A mark is the time when a phase ended. The clock is read for them when a request begins, at its
 * answer's first byte and at its end; all others use readings that deadlines need anyway, or stand
 * beside waits that cost a thousand times as much. A kept connection that is used without waiting
 * costs two readings more than without marks: the end's is the one that its idle time needs. */
#ifndef HOB_HTTP_PHASES_H
#define HOB_HTTP_PHASES_H

#include <hob/http_trace.h>

enum hob__phase {
    HOB__PHASE_BEFORE,
    HOB__PHASE_POOL,
    HOB__PHASE_DNS,
    HOB__PHASE_CONNECT,
    HOB__PHASE_TUNNEL,
    HOB__PHASE_TLS,
    HOB__PHASE_SEND,
    HOB__PHASE_WAIT,
    HOB__PHASE_BODY,
    HOB__PHASES
};

struct hob__marks {
    uint64_t began;           /* the call */
    uint64_t at[HOB__PHASES]; /* when the phase was over; 0: it was not needed, or is not */
    unsigned exchanges;
    enum hob__phase now; /* the phase that goes on */
    bool reused;
    char peer[112];
};

/* The phase is over, at that time, and `next` goes on. */
static inline void hob__mark(struct hob__marks *m, enum hob__phase over, uint64_t at,
                             enum hob__phase next) {
    m->at[over] = at;
    m->now = next;
}

/* Another exchange of the same request begins: what was so far is "before". */
void hob__marks_again(struct hob__marks *m, uint64_t at);
/* None goes on: what comes until the next one is "before". */
void hob__marks_pause(struct hob__marks *m);
/* Whose connection it is; NULL: none. */
void hob__marks_peer(struct hob__marks *m, const char *peer);
/* now: the time, if the last phase goes on. */
void hob__marks_read(const struct hob__marks *m, uint64_t now, const char *protocol,
                     struct hob_phases *out);
#endif
