/* data/model/print.c - structs for the eyes of who looks for a mistake: whatever is in them. */
#include "data/model/walk.h"

#include <stdio.h>

struct printer {
    char *buf;
    size_t room, size; /* size: as if there were room enough */
};

static void put(struct printer *p, const char *text, size_t n) {
    if (p->size + 1 < p->room) {
        size_t fits = p->room - p->size - 1;
        memcpy(p->buf + p->size, text, n < fits ? n : fits);
    }
    p->size += n;
}

static void say(struct printer *p, const char *text) { put(p, text, strlen(text)); }

/* Control characters, quotes, and what is not UTF-8, as they would be written in C. */
static void put_quoted(struct printer *p, const char *text, size_t n) {
    put(p, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)text[i];
        size_t more = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        char escaped[8];
        if (c == '"' || c == '\\') {
            put(p, (char[]){'\\', (char)c}, 2);
        } else if (c == '\n') {
            put(p, "\\n", 2);
        } else if (c < 0x20 || c == 0x7F || i + more > n ||
                   !hob__utf8_valid((const uint8_t *)text + i, more, NULL)) {
            put(p, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", c));
        } else {
            put(p, text + i, more);
            i += more - 1;
        }
    }
    put(p, "\"", 1);
}

static void put_bytes(struct printer *p, const struct hob_bytes *b) {
    char hex[8];
    say(p, "<");
    for (size_t i = 0; i < b->size && i < 32; i++)
        put(p, hex, (size_t)snprintf(hex, sizeof hex, "%02x", b->at[i]));
    if (b->size > 32) say(p, "...");
    say(p, ">");
}

static void put_value(struct printer *p, const struct hob__walk *w) {
    char buf[HOB__SCALAR_ROOM];
    const struct hob__slot *s = w->slot;
    struct hob_slice text;
    switch (s->kind) {
    case HOB__KIND_STRING:
    case HOB__KIND_CHARS:
    case HOB__KIND_SLICE:
        text = hob__text_of(s, w->at, buf);
        put_quoted(p, text.at, text.size);
        return;
    case HOB__KIND_BYTES:
        put_bytes(p, w->at);
        return;
    case HOB__KIND_FLOAT:
        put(p, buf, (size_t)snprintf(buf, sizeof buf, "%g", (double)*(const float *)w->at));
        return;
    case HOB__KIND_DOUBLE:
        put(p, buf, (size_t)snprintf(buf, sizeof buf, "%.17g", *(const double *)w->at));
        return;
    default:
        break;
    }
    text = hob__text_of(s, w->at, buf);
    if (text.size > 0 || s->kind == HOB__KIND_RAW)
        put(p, text.at, text.size);
    else if (s->kind == HOB__KIND_TIME)
        put(p, buf,
            (size_t)snprintf(buf, sizeof buf, "%lld us",
                             (long long)((const struct hob_time *)w->at)->us));
    else /* no name */
        put(p, buf,
            (size_t)snprintf(buf, sizeof buf, "%lld", (long long)hob__load_int(s->kind, w->at)));
}

static void run(struct printer *p, struct hob__walk *w, const char *name) {
    unsigned hidden = 0; /* how deep it is in a secret; 0: in none */
    int event;
    for (;;) {
        unsigned depth = w->depth;
        event = hob__walk_next(w);
        if (event <= 0) break;
        bool ends = event == HOB__WALK_OBJECT_END || event == HOB__WALK_ARRAY_END;
        if (hidden) { /* until what began at that depth has ended */
            if (w->depth < hidden) hidden = 0;
            continue;
        }
        if (!ends && depth > 0) {
            if (!w->first) say(p, ", ");
            if (w->field) {
                say(p, w->field->name);
                say(p, ": ");
            }
        }
        if (!ends && w->field && w->field->field->o.secret) {
            say(p, "***");
            if (w->depth > depth) hidden = w->depth;
            continue;
        }
        switch (event) {
        case HOB__WALK_OBJECT:
            if (depth == 0) say(p, name);
            say(p, "{");
            break;
        case HOB__WALK_OBJECT_END:
            say(p, "}");
            break;
        case HOB__WALK_ARRAY:
            say(p, "[");
            break;
        case HOB__WALK_ARRAY_END:
            say(p, "]");
            break;
        case HOB__WALK_NULL:
        case HOB__WALK_MISSING:
            say(p, "null");
            break;
        default:
            put_value(p, w);
        }
    }
    if (event < 0) say(p, " ..."); /* too deep, or no memory to go on */
}

size_t hob_model_format_with(const struct hob_model *model, const void *in, char *buf,
                             size_t room) {
    struct printer p = {buf, room, 0};
    struct hob__root root;
    struct hob__walk walk;
    hob__root_slot(&root, model, false);
    hob__walk_begin(&walk, &root.slot, in);
    run(&p, &walk, model->name);
    hob__walk_end(&walk);
    if (room > 0) buf[p.size < room ? p.size : room - 1] = 0;
    return p.size;
}
