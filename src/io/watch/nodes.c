/* io/watch/nodes.c - the folders of a tree that is watched, by the kernel's number and by their
 * place. */
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "io/watch/watch.h"

enum { FIRST_BUCKETS = 64 };

static struct hob__node **id_bucket(const struct hob__nodes *t, int id) {
    return &t->by_id[(uint32_t)id & t->mask];
}

static struct hob__node **name_bucket(const struct hob__nodes *t, const struct hob__node *parent,
                                      const char *name) {
    /* The numbers of siblings' parents follow each other: spread. */
    uint32_t seed = parent ? (uint32_t)parent->id * 2654435761u : 0;
    return &t->by_name[hob__hash(name, seed) & t->mask];
}

static void link_name(const struct hob__nodes *t, struct hob__node *n) {
    struct hob__node **bucket = name_bucket(t, n->parent, n->name);
    n->next_by_name = *bucket;
    *bucket = n;
}

static void unlink_name(const struct hob__nodes *t, struct hob__node *n) {
    struct hob__node **p = name_bucket(t, n->parent, n->name);
    while (*p != n) p = &(*p)->next_by_name;
    *p = n->next_by_name;
}

static void link_id(const struct hob__nodes *t, struct hob__node *n) {
    struct hob__node **bucket = id_bucket(t, n->id);
    n->next_by_id = *bucket;
    *bucket = n;
}

/* Without memory the chains grow longer. */
static bool grow(struct hob__nodes *t) {
    size_t count = t->by_id ? 2 * (t->mask + 1) : FIRST_BUCKETS;
    struct hob__nodes old = *t;
    /* Both in one block. */
    struct hob__node **buckets = hob__alloc_zero(2 * count * sizeof *buckets);
    if (!buckets) return t->by_id != NULL;
    t->by_id = buckets;
    t->by_name = buckets + count;
    t->mask = count - 1;
    for (size_t i = 0; old.by_id && i <= old.mask; i++) {
        for (struct hob__node *n = old.by_id[i], *next; n; n = next) {
            next = n->next_by_id;
            link_id(t, n);
            link_name(t, n);
        }
    }
    hob__free(old.by_id);
    return true;
}

struct hob__node *hob__node_of(const struct hob__nodes *t, int id) {
    if (!t->by_id) return NULL;
    struct hob__node *n = *id_bucket(t, id);
    while (n && n->id != id) n = n->next_by_id;
    return n;
}

struct hob__node *hob__node_child(const struct hob__nodes *t, const struct hob__node *parent,
                                  const char *name) {
    if (!t->by_id) return NULL;
    struct hob__node *n = *name_bucket(t, parent, name);
    while (n && (n->parent != parent || strcmp(n->name, name) != 0)) n = n->next_by_name;
    return n;
}

struct hob__node *hob__node_add(struct hob__nodes *t, struct hob__node *parent, const char *name,
                                int id) {
    if ((!t->by_id || t->count > t->mask) && !grow(t)) return NULL;
    struct hob__node *n = hob__alloc_zero(sizeof *n);
    char *copy = n ? hob__strdup(name) : NULL;
    if (!copy) {
        hob__free(n);
        return NULL;
    }
    n->id = id;
    n->name = copy;
    n->parent = parent;
    hob__list_init(&n->children);
    hob__list_init(&n->sibling);
    hob__list_init(&n->due);
    if (parent) hob__list_append(&parent->children, &n->sibling);
    link_id(t, n);
    link_name(t, n);
    t->count++;
    return n;
}

int hob__node_move(struct hob__nodes *t, struct hob__node *n, struct hob__node *parent,
                   const char *name) {
    char *copy = hob__strdup(name);
    if (!copy) return -ENOMEM;
    unlink_name(t, n);
    hob__list_remove(&n->sibling);
    hob__free(n->name);
    n->name = copy;
    n->parent = parent;
    hob__list_append(&parent->children, &n->sibling);
    link_name(t, n);
    return 0;
}

void hob__node_free(struct hob__nodes *t, struct hob__node *n) {
    struct hob__node **p = id_bucket(t, n->id);
    while (*p != n) p = &(*p)->next_by_id;
    *p = n->next_by_id;
    unlink_name(t, n);
    hob__list_remove(&n->sibling);
    hob__list_remove(&n->due);
    t->count--;
    hob__free(n->name);
    hob__free(n);
    if (t->count > 0) return;
    hob__free(t->by_id);
    *t = (struct hob__nodes){0};
}

bool hob__node_is_in(const struct hob__node *n, const struct hob__node *above) {
    while (n && n != above) n = n->parent;
    return n != NULL;
}

/* ---- paths ---- */

int hob__node_path(const struct hob__node *n, const char *name, struct hob__path *p) {
    size_t size = name ? strlen(name) + 1 : 0;
    for (const struct hob__node *up = n; up->parent; up = up->parent) size += strlen(up->name) + 1;
    if (size == 0) size = 1;
    if (size > p->room) {
        char *text = hob__realloc(p->text, 2 * size);
        if (!text) return -ENOMEM;
        p->text = text;
        p->room = 2 * size;
    }
    char *at = p->text + size - 1;
    *at = 0;
    for (; name || n->parent; name = NULL) {
        const char *part = name ? name : n->name;
        if (!name) n = n->parent;
        size_t length = strlen(part);
        at -= length;
        memcpy(at, part, length);
        if (at > p->text) *--at = '/';
    }
    return 0;
}
