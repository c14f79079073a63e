/* cancel_stress_test.c - random trees of scopes and tasks, of any depth and mode, with deadlines,
 * shields, stops, cancels of any task at any moment, errors, races, awaits, generators. Whatever
 * happens: every run ends, every task that was spawned has run, every clean-up that was opened has
 * run once, no task outlives its scope, nothing that is counted is lost, and every byte and
 * descriptor comes back.
 *
 * A round is one run with one seed: 1, 2, 3 ... for HOB_STRESS_SECONDS (2.5) in each mode.
 * HOB_STRESS_SEED=n runs that one alone. A failure names its seed; the clock has a part in what
 * happens, so that a seed may have to be run many times to fail again.
 *
 * No round can hang by its own doing: a task waits only for tasks that were spawned after it (its
 * children are), permits are held over yields only, and what waits for ever is in a scope that its
 * owner cancels. */
#include "no_watchdog.h"
#include "test.h"

#include <fcntl.h>
#include <hob/net.h>
#include <poll.h>

#include "base/memory.h"

enum {
    HOURS = 10000,
    DEPTH = 5,
    BUDGET = 150, /* spawns in a round */
    SCOPES = 4096,
    CLEANS = 8192,
    LIVE = 1024,
    KIDS = 6,
    PERMITS = 3,
    CAPACITY = 4
};

/* A scope that was opened. */
struct opened {
    int live;       /* of its children */
    bool over;      /* it has ended */
    bool strangers; /* children have spawned into it */
    bool refused;   /* a spawn was */
};

static struct {
    uint64_t seed, random;
    bool timed;      /* with sleeps and deadlines that pass */
    bool takes_back; /* in this round tasks take their cancels back */
    bool taken_back; /* one did: a wait below it may have seen a cancel that is no more */
    int budget, scopes, cleans, live_count, interrupts;
    long spawned, bodies, put, got;
    int held;
    struct opened opened[SCOPES];
    int clean_runs[CLEANS];
    struct {
        struct hob_task *task;
        uint64_t id;
        bool ends; /* by itself: may be waited for */
    } live[LIVE];
    struct hob_sem permits;
    struct hob_queue queue[1];
    int items[CAPACITY];
} w;

static struct hob_event never;

#define WANT(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) FAIL("seed %llu: not true: %s", (unsigned long long)w.seed, #cond);           \
    } while (0)

static unsigned pick(unsigned n) {
    w.random += 0x9e3779b97f4a7c15u;
    uint64_t x = w.random;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (unsigned)((x ^ x >> 31) >> 32) % n;
}

static double some_time(void) { return w.timed ? pick(300) * 1e-6 : 0; }

static uint64_t some_deadline(void) {
    switch (pick(8)) {
    case 0:
        return hob_after(0);
    case 1:
        return hob_after(HOURS);
    case 2:
    case 3:
        return w.timed ? hob_after(some_time()) : 0;
    default:
        return 0;
    }
}

/* ---- what is counted ---- */

static void clean_up(void *arg) { ++*(int *)arg; }
static int *open_clean_up(void) {
    WANT(w.cleans < CLEANS);
    return &w.clean_runs[w.cleans++];
}
#define CLEAN_UP() HOB_DEFER(clean_up, open_clean_up())

static void enter(bool ends) {
    w.bodies++;
    WANT(w.live_count < LIVE);
    w.live[w.live_count].task = hob_self();
    w.live[w.live_count].id = hob_task_id(hob_self());
    w.live[w.live_count++].ends = ends;
}

static void leave(struct opened *in) {
    int i = 0;
    while (w.live[i].task != hob_self()) i++;
    w.live[i] = w.live[--w.live_count];
    WANT(!in->over);
    in->live--;
}
static void scope_over(void *arg) {
    struct opened *o = arg;
    WANT(!o->over && o->live == 0);
    o->over = true;
}

/* After a wait that said so. */
static bool is_cancelled(void) { return w.taken_back || hob_cancelled(); }

/* Any task that runs. */
static struct hob_task *any_task(void) { return w.live[pick((unsigned)w.live_count)].task; }

