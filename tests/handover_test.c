/* handover_test.c - proves that no permit, lock, item or wake-up is ever lost or made twice,
 * whatever the order of calls, wake-ups and cancels.
 *
 * Ten workers use one object; in each round the main task starts some of them, cancels some, does
 * what does not wait (release, set, notify ...), and lets the loop turn now and then in between;
 * workers do the same behind their own calls. Beside the object runs a model: lists of who waits,
 * changed at the same places, which says for each call what it has to return, and to whom. At the
 * end of a round nobody new comes, the loop turns until nobody moves, and then everybody must be
 * where the model says: so a lost wake-up is seen at once, before a later one can hide it.
 *
 * 9 objects x 8 seeds x 14000 rounds: a million and some. A failure prints seed and round;
 * HANDOVER_SEED=n runs that seed alone and repeats it exactly. */
#include "test.h"

#include "task/wait.h"

enum { WORKERS = 10, SEEDS = 8, ROUNDS = 14000, LINES = 3, PENDING = -9999 };

struct worker {
    struct hob_waiter pause; /* while idle, or while it holds a mutex until told to go on */
    struct hob_task *task;
    struct hob_scope *scope; /* around its call; NULL outside */
    bool idle, holds;
    bool cancelled; /* its scope was */
    int expected;   /* what its call has to return; PENDING while it has to wait */
    uint64_t item;  /* the queue's: what it puts; */
    uint64_t want;  /* what it has to get */
};

/* Who waits, in order of arrival. */
struct line {
    int n;
    struct worker *who[WORKERS];
};

static const struct object {
    void (*begin)(void);           /* makes a fresh one */
    void (*use)(struct worker *w); /* a worker's call */
    void (*poke)(void);            /* something that does not wait */
    void (*check)(void);           /* at rest */
} * object;

static struct worker workers[WORKERS];
static struct line lines[LINES];
static uint64_t seed, random_state;
static int round_now;
static unsigned long activity; /* grows whenever a worker moves */

#define OK(cond)                                                                                   \
    do {                                                                                           \
        if (!(cond))                                                                               \
            FAIL("HANDOVER_SEED=%d, round %d: not true: %s", (int)seed, round_now, #cond);         \
    } while (0)

static unsigned random_below(unsigned n) {
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z >> 33) % n);
}

static bool one_in(unsigned n) { return random_below(n) == 0; }

/* ---- the model's lists ---- */

static void wait_in(struct line *l, struct worker *w) {
    w->expected = PENDING;
    l->who[l->n++] = w;
}

static bool leave(struct line *l, const struct worker *w) {
    for (int i = 0; i < l->n; i++) {
        if (l->who[i] != w) continue;
        l->n--;
        for (; i < l->n; i++) l->who[i] = l->who[i + 1];
        return true;
    }
    return false;
}

/* The first of the line, whose call returns rc; NULL when nobody waits. */
static struct worker *serve(struct line *l, int rc) {
    if (l->n == 0) return NULL;
    struct worker *w = l->who[0];
    leave(l, w);
    w->expected = rc;
    return w;
}

static void serve_all(struct line *l, int rc) {
    while (serve(l, rc)) {}
}

static int length(const struct hob_waitlist *list) {
    int n = 0;
    for (const struct hob_waiter *w = list->first; w; w = w->next) n++;
    return n;
}

/* ---- the workers ---- */

/* One that waits leaves its line; one that was served already keeps what it has. */
static void cancel(struct worker *w) {
    w->cancelled = true;
    for (int i = 0; i < LINES; i++)
        if (leave(&lines[i], w)) w->expected = -ECANCELED;
    hob_scope_cancel(w->scope);
}

static void disturb(void) {
    struct worker *w = &workers[random_below(WORKERS)];
    if (one_in(3))
        object->poke();
    else if (w->scope)
        cancel(w);
}

static void pause_worker(struct worker *w, bool *flag, unsigned flags) {
    *flag = true;
    hob__wait_on(NULL, &w->pause, "pause", NULL, flags);
    *flag = false;
    activity++;
}

static void go_on(struct worker *w, bool *flag) {
    *flag = false;
    hob__wake(&w->pause, 0);
}

