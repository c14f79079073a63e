/* offload_test.c - bounded work: files through the ring or a worker thread, functions in worker
 * threads. */
#include "backend.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <time.h>

static int done_count;
static void count_done(struct hob__op *op) {
    CHECK(op->next == NULL);
    done_count++;
}

/* Submits and waits; the result. */
static ssize_t perform(struct hob__op *op) {
    done_count = 0;
    op->done = count_done;
    int rc = b->ops->submit(b, op);
    if (rc < 0) return rc;
    CHECK_EQ(done_count, 0); /* never from inside submit */
    CHECK_EQ(b->ops_in_flight, 1);
    while (done_count == 0) CHECK(b->ops->wait(b, UINT64_MAX) >= 0);
    CHECK_EQ(done_count, 1);
    CHECK_EQ(b->ops_in_flight, 0);
    return op->result;
}

static ssize_t file_op(enum hob__op_code code, int fd, void *buf, size_t n, int64_t offset) {
    struct iovec v[2] = {{buf, n / 2}, {(char *)buf + n / 2, n - n / 2}};
    struct hob__op op = {.code = code, .fd = fd, .iov = v, .iov_count = 2, .offset = offset};
    return perform(&op);
}

static int scratch_file(void) {
    char name[] = "/tmp/hob-offload-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(unlink(name), 0);
    return fd;
}

BACKENDS(files) {
    static char out[10000], in[10000];
    int fd = scratch_file();
    for (size_t i = 0; i < sizeof out; i++) out[i] = (char)(i * 7);
    CHECK_EQ(file_op(HOB__OP_PREADV, fd, in, sizeof in, 0), 0);
    CHECK_EQ(file_op(HOB__OP_PWRITEV, fd, out, sizeof out, 0), sizeof out);
    CHECK_EQ(file_op(HOB__OP_FSYNC, fd, out, 0, 0), 0);
    CHECK_EQ(file_op(HOB__OP_PREADV, fd, in, sizeof in, 0), sizeof in);
    CHECK(memcmp(in, out, sizeof in) == 0);
    CHECK_EQ(file_op(HOB__OP_PREADV, fd, in, 100, 5000), 100);
    CHECK(memcmp(in, out + 5000, 100) == 0);
    CHECK_EQ(file_op(HOB__OP_PREADV, fd, in, 100, 9950), 50);
    CHECK_EQ(file_op(HOB__OP_PREADV, fd, in, 100, 10000), 0);
    /* The descriptor's own position. */
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(file_op(HOB__OP_PREADV, fd, in, 300, -1), 300);
    CHECK_EQ(file_op(HOB__OP_PREADV, fd, in, 300, -1), 300);
    CHECK(memcmp(in, out + 300, 300) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 600);
    CHECK_EQ(file_op(HOB__OP_PWRITEV, fd, out, 400, -1), 400);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 1000);
    CHECK_EQ(pread(fd, in, 400, 600), 400);
    CHECK(memcmp(in, out, 400) == 0);
    close(fd);
}

BACKENDS(file_errors) {
    char buf[16] = "";
    int p[2], ro = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
              dir = open("/", O_RDONLY | O_CLOEXEC);
    CHECK_EQ(file_op(HOB__OP_PREADV, 999, buf, 16, 0), -EBADF);
    CHECK_EQ(file_op(HOB__OP_PWRITEV, 999, buf, 16, 0), -EBADF);
    CHECK_EQ(file_op(HOB__OP_FSYNC, 999, buf, 0, 0), -EBADF);
    CHECK_EQ(file_op(HOB__OP_PWRITEV, ro, buf, 16, 0), -EBADF);
    CHECK_EQ(file_op(HOB__OP_PREADV, dir, buf, 16, 0), -EISDIR);
    make_pair(p);
    CHECK_EQ(file_op(HOB__OP_PREADV, p[0], buf, 16, 5), -ESPIPE);
    CHECK_EQ(file_op(HOB__OP_FSYNC, p[0], buf, 0, 0), -EINVAL);
    int devnull = open("/dev/full", O_WRONLY | O_CLOEXEC);
    CHECK_EQ(file_op(HOB__OP_PWRITEV, devnull, buf, 16, 0), -ENOSPC);
    close(devnull);
    close(p[0]);
    close(p[1]);
    close(ro);
    close(dir);
}

