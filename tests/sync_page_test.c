/* sync_page_test.c - the programs of docs/sync.md, run. The page shows pieces of this file. */
#include "sync.h"

/* ---- mutex ---- */

struct account {
    struct hob_mutex lock;
    long balance;
};

static int deposit(struct account *a, long amount) {
    HOB_WITH(hob_mutex, &a->lock); /* until the block is left */
    long before = a->balance;
    HOB_TRY(hob_sleep(0.001)); /* others run, but not in here */
    a->balance = before + amount;
    return 0;
}
HOB_TASK(deposit, struct account *, long)

TASK_TEST(page_mutex) {
    struct account a = {.balance = 0};
    HOB_SCOPE(s);
    for (int i = 1; i <= 4; i++) hob_spawn(s, deposit, &a, i);
    HOB_TRY(hob_join(s));
    CHECK_EQ(a.balance, 10);
    CHECK(!hob_mutex_locked(&a.lock));
    return 0;
}

/* ---- event ---- */

static int connect_when(struct hob_event *ready) {
    HOB_TRY(hob_event_wait(ready));
    note("connected ");
    return 0;
}
HOB_TASK(connect_when, struct hob_event *)

TASK_TEST(page_event) {
    struct hob_event ready = {0};
    HOB_SCOPE(s);
    hob_spawn(s, connect_when, &ready);
    hob_spawn(s, connect_when, &ready);
    turns(2);
    note("ready ");
    hob_event_set(&ready);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "ready connected connected ");
    return 0;
}

/* ---- condition ---- */

struct stock {
    struct hob_mutex lock;
    struct hob_cond changed;
    int apples;
};

static int take(struct stock *s, int n) {
    HOB_WITH(hob_mutex, &s->lock);
    while (s->apples < n) HOB_TRY(hob_cond_wait(&s->changed, &s->lock));
    s->apples -= n;
    return 0;
}
HOB_TASK(take, struct stock *, int)

static int deliver(struct stock *s, int n) {
    HOB_WITH(hob_mutex, &s->lock);
    s->apples += n;
    hob_cond_notify_all(&s->changed, &s->lock);
    return 0;
}

TASK_TEST(page_condition) {
    struct stock stock = {.apples = 1};
    HOB_SCOPE(s);
    struct hob_task *five = hob_spawn(s, take, &stock, 5);
    hob_spawn(s, take, &stock, 2);
    turns(2);
    HOB_TRY(deliver(&stock, 3));
    turns(4);
    CHECK(!hob_task_done(five));
    CHECK_EQ(stock.apples, 2);
    HOB_TRY(deliver(&stock, 3));
    HOB_TRY(hob_join(s));
    CHECK_EQ(stock.apples, 0);
    return 0;
}

/* ---- semaphore ---- */

static int fetch(int page) { return hob_sleep(page * 0.0001); }

static int fetch_politely(struct hob_sem *limit, int page) {
    HOB_WITH(hob_sem, limit);
    return fetch(page);
}
HOB_TASK(fetch_politely, struct hob_sem *, int)

static int fetch_all(int pages) {
    struct hob_sem limit = HOB_SEM_BOUNDED(10); /* ten at a time */
    HOB_SCOPE(s);
    for (int i = 0; i < pages; i++) hob_spawn(s, fetch_politely, &limit, i);
    return hob_join(s);
}

TASK_TEST(page_semaphore) { return fetch_all(100); }

/* ---- barrier ---- */

static int simulate(struct hob_barrier *step, int steps) {
    for (int i = 0; i < steps; i++) {
        HOB_TRY(hob_sleep(0.0001)); /* this part's work */
        int index = HOB_TRY(hob_barrier_wait(step));
        if (index == 0) note("step %d ", i); /* one of them says it */
    }
    return 0;
}
HOB_TASK(simulate, struct hob_barrier *, int)

TASK_TEST(page_barrier) {
    struct hob_barrier step = HOB_BARRIER(3);
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, simulate, &step, 3);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "step 0 step 1 step 2 ");
    return 0;
}

/* ---- queue ---- */

static int worker(struct hob_queue *jobs) {
    int job, rc;
    while ((rc = hob_queue_get(jobs, &job)) == 0) {
        note("%d ", job);
        hob_queue_task_done(jobs);
    }
    return rc == HOB_E_CLOSED ? 0 : rc; /* closed and empty: go home */
}
HOB_TASK(worker, struct hob_queue *)

static int produce(int n) {
    HOB_QUEUE(jobs, int, 50); /* room for 50, here in the block */
    HOB_SCOPE(s);
    for (int i = 0; i < 5; i++) hob_spawn(s, worker, jobs);
    for (int i = 0; i < n; i++) HOB_TRY(hob_queue_put(jobs, &i)); /* waits while it is full */
    HOB_TRY(hob_queue_join(jobs));
    hob_queue_close(jobs);
    return hob_join(s);
}

TASK_TEST(page_queue) {
    HOB_TRY(produce(200));
    CHECK_HAS(notes, "0 1 2 3 ");
    CHECK_HAS(notes, "199 ");
    return 0;
}

struct alarm {
    uint64_t when;
    const char *text;
};

static int sooner(const void *a, const void *b) {
    const struct alarm *x = a, *y = b;
    return (x->when > y->when) - (x->when < y->when);
}

TASK_TEST(page_priority) {
    struct alarm room[20];
    struct hob_queue alarms;
    hob_queue_init(&alarms, room, sizeof room[0], 20, HOB_PRIORITY, sooner);
    struct alarm noon = {12, "noon"}, dawn = {6, "dawn"}, next;
    HOB_TRY(hob_queue_put(&alarms, &noon));
    HOB_TRY(hob_queue_put(&alarms, &dawn));
    HOB_TRY(hob_queue_get(&alarms, &next));
    CHECK_STR(next.text, "dawn");
    return 0;
}

/* ---- future ---- */

struct cache {
    struct hob_future config;
    bool loading;
};

static int get_config(struct cache *c, void **config) {
    static char loaded[] = "config";
    if (!c->loading) {
        c->loading = true; /* the first one loads it, the others wait for that */
        int rc = hob_shielded(hob_sleep(0.001));
        hob_future_set(&c->config, rc, loaded);
    }
    return hob_future_wait(&c->config, config);
}
HOB_TASK(get_config, struct cache *, void **)

TASK_TEST(page_future) {
    struct cache c = {.loading = false};
    void *config[3] = {NULL, NULL, NULL};
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, get_config, &c, &config[i]);
    HOB_TRY(hob_join(s));
    for (int i = 0; i < 3; i++) CHECK_STR(config[i], "config");
    return 0;
}

TEST_MAIN()
