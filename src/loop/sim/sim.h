/* loop/sim/sim.h - the inside of the simulated world: a third backend, behind struct
 * hob__backend_ops and struct hob__sys, whose kernel, network and clock are this folder.
 *
 * A *world* is one thread of one process. It has *hosts*, each with addresses, descriptors and one
 * or more *loops*; a clock, which jumps when no loop has anything to do; a heap of *events*; and
 * one seed, from which every decision comes. Each loop's scheduler runs on a stack of its own, and
 * backend.wait() goes on with whichever loop is next (world.c), so that hosts take turns exactly
 * where a real loop would sleep in the kernel.
 *
 * What a descriptor stands for is an *end* (struct hob__sim_end): the first member of whatever a
 * kind keeps, with a table of functions. docs/simulation.md says how to add a kind.
 *
 * Memory: the world is not the program under test. It takes memory from libc, so that a test which
 * makes the program's n-th allocation fail counts the program's alone, and a world without memory
 * ends the process. */
#ifndef HOB_LOOP_SIM_SIM_H
#define HOB_LOOP_SIM_SIM_H

#include <string.h>

#include "base/list.h"
#include "fiber/fiber.h"
#include "loop/backend.h"

struct hob__sim;
struct hob__sim_host;
struct hob__sim_loop;
struct hob__sim_end;

/* Real descriptors are below the kernel's limit (2^20 by default, at most 2^30). */
enum { HOB__SIM_FD_FIRST = 1 << 30 };
enum { HOB__SIM_LOOPS = 256, HOB__SIM_HOSTS = 128 };

/* ---- memory ---- */
void *hob__sim_alloc(size_t n); /* zeroed; never NULL */
void *hob__sim_realloc(void *p, size_t n);
void hob__sim_free(void *p);

/* ---- random.c: one seed, named streams. What is drawn from one does not shift the others, so that
 * a new fault leaves the schedules of old seeds alone. ---- */

enum hob__sim_stream {
    HOB__SIM_ORDER,   /* who is next: tasks, loops, ready descriptors */
    HOB__SIM_NET,     /* delays, losses, cuts */
    HOB__SIM_FAULT,   /* what goes wrong in calls */
    HOB__SIM_WORK,    /* how long offloaded work takes */
    HOB__SIM_FILES,   /* files.c */
    HOB__SIM_UDP,     /* udp.c */
    HOB__SIM_DNS,     /* dns.c */
    HOB__SIM_BUGGIFY, /* hob_buggify() */
    HOB__SIM_PROGRAM, /* what programs draw: backend.random() */
    HOB__SIM_TEST,    /* what the test itself draws: hob_sim_random() */
    HOB__SIM_CONFIG,  /* the world's own constants, at its beginning */
    HOB__SIM_RACE,    /* what meets in one turn */
    HOB__SIM_SIGNAL,  /* which calls are interrupted */
    HOB__SIM_STREAMS
};

/* A probability, in 2^-32; 0: never, and nothing is drawn for it. */
#define HOB__SIM_P(p) ((uint32_t)((p)*4294967295.0))

/* What may go wrong. All zero: nothing does. */
struct hob__sim_faults {
    uint32_t short_read;  /* a read gives fewer bytes than are there, down to one */
    uint32_t short_write; /* a write takes fewer than there is room for, down to one */
    uint32_t cut;         /* a segment arrives in two parts */
    uint32_t spurious;    /* a descriptor is said to be ready which is not */
    uint32_t early;       /* a wait returns before anything has happened, as after EINTR */
    uint32_t accept;      /* accept() fails: EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED */
    uint32_t no_memory;   /* connect() fails with ENOBUFS */
    uint32_t stall;       /* a loop does not run for a while: 1 to 100 ms */
    uint32_t buggify;     /* hob_buggify() sites that are on fire so often */
    uint32_t datagram_lost, datagram_twice;
    uint32_t datagram_late; /* up to 50 ms, so that others overtake it */
    uint32_t name_lost;     /* a question to the name server, or its answer */
    /* A completion and a cancel meet in one turn of the loop: a wait is told late, when the next
     * thing has happened too (success first, then the deadline's cancel); and between a cancel and
     * the cancelled task's run the loop looks outside (first the cancel, then what would have been
     * success). */
    uint32_t race;
    /* A call is interrupted before it has done anything (EINTR), and repeated, as sys_linux.c and
     * files_linux.c do it: time passes in between, and what is due happens. */
    uint32_t interrupted;
};

