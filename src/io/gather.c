#include "io/gather.h"

#include <hob/hob.h>

#include "io/stream.h"
#include "task/task.h"

static int flush(void *args) {
    struct hob__gather *g = *(struct hob__gather **)args;
    if (!g) return 0; /* all has gone out */
    g->flusher = NULL;
    hob__stream_try_flush(g->stream);
    return 0;
}

/* Without memory for its stack: it needs none. */
static void flush_at_once(void *args) { (void)flush(args); }

static const struct hob__spawn_site site = {"flush",
                                            flush,
                                            sizeof(struct hob__gather *),
                                            {"hob__gather_begin", __FILE__, __LINE__},
                                            flush_at_once};

void hob__gather_begin(struct hob__gather *g, struct hob_stream *stream, struct hob_scope *s) {
    if (g->flusher) return;
    g->flusher = hob__spawn(s, &site);
    if (!g->flusher) {
        hob__gather_end(g, 0);
        return;
    }
    *(struct hob__gather **)g->flusher->head.args = g;
    if (g->stream) return;
    g->stream = stream;
    hob_cork(stream);
}

void hob__gather_drop(struct hob__gather *g) {
    struct hob_task *t = g->flusher;
    g->flusher = NULL;
    if (t) *(struct hob__gather **)t->head.args = NULL;
}

int hob__gather_end(struct hob__gather *g, uint64_t deadline) {
    struct hob_stream *s = g->stream;
    if (!s) return 0;
    g->stream = NULL;
    hob__gather_drop(g);
    hob__stream_try_flush(s);
    if (HOB__LIKELY(!s->out && s->direct)) return hob_uncork(s);
    HOB_SCOPE(scope, .deadline = deadline);
    return hob__scope_result(scope, hob_uncork(s));
}