/* One that may be waited for, or NULL. */
static struct hob_task *later_task(void) {
    unsigned i = pick((unsigned)w.live_count);
    bool later = w.live[i].id > hob_task_id(hob_self());
    return later && w.live[i].ends ? w.live[i].task : NULL;
}

/* ---- the operations ---- */

static int ops(int depth);

static int yields(void) {
    bool cancelled = hob_cancelled();
    int rc = hob_yield_now();
    WANT(rc == (cancelled ? -ECANCELED : 0));
    return rc;
}

static int sleeps(void) {
    bool cancelled = hob_cancelled();
    uint64_t until = hob_after(some_time());
    int rc = hob_sleep_until(until);
    WANT(rc == 0 || rc == -ECANCELED);
    WANT(!cancelled || rc == -ECANCELED);
    WANT(rc < 0 || hob_now() >= until);
    return rc;
}

static int takes_a_permit(void) {
    int rc = pick(2) ? hob_sem_acquire(&w.permits)
                     : hob_within(some_time(), hob_sem_acquire(&w.permits));
    if (rc < 0) return rc;
    w.held++;
    WANT(w.held <= PERMITS);
    for (unsigned i = pick(3); i > 0; i--) yields();
    w.held--;
    hob_sem_release(&w.permits);
    return 0;
}

static int uses_the_queue(void) {
    int item = (int)pick(100), rc;
    if (pick(2)) {
        rc = pick(2) ? hob_queue_try_put(w.queue, &item)
                     : hob_within(some_time(), hob_queue_put(w.queue, &item));
        w.put += rc == 0;
    } else {
        rc = pick(2) ? hob_queue_try_get(w.queue, &item)
                     : hob_within(some_time(), hob_queue_get(w.queue, &item));
        w.got += rc == 0;
    }
    return rc == -ECANCELED ? rc : 0;
}

static void posted_cancel(void *arg) {
    (void)arg;
    if (w.live_count > 0) hob_cancel(any_task());
}

static int cancels(void) {
    switch (pick(6)) {
    case 0:
        if (!w.takes_back || !hob_uncancel()) return hob_check();
        w.taken_back = true;
        return 0;
    case 1:
    case 2:
        return hob_loop_post(hob_loop_current(), posted_cancel, NULL);
    default:
        hob_cancel(any_task());
        return 0;
    }
}

static int awaits(void) {
    struct hob_task *t = later_task();
    if (!t) return 0;
    if (pick(2)) {
        bool cancelled = hob_cancelled();
        int rc = hob_await(t);
        WANT(!cancelled || rc == -ECANCELED);
        return rc;
    }
    struct hob_task *two[] = {t, t};
    struct hob_task *other = later_task();
    if (other) two[1] = other;
    int rc = hob_wait(two, 2, (enum hob_wait_mode)pick(3));
    WANT(rc == -ECANCELED || (rc >= 0 && rc <= 2));
    return rc;
}

static int polls(void) {
    int fds[2];
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) FAIL("pipe");
    bool ready = pick(2);
    if (ready && write(fds[1], "x", 1) != 1) FAIL("write");
    int rc = hob_within(ready ? HOURS : some_time(), hob_poll(fds[0], POLLIN));
    close(fds[0]);
    close(fds[1]);
    WANT(rc == (ready ? POLLIN : -ETIMEDOUT) || rc == -ECANCELED);
    return rc;
}

static int counts(struct hob_generator *gen, int n) {
    CLEAN_UP();
    for (int i = 0; i < n; i++) {
        if (pick(3) == 0) HOB_TRY(yields());
        HOB_TRY(hob_yield(gen, i));
    }
    return pick(4) ? 0 : hob_fail(-EIO, "generator");
}
HOB_GENERATOR(counts, int, int)
static int consumes(void) {
    int n = (int)pick(6), expected = 0;
    HOB_EACH(int, i, counts, n) {
        WANT(i == expected);
        expected++;
        if (pick(4) == 0) HOB_TRY(yields());
        if (pick(8) == 0) return 0;
    }
    WANT(expected == n);
    return 0;
}

/* ---- tasks ---- */

static int branch(int depth, struct hob_scope *s, struct opened *in);
HOB_TASK(branch, int, struct hob_scope *, struct opened *)

