/* data/model/urlencoded.c - forms and queries (application/x-www-form-urlencoded; WHATWG URL
 * Standard, section 5). What is read becomes JSON by the model, and goes the way of all JSON: a
 * form is small, and so nothing is said or checked twice. */
#include "data/model/walk.h"
#include "data/number.h"

#include <hob/json_builder.h>

#include "base/memory.h"
#include "base/url.h"

enum { LEVELS = 16, PATH = 512 };

struct pair {
    struct hob_slice name, value;
    bool used;
};

struct form {
    struct pair *pairs;
    size_t count;
    struct hob_json_builder *b;
};

/* ---- taking it apart ---- */

/* Decodes in place: '+' is a space, %XX a byte, any other '%' itself. */
static struct hob_slice decode(char *text, size_t n) {
    size_t to = 0;
    for (size_t i = 0; i < n; i++, to++) {
        int high, low;
        if (text[i] == '+') {
            text[to] = ' ';
        } else if (text[i] == '%' && n - i > 2 &&
                   (high = hob__hex_value((uint8_t)text[i + 1])) >= 0 &&
                   (low = hob__hex_value((uint8_t)text[i + 2])) >= 0) {
            text[to] = (char)(high << 4 | low);
            i += 2;
        } else {
            text[to] = text[i];
        }
    }
    return (struct hob_slice){text, to};
}

static int take_apart(struct form *f, const char *text, size_t n, struct hob_arena *memory) {
    size_t room = 0;
    for (size_t i = 0; i < n; i++) room += text[i] == '&';
    if (room >= HOB_FORM_PAIRS)
        return hob_fail(HOB_E_LIMIT, "a form of more than %d pairs", HOB_FORM_PAIRS);
    f->pairs = hob_arena_alloc(memory, (room + 1) * sizeof *f->pairs);
    char *copy = hob_arena_copy(memory, text, n);
    if (!f->pairs || !copy) return hob_fail(-ENOMEM, "no memory for a form");
    for (char *p = copy, *end = copy + n; p < end; p++) {
        char *stop = memchr(p, '&', (size_t)(end - p));
        if (!stop) stop = end;
        if (stop > p) {
            char *is = memchr(p, '=', (size_t)(stop - p)), *name_end = is ? is : stop;
            struct pair *pair = &f->pairs[f->count++];
            pair->used = false;
            pair->name = decode(p, (size_t)(name_end - p));
            pair->value = is ? decode(is + 1, (size_t)(stop - is - 1)) : (struct hob_slice){"", 0};
        }
        p = stop;
    }
    return 0;
}

/* ---- to JSON, by the model ---- */

static bool word_is(struct hob_slice v, const char *word) {
    return v.size == strlen(word) && memcmp(v.at, word, v.size) == 0;
}

static void put_value(struct form *f, const struct hob__slot *s, struct hob_slice v) {
    struct hob_json number;
    int why;
    const uint8_t *p = (const uint8_t *)v.at, *end = p + v.size;
    bool is_number = s->kind >= HOB__KIND_INT8 && s->kind <= HOB__KIND_DOUBLE && !s->has_choices;
    if (is_number && v.size > 0 && hob__json_read_number(p, end, true, &number, &why) == end) {
        hob_json_put_raw(f->b, v.at, v.size);
    } else if (s->kind == HOB__KIND_BOOL &&
               (word_is(v, "true") || word_is(v, "on") || word_is(v, "1"))) {
        hob_json_put_bool(f->b, true);
    } else if (s->kind == HOB__KIND_BOOL &&
               (word_is(v, "false") || word_is(v, "off") || word_is(v, "0"))) {
        hob_json_put_bool(f->b, false);
    } else if ((s->kind == HOB__KIND_RAW || s->kind == HOB__KIND_STRUCT) &&
               hob_json_check(v.at, v.size, 0) == 0) {
        hob_json_put_raw(f->b, v.at, v.size);
    } else {
        hob_json_put_string_n(f->b, v.at, v.size);
    }
}

