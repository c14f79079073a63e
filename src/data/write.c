/* data/write.c - a tree as text: every way that can be asked for. */
#include "data/write.h"
#include "data/append.h"

#include <hob/error.h>
#include <stdlib.h>

#include "base/memory.h"

bool hob__json_write_grow(struct hob__json_writer *w, size_t n) {
    /* Large ones by half only: malloc() fetches what has 32 MiB from the kernel each time anew. */
    size_t room = w->room + (w->room < 1 << 20 ? w->room : w->room / 2);
    if (room < w->size + n) room = w->size + n;
    char *text = hob__realloc(w->text, room);
    if (!text) return false;
    w->text = text;
    w->room = room;
    return true;
}

static bool put(struct hob__json_writer *w, const char *text, size_t n) {
    if (!hob__json_write_room(w, n)) return false;
    memcpy(w->text + w->size, text, n);
    w->size += n;
    return true;
}

static bool put_scalar(struct hob__json_writer *w, const struct hob_json *v) {
    bool string = hob_json_type(v) == HOB_JSON_STRING;
    size_t n = string ? hob__json_string_room(hob__json_size(v)) : HOB__NUMBER_ROOM;
    if (!hob__json_write_room(w, n)) return false;
    char *at = w->text + w->size;
    at = string ? hob__json_write_string(v, w->o->ascii, at) : hob__json_write_scalar(v, at);
    w->size = (size_t)(at - w->text);
    return true;
}

/* ---- containers, with options ---- */

/* One that is open. */
struct level {
    const struct hob_json *at, *end; /* what comes next */
    const struct hob_json **names;   /* in order, or NULL: as they stand */
    size_t name, name_count;
    bool object, any;
};

struct levels {
    struct level *level;
    size_t depth, room;
};

/* A new line as deep as that. */
static bool new_line(struct hob__json_writer *w, size_t depth) {
    size_t n = (w->depth + depth) * w->o->indent;
    if (w->o->indent == 0) return true;
    if (!hob__json_write_room(w, n + 1)) return false;
    w->text[w->size++] = '\n';
    memset(w->text + w->size, ' ', n);
    w->size += n;
    return true;
}

static bool sort(struct level *l, const struct hob_json *object) {
    size_t n = hob__json_size(object);
    if (n == 0) return true;
    l->names = hob__alloc(n * sizeof *l->names);
    if (!l->names) return false;
    HOB_JSON_EACH_MEMBER(name, value, object) l->names[l->name_count++] = name;
    qsort(l->names, n, sizeof *l->names, hob__json_by_name);
    return true;
}

static bool begin(struct hob__json_writer *w, struct levels *s, const struct hob_json *v) {
    if (s->depth == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        struct level *level = hob__realloc(s->level, room * sizeof *level);
        if (!level) return false;
        s->level = level;
        s->room = room;
    }
    struct level *l = &s->level[s->depth++];
    *l = (struct level){.at = v + 1, .end = v + v->of.span};
    l->object = hob_json_type(v) == HOB_JSON_OBJECT;
    if (l->object && w->o->sort && !sort(l, v)) return false;
    return put(w, l->object ? "{" : "[", 1);
}

static bool end(struct hob__json_writer *w, struct levels *s) {
    struct level *l = &s->level[--s->depth];
    hob__free(l->names);
    return (!l->any || new_line(w, s->depth)) && put(w, l->object ? "}" : "]", 1);
}

/* The item that comes next, or its name; NULL: none. */
static const struct hob_json *next(struct level *l) {
    if (l->names) return l->name < l->name_count ? l->names[l->name++] : NULL;
    if (l->at == l->end) return NULL;
    const struct hob_json *item = l->at;
    l->at = hob_json_next(l->object ? item + 1 : item);
    return item;
}

static bool put_tree(struct hob__json_writer *w, struct levels *s, const struct hob_json *v) {
    for (;;) {
        if (hob_json_type(v) < HOB_JSON_ARRAY ? !put_scalar(w, v) : !begin(w, s, v)) return false;
        while (s->depth > 0 && !(v = next(&s->level[s->depth - 1])))
            if (!end(w, s)) return false;
        if (s->depth == 0) return true;
        struct level *l = &s->level[s->depth - 1];
        if (l->any && !put(w, ",", 1)) return false;
        l->any = true;
        if (!new_line(w, s->depth)) return false;
        if (l->object && (!put_scalar(w, v++) || !put(w, ": ", w->o->indent ? 2 : 1))) return false;
    }
}

static bool with_options(struct hob__json_writer *w, const struct hob_json *v) {
    struct levels s = {0};
    bool ok = put_tree(w, &s, v);
    while (s.depth > 0) hob__free(s.level[--s.depth].names);
    hob__free(s.level);
    return ok;
}

/* v behind what is there. */
static int put_value(struct hob__json_writer *w, const struct hob_json *v) {
    const struct hob_json_write_options *o = w->o;
    int rc = 1;
    if (hob_json_type(v) < HOB_JSON_ARRAY) return put_scalar(w, v) ? 0 : -ENOMEM;
    if (!o->indent && !o->sort && !o->ascii) rc = hob__json_way()->write(v, w);
    if (rc > 0) rc = with_options(w, v) ? 0 : -ENOMEM;
    return rc;
}

int hob_json_write_with(const struct hob_json *v, struct hob_json_write_options options,
                        char **text, size_t *size) {
    struct hob__json_writer w = {.o = &options};
    *text = NULL;
    if (put_value(&w, v) < 0 || !hob__json_write_room(&w, 2)) {
        hob__free(w.text);
        return hob_fail(-ENOMEM, "no memory for %zu bytes of JSON", w.size);
    }
    if (options.newline) w.text[w.size++] = '\n';
    w.text[w.size] = 0;
    *text = w.text;
    if (size) *size = w.size;
    return 0;
}

bool hob__json_append(struct hob__json_text *t, const struct hob_json *v, unsigned depth,
                      const struct hob_json_write_options *o) {
    struct hob__json_writer w = {t->text, t->size, t->room, o, depth};
    bool ok = put_value(&w, v) == 0 && hob__json_write_room(&w, HOB__JSON_AFTER);
    t->text = w.text; /* may have moved all the same */
    t->room = w.room;
    if (ok) t->size = w.size;
    return ok;
}

void hob_json_text_free(char *text) { hob__free(text); }
