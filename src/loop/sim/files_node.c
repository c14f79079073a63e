/* loop/sim/files_node.c - inodes, and the tables of names that folders are. */
#include <sys/stat.h>

#include "loop/sim/files.h"

struct hob__sim_node *hob__sim_node_new(struct hob__sim_fs *fs, uint32_t mode) {
    struct hob__sim_node *n = hob__sim_alloc(sizeof *n);
    n->fs = fs;
    n->inode = fs->next_inode++;
    n->mode = n->disk_mode = mode;
    n->cut = INT64_MAX;
    n->refs = 1;
    n->changed = n->touched = hob__sim_wall_ns(fs->host->world);
    hob__list_append(&fs->nodes, &n->link);
    return n;
}

void hob__sim_node_keep(struct hob__sim_node *n) { n->refs++; }

void hob__sim_node_drop(struct hob__sim_node *n) {
    if (--n->refs > 0) return;
    hob__list_remove(&n->link);
    hob__sim_data_free(n);
    hob__sim_free(n->target);
    hob__sim_free(n->name);
    hob__sim_names_clear(&n->now);
    hob__sim_names_clear(&n->disk);
    hob__sim_free(n);
}

void hob__sim_node_touch(struct hob__sim_node *n, bool content) {
    n->touched = hob__sim_wall_ns(n->fs->host->world);
    if (content) n->changed = n->touched;
}

void hob__sim_node_place(struct hob__sim_node *n, struct hob__sim_node *parent, const char *name) {
    size_t size = parent ? strlen(name) + 1 : 0;
    hob__sim_free(n->name);
    n->parent = parent;
    n->name = parent ? memcpy(hob__sim_alloc(size), name, size) : NULL;
}

/* ---- tables: sorted by a salted hash, so that the order is a seed's, and a position in it holds
 * whatever comes and goes ---- */

enum { FIRST_KEY = 16 }; /* below it: the two dots */

static uint64_t key_of(const struct hob__sim_fs *fs, const char *name) {
    uint64_t h = fs->salt;
    for (; *name; name++) h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    h = hob__sim_mix(h) >> 2;
    return h < FIRST_KEY ? FIRST_KEY : h;
}

size_t hob__sim_names_from(const struct hob__sim_names *t, uint64_t key) {
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->all[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where it is, or t->count; *place: where it would be. */
static size_t place_of(const struct hob__sim_fs *fs, const struct hob__sim_names *t,
                       const char *name, size_t *place) {
    uint64_t key = key_of(fs, name);
    size_t i = *place = hob__sim_names_from(t, key);
    for (; i < t->count && t->all[i].key == key; i++)
        if (strcmp(t->all[i].text, name) == 0) return i;
    return t->count;
}

struct hob__sim_node *hob__sim_names_find(const struct hob__sim_fs *fs,
                                          const struct hob__sim_names *t, const char *name) {
    size_t place, i = place_of(fs, t, name, &place);
    return i < t->count ? t->all[i].node : NULL;
}

static void take_out(struct hob__sim_names *t, size_t i) {
    struct hob__sim_name gone = t->all[i];
    memmove(&t->all[i], &t->all[i + 1], (t->count - i - 1) * sizeof *t->all);
    t->count--;
    hob__sim_free(gone.text);
    hob__sim_node_drop(gone.node);
}

void hob__sim_names_set(const struct hob__sim_fs *fs, struct hob__sim_names *t, const char *name,
                        struct hob__sim_node *node) {
    size_t place, i = place_of(fs, t, name, &place);
    if (node) hob__sim_node_keep(node);
    if (i < t->count && node) {
        struct hob__sim_node *before = t->all[i].node;
        t->all[i].node = node;
        hob__sim_node_drop(before);
    } else if (i < t->count) {
        take_out(t, i);
    } else if (node) {
        if (t->count == t->room) {
            t->room = t->room ? 2 * t->room : 8;
            t->all = hob__sim_realloc(t->all, t->room * sizeof *t->all);
        }
        memmove(&t->all[place + 1], &t->all[place], (t->count - place) * sizeof *t->all);
        size_t n = strlen(name) + 1;
        t->all[place] =
            (struct hob__sim_name){key_of(fs, name), memcpy(hob__sim_alloc(n), name, n), node};
        t->count++;
    }
}

void hob__sim_names_clear(struct hob__sim_names *t) {
    while (t->count > 0) take_out(t, t->count - 1);
    hob__sim_free(t->all);
    *t = (struct hob__sim_names){0};
}
