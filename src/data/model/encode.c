/* data/model/encode.c - structs to JSON. */
#include "data/append.h"
#include "data/model/walk.h"
#include "data/number.h"

#include "base/memory.h"

struct encoder {
    struct hob__json_text t;
    const struct hob_encode_options *o;
    struct hob__walk walk;
};

static bool room(struct encoder *e, size_t n) {
    struct hob__json_text *t = &e->t;
    if (HOB__LIKELY(t->room - t->size >= n)) return true;
    size_t want = t->room * 2 > t->size + n ? t->room * 2 : t->size + n + 512;
    char *text = hob__realloc(t->text, want);
    if (!text) return false;
    t->text = text;
    t->room = want;
    return true;
}

static inline void put(struct encoder *e, const char *text, size_t n) {
    memcpy(e->t.text + e->t.size, text, n);
    e->t.size += n;
}

static bool new_line(struct encoder *e, unsigned depth) {
    size_t n = (size_t)depth * e->o->indent;
    if (!room(e, n + 2)) return false;
    e->t.text[e->t.size++] = '\n';
    memset(e->t.text + e->t.size, ' ', n);
    e->t.size += n;
    return true;
}

/* What stands before a value in its object or array; `depth` containers are open around it. */
static bool put_before(struct encoder *e, unsigned depth) {
    const struct hob__walk *w = &e->walk;
    if (depth == 0) return true;
    if (!room(e, 2)) return false;
    if (!w->first) e->t.text[e->t.size++] = ',';
    if (e->o->indent && !new_line(e, depth)) return false;
    if (!w->field) return true;
    if (!room(e, w->field->label_size + 1)) return false;
    put(e, w->field->label, w->field->label_size);
    if (e->o->indent) e->t.text[e->t.size++] = ' ';
    return true;
}

static bool put_string(struct encoder *e, struct hob_slice text) {
    static const struct hob_json_write_options plain;
    struct hob_json v = {.head = HOB_JSON_STRING | (uint64_t)text.size << 8, .of.text = text.at};
    return hob__json_append(&e->t, &v, 0, &plain);
}

static bool put_bytes(struct encoder *e, const struct hob_bytes *b) {
    size_t n = hob__base64_size(b->size);
    if (!room(e, n + 2)) return false;
    e->t.text[e->t.size++] = '"';
    hob__base64_write(b->at, b->size, e->t.text + e->t.size);
    e->t.size += n;
    e->t.text[e->t.size++] = '"';
    return true;
}

static bool put_value(struct encoder *e) {
    const struct hob__slot *s = e->walk.slot;
    if (s->kind == HOB__KIND_BYTES) return put_bytes(e, e->walk.at);
    char buf[HOB__SCALAR_ROOM];
    struct hob_slice text = hob__text_of(s, e->walk.at, buf);
    bool string = s->has_choices || (s->kind >= HOB__KIND_STRING && s->kind <= HOB__KIND_UUID);
    if (string) return put_string(e, text);
    if (!room(e, text.size)) return false;
    put(e, text.at, text.size);
    return true;
}

static int wrong(struct encoder *e, const char *why) {
    struct hob__path path;
    hob__walk_path(&e->walk, &path);
    int n = (int)hob__path_size(&path);
    return hob_fail(HOB_E_MODEL, "%.*s: %s", n ? n : 9, n ? path.at : "the whole", why);
}

/* 0; 1: it is through; or the error. */
static int step(struct encoder *e) {
    struct hob__walk *w = &e->walk;
    unsigned depth = w->depth;
    int event = hob__walk_next(w);
    if (event <= 0) return event < 0 ? event : 1;
    bool ok = true;
    const char *why;
    switch (event) {
    case HOB__WALK_OBJECT:
    case HOB__WALK_ARRAY:
        ok = put_before(e, depth) && room(e, 1);
        if (ok) put(e, event == HOB__WALK_OBJECT ? "{" : "[", 1);
        break;
    case HOB__WALK_OBJECT_END:
    case HOB__WALK_ARRAY_END: {
        char last = e->t.text[e->t.size - 1];
        bool empty = last == '{' || last == '[';
        if (e->o->indent && !empty) ok = new_line(e, w->depth);
        ok = ok && room(e, 1);
        if (ok) put(e, event == HOB__WALK_OBJECT_END ? "}" : "]", 1);
        break;
    }
    case HOB__WALK_NULL:
        ok = put_before(e, depth) && room(e, 4);
        if (ok) put(e, "null", 4);
        break;
    case HOB__WALK_MISSING:
        return wrong(e, "is missing");
    default:
        why = hob__unwritable(w->slot, w->at);
        if (why) return wrong(e, why);
        ok = put_before(e, depth) && put_value(e);
    }
    return ok ? 0 : hob_fail(-ENOMEM, "no memory for %zu bytes of JSON", e->t.size);
}

static int encode(const struct hob__slot *root, const void *whole, char **text, size_t *size,
                  const struct hob_encode_options *o) {
    struct encoder e;
    e.t = (struct hob__json_text){0};
    e.o = o;
    hob__walk_begin(&e.walk, root, whole);
    int rc;
    *text = NULL;
    if (size) *size = 0;
    while ((rc = step(&e)) == 0) continue;
    hob__walk_end(&e.walk);
    if (rc > 0 && !room(&e, 2)) rc = hob_fail(-ENOMEM, "no memory for %zu bytes of JSON", e.t.size);
    if (rc < 0) {
        hob__free(e.t.text);
        return rc;
    }
    if (o->newline) put(&e, "\n", 1);
    e.t.text[e.t.size] = 0;
    *text = e.t.text;
    if (size) *size = e.t.size;
    return 0;
}

int hob_model_encode_with(const struct hob_model *model, const void *in, char **text, size_t *size,
                          struct hob_encode_options options) {
    struct hob__root root;
    hob__root_slot(&root, model, false);
    return encode(&root.slot, in, text, size, &options);
}

int hob_model_encode_array_with(const struct hob_model *model, const void *items, size_t count,
                                char **text, size_t *size, struct hob_encode_options options) {
    struct {
        const void *items;
        size_t count;
    } list = {items, count};
    struct hob__root root;
    hob__root_slot(&root, model, true);
    return encode(&root.slot, &list, text, size, &options);
}
