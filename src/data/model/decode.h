/* data/model/decode.h - the inside of the decoder of models.
 *
 * decode.c has the calls; decode_loop.h goes through the text, compiled once for each kind of
 * processor, with decode_scalar.h for single values; decode_gap.c remembers what was between two
 * values; decode_note.c says what does not fit.
 *
 * Members come in the order of the last record, laid out as that was. So what is between two values
 * (the comma, white space, the name in its quotes, the colon, brackets) is a gap that is remembered
 * with what it means, beside the gap before it; when the text goes on with the very same bytes, it
 * means the same, and nothing of it has to be looked at one by one. Only what is not as it was is
 * taken apart: the name of the field behind the last one is compared first, then the table of names
 * is asked.
 *
 * That the text is UTF-8 is found out some 32 KiB before the rest: so many bytes are in the cache
 * when they are read, and in sight of them nothing has to be asked.
 *
 * A gap belongs to a place in the model: it is reached from the gap before it, or from the one in
 * front of the value that it is in, and these begin at the root. */
#ifndef HOB_DATA_DECODE_H
#define HOB_DATA_DECODE_H

#include "data/model/walk.h"

enum {
    HOB__DECODE_FRAMES = 12, /* on the stack */
    HOB__DECODE_GAPS = 40,   /* on the stack, for texts below HOB__DECODE_LARGE bytes; beyond: */
    HOB__DECODE_MORE_GAPS = 512,
    HOB__DECODE_SMALL = 512, /* below it nothing comes again that would be worth it */
    HOB__DECODE_LARGE = 16384,
    HOB__GAP_MOST = 64,      /* bytes of one that is remembered */
    HOB__NUMBER_BACK = 16,   /* so much must be readable before a number for number_wide.h */
    HOB__UTF8_AHEAD = 32768, /* bytes that are looked at together; they are in the cache then */
    HOB__GAP_SIGHT = HOB__GAP_MOST + 64 /* so much of the text there must be, to look for one */
};

/* What is between two values. Which values follow each other in an object is a chain of `next`, in
 * the order of the last object of that place; all of its gaps are in a ring, so that one is found
 * again when the order was another one. An array has but two of them, the one between items, and
 * its end, which is the first one's `next`. */
struct hob__gap {
    const uint8_t *text;
    const struct hob__slot *slot; /* the field that it names, or what else it is: */
    struct hob__gap *next;        /* what came behind the value; never NULL */
    struct hob__gap *inner;       /* in front of the value's first one, with its bracket */
    struct hob__gap *first; /* the ring of the object that the value is; of an array its two */
    struct hob__gap *ring;
    uint64_t bit; /* the slot's, and its offset */
    uint32_t size, offset;
    uint8_t quote; /* where the name is in it */
    bool bracket;  /* it is in front of an object's first value */
    uint8_t quick; /* enum hob__quick: how the value is read */
};
/* The end of an object or array; between items; with a name that is no field's. */
extern const struct hob__slot hob__gap_end, hob__gap_item, hob__gap_skip;
/* Equal to no text: what comes next is not known. Behind it and in it is nothing else. */
extern struct hob__gap hob__no_gap;

/* An object or an array that is open. */
struct hob__decode_frame {
    const struct hob__plan *plan; /* of an object; NULL: an array */
    const struct hob__slot *slot; /* an object's: the field that is read; an array's: whose items */
    uint8_t *base;                /* the struct; the items */
    const uint8_t *begin;         /* where it begins in the text */
    struct hob__gap *around;      /* in front of it */
    struct hob__gap *gap;         /* the last one, in an object; an array's two */
    union {
        struct {                                  /* of an object */
            uint64_t seen[HOB_MODEL_FIELDS / 64]; /* fields that were there */
            const struct hob__slot *next;         /* the field that will probably be next */
            size_t problems;                      /* how many there were when it began */
        };
        struct {
            uint8_t *at;                  /* the array's field, in its struct */
            size_t room, most;            /* items: for which there is room; that are kept */
            size_t count;                 /* items before the one that is read */
            const struct hob__slot *item; /* what its items are wrappers of, or NULL, and where */
            size_t shift;
            unsigned quick;                /* enum hob__quick */
            const struct hob__plan *items; /* of items that are objects; or NULL */
        };
    };
};

