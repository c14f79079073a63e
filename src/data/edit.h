/* data/edit.h - a tree that can be changed, on top of trees that are only read.
 *
 * An edit is a value of the result. At first it is `flat`: a value of another document, with all
 * that is in it. Opened, it has an edit for each item; only what lies on the way to a change is
 * ever opened, so that the price of a change is that of the containers on its way. In the end
 * everything is copied into a new document at once.
 *
 * All memory comes from one arena with a limit, and goes with it; nothing is given back before.
 * Nothing here calls itself, however deep the values are: a task's stack is small. */
#ifndef HOB_DATA_EDIT_H
#define HOB_DATA_EDIT_H

#include "data/copy.h"

struct hob__edit {
    const struct hob_json *flat; /* not opened */
    struct hob__edit *parent;    /* NULL: the root */
    struct hob__edit **items;    /* opened: count of them; in objects also places that are gone */
    struct hob__edit **sorted;   /* objects that are searched: the members, by name */
    uint32_t count, room, sorted_count, sorted_room;
    uint32_t order;        /* in an object: its index in items */
    uint32_t cursor;       /* of a walk */
    uint64_t head;         /* opened: HOB_JSON_ARRAY or HOB_JSON_OBJECT, and HOB__JSON_LAST */
    bool gone;             /* an object's place where a member was */
    struct hob_slice name; /* in an object */
    size_t out;            /* where its value is in the result */
};

struct hob__edit_block;

struct hob__edits {
    struct hob__edit_block *blocks;
    size_t used, limit;
    struct hob__edit *root, none; /* none: what stands in places that are gone */
    int failed;                   /* -ENOMEM, HOB_E_LIMIT: why there was no memory */
};

/* How many bytes the n values take. */
size_t hob__edit_weight(const struct hob_json *v, size_t n);
/* Begins with v. limit 0: the default, by the weights of v and `other` (may be NULL). 0, or why
 * not. */
int hob__edits_begin(struct hob__edits *all, const struct hob_json *v, const struct hob_json *other,
                     size_t limit);
void hob__edits_end(struct hob__edits *all);
/* The words for what these calls, and all->failed, say. */
int hob__edits_failed(int code);
/* The result. 0, HOB_E_LIMIT, -ENOMEM. */
int hob__edits_finish(struct hob__edits *all, struct hob_json_doc **doc);

/* Memory until the end; NULL: all->failed says why. */
void *hob__edits_alloc(struct hob__edits *all, size_t n);
struct hob__edit *hob__edit_new(struct hob__edits *all, const struct hob_json *flat);
enum hob_json_type hob__edit_type(const struct hob__edit *e);
/* It has items then. False without memory. */
bool hob__edit_open(struct hob__edits *all, struct hob__edit *e);
/* It is flat again, or an object without members. */
void hob__edit_set(struct hob__edit *e, const struct hob_json *flat);
void hob__edit_set_empty(struct hob__edit *e);

/* Of an object that is open: the member, or NULL (all->failed: there was no memory). */
struct hob__edit *hob__edit_find(struct hob__edits *all, struct hob__edit *object,
                                 struct hob_slice name);
/* Puts a member there, in place of the one that has this name. The name's bytes must stay. */
bool hob__edit_put(struct hob__edits *all, struct hob__edit *object, struct hob_slice name,
                   struct hob__edit *e);
void hob__edit_drop(struct hob__edits *all, struct hob__edit *object, struct hob__edit *e);
/* Of an array that is open. */
bool hob__edit_insert(struct hob__edits *all, struct hob__edit *array, size_t at,
                      struct hob__edit *e);
void hob__edit_take(struct hob__edit *array, size_t at);

/* e as values one behind the other, whose strings are where they were. They are e's own when it is
 * flat, else in the arena, or, with `memory`, in that, which the caller frees (hob__free()). NULL:
 * all->failed. */
const struct hob_json *hob__edit_flatten(struct hob__edits *all, struct hob__edit *e,
                                         void **memory);

#endif
