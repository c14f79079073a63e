/* hob/model.h - models: a plain struct, and beside it a table that says what of it is known
 * outside, by which names, and what is right. From the table: JSON and back without a tree, checks
 * with all that is wrong at once, JSON Schema, forms and queries, rows of databases, a text for
 * debugging. In libhob-data; needs no task, never waits; threads may share models.
 *
 *   enum role { ROLE_READER, ROLE_AUTHOR };
 *   static const struct hob_choice roles[] = {{"reader", ROLE_READER}, {"author", ROLE_AUTHOR},
 * {0}};
 *
 *   struct address { char *street, *city; };
 *   HOB_MODEL(address, struct address, HOB_FIELD(street), HOB_FIELD(city, .max_length = 80))
 *
 *   struct user {
 *       int64_t id;
 *       char *email;
 *       enum role role;
 *       double *score;                                 a pointer to one: NULL when there is none
 *       struct hob_time created;
 *       struct address home;
 *       char **tags;
 *       size_t ntags;
 *   };
 *   HOB_MODEL(user, struct user,
 *       HOB_FIELD(id, .primary = true, HOB_MIN(1)),
 *       HOB_FIELD(email, .format = "email"),
 *       HOB_FIELD(role, .choices = roles),
 *       HOB_FIELD(score, HOB_MIN(0), HOB_MAX(100)),
 *       HOB_FIELD(created),                            "2026-01-31T12:00:00Z"
 *       HOB_NESTED(home, address),
 *       HOB_ARRAY(tags, ntags, .optional = true, .max_items = 20))
 *
 *   HOB_ARENA(memory);                                 all that u points to is in here
 *   struct user u;
 *   struct hob_problems wrong;
 *   int rc = hob_model_decode(user, &u, text, size, &memory, .problems = &wrong);
 *   if (rc == HOB_E_MODEL)                             JSON, but not such a user
 *       for (size_t i = 0; i < wrong.count; i++)
 *           printf("%s: %s\n", wrong.items[i].path, wrong.items[i].message);
 *   rc = hob_model_encode(user, &u, &out, &out_size, .indent = 2);
 *
 * A model stands at file scope, in a header or a source file (all of it is static), behind its
 * struct and the models that it holds; no semicolon. A field is of one of these types:
 *
 *   bool, integers of any width           true; 17 (a whole 17.0, too); out of the type's range is
 * a problem an integer or enum, with .choices     "author": the name that goes with the value
 *   float, double                         any number that is not beyond their range
 *   char *, const char *                  a string without a NUL in it, ended by one
 *   char[N]                               one of less than N bytes
 *   struct hob_slice                      any string; size counts its bytes, a NUL is behind them
 *   struct hob_bytes                      base64 (RFC 4648, with its padding)
 *   struct hob_time                       RFC 3339; written in UTC
 *   struct hob_uuid                       RFC 9562
 *   struct hob_raw                        any JSON, kept as it is written
 *   a pointer to one of those of fixed    the same, or NULL: null, or not there
 *   size (int64_t *, struct hob_time *)
 *   T[N] of one of those that are no      an array of exactly N items
 *   char[N]
 *   HOB_ARRAY(field, count): T *field,    an array, of any number or of at most N items; count is a
 *   or T field[N], and size_t count       size_t
 *   HOB_NESTED(field, model): struct,     an object (a pointer: or null, or not there)
 *   struct *, struct[N]
 *   HOB_NESTED_ARRAY(field, count, model) an array of objects
 *
 * All fields must be there, and not null, but those with .optional = true and pointers to one: what
 * is not there is zero, and what is zero is not there; or it has the value of HOB_DEFAULT(). Where
 * zero is a value, too, or null another thing than nothing, a member of its own tells
 * (HOB_PRESENCE). Members of the JSON object that are no fields are passed over, but must be JSON.
 *
 * Wrong use does not compile: a member that the struct does not have, a type that no model knows,
 * options that the type does not have (.pattern of a number, .primary of an array), a count that is
 * no size_t, a struct of another model, out of another type. What only shows at run time (an
 * unknown format, a pattern that is none, a name twice) stops the program at the model's first use.
 */
