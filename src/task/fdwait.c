#include "task/fdwait.h"

#include "task/task.h"

struct hob__backend *hob__backend_current(const char *func) {
    return &hob__current(func)->loop->backend;
}

void hob__fd_ready(struct hob__backend *b, struct hob__fd *f, unsigned events) {
    (void)b;
    if (events & HOB__READ) hob__wake_all(&f->readers, 0);
    if (events & HOB__WRITE) hob__wake_all(&f->writers, 0);
}

int hob__fd_wait(struct hob__fd *f, unsigned direction, const char *what, unsigned flags) {
    struct hob_loop *loop = hob__current(what)->loop;
    if (!f->armed) {
        int rc = loop->backend.ops->arm(&loop->backend, f);
        if (rc == -EPERM) { /* a regular file: always ready */
            f->ready |= (uint8_t)direction;
            return hob_check();
        }
        if (rc < 0) return rc;
    }
    struct hob_waiter w = {.data = NULL};
    struct hob_waitlist *list = direction == HOB__READ ? &f->readers : &f->writers;
    loop->outside++;
    int rc = hob__wait_on(list, &w, what, (const void *)(uintptr_t)f->fd, flags);
    loop->outside--;
    return rc;
}

struct op_sleep {
    struct hob_waiter waiter;
    bool finished, sleeps;
};

/* Called by the backend, during the submit already when the result was there at once. */
static void op_done(struct hob__op *op) {
    struct op_sleep *s = op->user;
    s->finished = true;
    if (s->sleeps) hob__wake(&s->waiter, 0);
}

ssize_t hob__op_run(struct hob__op *op, const char *what) {
    struct hob_loop *loop = hob__current(what)->loop;
    struct op_sleep s = {.finished = false};
    op->user = &s;
    op->done = op_done;
    int rc = loop->backend.ops->submit(&loop->backend, op);
    if (rc < 0) return rc;
    if (!s.finished) {
        s.sleeps = true;
        hob__wait_on(NULL, &s.waiter, what, (const void *)(uintptr_t)(unsigned)op->fd,
                     HOB__WAIT_MASKED);
    }
    return op->result;
}