enum hob__sim_order { HOB__SIM_FIFO, HOB__SIM_RANDOM, HOB__SIM_LAST, HOB__SIM_PCT };

/* ---- log.c, and the hash of all decisions ---- */

/* One line of the readable log: "  0.000245 server   text". Only when the world logs. */
void hob__sim_tell(struct hob__sim *w, const struct hob__sim_host *h, const char *fmt, ...)
    HOB_PRINTF(3, 4);
#define HOB__SIM_LOG(w, h, ...)                                                                    \
    do {                                                                                           \
        if (HOB__UNLIKELY((w)->log != NULL)) hob__sim_tell((w), (h), __VA_ARGS__);                 \
    } while (0)

/* ---- world.c ---- */

typedef void hob__sim_fire(struct hob__sim *w, void *arg, uint64_t data);

struct hob__sim_event {
    uint64_t when, seq;
    hob__sim_fire *fire;
    void *arg;
    uint64_t data;
};

/* A loop: a thread of its host, as far as the world is concerned. */
struct hob__sim_loop {
    struct hob__sim *world;
    struct hob__sim_host *host;
    struct hob__backend *backend; /* NULL: not opened yet, or closed */
    unsigned index;               /* in world->loops */
    bool queued;                  /* in world->runnable */
    bool ghost;                   /* its host has crashed since: what it does reaches nobody */
    uint64_t stalled_until;
    struct hob_list ready; /* watches with news for the loop */
    struct hob__op *done, **done_tail;
    unsigned workers;       /* work.c: jobs of its that run */
    void (*run)(void *arg); /* what runs on its stack; NULL: the thread's own stack */
    void *arg;
    struct hob__stack *stack;
    void *sp; /* NULL: not begun */
};

struct hob__sim_port;

struct hob__sim_host {
    struct hob__sim *world;
    unsigned index; /* its addresses are 10.0.0.(index + 1) and fd00::(index + 1) */
    char *name;
    bool down;             /* crashed: nothing that it does reaches the world, nothing reaches it */
    unsigned age;          /* how often it has crashed */
    struct hob_list ports; /* what is bound (tcp_port.c) */
    struct hob_list datagram_ports; /* the same (udp.c) */
    struct hob_list paths;          /* Unix sockets (local.c) */
    struct hob_list ends;           /* its descriptors */
    uint16_t next_port;
    unsigned fds, fds_max;
    void *files; /* files.c */
    void *above; /* the front's own */
};

struct hob__sim_link;

struct hob__sim {
    uint64_t now; /* ns */
    uint64_t hash;
    uint64_t seed;
    uint64_t streams[HOB__SIM_STREAMS];
    struct hob__sim_faults faults;
    enum hob__sim_order order;
    void *log; /* a FILE, or NULL */

    struct hob__sim_event *events; /* a heap */
    size_t event_count, event_room;
    uint64_t next_seq;

    struct hob__sim_loop *current;
    struct hob__sim_loop *loops[HOB__SIM_LOOPS];
    uint64_t deadlines[HOB__SIM_LOOPS]; /* of those that sleep; UINT64_MAX: none */
    uint64_t next_deadline;             /* none of them is earlier */
    unsigned loop_count;
    struct hob__sim_loop *runnable[HOB__SIM_LOOPS]; /* in order of becoming so */
    unsigned runnable_count;
    _Atomic bool woken; /* some backend has been, by wake() */

    struct hob__sim_host *hosts[HOB__SIM_HOSTS];
    unsigned host_count;
    struct hob__sim_link *links[HOB__SIM_HOSTS]; /* [from]: an array of HOB__SIM_HOSTS, or NULL */
    struct hob__sim_link *default_link;

    struct hob__sim_end **ends;             /* by descriptor, from HOB__SIM_FD_FIRST on */
    unsigned end_count, end_room, free_end; /* free_end: head of a list through `ends` */

    struct hob__stacks stacks;
    struct hob__stack *left;         /* whose fiber has ended, not given back yet */
    struct hob__stack thread_stack;  /* the thread's own, for the sanitizers */
    uint64_t turns, switches, fired; /* what it has done */
    struct pct {
        uint64_t salt, step, change_at[4], low[4];
        unsigned changes;
    } pct;
    uint64_t limit; /* of virtual time: then too_late(), which does not return */
    void (*too_late)(struct hob__sim *w);
    /* Nothing can ever happen again. True: something can after all. */
    bool (*stuck)(struct hob__sim *w);
    void *above; /* the front's own */
    int outside; /* outside.c: an epoll instance's number + 1; 0: none */
    unsigned outside_watched;
    bool coarse;     /* outside.c sleeps whole milliseconds */
    bool implicit;   /* made by a loop that was opened without a world: closed with it */
    bool real_files; /* the programs' files are those of the real machine */
    struct hob__sim_loop *working; /* work.c: the worker whose job runs right now */
};