static void spawn_sibling(struct hob_scope *s, struct opened *in) {
    if (w.budget == 0) return;
    w.budget--;
    in->strangers = true;
    if (hob_spawn(s, branch, 1, s, in)) {
        in->live++;
        w.spawned++;
    } else {
        in->refused = true;
    }
}

static int branch(int depth, struct hob_scope *s, struct opened *in) {
    enter(true);
    CLEAN_UP();
    if (pick(3) == 0) hob_started();
    int rc = ops(depth);
    if (pick(12) == 0) hob_scope_cancel(s);
    if (pick(12) == 0) hob_scope_reschedule(s, some_deadline());
    if (pick(10) == 0) spawn_sibling(s, in);
    if (pick(4) == 0) hob_started();
    if (pick(6) == 0) rc = hob_fail(pick(2) ? -EIO : -EDOM, "branch");
    leave(in);
    /* So that a scope's -ETIMEDOUT is its own. */
    if (rc == -ETIMEDOUT) return hob_fail_from(-ERANGE, "its deadline passed");
    return rc < 0 ? rc : (int)pick(5);
}

/* Waits for what does not come, until it is cancelled. */
static int stays(struct opened *in) {
    enter(false);
    CLEAN_UP();
    int rc, item;
    switch (pick(4)) {
    case 0:
        rc = hob_sleep(HOURS);
        break;
    case 1:
        while ((rc = hob_queue_get(w.queue, &item)) == 0) w.got++;
        break;
    case 2:
        rc = hob_within(HOURS, hob_event_wait(&never));
        break;
    default:
        rc = hob_event_wait(&never);
        break;
    }
    WANT(rc == -ECANCELED);
    WANT(is_cancelled());
    if (pick(3) == 0) WANT(hob_shielded(yields()) == 0);
    leave(in);
    return pick(8) ? rc : hob_fail(-EPIPE, "clean-up");
}
HOB_TASK(stays, struct opened *)

static int background(int depth) {
    enter(true);
    CLEAN_UP();
    int rc = ops(depth);
    leave(&w.opened[0]);
    return rc;
}
HOB_TASK(background, int)

/* ---- scopes ---- */

/* How a scope ends. In the first ones children may wait for ever. */
enum ending { LEFT, CANCELLED, STOPPED, JOINED, RACED, ONE_BY_ONE, WAITED, ENDINGS };

struct family {
    struct hob_task *kids[KIDS];
    int count;
    bool complete; /* every child is in kids */
};

static void start_one(struct hob_scope *s, struct opened *in, int depth) {
    if (hob_cancelled()) {
        in->refused = true;
        WANT(hob_start(s, branch, depth, s, in) == -ECANCELED);
        return;
    }
    in->live++; /* it may have ended when hob_start() returns */
    w.spawned++;
    hob_start(s, branch, depth, s, in);
}

static void spawn_some(struct hob_scope *s, struct opened *in, enum ending ending, int depth,
                       struct family *f) {
    for (unsigned n = pick(KIDS); n > 0 && w.budget > 0; n--) {
        unsigned kind = pick(8);
        w.budget--;
        if (kind == 1) {
            f->complete = false;
            start_one(s, in, depth);
            continue;
        }
        struct hob_task *t = kind == 0 ? hob_spawn_daemon(s, stays, in)
                             : kind <= 3 && ending <= CANCELLED
                                 ? hob_spawn(s, stays, in)
                                 : hob_spawn(s, branch, depth, s, in);
        WANT(!t == hob_cancelled());
        in->refused |= !t;
        if (!t) continue;
        in->live++;
        w.spawned++;
        if (kind == 0 || f->count == KIDS)
            f->complete = false;
        else
            f->kids[f->count++] = t;
    }
}

