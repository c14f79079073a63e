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

static struct host *host_of(struct frontier *f, const char *url) {
    size_t n = origin_length(url);
    for (struct host *h = f->hosts; h; h = h->next)
        if (strlen(h->name) == n && memcmp(h->name, url, n) == 0) return h;
    struct host *h = calloc(1, sizeof *h);
    if (!h || !(h->name = strndup(url, n))) {
        free(h);
        return NULL;
    }
    if (!f->ask_robots) h->robots_state = ROBOTS_KNOWN;
    struct host **last = &f->hosts; /* at the end: the start's host comes first */
    while (*last) last = &(*last)->next;
    return *last = h;
}

static bool line_up(struct host *h, struct visit visit) {
    if (h->head + h->count == h->room) {
        if (h->head > h->room / 2) { /* most of it is behind us */
            memmove(h->line, h->line + h->head, h->count * sizeof *h->line);
        } else {
            size_t room = h->room ? h->room * 2 : 64;
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
    hob_event_set(&f->changed);
    return 1;
}

/* ---- whose turn it is ---- */

static bool has_work(const struct frontier *f, const struct host *h) {
    return h->count && h->robots_state != ROBOTS_ASKED && h->active < f->per_host;
}

static double delay_of(const struct frontier *f, const struct host *h) {
    return h->robots.delay > f->delay ? h->robots.delay : f->delay;
}

/* The first host from f->turn on that may be asked now; else NULL, and how long until one may. */
static struct host *ready_host(struct frontier *f, double *seconds) {
    uint64_t now = hob_now(), earliest = UINT64_MAX;
    struct host *h = f->turn ? f->turn : f->hosts, *first = h;
    if (!h) return NULL;
    do {
        if (has_work(f, h)) {
            if (h->next_at <= now) {
                f->turn = h->next ? h->next : f->hosts;
                return h;
            }
            if (h->next_at < earliest) earliest = h->next_at;
        }
        h = h->next ? h->next : f->hosts;
    } while (h != first);
    *seconds = earliest == UINT64_MAX ? INFINITY : (double)(earliest - now) / 1e9;
    return NULL;
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
        return 1;
    }
}

void frontier_done(struct frontier *f, struct host *host) {
    host->active--;
    f->active--;
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
    for (struct host *h = f->hosts, *next; h; h = next) {
        next = h->next;
        robots_free(&h->robots);
        free(h->line);
        free(h->name);
        free(h);
    }
}