/* A world whose every decision follows from the seed. */
struct hob__sim *hob__sim_new(uint64_t seed);
/* Every loop has ended. */
void hob__sim_free_world(struct hob__sim *w);
/* The world in which this thread's next loop is opened, and which now runs. */
extern __thread struct hob__sim *hob__sim_current;

/* Name is copied. NULL: there are HOB__SIM_HOSTS already. */
struct hob__sim_host *hob__sim_host_new(struct hob__sim *w, const char *name);

/* A loop of the host, which begins soon: run(arg), on a stack of its own, opens a backend ("sim")
 * and runs it. run NULL: the thread's own stack, which is what runs now. */
struct hob__sim_loop *hob__sim_loop_new(struct hob__sim_host *h, void (*run)(void *arg), void *arg);
/* Lets the world go on until it is l's turn again: it was made runnable, or its deadline has come.
 */
void hob__sim_pass(struct hob__sim_loop *l, uint64_t deadline);
static inline void hob__sim_make_runnable(struct hob__sim_loop *l) {
    if (l->queued) return;
    l->queued = true;
    l->world->runnable[l->world->runnable_count++] = l;
}
void hob__sim_at_beside(struct hob__sim *w, struct hob__sim_event e);
/* Fires at that time, or as soon as possible behind it. */
static inline void hob__sim_at(struct hob__sim *w, uint64_t when, hob__sim_fire *fire, void *arg,
                               uint64_t data) {
    struct hob__sim_event e = {when, w->next_seq++, fire, arg, data};
    if (HOB__UNLIKELY(w->event_count > 0 || w->event_room == 0)) {
        hob__sim_at_beside(w, e);
        return;
    }
    w->event_count = 1;
    w->events[0] = e;
}

/* Every decision, and everything that follows from one, goes into the hash. */
static inline void hob__sim_note(struct hob__sim *w, uint64_t what) {
    uint64_t h = (w->hash ^ what) * UINT64_C(0x9fb21c651e98df25);
    w->hash = h ^ h >> 29;
}

uint64_t hob__sim_mix(uint64_t x);
/* 64 random bits. */
static inline uint64_t hob__sim_draw(struct hob__sim *w, enum hob__sim_stream from) {
    uint64_t z = w->streams[from] += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    hob__sim_note(w, z);
    return z;
}
/* 0 to n - 1; n > 0. */
static inline uint64_t hob__sim_below(struct hob__sim *w, enum hob__sim_stream from, uint64_t n) {
    return (uint64_t)((unsigned __int128)hob__sim_draw(w, from) * n >> 64);
}
static inline bool hob__sim_chance(struct hob__sim *w, enum hob__sim_stream from, uint32_t p) {
    return HOB__UNLIKELY(p != 0) && hob__sim_draw(w, from) >> 32 < p;
}
/* Seeds all streams. */
void hob__sim_streams_begin(struct hob__sim *w);
/* A stream's state at the beginning, from a name: for what is not in the list above. */
uint64_t hob__sim_seed_of(const struct hob__sim *w, const char *name);

/* The loop's call was interrupted, perhaps more than once, and will now be done. */
void hob__sim_interrupt(struct hob__sim *w, const struct hob__sim_host *h, const char *call);
static inline bool hob__sim_interrupted(struct hob__sim *w) {
    return hob__sim_chance(w, HOB__SIM_SIGNAL, w->faults.interrupted);
}

/* ---- end.c: descriptors ---- */

/* What a kind of descriptor can do. A function that is NULL is refused as Linux would refuse it.
 * None waits; -errno. */
