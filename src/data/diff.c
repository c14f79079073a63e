/* data/diff.c - what differs between two values, as a JSON Patch and as a merge patch. */
#include "data/edit.h"

#include <hob/error.h>
#include <hob/json_builder.h>
#include <hob/json_edit.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int no_memory(void) { return hob_fail(-ENOMEM, "no memory for what differs"); }

/* ---- the members of two objects, side by side, by name ---- */

struct members {
    const struct hob_json **a, **b; /* names, sorted */
    size_t a_count, b_count;
};

/* Of names that are there twice the one that counts stays. */
static size_t sort_names(const struct hob_json *object, const struct hob_json **names) {
    bool last = object->head & HOB__JSON_LAST;
    size_t n = 0, kept = 0;
    HOB_JSON_EACH_MEMBER(name, value, object) names[n++] = name;
    qsort(names, n, sizeof *names, hob__json_by_name);
    for (size_t i = 0; i < n; i++) {
        bool same =
            kept > 0 && hob__json_size(names[kept - 1]) == hob__json_size(names[i]) &&
            memcmp(names[kept - 1]->of.text, names[i]->of.text, hob__json_size(names[i])) == 0;
        if (!same)
            names[kept++] = names[i];
        else if (last)
            names[kept - 1] = names[i];
    }
    return kept;
}

static bool members_begin(struct members *m, const struct hob_json *a, const struct hob_json *b) {
    size_t n = hob__json_size(a), k = hob__json_size(b);
    m->a = hob__alloc((n + k + 1) * sizeof *m->a);
    if (!m->a) return false;
    m->b = m->a + n;
    m->a_count = sort_names(a, m->a);
    m->b_count = sort_names(b, m->b);
    return true;
}

/* The next name that either has, and where: false at the end. */
static bool members_next(struct members *m, const struct hob_json **a, const struct hob_json **b) {
    *a = m->a_count ? *m->a : NULL;
    *b = m->b_count ? *m->b : NULL;
    if (*a && *b) {
        size_t n = hob__json_size(*a), k = hob__json_size(*b);
        int order = memcmp((*a)->of.text, (*b)->of.text, n < k ? n : k);
        if (order == 0) order = (n > k) - (n < k);
        if (order < 0) *b = NULL;
        if (order > 0) *a = NULL;
    }
    if (*a) m->a++, m->a_count--;
    if (*b) m->b++, m->b_count--;
    return *a || *b;
}

/* ---- a JSON Patch ---- */

/* Two values at the same place that are still to be compared. */
struct todo {
    struct todo *next;
    const struct hob_json *a, *b;
    size_t n;
    char path[];
};

struct diff {
    struct todo *list;
    struct hob_json_builder *out;
    bool no_memory;
};

/* path/token */
static struct todo *todo(const struct todo *in, const char *token, size_t n) {
    struct todo *t = hob__alloc(sizeof *t + in->n + n + 2);
    if (!t) return NULL;
    memcpy(t->path, in->path, in->n);
    t->path[in->n] = '/';
    memcpy(t->path + in->n + 1, token, n);
    t->n = in->n + 1 + n;
    t->path[t->n] = 0;
    return t;
}

static struct todo *todo_member(const struct todo *in, const struct hob_json *name) {
    size_t n = hob__json_size(name), size = hob_json_pointer_escape(name->of.text, n, NULL, 0);
    char *token = hob__alloc(size + 1);
    if (!token) return NULL;
    hob_json_pointer_escape(name->of.text, n, token, size + 1);
    struct todo *t = todo(in, token, size);
    hob__free(token);
    return t;
}

static struct todo *todo_item(const struct todo *in, size_t index) {
    char token[24];
    size_t n = sizeof token;
    do token[--n] = (char)('0' + index % 10);
    while (index /= 10);
    return todo(in, token + n, sizeof token - n);
}

