/* data/model/walk.h - going through a struct by its model, value by value, for those who write it,
 * check it or compare it. What is not there is left out. */
#ifndef HOB_DATA_MODEL_WALK_H
#define HOB_DATA_MODEL_WALK_H

#include "data/model/model.h"

enum hob__walk_event {
    HOB__WALK_END, /* it is through */
    HOB__WALK_OBJECT,
    HOB__WALK_OBJECT_END,
    HOB__WALK_ARRAY,
    HOB__WALK_ARRAY_END,
    HOB__WALK_VALUE,  /* a single one; `at` is where it is */
    HOB__WALK_NULL,   /* by its presence member */
    HOB__WALK_MISSING /* there ought to be something: NULL instead of a string, of items */
};

enum { HOB__WALK_FRAMES = 10 };

struct hob__walk_frame {
    const struct hob__plan *plan; /* of an object; NULL: an array */
    const struct hob__slot *slot; /* the field that it is at; whose items */
    const char *base;             /* the struct; the items */
    size_t i, count;              /* of items */
    const struct hob__slot *of;   /* the slot whose value this is */
};

struct hob__walk {
    /* what has just been found: */
    const struct hob__slot *slot;  /* what is at `at` */
    const struct hob__slot *field; /* an object's member: whose name it has; else NULL */
    const void *at;                /* the value; of an object its struct, of an array its items */
    size_t count;                  /* of an array */
    bool first;                    /* of its object or array */
    /* private: */
    struct hob__walk_frame *frames;
    unsigned depth, room;
    bool begun;
    struct hob__walk_frame some[HOB__WALK_FRAMES];
};

/* From the value of the slot on, of which `whole` is the struct around it. The slot is as
 * hob__root_slot() makes it. */
void hob__walk_begin(struct hob__walk *w, const struct hob__slot *root, const void *whole);
/* An event, or -ENOMEM, HOB_E_LIMIT (deeper than 1024), with a record. */
int hob__walk_next(struct hob__walk *w);
void hob__walk_end(struct hob__walk *w);
/* Where it is. */
void hob__walk_path(const struct hob__walk *w, struct hob__path *path);

/* Why JSON, or any text, cannot hold a value; NULL: it can. */
const char *hob__unwritable(const struct hob__slot *s, const void *value);
/* The text of a string, or of what is written as one, but for bytes; scalars of HOB__SCALAR_ROOM
 * bytes go to buf. */
struct hob_slice hob__text_of(const struct hob__slot *s, const void *value, char *buf);

#endif
