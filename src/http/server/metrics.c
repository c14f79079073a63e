/* http/server/metrics.c - counters of many servers, in memory that processes share.
 *
 * A server's part (a slot) is its thread's as long as it holds the slot's lock. That lock is
 * robust: when a process is killed, the kernel passes it on, and who finds that out takes back what
 * the dead one had open. Slots are joined, left and read under one more such lock, which no server
 * takes while it serves. */
#include <errno.h>
#include <hob/error.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "http/server/server.h"

struct slot {
    pthread_mutex_t owner;
    struct hob_http_counters counters;
} __attribute__((aligned(128))); /* no two servers' counters share a line of the cache, or a pair */

struct hob_http_metrics {
    pthread_mutex_t lock;
    unsigned used; /* slots that were ever joined: others take no memory */
    struct slot slots[HOB_HTTP_METRICS_SERVERS];
};

static int make_lock(pthread_mutex_t *lock) {
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    int rc = pthread_mutex_init(lock, &how);
    pthread_mutexattr_destroy(&how);
    return -rc;
}

static void lock_all(struct hob_http_metrics *m) {
    /* Whoever died here was joining or reading: there is nothing to repair. */
    if (pthread_mutex_lock(&m->lock) == EOWNERDEAD) pthread_mutex_consistent(&m->lock);
}

static void close_gauges(struct hob_http_counters *c) {
    __atomic_store_n(&c->connections, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&c->busy, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&c->in_flight, 0, __ATOMIC_RELAXED);
}

/* Takes the slot if it is nobody's, also a dead one's. */
static bool take(struct slot *s) {
    int rc = pthread_mutex_trylock(&s->owner);
    if (rc == EOWNERDEAD) {
        pthread_mutex_consistent(&s->owner);
        close_gauges(&s->counters);
    }
    return rc == 0 || rc == EOWNERDEAD;
}

int hob_http_metrics_new(struct hob_http_metrics **out) {
    /* Not from the allocator: processes share it; and what is not used takes no memory. */
    struct hob_http_metrics *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *out = NULL;
    if (m == MAP_FAILED) return -ENOMEM;
    int rc = make_lock(&m->lock);
    if (rc < 0) {
        munmap(m, sizeof *m);
        return rc;
    }
    *out = m;
    return 0;
}

void hob_http_metrics_free(struct hob_http_metrics *m) {
    if (m) munmap(m, sizeof *m);
}

/* With the lock held: one that is free; -1: none. */
static int find(struct hob_http_metrics *m) {
    for (unsigned i = 0; i < m->used; i++)
        if (take(&m->slots[i])) return (int)i;
    if (m->used == HOB_HTTP_METRICS_SERVERS || make_lock(&m->slots[m->used].owner) < 0) return -1;
    unsigned i = m->used++;
    return take(&m->slots[i]) ? (int)i : -1;
}

int hob__metrics_join(struct hob_http_metrics *m, struct hob_http_counters **out) {
    lock_all(m);
    int slot = find(m);
    pthread_mutex_unlock(&m->lock);
    if (slot < 0)
        return hob_fail(HOB_E_LIMIT, "more than %d servers count in the same metrics",
                        HOB_HTTP_METRICS_SERVERS);
    *out = &m->slots[slot].counters;
    return slot;
}

void hob__metrics_leave(struct hob_http_metrics *m, int slot) {
    close_gauges(&m->slots[slot].counters);
    pthread_mutex_unlock(&m->slots[slot].owner);
}

void hob_http_metrics_read(struct hob_http_metrics *m, struct hob_http_counters *sums,
                           unsigned *servers) {
    enum { COUNT = sizeof *sums / sizeof(uint64_t) }; /* it has nothing else */
    uint64_t sum[COUNT] = {0};
    unsigned running = 0;
    lock_all(m);
    for (unsigned i = 0; i < m->used; i++) {
        const uint64_t *from = (const uint64_t *)(const void *)&m->slots[i].counters;
        if (take(&m->slots[i]))
            pthread_mutex_unlock(&m->slots[i].owner);
        else
            running++;
        for (unsigned k = 0; k < COUNT; k++) sum[k] += __atomic_load_n(from + k, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&m->lock);
    memcpy(sums, sum, sizeof *sums);
    if (servers) *servers = running;
}

/* ---- one request ---- */

static const uint64_t bounds_ns[HOB_HTTP_BUCKETS - 1] = {
    100000,   250000,    500000,    1000000,   2500000,    5000000,    10000000,   25000000,
    50000000, 100000000, 250000000, 500000000, 1000000000, 2500000000, 10000000000};

double hob_http_bucket_seconds(unsigned i) {
    return i < HOB_HTTP_BUCKETS - 1 ? (double)bounds_ns[i] / 1e9 : __builtin_inf();
}

/* The clock is read once for each request, at its end: it began with the turn that found it, or
 * when the one before it in this turn had ended. */
void hob__measure_begin(struct hob_request *req) {
    struct hob__server *server = req->server;
    hob__count(&server->counters->in_flight, 1);
    req->in_flight = true;
    if (req->began) return; /* the access log has looked already */
    uint64_t turn = hob__served_turn();
    req->began = turn > server->clock ? turn : server->clock;
}

void hob__measure_end(struct hob_request *req) {
    struct hob__server *server = req->server;
    struct hob_http_counters *c = server->counters;
    req->in_flight = false;
    hob__count(&c->in_flight, -UINT64_C(1));
    if (req->answer == HOB__ANSWER_UPGRADED) return;
    server->clock = hob_now();
    uint64_t took = server->clock > req->began ? server->clock - req->began : 0;
    unsigned i = 0;
    while (i < HOB_HTTP_BUCKETS - 1 && took > bounds_ns[i]) i++;
    hob__count(&c->durations[i], 1);
    hob__count(&c->duration_ns, took);
}

void hob__measure_status(struct hob_request *req) {
    unsigned i = req->status / 100u - 1;
    if (req->status) hob__count(&req->server->counters->answers[i < 5 ? i : 5], 1);
}