struct hob__sim_kind {
    const char *name;                                                            /* "tcp" */
    ssize_t (*recv)(struct hob__sim_end *e, void *buf, size_t n, int flags);     /* read() too */
    ssize_t (*send)(struct hob__sim_end *e, const struct iovec *iov, int count); /* writev() too */
    ssize_t (*recvmsg)(struct hob__sim_end *e, struct msghdr *m, int flags);
    ssize_t (*sendmsg)(struct hob__sim_end *e, const struct msghdr *m, int flags);
    int (*bind)(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n);
    int (*listen)(struct hob__sim_end *e, int backlog);
    int (*connect)(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n);
    struct hob__sim_end *(*accept)(struct hob__sim_end *e, int *rc); /* NULL: *rc says why */
    int (*shutdown)(struct hob__sim_end *e, int how);
    int (*getsockopt)(struct hob__sim_end *e, int level, int name, void *value, socklen_t *n);
    int (*setsockopt)(struct hob__sim_end *e, int level, int name, const void *value, socklen_t n);
    int (*getsockname)(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n);
    int (*getpeername)(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n);
    /* S_IFMT's bits, and O_ACCMODE's with O_APPEND; NULL: a socket, for both directions. */
    mode_t (*type)(const struct hob__sim_end *e);
    int (*flags)(const struct hob__sim_end *e);
    /* How much a write may take now, for splice() and sendfile(). */
    size_t (*room)(struct hob__sim_end *e);
    /* HOB__READ ... : what is so now. */
    unsigned (*level)(struct hob__sim_end *e);
    /* The descriptor is closed; e is freed by it, now or later. crashed: the host is, so that
     * nothing is sent. */
    void (*close)(struct hob__sim_end *e, bool crashed);
};

/* Who watches an end. */
struct hob__sim_watch {
    struct hob_list link; /* in loop->ready, or alone */
    struct hob__sim_watch *next;
    struct hob__fd *f; /* NULL: nobody */
    struct hob__sim_loop *loop;
    uint8_t pending; /* HOB__READ ... : to be delivered */
};

/* The first member of whatever a kind keeps. */
struct hob__sim_end {
    const struct hob__sim_kind *kind;
    struct hob__sim_host *host;
    int fd;                      /* -1: it has none (in a backlog) */
    struct hob_list link;        /* in host->ends */
    struct hob__sim_watch watch; /* the first; more are linked behind */
};

/* The machine loses its power: its descriptors stand for nothing any more, its loops are ghosts. */
void hob__sim_host_crash(struct hob__sim_host *h);
/* Prepares e, which is zero but for what its kind sets. No descriptor yet. */
void hob__sim_end_init(struct hob__sim_end *e, const struct hob__sim_kind *kind,
                       struct hob__sim_host *h);
/* Gives it a number: that, or -EMFILE (the host has as many as it may). */
int hob__sim_end_open(struct hob__sim_end *e);
/* close() from inside: no watch may be left. */
void hob__sim_end_close(struct hob__sim_end *e, bool crashed);
/* Something has become so: HOB__READ ... Whoever watches is told at its next wait(). */
void hob__sim_raise(struct hob__sim_end *e, unsigned bits);

int hob__sim_arm(struct hob__backend *b, struct hob__fd *f);
bool hob__sim_disarm(struct hob__backend *b, struct hob__fd *f);
/* Delivers what is ready to the loop's layer above; how many. */
int hob__sim_deliver(struct hob__sim_loop *l);

/* The end behind a number, if it is this backend's host's; else NULL. (A free number's entry has
 * its lowest bit set.) */
static inline struct hob__sim_end *hob__sim_end_of(struct hob__backend *b, int fd) {
    const struct hob__sim_loop *l = b->state;
    unsigned at = (unsigned)fd - HOB__SIM_FD_FIRST;
    if (HOB__UNLIKELY(at >= l->world->end_count)) return NULL;
    struct hob__sim_end *e = l->world->ends[at];
    return HOB__UNLIKELY((uintptr_t)e & 1 || e->host != l->host) ? NULL : e;
}

/* ---- outside.c: real descriptors ---- */

/* May the number be a real one? */
static inline bool hob__sim_outside(struct hob__backend *b, int fd) {
    return fd >= 0 && fd < HOB__SIM_FD_FIRST && ((struct hob__sim_loop *)b->state)->world->implicit;
}
int hob__sim_outside_open(struct hob__backend *b, struct hob__sim *w);
int hob__sim_outside_arm(struct hob__backend *b, struct hob__fd *f);
void hob__sim_outside_disarm(struct hob__backend *b, struct hob__fd *f);
/* Before l passes, while some are watched: sleeps as long as nothing can happen in the world, and
 * delivers what has come outside. How long l may pass: 0, or until then. */
uint64_t hob__sim_outside_wait(struct hob__sim_loop *l, uint64_t deadline);
void hob__sim_outside_close(struct hob__sim *w);

