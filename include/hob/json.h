/* hob/json.h - JSON (RFC 8259): a text becomes a tree that is only read; trees and values become
 * text. In libhob-data; it needs no task and never waits, and different threads may use different
 * trees, or read the same one.
 *
 *   struct hob_json_doc *doc;
 *   HOB_TRY(hob_json_parse(text, size, &doc));
 *   const struct hob_json *users = hob_json_get(hob_json_root(doc), "users");
 *   HOB_JSON_EACH(user, users)
 *       printf("%s\n", hob_json_string(hob_json_get(user, "name"), "?"));
 *   hob_json_free(doc);
 */
#ifndef HOB_JSON_H
#define HOB_JSON_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_JSON = -5070,           /* not JSON; the record says where and what was expected */
    HOB_E_JSON_RANGE = -5071,     /* a number that 64 bits, or a double, cannot hold */
    HOB_E_JSON_DUPLICATE = -5072, /* an object has a name twice */
    HOB_E_JSON_TYPE = -5073       /* the value is of another type, or not there */
};

enum hob_json_type {
    HOB_JSON_NONE, /* no value: what hob_json_type(NULL) says */
    HOB_JSON_NULL,
    HOB_JSON_FALSE,
    HOB_JSON_TRUE,
    HOB_JSON_INT,    /* fits into int64_t */
    HOB_JSON_UINT,   /* an integer above INT64_MAX that fits into uint64_t */
    HOB_JSON_DOUBLE, /* was written with a point or an exponent; -0 */
    HOB_JSON_STRING,
    HOB_JSON_ARRAY,
    HOB_JSON_OBJECT
};

/* One value of a tree; 16 bytes. The values of a document lie one behind the other in the order of
 * the text: a container, then its items; an object's items are names and values by turns. */
struct hob_json {
    uint64_t head; /* the type in the lowest byte; above it a string's bytes, an array's items, an
                      object's members */
    union {
        int64_t i;
        uint64_t u;
        double d;
        const char *text;
        uint64_t span; /* a container's values with itself: the next one lies so far behind it */
    } of;
};

struct hob_json_doc;

enum hob_json_duplicates {
    HOB_JSON_FIRST, /* all are kept, hob_json_get() finds the first */
    HOB_JSON_LAST,  /* ... the last, as JavaScript and Python do */
    HOB_JSON_REJECT /* HOB_E_JSON_DUPLICATE */
};

/* All zero is the default. */
struct hob_json_options {
    enum hob_json_duplicates duplicates;
    bool borrow;     /* strings without escapes point into the caller's text, which must outlive the
                        tree and stay as it is; they are not ended by a NUL. Saves a copy of the text */
    bool big_double; /* integers beyond 64 bits become doubles instead of HOB_E_JSON_RANGE */
    unsigned depth;  /* of containers in each other; default and maximum 1024 */
};

/* ---- reading a text ---- */

/* Parses the n bytes, UTF-8, into a new document, which the caller frees (hob_json_free()).
 * Options: hob_json_parse(text, n, &doc, .borrow = true). 0; HOB_E_JSON, HOB_E_JSON_RANGE,
 * HOB_E_JSON_DUPLICATE with line, column and what was expected in the record; HOB_E_LIMIT (deeper
 * than the depth; a text of 4 GiB or more); -ENOMEM. *doc is NULL then. */
#define hob_json_parse(text, n, doc, ...)                                                          \
    hob_json_parse_with((text), (n), HOB__OPTIONS(hob_json_options, __VA_ARGS__), (doc))
HOB_API int hob_json_parse_with(const void *text, size_t n, struct hob_json_options options,
                                struct hob_json_doc **doc);
/* The same into a document that exists: its old values are gone, its memory is used again. After an
 * error it is empty (its root is NULL), and may be used again. */
#define hob_json_reparse(text, n, doc, ...)                                                        \
    hob_json_reparse_with((text), (n), HOB__OPTIONS(hob_json_options, __VA_ARGS__), (doc))
HOB_API int hob_json_reparse_with(const void *text, size_t n, struct hob_json_options options,
                                  struct hob_json_doc *doc);
/* NULL is allowed. */
HOB_API void hob_json_free(struct hob_json_doc *doc);
HOB_API const struct hob_json *hob_json_root(const struct hob_json_doc *doc);

/* Where a text is not JSON, without making a tree: 0 or as hob_json_parse(). */
HOB_API int hob_json_check(const void *text, size_t n, unsigned depth);

/* ---- looking at values. All of them take NULL for a value that is not there, so that calls can be
 * put into each other ---- */

