/* io/pool.c - chunks of memory and pipes, kept for reuse last in, first out: the hot ones again. */
#include "io/pool.h"

#include <hob/buggify.h>

#include "base/list.h"
#include "base/memory.h"
#include "task/loopdata.h"
#include "task/task.h"

struct pool {
    struct hob__loop_data data;
    struct hob__backend *backend;
    unsigned chunks, pipes; /* kept */
    char *chunk[HOB__POOL_KEPT];
    int pipe[HOB__POOL_KEPT][2];
};

static void drop(struct hob__loop_data *d) {
    struct pool *p = hob__container(d, struct pool, data);
    while (p->chunks > 0) hob__free(p->chunk[--p->chunks]);
    while (p->pipes-- > 0) {
        p->backend->ops->sys->close(p->backend, p->pipe[p->pipes][0]);
        p->backend->ops->sys->close(p->backend, p->pipe[p->pipes][1]);
    }
    hob__free(p);
}

/* NULL: there is none yet, and no memory for it. */
static struct pool *pool(void) {
    struct hob__loop_data *d = hob__loop_data(HOB__LOOP_BUFFERS);
    if (HOB__LIKELY(d != NULL)) return hob__container(d, struct pool, data);
    struct pool *p = hob__alloc_zero(sizeof *p);
    if (!p) return NULL;
    p->data.drop = drop;
    p->backend = &hob__loop->backend;
    hob__loop_data_set(HOB__LOOP_BUFFERS, &p->data);
    return p;
}

char *hob__chunk_take(void) {
    struct pool *p = pool();
    if (!p) return NULL;
    /* In simulation the pool may be dry, and what is given back may be lost: so no chunk is the
     * stream's last one by chance, and whoever still looks at one is seen by a sanitizer. */
    bool dry = p->chunks == 0 || hob_buggify("stream.pool.dry");
    return dry ? hob__alloc(HOB__CHUNK) : p->chunk[--p->chunks];
}

void hob__chunk_give(char *chunk) {
    struct pool *p = pool();
    if (p && p->chunks < HOB__POOL_KEPT && !hob_buggify("stream.pool.loses"))
        p->chunk[p->chunks++] = chunk;
    else
        hob__free(chunk);
}

int hob__pipe_take(struct hob__backend *b, int end[2]) {
    struct pool *p = pool();
    if (!p) return -ENOMEM;
    if (p->pipes == 0 || hob_buggify("stream.pipes.dry")) return b->ops->sys->splice_pipe(b, end);
    p->pipes--;
    end[0] = p->pipe[p->pipes][0];
    end[1] = p->pipe[p->pipes][1];
    return 0;
}

void hob__pipe_drop(struct hob__backend *b, const int end[2]) {
    b->ops->sys->close(b, end[0]);
    b->ops->sys->close(b, end[1]);
}

void hob__pipe_give(struct hob__backend *b, const int end[2]) {
    struct pool *p = pool();
    if (p && p->pipes < HOB__POOL_KEPT) {
        p->pipe[p->pipes][0] = end[0];
        p->pipe[p->pipes][1] = end[1];
        p->pipes++;
    } else {
        hob__pipe_drop(b, end);
    }
}