static void check_children(struct hob_scope *s, struct family *f, struct opened *in, int rc) {
    int failed = 0;
    for (int i = 0; i < f->count; i++) {
        WANT(hob_task_done(f->kids[i]));
        int result = hob_task_result(f->kids[i]);
        failed += result < 0 && result != -ECANCELED;
        WANT(result != -ETIMEDOUT);
    }
    if (!f->complete || in->strangers) return;
    int listed = 0;
    for (const struct hob_error *e = hob_scope_errors(s); e; e = e->next) listed++;
    WANT(listed == failed);
    if (s->on_error == HOB_COLLECT && rc >= 0) WANT(rc == failed);
    if (s->on_error == HOB_FAIL_FAST && failed > 0) WANT(rc == hob_scope_errors(s)->code);
}

static int join(struct hob_scope *s, struct opened *in, struct family *f) {
    int rc = hob_join(s);
    WANT(in->live == 0);
    WANT(rc != -ETIMEDOUT || hob_scope_expired(s));
    WANT(rc != -ECANCELED || is_cancelled() || in->refused);
    if (s->on_error != HOB_DISCARD) check_children(s, f, in, rc);
    return rc;
}

static int race(struct hob_scope *s, struct opened *in) {
    struct hob_task *winner = NULL;
    int rc = hob_race(s, &winner);
    WANT(in->live == 0);
    WANT((rc >= 0) == (winner != NULL));
    if (winner) WANT(hob_task_done(winner) && hob_task_result(winner) == rc);
    return rc;
}

static int one_by_one(struct hob_scope *s, struct opened *in, struct family *f) {
    struct hob_task *t;
    int rc, n = 0;
    while ((rc = hob_next_done(s, &t)) == 1) {
        n++;
        WANT(hob_task_done(t));
        if (pick(4) == 0) yields();
    }
    WANT(rc == 0 || (rc == -ECANCELED && is_cancelled()));
    if (rc == 0 && f->complete && !in->strangers) WANT(n == f->count);
    return join(s, in, f);
}

static int end_scope(struct hob_scope *s, struct opened *in, enum ending ending, struct family *f,
                     int rc) {
    switch (ending) {
    case LEFT:
    case ENDINGS:
        return rc;
    case CANCELLED:
        hob_scope_cancel(s);
        return join(s, in, f);
    case STOPPED:
        hob_stop(s, pick(2) ? some_time() : HOURS);
        WANT(hob_stopping());
        return join(s, in, f);
    case JOINED:
        return join(s, in, f);
    case RACED:
        return race(s, in);
    case ONE_BY_ONE:
        return one_by_one(s, in, f);
    case WAITED:
        if (f->count > 0 && s->on_error != HOB_DISCARD)
            hob_wait(f->kids, (size_t)f->count, (enum hob_wait_mode)pick(3));
        return join(s, in, f);
    }
    return 0;
}

static int scope(int depth) {
    WANT(w.scopes < SCOPES);
    struct opened *in = &w.opened[w.scopes++];
    struct family f = {.complete = true};
    enum ending ending = (enum ending)pick(ENDINGS);
    HOB_SCOPE(s, .deadline = some_deadline(), .shield = pick(5) == 0,
              .on_error = (enum hob_on_error)pick(3));
    bool keeps = s->on_error != HOB_DISCARD; /* its children's results */
    if (!keeps && (ending == RACED || ending == ONE_BY_ONE)) ending = JOINED;
    CLEAN_UP();
    WANT(hob_defer(s, scope_over, in) == 0);
    WANT(hob_defer(s, clean_up, open_clean_up()) == 0);
    spawn_some(s, in, ending, depth, &f);
    int rc = pick(2) ? ops(depth) : 0;
    if (rc < 0 && pick(2)) return rc;
    if (pick(3) == 0) spawn_some(s, in, ending, depth, &f);
    return end_scope(s, in, ending, &f, rc);
}

static int shielded_ops(int depth) {
    WANT(!hob_cancelled());
    return ops(depth);
}

static int op(int depth) {
    switch (pick(depth > 0 && w.budget > 0 ? 17 : 11)) {
    case 0:
    case 1:
        return yields();
    case 2:
        return sleeps();
    case 3:
        return takes_a_permit();
    case 4:
        return uses_the_queue();
    case 5:
        return cancels();
    case 6:
    case 7:
        return awaits();
    case 8:
        return pick(4) ? yields() : polls();
    case 9:
        return consumes();
    case 10:
        if (w.interrupts == 0 && pick(200) == 0) {
            w.interrupts++;
            raise(SIGINT);
        }
        return yields();
    case 11:
        return hob_within(pick(2) ? HOURS : some_time(), ops(depth - 1));
    case 12:
        return hob_shielded(shielded_ops(depth - 1));
    default:
        return scope(depth - 1);
    }
}

