/* store.h - where a crawl keeps what it has found and what it has still to visit, so that it can be
 * stopped and started again: a SQLite database, or lines of JSON. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "frontier.h"
#include "outcome.h"

/* One visit's end. */
struct crawled {
    struct result result; /* its url is the frontier's */
    enum visit_kind kind;
    unsigned depth;
    const char *error; /* static; NULL = an answer came */
    char *title;       /* from malloc, or NULL */
    char **links;      /* new ones, from malloc; ends with NULL; or NULL */
    unsigned link_depth;
};
void crawled_free(struct crawled *c); /* and what it points at */

struct store {
    const struct store_kind *kind;
    const char *path; /* for messages */
    char message[256];
    struct sqlite3 *db;
    struct output *lines;
};

/* Opens or makes it; `fresh`: what it holds is dropped. 0, or a negative code and s->message. */
int store_open(struct store *s, bool lines, const char *path, bool fresh);
/* What earlier runs have done, and who is told of what they have not. */
struct loaded {
    struct frontier *frontier;
    size_t visited; /* pages: they are known from now on */
    size_t again;   /* those that failed for a reason that may have passed: in the frontier */
    void (*left)(void *arg, const char *url); /* called with each of these, and of what is left */
    void *arg;
};
/* Fills in l->visited and l->again, and the frontier. 0, or a negative code and s->message. */
int store_load(struct store *s, struct loaded *l);
/* Keeps n visits, all or none. 0, or a negative code and s->message. Waits; no cancel stops it. */
int store_write(struct store *s, struct crawled *const *visits, size_t n);
/* 0, or a negative code and s->message. */
int store_close(struct store *s);

/* For the kinds of stores: something to visit. 1: it is new; 0, also when too many are known; or an
 * error. */
int loaded_left(struct loaded *l, const char *url, unsigned depth);

struct store_kind {
    int (*open)(struct store *s, bool fresh);
    int (*load)(struct store *s, struct loaded *l);
    int (*write)(struct store *s, struct crawled *const *visits, size_t n);
    int (*close)(struct store *s);
};
extern const struct store_kind store_sqlite, store_lines;

#endif