/* Does an empty value mean that there is none? */
static bool is_nothing(const struct hob__slot *s, struct hob_slice v) {
    bool string =
        s->kind == HOB__KIND_STRING || s->kind == HOB__KIND_CHARS || s->kind == HOB__KIND_SLICE;
    return v.size == 0 && s->may_miss && !string;
}

static bool is_named(const struct pair *p, const char *path, size_t n) {
    return p->name.size == n && memcmp(p->name.at, path, n) == 0;
}

static void put_field(struct form *f, const struct hob__slot *s, const char *path, size_t n) {
    bool any = false, array = hob__is_array(s);
    for (struct pair *p = f->pairs; p < f->pairs + f->count; p++) {
        if (p->used || !is_named(p, path, n)) continue;
        p->used = true;
        if (!array && is_nothing(s, p->value)) continue;
        if (!array || !any) hob_json_name(f->b, s->name);
        if (array && !any) {
            if (s->kind == HOB__KIND_STRUCT) { /* all of it, as JSON */
                put_value(f, s, p->value);
                continue;
            }
            hob_json_begin_array(f->b);
        }
        any = true;
        put_value(f, s, p->value);
    }
    if (array && any) hob_json_end_array(f->b);
}

/* Is there a name that begins with the path and a dot? */
static bool has_members(const struct form *f, const char *path, size_t n) {
    for (const struct pair *p = f->pairs; p < f->pairs + f->count; p++)
        if (p->name.size > n && p->name.at[n] == '.' && memcmp(p->name.at, path, n) == 0)
            return true;
    return false;
}

/* The members of a struct whose names begin with the n bytes of the path. */
static int put_members(struct form *f, const struct hob_model *model, char *path, size_t n,
                       unsigned level) {
    const struct hob__plan *plan;
    HOB_TRY(hob__plan_of(model, &plan));
    for (const struct hob__slot *s = plan->slots; s < plan->behind; s++) {
        size_t end = n + s->name_size;
        if (end + 1 >= PATH) continue; /* no name is so long: it is missing */
        memcpy(path + n, s->name, s->name_size);
        if (s->kind != HOB__KIND_STRUCT || hob__is_array(s) || s->model->wrapper) {
            put_field(f, s, path, end);
            continue;
        }
        if (!has_members(f, path, end)) {
            if (s->may_miss) continue;
        } else if (level == LEVELS) {
            return hob_fail(HOB_E_LIMIT, "more than %d names in each other", LEVELS);
        }
        if (level == LEVELS) continue;
        path[end] = '.';
        hob_json_name(f->b, s->name);
        hob_json_begin_object(f->b);
        HOB_TRY(put_members(f, s->model, path, end + 1, level + 1));
        hob_json_end_object(f->b);
    }
    return 0;
}

static int put_form(struct form *f, const struct hob_model *model, struct hob_slice *json) {
    char path[PATH];
    hob_json_begin_object(f->b);
    HOB_TRY(put_members(f, model, path, 0, 1));
    for (const struct pair *p = f->pairs; p < f->pairs + f->count; p++) {
        if (p->used) continue;
        hob_json_name_n(f->b, p->name.at, p->name.size);
        hob_json_put_string_n(f->b, p->value.at, p->value.size);
    }
    hob_json_end_object(f->b);
    return hob_json_finish(f->b, json);
}

int hob_model_decode_form_with(const struct hob_model *model, void *out, const char *text, size_t n,
                               struct hob_arena *memory, struct hob_decode_options options) {
    HOB_JSON_BUILDER(b);
    struct form f = {0};
    struct hob_slice json;
    memset(out, 0, model->size);
    if (options.problems) *options.problems = (struct hob_problems){0};
    HOB_TRY(take_apart(&f, text, n, memory));
    HOB_TRY(hob_json_builder_new(&b));
    f.b = b;
    HOB_TRY(put_form(&f, model, &json));
    return hob__decode_without_lines(model, out, json.at, json.size, memory, &options);
}

/* ---- the other way round ---- */

struct writer {
    char *text;
    size_t size, room;
};