/* Some of them; a cancel ends them mostly, an error often. */
static int ops(int depth) {
    for (unsigned n = pick(5); n > 0; n--) {
        int rc = op(depth);
        if (rc == -ECANCELED ? pick(4) > 0 : rc < 0 && pick(2)) return rc;
    }
    return 0;
}

/* ---- rounds ---- */

static int grows(void) {
    enter(true);
    CLEAN_UP();
    w.opened[0].live++;
    for (unsigned n = pick(3); n > 0; n--) {
        w.opened[0].live++;
        w.spawned++;
        WANT(hob_background(background, DEPTH - 1) == 0);
    }
    int rc = 0;
    for (int i = 0; i < 3 && rc != -ECANCELED; i++) rc = scope(DEPTH);
    leave(&w.opened[0]);
    return rc;
}
HOB_TASK(grows)

static void no_deadlock(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_DEADLOCK) FAIL("seed %llu: %s", (unsigned long long)w.seed, text);
}

static void takes_too_long(int sig) {
    (void)sig;
    char text[] = "it does not end with seed                     \n";
    char *digit = text + sizeof text - 3;
    for (uint64_t n = w.seed; n > 0 && digit > text; n /= 10) *digit-- = (char)('0' + n % 10);
    if (write(2, text, sizeof text - 1) < 0) _exit(2);
    abort();
}

static void run_round(uint64_t seed, bool timed) {
    memset(&w, 0, sizeof w);
    w.seed = w.random = seed;
    w.timed = timed;
    w.takes_back = seed % 3 == 0;
    w.budget = BUDGET;
    w.scopes = 1; /* the first is the loop */
    w.permits = (struct hob_sem)HOB_SEM_BOUNDED(PERMITS);
    hob_queue_init(w.queue, w.items, sizeof *w.items, CAPACITY, HOB_FIFO, NULL);
    hob_run(grows);
    hob_error_clear();
    WANT(w.bodies == w.spawned + 1);
    WANT(w.live_count == 0);
    for (int i = 0; i < w.scopes; i++) WANT(w.opened[i].live == 0 && (i == 0 || w.opened[i].over));
    for (int i = 0; i < w.cleans; i++) WANT(w.clean_runs[i] == 1);
    WANT(w.held == 0 && w.permits.free == PERMITS && !w.permits.waiters.first);
    WANT(w.put - w.got == (long)hob_queue_count(w.queue));
    WANT(!w.queue->getters.first && !w.queue->putters.first && !never.waiters.first);
}

static void run_rounds(bool timed) {
    const char *only = getenv("HOB_STRESS_SEED"), *text = getenv("HOB_STRESS_SECONDS");
    double seconds = text ? atof(text) : 2.5;
    signal(SIGINT, SIG_DFL);
    signal(SIGALRM, takes_too_long);
    unsetenv("HOB_GRACE");
    hob_set_report(no_deadlock, NULL);
    run_round(1, timed); /* what is made once and kept */
    long live = hob__alloc_live(), rounds = 0, spawned = 0, scopes = 0;
    int fds = count_fds();
    uint64_t end = hob_after(seconds);
    for (uint64_t seed = only ? strtoull(only, NULL, 10) : 1; rounds < 20 || hob_now() < end;
         seed += !only) {
        run_round(seed, timed);
        rounds++;
        spawned += w.spawned;
        scopes += w.scopes;
        WANT(hob__alloc_live() == live);
        if (rounds % 16 == 0) WANT(count_fds() == fds);
    }
    WANT(count_fds() == fds);
    printf("%ld rounds, %ld tasks, %ld scopes\n", rounds, spawned, scopes);
    CHECK(spawned > rounds * 2); /* it did something */
}

TEST(random_trees_by_turns) { run_rounds(false); }
TEST(random_trees_by_the_clock) { run_rounds(true); }

TEST_MAIN()
