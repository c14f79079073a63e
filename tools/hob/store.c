/* store.c - the choice between the kinds of stores: see store.h. */
#include "store.h"

#include <errno.h>
#include <stdlib.h>

#if HAVE_CRAWL
void crawled_free(struct crawled *c) {
    for (char **link = c->links; link && *link; link++) free(*link);
    free(c->links);
    free(c->title);
    free(c);
}

int store_open(struct store *s, bool lines, const char *path, bool fresh) {
    *s = (struct store){.kind = lines ? &store_lines : &store_sqlite, .path = path};
    return s->kind->open(s, fresh);
}

int store_load(struct store *s, struct loaded *l) { return s->kind->load(s, l); }

int loaded_left(struct loaded *l, const char *url, unsigned depth) {
    int rc = frontier_add(l->frontier, url, depth, VISIT_PAGE);
    if (rc == 1) l->left(l->arg, url);
    return rc == -ENOSPC ? 0 : rc;
}

int store_write(struct store *s, struct crawled *const *visits, size_t n) {
    return s->kind->write(s, visits, n);
}

int store_close(struct store *s) { return s->kind ? s->kind->close(s) : 0; }
#endif