static int work(int i) {
    struct worker *w = &workers[i];
    w->task = hob_self();
    for (;;) {
        pause_worker(w, &w->idle, HOB__WAIT_PLAIN);
        HOB_TRY(hob_check());
        HOB_SCOPE(s);
        w->cancelled = false;
        w->scope = s;
        object->use(w);
        w->scope = NULL;
        activity++;
        if (one_in(4)) disturb();
    }
}
HOB_TASK(work, int)

static struct worker *who_holds(void) {
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].holds) return &workers[i];
    return NULL;
}

static void settle(void) {
    unsigned long before;
    do {
        before = activity;
        OK(hob_yield_now() == 0);
    } while (activity != before);
}

/* Everybody is idle, or holds a mutex, or stands in a line: and, where a mutex is held, in its. */
static void check_workers(void) {
    for (int i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        bool in_line = false;
        for (int k = 0; k < LINES; k++)
            for (int j = 0; j < lines[k].n; j++) in_line |= lines[k].who[j] == w;
        OK(w->idle || w->holds || in_line || who_holds());
        OK(!in_line || (w->scope && !w->cancelled && w->expected == PENDING));
    }
}

static void play_round(void) {
    for (unsigned n = 1 + random_below(8); n > 0; n--) {
        struct worker *w = &workers[random_below(WORKERS)];
        if (one_in(4))
            OK(hob_yield_now() == 0);
        else if (one_in(2))
            disturb();
        else if (w->idle)
            go_on(w, &w->idle);
    }
    settle();
    check_workers();
    object->check();
}

/* Everybody is cancelled, and gets out. */
static void finish(void) {
    for (int i = 0; i < WORKERS; i++)
        if (workers[i].scope) cancel(&workers[i]);
    settle();
    for (struct worker *w = who_holds(); w; w = who_holds()) {
        go_on(w, &w->holds);
        settle();
    }
    for (int i = 0; i < WORKERS; i++) OK(workers[i].idle);
    object->check();
}

static int play_seed(void) {
    random_state = seed * 1000003;
    memset(lines, 0, sizeof lines);
    object->begin();
    HOB_SCOPE(s);
    for (int i = 0; i < WORKERS; i++) hob_spawn(s, work, i);
    settle();
    for (round_now = 1; round_now <= ROUNDS; round_now++) play_round();
    finish();
    hob_scope_cancel(s);
    return hob_join(s);
}

static int play(const struct object *o) {
    object = o;
    const char *only = getenv("HANDOVER_SEED");
    for (seed = 1; seed <= SEEDS; seed++)
        if (!only || seed == (uint64_t)atoi(only)) HOB_TRY(play_seed());
    return 0;
}

/* ---- mutex ---- */

static struct hob_mutex mutex;
static struct worker *owner;  /* the model's */
static struct worker *inside; /* who is between lock and unlock, by its own account */

static void mutex_begin(void) {
    mutex = (struct hob_mutex){0};
    owner = inside = NULL;
}

static void stay_inside(struct worker *w) {
    OK(!inside);
    inside = w;
    if (one_in(2)) pause_worker(w, &w->holds, HOB__WAIT_MASKED);
    if (one_in(4)) disturb();
    OK(inside == w);
    inside = NULL;
}

static void mutex_use(struct worker *w) {
    if (owner) {
        wait_in(&lines[0], w);
    } else {
        owner = w;
        w->expected = 0;
    }
    int rc = hob_mutex_lock(&mutex);
    OK(rc == w->expected);
    if (rc < 0) return;
    OK(owner == w);
    stay_inside(w);
    owner = serve(&lines[0], 0);
    hob_mutex_unlock(&mutex);
}

static void let_holder_go_on(void) {
    struct worker *w = who_holds();
    if (w) go_on(w, &w->holds);
}

static void mutex_poke(void) {
    if (one_in(2)) {
        let_holder_go_on();
        return;
    }
    int rc = hob_self() == mutex.owner ? -EBUSY : hob_mutex_try_lock(&mutex);
    OK(rc == (owner ? -EBUSY : 0));
    if (rc == 0) hob_mutex_unlock(&mutex);
}

static void mutex_check(void) {
    OK(mutex.owner == (owner ? owner->task : NULL));
    OK(owner == who_holds());
    OK(owner || lines[0].n == 0);
    OK(length(&mutex.waiters) == lines[0].n);
}

TASK_TEST(mutex_hands_over) {
    static const struct object o = {mutex_begin, mutex_use, mutex_poke, mutex_check};
    return play(&o);
}