static void operation(struct diff *d, const char *op, const struct todo *at,
                      const struct hob_json *value) {
    hob_json_begin_object(d->out);
    hob_json_name(d->out, "op");
    hob_json_put_string(d->out, op);
    hob_json_name(d->out, "path");
    hob_json_put_string_n(d->out, at->path, at->n);
    if (value) {
        hob_json_name(d->out, "value");
        hob_json_put_value(d->out, value);
    }
    hob_json_end_object(d->out);
}

/* What stands at t: before a, after b, or NULL. Takes t. */
static void differ(struct diff *d, struct todo *t, const struct hob_json *a,
                   const struct hob_json *b) {
    if (!t) {
        d->no_memory = true;
        return;
    }
    bool deeper =
        a && b && hob_json_type(a) >= HOB_JSON_ARRAY && hob_json_type(a) == hob_json_type(b);
    if (deeper) {
        t->a = a;
        t->b = b;
        t->next = d->list;
        d->list = t;
        return;
    }
    int same = a && b ? hob_json_equal(a, b) : 0;
    if (same < 0) d->no_memory = true;
    if (same == 0) operation(d, !a ? "add" : !b ? "remove" : "replace", t, b);
    hob__free(t);
}

static void differ_objects(struct diff *d, const struct todo *t) {
    struct members m;
    const struct hob_json *a, *b;
    if (!members_begin(&m, t->a, t->b)) {
        d->no_memory = true;
        return;
    }
    void *names = m.a;
    while (!d->no_memory && members_next(&m, &a, &b))
        differ(d, todo_member(t, a ? a : b), a ? a + 1 : NULL, b ? b + 1 : NULL);
    hob__free(names);
}

/* Where each item of the array is. */
static const struct hob_json **items_of(const struct hob_json *array) {
    size_t n = 0;
    const struct hob_json **items = hob__alloc((hob__json_size(array) + 1) * sizeof *items);
    if (!items) return NULL;
    HOB_JSON_EACH(item, array) items[n++] = item;
    return items;
}

static bool same_items(struct diff *d, const struct hob_json *a, const struct hob_json *b) {
    int same = hob_json_equal(a, b);
    if (same < 0) d->no_memory = true;
    return same > 0;
}

static void differ_arrays(struct diff *d, const struct todo *t) {
    const struct hob_json **a = items_of(t->a), **b = items_of(t->b);
    size_t n = hob__json_size(t->a), k = hob__json_size(t->b), first = 0, last = 0;
    if (!a || !b) d->no_memory = true;
    while (!d->no_memory && first < n && first < k && same_items(d, a[first], b[first])) first++;
    while (!d->no_memory && last < n - first && last < k - first &&
           same_items(d, a[n - 1 - last], b[k - 1 - last]))
        last++;
    n -= last;
    k -= last;
    size_t both = n < k ? n : k;
    /* What is left over goes, from the end, or comes; then the others, whose places stay. */
    for (size_t i = n; i > both && !d->no_memory; i--)
        differ(d, todo_item(t, i - 1), a[i - 1], NULL);
    for (size_t i = both; i < k && !d->no_memory; i++) differ(d, todo_item(t, i), NULL, b[i]);
    for (size_t i = first; i < both && !d->no_memory; i++) differ(d, todo_item(t, i), a[i], b[i]);
    hob__free(a);
    hob__free(b);
}

static void differ_all(struct diff *d) {
    while (d->list) {
        struct todo *t = d->list;
        d->list = t->next;
        if (d->no_memory)
            ;
        else if (hob_json_type(t->a) == HOB_JSON_OBJECT)
            differ_objects(d, t);
        else
            differ_arrays(d, t);
        hob__free(t);
    }
}

int hob_json_diff(const struct hob_json *from, const struct hob_json *to,
                  struct hob_json_doc **doc) {
    struct diff d = {.list = NULL};
    struct hob_slice text;
    *doc = NULL;
    if (!from || !to) return hob_fail(HOB_E_JSON_TYPE, "nothing to compare");
    int rc = hob_json_builder_new(&d.out, .limit = SIZE_MAX);
    if (rc < 0) return rc;
    struct todo *top = hob__alloc_zero(sizeof *top + 1);
    hob_json_begin_array(d.out);
    differ(&d, top, from, to);
    differ_all(&d);
    hob_json_end_array(d.out);
    rc = d.no_memory ? no_memory() : hob_json_finish(d.out, &text);
    if (rc == 0) rc = hob_json_parse(text.at, text.size, doc);
    hob_json_builder_free(d.out);
    return rc;
}

