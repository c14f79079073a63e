/* data/model/model.h - models as the engines want them: a plan, made from a model's table at its
 * first use and kept as long as the program runs.
 *
 * plan.c makes it, decode.c reads JSON by it, encode.c writes JSON. What a single
 * value looks like as text is in scalar.c; what is right in check.c. None of them calls
 * itself for what is nested: they keep frames (struct hob__frames), the first few on the stack, so
 * that a task's small stack is enough for the 1024 levels that are allowed. */
#ifndef HOB_DATA_MODEL_H
#define HOB_DATA_MODEL_H

#include <hob/error.h>
#include <hob/model.h>

#include "data/tree.h"

#include <string.h>

enum { HOB__SHAPES = 0xE0 }; /* of hob_field.type */

enum hob__format {
    HOB__NO_FORMAT,
    HOB__EMAIL,
    HOB__URI,
    HOB__DATE_TIME,
    HOB__DATE,
    HOB__TIME_OF_DAY,
    HOB__UUID_TEXT,
    HOB__IPV4,
    HOB__IPV6,
    HOB__HOSTNAME
};

/* How the decoder reads the usual fields and items, when all is as it mostly is. */
enum hob__quick {
    HOB__QUICK_NOT,
    HOB__QUICK_STRING,
    HOB__QUICK_SLICE,
    HOB__QUICK_INT64,
    HOB__QUICK_LONG, /* the same of more than seven digits */
    HOB__QUICK_INT32,
    HOB__QUICK_DOUBLE,
    HOB__QUICK_BOOL,
    HOB__QUICK_TIME,
    HOB__QUICK_ONE,     /* a pointer */
    HOB__QUICK_ARRAY,   /* of usual items */
    HOB__QUICK_DOUBLES, /* items that are double[N] */
    HOB__QUICK_SKIP,    /* no field */
    HOB__QUICK_END      /* no value: the object's end */
};

/* A name as it is looked for: whole, as far as it has 16 bytes or less. */
struct hob__key {
    uint64_t first, last; /* its first and last eight bytes; shorter: with zeros behind it, and 0 */
};

/* A field. */
struct hob__slot {
    /* How its name is in a text: name":, its first eight bytes and its last eight (or 0). */
    uint64_t head, head_mask, tail;
    const char *quoted;
    uint32_t quoted_size;
    uint8_t kind, shape;
    bool required;      /* not null */
    bool may_miss;      /* it is not, or has a value then */
    bool checked;       /* there is something to check about its (items') values */
    bool array_checked; /* ... about the array */
    bool has_choices;
    bool plain;          /* one scalar, of which there is nothing else to do */
    uint8_t quick;       /* enum hob__quick: of a plain field */
    uint8_t quick_items; /* of what an array or a pointer is of, if there is nothing to check */
    bool doubles;        /* double x[N], nothing to check */
    uint8_t format;
    uint8_t index; /* in the plan */
    uint64_t bit;  /* of that in seen[index / 64] */
    uint32_t offset, item_size;
    uint32_t presence; /* its offset + 1, or 0 */
    uint32_t count_offset;
    const struct hob_model *model; /* of nested ones */
    uint32_t items;                /* T[N]: N */
    uint32_t name_size;
    struct hob__key key;
    const char *name;
    const char *label; /* "name": */
    uint32_t label_size;
    const struct hob_field *field;
    struct hob__pattern *pattern; /* compiled */
};

/* The values of fields that are not there (HOB_DEFAULT), made when they are first needed. */
struct hob__fallbacks {
    struct hob_arena memory;
    _Alignas(16) char whole[]; /* a struct */
};

struct hob__plan {
    const struct hob_model *model;
    struct hob__fallbacks *fallbacks; /* NULL: not yet */
    bool has_fallbacks;
    const struct hob__slot *behind; /* the last slot */
    const char *(*check)(const void *whole);
    uint64_t required[HOB_MODEL_FIELDS / 64]; /* those that must be there */
    uint64_t fallback[HOB_MODEL_FIELDS / 64]; /* those that have a value when they are not */
    const uint8_t *places; /* by the hash of its name, a slot's index + 1; open addressing */
    uint32_t count;
    uint32_t mask; /* of the table of places */
    struct hob__slot slots[];
};

