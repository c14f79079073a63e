/* sim_counter.c - a small replicated counter, and its test in a simulated world.
 *
 * Three replicas hold how often each client has added one. A client tells all of them, and has
 * added when two have answered; who asks for the sum hears two as well, so that one of them knows.
 * A replica that comes back after a crash has forgotten everything: it asks both others before it
 * answers anybody. (sim_counter_bug.c is the same without that.)
 *
 * The test crashes replicas and cuts links while clients add, and checks: no sum is less than what
 * had been added before it was asked for, none more than what had been begun. */
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/serve.h>
#include <hob/sim.h>
#include <stdio.h>
#include <string.h>

#ifndef ASKS_THE_OTHERS
#define ASKS_THE_OTHERS 1
#endif

enum { REPLICAS = 3, CLIENTS = 2, ADDS = 15, MAJORITY = 2 };

struct counts {
    int of[CLIENTS];
};

/* ---- speaking: one request, one answer, each a line ---- */

static int ask(const char *replica, const char *request, struct counts *answer) {
    char address[64];
    struct hob_stream *s;
    struct hob_slice line;
    snprintf(address, sizeof address, "%s:7000", replica);
    HOB_TRY(hob_connect(address, &s));
    int rc = (int)hob_write(s, request, strlen(request));
    if (rc >= 0) rc = hob_read_line(s, 64, &line);
    if (rc == 0) rc = HOB_E_EOF;
    if (rc > 0 && sscanf(line.at, "%d %d", &answer->of[0], &answer->of[1]) != CLIENTS) rc = -EPROTO;
    hob_close(s);
    return rc < 0 ? rc : 0;
}

static int ask_counts(const char *replica, struct counts *c) { return ask(replica, "get\n", c); }
HOB_TASK(ask_counts, const char *, struct counts *)

static int tell_count(const char *replica, int client, int n) {
    char request[64];
    struct counts answer;
    snprintf(request, sizeof request, "set %d %d\n", client, n);
    return ask(replica, request, &answer);
}
HOB_TASK(tell_count, const char *, int, int)

static void take_larger(struct counts *c, const struct counts *other) {
    for (int i = 0; i < CLIENTS; i++)
        if (other->of[i] > c->of[i]) c->of[i] = other->of[i];
}

/* ---- a replica ---- */

struct cluster {
    const char *at[REPLICAS]; /* addresses */
    bool ready[REPLICAS];
};

static int answer(struct hob_stream *s, struct counts *mine) {
    struct hob_slice line;
    char text[64];
    int client, n, rc;
    while ((rc = hob_read_line(s, 64, &line)) > 0) {
        if (sscanf(line.at, "set %d %d", &client, &n) == 2 && client >= 0 && client < CLIENTS &&
            n > mine->of[client])
            mine->of[client] = n;
        snprintf(text, sizeof text, "%d %d\n", mine->of[0], mine->of[1]);
        HOB_TRY(hob_write(s, text, strlen(text)));
    }
    return rc;
}
HOB_TASK(answer, struct hob_stream *, struct counts *)

/* What the others know; waits until both have told it. */
static int recover(const struct cluster *all, int me, struct counts *mine) {
    for (int i = 0; i < REPLICAS; i++) {
        struct counts theirs = {{0}};
        if (i == me) continue;
        while (hob_within(1.0, ask_counts(all->at[i], &theirs)) < 0) HOB_TRY(hob_sleep(0.1));
        take_larger(mine, &theirs);
    }
    return 0;
}

static int replica(struct cluster *all, int me, bool first) {
    struct counts mine = {{0}};
    struct hob_listener *l;
    if (ASKS_THE_OTHERS && !first) HOB_TRY(recover(all, me, &mine));
    HOB_TRY(hob_listen(":7000", &l));
    all->ready[me] = true;
    int rc = hob_serve(l, answer, &mine);
    hob_listener_close(l);
    return rc;
}
HOB_TASK(replica, struct cluster *, int, bool)