#ifndef HOB_MODEL_H
#define HOB_MODEL_H
#pragma GCC system_header

#include <hob/arena.h>
#include <hob/base.h>
#include <hob/json.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_MODEL = -5085 /* the value does not fit the model; the record names the first problem */
};

/* A point in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds. From the year 0
 * to 9999 it has a text. */
struct hob_time {
    int64_t us;
};
struct hob_uuid {
    uint8_t bytes[16]; /* in the order of the text */
};
struct hob_bytes {
    uint8_t *at;
    size_t size;
};
/* A JSON text; at == NULL is none. */
struct hob_raw {
    const char *at;
    size_t size;
};

/* A name for a value; a table of them ends with {0}. */
struct hob_choice {
    const char *name;
    int64_t value;
};

/* What was there for a field. */
enum hob_presence { HOB_ABSENT, HOB_NULL, HOB_PRESENT };

/* ---- what is right for a field ---- */

struct hob_bound {
    bool is, open; /* open: the bound itself is out */
    int64_t i;
    double d;
};

/* Options of fields. In C++ they have to be written in this order. For which types they are stands
 * behind them: (a) all, (n) numbers, (s) strings, bytes, (l) arrays. */
struct hob_field_options {
    const char *name;        /* (a) outside; default: the member's */
    const char *description; /* (a) for the schema */
    bool optional;           /* (a) may be missing or null, and is zero then */
    const char *fallback;    /* (a) HOB_DEFAULT(json) */
    bool primary;            /* all but arrays and nested: the key of a row */
    bool secret;             /* (a) not shown by hob_model_format() */
    uint32_t presence;       /* (a) HOB_PRESENCE(member) */
    uint8_t presence_kind;
    const struct hob_choice *choices; /* integers, enums */
    struct hob_bound min, max;        /* (n) HOB_MIN, HOB_ABOVE; HOB_MAX, HOB_BELOW */
    double multiple_of;               /* (n) 0 = any */
    uint32_t min_length,
        max_length;      /* (s) in characters (code points), of bytes in bytes; 0 = any */
    const char *pattern; /* (s) a regular expression (PCRE2, UTF-8) that is found in it */
    const char *format;  /* (s) "email", "uri", "date-time", "date", "time", "uuid", "ipv4", "ipv6",
                            "hostname" */
    uint32_t min_items, max_items; /* (l) 0 = any; the other checks are for each item */
    bool unique;                   /* (l) no item twice; not of nested */
    /* (a) Right is NULL, else what is wrong, a static text. value points to the field, or to the
     * item of an array. Must not wait. */
    const char *(*check)(const void *value);
};

/* Bounds of numbers: x >= n, x > n, x <= n, x < n. Exact for integers in the range of int64_t. */
#define HOB_MIN(n) .min = HOB__BOUND(n, false)
#define HOB_ABOVE(n) .min = HOB__BOUND(n, true)
#define HOB_MAX(n) .max = HOB__BOUND(n, false)
#define HOB_BELOW(n) .max = HOB__BOUND(n, true)

/* The field may be missing, and is that then, as if it stood there: JSON, as it is written there.
 * HOB_DEFAULT(10), HOB_DEFAULT("none"), HOB_DEFAULT([1, 2]), HOB_DEFAULT({"x": 0.5}). Null it may
 * be with .optional only, and is zero then. JSON of another type, or that is not right for the
 * field, stops the program when it is first needed. It is always written. */
#define HOB_DEFAULT(...) .fallback = #__VA_ARGS__

/* The struct's member `m`, an enum hob_presence (in C++ too), or a bool, says whether the field was
 * there. When encoding, a field that is HOB_ABSENT (false) is left out, HOB_NULL is null. */
#define HOB_PRESENCE(m)                                                                            \
    .presence = 1 + (uint32_t) __builtin_offsetof(hob__type, m),                                   \
    .presence_kind = HOB__PRESENCE_KIND(m)

/* ---- models ---- */

