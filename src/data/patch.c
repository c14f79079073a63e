/* data/patch.c - JSON Patch (RFC 6902). */
#include "data/edit.h"

#include <hob/error.h>
#include <hob/json_edit.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ---- where a pointer leads ---- */

/* The next reference token of *pointer, "/token", unescaped; false: it is none. */
static bool token(struct hob__edits *all, struct hob_slice *pointer, struct hob_slice *out) {
    const char *at = pointer->at + 1, *end = pointer->at + pointer->size;
    const char *slash = memchr(at, '/', (size_t)(end - at));
    size_t n = (size_t)((slash ? slash : end) - at);
    pointer->at += n + 1;
    pointer->size -= n + 1;
    *out = (struct hob_slice){at, n};
    if (!memchr(at, '~', n)) return true;
    char *name = hob__edits_alloc(all, n + 1);
    if (!name) return false;
    ssize_t size = hob_json_pointer_unescape(at, n, name, n + 1);
    *out = (struct hob_slice){name, size < 0 ? 0 : (size_t)size};
    return size >= 0;
}

/* An index below `most`, without zeros in front. */
static bool index_of(struct hob_slice text, size_t most, size_t *index) {
    *index = 0;
    if (text.size == 0 || text.size > 10 || (text.size > 1 && text.at[0] == '0')) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return false;
        *index = *index * 10 + (size_t)(text.at[i] - '0');
    }
    return *index < most;
}

/* One step down; NULL: there is nothing, or no memory. */
static struct hob__edit *step(struct hob__edits *all, struct hob__edit *e, struct hob_slice name) {
    size_t i;
    if (hob__edit_type(e) < HOB_JSON_ARRAY || !hob__edit_open(all, e)) return NULL;
    if (hob__edit_type(e) == HOB_JSON_OBJECT) return hob__edit_find(all, e, name);
    return index_of(name, e->count, &i) ? e->items[i] : NULL;
}

static struct hob__edit *resolve(struct hob__edits *all, struct hob_slice pointer) {
    struct hob__edit *e = all->root;
    struct hob_slice name;
    while (e && pointer.size > 0) e = token(all, &pointer, &name) ? step(all, e, name) : NULL;
    return e;
}

/* The container that the pointer's last token is about, opened, and that token. */
static struct hob__edit *resolve_parent(struct hob__edits *all, struct hob_slice pointer,
                                        struct hob_slice *last) {
    const char *slash = memrchr(pointer.at, '/', pointer.size);
    struct hob_slice before = {pointer.at, (size_t)(slash - pointer.at)};
    struct hob_slice behind = {slash, pointer.size - before.size};
    struct hob__edit *e = resolve(all, before);
    if (!e || !token(all, &behind, last)) return NULL;
    return hob__edit_type(e) >= HOB_JSON_ARRAY && hob__edit_open(all, e) ? e : NULL;
}

/* ---- operations ---- */

struct operation {
    struct hob_slice op, path, from;
    const struct hob_json *value;
};

struct patching {
    struct hob__edits all;
    size_t number; /* of the operation, from 0 */
    struct operation o;
};

static int wrong(struct patching *p, int code, const char *why) {
    struct hob_slice path = p->o.path;
    if (p->all.failed) return hob__edits_failed(p->all.failed);
    return hob_fail(code, "operation %zu (%.*s '%.*s'): %s", p->number,
                    (int)(p->o.op.size < 20 ? p->o.op.size : 20), p->o.op.at ? p->o.op.at : "",
                    (int)(path.size < 200 ? path.size : 200), path.at ? path.at : "", why);
}

static int not_there(struct patching *p) {
    return wrong(p, HOB_E_JSON_PATCH, "there is nothing at that place");
}

static int put_at(struct patching *p, struct hob_slice path, struct hob__edit *e) {
    struct hob_slice last;
    size_t i;
    if (path.size == 0) {
        p->all.root = e;
        e->parent = NULL;
        return 0;
    }
    struct hob__edit *in = resolve_parent(&p->all, path, &last);
    if (!in) return wrong(p, HOB_E_JSON_PATCH, "there is nothing it could be put into");
    bool ok;
    if (hob__edit_type(in) == HOB_JSON_OBJECT) {
        ok = hob__edit_put(&p->all, in, last, e);
    } else if (last.size == 1 && last.at[0] == '-') {
        ok = hob__edit_insert(&p->all, in, in->count, e);
    } else {
        if (!index_of(last, (size_t)in->count + 1, &i))
            return wrong(p, HOB_E_JSON_PATCH, "no index of that array, nor the one behind its end");
        ok = hob__edit_insert(&p->all, in, i, e);
    }
    return ok ? 0 : wrong(p, p->all.failed, "");
}

/* Takes what is there out of its place; *e is it. */
static int take_from(struct patching *p, struct hob_slice path, struct hob__edit **e) {
    struct hob_slice last;
    size_t i = 0;
    if (path.size == 0) return wrong(p, HOB_E_JSON_PATCH, "the whole document cannot be removed");
    struct hob__edit *in = resolve_parent(&p->all, path, &last);
    *e = in ? step(&p->all, in, last) : NULL;
    if (!*e) return not_there(p);
    if (hob__edit_type(in) == HOB_JSON_OBJECT) {
        hob__edit_drop(&p->all, in, *e);
    } else {
        index_of(last, in->count, &i);
        hob__edit_take(in, i);
    }
    return 0;
}

static int do_add(struct patching *p) {
    struct hob__edit *e = hob__edit_new(&p->all, p->o.value);
    return e ? put_at(p, p->o.path, e) : wrong(p, p->all.failed, "");
}

static int do_remove(struct patching *p) {
    struct hob__edit *e;
    return take_from(p, p->o.path, &e);
}

