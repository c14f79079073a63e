/* data/edit.c - a tree that can be changed. */
#include "data/edit.h"

#include <hob/error.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { BLOCK = 16 << 10, SPARE = 16 << 20, TIMES = 8, FEW = 16 };

struct hob__edit_block {
    struct hob__edit_block *next;
    size_t used, room;
    char bytes[] __attribute__((aligned(16)));
};

/* ---- memory ---- */

void *hob__edits_alloc(struct hob__edits *all, size_t n) {
    struct hob__edit_block *b = all->blocks;
    n = (n + 15) & ~(size_t)15;
    if (HOB__LIKELY(b && b->room - b->used >= n)) {
        void *p = b->bytes + b->used;
        b->used += n;
        return p;
    }
    size_t room = n > BLOCK / 2 ? n : BLOCK;
    if (room > all->limit - all->used) {
        all->failed = HOB_E_LIMIT;
        return NULL;
    }
    struct hob__edit_block *new = hob__alloc(sizeof *new + room);
    if (!new) {
        all->failed = -ENOMEM;
        return NULL;
    }
    all->used += room;
    new->used = n;
    new->room = room;
    if (b && room == n) { /* the one with room stays in front */
        new->next = b->next;
        b->next = new;
    } else {
        new->next = b;
        all->blocks = new;
    }
    return new->bytes;
}

int hob__edits_failed(int code) {
    return code == HOB_E_LIMIT
               ? hob_fail(code, "the patch makes a document that is too large or too deep")
               : hob_fail(code, "no memory for the patched document");
}

void hob__edits_end(struct hob__edits *all) {
    while (all->blocks) {
        struct hob__edit_block *next = all->blocks->next;
        hob__free(all->blocks);
        all->blocks = next;
    }
}

/* Room for one pointer more. */
static bool grow(struct hob__edits *all, struct hob__edit ***list, uint32_t count, uint32_t *room) {
    if (count < *room) return true;
    uint32_t more = *room ? 2 * *room : 8;
    struct hob__edit **new = more > *room ? hob__edits_alloc(all, more * sizeof *new) : NULL;
    if (!new) return false;
    if (count) memcpy(new, *list, count * sizeof *new);
    *list = new;
    *room = more;
    return true;
}

size_t hob__edit_weight(const struct hob_json *v, size_t n) {
    return n * sizeof *v + hob__json_text_of(v, n);
}

int hob__edits_begin(struct hob__edits *all, const struct hob_json *v, const struct hob_json *other,
                     size_t limit) {
    *all = (struct hob__edits){.limit = limit, .none.gone = true};
    if (limit == 0) {
        size_t weight = hob__edit_weight(v, hob__json_span_of(v));
        if (other) weight += hob__edit_weight(other, hob__json_span_of(other));
        all->limit = weight > (SIZE_MAX - SPARE) / TIMES ? SIZE_MAX : SPARE + TIMES * weight;
    }
    all->root = hob__edit_new(all, v);
    return all->root ? 0 : all->failed;
}

/* ---- one value ---- */

struct hob__edit *hob__edit_new(struct hob__edits *all, const struct hob_json *flat) {
    struct hob__edit *e = hob__edits_alloc(all, sizeof *e);
    if (e) *e = (struct hob__edit){.flat = flat};
    return e;
}

enum hob_json_type hob__edit_type(const struct hob__edit *e) {
    return e->flat ? hob_json_type(e->flat) : (enum hob_json_type)(e->head & 0x7F);
}

void hob__edit_set(struct hob__edit *e, const struct hob_json *flat) {
    e->flat = flat;
    e->items = e->sorted = NULL;
    e->count = e->room = e->sorted_count = e->sorted_room = 0;
}

void hob__edit_set_empty(struct hob__edit *e) {
    hob__edit_set(e, NULL);
    e->head = HOB_JSON_OBJECT;
}

bool hob__edit_open(struct hob__edits *all, struct hob__edit *e) {
    const struct hob_json *v = e->flat;
    if (!v) return true;
    bool object = hob_json_type(v) == HOB_JSON_OBJECT;
    size_t n = hob__json_size(v);
    if (n > UINT32_MAX / 2) return all->failed = HOB_E_LIMIT, false;
    struct hob__edit **items = n ? hob__edits_alloc(all, n * sizeof *items) : NULL;
    if (n && !items) return false;
    const struct hob_json *at = v + 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct hob_json *name = at;
        if (object) at++;
        if (!(items[i] = hob__edit_new(all, at))) return false;
        items[i]->parent = e;
        items[i]->order = i;
        if (object) items[i]->name = (struct hob_slice){name->of.text, hob__json_size(name)};
        at = hob_json_next(at);
    }
    e->items = items;
    e->count = e->room = (uint32_t)n;
    e->head = v->head & 0xFF;
    e->flat = NULL;
    return true;
}