/* How many bytes a call moves of the n (> 0) that it could. */
static inline size_t hob__sim_cut(struct hob__sim *w, uint32_t p, size_t n) {
    if (!hob__sim_chance(w, HOB__SIM_FAULT, p)) return n;
    return hob__sim_below(w, HOB__SIM_FAULT, 2) ? 1 : 1 + hob__sim_below(w, HOB__SIM_FAULT, n);
}

static inline struct hob__sim *hob__sim_world(struct hob__backend *b) {
    return ((struct hob__sim_loop *)b->state)->world;
}
static inline struct hob__sim_host *hob__sim_host_of(struct hob__backend *b) {
    return ((struct hob__sim_loop *)b->state)->host;
}

/* ---- link.c ---- */

/* One direction between two hosts. */
struct hob__sim_link {
    uint64_t delay_ns, jitter_ns;
    uint64_t ns_per_kib;      /* bandwidth; 0: no limit */
    uint32_t loss, duplicate; /* probabilities; duplicate: of datagrams */
    bool down;
    uint64_t clogged_until; /* nothing arrives before */
    uint64_t free_at;       /* the wire is busy until then */
    uint32_t pass, drop;    /* so many packets pass, then so many are lost */
};

/* What a world has between any two hosts unless it is told otherwise; of a host to itself. */
struct hob__sim_link *hob__sim_default_link(struct hob__sim *w);
extern const struct hob__sim_link hob__sim_loopback;
/* The link of that direction, for reading; of a host to itself: the loopback's. */
static inline const struct hob__sim_link *hob__sim_link_of(struct hob__sim *w,
                                                           const struct hob__sim_host *from,
                                                           const struct hob__sim_host *to) {
    const struct hob__sim_link *row = w->links[from->index];
    if (row) return &row[to->index];
    return from == to ? &hob__sim_loopback : hob__sim_default_link(w);
}
/* The same, for changing it. */
struct hob__sim_link *hob__sim_link_own(struct hob__sim *w, const struct hob__sim_host *from,
                                        const struct hob__sim_host *to);
/* When n bytes that are sent now have left, over a link with a bandwidth. */
uint64_t hob__sim_leaves(struct hob__sim *w, const struct hob__sim_host *from,
                         const struct hob__sim_host *to, size_t n);
/* A packet of those that hob_sim_drop() counts: is it lost? */
bool hob__sim_dropped(struct hob__sim *w, const struct hob__sim_host *from,
                      const struct hob__sim_host *to);
static inline bool hob__sim_drops(struct hob__sim *w, const struct hob__sim_host *from,
                                  const struct hob__sim_host *to) {
    const struct hob__sim_link *row = w->links[from->index];
    return row && HOB__UNLIKELY(row[to->index].drop != 0) && hob__sim_dropped(w, from, to);
}
/* When they arrive over that link; *lost: they do not, at the first try. */
static inline __attribute__((always_inline)) uint64_t
hob__sim_travel_over(struct hob__sim *w, const struct hob__sim_link *l,
                     const struct hob__sim_host *from, const struct hob__sim_host *to, size_t n,
                     bool *lost) {
    uint64_t arrives = w->now;
    *lost = hob__sim_chance(w, HOB__SIM_NET, l->loss);
    if (HOB__UNLIKELY(l->ns_per_kib != 0)) arrives = hob__sim_leaves(w, from, to, n);
    arrives += l->delay_ns;
    if (l->jitter_ns) arrives += hob__sim_below(w, HOB__SIM_NET, l->jitter_ns);
    return arrives > l->clogged_until ? arrives : l->clogged_until;
}
static inline uint64_t hob__sim_travel(struct hob__sim *w, const struct hob__sim_host *from,
                                       const struct hob__sim_host *to, size_t n, bool *lost) {
    return hob__sim_travel_over(w, hob__sim_link_of(w, from, to), from, to, n, lost);
}
/* Nothing passes now: the link is cut, or one of them is down. */
static inline bool hob__sim_cut_off(const struct hob__sim *w, const struct hob__sim_host *from,
                                    const struct hob__sim_host *to) {
    const struct hob__sim_link *own = w->links[from->index];
    return from->down || to->down || (own && own[to->index].down);
}

/* ---- net.c: addresses ---- */