/* ---- clients ---- */

/* Until a majority has succeeded: 0. The others are left. */
static int majority(struct hob_scope *s) {
    struct hob_task *t;
    int good = 0, rc;
    while (good < MAJORITY && (rc = hob_next_done(s, &t)) > 0) good += hob_task_result(t) >= 0;
    if (good < MAJORITY) return HOB_TRY(hob_check()) - EAGAIN;
    hob_scope_cancel(s);
    return 0;
}

static int add(const struct cluster *all, int client, int n) {
    HOB_SCOPE(s, .deadline = hob_after(0.5), .on_error = HOB_COLLECT);
    for (int i = 0; i < REPLICAS; i++) hob_spawn(s, tell_count, all->at[i], client, n);
    return majority(s);
}

static int sum(const struct cluster *all, int *out) {
    struct counts of[REPLICAS] = {{{0}}}, known = {{0}};
    {
        HOB_SCOPE(s, .deadline = hob_after(0.5), .on_error = HOB_COLLECT);
        for (int i = 0; i < REPLICAS; i++) hob_spawn(s, ask_counts, all->at[i], &of[i]);
        HOB_TRY(majority(s));
    }
    for (int i = 0; i < REPLICAS; i++) take_larger(&known, &of[i]);
    *out = known.of[0] + known.of[1];
    return 0;
}

/* What is true, as the test knows it. */
static int begun, added;

static int client(const struct cluster *all, int me) {
    for (int n = 1; n <= ADDS; n++) {
        begun++;
        while (add(all, me, n) < 0) HOB_TRY(hob_sleep(0.05));
        added++;
        int at_least = added, seen;
        while (sum(all, &seen) < 0) HOB_TRY(hob_sleep(0.05));
        if (seen < at_least || seen > begun)
            HOB_SIM_FAIL("the sum is %d, but %d were added and %d begun", seen, at_least, begun);
        HOB_TRY(hob_sleep(hob_sim_uniform() * 0.5));
    }
    return 0;
}
HOB_TASK(client, const struct cluster *, int)

/* ---- the test ---- */

/* Crashes one replica after another; cuts links between any two for a while. */
static int trouble(struct cluster *all, struct hob_sim_host *const *hosts) {
    for (;;) {
        HOB_TRY(hob_sleep(hob_sim_uniform()));
        int a = (int)hob_sim_random(REPLICAS), b = (int)hob_sim_random(REPLICAS + CLIENTS);
        if (hob_sim_random(2) && a != b) {
            hob_sim_partition(hosts[a], hosts[b]);
            HOB_TRY(hob_sleep(hob_sim_uniform() * 2));
            hob_sim_heal(hosts[a], hosts[b]);
            continue;
        }
        all->ready[a] = false;
        hob_sim_crash(hosts[a]);
        HOB_TRY(hob_sleep(hob_sim_uniform()));
        HOB_TRY(hob_sim_restart(hosts[a], replica, all, a, false));
        while (!all->ready[a]) HOB_TRY(hob_sleep(0.05)); /* two of them know everything then */
    }
}
HOB_TASK(trouble, struct cluster *, struct hob_sim_host *const *)

HOB_SIM_TEST(no_addition_is_lost) {
    static struct cluster all;
    struct hob_sim_host *hosts[REPLICAS + CLIENTS];
    static const char *const names[] = {"replica 0", "replica 1", "replica 2", "client 0",
                                        "client 1"};
    for (int i = 0; i < REPLICAS; i++) {
        hosts[i] = hob_sim_host(names[i], replica, &all, i, true);
        all.at[i] = hob_sim_address(hosts[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        hosts[REPLICAS + i] = hob_sim_host(names[REPLICAS + i], client, &all, i);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, trouble, &all, hosts);
    for (int i = 0; i < CLIENTS; i++) HOB_TRY(hob_sim_wait(hosts[REPLICAS + i]));
    hob_scope_cancel(s);
    return hob_join(s);
}

HOB_SIM_MAIN()
