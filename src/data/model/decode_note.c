/* data/model/decode_note.c - what a text has that does not fit its model: with its path, its place,
 * and what was expected. */
#include "data/model/decode.h"

#include <stdarg.h>
#include <stdio.h>

static void count_lines(struct hob__decoder *d, const uint8_t *to) {
    if (!d->counted || to < d->counted) {
        d->counted = d->text;
        d->line = d->column = 1;
    }
    for (; d->counted < to; d->counted++) {
        d->column = *d->counted == '\n' ? 1 : d->column + ((*d->counted & 0xC0) != 0x80);
        d->line += *d->counted == '\n';
    }
}

/* Where the innermost frame is; `name` is its member, if that is no field. */
static void path_of(const struct hob__decoder *d, struct hob__path *path, const char *name,
                    size_t n) {
    hob__path_begin(path);
    if (name) hob__path_name(path, name, n);
    for (const struct hob__decode_frame *f = &d->frames[d->depth]; f > d->frames; f--) {
        if (!f->plan)
            hob__path_index(path, f->count);
        else if (f->slot)
            hob__path_name(path, f->slot->name, f->slot->name_size);
    }
}

void hob__decode_note(struct hob__decoder *d, const uint8_t *at, const char *name, size_t n,
                      const char *fmt, ...) {
    struct hob__path path;
    char message[HOB__WHY + 64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (d->problems.count < HOB_PROBLEMS && !(d->problems.more && !d->problems.memory)) {
        path_of(d, &path, name, n);
        if (d->has_lines) count_lines(d, at);
    } else {
        hob__path_begin(&path);
    }
    hob__problem(&d->problems, path.at, hob__path_size(&path), d->line, d->column, "%s", message);
}

/* What begins at p, in words; numbers as they are written. */
static const char *found(const struct hob__decoder *d, const uint8_t *p, char *buf, size_t room) {
    switch (*p) {
    case '"':
        return "a string";
    case '{':
        return "an object";
    case '[':
        return "an array";
    case 't':
    case 'f':
        return "a boolean";
    case 'n':
        return "null";
    default: {
        size_t n = 0;
        while (p + n < d->end && n < room - 1 && strchr("+-.0123456789eE", p[n]) && p[n]) n++;
        memcpy(buf, p, n);
        buf[n] = 0;
        return buf;
    }
    }
}

void hob__decode_note_type(struct hob__decoder *d, const struct hob__slot *s, const uint8_t *p,
                           bool array) {
    char name[HOB__WHY], what[48];
    hob__decode_note(d, p, NULL, 0, "expected %s, found %s",
                     array ? "an array" : hob__kind_name(s, name, sizeof name),
                     found(d, p, what, sizeof what));
}

/* With an excerpt. */
void hob__decode_note_text(struct hob__decoder *d, const struct hob__slot *s, const uint8_t *p,
                           const struct hob_slice *text) {
    char name[HOB__WHY], part[61];
    size_t n = text->size < 60 ? text->size : 60;
    while (n < text->size && n > 0 && ((uint8_t)text->at[n] & 0xC0) == 0x80) n--;
    memcpy(part, text->at, n);
    part[n] = 0;
    hob__decode_note(d, p, NULL, 0, "expected %s, found \"%s\"%s",
                     hob__kind_name(s, name, sizeof name), part, n < text->size ? "..." : "");
}

void hob__decode_note_missing(struct hob__decoder *d, struct hob__decode_frame *f) {
    for (uint32_t i = 0; i < f->plan->count; i++) {
        const struct hob__slot *s = &f->plan->slots[i];
        if (s->may_miss || (f->seen[i / 64] >> i % 64 & 1)) continue;
        f->slot = s;
        hob__decode_note(d, f->begin, NULL, 0, "is missing");
    }
}

void hob__decode_check(struct hob__decoder *d, const struct hob__slot *s, const void *value,
                       const uint8_t *p) {
    char buf[HOB__WHY];
    const char *why;
    int rc = hob__check_value(s, value, &d->matcher, buf, &why);
    if (rc > 0) hob__decode_note(d, p, NULL, 0, "%s", why);
    if (rc < 0) d->problems.rc = rc;
}

void hob__decode_check_array(struct hob__decoder *d, struct hob__decode_frame *f) {
    const struct hob__slot *s = f->slot;
    const uint8_t *begin = f->begin;
    size_t count = f->count, item;
    if (s->shape == HOB__SHAPE_FIXED && count != s->items) {
        hob__decode_note(d, begin, NULL, 0, "expected %u items, found %zu", s->items, count);
    } else if (s->shape == HOB__SHAPE_UP_TO && count > s->items) {
        hob__decode_note(d, begin, NULL, 0, "expected at most %u items, found %zu", s->items,
                         count);
    } else if (s->array_checked) {
        char buf[HOB__WHY];
        const char *why;
        int rc = hob__check_array(s, f->base, count, buf, &why, &item);
        if (rc > 0 && item != SIZE_MAX) {
            f->count = item;
            d->depth++; /* of that item, not of the array */
            hob__decode_note(d, begin, NULL, 0, "%s", why);
            d->depth--;
        } else if (rc > 0) {
            hob__decode_note(d, begin, NULL, 0, "%s", why);
        }
        if (rc < 0) d->problems.rc = rc;
    }
}