/* ---- a merge patch ---- */

static const struct hob_json null = {.head = HOB_JSON_NULL};

/* Has no object in it a member that is null? Items of arrays are not merged. */
static bool can_be_merged(const struct hob_json *v) {
    if (hob_json_type(v) != HOB_JSON_OBJECT) return true;
    for (const struct hob_json *end = v + v->of.span, *at = v + 1; at < end;) {
        const struct hob_json *value = at + 1; /* at is a name */
        if (hob_json_type(value) == HOB_JSON_NULL) return false;
        at = hob_json_type(value) == HOB_JSON_OBJECT ? value + 1 : hob_json_next(value);
    }
    return true;
}

struct merge_todo {
    struct merge_todo *next;
    const struct hob_json *a, *b;
    struct hob__edit *out;
};

/* One member of the patch. 0, or an error. */
static int merge_differ(struct hob__edits *all, struct merge_todo **list, struct hob__edit *out,
                        const struct hob_json *a, const struct hob_json *b) {
    const struct hob_json *name = a ? a : b, *value = b ? b + 1 : &null;
    if (a && b) {
        int same = hob_json_equal(a + 1, b + 1);
        if (same) return same < 0 ? same : 0;
    }
    bool deeper = a && b && hob_json_type(a + 1) == HOB_JSON_OBJECT &&
                  hob_json_type(b + 1) == HOB_JSON_OBJECT;
    if (b && !deeper && (hob_json_type(value) == HOB_JSON_NULL || !can_be_merged(value)))
        return hob_fail(HOB_E_JSON_PATCH,
                        "a merge patch cannot put a null there: it means that nothing is to be");
    struct hob__edit *e = hob__edit_new(all, value);
    struct hob_slice key = {name->of.text, hob__json_size(name)};
    if (!e || !hob__edit_put(all, out, key, e)) return all->failed;
    if (!deeper) return 0;
    hob__edit_set_empty(e);
    struct merge_todo *t = hob__edits_alloc(all, sizeof *t);
    if (!t) return all->failed;
    *t = (struct merge_todo){*list, a + 1, b + 1, e};
    *list = t;
    return 0;
}

static int merge_differ_all(struct hob__edits *all, struct merge_todo *list) {
    int rc = 0;
    while (list && rc == 0) {
        struct merge_todo *t = list;
        struct members m;
        const struct hob_json *a, *b;
        list = t->next;
        if (!members_begin(&m, t->a, t->b)) return -ENOMEM;
        void *names = m.a;
        while (rc == 0 && members_next(&m, &a, &b)) rc = merge_differ(all, &list, t->out, a, b);
        hob__free(names);
    }
    return rc;
}

int hob_json_diff_merge(const struct hob_json *from, const struct hob_json *to,
                        struct hob_json_doc **doc) {
    struct hob__edits all;
    *doc = NULL;
    if (!from || !to) return hob_fail(HOB_E_JSON_TYPE, "nothing to compare");
    int rc = hob__edits_begin(&all, to, NULL, SIZE_MAX);
    if (rc == 0 && hob_json_type(to) == HOB_JSON_OBJECT) {
        if (hob_json_type(from) == HOB_JSON_OBJECT) {
            hob__edit_set_empty(all.root);
            struct merge_todo top = {NULL, from, to, all.root};
            rc = merge_differ_all(&all, &top);
        } else if (!can_be_merged(to)) {
            rc = hob_fail(HOB_E_JSON_PATCH, "a merge patch cannot put a null into an object");
        }
    }
    if (rc == 0) rc = hob__edits_finish(&all, doc);
    hob__edits_end(&all);
    return rc == -ENOMEM ? no_memory() : rc;
}