struct hob__sim_address {
    uint8_t ip[16]; /* IPv4 in IPv6's form */
    uint16_t port;  /* as numbers are */
    sa_family_t family;
};
/* 0, -EAFNOSUPPORT, -EINVAL. */
int hob__sim_address_parse(const struct sockaddr *addr, socklen_t n, struct hob__sim_address *out);
void hob__sim_address_put(const struct hob__sim_address *a, struct sockaddr *addr, socklen_t *n);
/* The host that has the address as seen from `from` (loopback: itself), or NULL. */
struct hob__sim_host *hob__sim_host_at(struct hob__sim_host *from,
                                       const struct hob__sim_address *a);
/* The address of the host that a packet to `to` comes from. */
void hob__sim_source(const struct hob__sim_host *h, const struct hob__sim_address *to,
                     struct hob__sim_address *out);
/* "10.0.0.1:80", in a static buffer (four in turn). */
const char *hob__sim_address_text(const struct hob__sim_address *a);
bool hob__sim_address_any(const struct hob__sim_address *a);
/* A port for the end's socket, in a, that in_use() does not know. 0 or -EADDRINUSE. */
enum { HOB__SIM_FIRST_FREE_PORT = 32768 };
int hob__sim_find_port(struct hob__sim_end *e, struct hob__sim_address *a,
                       bool (*in_use)(struct hob__sim_end *e, const struct hob__sim_address *a));

/* ---- tcp*.c (tcp.h), local.c, udp.c: sockets ---- */
struct hob__sim_end *hob__sim_tcp_new(struct hob__sim_host *h, sa_family_t family);
struct hob__sim_end *hob__sim_udp_new(struct hob__sim_host *h, sa_family_t family);
struct hob__sim_end *hob__sim_unix_new(struct hob__sim_host *h);
/* fchmod() of a Unix socket: its file's mode, when it gets one. False: it is none. */
bool hob__sim_unix_mode(struct hob__sim_end *e, mode_t mode);
/* Two ends of a pipe (0 reads), of a pair of Unix sockets; with descriptors. 0 or -EMFILE. */
int hob__sim_pipe(struct hob__sim_host *h, int ends[2]);
int hob__sim_pair(struct hob__sim_host *h, int ends[2]);

/* ---- files_calls.c, files_ops.c, files.c: a host's own file system ---- */
extern const struct hob__files hob__files_sim;
/* As hob__linux_perform() and hob__linux_attempt(). */
ssize_t hob__sim_perform(struct hob__backend *b, struct hob__op *op);
ssize_t hob__sim_attempt(struct hob__backend *b, struct hob__op *op);
/* The power goes: what was not synced is there, or in part, or not. Descriptors are closed before.
 */
void hob__sim_files_crash(struct hob__sim_host *h);
void hob__sim_files_free(struct hob__sim_host *h);

/* ---- work.c: backend_ops.submit ---- */
int hob__sim_submit(struct hob__backend *b, struct hob__op *op);

/* Nanoseconds since 1970, from 2026-01-01 00:00:00 UTC on. */
static inline int64_t hob__sim_wall_ns(const struct hob__sim *w) {
    return INT64_C(1767225600) * 1000000000 + (int64_t)w->now;
}

/* ---- clock.c ---- */
void hob__sim_lend_clock(struct hob__backend *b, bool lent);

/* ---- order.c ---- */
int hob__sim_choose(struct hob__backend *b, uint32_t n, uint64_t (*id)(void *above, uint32_t i));
/* Which of the n (> 1) loops that have something to do. */
unsigned hob__sim_choose_loop(struct hob__sim *w, unsigned n);
void hob__sim_order_set(struct hob__sim *w, enum hob__sim_order order);

/* ---- buggify.c ---- */
/* hob_buggify() asks this world (NULL: none) from now on. */
void hob__sim_buggify(const struct hob__sim *w);

/* ---- backend.c ---- */
extern const struct hob__backend_ops hob__backend_sim;
extern const struct hob__sys hob__sys_sim;
/* Descriptors that were open when the worlds of the program's loops ended: for tests that count. */
extern unsigned hob__sim_left_open;
/* HOB_SIM=seed:N[,order=fifo|random|last|pct][,faults=none|all][,files][,log[=file]] as it stands
 * in the environment; a world is told by hob__sim_configure(). */
struct hob__sim_config {
    bool given; /* a seed is */
    uint64_t seed;
    int order;  /* -1: from the seed */
    int faults; /* -1: from the seed; 0: none; 1: all */
    bool log;
    bool files; /* simulated, in a world that a program makes for itself */
    char log_file[200];
};
int hob__sim_config_parse(const char *text, struct hob__sim_config *c);
void hob__sim_configure(struct hob__sim *w, const struct hob__sim_config *c);
#endif
