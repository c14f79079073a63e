/* soak.c - ten thousand connections for a given time, on the real backends: a server and its
 * clients, two processes, with random traffic, cancels of any task at any wait, peers that reset,
 * end, half close or fall silent, and deadlines that pass. `make soak` runs it.
 *
 *     soak [-s SECONDS] [-n CONNECTIONS] [-r SEED]
 *
 * Each wave begins by filling up; from then on there are at every moment at least so many
 * connections at both ends: the dead are replaced at once, and where a machine is too slow for
 * that, the others talk on. As it goes: every byte that comes back is the one that was sent, in its
 * place; nothing is reset, refused or ended that nobody has reset or cancelled; an echo comes
 * within a minute. The time has two waves per backend. After each, when all connections have ended,
 * both processes have as many descriptors and tasks as before, after the second no more allocations
 * and memory than after the first; when the loops have ended, everything is as before. The first
 * deviation ends it: one line, and status 1. Ctrl-C ends it early, with its checks and its summary.
 */
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/serve.h>
#include <hob/stream.h>

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

enum { ADDRESSES = 8, MANY = 32768, WAVES = 2, SPARE_FDS = 100, CHUNK = 4096, ECHO_MAX = 30000 };
enum { ECHO_S = 60, SETTLE_S = 60, FILL_S = 60, PROGRESS_S = 5, SPARE_BLOCKS = 64 };
#define SPARE_RSS (32 << 20)

/* What the server is to do with a connection: the first byte that a client sends. */
enum kind { ECHOED = 'e', VICTIM = 'v', SILENT = 's', UNREAD = 'u' };

struct counts {
    long fds, tasks, blocks, rss;
};

/* Between the two processes. */
static struct shared {
    char address[ADDRESSES][64];
    _Atomic int ready, wave_over, wave_seen, quit, failed;
    char failure[512];
    _Atomic long live, served, cancelled, rss;
    /* Connections whose two ends are there and mean to stay; while `full`, `floor` must remain. */
    _Atomic long whole, floor;
    _Atomic bool full;
    /* While `full`: the least at either end. Of all waves: the fewest at either, the most at both.
     */
    _Atomic long least, fewest, most;
    /* Of each slot of the clients': twice its session's serial, and 1 once the server has it, too;
     * 0 when there is none, or either end is about to end it. */
    _Atomic uint64_t session[MANY];
} * shared;

/* What a client says first. */
struct hello {
    uint32_t slot, kind;
    uint64_t serial;
};

static struct {
    double seconds;
    int connections, sessions; /* those to hold; at most so many at once, with those that begin */
    uint64_t seed, random;
    const char *backend;
} o;

static struct {
    long sessions, bytes, cancelled, timed_out, reset, ended, half_closed, silent, unread, killed;
} did;

/* By slot, which is one session's, or one connection's of the server, until it has ended. */
static bool taken[MANY];
static struct hob_task *running[MANY]; /* those to cancel */
static struct hello whose[MANY];
static int live;  /* sessions */
static long held; /* those that are connected */
static struct hob_event begin;
static volatile sig_atomic_t interrupted;

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}
static uint32_t pick(uint32_t n) {
    o.random += 0x9e3779b97f4a7c15u;
    return (uint32_t)(mix(o.random) >> 33) % n;
}
static double between(double low, double high) { return low + (high - low) * pick(1000) / 1000; }

/* The first deviation counts. */
__attribute__((format(printf, 1, 2))) static int failed(const char *fmt, ...) {
    int none = 0;
    if (atomic_compare_exchange_strong(&shared->failed, &none, 1)) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(shared->failure, sizeof shared->failure, fmt, args);
        va_end(args);
        atomic_store(&shared->failed, 2);
    }
    return -EPROTO;
}
static bool over(void) { return atomic_load(&shared->failed) || atomic_load(&shared->quit); }

/* ---- holding so many ---- */

/* An end has only so many now. */
static void left(long n) {
    long least = shared->least;
    while (shared->full && n < least && !atomic_compare_exchange_weak(&shared->least, &least, n))
        continue;
}