struct hob__decoder {
    const uint8_t *text, *end;
    const uint8_t *utf8;    /* up to here the text is known to be UTF-8 */
    const uint8_t *sight;   /* HOB__GAP_SIGHT bytes before that; or NULL */
    const uint8_t *numbers; /* from here on, so far, number_wide.h may be used */
    size_t number_span;
    struct hob_arena *memory;
    const struct hob_decode_options *o;
    struct hob__decode_frame *frames;
    unsigned depth; /* its frame is the innermost; frames[0] is around the root */
    unsigned most;
    unsigned limit; /* for which there are frames, or most */
    int rc;         /* why a value could not be read */
    bool has_lines; /* the text is the user's */
    bool learns;
    struct hob__problem_list problems;
    struct hob__matcher matcher;
    const uint8_t *counted; /* up to where lines were counted */
    size_t line, column;
    struct hob__gap *gaps;
    unsigned gap_count, gap_room;
    struct hob__gap root;
    struct hob__decode_frame some[HOB__DECODE_FRAMES];
    struct hob__gap some_gaps[HOB__DECODE_GAPS];
};

/* ---- decode_gap.c ---- */

/* The gap from `from` to `to` has been read: it is what came behind f->gap (`enters`: in front of
 * the object's first value), and f->gap then. */
void hob__gap_in_object(struct hob__decoder *d, struct hob__decode_frame *f, bool enters,
                        const uint8_t *from, const uint8_t *to, const struct hob__slot *s,
                        const uint8_t *quote);
/* An array begins behind the gap `around`: its two; hob__no_gap without room. */
struct hob__gap *hob__gaps_of_array(struct hob__decoder *d, struct hob__gap *around);
/* In front of its first value, or of all when it has none. */
void hob__gap_enters_array(struct hob__decoder *d, struct hob__gap *around, const uint8_t *from,
                           const uint8_t *to, bool ends);
/* Between its items, or behind the last. */
void hob__gap_in_array(struct hob__gap *gap, const uint8_t *from, const uint8_t *to);

/* ---- decode_note.c: what does not fit the model ---- */

/* Who reads a value says where it ends, or NULL: d->rc then is one of these, or the error. */
enum { HOB__MISMATCH = 1, HOB__NOTED = 2 /* and said so */ };

/* What is wrong at `at`; `name` is the member there, if that is no field. */
void hob__decode_note(struct hob__decoder *d, const uint8_t *at, const char *name, size_t n,
                      const char *fmt, ...) HOB_PRINTF(5, 6);
/* A value of another type. */
void hob__decode_note_type(struct hob__decoder *d, const struct hob__slot *s, const uint8_t *p,
                           bool array);
/* A string that is not what it should be. */
void hob__decode_note_text(struct hob__decoder *d, const struct hob__slot *s, const uint8_t *p,
                           const struct hob_slice *text);
void hob__decode_note_missing(struct hob__decoder *d, struct hob__decode_frame *f);
void hob__decode_check(struct hob__decoder *d, const struct hob__slot *s, const void *value,
                       const uint8_t *p);
/* The array that was the innermost one, as a whole. */
void hob__decode_check_array(struct hob__decoder *d, struct hob__decode_frame *f);

static inline size_t hob__problem_count(const struct hob__decoder *d) {
    return d->problems.count + d->problems.more + (d->problems.first[0] != 0);
}

/* ---- decode.c ---- */

/* Some more of the text is UTF-8, from `to` on, which is at a token, or behind one. Else d->rc says
 * so. */
bool hob__decode_more_utf8(struct hob__decoder *d, const uint8_t *to);
/* Is it up to there? Only behind strings that has to be asked: nothing else that is JSON has bytes
 * that are not ASCII. */
static inline bool hob__decode_utf8(struct hob__decoder *d, const uint8_t *to) {
    return HOB__LIKELY(to <= d->utf8) || hob__decode_more_utf8(d, to);
}
/* Does sight end before p, and not because the text does? */
static inline bool hob__decode_may_see_more(const struct hob__decoder *d, const uint8_t *p) {
    return p > d->sight && d->utf8 < d->end;
}
/* What hob__decode_more_utf8() will look at next comes nearer, a little for each object. */
static inline void hob__decode_fetch(const uint8_t *p) {
    enum { LINE = 64, LINES = 3 };
    for (uintptr_t i = 0; i < LINES; i++)
        __builtin_prefetch((const void *)((uintptr_t)p + (uintptr_t)2 * HOB__UTF8_AHEAD + i * LINE),
                           0, 2);
}

/* One more level; NULL: d->rc says why. */
bool hob__decode_more_frames(struct hob__decoder *d);
bool hob__decode_more_items(struct hob__decoder *d, struct hob__decode_frame *f);

#endif