static inline enum hob_json_type hob_json_type(const struct hob_json *v) {
    return v ? (enum hob_json_type)(v->head & 0x7F) : HOB_JSON_NONE;
}
/* "null", "boolean", "number", "string", "array", "object", "nothing". */
HOB_API const char *hob_json_type_name(const struct hob_json *v);
/* A string's bytes, an array's items, an object's members; else 0. */
HOB_API size_t hob_json_size(const struct hob_json *v);

/* The member of that name, NUL-terminated; NULL when there is none, or v is no object. Looks at the
 * names one after the other. */
HOB_API const struct hob_json *hob_json_get(const struct hob_json *object, const char *name);
HOB_API const struct hob_json *hob_json_get_n(const struct hob_json *object, const char *name,
                                              size_t n);
/* The i-th item, from 0; NULL behind the end. Goes through those before it. */
HOB_API const struct hob_json *hob_json_at(const struct hob_json *array, size_t i);
/* By a JSON Pointer (RFC 6901), "/users/0/name"; "" is v itself. NULL when nothing is there. */
HOB_API const struct hob_json *hob_json_pointer(const struct hob_json *v, const char *pointer);

/* What it is, or `other` when it is not that. */
HOB_API bool hob_json_bool(const struct hob_json *v, bool other);
HOB_API int64_t hob_json_int(const struct hob_json *v, int64_t other);
HOB_API double hob_json_double(const struct hob_json *v, double other); /* any number */
/* Ended by a NUL unless the document borrows its text; may hold NULs of its own (hob_json_size()).
 */
HOB_API const char *hob_json_string(const struct hob_json *v, const char *other);
/* 0, or HOB_E_JSON_TYPE with what it is instead. A whole double is an int too, if it fits. */
HOB_API int hob_json_to_bool(const struct hob_json *v, bool *out);
HOB_API int hob_json_to_int(const struct hob_json *v, int64_t *out);
HOB_API int hob_json_to_uint(const struct hob_json *v, uint64_t *out);
HOB_API int hob_json_to_double(const struct hob_json *v, double *out);
HOB_API int hob_json_to_string(const struct hob_json *v, struct hob_slice *out);

/* The value behind v and all that is in it. */
static inline const struct hob_json *hob_json_next(const struct hob_json *v) {
    return v + ((v->head & 0x7F) >= HOB_JSON_ARRAY ? v->of.span : 1);
}
static inline const struct hob_json *hob__json_first(const struct hob_json *v,
                                                     enum hob_json_type type) {
    return hob_json_type(v) == type ? v + 1 : NULL;
}
static inline const struct hob_json *hob__json_end(const struct hob_json *v,
                                                   enum hob_json_type type) {
    return hob_json_type(v) == type ? v + v->of.span : NULL;
}

/* for (each item of the array; none when it is no array). */
#define HOB_JSON_EACH(item, array)                                                                 \
    for (const struct hob_json *HOB__UNIQUE(in) = (array),                                         \
                               *item = hob__json_first(HOB__UNIQUE(in), HOB_JSON_ARRAY),           \
                               *HOB__UNIQUE(end) = hob__json_end(HOB__UNIQUE(in), HOB_JSON_ARRAY); \
         item != HOB__UNIQUE(end); item = hob_json_next(item))
/* for (each member: name is a string, value what it names). */
#define HOB_JSON_EACH_MEMBER(name, value, object)                                                  \
    for (const struct hob_json *                                                                   \
             HOB__UNIQUE(in) = (object),                                                           \
            *name = hob__json_first(HOB__UNIQUE(in), HOB_JSON_OBJECT),                             \
            *HOB__UNIQUE(end) = hob__json_end(HOB__UNIQUE(in), HOB_JSON_OBJECT),                   \
            *value = name ? name + 1 : NULL;                                                       \
         name != HOB__UNIQUE(end); name = hob_json_next(value), value = name + 1)

/* ---- writing ---- */

struct hob_json_write_options {
    unsigned indent; /* spaces for each level; 0 = compact */
    bool sort;       /* objects' members by name (bytewise) */
    bool newline;    /* one at the end */
    bool ascii;      /* everything else as \u escapes */
};

/* The text of v, in memory from malloc() that the caller frees; ended by a NUL, which *size (may be
 * NULL) does not count. 0 or -ENOMEM. A double that is no number cannot come out of a parsed tree.
 */
#define hob_json_write(v, text, size, ...)                                                         \
    hob_json_write_with((v), HOB__OPTIONS(hob_json_write_options, __VA_ARGS__), (text), (size))
HOB_API int hob_json_write_with(const struct hob_json *v, struct hob_json_write_options options,
                                char **text, size_t *size);
HOB_API void hob_json_text_free(char *text); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