/* Makes it, or finds it made meanwhile. 0 or -ENOMEM; a model that cannot be right is misuse. */
int hob__plan_make(const struct hob_model *model, const struct hob__plan **plan);

static inline int hob__plan_of(const struct hob_model *model, const struct hob__plan **plan) {
    *plan = __atomic_load_n(model->plan, __ATOMIC_ACQUIRE);
    return HOB__LIKELY(*plan != NULL) ? 0 : hob__plan_make(model, plan);
}

/* The key of a name in memory of which `readable` bytes may be looked at. */
static inline struct hob__key hob__key_of(const char *name, size_t n, size_t readable) {
    struct hob__key k = {0, 0};
    if (n >= 8) {
        memcpy(&k.first, name, 8);
        memcpy(&k.last, name + n - 8, 8);
    } else if (readable >= 8) {
        memcpy(&k.first, name, 8);
        k.first &= (UINT64_C(1) << 8 * n) - 1;
    } else {
        memcpy(&k.first, name, n);
    }
    return k;
}

static inline uint32_t hob__key_hash(const struct hob__key *k, size_t n) {
    uint64_t h = (k->first ^ n) * UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ h >> 29 ^ k->last) * UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)(h >> 32);
}

/* The slot of that name, or NULL; readable: as for its key. */
static inline const struct hob__slot *hob__plan_find(const struct hob__plan *plan, const char *name,
                                                     size_t n, size_t readable) {
    struct hob__key k = hob__key_of(name, n, readable);
    for (uint32_t i = hob__key_hash(&k, n);; i++) {
        unsigned at = plan->places[i & plan->mask];
        if (at == 0) return NULL;
        const struct hob__slot *s = &plan->slots[at - 1];
        if (s->key.first == k.first && s->key.last == k.last && s->name_size == n &&
            (n <= 16 || memcmp(s->name, name, n) == 0))
            return s;
    }
}

/* Many items: of FIXED, UP_TO, LIST. */
static inline bool hob__is_array(const struct hob__slot *s) { return s->shape >= HOB__SHAPE_FIXED; }
static inline size_t *hob__count_at(const struct hob__slot *s, void *whole) {
    return (size_t *)(void *)((char *)whole + s->count_offset);
}
/* Is it there, in the struct? As by its presence member; else: unless it is optional (or a pointer)
 * and zero. */
bool hob__is_there(const struct hob__slot *s, const void *whole, bool *null);
void hob__set_presence(const struct hob__slot *s, void *whole, enum hob_presence is);
/* It is zero then, with no items. */
static inline void hob__clear_field(const struct hob__slot *s, void *whole) {
    memset((char *)whole + s->offset, 0, s->field->size);
    if (s->shape == HOB__SHAPE_LIST || s->shape == HOB__SHAPE_UP_TO) *hob__count_at(s, whole) = 0;
}
/* copy.c: the value that a field has when it is not there, into the struct. 0, -ENOMEM. */
int hob__put_fallback(const struct hob__plan *plan, const struct hob__slot *s, void *whole,
                      struct hob_arena *memory);
void hob__fallbacks_free(struct hob__fallbacks *f);

/* A whole as if it were a field: of a struct, or of `struct { void *items; size_t count; }`. */
struct hob__root {
    struct hob_field field;
    struct hob__slot slot;
};
void hob__root_slot(struct hob__root *r, const struct hob_model *model, bool array);

/* ---- problems ---- */

struct hob__problem_list {
    struct hob_arena *memory; /* NULL: only the first is wanted, in the record */
    struct hob_problem *items;
    size_t count, more;
    int rc; /* -ENOMEM when a problem could not be kept */
    char first[480];
};

/* Notes one; path is n bytes. */
void hob__problem(struct hob__problem_list *list, const char *path, size_t n, size_t line,
                  size_t column, const char *fmt, ...) HOB_PRINTF(6, 7);
/* Gives them to the caller, who may have asked for none. 0, HOB_E_MODEL or -ENOMEM, with a record.
 */
int hob__problems_end(struct hob__problem_list *list, struct hob_problems *out);

/* A JSON Pointer that is put together from its end: at points to its first byte. Cut in front when
 * it is longer than a path may be. */
