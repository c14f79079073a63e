/* loop/ring.c - one io_uring, by its three system calls and two mappings.
 *
 * Each side owns one index of each ring: we write the submission tail and the completion head with
 * release, and read the kernel's two with acquire. The flags are tried from the best set downwards:
 * with DEFER_TASKRUN the kernel finishes requests only inside our own enter(), in batches, instead
 * of interrupting the thread; TASKRUN_FLAG tells without a call that there is something to finish
 * (since 6.13 one pass finishes at most 20, so it may still be set after an enter). */
#include "ring.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* A large completion ring also gives the kernel its full number of buckets for finding a poll. */
enum { SQ_ENTRIES = 1024, CQ_ENTRIES = 8192 };

static const uint32_t flag_ladder[] = {
    HOB__SETUP_DEFER_TASKRUN | HOB__SETUP_SINGLE_ISSUER | HOB__SETUP_SUBMIT_ALL |
        HOB__SETUP_TASKRUN_FLAG | HOB__SETUP_NO_SQARRAY,
    HOB__SETUP_DEFER_TASKRUN | HOB__SETUP_SINGLE_ISSUER | HOB__SETUP_SUBMIT_ALL |
        HOB__SETUP_TASKRUN_FLAG,
    HOB__SETUP_COOP_TASKRUN | HOB__SETUP_SUBMIT_ALL | HOB__SETUP_TASKRUN_FLAG,
    0,
};

static const uint32_t needed_features = HOB__FEAT_SINGLE_MMAP | HOB__FEAT_NODROP |
                                        HOB__FEAT_RW_CUR_POS | HOB__FEAT_POLL_32BITS |
                                        HOB__FEAT_EXT_ARG | HOB__FEAT_RSRC_TAGS;

unsigned hob__ring_skip;

static int setup(struct hob__uring_params *p) {
    for (size_t i = hob__ring_skip; i < sizeof flag_ladder / sizeof flag_ladder[0]; i++) {
        memset(p, 0, sizeof *p);
        p->flags = flag_ladder[i] | HOB__SETUP_CQSIZE | HOB__SETUP_CLAMP;
        p->cq_entries = CQ_ENTRIES;
        long fd = syscall(HOB__SYS_URING_SETUP, SQ_ENTRIES, p);
        if (fd >= 0) return (int)fd;
        if (errno != EINVAL) return -errno;
    }
    return -EINVAL;
}

/* Not inherited by fork(): a child that wrote there would speak in the parent's name. */
static void *map(struct hob__ring *r, size_t size, off_t offset) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, offset);
    if (p == MAP_FAILED) return NULL;
    madvise(p, size, MADV_DONTFORK);
    return p;
}

static int map_all(struct hob__ring *r, const struct hob__uring_params *p) {
    size_t sq_size = p->sq_off.array;
    if (!(p->flags & HOB__SETUP_NO_SQARRAY)) sq_size += p->sq_entries * sizeof(uint32_t);
    size_t cq_size = p->cq_off.cqes + p->cq_entries * sizeof(struct hob__cqe);
    r->rings_size = sq_size > cq_size ? sq_size : cq_size;
    r->sqes_size = p->sq_entries * sizeof(struct hob__sqe);
    r->rings = map(r, r->rings_size, HOB__OFF_SQ_RING);
    r->sqes = r->rings ? map(r, r->sqes_size, HOB__OFF_SQES) : NULL;
    if (!r->sqes) return -errno;
    char *base = r->rings;
    r->sq_head = (uint32_t *)(base + p->sq_off.head);
    r->sq_tail = (uint32_t *)(base + p->sq_off.tail);
    r->sq_flags = (uint32_t *)(base + p->sq_off.flags);
    r->sq_entries = p->sq_entries;
    r->sq_mask = p->sq_entries - 1;
    r->cq_head = (uint32_t *)(base + p->cq_off.head);
    r->cq_tail = (uint32_t *)(base + p->cq_off.tail);
    r->cq_mask = p->cq_entries - 1;
    r->cqes = (struct hob__cqe *)(base + p->cq_off.cqes);
    if (!(p->flags & HOB__SETUP_NO_SQARRAY)) {
        uint32_t *array = (uint32_t *)(base + p->sq_off.array);
        for (uint32_t i = 0; i < p->sq_entries; i++) array[i] = i;
    }
    return 0;
}