/* The short cut for what is cached. */
BACKENDS(attempt) {
    char out[8192], in[8192];
    int fd = scratch_file();
    memset(out, 'x', sizeof out);
    CHECK_EQ(pwrite(fd, out, sizeof out, 0), sizeof out);
    struct iovec v = {in, sizeof in};
    struct hob__op op = {.code = HOB__OP_PREADV, .fd = fd, .iov = &v, .iov_count = 1};
    ssize_t got = b->ops->attempt(b, &op);
    if (got != -EAGAIN) { /* some file systems have no such reads */
        CHECK_EQ(got, sizeof in);
        CHECK(memcmp(in, out, sizeof in) == 0);
    }
    op.fd = 999;
    CHECK_EQ(b->ops->attempt(b, &op), -EAGAIN);
    op.code = HOB__OP_PWRITEV;
    op.fd = fd;
    CHECK_EQ(b->ops->attempt(b, &op), -EAGAIN);
    CHECK_EQ(b->ops_in_flight, 0);
    close(fd);
}

/* More at once than the submission ring has room for. */
BACKENDS(many_reads_at_once) {
    enum { N = 3000 };
    static struct hob__op ops[N];
    static struct iovec v[N];
    static uint32_t in[N];
    int fd = scratch_file();
    for (uint32_t i = 0; i < N; i++) CHECK_EQ(pwrite(fd, &i, 4, i * 4), 4);
    done_count = 0;
    for (int i = 0; i < N; i++) {
        v[i] = (struct iovec){&in[i], 4};
        ops[i] = (struct hob__op){.code = HOB__OP_PREADV, .fd = fd, .iov = &v[i], .iov_count = 1};
        ops[i].offset = i * 4;
        ops[i].done = count_done;
        CHECK_EQ(b->ops->submit(b, &ops[i]), 0);
    }
    CHECK_EQ(b->ops_in_flight, N);
    while (done_count < N) CHECK(b->ops->wait(b, UINT64_MAX) >= 0);
    for (uint32_t i = 0; i < N; i++) CHECK(ops[i].result == 4 && in[i] == i);
    close(fd);
}

/* ---- functions ---- */

static _Atomic int running, most_running, runs;
static _Atomic bool bad_thread;
static pthread_t loop_thread;

static int busy(struct hob__op *op) {
    int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now)) continue;
    char name[16] = "";
    sigset_t blocked;
    pthread_getname_np(pthread_self(), name, sizeof name);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    if (strcmp(name, "hob-work") != 0 || pthread_equal(pthread_self(), loop_thread) ||
        !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGALRM))
        atomic_store(&bad_thread, true);
    struct timespec t = {0, 50000};
    if ((op->fd & 7) == 0) nanosleep(&t, NULL);
    atomic_fetch_add(&runs, 1);
    atomic_fetch_sub(&running, 1);
    return op->fd * 2;
}

static struct hob__op works[1000];
static int submitted;

static void work_done(struct hob__op *op) {
    CHECK(pthread_equal(pthread_self(), loop_thread));
    CHECK_EQ(op->result, op->fd * 2);
    op->result = -1; /* a second time would fail */
    done_count++;
    if (submitted < 1000) {
        struct hob__op *next = &works[submitted];
        *next = (struct hob__op){.code = HOB__OP_WORK, .fd = submitted++, .work = busy};
        next->done = work_done;
        CHECK_EQ(b->ops->submit(b, next), 0);
    }
}

BACKENDS(a_thousand_functions) {
    loop_thread = pthread_self();
    done_count = submitted = 0;
    atomic_store(&runs, 0);
    atomic_store(&most_running, 0);
    for (; submitted < 500;) {
        struct hob__op *op = &works[submitted];
        *op = (struct hob__op){.code = HOB__OP_WORK, .fd = submitted++, .work = busy};
        op->done = work_done;
        CHECK_EQ(b->ops->submit(b, op), 0);
    }
    while (done_count < 1000) CHECK(b->ops->wait(b, UINT64_MAX) >= 0);
    CHECK_EQ(runs, 1000);
    CHECK(!bad_thread);
    CHECK(most_running >= 2 && most_running <= 8);
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    CHECK(!sigismember(&blocked, SIGINT));
}

static int sleep_a_little(struct hob__op *op) {
    struct timespec t = {0, 20000000};
    nanosleep(&t, NULL);
    return -op->fd;
}

/* Between sleeping and waking: one at a time, each awaited without a deadline. */
BACKENDS(one_after_another) {
    loop_thread = pthread_self();
    for (int i = 0; i < fewer(5000); i++) {
        struct hob__op op = {.code = HOB__OP_WORK, .fd = i | 1, .work = busy};
        CHECK_EQ(perform(&op), (i | 1) * 2);
    }
    struct hob__op op = {.code = HOB__OP_WORK, .fd = 5, .work = sleep_a_little};
    CHECK_EQ(perform(&op), -5);
}