/* The server's end is there, too. */
static void arrived(const struct hello *h) {
    uint64_t waiting = h->serial * 2;
    if (atomic_compare_exchange_strong(&shared->session[h->slot], &waiting, waiting + 1))
        shared->whole++;
}

/* Either end wants to end it, or (`anyway`) must. False: not now, there would be too few. */
static bool leave(const struct hello *h, bool anyway) {
    uint64_t is = h->serial * 2;
    if (atomic_compare_exchange_strong(&shared->session[h->slot], &is, 0)) return true;
    if (is != h->serial * 2 + 1) return true; /* the other end was quicker */
    long n = shared->whole;
    do {
        if (!anyway && (!shared->full || n <= shared->floor)) return false;
    } while (!atomic_compare_exchange_weak(&shared->whole, &n, n - 1));
    if (!atomic_compare_exchange_strong(&shared->session[h->slot], &is, 0)) shared->whole++;
    return true;
}

/* Cancels some task of `running`, at any of its waits; how many. */
static int cancel_one(void) {
    for (int i = 0, slot = (int)pick(MANY); i < MANY / 8; i++, slot = (slot + 1) % MANY)
        if (running[slot]) {
            if (!leave(&whose[slot], false)) return 0;
            hob_cancel(running[slot]);
            running[slot] = NULL;
            return 1;
        }
    return 0;
}

/* ---- counting ---- */

static int count_task(struct hob_task *t, void *n) {
    (void)t;
    ++*(long *)n;
    return 0;
}

static struct counts count(void) {
    struct counts c = {0};
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d)) c.fds++;
    if (d) closedir(d);
    if (hob_self()) hob_tasks(count_task, &c.tasks);
    c.blocks = hob__alloc_live();
    malloc_trim(0);
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;
    if (f && fscanf(f, "%*d %ld", &pages) == 1) c.rss = pages * sysconf(_SC_PAGESIZE);
    if (f) fclose(f);
    return c;
}

/* now against before; blocks and memory only if `full`. */
static int compare(const char *who, const char *when, struct counts before, struct counts now,
                   bool full, long spare_blocks) {
    if (now.fds != before.fds)
        return failed("%s %s: %ld descriptors, not %ld", who, when, now.fds, before.fds);
    if (now.tasks != before.tasks)
        return failed("%s %s: %ld tasks, not %ld", who, when, now.tasks, before.tasks);
    if (full && now.blocks > before.blocks + spare_blocks)
        return failed("%s %s: %ld blocks of memory, not %ld", who, when, now.blocks, before.blocks);
    if (full && now.rss > before.rss + before.rss / 4 + SPARE_RSS)
        return failed("%s %s: %ld MB resident, not %ld", who, when, now.rss >> 20,
                      before.rss >> 20);
    return 0;
}

struct memory {
    const char *who;
    struct counts begin, first;
    int waves;
};

/* After a wave, in the loop. */
static int wave_ended(struct memory *m) {
    struct counts now = count();
    HOB_TRY(compare(m->who, "after a wave", m->begin, now, false, 0));
    if (m->waves++ == 0) m->first = now;
    return compare(m->who, "after a later wave", m->first, now, true, SPARE_BLOCKS);
}

/* ---- the server ---- */

static int take_slot(void) {
    int slot = (int)pick(MANY);
    while (taken[slot]) slot = (slot + 1) % MANY;
    taken[slot] = true;
    return slot;
}

static int converse(struct hob_stream *s, int slot, struct hello *h) {
    char buf[CHUNK];
    HOB_TRY(hob_within(2 * ECHO_S, hob_read_exactly(s, h, sizeof *h)));
    if (h->slot >= MANY || !h->serial) return failed("a wrong hello came"), -EPROTO;
    arrived(h);
    whose[slot] = *h;
    if (h->kind == VICTIM) running[slot] = hob_self();
    if (h->kind == UNREAD) {
        do HOB_TRY(hob_sleep(between(0.5, 5)));
        while (!leave(h, false));
        return 0;
    }
    double patience = h->kind == SILENT ? between(0.2, 3) : 2 * ECHO_S;
    for (;;) {
        ssize_t n = hob_within(patience, (int)hob_read(s, buf, sizeof buf));
        if (n == -ETIMEDOUT && h->kind == SILENT) {
            if (leave(h, false)) return 0;
            continue;
        }
        if (HOB_TRY((int)n) == 0) return 0;
        HOB_TRY(hob_within(2 * ECHO_S, (int)hob_write(s, buf, (size_t)n)));
    }
}

