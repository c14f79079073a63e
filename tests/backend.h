/* backend.h - the frame of the tests that speak with a backend directly.
 *
 * BACKENDS(name) { ... } makes a test of each: NAME_epoll, and for io_uring NAME_uring, _coop and
 * _plain, with ever fewer of the kernel's newer flags. The body finds the backend opened as `b` and
 * closes it not; afterwards the descriptors and the heap must be as before. Where the kernel
 * refuses io_uring these tests do nothing. */
#ifndef HOB_TEST_BACKEND_H
#define HOB_TEST_BACKEND_H
#include "test.h"
#include <base/memory.h>
#include <fcntl.h>
#include <loop/backend.h>
#include <loop/internal.h>
#include <loop/ring.h>
#include <sys/resource.h>

static struct hob__backend backend, *const b = &backend;
static unsigned seen_bits[1 << 16]; /* by descriptor number */
static size_t seen_count;

static void note_ready(struct hob__backend *from, struct hob__fd *f, unsigned events) {
    CHECK(from == b);
    CHECK(!f->dying);
    CHECK_EQ(f->ready & events, events);
    if (f->fd < 1 << 16) seen_bits[f->fd] |= events;
    seen_count++;
}

/* What was reported of it since the last call. */
__attribute__((unused)) static unsigned seen(const struct hob__fd *f) {
    unsigned bits = seen_bits[f->fd];
    seen_bits[f->fd] = 0;
    return bits;
}

/* False: this kernel does not give it. */
static bool open_backend(const char *name) {
    backend = (struct hob__backend){.on_ready = note_ready};
    int rc = hob__backend_open(b, name);
    if (rc == 0) {
        CHECK_STR(b->why, "");
        CHECK_STR(b->ops->name, name);
        return true;
    }
    CHECK_STR(name, "uring");
    CHECK_HAS(b->why, "io_uring");
    return false;
}

__attribute__((unused)) static void run_on(const char *name, unsigned skip, void (*body)(void)) {
    int fds = count_fds();
    hob__alloc_fail_at(0);
    long live = hob__alloc_live();
    hob__ring_skip = skip;
    if (!open_backend(name)) return;
    body();
    CHECK_EQ(b->watched, 0);
    CHECK_EQ(b->ops_in_flight, 0);
    hob__backend_close(b);
    CHECK_EQ(count_fds(), fds);
    CHECK_EQ(hob__alloc_live(), live);
}

#define BACKENDS(name)                                                                             \
    static void body_##name(void);                                                                 \
    TEST(name##_epoll) { run_on("epoll", 0, body_##name); }                                        \
    TEST(name##_uring) { run_on("uring", 0, body_##name); }                                        \
    TEST(name##_coop) { run_on("uring", 2, body_##name); }                                         \
    TEST(name##_plain) { run_on("uring", 3, body_##name); }                                        \
    static void body_##name(void)

#define MS UINT64_C(1000000)

__attribute__((unused)) static uint64_t after(uint64_t ns) { return b->ops->now(b) + ns; }

/* Looks until nothing more comes: at least for 3 ms, and three times, however long this thread has
 * not run meanwhile. */
__attribute__((unused)) static void settle(void) {
    size_t before;
    do {
        before = seen_count;
        uint64_t until = after(3 * MS);
        for (int looks = 0; looks < 3 || b->ops->now(b) < until; looks++)
            CHECK(b->ops->wait(b, until) >= 0);
    } while (seen_count != before);
}

__attribute__((unused)) static struct hob__fd *armed(int fd) {
    struct hob__fd *f = hob__fd_open(b, fd);
    CHECK(f != NULL);
    CHECK_EQ(f->ready, HOB__READ | HOB__WRITE);
    CHECK_EQ(b->ops->arm(b, f), 0);
    CHECK(f->armed);
    return f;
}

__attribute__((unused)) static void make_pair(int p[2]) {
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p), 0);
}

__attribute__((unused)) static void give_up(struct hob__fd *f) {
    int fd = f->fd;
    hob__fd_close(b, f);
    CHECK_EQ(b->ops->sys->close(b, fd), 0);
}

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* Under valgrind, qemu or ThreadSanitizer less is enough. */
__attribute__((unused)) static int fewer(int n) {
    if (UNDER_TSAN) return n / 10;
    return getenv("TEST_SLOW") ? n / 50 : n;
}
#endif