#define HOB_MODEL(name, type, ...) HOB__MODEL(name, type, 0, __VA_ARGS__)
/* A struct that is not an object outside, but the value of its one field alone: for arrays in
 * arrays. HOB_WRAPPER(line, struct line, HOB_NESTED_ARRAY(points, npoints, point)) */
#define HOB_WRAPPER(name, type, field) HOB__MODEL(name, type, 1, field)

/* In C only: a model that comes later, for two that hold each other (through pointers, arrays). */
#ifndef __cplusplus
#define HOB_MODEL_LATER(name, type)                                                                \
    typedef type name##__model_type;                                                               \
    static const struct hob_model name##_model;
#endif

#define HOB_FIELD(...) HOB__FIELD(__VA_ARGS__, )
#define HOB_ARRAY(field, ...) HOB__ARRAY(field, __VA_ARGS__, )
#define HOB_NESTED(field, ...) HOB__NESTED(field, __VA_ARGS__, )
#define HOB_NESTED_ARRAY(field, count, ...) HOB__NESTED_ARRAY(field, count, __VA_ARGS__, )
/* In the place of a field: const char *check(const struct user *u) looks at the whole: NULL, or
 * what is wrong with it. */
#define HOB_CHECK(fn) HOB__CHECK(fn)

/* The table. Its names are `user_model` for HOB_MODEL(user, ...), `user__...` besides. */
struct hob_model {
    const char *name;
    size_t size; /* of the struct */
    const struct hob_field *(*fields)(size_t *n);
    int wrapper;
    struct hob__plan **plan; /* made at the first use */
};

enum { HOB_MODEL_FIELDS = 128 /* the most of one model */ };

/* ---- problems ---- */

enum { HOB_PROBLEMS = 100 /* the most that are kept */ };

struct hob_problem {
    const char *path;    /* a JSON Pointer (RFC 6901): "/users/0/email"; "" is the whole */
    const char *message; /* "a string was expected, not a number" */
    size_t line, column; /* from 1, in characters; 0 when there is no text */
};
struct hob_problems {
    const struct hob_problem *items; /* in the arena of the call */
    size_t count;
    size_t more; /* how many were not kept */
};

/* ---- JSON ---- */

struct hob_decode_options {
    struct hob_problems *problems; /* all that is wrong; NULL: the error's record names the first */
    bool refuse_unknown;           /* a member that is no field is a problem */
    bool last_wins;                /* a member that is there twice counts as it is the last time;
                                      else it is a problem */
    unsigned depth;                /* of containers in each other; default and maximum 1024 */
};

/* Reads the n bytes of JSON into the struct *out (all of it is written), and checks it. What the
 * struct points to lives in `memory`. 0; HOB_E_MODEL: it is JSON, but something is missing, of the
 * wrong type, or not right; HOB_E_JSON, HOB_E_JSON_RANGE, HOB_E_LIMIT as hob_json_parse(), with
 * line and column in the record; -ENOMEM. After HOB_E_MODEL the struct holds what could be read. */
#define hob_model_decode(model, out, text, n, memory, ...)                                         \
    hob_model_decode_with(&model##_model, HOB__IS_A(model, out), (text), (n), (memory),            \
                          HOB__OPTIONS(hob_decode_options, __VA_ARGS__))
HOB_API int hob_model_decode_with(const struct hob_model *model, void *out, const void *text,
                                  size_t n, struct hob_arena *memory,
                                  struct hob_decode_options options);
/* The same for an array of them: struct user *users; size_t count; ..., &users, &count, ... */
#define hob_model_decode_array(model, out, count, text, n, memory, ...)                            \
    hob_model_decode_array_with(&model##_model, HOB__IS_ARRAY_OF(model, out), (count), (text),     \
                                (n), (memory), HOB__OPTIONS(hob_decode_options, __VA_ARGS__))
HOB_API int hob_model_decode_array_with(const struct hob_model *model, void *out, size_t *count,
                                        const void *text, size_t n, struct hob_arena *memory,
                                        struct hob_decode_options options);

struct hob_encode_options {
    unsigned indent; /* spaces for each level; 0 = compact */
    bool newline;    /* one at the end */
};