static void give_slot(int slot) {
    running[slot] = NULL;
    taken[slot] = false;
}

static int serves_one(struct hob_stream *s) {
    struct hello h = {.serial = 0};
    int slot = take_slot();
    shared->live++;
    shared->served++;
    int rc = converse(s, slot, &h);
    give_slot(slot);
    if (h.serial) leave(&h, true);
    left(--shared->live);
    if (rc == -ETIMEDOUT && !over()) failed("the server waited too long for a client");
    return rc == -ETIMEDOUT ? 0 : rc;
}
HOB_TASK(serves_one, struct hob_stream *)

static int serves(struct hob_listener *l) {
    return hob_serve_with(l, ((struct hob_serve_options){.max_connections = MANY}), serves_one);
}
HOB_TASK(serves, struct hob_listener *)

static int serve_waves(struct memory *m) {
    for (int seen = 0; !over();) {
        HOB_TRY(hob_sleep(0.01));
        if (pick(4) == 0) shared->cancelled += cancel_one();
        if (atomic_load(&shared->wave_over) == seen) continue;
        /* Some may still be in the backlog. */
        for (int ms = 0, quiet = 0; quiet < 30; ms += 10) {
            if (ms > SETTLE_S * 1000)
                return failed("the server still has %ld clients", shared->live);
            HOB_TRY(hob_sleep(0.01));
            quiet = shared->live ? 0 : quiet + 1;
        }
        HOB_TRY(wave_ended(m));
        shared->rss = m->first.rss;
        atomic_store(&shared->wave_seen, ++seen);
    }
    return 0;
}

static int server(struct memory *m) {
    struct hob_listener *l[ADDRESSES];
    HOB_SCOPE(s);
    for (int i = 0; i < ADDRESSES; i++) {
        char address[64];
        snprintf(address, sizeof address, "127.0.0.%d:0", i + 1);
        HOB_TRY(hob_listen_with(address, (struct hob_listen_options){.backlog = 4096}, &l[i]));
        snprintf(shared->address[i], sizeof shared->address[i], "%s", hob_listener_address(l[i]));
        hob_spawn(s, serves, l[i]);
    }
    HOB_TRY(hob_sleep(0.05));
    m->begin = count();
    atomic_store(&shared->ready, 1);
    int rc = serve_waves(m);
    hob_scope_cancel(s);
    hob_join(s);
    for (int i = 0; i < ADDRESSES; i++) hob_listener_close(l[i]);
    return rc;
}
HOB_TASK(server, struct memory *)

/* ---- the clients ---- */

/* The bytes of a session from an offset on. */
static void fill(char *buf, size_t n, uint64_t seed, size_t at) {
    for (size_t i = 0; i < n;) {
        uint64_t eight = mix(seed + (at + i) / 8) >> (at + i) % 8 * 8;
        do {
            buf[i++] = (char)eight;
            eight >>= 8;
        } while (i < n && (at + i) % 8 != 0);
    }
}

struct session {
    struct hob_stream *stream;
    struct hello hello;
    uint64_t seed;
    size_t sent, got;
    bool connected; /* once; hob_abort() may have closed it */
};

static int send_some(struct session *c, size_t n) {
    char buf[CHUNK];
    for (size_t part; n > 0; n -= part) {
        part = n < sizeof buf ? n : sizeof buf;
        fill(buf, part, c->seed, c->sent);
        c->sent += part;
        HOB_TRY(hob_write(c->stream, buf, part));
    }
    return 0;
}

/* What has come: > 0, 0 at the end. */
static int take_some(struct session *c, size_t most) {
    char buf[CHUNK], want[CHUNK];
    int n = HOB_TRY((int)hob_read(c->stream, buf, most < sizeof buf ? most : sizeof buf));
    fill(want, (size_t)n, c->seed, c->got);
    if (c->got + (size_t)n > c->sent || memcmp(buf, want, (size_t)n) != 0)
        return failed("a wrong byte came back behind %zu of %zu", c->got, c->sent);
    c->got += (size_t)n;
    did.bytes += n;
    return n;
}