static int do_replace(struct patching *p) {
    struct hob__edit *e = resolve(&p->all, p->o.path);
    if (!e) return not_there(p);
    hob__edit_set(e, p->o.value);
    return 0;
}

static bool same(struct hob_slice a, struct hob_slice b) {
    return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

static int do_move(struct patching *p) {
    struct operation *o = &p->o;
    struct hob__edit *e;
    if (o->path.size > o->from.size && o->path.at[o->from.size] == '/' &&
        memcmp(o->path.at, o->from.at, o->from.size) == 0)
        return wrong(p, HOB_E_JSON_PATCH, "a value cannot be moved into itself");
    if (same(o->path, o->from)) return resolve(&p->all, o->from) ? 0 : not_there(p);
    int rc = take_from(p, o->from, &e);
    return rc < 0 ? rc : put_at(p, o->path, e);
}

static int do_copy(struct patching *p) {
    struct hob__edit *from = resolve(&p->all, p->o.from), *e;
    if (!from) return not_there(p);
    const struct hob_json *flat = hob__edit_flatten(&p->all, from, NULL);
    e = flat ? hob__edit_new(&p->all, flat) : NULL;
    return e ? put_at(p, p->o.path, e) : wrong(p, p->all.failed, "");
}

static int do_test(struct patching *p) {
    struct hob__edit *e = resolve(&p->all, p->o.path);
    if (!e) return p->all.failed ? wrong(p, 0, "") : wrong(p, HOB_E_JSON_TEST, "there is nothing");
    void *memory;
    const struct hob_json *flat = hob__edit_flatten(&p->all, e, &memory);
    int rc = flat ? hob_json_equal(flat, p->o.value) : p->all.failed;
    hob__free(memory);
    if (rc < 0) return hob__edits_failed(rc);
    return rc ? 0 : wrong(p, HOB_E_JSON_TEST, "another value is there");
}

/* ---- a patch, read ---- */

/* A member of the operation that has to be a string; 0, or what is wrong with it. */
static const char *text_of(const struct hob_json *op, const char *name, bool pointer,
                           struct hob_slice *out) {
    const struct hob_json *v = hob_json_get(op, name);
    if (hob_json_type(v) != HOB_JSON_STRING) return "it lacks a string that it needs";
    *out = (struct hob_slice){v->of.text, hob__json_size(v)};
    if (!pointer || out->size == 0) return NULL;
    if (out->at[0] != '/') return "not a JSON Pointer";
    for (size_t i = 0; i < out->size; i++)
        if (out->at[i] == '~' && (i + 1 == out->size || (out->at[i + 1] | 1) != '1'))
            return "not a JSON Pointer";
    return NULL;
}

/* Does the operation have one of its names twice? */
static bool twice(const struct hob_json *op) {
    static const char *const names[] = {"op", "path", "from", "value"};
    unsigned seen = 0;
    HOB_JSON_EACH_MEMBER(name, value, op) {
        for (unsigned i = 0; i < 4; i++) {
            size_t n = strlen(names[i]);
            if (hob__json_size(name) != n || memcmp(name->of.text, names[i], n) != 0) continue;
            if (seen & 1u << i) return true;
            seen |= 1u << i;
        }
    }
    return false;
}

static int apply(struct patching *p, const struct hob_json *op) {
    enum { FROM = 1, VALUE = 2 };
    static const struct {
        const char *name;
        unsigned needs;
        int (*run)(struct patching *p);
    } known[] = {{"add", VALUE, do_add},  {"remove", 0, do_remove}, {"replace", VALUE, do_replace},
                 {"move", FROM, do_move}, {"copy", FROM, do_copy},  {"test", VALUE, do_test}};
    struct operation *o = &p->o;
    *o = (struct operation){0};
    if (hob_json_type(op) != HOB_JSON_OBJECT) return wrong(p, HOB_E_JSON_PATCH, "not an object");
    if (twice(op)) return wrong(p, HOB_E_JSON_PATCH, "it has a member twice");
    const char *why = text_of(op, "op", false, &o->op);
    if (!why) why = text_of(op, "path", true, &o->path);
    if (why) return wrong(p, HOB_E_JSON_PATCH, why);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (o->op.size != strlen(known[i].name) || memcmp(o->op.at, known[i].name, o->op.size) != 0)
            continue;
        if (known[i].needs & FROM) why = text_of(op, "from", true, &o->from);
        if (known[i].needs & VALUE && !(o->value = hob_json_get(op, "value")))
            why = "it lacks its value";
        return why ? wrong(p, HOB_E_JSON_PATCH, why) : known[i].run(p);
    }
    return wrong(p, HOB_E_JSON_PATCH, "no operation that there is");
}

int hob_json_patch_with(const struct hob_json *v, const struct hob_json *patch,
                        struct hob_json_patch_options options, struct hob_json_doc **doc) {
    struct patching p = {.number = 0};
    *doc = NULL;
    if (!v) return hob_fail(HOB_E_JSON_TYPE, "nothing to patch");
    if (hob_json_type(patch) != HOB_JSON_ARRAY)
        return hob_fail(HOB_E_JSON_PATCH, "a JSON Patch is an array; this is %s",
                        hob_json_type_name(patch));
    int rc = hob__edits_begin(&p.all, v, patch, options.limit);
    if (rc < 0) rc = hob__edits_failed(rc);
    HOB_JSON_EACH(op, patch) {
        if (rc < 0) break;
        rc = apply(&p, op);
        p.number++;
    }
    if (rc == 0 && (rc = hob__edits_finish(&p.all, doc)) < 0) rc = hob__edits_failed(rc);
    hob__edits_end(&p.all);
    return rc;
}
