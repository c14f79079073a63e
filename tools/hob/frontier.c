/* frontier.c - known URLs and hosts' lines: see frontier.h. */
#include "frontier.h"

#include <errno.h>
#include <hob/hob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is known ---- */

/* A copy of url that the frontier keeps: 1 and *kept; 0: it is known. */
static int know(struct frontier *f, const char *url, const char **kept) {
    if (f->known.count < f->urls_max) return url_set_add(&f->known, url, kept);
    if (url_set_has(&f->known, url)) return 0;
    f->dropped++;
    return -ENOSPC;
}

/* ---- hosts ---- */

static size_t origin_length(const char *url) {
    const char *authority = strstr(url, "://");
    const char *path = authority ? strchr(authority + 3, '/') : NULL;
    return path ? (size_t)(path - url) : strlen(url);
}

/* Room for twice as many. The queue never has to grow where a host is put into it. */
static bool more_hosts(struct frontier *f) {
    size_t room = f->host_room ? f->host_room * 2 : 64;
    struct host **hosts = calloc(room, sizeof *hosts);
    struct host **queue = hosts ? realloc(f->queue, room * sizeof *queue) : NULL;
    if (!queue) {
        free(hosts);
        return false;
    }
    for (size_t i = 0; i < f->host_room; i++) {
        for (struct host *h = f->hosts[i], *next; h; h = next) {
            struct host **bucket = &hosts[url_hash(h->name, strlen(h->name)) & (room - 1)];
            next = h->next;
            h->next = *bucket;
            *bucket = h;
        }
    }
    free(f->hosts);
    f->hosts = hosts;
    f->queue = queue;
    f->host_room = room;
    return true;
}

static struct host *host_of(struct frontier *f, const char *url) {
    if (f->host_count == f->host_room && !more_hosts(f)) return NULL;
    size_t n = origin_length(url);
    struct host **bucket = &f->hosts[url_hash(url, n) & (f->host_room - 1)];
    for (struct host *h = *bucket; h; h = h->next)
        if (strlen(h->name) == n && memcmp(h->name, url, n) == 0) return h;
    struct host *h = calloc(1, sizeof *h);
    if (!h || !(h->name = strndup(url, n))) {
        free(h);
        return NULL;
    }
    if (!f->ask_robots) h->robots_state = ROBOTS_KNOWN;
    h->next = *bucket;
    f->host_count++;
    return *bucket = h;
}

static bool line_up(struct host *h, struct visit visit) {
    if (h->head + h->count == h->room) {
        if (h->head > h->room / 2) { /* most of it is behind us */
            memmove(h->line, h->line + h->head, h->count * sizeof *h->line);
        } else {
            size_t room = h->room ? h->room * 2 : 8;
            struct visit *line = malloc(room * sizeof *line);
            if (!line) return false;
            if (h->count) memcpy(line, h->line + h->head, h->count * sizeof *line);
            free(h->line);
            h->line = line;
            h->room = room;
        }
        h->head = 0;
    }
    h->line[h->head + h->count++] = visit;
    return true;
}

/* ---- whose turn it is ---- */

static bool is_before(const struct host *a, const struct host *b) {
    return a->due != b->due ? a->due < b->due : a->turn < b->turn;
}

/* Into the queue, if it may be asked: behind all that may be asked then. */
static void enqueue(struct frontier *f, struct host *h) {
    bool may = h->count && h->robots_state != ROBOTS_ASKED && h->active < f->per_host;
    if (h->queued || !may) return;
    uint64_t now = hob_now();
    h->queued = true;
    h->due = h->next_at > now ? h->next_at : now;
    h->turn = f->turns++;
    size_t i = f->queued++;
    for (size_t up; i > 0 && is_before(h, f->queue[up = (i - 1) / 2]); i = up)
        f->queue[i] = f->queue[up];
    f->queue[i] = h;
}

/* The first one out of it. */
static struct host *dequeue(struct frontier *f) {
    struct host *first = f->queue[0], *h = f->queue[--f->queued];
    size_t i = 0;
    for (size_t down; (down = 2 * i + 1) < f->queued; i = down) {
        if (down + 1 < f->queued && is_before(f->queue[down + 1], f->queue[down])) down++;
        if (!is_before(f->queue[down], h)) break;
        f->queue[i] = f->queue[down];
    }
    f->queue[i] = h;
    first->queued = false;
    return first;
}

/* The host that is to be asked now; else NULL, and how long until one is. */
static struct host *ready_host(struct frontier *f, double *seconds) {
    uint64_t now = hob_now();
    if (f->queued && f->queue[0]->due <= now) return dequeue(f);
    *seconds = f->queued ? (double)(f->queue[0]->due - now) / 1e9 : INFINITY;
    return NULL;
}

/* ---- what is to be visited ---- */

int frontier_know(struct frontier *f, const char *url) {
    const char *kept;
    int rc = know(f, url, &kept);
    return rc < 0 ? rc : 0;
}

int frontier_add(struct frontier *f, const char *url, unsigned depth, enum visit_kind kind) {
    const char *kept;
    struct host *h = host_of(f, url);
    int rc = h ? know(f, url, &kept) : -ENOMEM;
    if (rc <= 0) return rc;
    if (!line_up(h, (struct visit){kept, depth, kind})) return -ENOMEM;
    f->waiting++;
    enqueue(f, h);
    hob_event_set(&f->changed);
    return 1;
}

static double delay_of(const struct frontier *f, const struct host *h) {
    return h->robots.delay > f->delay ? h->robots.delay : f->delay;
}

static int wait_for_change(struct frontier *f, double seconds) {
    hob_event_clear(&f->changed);
    int rc = hob_within(seconds, hob_event_wait(&f->changed));
    return rc == -ETIMEDOUT ? 0 : rc;
}

int frontier_take(struct frontier *f, struct visit *visit, struct host **host) {
    for (;;) {
        HOB_TRY(hob_check());
        if (f->visits == 0 || (f->waiting == 0 && f->active == 0)) {
            hob_event_set(&f->changed); /* the others end as well */
            return 0;
        }
        double seconds = INFINITY;
        struct host *h = ready_host(f, &seconds);
        if (!h) {
            HOB_TRY(wait_for_change(f, seconds));
            continue;
        }
        *host = h;
        h->active++;
        f->active++;
        if (h->robots_state == ROBOTS_UNKNOWN) {
            h->robots_state = ROBOTS_ASKED;
            return 2;
        }
        *visit = h->line[h->head++];
        h->count--;
        f->waiting--;
        if (visit->kind == VISIT_PAGE) f->visits--;
        h->next_at = hob_now() + (uint64_t)(delay_of(f, h) * 1e9);
        enqueue(f, h);
        return 1;
    }
}

void frontier_done(struct frontier *f, struct host *host) {
    host->active--;
    f->active--;
    enqueue(f, host);
    hob_event_set(&f->changed);
}

void frontier_robots_known(struct frontier *f, struct host *host) {
    host->robots_state = ROBOTS_KNOWN;
    frontier_done(f, host);
}

void frontier_robots_unknown(struct frontier *f, struct host *host) {
    host->robots_state = ROBOTS_UNKNOWN;
    frontier_done(f, host);
}

void frontier_free(struct frontier *f) {
    url_set_free(&f->known);
    for (size_t i = 0; i < f->host_room; i++) {
        for (struct host *h = f->hosts[i], *next; h; h = next) {
            next = h->next;
            robots_free(&h->robots);
            free(h->line);
            free(h->name);
            free(h);
        }
    }
    free(f->hosts);
    free(f->queue);
}