static int take_all(struct session *c) {
    while (c->got < c->sent)
        if (HOB_TRY(take_some(c, c->sent - c->got)) == 0) return HOB_E_EOF;
    return 0;
}

/* A message and its echo. */
static int round_trip(struct session *c) {
    HOB_TRY(send_some(c, 1 + pick(pick(20) ? 500 : ECHO_MAX)));
    if (pick(50) == 0) { /* a deadline that may pass at any point: the rest is still to come */
        int rc = hob_within(between(0, 0.002), take_all(c));
        if (rc != -ETIMEDOUT) return rc;
        did.timed_out++;
    }
    int rc = hob_within(ECHO_S, take_all(c));
    return rc == -ETIMEDOUT ? failed("no echo within %d seconds", ECHO_S) : rc;
}

static int until_end(struct session *c) {
    while (HOB_TRY(take_some(c, CHUNK)) > 0) continue;
    return c->got == c->sent ? 0 : HOB_E_EOF;
}

static int ends_session(struct session *c) {
    int rc;
    switch (pick(3)) {
    case 0:
        did.half_closed++;
        HOB_TRY(send_some(c, pick(ECHO_MAX)));
        HOB_TRY(hob_shutdown(c->stream));
        rc = hob_within(ECHO_S, until_end(c));
        return rc == -ETIMEDOUT ? failed("no end within %d seconds", ECHO_S) : rc;
    case 1:
        did.reset++;
        HOB_TRY(send_some(c, pick(2000)));
        hob_abort(c->stream);
        c->stream = NULL;
        return 0;
    default:
        did.ended++; /* also with bytes on their way */
        return send_some(c, pick(2000));
    }
}

static int sends_unread(struct session *c) {
    did.unread++;
    HOB_TRY(hob_set_buffers(c->stream, 0, 16 << 10));
    int rc = hob_within(between(0.1, 1), send_some(c, 64 << 20));
    while (rc == -ETIMEDOUT && !leave(&c->hello, false)) HOB_TRY(hob_sleep(between(0.1, 1)));
    return rc == -ETIMEDOUT ? 0 : rc;
}

static int talks(struct session *c) {
    uint32_t kind = c->hello.kind;
    HOB_TRY(hob_connect(shared->address[pick(ADDRESSES)], &c->stream));
    c->connected = true;
    held++;
    HOB_TRY(hob_write(c->stream, &c->hello, sizeof c->hello));
    if (!shared->full) { /* and then not all in one breath */
        HOB_TRY(hob_event_wait(&begin));
        HOB_TRY(hob_sleep(between(0, 2)));
    }
    if (kind == UNREAD) return sends_unread(c);
    for (uint32_t rounds = 1 + pick(20); rounds > 0 || !leave(&c->hello, false);) {
        if (rounds > 0) rounds--;
        HOB_TRY(round_trip(c));
        if (kind == SILENT && pick(3) == 0) {
            did.silent++;
            int rc = hob_within(2 * ECHO_S, until_end(c));
            return rc == -ETIMEDOUT ? failed("a silent client was not sent away") : rc;
        }
        HOB_TRY(hob_sleep(kind == SILENT ? 0.01 : between(0, 4)));
    }
    return ends_session(c);
}

static void session_ends(struct session *c, int slot) {
    leave(&c->hello, true);
    give_slot(slot);
    hob_close(c->stream);
    if (c->connected) left(--held);
    live--;
    did.sessions++;
}

static int session(int slot, uint64_t seed) {
    static const char kinds[] = "eeeeeeevvvvsssuu";
    static uint64_t serials;
    struct session c = {.seed = seed};
    c.hello = (struct hello){(uint32_t)slot, (uint32_t)kinds[pick(sizeof kinds - 1)], ++serials};
    whose[slot] = c.hello;
    shared->session[slot] = c.hello.serial * 2;
    running[slot] = hob_self();
    int rc = talks(&c);
    session_ends(&c, slot);
    if (rc >= 0 || over()) return 0;
    if (rc == -ECANCELED) return did.cancelled++, 0;
    /* The server may have cancelled it, or grown tired of it. */
    if (c.hello.kind != ECHOED &&
        (rc == HOB_E_EOF || rc == -ECONNRESET || rc == -EPIPE || rc == -ENOTCONN))
        return did.killed++, 0;
    failed("a session of kind '%c' ended with %s, after %zu of %zu bytes", (char)c.hello.kind,
           hob_strerror(rc), c.got, c.sent);
    return 0;
}
HOB_TASK(session, int, uint64_t)

