/* interleave_state.h - the checker's threads, and what each may see of memory. See interleave.h. */
#ifndef HOB_INTERLEAVE_STATE_H
#define HOB_INTERLEAVE_STATE_H
#include "test.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/fiber.h"
#include "fiber/sanitize.h"
#include "loop/internal.h"
#include "loop/uring_abi.h"
#include "task/task.h"

enum { THREADS = 5, PLACES = 24, HISTORY = 16, STACK = 12288, ARENA = 1536, DEPTH = 2000 };
enum { LEFT_BEHIND = 2048, REGIONS = 16, FDS = 8, SEEN = 1 << 22 };

enum op { LOAD, STORE, RMW, PLAIN, LOCK, UNLOCK, WOKEN, SIGNAL, SLEEP, CHOOSE, JOIN, START, ENTER };
static const char *const op_names[] = {"load",   "store", "exchange", "access", "lock",
                                       "unlock", "woken", "signal",   "sleep",  "choose",
                                       "join",   "start", "enter"};

/* What to do to an operation of a function, to see that the checker sees it. */
enum weaken { TO_ACQ_REL, TO_RELAXED, LEFT_OUT, SPLIT };
struct mutation {
    const char *func;
    enum op op;
    enum weaken how;
    bool harmless; /* the protocol does not need it: nothing must be found */
};

struct scenario {
    const char *name;
    void (*setup)(void);
    void (*end)(void); /* all threads have ended */
    void (*thread[THREADS])(void);
};

/* For each place the oldest value that may be seen, as an index into its history. */
struct view {
    uint8_t at[PLACES];
};

struct place {
    const void *addr;
    uint64_t count, sc; /* sc: the last sequentially consistent store */
    struct {
        uint64_t value;
        struct view released;
    } was[HISTORY];
};

struct thread {
    void *sp;
    void *(*start)(void *);
    void *arg;
    enum op op; /* it stands before */
    int order;
    const char *func;
    const void *addr; /* of the object; of the condition variable */
    int n, choice;
    bool ended, signalled, timed;
    bool blind; /* it never loads what is atomic */
    struct view view;
    struct hob_loop *loop;
    uint32_t arena_used;
};

/* What the kernel knows of a ring (see below). */
struct kernel_ring {
    int polled; /* the eventfd of its poll; -1: none */
    int ready;  /* whoever sleeps in enter() wakes up */
    int due;    /* the kernel's own thread has something to do */
    bool work;  /* the poll has something to tell */
    bool used, ended;
    int fd, loop;                /* the thread that enters */
    uint64_t poll_data, op_data; /* op_data: an operation that it works at */
    struct view told;            /* with that */
};
enum { RINGS = 2, ENTRIES = 4 };

static struct {
    struct place place[PLACES];
    struct thread thread[THREADS];
    int places, threads, current;  /* current: -1 outside the threads */
    int goes_on;                   /* 1 + the thread that has just got a lock; 0 */
    int events[FDS], watches[FDS]; /* eventfds: count, -1 closed; epoll: the eventfd */
    int fds;
    struct kernel_ring ring[RINGS];
    int faults; /* how many the rings have left */
    struct {
        const char *from, *to;
    } freed[REGIONS];
    int freed_count;
    _Alignas(16) char arena[THREADS][ARENA];
} w;

static _Alignas(64) char stack_memory[THREADS][STACK];
static struct hob__stack stacks[THREADS];
static void *driver_sp;
static struct {
    char *at;
    size_t n;
} region[REGIONS];
static int regions;
static const struct mutation *mutation;
static bool mutated; /* the operation was met */
static char failure[256];
static bool told;
static uint64_t *seen;
static long states, steps;
static char *copies[DEPTH];
static struct {
    int thread;
    enum op op;
    const char *func;
    int choice;
} trace[DEPTH];

/* Memory outside the arena that belongs to the state. */
__attribute__((unused)) static void watch(void *p, size_t n) {
    CHECK(regions < REGIONS && n % 8 == 0 && (uintptr_t)p % 8 == 0);
    region[regions].at = p;
    region[regions++].n = n;
}

#endif