/* The JSON of the struct, in the order of its model; what is not there is left out. In memory that
 * the caller gives back by hob_json_text_free(); ended by a NUL, which *size (may be NULL) does not
 * count. 0; HOB_E_MODEL: something cannot be written (NULL where a string must be, a string that is
 * not UTF-8, a double that is no number, a value without a name), the record says what and where;
 * HOB_E_LIMIT: deeper than 1024; -ENOMEM. What is right otherwise is not looked at
 * (hob_model_validate()). */
#define hob_model_encode(model, in, text, size, ...)                                               \
    hob_model_encode_with(&model##_model, HOB__IS_CONST_A(model, in), (text), (size),              \
                          HOB__OPTIONS(hob_encode_options, __VA_ARGS__))
HOB_API int hob_model_encode_with(const struct hob_model *model, const void *in, char **text,
                                  size_t *size, struct hob_encode_options options);
/* The same of `count` of them, as an array. */
#define hob_model_encode_array(model, items, count, text, size, ...)                               \
    hob_model_encode_array_with(&model##_model, HOB__IS_CONST_A(model, items), (count), (text),    \
                                (size), HOB__OPTIONS(hob_encode_options, __VA_ARGS__))
HOB_API int hob_model_encode_array_with(const struct hob_model *model, const void *items,
                                        size_t count, char **text, size_t *size,
                                        struct hob_encode_options options);

/* ---- structs that come from elsewhere ---- */

/* Is all of it right, and could it be written? 0; HOB_E_MODEL, and *problems (unless NULL) holds
 * all that is wrong, in `memory`; HOB_E_LIMIT, -ENOMEM. hob_model_decode() has looked at all of
 * this. */
