/* sim/host.c - hosts: a machine of the world with a loop whose main task is a function of the
 * test's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "sim/sim.h"
#include "task/fdwait.h"

struct hob__sim *hob__sim_here(const char *func) {
    struct hob__sim *w = hob__sim_current;
    if (!w || !w->above) hob__misuse(func, "outside a HOB_SIM_TEST");
    return w;
}

/* Of the calling task. */
static struct hob__sim_loop *my_loop(struct hob__sim *w) { return w->current; }

/* ---- waking across loops: all of them are in this thread ---- */

static void wake_all(struct hob_waitlist *list) {
    while (list->first) {
        struct hob_loop *loop = list->first->task->loop;
        hob__wake(list->first, 0);
        loop->backend.ops->wake(&loop->backend);
    }
}

static int wait_for(struct hob_sim_host *h) {
    struct hob_waiter w = {.task = hob_self()};
    struct hob_waiter mine = {.task = hob_self()};
    hob__link(&h->waiters, &mine, &w);
    int rc = hob__wait_any(&w, UINT64_MAX, "host", h->machine->name, HOB__WAIT_NAMED);
    hob__unlink(&mine);
    return rc;
}

/* ---- a host's life ---- */

static void tell_error(const struct hob_sim_host *h) {
    char text[1024];
    const struct hob_error *e = hob_error();
    if (e && e->code == h->result)
        hob_error_format(e, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s", hob_strerror(h->result));
    fprintf(stderr, "host %s has ended: %s\n", h->machine->name, text);
}

/* Once the last program of a machine has ended, nothing of it is open. */
static void check_descriptors(const struct hob_sim_host *h) {
    const struct hob__sim *w = h->machine->world;
    if (hob__list_empty(&h->machine->ends) || h->machine == w->hosts[0]) return;
    for (unsigned i = 0; i < w->loop_count; i++)
        if (w->loops[i]->host == h->machine && w->loops[i] != w->current) return;
    struct hob__sim_end *e = hob__container(h->machine->ends.next, struct hob__sim_end, link);
    hob__sim_fail(__FILE__, __LINE__,
                  "host %s has ended and left descriptors open: %u, the first a %s",
                  h->machine->name, h->machine->fds, e->kind->name);
}

/* On a stack of its own. */
static void run_host(void *arg) {
    struct hob_sim_host *h = arg;
    struct hob_options o = {.backend = "sim", .no_interrupt = true};
    int rc = hob__run(&o, h->site, h->args);
    h->loop = NULL;
    if (h->crashed) {
        h->result = -ECONNRESET;
    } else {
        h->result = rc;
        h->ended = true;
        HOB__SIM_LOG(h->machine->world, h->machine, "ends: %d", rc);
        if (rc < 0 && !h->asked && !h->waiters.first) tell_error(h);
        check_descriptors(h);
    }
    hob_error_clear();
    wake_all(&h->waiters);
}

static void set_main(struct hob_sim_host *h, const struct hob__spawn_site *site, const void *args) {
    hob__sim_free(h->args);
    h->site = site;
    h->args = memcpy(hob__sim_alloc(site->args_size), args, site->args_size);
}

static int start(struct hob_sim_host *h) {
    h->ended = h->crashed = false;
    h->machine->down = false;
    h->loop = hob__sim_loop_new(h->machine, run_host, h);
    if (!h->loop) return -EAGAIN;
    HOB__SIM_LOG(h->machine->world, h->machine, "starts: %s", h->site->name);
    return 0;
}

static struct hob_sim_host *add(struct hob__sim_host *machine, const struct hob__spawn_site *site,
                                const void *args) {
    struct hob__sim_front *front = hob__sim_front(machine->world);
    struct hob_sim_host *h = hob__sim_alloc(sizeof *h);
    h->machine = machine;
    if (!machine->above) machine->above = h;
    set_main(h, site, args);
    snprintf(h->address, sizeof h->address, "10.0.0.%u", machine->index + 1);
    *front->last = h;
    front->last = &h->next;
    return start(h) < 0 ? NULL : h;
}

struct hob_sim_host *hob__sim_host(const char *name, const struct hob__spawn_site *site,
                                   const void *args) {
    struct hob__sim_host *machine = hob__sim_host_new(hob__sim_here("hob_sim_host"), name);
    return machine ? add(machine, site, args) : NULL;
}

struct hob_sim_host *hob__sim_beside(struct hob_sim_host *h, const struct hob__spawn_site *site,
                                     const void *args) {
    struct hob__sim *w = hob__sim_here("hob_sim_beside");
    return add(h ? h->machine : hob__sim_front(w)->test.machine, site, args);
}

const char *hob_sim_address(const struct hob_sim_host *h) {
    return h ? h->address : hob__sim_front(hob__sim_here(__func__))->test.address;
}

int hob_sim_wait(struct hob_sim_host *h) {
    hob__sim_here(__func__);
    int rc = hob_check();
    h->asked = true;
    while (rc == 0 && h->loop) rc = wait_for(h);
    return rc < 0 ? rc : h->result;
}

static void cancel_all(void *arg) {
    struct hob_loop *loop = arg;
    hob__region_cancel(loop, &loop->root.region);
}

void hob__sim_cancel_loop(struct hob__sim_loop *l) {
    if (!l->backend) return;
    struct hob_loop *loop = l->backend->above;
    if (hob_loop_post(loop, cancel_all, loop) == -ENOMEM) abort();
}

void hob_sim_crash(struct hob_sim_host *h) {
    struct hob__sim *w = hob__sim_here(__func__);
    if (!h) hob__misuse(__func__, "the test's own host cannot crash");
    bool any = false;
    for (struct hob_sim_host *x = hob__sim_front(w)->hosts; x; x = x->next)
        if (x->machine == h->machine && x->loop && !x->crashed) any = x->crashed = true;
    if (!any) return;
    HOB__SIM_LOG(w, h->machine, "crashes");
    hob__sim_host_crash(h->machine);
    for (unsigned i = 0; i < w->loop_count; i++)
        if (w->loops[i]->host == h->machine) hob__sim_cancel_loop(w->loops[i]);
}

int hob__sim_restart(struct hob_sim_host *h, const struct hob__spawn_site *site, const void *args) {
    hob__sim_here("hob_sim_restart");
    if (h->loop && !h->crashed) return -EBUSY;
    int rc = hob_check();
    while (rc == 0 && h->loop) rc = wait_for(h);
    if (rc < 0) return rc;
    set_main(h, site, args);
    return start(h);
}

bool hob_sim_crashed(void) { return my_loop(hob__sim_here(__func__))->ghost; }

/* ---- the end of a run ---- */

int hob__sim_end_hosts(struct hob__sim *w) {
    struct hob__sim_front *front = hob__sim_front(w);
    int rc = 0;
    for (struct hob_sim_host *h = front->hosts; h; h = h->next) {
        if (h->ended && h->result < 0 && !h->asked && rc == 0) rc = h->result;
        h->asked = true;
    }
    for (struct hob_sim_host *h = front->hosts; h; h = h->next) {
        while (h->loop) { /* a loop that has not begun cannot be cancelled yet */
            hob__sim_cancel_loop(h->loop);
            if (h->loop->backend)
                wait_for(h);
            else
                hob_yield_now();
        }
    }
    return rc;
}

void hob__sim_free_hosts(struct hob__sim *w) {
    struct hob__sim_front *front = hob__sim_front(w);
    for (struct hob_sim_host *h = front->hosts, *next; h; h = next) {
        next = h->next;
        hob__sim_free(h->args);
        hob__sim_free(h);
    }
}

/* ---- chance ---- */

uint64_t hob_sim_seed(void) { return hob__sim_here(__func__)->seed; }

uint64_t hob_sim_random(uint64_t n) {
    if (n == 0) hob__misuse(__func__, "n is 0");
    return hob__sim_below(hob__sim_here(__func__), HOB__SIM_TEST, n);
}

double hob_sim_uniform(void) {
    return (double)(hob__sim_draw(hob__sim_here(__func__), HOB__SIM_TEST) >> 11) /
           9007199254740992.0;
}

void hob_sim_log(const char *fmt, ...) {
    struct hob__sim *w = hob__sim_here(__func__);
    if (!w->log) return;
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    hob__sim_tell(w, my_loop(w)->host, "%s", text);
}