static void progress(double t) {
    printf("%6.0f s  %s: %ld connections (the server: %ld), %ld sessions, %ld MB echoed, %ld + %ld "
           "cancels\n",
           t, o.backend, held, shared->live, did.sessions, did.bytes >> 20, did.cancelled,
           shared->cancelled);
    fflush(stdout);
}

static double seconds_since(uint64_t t) { return (double)(hob_now() - t) * 1e-9; }

/* How many connections there are at both ends. */
static long both(void) {
    long served = shared->live;
    return served < held ? served : held;
}

/* The dead are replaced at once; more begin while those at hand come near to too few. */
static void replace(struct hob_scope *s, int in_one_breath) {
    long spare = o.connections / 16 + 4;
    while (in_one_breath-- > 0 && live < o.sessions) {
        if (live >= o.connections + 2 * spare && shared->whole >= o.connections + spare / 2) break;
        o.random++;
        int slot = take_slot();
        if (!hob_spawn(s, session, slot, mix(o.random))) {
            give_slot(slot);
            break;
        }
        live++;
    }
}

static void tell(uint64_t began) {
    static double told;
    double t = seconds_since(began);
    if (t < told) told = 0;
    if (t - told >= PROGRESS_S) progress(told = t);
}

/* Until all are connected, at both ends. */
static int fill_up(struct hob_scope *s, uint64_t began) {
    uint64_t from = hob_now();
    while (shared->whole < o.connections + o.connections / 32 + 2 && !over() && !interrupted) {
        if (seconds_since(from) > FILL_S)
            return failed("only %ld connections within %d seconds", both(), FILL_S);
        replace(s, 500); /* the backlog is finite */
        HOB_TRY(hob_sleep(0.01));
        tell(began);
    }
    if (over() || interrupted) return 0;
    shared->floor = o.connections;
    shared->least = both();
    shared->full = true;
    hob_event_set(&begin);
    return 0;
}

static int client_wave(double seconds, uint64_t began) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    hob_event_clear(&begin);
    HOB_TRY(fill_up(s, began));
    uint64_t wave_began = hob_now();
    while (seconds_since(wave_began) < seconds && !over() && !interrupted) {
        replace(s, o.connections);
        if (both() > shared->most) shared->most = both();
        if (pick(2) == 0) cancel_one();
        HOB_TRY(hob_sleep(0.01));
        tell(began);
    }
    bool was_full = atomic_exchange(&shared->full, false);
    if (!was_full || over()) return 0;
    if (shared->least < o.connections)
        return failed("only %ld connections were left, not %d", shared->least, o.connections);
    if (shared->least < shared->fewest || !shared->fewest) shared->fewest = shared->least;
    return 0; /* leaving the scope cancels all */
}

static int client(struct memory *m) {
    uint64_t began = hob_now();
    while (!shared->ready && !over()) HOB_TRY(hob_sleep(0.01));
    m->begin = count();
    for (int wave = 1; wave <= WAVES && !over() && !interrupted; wave++) {
        HOB_TRY(client_wave(o.seconds / WAVES, began));
        live = 0;
        HOB_TRY(wave_ended(m));
        if (shared->whole) return failed("%ld connections have not ended", shared->whole);
        atomic_store(&shared->wave_over, wave);
        for (int ms = 0; atomic_load(&shared->wave_seen) < wave && !over(); ms += 10) {
            if (ms > 2 * SETTLE_S * 1000) return failed("the server does not come to rest");
            HOB_TRY(hob_sleep(0.01));
        }
    }
    return 0;
}
HOB_TASK(client, struct memory *)

/* ---- both ---- */

