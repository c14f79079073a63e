/* data/reader.h - the inside of the reader of JSON in pieces.
 *
 * All bytes pass through one buffer: those that are fed are copied into it, a block at a time,
 * those that `fill` gives are read into it. What begins at `p` (a token; a container that is read
 * as a tree; a line) stays there until it is complete: `looked` says how much of it has been looked
 * at in vain, so that an input that comes byte by byte is not looked at again and again. Before the
 * buffer is filled again, what lies before `p` is dropped, and its lines and characters are counted
 * (`counted`, `place`): nothing else has to know where in the text it is.
 *
 * Behind the last byte stands a quote, so that loops over plain bytes need to look for no end.
 *
 * Whether a limit is hit depends on the text alone, not on the pieces it came in: what is longer
 * than the limit is judged by its first `limit` bytes (judge.h), and if those could be the
 * beginning of something right, it is too long. */
#ifndef HOB_DATA_READER_H
#define HOB_DATA_READER_H

#include "data/judge.h"
#include "data/span.h"

enum hob__json_state {
    HOB__JSON_START, /* a value of the top level */
    HOB__JSON_WANTS_VALUE,
    HOB__JSON_WANTS_ITEM, /* or the end of the array */
    HOB__JSON_WANTS_NAME,
    HOB__JSON_WANTS_MEMBER, /* or the end of the object */
    HOB__JSON_WANTS_COLON,
    HOB__JSON_AFTER, /* a comma, or the end of the container */
    HOB__JSON_APART, /* white space, between two values of the top level */
    HOB__JSON_DONE
};

/* A call that has to be made again until it is through. */
enum hob__json_busy { HOB__JSON_FREE, HOB__JSON_SKIPPING, HOB__JSON_TREE, HOB__JSON_ITEM };

enum { HOB__READER_BLOCK = 64 << 10, HOB__READER_PAD = 64 };

struct hob_json_reader {
    struct hob_json_reader_options o;
    struct hob_json_options tree; /* of trees, and for the judge */
    unsigned depth_limit;

    uint8_t *buf;
    size_t room;      /* without the padding */
    uint8_t *p, *end; /* what is there and not used */
    const uint8_t *given;
    size_t given_size; /* fed, and not in the buffer yet */
    bool ended;        /* nothing comes after that */

    uint8_t *counted;            /* place is where this stands */
    struct hob_json_place place; /* ... */
    uint8_t *began;              /* the last event, if it is not NULL; else */
    struct hob_json_place began_place;

    size_t looked;
    unsigned high; /* of a string's bytes so far: one is not ASCII */
    bool escapes;  /* ... one is a backslash */
    bool captures; /* a container at p, for a tree */
    bool pending;  /* `value` is to become a tree */
    struct hob__json_span span;

    uint8_t state; /* enum hob__json_state */
    uint8_t busy;  /* enum hob__json_busy */
    int last;      /* the last event */
    struct hob_json value;
    bool array_of_all; /* hob_json_read_item() has entered the text's array */
    bool drops_line;   /* the rest of a line that was too long */
    unsigned skip_to;
    unsigned depth;
    uint8_t open[HOB__JSON_DEPTH / 8]; /* a bit for each container, 1 = object */

    struct hob_json_doc *doc;
    int failed;
    char words[320];
};

static inline bool hob__reader_in_object(const struct hob_json_reader *r) {
    return r->depth && r->open[(r->depth - 1) / 8] >> ((r->depth - 1) % 8) & 1;
}

/* reader.c: begins a public call: 0, or what it has to return. */
int hob__reader_enter(struct hob_json_reader *r, enum hob__json_busy call);
/* More bytes behind what is there: 1; 0 when none have come yet, or none will (r->ended); an error.
 */
int hob__reader_more(struct hob_json_reader *r);
/* Counts up to `to`. */
void hob__reader_count(struct hob_json_reader *r, uint8_t *to);
/* The text is wrong, now and for ever: at r->p, of which `n` bytes were judged. */
int hob__reader_wrong(struct hob_json_reader *r, const struct hob__json_verdict *v, size_t n);
/* ... at r->p something else should be. */
int hob__reader_expected(struct hob_json_reader *r, int code, const char *expected);
/* ... with the words of hob_error(). */
int hob__reader_failed(struct hob_json_reader *r, int code);
/* What begins at r->p has been judged by `judge`: it is wrong, or cut, or too long (`what`). */
int hob__reader_judged(struct hob_json_reader *r,
                       void (*judge)(const uint8_t *, size_t, const struct hob_json_options *,
                                     struct hob__json_verdict *),
                       const char *what);

/* reader_event.c: the next event. */
int hob__reader_event(struct hob_json_reader *r, struct hob_json *v);
/* Goes to where a value begins, or a container ends: true, at r->p; false: *instead is what
 * _event() would have returned. */
bool hob__reader_to_value(struct hob_json_reader *r, int *instead);
/* A container has been used whole. */
void hob__reader_value_ends(struct hob_json_reader *r);

#endif
