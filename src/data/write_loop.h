/* data/write_loop.h - a tree as text without any white space, the way that is taken most often;
 * included once for each kind of processor, with TARGET, its functions' attribute.
 *
 * The values lie one behind the other, so this is one loop over them, whose only memory is where
 * the containers end that are open. Room is asked for once for each value (and name), and is so
 * large that none of the usual ones must ask again. Every value writes a comma behind itself, which
 * the end of its container takes for its bracket, and, since a string is likely to come, its quote:
 * one store each less. */
#include "data/double_text.h"
#include "data/write.h"

#include <string.h>

enum {
    SHORT = 256, /* bytes of a string that needs no room of its own */
    /* A name, a value, and the ends of all containers. */
    SLACK = 2 * (SHORT + HOB__JSON_BEHIND) + HOB__JSON_DEPTH + 64
};

typedef uint8_t piece __attribute__((vector_size(HOB__JSON_BEHIND), aligned(1), may_alias));

/* A piece of a text, all of it, whatever of it is meant. */
TARGET static inline void copy(char *out, const char *text) {
    *(piece *)(void *)out = *(const piece *)(const void *)text;
}

/* What is put behind a value, and a bracket: with the quote of a string that may come next, by one
 * store. The brackets of an object are 32 further than those of an array. */
static inline char *put_comma(char *at) {
    uint16_t text = ',' | '"' << 8;
    memcpy(at, &text, 2);
    return at + 1;
}
static inline char *begin_container(char *at, uint32_t object) {
    uint16_t text = (uint16_t)(('[' | '"' << 8) + (object << 5));
    memcpy(at, &text, 2);
    return at + 1;
}
/* Over the comma of the last item. */
static inline char *end_container(char *at, uint32_t object) {
    uint32_t text = (']' | ',' << 8 | '"' << 16) + (object << 5);
    memcpy(at - 1, &text, 4);
    return at + 1;
}

struct output {
    struct hob__json_writer *w;
    char *most; /* beyond it room must be made */
};

/* Room for n bytes and the SLACK. Where to go on; NULL without memory. All of the old room moves,
 * the quote at `at` too. */
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
TARGET static inline char *string(struct output *o, const struct hob_json *v, uint64_t head,
                                  char *at, char c) {
    /* The size; something far above it when the string is not a plain one. */
    uint64_t n = head - (HOB_JSON_STRING | HOB__JSON_PLAIN);
    n = n >> 8 | n << 56;
    if (HOB__LIKELY(n <= sizeof(piece))) {
        copy(at + 1, v->of.text);
    } else if (n <= SHORT) {
        size_t i = 0;
        do copy(at + 1 + i, v->of.text + i);
        while ((i += sizeof(piece)) < n);
    } else {
        if (!(at = any_string(o, v, at))) return NULL;
        n = 0;
        at -= 2; /* its last quote once more */
    }
    uint32_t text = '"' | (uint32_t)c << 8 | '"' << 16;
    memcpy(at + n + 1, &text, 4);
    return at + n + 3;
}

/* Aligned, so that how fast it is does not depend on what is linked before it: that was up to 15 %.
 */
TARGET static __attribute__((aligned(64))) int write_compact(const struct hob_json *v,
                                                             struct hob__json_writer *w) {
    /* Where the open containers end, and 1 in it for an object; tasks' stacks are small. */
    uintptr_t open[HOB__JSON_DEPTH], *top = open;
    const struct hob_json *end = hob_json_next(v);
    uint32_t object = 0;
    size_t began = w->size;
    struct output o = {.w = w, .most = w->text};
    /* A guess: the text is rarely shorter than eight bytes for each value. */
    char *at = grow(&o, w->text + w->size, 8 * (size_t)(end - v));
    if (!at) return -ENOMEM;
    *at = '"';
    for (;;) {
        if (HOB__UNLIKELY(at > o.most) && !(at = grow(&o, at, 0))) return -ENOMEM;
        uint64_t head = v->head;
        if (object) {
            if (!(at = string(&o, v, head, at, ':'))) return -ENOMEM;
            head = (++v)->head;
        }
        unsigned type = head & 15;
        /* One after the other, the usual first: a jump through a table is harder to foresee. */
        if (type == HOB_JSON_STRING) {
            if (!(at = string(&o, v, head, at, ','))) return -ENOMEM;
        } else if (type >= HOB_JSON_ARRAY) {
            if (HOB__UNLIKELY(top == open + HOB__JSON_DEPTH)) {
                w->size = began;
                return 1;
            }
            if (v->of.span > 1) {
                *top++ = (uintptr_t)end | object;
                end = v + v->of.span;
                object = type - HOB_JSON_ARRAY;
                at = begin_container(at, object);
                v++;
                continue;
            }
            memcpy(at, type == HOB_JSON_OBJECT ? "{},\"" : "[],\"", 4);
            at += 3;
        } else if (type == HOB_JSON_INT) {
            at = put_comma(hob__put_int(v->of.i, at));
        } else if (HOB__LIKELY(type == HOB_JSON_DOUBLE)) {
            at = put_comma(hob__put_double(v->of.d, at));
        } else {
            at = put_comma(hob__json_write_scalar(v, at));
        }
        v++;
        while (v == end) {
            if (top == open) {
                w->size = (size_t)(at - 1 - w->text); /* without the comma */
                return 0;
            }
            at = end_container(at, object);
            uintptr_t outer = *--top;
            object = outer & 1;
            end = (const struct hob_json *)(outer & ~(uintptr_t)1);
        }
    }
}
