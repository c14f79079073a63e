/* loop/backend.c - the choice of a backend, and how a sleeping loop is woken.
 *
 * Waking. Two flags, both sequentially consistent: `woken` (somebody wants the loop's attention)
 * and `sleeping` (the loop is in the kernel, or about to go there). The producer sets woken, then
 * looks at sleeping, and writes to the eventfd if it is set. The loop sets sleeping, then looks at
 * woken, and does not sleep if it is set. Whatever the interleaving, one of the two sees the
 * other's flag: no wake is lost, and a loop that is awake costs its producers no system call.
 *
 * wait() ends by exchanging woken for false; so the producer whose exchange found it true already
 * is ordered before the loop's exchange, and what it had put into its inbox is visible to the
 * emptying that follows wait(). One that comes later finds false and makes the next wait() return.
 *
 * The eventfd is watched edge-triggered and never read. A write that comes just after the loop woke
 * up for another reason makes one later wait() return early, which is harmless. */
#include "internal.h"
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

int hob__waker_open(struct hob__backend *b) {
    b->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return b->wake_fd < 0 ? -errno : 0;
}

void hob__waker_close(struct hob__backend *b) {
    if (b->wake_fd >= 0) close(b->wake_fd);
    b->wake_fd = -1;
}

void hob__waker_wake(struct hob__backend *b) {
    if (atomic_exchange(&b->woken, true) || !atomic_load(&b->sleeping)) return;
    int saved = errno;
    uint64_t one = 1;
    /* Else it can only fail after 2^64 - 2 writes. */
    ssize_t wrote = HOB__RETRY(write(b->wake_fd, &one, sizeof one));
    (void)wrote;
    errno = saved;
}

bool hob__sleep_begin(struct hob__backend *b) {
    atomic_store(&b->sleeping, true);
    return !atomic_load(&b->woken);
}

void hob__sleep_end(struct hob__backend *b) {
    if (atomic_load_explicit(&b->sleeping, memory_order_relaxed))
        atomic_store_explicit(&b->sleeping, false, memory_order_release);
    if (atomic_load(&b->woken)) atomic_exchange(&b->woken, false);
}

int hob__why(struct hob__backend *b, const char *what, int err) {
    char text[80];
    /* The GNU strerror_r, which may return a string of its own. */
    snprintf(b->why, sizeof b->why, "%s: %s", what, strerror_r(-err, text, sizeof text));
    return err;
}

bool hob__on_valgrind(void) {
#ifdef RUNNING_ON_VALGRIND
    return RUNNING_ON_VALGRIND;
#else
    return false;
#endif
}

static int open_one(struct hob__backend *b, const struct hob__backend_ops *ops) {
    b->ops = ops;
    b->wake_fd = -1;
    b->owner = getpid();
    int rc = ops->open(b);
    if (rc < 0) b->ops = NULL;
    return rc;
}

const struct hob__backend_ops *hob__backend_simulated;

static int open_simulated(struct hob__backend *b) {
    b->why[0] = 0;
    if (hob__backend_simulated) return open_one(b, hob__backend_simulated);
    snprintf(b->why, sizeof b->why, "the program is not linked with libhob-sim");
    return -EINVAL;
}

int hob__backend_open(struct hob__backend *b, const char *name) {
    static const struct hob__backend_ops *const best_first[] = {&hob__backend_uring,
                                                                &hob__backend_epoll};
    char first_why[sizeof b->why] = "";
    if (name && strcmp(name, "sim") == 0) return open_simulated(b);
    int rc = -EINVAL;
    snprintf(b->why, sizeof b->why, "there are uring and epoll"); /* if it is none of them */
    for (size_t i = 0; i < sizeof best_first / sizeof best_first[0]; i++) {
        if (name && strcmp(name, best_first[i]->name) != 0) continue;
        b->why[0] = 0;
        rc = open_one(b, best_first[i]);
        if (rc == 0 || name) break;
        if (!first_why[0]) memcpy(first_why, b->why, sizeof first_why);
    }
    if (rc == 0 && first_why[0]) memcpy(b->why, first_why, sizeof first_why);
    return rc;
}

void hob__backend_close(struct hob__backend *b) {
    if (!b->ops) return;
    if (b->owner == getpid()) {
        while (b->ops_in_flight > 0 && b->ops->wait(b, UINT64_MAX) >= 0) continue;
        hob__offload_close(b);
    }
    b->ops->close(b);
    hob__fd_close_all(b);
    b->ops = NULL;
}