/* ---- condition: lines[0] is who waits for a notify ---- */

static struct hob_cond cond;

static void cond_begin(void) {
    mutex_begin();
    cond = (struct hob_cond){0};
}

static void cond_wait(struct worker *w) {
    if (hob_cancelled())
        w->expected = -ECANCELED; /* at its point, mutex in hand */
    else
        wait_in(&lines[0], w);
    int rc = hob_cond_wait(&cond, &mutex);
    OK(mutex.owner == w->task);
    OK(rc == w->expected);
}

static void cond_notify(void) {
    size_t n = random_below(4);
    for (size_t i = 0; i < n || n == 3; i++)
        if (!serve(&lines[0], 0)) break;
    if (n == 3)
        hob_cond_notify_all(&cond, &mutex);
    else
        hob_cond_notify(&cond, &mutex, n);
}

static void cond_use(struct worker *w) {
    int rc = hob_mutex_lock(&mutex);
    activity++;
    OK(rc == 0 || (rc == -ECANCELED && w->cancelled));
    if (rc < 0) return;
    OK(!inside);
    if (one_in(3))
        cond_notify();
    else
        cond_wait(w);
    stay_inside(w);
    hob_mutex_unlock(&mutex);
}

static void cond_check(void) {
    struct worker *holder = who_holds();
    OK(mutex.owner == (holder ? holder->task : NULL));
    OK(holder || !mutex.waiters.first);
    OK(length(&cond.waiters) == lines[0].n);
}

TASK_TEST(cond_hands_over) {
    static const struct object o = {cond_begin, cond_use, let_holder_go_on, cond_check};
    return play(&o);
}

/* ---- semaphore ---- */

static struct hob_sem sem;
static size_t sem_permits, sem_free, sem_held;

static void sem_begin(void) {
    sem_permits = sem_free = 1 + random_below(4);
    sem_held = 0;
    sem = (struct hob_sem)HOB_SEM_BOUNDED(sem_permits);
}

static void sem_use(struct worker *w) {
    if (sem_free > 0) {
        sem_free--;
        w->expected = 0;
    } else {
        wait_in(&lines[0], w);
    }
    int rc = hob_sem_acquire(&sem);
    OK(rc == w->expected);
    if (rc == 0) sem_held++;
    OK(sem_held <= sem_permits);
}

static void sem_poke(void) {
    if (one_in(4)) {
        int rc = hob_sem_try_acquire(&sem);
        OK(rc == (sem_free > 0 ? 0 : -EBUSY));
        if (rc < 0) return;
        sem_free--;
        sem_held++;
    } else if (sem_held > 0) {
        sem_held--;
        if (!serve(&lines[0], 0)) sem_free++;
        hob_sem_release(&sem);
    }
}

static void sem_check(void) {
    OK(sem.free == sem_free);
    OK(sem_free + sem_held == sem_permits);
    OK(sem.free == 0 || !sem.waiters.first);
    OK(length(&sem.waiters) == lines[0].n);
}

TASK_TEST(sem_hands_over) {
    static const struct object o = {sem_begin, sem_use, sem_poke, sem_check};
    return play(&o);
}

/* ---- event ---- */

static struct hob_event event;
static bool event_set;

static void event_begin(void) {
    event = (struct hob_event){0};
    event_set = false;
}

static void event_use(struct worker *w) {
    if (event_set)
        w->expected = 0;
    else
        wait_in(&lines[0], w);
    int rc = hob_event_wait(&event);
    OK(rc == w->expected);
}

static void event_poke(void) {
    unsigned what = random_below(3);
    if (what != 0) {
        serve_all(&lines[0], 0);
        event_set = true;
        hob_event_set(&event);
    }
    if (what != 1) {
        event_set = false;
        hob_event_clear(&event);
    }
}

static void event_check(void) {
    OK(hob_event_is_set(&event) == event_set);
    OK(!event_set || !event.waiters.first);
    OK(length(&event.waiters) == lines[0].n);
}

TASK_TEST(event_hands_over) {
    static const struct object o = {event_begin, event_use, event_poke, event_check};
    return play(&o);
}

/* ---- barrier ---- */

static struct hob_barrier barrier;
static bool barrier_broken;

static void barrier_begin(void) {
    barrier = (struct hob_barrier)HOB_BARRIER(1 + random_below(5));
    barrier_broken = false;
}