static void run(const char *who, int (*run_one)(struct memory *m)) {
    struct memory m = {.who = who};
    struct counts before = count();
    int rc = run_one(&m);
    if (rc < 0) failed("%s: %s", who, hob_error() ? hob_error()->message : hob_strerror(rc));
    if (!over() || atomic_load(&shared->quit)) compare(who, "at the end", before, count(), true, 0);
}
static int run_server(struct memory *m) { return hob_run(server, m); }
static int run_client(struct memory *m) { return hob_run(client, m); }

static void summary(void) {
    printf("%s: %ld to %ld connections at once, %ld sessions: %ld cancelled, %ld reset, %ld ended, "
           "%ld half "
           "closed, %ld silent, %ld unread, %ld ended by the server; %ld deadlines passed; %ld MB "
           "echoed; the server: %ld served, %ld cancelled\n",
           o.backend, shared->fewest, shared->most, did.sessions, did.cancelled, did.reset,
           did.ended, did.half_closed, did.silent, did.unread, did.killed, did.timed_out,
           did.bytes >> 20, shared->served, shared->cancelled);
}

static int soak(const char *backend) {
    memset(shared, 0, sizeof *shared);
    memset(&did, 0, sizeof did);
    o.backend = backend;
    o.random = o.seed;
    setenv("HOB_BACKEND", backend, 1);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return perror("soak: fork"), 1;
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        o.random = ~o.seed;
        run("the server", run_server);
        _exit(0);
    }
    run("the clients", run_client);
    atomic_store(&shared->quit, 1);
    int status = 0;
    waitpid(pid, &status, 0);
    if (status) failed("the server ended with status %d", status);
    summary();
    while (atomic_load(&shared->failed) == 1) usleep(1000);
    if (!atomic_load(&shared->failed)) return 0;
    fprintf(stderr, "soak: FAILED on %s, seed %llu: %s\n", backend, (unsigned long long)o.seed,
            shared->failure);
    return 1;
}

static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
}

/* As many descriptors as there may be; fewer connections, and a word, when that is too few. */
static void make_room(void) {
    struct rlimit lim;
    if (o.connections > MANY / 2) o.connections = MANY / 2;
    o.sessions = o.connections + o.connections / 2 + SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &lim) < 0) return;
    lim.rlim_cur = lim.rlim_max;
    setrlimit(RLIMIT_NOFILE, &lim);
    int room = lim.rlim_cur > MANY ? MANY : (int)lim.rlim_cur - SPARE_FDS;
    if (room < SPARE_FDS) room = SPARE_FDS;
    if (o.sessions <= room) return;
    o.sessions = room;
    if (o.connections <= room / 4 * 3) return;
    o.connections = room / 4 * 3;
    printf("soak: the limit of open files allows %d connections only (ulimit -Hn)\n",
           o.connections);
}

int main(int argc, char **argv) {
    o.seconds = 60, o.connections = 10000;
    o.seed = (uint64_t)getpid() << 32 ^ hob_now();
    for (int c; (c = getopt(argc, argv, "s:n:r:")) != -1;) {
        if (c == 's') o.seconds = atof(optarg);
        if (c == 'n') o.connections = atoi(optarg);
        if (c == 'r') o.seed = strtoull(optarg, NULL, 10);
        if (c == '?' || o.seconds <= 0 || o.connections <= 0)
            return fprintf(stderr, "usage: soak [-s SECONDS] [-n CONNECTIONS] [-r SEED]\n"), 2;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return perror("soak: mmap"), 1;
    struct sigaction act = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &act, NULL);
    make_room();
    setenv("HOB_SLOW_MS", "5000", 0); /* of other programs' doing, on a busy machine */
    const char *forced = getenv("HOB_BACKEND");
    const char *backends[] = {forced && *forced ? strdup(forced) : "uring", "epoll"};
    int n = forced && *forced ? 1 : 2, rc = 0;
    o.seconds /= n;
    printf("soak: %d connections, %.0f seconds on each backend, seed %llu\n", o.connections,
           o.seconds, (unsigned long long)o.seed);
    for (int i = 0; i < n && rc == 0 && !interrupted; i++) rc = soak(backends[i]);
    return rc;
}
