/* data/equal.c - whether two values are the same; names as reference tokens of JSON Pointers. */
#include "data/tree.h"

#include <hob/error.h>
#include <hob/json_edit.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- numbers ---- */

static bool is_number(const struct hob_json *v) {
    return hob_json_type(v) >= HOB_JSON_INT && hob_json_type(v) <= HOB_JSON_DOUBLE;
}

/* a is an integer, b a double: by value, not by what a would be as a double. */
static bool same_mixed(const struct hob_json *a, const struct hob_json *b) {
    double d = b->of.d;
    if (d != trunc(d)) return false;
    if (hob_json_type(a) == HOB_JSON_INT)
        return d >= -0x1p63 && d < 0x1p63 && (int64_t)d == a->of.i;
    return d >= 0 && d < 0x1p64 && (uint64_t)d == a->of.u;
}

static bool same_number(const struct hob_json *a, const struct hob_json *b) {
    bool da = hob_json_type(a) == HOB_JSON_DOUBLE, db = hob_json_type(b) == HOB_JSON_DOUBLE;
    if (da && db) return a->of.d == b->of.d;
    if (da) return same_mixed(b, a);
    if (db) return same_mixed(a, b);
    return hob_json_type(a) == hob_json_type(b) && a->of.u == b->of.u;
}

static bool same_string(const struct hob_json *a, const struct hob_json *b) {
    size_t n = hob__json_size(a);
    return n == hob__json_size(b) && (n == 0 || memcmp(a->of.text, b->of.text, n) == 0);
}

/* ---- containers: pairs of them that are still to be compared ---- */

struct pair {
    const struct hob_json *a, *b;
};

struct pairs {
    struct pair few[32], *all;
    size_t count, room;
};

/* Are they the same, as far as that can be said at once? 1: or it will be looked into. */
static int look(struct pairs *p, const struct hob_json *a, const struct hob_json *b) {
    if (is_number(a) && is_number(b)) return same_number(a, b);
    if (hob_json_type(a) != hob_json_type(b)) return 0;
    if (hob_json_type(a) == HOB_JSON_STRING) return same_string(a, b);
    if (hob_json_type(a) < HOB_JSON_ARRAY) return 1;
    if (hob__json_size(a) != hob__json_size(b)) return 0;
    if (p->count == p->room) {
        size_t room = 2 * p->room;
        struct pair *all = hob__realloc(p->all == p->few ? NULL : p->all, room * sizeof *all);
        if (!all) return -ENOMEM;
        if (p->all == p->few) memcpy(all, p->few, sizeof p->few);
        p->all = all;
        p->room = room;
    }
    p->all[p->count++] = (struct pair){a, b};
    return 1;
}

/* The n members of both that begin at a and b, by name. */
static int sorted_members(struct pairs *p, const struct hob_json *a, const struct hob_json *b,
                          size_t n) {
    const struct hob_json **x = hob__alloc(2 * n * sizeof *x), **y = x + n;
    if (!x) return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        x[i] = a;
        y[i] = b;
        a = hob_json_next(a + 1);
        b = hob_json_next(b + 1);
    }
    qsort(x, n, sizeof *x, hob__json_by_name);
    qsort(y, n, sizeof *y, hob__json_by_name);
    int same = 1;
    for (size_t i = 0; i < n && same > 0; i++)
        same = same_string(x[i], y[i]) ? look(p, x[i] + 1, y[i] + 1) : 0;
    hob__free(x);
    return same;
}

/* Compares what is in them; most objects have their members in the same order. */
static int look_into(struct pairs *p, const struct hob_json *a, const struct hob_json *b) {
    bool object = hob_json_type(a) == HOB_JSON_OBJECT;
    size_t n = hob__json_size(a);
    const struct hob_json *x = a + 1, *y = b + 1;
    int same = 1;
    for (size_t i = 0; i < n && same > 0; i++) {
        if (object && !same_string(x++, y++)) return sorted_members(p, x - 1, y - 1, n - i);
        same = look(p, x, y);
        x = hob_json_next(x);
        y = hob_json_next(y);
    }
    return same;
}

int hob_json_equal(const struct hob_json *a, const struct hob_json *b) {
    struct pairs p = {.all = p.few, .room = sizeof p.few / sizeof *p.few};
    if (!a || !b) return a == b;
    int same = look(&p, a, b);
    while (same > 0 && p.count > 0) {
        struct pair next = p.all[--p.count];
        same = look_into(&p, next.a, next.b);
    }
    if (p.all != p.few) hob__free(p.all);
    return same < 0 ? hob_fail(same, "no memory to compare values") : same;
}

/* ---- reference tokens ---- */

size_t hob_json_pointer_escape(const char *name, size_t n, char *out, size_t room) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        bool special = name[i] == '~' || name[i] == '/';
        if (special && size + 1 < room) out[size] = '~';
        size += special;
        if (size + 1 < room) out[size] = name[i] == '~' ? '0' : name[i] == '/' ? '1' : name[i];
        size++;
    }
    if (room) out[size < room ? size : room - 1] = 0;
    return size;
}

ssize_t hob_json_pointer_unescape(const char *token, size_t n, char *out, size_t room) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        char c = token[i];
        if (c == '/') return -EINVAL;
        if (c == '~') {
            if (++i == n || (token[i] != '0' && token[i] != '1')) return -EINVAL;
            c = token[i] == '0' ? '~' : '/';
        }
        if (size + 1 >= room) return -ENAMETOOLONG;
        out[size++] = c;
    }
    if (room == 0) return -ENAMETOOLONG;
    out[size] = 0;
    return (ssize_t)size;
}
