/* io/watch/found.c - the names that were found in new folders and told, until every record that may
 * tell of them again has been taken. */
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "io/watch/watch.h"

enum { BUCKETS = 4096 };

struct hob__found_name {
    struct hob__found_name *next;
    struct hob_list order;
    uint64_t until;
    int id;
    char name[];
};

static struct hob__found_name **place(const struct hob__found *f, int id, const char *name) {
    struct hob__found_name **p = &f->buckets[hob__hash(name, (uint32_t)id) % BUCKETS];
    while (*p && ((*p)->id != id || strcmp((*p)->name, name) != 0)) p = &(*p)->next;
    return p;
}

static void forget(struct hob__found *f, struct hob__found_name **p) {
    struct hob__found_name *n = *p;
    *p = n->next;
    hob__list_remove(&n->order);
    hob__free(n);
    if (--f->count > 0) return;
    hob__free(f->buckets);
    f->buckets = NULL;
}

void hob__found_add(struct hob__found *f, int id, const char *name, uint64_t until) {
    if (f->count == HOB__WATCH_FOUND) return;
    if (!f->buckets) f->buckets = hob__alloc_zero(BUCKETS * sizeof *f->buckets);
    size_t size = strlen(name) + 1;
    struct hob__found_name *n = f->buckets ? hob__alloc(sizeof *n + size) : NULL;
    if (!n) {
        if (f->count > 0) return;
        hob__free(f->buckets);
        f->buckets = NULL;
        return;
    }
    f->count++;
    struct hob__found_name **p = place(f, id, name);
    if (*p) forget(f, p); /* found twice: the later one counts */
    p = place(f, id, name);
    n->next = *p;
    n->id = id;
    n->until = until;
    memcpy(n->name, name, size);
    *p = n;
    hob__list_append(&f->order, &n->order);
}

bool hob__found_take(struct hob__found *f, int id, const char *name) {
    struct hob__found_name **p = f->buckets ? place(f, id, name) : NULL;
    if (!p || !*p) return false;
    forget(f, p);
    return true;
}

void hob__found_expire(struct hob__found *f, uint64_t at) {
    while (f->count > 0) {
        struct hob__found_name *n = hob__container(f->order.next, struct hob__found_name, order);
        if (n->until > at) return;
        forget(f, place(f, n->id, n->name));
    }
}