static void barrier_use(struct worker *w) {
    if (barrier_broken) {
        w->expected = HOB_E_BROKEN;
    } else if (lines[0].n + 1 == (int)barrier.parties) {
        for (int i = 0; lines[0].n > 0; i++) serve(&lines[0], i);
        w->expected = (int)barrier.parties - 1;
    } else {
        wait_in(&lines[0], w);
    }
    int rc = hob_barrier_wait(&barrier);
    OK(rc == w->expected);
}

static void barrier_poke(void) {
    if (!one_in(barrier_broken ? 2 : 8)) return;
    serve_all(&lines[0], HOB_E_BROKEN);
    barrier_broken = !barrier_broken && one_in(2);
    if (barrier_broken)
        hob_barrier_abort(&barrier);
    else
        hob_barrier_reset(&barrier);
}

static void barrier_check(void) {
    OK(barrier.broken == barrier_broken);
    OK(barrier.arrived == (unsigned)lines[0].n);
    OK(barrier.arrived < barrier.parties);
    OK(length(&barrier.waiters) == lines[0].n);
}

TASK_TEST(barrier_hands_over) {
    static const struct object o = {barrier_begin, barrier_use, barrier_poke, barrier_check};
    return play(&o);
}

/* ---- future ---- */

static struct hob_future future;
static uint64_t future_value; /* what its value points at is never looked at: a number will do */

static void future_begin(void) { future = (struct hob_future){0}; }

static void future_use(struct worker *w) {
    void *value = NULL;
    if (future.done) {
        w->expected = future.result;
        w->want = future_value;
    } else {
        wait_in(&lines[0], w);
    }
    int rc = hob_future_wait(&future, &value);
    OK(rc == w->expected);
    OK(rc < 0 ? !value : value == (void *)(uintptr_t)w->want);
}

static void future_poke(void) {
    static const int results[] = {0, 7, -EIO, -ECANCELED};
    if (future.done) {
        OK(hob_future_set(&future, 0, NULL) == -EALREADY);
        future_begin();
        return;
    }
    int result = results[random_below(4)];
    future_value = 1 + random_below(1000);
    while (lines[0].n > 0) serve(&lines[0], result)->want = future_value;
    OK(hob_future_set(&future, result, (void *)(uintptr_t)future_value) == 0);
}

static void future_check(void) {
    OK(!future.done || !future.waiters.first);
    OK(length(&future.waiters) == lines[0].n);
}

TASK_TEST(future_hands_over) {
    static const struct object o = {future_begin, future_use, future_poke, future_check};
    return play(&o);
}

/* ---- queue: getters, putters, joiners ---- */

enum { GETTERS, PUTTERS, JOINERS, ROOM = 5 };

struct item {
    uint64_t key, copies[2];
};

static struct hob_queue queue;
static enum hob_queue_order queue_order;
static size_t item_size;
static char storage[ROOM * sizeof(struct item)];
static uint64_t inside_queue[ROOM]; /* in order of arrival */
static size_t queue_count, queue_unfinished;
static uint64_t put_count, got_count, dropped_count, key_serial;

