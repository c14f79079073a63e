/* io/process/call.c - one call's conversation with its worker: arguments and input there, result,
 * errors and output back. */
#include <string.h>
#include <sys/wait.h>

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "io/fail.h"
#include "io/process/pool.h"
#include "task/fdwait.h"

/* One conversation. */
struct talk {
    struct hob__backend *b;
    struct hob__fd *f;
    struct hob__process *w;
    const char *name;
};

static int wait_for(struct talk *t, unsigned direction, const char *what) {
    t->f->ready &= (uint8_t)~direction;
    return hob__fd_wait(t->f, direction, what, HOB__WAIT_PLAIN);
}

/* One message into w->message: its size; 0 at the end of the socket; -ECANCELED. A reply that is
 * there when the cancel is seen counts. */
static ssize_t receive(struct talk *t) {
    for (;;) {
        ssize_t n = t->b->ops->sys->recv(t->b, t->f->fd, t->w->message, sizeof t->w->message, 0);
        if (n == -ECONNRESET) return 0;
        if (n != -EAGAIN) return n;
        int rc = wait_for(t, HOB__READ, "process");
        if (rc == 0) continue;
        n = t->b->ops->sys->recv(t->b, t->f->fd, t->w->message, sizeof t->w->message, 0);
        return n > 0 ? n : rc;
    }
}

/* 0; 1: the worker does not listen any more, and its last words are there to be read. */
static int send_two(struct talk *t, const void *a, size_t an, const void *b, size_t bn) {
    struct iovec v[2] = {{(void *)a, an}, {(void *)b, bn}};
    for (;;) {
        ssize_t n = t->b->ops->sys->send(t->b, t->f->fd, v, bn ? 2 : 1);
        if (n >= 0) return 0;
        if (n == -EPIPE || n == -ECONNRESET) return 1;
        if (n != -EAGAIN) return (int)n;
        int rc = wait_for(t, HOB__WRITE, "process input");
        if (rc < 0) return rc;
    }
}

static int send_call(struct talk *t, const struct hob_process_call *call,
                     const struct hob__spawn_site *site, const void *args) {
    const struct hob__keeper_call head = {HOB__KEEPER_CALL, site->args_size, call->input_size,
                                          call->output_max, site};
    const uint32_t kind = HOB__KEEPER_DATA;
    enum { PART = HOB__KEEPER_MESSAGE - sizeof kind };
    hob__san_known(args, site->args_size); /* of the caller's frame, to a fork of this process */
    int rc = send_two(t, &head, sizeof head, args, site->args_size);
    for (size_t at = 0; rc == 0 && at < call->input_size;) {
        size_t n = call->input_size - at < PART ? call->input_size - at : PART;
        rc = send_two(t, &kind, sizeof kind, (const char *)call->input + at, n);
        at += n;
    }
    return rc;
}

static int cannot_talk(const struct talk *t, ssize_t rc) {
    return (int)hob__said(rc, "cannot talk to the process of '%s': %s", t->name,
                          hob_strerror((int)rc));
}

/* The worker has ended, or was never made. */
static int ended(struct talk *t, size_t n) {
    struct hob__keeper_end end;
    if (n < sizeof end)
        return hob_fail(HOB_E_CRASHED, "'%s': its process has gone, nobody knows how", t->name);
    memcpy(&end, t->w->message, sizeof end);
    if (end.kind == HOB__KEEPER_FAILED)
        return hob_fail(-end.status, "cannot make a process for '%s'", t->name);
    if (end.kind != HOB__KEEPER_ENDED)
        return hob_fail(HOB_E_CRASHED, "'%s': its process answers nonsense", t->name);
    if (WIFSIGNALED(end.status))
        return hob_fail(HOB_E_CRASHED, "'%s': its process was ended by signal %d (%s)", t->name,
                        WTERMSIG(end.status), strsignal(WTERMSIG(end.status)));
    return hob_fail(HOB_E_CRASHED, "'%s': its process ended with exit status %d", t->name,
                    WEXITSTATUS(end.status));
}

/* The strings of one record, or false when they are not what they should be. */
static bool split(const char *text, size_t size, const char *parts[4]) {
    for (size_t i = 0, at = 0; i < 4; i++) {
        const char *nul = at < size ? memchr(text + at, 0, size - at) : NULL;
        if (!nul) return false;
        parts[i] = text + at;
        at = (size_t)(nul - text) + 1;
    }
    return true;
}

/* The errors behind a reply become hob_error(). Each is caused by the next. */
static struct hob_error *unpack(const char *text, size_t size, uint32_t count) {
    struct hob__keeper_error head;
    const char *parts[4];
    if (count == 0 || size < sizeof head) return NULL;
    memcpy(&head, text, sizeof head);
    text += sizeof head;
    size -= sizeof head;
    if (head.size > size || !split(text, head.size, parts)) return NULL;
    struct hob_error *cause = unpack(text + head.size, size - head.size, count - 1);
    struct hob_error like = {head.code, parts[0], parts[1], parts[2],
                             head.line, parts[3], cause,    NULL};
    struct hob_error *e = hob__error_whole(&like);
    hob__error_unref(cause);
    return e;
}

static int receive_output(struct talk *t, const struct hob_process_call *call, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t n = receive(t);
        uint32_t kind = 0;
        if (n < 0) return cannot_talk(t, n);
        if ((size_t)n >= sizeof kind) memcpy(&kind, t->w->message, sizeof kind);
        size_t got = (size_t)n - sizeof kind;
        if (kind != HOB__KEEPER_DATA || got == 0 || got > size - at) return ended(t, (size_t)n);
        memcpy((char *)call->output + at, t->w->message + sizeof kind, got);
        at += got;
    }
    return 0;
}

static int converse(struct talk *t, const struct hob_process_call *call,
                    const struct hob__spawn_site *site, const void *args, bool *intact) {
    int rc = send_call(t, call, site, args);
    if (rc < 0) return cannot_talk(t, rc);
    ssize_t n = receive(t);
    if (n < 0) return cannot_talk(t, n);
    struct hob__keeper_reply reply;
    if ((size_t)n < sizeof reply) return ended(t, (size_t)n);
    memcpy(&reply, t->w->message, sizeof reply);
    if (reply.kind != HOB__KEEPER_REPLY || reply.output_size > call->output_max)
        return ended(t, (size_t)n);
    if (reply.errors > 0) {
        struct hob_error *e =
            unpack(t->w->message + sizeof reply, (size_t)n - sizeof reply, reply.errors);
        if (e) hob__error_set(e);
    }
    rc = receive_output(t, call, reply.output_size);
    if (rc < 0) return rc;
    if (call->output_size && reply.result >= 0) *call->output_size = reply.output_size;
    *intact = true;
    return reply.result;
}

int hob__process_converse(struct hob__process *w, const struct hob_process_call *call,
                          const struct hob__spawn_site *site, const void *args, bool *intact) {
    struct talk t = {.b = hob__backend_current("hob_to_process"), .w = w, .name = site->name};
    t.f = hob__fd_open(t.b, w->fd);
    if (!t.f) return -ENOMEM;
    int rc = converse(&t, call, site, args, intact);
    hob__fd_close(t.b, t.f);
    return rc;
}