struct hob__path {
    char *at;
    char text[480];
};
static inline void hob__path_begin(struct hob__path *p) { p->at = p->text + sizeof p->text; }
static inline size_t hob__path_size(const struct hob__path *p) {
    return (size_t)(p->text + sizeof p->text - p->at);
}
void hob__path_name(struct hob__path *p, const char *name, size_t n);
void hob__path_index(struct hob__path *p, size_t i);

/* ---- decoding, for those who have made the text themselves: problems have no line ---- */

int hob__decode_without_lines(const struct hob_model *model, void *out, const char *text, size_t n,
                              struct hob_arena *memory, const struct hob_decode_options *o);
/* One field of a struct, from a JSON text of its own; paths begin at the field's value. */
int hob__decode_field(const struct hob__slot *s, void *whole, const char *text, size_t n,
                      struct hob_arena *memory, const struct hob_decode_options *o);

/* ---- values ---- */

/* Bytes from anywhere: what a text is read from. */
enum { HOB__SCALAR_ROOM = 64, HOB__WHY = 200 };

/* Their words: "a string", "an integer from 0 to 255". */
const char *hob__kind_name(const struct hob__slot *s, char *buf, size_t n);
/* Is a double or integer within the type? Stores it; false: it is not. */
bool hob__store_number(const struct hob__slot *s, const struct hob_json *number, void *to);
bool hob__store_choice(const struct hob__slot *s, const char *name, size_t n, void *to);
int64_t hob__load_int(unsigned kind, const void *at);
uint64_t hob__load_uint(unsigned kind, const void *at);
const char *hob__choice_name(const struct hob__slot *s, const void *at);

bool hob__time_read(const char *text, size_t n, struct hob_time *out);
/* Days from 1970 on. */
static inline int64_t hob__days(unsigned year, unsigned month, unsigned day) {
    static const uint16_t before[] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned y = year + 400 - (month <= 2),
             c = y / 100; /* leap days up to there; 97 of 400 years more */
    return (int64_t)(year * 365 + y / 4 - c + c / 4 + before[month] + day) - 719625;
}
/* Parts of it, which *p then is behind: YYYY-MM-DD as days from 1970 on; hh:mm:ss[.fraction] with
 * its zone as microseconds of UTC from the begin of the day (below 0, too, and beyond 24 h). */
bool hob__date_read(const char **p, const char *end, int64_t *days);
bool hob__time_of_day_read(const char **p, const char *end, int64_t *us);
size_t hob__time_write(struct hob_time t, char *out); /* 0: it has none */
bool hob__uuid_read(const char *text, size_t n, struct hob_uuid *out);
size_t hob__uuid_write(const struct hob_uuid *u, char *out); /* 36 */
/* out: n / 4 * 3 bytes of room. */
bool hob__base64_read(const char *text, size_t n, uint8_t *out, size_t *size);
static inline size_t hob__base64_size(size_t n) { return (n + 2) / 3 * 4; }
void hob__base64_write(const uint8_t *bytes, size_t n, char *out);

/* ---- checks ---- */

/* Does a text have that format? */
bool hob__format_right(enum hob__format format, const char *text, size_t n);
enum hob__format hob__format_named(const char *name); /* HOB__NO_FORMAT: unknown */

/* What a pattern is matched with, once for a whole call. All zero at first. */
struct hob__matcher {
    void *data;
};
void hob__matcher_end(struct hob__matcher *m);
/* NULL: not a pattern, *why says what is wrong where; or no memory (*why == NULL). */
struct hob__pattern *hob__pattern_make(const char *pattern, const char **why, size_t *at);
/* 1, 0, -ENOMEM, HOB_E_LIMIT: that would take too long. */
void hob__pattern_free(struct hob__pattern *p); /* NULL is allowed */
int hob__pattern_found(const struct hob__pattern *p, struct hob__matcher *m, const char *text,
                       size_t n);

/* A value that is there, or an item of an array: 0; 1: *why says what is wrong with it, a static
 * text or one in buf of HOB__WHY bytes; -ENOMEM. */
int hob__check_value(const struct hob__slot *s, const void *value, struct hob__matcher *m,
                     char *buf, const char **why);
/* An array as a whole, in the same way; *item is the one that is there twice, or SIZE_MAX. */
int hob__check_array(const struct hob__slot *s, const void *items, size_t n, char *buf,
                     const char **why, size_t *item);

#endif