/* ---- objects ---- */

static int compare(struct hob_slice a, struct hob_slice b) {
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_name(const void *a, const void *b) {
    const struct hob__edit *x = *(struct hob__edit *const *)a, *y = *(struct hob__edit *const *)b;
    int order = compare(x->name, y->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* The index of the first of sorted whose name is not less (more, if `behind`). */
static uint32_t place_of(const struct hob__edit *object, struct hob_slice name, bool behind) {
    uint32_t low = 0, high = object->sorted_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(object->sorted[middle]->name, name);
        if (order < 0 || (behind && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool sort(struct hob__edits *all, struct hob__edit *object) {
    if (object->sorted) return true;
    struct hob__edit **sorted = hob__edits_alloc(all, object->count * sizeof *sorted);
    if (!sorted) return false;
    uint32_t n = 0;
    for (uint32_t i = 0; i < object->count; i++)
        if (!object->items[i]->gone) sorted[n++] = object->items[i];
    qsort(sorted, n, sizeof *sorted, by_name);
    object->sorted = sorted;
    object->sorted_count = n;
    object->sorted_room = object->count;
    return true;
}

struct hob__edit *hob__edit_find(struct hob__edits *all, struct hob__edit *object,
                                 struct hob_slice name) {
    bool last = object->head & HOB__JSON_LAST;
    if (object->count > FEW) {
        if (!sort(all, object)) return NULL;
        uint32_t first = place_of(object, name, false), behind = place_of(object, name, true);
        return first == behind ? NULL : object->sorted[last ? behind - 1 : first];
    }
    struct hob__edit *found = NULL;
    for (uint32_t i = 0; i < object->count && (last || !found); i++)
        if (!object->items[i]->gone && compare(object->items[i]->name, name) == 0)
            found = object->items[i];
    return found;
}

/* Where e is in sorted. */
static uint32_t sorted_at(const struct hob__edit *object, const struct hob__edit *e) {
    uint32_t i = place_of(object, e->name, false);
    while (object->sorted[i] != e) i++;
    return i;
}

bool hob__edit_put(struct hob__edits *all, struct hob__edit *object, struct hob_slice name,
                   struct hob__edit *e) {
    struct hob__edit *old = hob__edit_find(all, object, name);
    if (all->failed) return false;
    e->parent = object;
    if (old) {
        e->name = old->name;
        e->order = old->order;
        if (object->sorted) object->sorted[sorted_at(object, old)] = e;
        object->items[old->order] = e;
        return true;
    }
    e->name = name;
    e->order = object->count;
    if (!grow(all, &object->items, object->count, &object->room)) return false;
    if (object->sorted) {
        if (!grow(all, &object->sorted, object->sorted_count, &object->sorted_room)) return false;
        uint32_t at = place_of(object, name, true);
        memmove(object->sorted + at + 1, object->sorted + at,
                (object->sorted_count - at) * sizeof *object->sorted);
        object->sorted[at] = e;
        object->sorted_count++;
    }
    object->items[object->count++] = e;
    return true;
}

void hob__edit_drop(struct hob__edits *all, struct hob__edit *object, struct hob__edit *e) {
    struct hob_slice name = e->name;
    do {
        if (object->sorted) {
            uint32_t at = sorted_at(object, e);
            object->sorted_count--;
            memmove(object->sorted + at, object->sorted + at + 1,
                    (object->sorted_count - at) * sizeof *object->sorted);
        }
        object->items[e->order] = &all->none;  /* e itself may come back elsewhere */
        e = hob__edit_find(all, object, name); /* the same name again? */
    } while (e);
}

/* ---- arrays ---- */

bool hob__edit_insert(struct hob__edits *all, struct hob__edit *array, size_t at,
                      struct hob__edit *e) {
    if (!grow(all, &array->items, array->count, &array->room)) return false;
    memmove(array->items + at + 1, array->items + at, (array->count - at) * sizeof *array->items);
    array->items[at] = e;
    array->count++;
    e->parent = array;
    return true;
}

void hob__edit_take(struct hob__edit *array, size_t at) {
    array->count--;
    memmove(array->items + at, array->items + at + 1, (array->count - at) * sizeof *array->items);
}

/* ---- out ---- */

/* The next value of a walk over all that is in `top`, itself first; NULL: the end. Containers are
 * given again when they have ended (*ends). */
static struct hob__edit *walk(struct hob__edit *top, struct hob__edit *e, bool *ends) {
    if (!e) {
        top->cursor = 0;
        return *ends = false, top;
    }
    if (e->flat || *ends) { /* the one behind it */
        if (e == top) return NULL;
        e = e->parent;
    }
    while (e->cursor < e->count) {
        struct hob__edit *item = e->items[e->cursor++];
        if (item->gone) continue;
        item->cursor = 0;
        return *ends = false, item;
    }
    return *ends = true, e;
}

static inline bool has_name(const struct hob__edit *top, const struct hob__edit *e) {
    return e != top && (e->parent->head & 0x7F) == HOB_JSON_OBJECT;
}

/* How many values, and bytes of text; false: more than the limit, or than fits. */
static bool measure(struct hob__edits *all, struct hob__edit *top, size_t *nodes, size_t *text) {
    bool ends = false;
    *nodes = *text = 0;
    for (struct hob__edit *e = NULL; (e = walk(top, e, &ends));) {
        if (ends) continue;
        if (has_name(top, e)) {
            ++*nodes;
            *text += e->name.size + 1;
        }
        size_t n = e->flat ? hob__json_span_of(e->flat) : 1;
        *nodes += n;
        if (e->flat) *text += hob__json_text_of(e->flat, n);
        if (*nodes * sizeof(struct hob_json) + *text > all->limit) {
            all->failed = HOB_E_LIMIT;
            return false;
        }
    }
    return true;
}

/* Without `text` strings stay where they are. */
static char *put_nodes(struct hob_json *to, const struct hob_json *v, size_t n, char *text) {
    if (text) return hob__json_copy_nodes(to, v, n, text);
    memcpy(to, v, n * sizeof *v);
    return NULL;
}

static void emit(struct hob__edit *top, struct hob_json *nodes, char *text) {
    size_t at = 0;
    bool ends = false;
    for (struct hob__edit *e = NULL; (e = walk(top, e, &ends));) {
        if (ends) {
            nodes[e->out].of.span = at - e->out;
            continue;
        }
        if (e != top) nodes[e->parent->out].head += 1 << 8;
        if (has_name(top, e)) {
            struct hob_json name = {.head = HOB_JSON_STRING | (uint64_t)e->name.size << 8,
                                    .of.text = e->name.at};
            text = put_nodes(nodes + at++, &name, 1, text);
        }
        e->out = at;
        if (!e->flat) {
            nodes[at++] = (struct hob_json){.head = e->head};
            continue;
        }
        size_t n = hob__json_span_of(e->flat);
        text = put_nodes(nodes + at, e->flat, n, text);
        at += n;
    }
}

const struct hob_json *hob__edit_flatten(struct hob__edits *all, struct hob__edit *e,
                                         void **memory) {
    size_t n, text;
    if (memory) *memory = NULL;
    if (e->flat) return e->flat;
    if (!measure(all, e, &n, &text)) return NULL;
    n *= sizeof(struct hob_json);
    struct hob_json *nodes = memory ? hob__alloc(n) : hob__edits_alloc(all, n);
    if (!nodes && memory) all->failed = -ENOMEM;
    if (nodes) emit(e, nodes, NULL);
    if (memory) *memory = nodes;
    return nodes;
}

/* Containers in each other: no more than are allowed? */
static bool deep_enough(const struct hob_json *v, size_t n) {
    const struct hob_json *ends[HOB__JSON_DEPTH];
    unsigned depth = 0;
    for (const struct hob_json *end = v + n; v < end; v++) {
        while (depth > 0 && v >= ends[depth - 1]) depth--;
        if (hob_json_type(v) < HOB_JSON_ARRAY) continue;
        if (depth == HOB__JSON_DEPTH) return false;
        ends[depth++] = v + v->of.span;
    }
    return true;
}

int hob__edits_finish(struct hob__edits *all, struct hob_json_doc **doc) {
    size_t n, text;
    if (!measure(all, all->root, &n, &text)) return all->failed;
    struct hob_json_doc *d = hob__json_doc_new();
    if (!d || hob__json_doc_room(d, n, text) < 0) {
        hob_json_free(d);
        return -ENOMEM;
    }
    emit(all->root, d->nodes, text ? d->text : NULL);
    if (!deep_enough(d->nodes, n)) {
        hob_json_free(d);
        return HOB_E_LIMIT;
    }
    d->node_count = n;
    *doc = d;
    return 0;
}
