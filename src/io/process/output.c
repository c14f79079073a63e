/* io/process/output.c - all of a process's output: a task for each of its pipes, so that whoever
 * is slow, the child or the program, never waits for the other in a circle. */
#include <hob/error.h>
#include <hob/spawn.h>
#include <hob/stream.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "io/process/process.h"

enum { CHUNK = 16 << 10, LIMIT = 16 << 20 };

struct exchange {
    struct hob_process *process;
    const void *input;
    size_t input_size, limit;
    double drain;
    struct hob__buffer out, err;
    struct hob_scope *scope;
    bool cut;     /* a task of it was cancelled: what came is not all */
    bool drained; /* that was end_reading()'s doing */
};

/* One of the tasks alone would leave the others waiting for a child that waits for it. */
static int cancelled(struct exchange *x) {
    x->cut = true;
    hob_scope_cancel(x->scope);
    return -ECANCELED;
}

/* A child that ends, or closes its input, without having read it all has its reasons. */
static int feed(struct exchange *x) {
    ssize_t rc = x->input_size ? hob_write(x->process->in, x->input, x->input_size) : 0;
    if (rc == -ECANCELED) return cancelled(x);
    hob_shutdown(x->process->in);
    return rc < 0 && rc != -EPIPE ? (int)rc : 0;
}
HOB_TASK(feed, struct exchange *)

/* One byte more than the limit tells that it is passed; one more is for the NUL. */
static int gather(struct exchange *x, struct hob_stream *from, struct hob__buffer *b) {
    for (;;) {
        size_t size = hob__buffer_size(b), left = x->limit + 1 - size;
        HOB_TRY(hob__buffer_reserve(b, (left < CHUNK ? left : CHUNK) + 1, x->limit + 2));
        size_t room = hob__buffer_room(b) - 1;
        ssize_t got = hob_read(from, hob__buffer_tail(b), room < left ? room : left);
        if (got == -ECANCELED) return cancelled(x);
        if (got <= 0) return (int)got;
        hob__buffer_put(b, (size_t)got);
        if (hob__buffer_size(b) > x->limit) {
            b->end--;
            return hob_fail(HOB_E_LIMIT, "'%s' has written more than %zu bytes to its %s",
                            x->process->name, x->limit,
                            b == &x->out ? "standard output" : "standard error");
        }
    }
}
HOB_TASK(gather, struct exchange *, struct hob_stream *, struct hob__buffer *)

/* Ends the reading a while after the process's end. */
static int end_reading(struct exchange *x) {
    int rc = hob_process_wait(x->process);
    if (rc == -ECANCELED) return rc;
    HOB_TRY(hob_sleep(x->drain));
    x->drained = true;
    hob_scope_cancel(x->scope);
    return 0;
}
HOB_TASK(end_reading, struct exchange *)

static int transfer(struct exchange *x) {
    struct hob_process *p = x->process;
    struct hob_stream *out = p->out ? p->out : p->terminal;
    HOB_SCOPE(s);
    x->scope = s;
    if (p->in) hob_spawn(s, feed, x);
    if (out) hob_spawn(s, gather, x, out, &x->out);
    if (p->err) hob_spawn(s, gather, x, p->err, &x->err);
    if (x->drain > 0) hob_spawn_daemon(s, end_reading, x);
    int rc = hob_join(s);
    return rc >= 0 && x->cut && !x->drained ? -ECANCELED : rc;
}

static char *take(struct hob__buffer *b, size_t *size) {
    *size = hob__buffer_size(b);
    if (b->data) b->data[*size] = 0; /* there is room, and nothing is taken from its start */
    return b->data;
}

static int communicate(struct exchange *x, struct hob_process_result *r) {
    struct hob_process *p = x->process;
    if (x->limit == 0) x->limit = LIMIT;
    if (x->limit > SIZE_MAX / 4) x->limit = SIZE_MAX / 4;
    int rc = x->input_size > 0 && !p->in
                 ? hob_fail(-EINVAL, "'%s' has no pipe for the input", p->name)
                 : transfer(x);
    if (rc >= 0) rc = hob_process_wait(p);
    *r = (struct hob_process_result){0};
    r->out = take(&x->out, &r->out_size);
    r->err = take(&x->err, &r->err_size);
    hob_process_status(p, &r->status);
    return rc;
}

int hob_process_communicate(struct hob_process *p, const void *input, size_t n,
                            struct hob_process_result *r, size_t limit) {
    struct exchange x = {.process = p, .input = input, .input_size = n, .limit = limit};
    return communicate(&x, r);
}

/* "'git' has ended with status 128: fatal: not a git repository" */
static int say_exit(const char *name, int code, const struct hob_process_result *r) {
    enum { WORDS = 200 };
    const char *text = r->err ? r->err : "";
    size_t end = r->err_size, n = 0;
    while (end > 0 && (unsigned char)text[end - 1] <= ' ') end--;
    while (n < end && n < WORDS && text[end - n - 1] != '\n') n++;
    char last[WORDS + 1];
    for (size_t i = 0; i < n; i++) {
        char c = text[end - n + i];
        last[i] = (unsigned char)c < ' ' || c == 127 ? '?' : c;
    }
    last[n] = 0;
    return hob_fail(HOB_E_EXIT, "'%s' has ended with status %d%s%s", name, code, n ? ": " : "",
                    last);
}

int hob__process_output(struct hob_process_result *r, const char *const *argv,
                        struct hob_process_options o) {
    *r = (struct hob_process_result){0};
    if (o.out.kind == HOB__IO_INHERIT && !o.terminal) o.out = HOB_IO_PIPE;
    if (o.err.kind == HOB__IO_INHERIT && !o.terminal) o.err = HOB_IO_PIPE;
    if (o.input && o.in.kind == HOB__IO_INHERIT) o.in = HOB_IO_PIPE;
    HOB_PROCESS(p);
    HOB_TRY(hob__process_spawn(&p, argv, o));
    struct exchange x = {.process = p,
                         .input = o.input,
                         .input_size = o.input_size,
                         .limit = o.limit,
                         .drain = o.drain};
    int rc = communicate(&x, r);
    return rc > 0 && o.check ? say_exit(argv[0], rc, r) : rc;
}

void hob_process_result_free(struct hob_process_result *r) {
    hob__free(r->out);
    hob__free(r->err);
    r->out = r->err = NULL;
    r->out_size = r->err_size = 0;
}