static long register_fds(struct hob__ring *r, unsigned code, struct hob__uring_rsrc_update *u) {
    return syscall(HOB__SYS_URING_REGISTER, r->fd, code, u, 1);
}

/* Spares each enter the look-up of the descriptor. */
static void register_self(struct hob__ring *r) {
    struct hob__uring_rsrc_update u = {.offset = UINT32_MAX, .data = (uint64_t)r->fd};
    if (register_fds(r, HOB__REGISTER_RING_FDS, &u) != 1) return;
    r->enter_fd = (int)u.offset;
    r->enter_flags |= HOB__ENTER_REGISTERED_RING;
}

int hob__ring_open(struct hob__ring *r, const char **step) {
    struct hob__uring_params p;
    memset(r, 0, sizeof *r);
    *step = "io_uring_setup";
    r->fd = r->enter_fd = setup(&p);
    if (r->fd < 0) return r->fd;
    int rc = 0;
    if ((p.features & needed_features) != needed_features) {
        *step = "io_uring of an old kernel";
        rc = -ENOSYS;
    } else {
        *step = "mapping the io_uring";
        rc = map_all(r, &p);
    }
    if (rc < 0) {
        hob__ring_close(r, true);
        return rc;
    }
    r->setup_flags = p.flags;
    r->features = p.features;
    /* Else a sleeping loop counts as a processor that waits for a disk. */
    if (p.features & HOB__FEAT_NO_IOWAIT) r->enter_flags |= HOB__ENTER_NO_IOWAIT;
    r->wait_absolute = (p.features & HOB__FEAT_MIN_TIMEOUT) != 0;
    register_self(r);
    return 0;
}

void hob__ring_close(struct hob__ring *r, bool memory) {
    if (memory) {
        if (r->enter_flags & HOB__ENTER_REGISTERED_RING) {
            struct hob__uring_rsrc_update u = {.offset = (uint32_t)r->enter_fd};
            register_fds(r, HOB__UNREGISTER_RING_FDS, &u);
        }
        if (r->sqes) munmap(r->sqes, r->sqes_size);
        if (r->rings) munmap(r->rings, r->rings_size);
    }
    close(r->fd);
    r->fd = -1;
}

struct hob__sqe *hob__ring_sqe(struct hob__ring *r) {
    if (r->made == r->sq_entries && hob__ring_pending(r) == r->sq_entries) {
        /* Submits only: completions stay where they are, for this may run while they are read. */
        syscall(HOB__SYS_URING_ENTER, r->enter_fd, r->sq_entries, 0, r->enter_flags, NULL, 0);
        if (hob__ring_pending(r) == r->sq_entries) return NULL;
    }
    uint32_t tail = *r->sq_tail;
    struct hob__sqe *e = &r->sqes[tail & r->sq_mask];
    memset(e, 0, sizeof *e);
    /* The kernel looks only during an enter, so the caller may still fill the entry. */
    __atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
    r->made++;
    return e;
}

static void set_timeout(const struct hob__ring *r, struct hob__uring_time *t, uint64_t deadline) {
    const uint64_t second = UINT64_C(1000000000);
    uint64_t ns = deadline;
    if (!r->wait_absolute) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t now_ns = (uint64_t)now.tv_sec * second + (uint64_t)now.tv_nsec;
        ns = deadline > now_ns ? deadline - now_ns : 0;
    }
    t->s = (int64_t)(ns / second);
    t->ns = (int64_t)(ns % second);
}

int hob__ring_enter(struct hob__ring *r, bool wait, uint64_t deadline) {
    struct hob__uring_time t;
    struct hob__uring_wait arg = {0};
    uint32_t flags = r->enter_flags | HOB__ENTER_GETEVENTS | HOB__ENTER_EXT_ARG;
    if (wait && deadline != UINT64_MAX) {
        set_timeout(r, &t, deadline);
        arg.timeout = (uint64_t)(uintptr_t)&t;
        if (r->wait_absolute) flags |= HOB__ENTER_ABS_TIMER;
    }
    unsigned pending = hob__ring_pending(r);
    long rc =
        syscall(HOB__SYS_URING_ENTER, r->enter_fd, pending, wait ? 1 : 0, flags, &arg, sizeof arg);
    return rc < 0 ? -errno : 0;
}
