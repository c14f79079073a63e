/* data/write.h - what both writers share: the text as it grows, and strings in it. */
#ifndef HOB_DATA_WRITE_H
#define HOB_DATA_WRITE_H

#include "data/digits.h"
#include "data/number.h"
#include "data/tree.h"

#include <string.h>

struct hob__json_writer {
    char *text;
    size_t size, room;
    const struct hob_json_write_options *o;
    unsigned depth; /* inside of so many containers */
};

/* Makes room for n bytes more; false without memory. */
bool hob__json_write_grow(struct hob__json_writer *w, size_t n);
static inline bool hob__json_write_room(struct hob__json_writer *w, size_t n) {
    return HOB__LIKELY(w->room - w->size >= n) || hob__json_write_grow(w, n);
}

/* So much room for a string of n bytes: all of them as \u00xx, its quotes, and what is written
 * behind it before the next one asks for room. */
static inline size_t hob__json_string_room(size_t n) { return 6 * n + 64; }
/* With its quotes. The text behind it. */
char *hob__json_write_string(const struct hob_json *v, bool ascii, char *out);

/* A value that is no string and no container; HOB__NUMBER_ROOM bytes may be written over. */
static inline char *hob__json_write_scalar(const struct hob_json *v, char *out) {
    switch (hob_json_type(v)) {
    case HOB_JSON_INT:
        return hob__put_int(v->of.i, out);
    case HOB_JSON_UINT:
        return hob__put_uint(v->of.u, out);
    case HOB_JSON_DOUBLE:
        return out + hob__json_write_double(v->of.d, out);
    case HOB_JSON_TRUE:
        memcpy(out, "true", 4);
        return out + 4;
    case HOB_JSON_FALSE:
        memcpy(out, "false", 5);
        return out + 5;
    default:
        memcpy(out, "null", 4);
        return out + 4;
    }
}

#endif
