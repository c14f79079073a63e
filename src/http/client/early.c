/* http/client/early.c - a large body is sent, and the server has already made up its mind: "too
 * large", "who are you?", "elsewhere". Such an answer ends the sending (RFC 9112, 9.5): some
 * servers do not read what they do not want, and whoever only wrote would wait for them until the
 * time is over. After an answer of success the sending goes on: it may be about what is still being
 * sent. */
#include <hob/hob.h>

#include "http/client/client.h"

struct watch {
    struct hob_response *res;
    struct hob_scope *sending;
    int rc; /* of the answer; 0 = none yet */
};

static int watch_answer(struct watch *w) {
    int rc = hob__response_early(w->res);
    if (rc == -ECANCELED || rc == -ETIMEDOUT) return 0; /* the sender has its own times */
    if (rc == 0 && w->res->wire.h1.status < 300) return 0;
    w->rc = rc == 0 ? 1 : rc;
    hob_scope_cancel(w->sending);
    return 0;
}
HOB_TASK(watch_answer, struct watch *)

int hob__send_watched(struct hob_response *res, int (*send)(void *arg), void *arg) {
    struct watch watch = {.res = res};
    int rc;
    {
        HOB_SCOPE(s);
        watch.sending = s;
        hob_spawn(s, watch_answer, &watch); /* without memory for it nobody looks */
        rc = send(arg);
    }
    if (!watch.rc || rc == 0) return rc;
    res->wants_close = true;
    if (rc != -ECANCELED || hob_cancelled()) return rc;
    if (watch.rc == HOB_E_HTTP_CUT) return -EPIPE;
    return watch.rc == -ECONNRESET || watch.rc == -EPIPE ? watch.rc : 0;
}
