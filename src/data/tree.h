/* data/tree.h - a document: the values, the texts they point to, and the memory of both. */
#ifndef HOB_DATA_TREE_H
#define HOB_DATA_TREE_H

#include <hob/json.h>

#include "data/way.h"

enum {
    HOB__JSON_DEPTH = 1024,
    HOB__JSON_LAST = 0x80, /* in an object's head: of members with the same name the last counts */
    /* In a string's head: it is known that none of its bytes needs an escape, and that as many as
     * HOB__JSON_BEHIND behind it may be read, whatever they are. */
    HOB__JSON_PLAIN = 0x80,
    HOB__JSON_BEHIND = 32
};

struct hob_json_doc {
    struct hob_json *nodes;
    size_t node_room, node_count; /* 0: empty */
    uint32_t *places;             /* of tokens, from the first pass */
    size_t place_room;
    char *text; /* a copy of the caller's, in which strings are unescaped; NULL when borrowed */
    size_t text_room;
    char *strings; /* borrowed: the unescaped strings */
    size_t string_room;
    const struct hob_json *twice; /* after HOB_E_JSON_DUPLICATE: the name, */
    size_t twice_at;              /* and the byte of the text where it is the second time */
};

static inline uint64_t hob__json_size(const struct hob_json *v) { return v->head >> 8; }

/* The general way, a byte at a time, and the judge of what is JSON: 0, or the first thing that is
 * wrong, said by hob_fail() with its line and column. */
int hob__json_check(const uint8_t *text, size_t n, const struct hob_json_options *o);

/* Reads the escape sequence at *p (a backslash), at most 12 bytes, and writes what it stands for as
 * UTF-8, at most 4 bytes, to *out; both move on. False: it is none (a half of a surrogate pair,
 * too). */
bool hob__json_unescape(const uint8_t **p, const uint8_t *end, uint8_t **out);

/* For qsort() of pointers to names: bytewise, those that are the same as they stand. */
int hob__json_by_name(const void *a, const void *b);

/* HOB_E_JSON_DUPLICATE when two of the object's members have the same name, *twice is the second
 * then; -ENOMEM. */
int hob__json_find_twice(const struct hob_json *object, const struct hob_json **twice);

#endif