/* Waiting with a deadline goes on while a function runs; its end cuts the wait short. */
BACKENDS(the_loop_is_not_blocked) {
    struct hob__op op = {.code = HOB__OP_WORK, .fd = 1, .work = sleep_a_little, .done = count_done};
    done_count = 0;
    CHECK_EQ(b->ops->submit(b, &op), 0);
    uint64_t until = after(2 * MS);
    CHECK(b->ops->wait(b, until) >= 0);
    CHECK(b->ops->now(b) >= until || done_count);
    until = after(30000 * MS);
    while (!done_count) CHECK(b->ops->wait(b, until) >= 0);
    CHECK(b->ops->now(b) < until);
}

/* Closing waits for what runs and for what is queued. */
TEST(close_waits) {
    for (int k = 0; k < 2; k++) {
        if (!open_backend(k ? "uring" : "epoll")) continue;
        struct hob__op ops[20];
        done_count = 0;
        for (int i = 0; i < 20; i++) {
            ops[i] = (struct hob__op){.code = HOB__OP_WORK, .fd = i, .work = sleep_a_little};
            ops[i].done = count_done;
            CHECK_EQ(b->ops->submit(b, &ops[i]), 0);
        }
        hob__backend_close(b);
        CHECK_EQ(done_count, 20);
        for (int i = 0; i < 20; i++) CHECK_EQ(ops[i].result, -i);
    }
}

static int count_workers(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    CHECK(d != NULL);
    for (struct dirent *e; (e = readdir(d));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fgets(name, sizeof name, f)) n += strcmp(name, "hob-work\n") == 0;
        if (f) fclose(f);
    }
    closedir(d);
    return n;
}

/* Each of the first ones has a thread of its own, however late the next one comes. */
static _Atomic bool gate_is_open;
static int stand_at_gate(struct hob__op *op) {
    while (!gate_is_open) usleep(1000);
    return -op->fd;
}

static void expect_workers(int n) {
    uint64_t until = after(30000 * MS); /* of a busy machine */
    while (count_workers() != n) CHECK(b->ops->now(b) < until);
}

TEST(idle_threads_end_and_come_back) {
    if (hob__on_valgrind()) return; /* threads have no names there */
    CHECK(open_backend("epoll"));
    for (int round = 0; round < 2; round++) {
        submitted = 0;
        done_count = 0;
        gate_is_open = false;
        loop_thread = pthread_self();
        for (int i = 0; i < 16; i++) {
            works[i] = (struct hob__op){.code = HOB__OP_WORK, .fd = i, .work = stand_at_gate};
            works[i].done = count_done;
            CHECK_EQ(b->ops->submit(b, &works[i]), 0);
        }
        expect_workers(8);
        gate_is_open = true;
        while (done_count < 16) CHECK(b->ops->wait(b, UINT64_MAX) >= 0);
        if (round == 0) {
            uint64_t until = after(6500 * MS);
            while (b->ops->now(b) < until) CHECK(b->ops->wait(b, until) >= 0);
            expect_workers(0);
        }
    }
    hob__backend_close(b);
    /* /proc lists a joined thread a moment longer. */
    for (int i = 0; i < 3000 && count_workers() > 0; i++) usleep(1000);
    CHECK_EQ(count_workers(), 0);
}

BACKENDS(no_memory_for_workers) {
    struct hob__op op = {.code = HOB__OP_WORK, .work = sleep_a_little, .done = count_done};
    hob__alloc_fail_at(1);
    CHECK_EQ(b->ops->submit(b, &op), -ENOMEM);
    CHECK_EQ(b->ops_in_flight, 0);
    hob__alloc_fail_at(0);
    CHECK_EQ(perform(&op), 0);
}

/* A user without the right to make another thread: an error, and nothing is queued. */
TEST(no_thread_to_be_had) {
    CHECK(open_backend("epoll"));
    struct rlimit none = {0, 0};
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    if (getuid() == 0 && setuid(65534) != 0) return;
    struct hob__op op = {.code = HOB__OP_WORK, .work = sleep_a_little, .done = count_done};
    CHECK_EQ(b->ops->submit(b, &op), -EAGAIN);
    CHECK_EQ(b->ops_in_flight, 0);
    hob__backend_close(b);
    _exit(0); /* LeakSanitizer cannot work without threads */
}

TEST_MAIN()
