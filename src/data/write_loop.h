/* data/write_loop.h - a tree as text without any white space, the way that is taken most often;
 * included once for each kind of processor, with TARGET, its functions' attribute.
 *
 * The values lie one behind the other, so this is one loop over them, whose only memory is where
 * the containers end that are open. Room is asked for once for each value (and name), and is so
 * large that none of the usual ones must ask again; every value writes a comma behind itself, which
 * the end of its container takes for its bracket. */
#include "data/double_text.h"
#include "data/write.h"

#include <string.h>

enum {
    SHORT = 256, /* bytes of a string that needs no room of its own */
    /* A name, a value, and the ends of all containers. */
    SLACK = 2 * (SHORT + HOB__JSON_BEHIND) + HOB__JSON_DEPTH + 64
};

/* Copies n bytes, at most SHORT, a whole piece at a time: what is behind them is read, and in out
 * written over, up to 31 bytes. */
TARGET static inline void copy(char *out, const char *text, size_t n) {
    enum { PIECE = HOB__JSON_BEHIND };
    memcpy(out, text, PIECE);
    for (size_t i = PIECE; HOB__UNLIKELY(i < n); i += PIECE) memcpy(out + i, text + i, PIECE);
}

struct output {
    struct hob__json_writer *w;
    char *most; /* beyond it room must be made */
};

/* Room for n bytes and the SLACK. Where to go on; NULL without memory. */
static __attribute__((noinline)) char *grow(struct output *o, char *at, size_t n) {
    o->w->size = (size_t)(at - o->w->text);
    if (!hob__json_write_room(o->w, n + SLACK)) return NULL;
    o->most = o->w->text + o->w->room - SLACK;
    return o->w->text + o->w->size;
}

static __attribute__((noinline)) char *any_string(struct output *o, const struct hob_json *v,
                                                  char *at) {
    size_t n = hob__json_string_room(hob__json_size(v));
    if ((size_t)(o->most + SLACK - at) < n + SLACK && !(at = grow(o, at, n))) return NULL;
    return hob__json_write_string(v, false, at);
}

/* There is SLACK bytes of room before it, or the rest of that behind a name. */
/* There is SLACK bytes of room before it, or the rest of that behind a name. */
TARGET static inline char *string(struct output *o, const struct hob_json *v, char *at,
                                  char behind) {
    /* The size; something far above it when the string is not a plain one. */
    uint64_t n = v->head - (HOB_JSON_STRING | HOB__JSON_PLAIN);
    n = n >> 8 | n << 56;
    if (HOB__LIKELY(n <= SHORT)) {
        *at = '"';
        copy(at + 1, v->of.text, n);
        at += n + 1;
    } else if (HOB__LIKELY((at = any_string(o, v, at)) != NULL)) {
        at--; /* its last quote once more */
    } else {
        return NULL;
    }
    at[0] = '"';
    at[1] = behind;
    return at + 2;
}

TARGET static inline int write_compact(const struct hob_json *v, struct hob__json_writer *w) {
    /* Where the open containers end, and 1 in it for an object; tasks' stacks are small. */
    uintptr_t open[HOB__JSON_DEPTH];
    const struct hob_json *end = hob_json_next(v);
    bool object = false;
    unsigned depth = 0;
    size_t began = w->size;
    struct output o = {.w = w, .most = w->text};
    /* A guess: the text is rarely shorter than eight bytes for each value. */
    char *at = grow(&o, w->text + w->size, 8 * (size_t)(end - v));
    if (!at) return -ENOMEM;
    for (;;) {
        if (HOB__UNLIKELY(at > o.most) && !(at = grow(&o, at, 0))) return -ENOMEM;
        if (object && !(at = string(&o, v++, at, ':'))) return -ENOMEM;
        unsigned type = v->head & 15;
        switch (type) {
        case HOB_JSON_STRING:
            if (!(at = string(&o, v++, at, ','))) return -ENOMEM;
            break;
        case HOB_JSON_INT:
            at += hob__put_int(v++->of.i, at);
            *at++ = ',';
            break;
        case HOB_JSON_DOUBLE:
            at += hob__put_double(v++->of.d, at);
            *at++ = ',';
            break;
        case HOB_JSON_ARRAY:
        case HOB_JSON_OBJECT:
            if (HOB__UNLIKELY(depth == HOB__JSON_DEPTH)) {
                w->size = began;
                return 1;
            }
            if (v->of.span == 1) {
                memcpy(at, type == HOB_JSON_OBJECT ? "{}," : "[],", 4);
                at += 3;
                v++;
                break;
            }
            open[depth++] = (uintptr_t)end | object;
            end = v + v->of.span;
            object = type == HOB_JSON_OBJECT;
            *at++ = object ? '{' : '[';
            v++;
            continue;
        case 10 ... 15: /* there are none; so the table of jumps needs no check */
        case HOB_JSON_NONE:
        case HOB_JSON_NULL:
        case HOB_JSON_FALSE:
        case HOB_JSON_TRUE:
        case HOB_JSON_UINT:
            at = hob__json_write_scalar(v++, at);
            *at++ = ',';
        }
        while (v == end) {
            if (depth == 0) {
                w->size = (size_t)(at - 1 - w->text); /* without the comma */
                return 0;
            }
            at[-1] = object ? '}' : ']';
            *at++ = ',';
            object = open[--depth] & 1;
            end = (const struct hob_json *)(open[depth] & ~(uintptr_t)1);
        }
    }
}