static bool more(struct writer *w, size_t n) {
    if (w->room - w->size >= n) return true;
    size_t room = w->room * 2 > w->size + n ? w->room * 2 : w->size + n + 128;
    char *text = hob__realloc(w->text, room);
    if (!text) return false;
    w->text = text;
    w->room = room;
    return true;
}

static bool put_coded(struct writer *w, const char *text, size_t n) {
    static const char hex[] = "0123456789ABCDEF";
    if (!more(w, 3 * n)) return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)text[i], letter = c | 0x20;
        if ((letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '*' || c == '-' ||
            c == '.' || c == '_') {
            w->text[w->size++] = (char)c;
        } else if (c == ' ') {
            w->text[w->size++] = '+';
        } else {
            w->text[w->size++] = '%';
            w->text[w->size++] = hex[c >> 4];
            w->text[w->size++] = hex[c & 15];
        }
    }
    return true;
}

static bool put_pair(struct writer *w, const struct hob__walk *walk, struct hob_slice value) {
    bool dot = false;
    if (!more(w, 1)) return false;
    if (w->size > 0) w->text[w->size++] = '&';
    for (unsigned i = 0; i < walk->depth; i++) {
        const struct hob__slot *s = walk->frames[i].plan ? walk->frames[i].slot : NULL;
        if (!s) continue; /* an array adds nothing to its items' names */
        if (!more(w, 1)) return false;
        if (dot) w->text[w->size++] = '.';
        dot = true;
        if (!put_coded(w, s->name, s->name_size)) return false;
    }
    if (!more(w, 1)) return false;
    w->text[w->size++] = '=';
    return put_coded(w, value.at, value.size);
}

static int refuse(const struct hob__walk *walk, const char *why) {
    struct hob__path path;
    hob__walk_path(walk, &path);
    return hob_fail(HOB_E_MODEL, "%.*s: %s", (int)hob__path_size(&path), path.at, why);
}

static int write_value(struct writer *w, const struct hob__walk *walk) {
    char buf[HOB__SCALAR_ROOM], *base64 = NULL;
    const char *why = hob__unwritable(walk->slot, walk->at);
    if (why) return refuse(walk, why);
    struct hob_slice value;
    if (walk->slot->kind == HOB__KIND_BYTES) {
        const struct hob_bytes *bytes = walk->at;
        value.size = hob__base64_size(bytes->size);
        value.at = base64 = hob__alloc(value.size + 1);
        if (!base64) return -ENOMEM;
        hob__base64_write(bytes->at, bytes->size, base64);
    } else {
        value = hob__text_of(walk->slot, walk->at, buf);
    }
    bool ok = put_pair(w, walk, value);
    hob__free(base64);
    return ok ? 0 : -ENOMEM;
}

static int write_form(struct writer *w, struct hob__walk *walk) {
    int event, rc = 0;
    while (rc == 0 && (event = hob__walk_next(walk)) != HOB__WALK_END) {
        if (event < 0) return event;
        if (event == HOB__WALK_MISSING) return refuse(walk, "is missing");
        if (event == HOB__WALK_ARRAY && walk->slot->kind == HOB__KIND_STRUCT)
            return refuse(walk, "an array of structs has no place in a form");
        if (event == HOB__WALK_NULL)
            rc = put_pair(w, walk, (struct hob_slice){"", 0}) ? 0 : -ENOMEM;
        if (event == HOB__WALK_VALUE) rc = write_value(w, walk);
    }
    if (rc == 0 && !more(w, 1)) rc = -ENOMEM;
    return rc == -ENOMEM ? hob_fail(rc, "no memory for %zu bytes of a form", w->size) : rc;
}

int hob_model_encode_form_with(const struct hob_model *model, const void *in, char **text,
                               size_t *size) {
    struct writer w = {0};
    struct hob__root root;
    struct hob__walk walk;
    hob__root_slot(&root, model, false);
    hob__walk_begin(&walk, &root.slot, in);
    int rc = write_form(&w, &walk);
    hob__walk_end(&walk);
    *text = NULL;
    if (size) *size = 0;
    if (rc < 0) {
        hob__free(w.text);
        return rc;
    }
    w.text[w.size] = 0;
    *text = w.text;
    if (size) *size = w.size;
    return 0;
}
