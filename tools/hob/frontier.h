/* frontier.h - what a crawl knows: every URL it has met, once, and which of them come next. Each
 * host has a line of its own, so that a slow or shy one does not hold up the others. */
#ifndef FRONTIER_H
#define FRONTIER_H

#include <hob/sync.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "robots.h"
#include "url_set.h"

enum visit_kind { VISIT_PAGE, VISIT_SITEMAP };

struct visit {
    const char *url; /* the frontier's, valid as long as it */
    unsigned depth;  /* clicks from the start */
    enum visit_kind kind;
};

struct host {
    struct host *next;  /* of those whose names have the same hash */
    char *name;         /* "https://www.example.org:8080" */
    struct visit *line; /* first come, first served */
    size_t head, count, room;
    size_t active;    /* visits going on */
    uint64_t next_at; /* ns: not before this, for the rate's sake */
    bool queued;      /* it may be asked, from then on: */
    uint64_t due, turn;
    enum { ROBOTS_UNKNOWN, ROBOTS_ASKED, ROBOTS_KNOWN } robots_state;
    struct robots robots;
    int shut; /* the error for which nothing there is visited: no robots.txt to be had */
    char why[128];
};

struct frontier {
    /* to be set at the beginning */
    size_t urls_max; /* known ones; more are not taken */
    size_t visits;   /* so many pages may still be given out */
    size_t per_host; /* at once */
    double delay;    /* seconds between two visits to a host; its robots.txt may ask for more */
    bool ask_robots; /* the first visit of a host reads its robots.txt */
    /* its own */
    struct url_set known;
    struct host **hosts; /* by the hash of their names */
    size_t host_count, host_room;
    struct host **queue; /* a heap of those that may be asked; the next of them stands in front */
    size_t queued;
    uint64_t turns;         /* who was ready first is asked first */
    size_t waiting, active; /* in all lines; visits going on */
    size_t dropped;         /* beyond urls_max */
    struct hob_event changed;
};

/* Adds a canonical URL (copied), unless it is known: 1; 0: it is; -ENOMEM; -ENOSPC beyond urls_max.
 */
int frontier_add(struct frontier *f, const char *url, unsigned depth, enum visit_kind kind);
/* It has been visited in an earlier run. 0 or -ENOMEM. */
int frontier_know(struct frontier *f, const char *url);

/* The next visit, and the host it goes to: 1. 0: there is none, and there will be none. 2: first
 * the host's robots.txt has to be read, with no visit yet (frontier_robots_known() ends it). Waits;
 * -ECANCELED. */
int frontier_take(struct frontier *f, struct visit *visit, struct host **host);
/* The visit is over: all that it found has been added. */
void frontier_done(struct frontier *f, struct host *host);
void frontier_robots_known(struct frontier *f, struct host *host);
/* A cancelled task gives back what it was to do. */
void frontier_robots_unknown(struct frontier *f, struct host *host);

void frontier_free(struct frontier *f);

#endif