#define hob_model_validate(model, in, memory, problems)                                            \
    hob_model_validate_with(&model##_model, HOB__IS_CONST_A(model, in), (memory), (problems))
HOB_API int hob_model_validate_with(const struct hob_model *model, const void *in,
                                    struct hob_arena *memory, struct hob_problems *problems);

/* For debugging: user{id: 7, email: "ada@example.org", tags: ["a"]}; secrets as ***. Takes structs
 * as they are, right or not. Writes at most `room` bytes with the NUL, as snprintf does; returns
 * the length it would have had. */
#define hob_model_format(model, in, buf, room)                                                     \
    hob_model_format_with(&model##_model, HOB__IS_CONST_A(model, in), (buf), (room))
HOB_API size_t hob_model_format_with(const struct hob_model *model, const void *in, char *buf,
                                     size_t room);

/* A copy of *in, with all that its fields point to in `memory`; members that are no fields are
 * copied as they are. out may be in. 0; HOB_E_MODEL: an array that is NULL or too long by its
 * count; HOB_E_LIMIT: structs in each other deeper than 1024; -ENOMEM. *out is all zero then. */
#define hob_model_copy(model, out, in, memory)                                                     \
    hob_model_copy_with(&model##_model, HOB__IS_A(model, out), HOB__IS_CONST_A(model, in), (memory))
HOB_API int hob_model_copy_with(const struct hob_model *model, void *out, const void *in,
                                struct hob_arena *memory);

/* Do both say the same? 1, 0; HOB_E_LIMIT, -ENOMEM. Doubles by their value. */
#define hob_model_equal(model, a, b)                                                               \
    hob_model_equal_with(&model##_model, HOB__IS_CONST_A(model, a), HOB__IS_CONST_A(model, b))
HOB_API int hob_model_equal_with(const struct hob_model *model, const void *a, const void *b);

/* ---- JSON Schema ---- */

struct hob_json_builder;

/* The model as a JSON Schema (draft 2020-12), the models that it holds under "$defs". In memory
 * that the caller gives back by hob_json_text_free(); indent: spaces for each level, 0 = compact. 0
 * or -ENOMEM. Checks by functions, and lengths of bytes, are not in it. */
HOB_API int hob_model_schema(const struct hob_model *model, unsigned indent, char **text,
                             size_t *size);
/* The same as a value of a larger document (hob/json_builder.h), without "$defs": the models that
 * it holds are referred to as `refs` and their names ("#/components/schemas/address"). 0, -ENOMEM,
 * or the builder's error. */
HOB_API int hob_model_put_schema(struct hob_json_builder *b, const struct hob_model *model,
                                 const char *refs);

/* ---- forms and queries ---- */

enum { HOB_FORM_PAIRS = 1000 /* the most of a form */ };

/* Reads a query or a form body (application/x-www-form-urlencoded, as the WHATWG's URL Standard
 * parses it) into the struct: "name=Ada+L&tags=a&tags=b&home.city=London". A name that comes
 * several times is an array, of a nested struct its members are named with a dot. What is not UTF-8
 * is HOB_E_JSON. Booleans are true, false, on, off, 1, 0; what is empty is not there, where the
 * field may be missing and is no string; arrays of nested structs are JSON. Else as
 * hob_model_decode(); problems have no line. HOB_E_LIMIT: more than HOB_FORM_PAIRS pairs; deeper
 * than 16. */
#define hob_model_decode_form(model, out, text, n, memory, ...)                                    \
    hob_model_decode_form_with(&model##_model, HOB__IS_A(model, out), (text), (n), (memory),       \
                               HOB__OPTIONS(hob_decode_options, __VA_ARGS__))
HOB_API int hob_model_decode_form_with(const struct hob_model *model, void *out, const char *text,
                                       size_t n, struct hob_arena *memory,
                                       struct hob_decode_options options);
/* The other way round, in memory that the caller gives back by hob_json_text_free(). As
 * hob_model_encode(); HOB_E_MODEL for an array of nested structs, too. */
#define hob_model_encode_form(model, in, text, size)                                               \
    hob_model_encode_form_with(&model##_model, HOB__IS_CONST_A(model, in), (text), (size))
HOB_API int hob_model_encode_form_with(const struct hob_model *model, const void *in, char **text,
                                       size_t *size);

/* ---- rows of a database ---- */

/* One value of a row, in the form in which the database's library has it. */
enum hob_cell_kind {
    HOB_CELL_NULL,
    HOB_CELL_INT,    /* i; 0 and 1 for a bool */
    HOB_CELL_DOUBLE, /* d */
    HOB_CELL_TEXT,   /* text: of any type; numbers, t and f, times with a space and without a zone
                        (which is UTC then), bytes as \x and hexadecimal, choices, JSON for arrays
                        and   nested structs */
    HOB_CELL_BYTES,  /* text: bytes as they are */
    HOB_CELL_TIME,   /* i: as in struct hob_time */
    HOB_CELL_UUID    /* text: 16 bytes */
};
struct hob_cell {
    enum hob_cell_kind kind;
    union {
        int64_t i;
        double d;
        struct hob_slice text;
    } of;
};

/* Which columns are which fields: found once for a result, used for each of its rows. */
struct hob_columns {
    const struct hob_model *model;
    size_t count;
    const uint8_t *fields; /* of each column, the field's number + 1; 0: of none */
};

/* By the columns' names; in `memory`, which has to live as long as `out`. Columns that are no
 * fields are passed over. 0; HOB_E_MODEL: there is no column for a field that must be there, or two
 * for one, the record says which; -ENOMEM. */
HOB_API int hob_model_columns(const struct hob_model *model, const char *const *names, size_t count,
                              struct hob_arena *memory, struct hob_columns *out);
/* A row into the struct *out (all of it is written), and checks it as hob_model_decode() does; NULL
 * is null. Strings are copied into `memory`. 0; HOB_E_MODEL, and *problems (unless NULL) has all
 * that is wrong; -ENOMEM. */
#define hob_model_row(model, columns, cells, out, memory, problems)                                \
    hob_model_row_with((columns), (cells), HOB__IS_A(model, out), (memory), (problems))
HOB_API int hob_model_row_with(const struct hob_columns *columns, const struct hob_cell *cells,
                               void *out, struct hob_arena *memory, struct hob_problems *problems);

#ifdef __cplusplus
}
#endif

#include <hob/model_macros.h> /* what is behind the macros: private */

#endif