static int compare_keys(const void *a, const void *b) {
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static void queue_open(void) {
    item_size = sizeof(uint64_t) * (1 + random_below(3));
    hob_queue_init(&queue, storage, item_size, 1 + random_below(ROOM), queue_order, compare_keys);
    queue_count = queue_unfinished = 0;
    put_count = got_count = dropped_count = 0;
}

static void model_put(uint64_t key) {
    queue_unfinished++;
    put_count++;
    struct worker *w = serve(&lines[GETTERS], 0);
    if (w) {
        w->want = key;
        got_count++;
    } else {
        inside_queue[queue_count++] = key;
    }
}

static uint64_t model_get(void) {
    size_t at = queue_order == HOB_LIFO ? queue_count - 1 : 0;
    for (size_t i = 1; queue_order == HOB_PRIORITY && i < queue_count; i++)
        if (inside_queue[i] < inside_queue[at]) at = i;
    uint64_t key = inside_queue[at];
    for (queue_count--; at < queue_count; at++) inside_queue[at] = inside_queue[at + 1];
    got_count++;
    struct worker *w = serve(&lines[PUTTERS], 0);
    if (w) model_put(w->item);
    return key;
}

static struct item new_item(void) {
    uint64_t key = (uint64_t)random_below(1000) << 32 | ++key_serial;
    return (struct item){key, {key, key}};
}

static void check_item(const struct item *item, uint64_t key) {
    OK(item->key == key);
    for (size_t i = 1; i < item_size / sizeof(uint64_t); i++) OK(item->copies[i - 1] == key);
}

static void use_put(struct worker *w) {
    struct item item = new_item();
    w->item = item.key;
    if (queue.closed) {
        w->expected = HOB_E_CLOSED;
    } else if (queue_count < queue.capacity) {
        model_put(item.key);
        w->expected = 0;
    } else {
        wait_in(&lines[PUTTERS], w);
    }
    int rc = hob_queue_put(&queue, &item);
    OK(rc == w->expected);
}

static void use_get(struct worker *w) {
    struct item item;
    if (queue_count > 0) {
        w->want = model_get();
        w->expected = 0;
    } else if (queue.closed) {
        w->expected = HOB_E_CLOSED;
    } else {
        wait_in(&lines[GETTERS], w);
    }
    int rc = hob_queue_get(&queue, &item);
    OK(rc == w->expected);
    if (rc == 0) check_item(&item, w->want);
}

static void use_join(struct worker *w) {
    if (queue_unfinished == 0)
        w->expected = 0;
    else
        wait_in(&lines[JOINERS], w);
    int rc = hob_queue_join(&queue);
    OK(rc == w->expected);
}

static void queue_use(struct worker *w) {
    unsigned what = random_below(9);
    if (what < 4)
        use_put(w);
    else if (what < 8)
        use_get(w);
    else
        use_join(w);
}

static void model_dealt_with(size_t n) {
    queue_unfinished -= n;
    if (queue_unfinished == 0) serve_all(&lines[JOINERS], 0);
}

static void close_queue(bool now) {
    serve_all(&lines[GETTERS], HOB_E_CLOSED);
    serve_all(&lines[PUTTERS], HOB_E_CLOSED);
    if (!now) {
        hob_queue_close(&queue);
        return;
    }
    size_t n = queue_count;
    dropped_count += n;
    queue_count = 0;
    if (n > 0) model_dealt_with(n);
    hob_queue_close_now(&queue, NULL);
}

static void try_put(void) {
    struct item item = new_item();
    int expected = queue.closed ? HOB_E_CLOSED : queue_count < queue.capacity ? 0 : HOB_E_FULL;
    if (expected == 0) model_put(item.key);
    OK(hob_queue_try_put(&queue, &item) == expected);
}

static void try_get(void) {
    struct item item;
    bool some = queue_count > 0;
    int expected = some ? 0 : queue.closed ? HOB_E_CLOSED : HOB_E_EMPTY;
    uint64_t want = some ? model_get() : 0;
    OK(hob_queue_try_get(&queue, &item) == expected);
    if (some) check_item(&item, want);
}

static void queue_poke(void) {
    unsigned what = random_below(64);
    if (what < 20) {
        try_put();
    } else if (what < 40) {
        try_get();
    } else if (what < 60 && queue_unfinished > queue_count) {
        model_dealt_with(1);
        hob_queue_task_done(&queue);
    } else if (what >= 62) {
        close_queue(what == 63);
    } else if (queue.closed && queue_unfinished == 0) {
        queue_open();
    }
}

static void queue_check(void) {
    OK(queue.count == queue_count);
    OK(queue.unfinished == queue_unfinished);
    OK(queue.count == 0 || !queue.getters.first);
    OK(queue.count == queue.capacity || !queue.putters.first);
    OK(queue.unfinished > 0 || !queue.joiners.first);
    OK(put_count == got_count + queue_count + dropped_count);
    OK(length(&queue.getters) == lines[GETTERS].n);
    OK(length(&queue.putters) == lines[PUTTERS].n);
    OK(length(&queue.joiners) == lines[JOINERS].n);
}

static int play_queue(enum hob_queue_order order) {
    static const struct object o = {queue_open, queue_use, queue_poke, queue_check};
    queue_order = order;
    return play(&o);
}

TASK_TEST(queue_hands_over) { return play_queue(HOB_FIFO); }

TASK_TEST(queue_lifo_hands_over) { return play_queue(HOB_LIFO); }

TASK_TEST(queue_priority_hands_over) { return play_queue(HOB_PRIORITY); }

TEST_MAIN()
