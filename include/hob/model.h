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

/* ---- behind the macros. Private from here on. ---- */

enum hob__field_kind {
    HOB__KIND_BOOL = 1,
    HOB__KIND_INT8,
    HOB__KIND_INT16,
    HOB__KIND_INT32,
    HOB__KIND_INT64,
    HOB__KIND_UINT8,
    HOB__KIND_UINT16,
    HOB__KIND_UINT32,
    HOB__KIND_UINT64,
    HOB__KIND_FLOAT,
    HOB__KIND_DOUBLE,
    HOB__KIND_STRING,
    HOB__KIND_CHARS,
    HOB__KIND_SLICE,
    HOB__KIND_BYTES,
    HOB__KIND_TIME,
    HOB__KIND_UUID,
    HOB__KIND_RAW,
    HOB__KIND_STRUCT,
    HOB__KIND_CHECK /* no field */
};
/* How often: one, a pointer to one, all of T[N], the first `count` of T[N], `count` at a T *. */
enum hob__field_shape {
    HOB__SHAPE_ONE,
    HOB__SHAPE_POINTER = 32,
    HOB__SHAPE_FIXED = 64,
    HOB__SHAPE_UP_TO = 96,
    HOB__SHAPE_LIST = 128
};

struct hob_field {
    const char *member;
    uint32_t offset, size; /* in the struct; size of all of T[N], of the pointer */
    uint32_t type;         /* kind | shape */
    uint32_t count_offset;
    const struct hob_model *model;
    const char *(*check)(const void *whole);
    struct hob_field_options o;
};

/* What each type of field may be given, in the order of hob_field_options, for the compiler to
 * refuse the rest: hob__for_number of one, hob__for_numbers of an array. */
#define HOB__ALL                                                                                   \
    const char *name, *description;                                                                \
    bool optional;                                                                                 \
    const char *fallback;
#define HOB__ALL_TOO                                                                               \
    bool secret;                                                                                   \
    uint32_t presence;                                                                             \
    uint8_t presence_kind;
#define HOB__NUMBERS                                                                               \
    struct hob_bound min, max;                                                                     \
    double multiple_of;
#define HOB__STRINGS                                                                               \
    uint32_t min_length, max_length;                                                               \
    const char *pattern, *format;
#define HOB__ONLY_INTEGERS const struct hob_choice *choices;
#define HOB__OPTIONS_FOR(name, before, ...)                                                        \
    struct hob__for_##name {                                                                       \
        HOB__ALL before HOB__ALL_TOO __VA_ARGS__ const char *(*check)(const void *value);          \
    };
#define HOB__OPTIONS_FOR_BOTH(name, ...)                                                           \
    HOB__OPTIONS_FOR(name, bool primary;, __VA_ARGS__)                                             \
    HOB__OPTIONS_FOR(name##s, , __VA_ARGS__ uint32_t min_items; uint32_t max_items; bool unique;)
HOB__OPTIONS_FOR_BOTH(other, )
HOB__OPTIONS_FOR_BOTH(integer, HOB__ONLY_INTEGERS HOB__NUMBERS)
HOB__OPTIONS_FOR_BOTH(number, HOB__NUMBERS)
HOB__OPTIONS_FOR_BOTH(string, HOB__STRINGS)
HOB__OPTIONS_FOR(nested, , )
HOB__OPTIONS_FOR(nesteds, , uint32_t min_items; uint32_t max_items;)

#define HOB__INT_BOUND(n)                                                                          \
    ((double)(n) >= 0x1p63 ? INT64_MAX : (double)(n) < -0x1p63 ? INT64_MIN : (int64_t)(n))
#define HOB__BOUND(n, open)                                                                        \
    { true, open, HOB__INT_BOUND(n), (double)(n) }

#ifdef __cplusplus
#define HOB__MODEL_ASSERT static_assert
template <class T, class = void> struct hob__known {
    static_assert(sizeof(T) == 0, "HOB_FIELD: no model knows this type");
};
#define HOB__KNOWN(type_, kind_, o)                                                                \
    template <> struct hob__known<type_> {                                                         \
        enum : uint32_t { kind = kind_ };                                                          \
        typedef hob__for_##o one;                                                                  \
        typedef hob__for_##o##s many;                                                              \
    };
HOB__KNOWN(bool, HOB__KIND_BOOL, other)
HOB__KNOWN(signed char, HOB__KIND_INT8, integer)
HOB__KNOWN(short, HOB__KIND_INT16, integer)
HOB__KNOWN(int, HOB__KIND_INT32, integer)
HOB__KNOWN(long, HOB__KIND_INT64, integer)
HOB__KNOWN(long long, HOB__KIND_INT64, integer)
HOB__KNOWN(unsigned char, HOB__KIND_UINT8, integer)
HOB__KNOWN(unsigned short, HOB__KIND_UINT16, integer)
HOB__KNOWN(unsigned, HOB__KIND_UINT32, integer)
HOB__KNOWN(unsigned long, HOB__KIND_UINT64, integer)
HOB__KNOWN(unsigned long long, HOB__KIND_UINT64, integer)
HOB__KNOWN(float, HOB__KIND_FLOAT, number)
HOB__KNOWN(double, HOB__KIND_DOUBLE, number)
HOB__KNOWN(char *, HOB__KIND_STRING, string)
HOB__KNOWN(const char *, HOB__KIND_STRING, string)
HOB__KNOWN(hob_slice, HOB__KIND_SLICE, string)
HOB__KNOWN(hob_bytes, HOB__KIND_BYTES, string)
HOB__KNOWN(hob_time, HOB__KIND_TIME, other)
HOB__KNOWN(hob_uuid, HOB__KIND_UUID, other)
HOB__KNOWN(hob_raw, HOB__KIND_RAW, other)
template <bool> struct hob__if {};
template <> struct hob__if<true> { typedef void type; };
template <class T>
struct hob__known<T, typename hob__if<__is_enum(T)>::type> : hob__known<__underlying_type(T)> {};

/* Of a HOB_FIELD, of a HOB_ARRAY, of a nested one. */
template <class T> struct hob__field_of {
    enum : uint32_t { type = (uint32_t)hob__known<T>::kind };
    typedef typename hob__known<T>::one options;
};
template <class T> struct hob__field_of<T *> {
    enum : uint32_t { type = (uint32_t)hob__known<T>::kind | HOB__SHAPE_POINTER };
    typedef typename hob__known<T>::one options;
};
template <> struct hob__field_of<char *> {
    enum : uint32_t { type = HOB__KIND_STRING };
    typedef hob__for_string options;
};
template <> struct hob__field_of<const char *> : hob__field_of<char *> {};
template <class T, size_t n> struct hob__field_of<T[n]> {
    enum : uint32_t { type = (uint32_t)hob__known<T>::kind | HOB__SHAPE_FIXED };
    typedef typename hob__known<T>::many options;
};
template <size_t n> struct hob__field_of<char[n]> {
    enum : uint32_t { type = HOB__KIND_CHARS };
    typedef hob__for_string options;
};
template <class T> struct hob__list_of {
    static_assert(sizeof(T) == 0, "HOB_ARRAY: neither a pointer nor an array");
};
template <class T> struct hob__list_of<T *> {
    enum : uint32_t { type = (uint32_t)hob__known<T>::kind | HOB__SHAPE_LIST };
    typedef typename hob__known<T>::many options;
};
template <class T, size_t n> struct hob__list_of<T[n]> {
    enum : uint32_t { type = (uint32_t)hob__known<T>::kind | HOB__SHAPE_UP_TO };
    typedef typename hob__known<T>::many options;
};
template <class T, class M> struct hob__nested_of {
    static_assert(sizeof(T) == 0, "HOB_NESTED: not the struct of this model");
};
template <class M> struct hob__nested_of<M, M> {
    enum : uint32_t { type = HOB__KIND_STRUCT, list = 0 };
    typedef hob__for_nested options;
};
template <class M> struct hob__nested_of<M *, M> {
    enum : uint32_t {
        type = (uint32_t)HOB__KIND_STRUCT | HOB__SHAPE_POINTER,
        list = (uint32_t)HOB__KIND_STRUCT | HOB__SHAPE_LIST
    };
    typedef hob__for_nested options;
};
template <class M, size_t n> struct hob__nested_of<M[n], M> {
    enum : uint32_t {
        type = (uint32_t)HOB__KIND_STRUCT | HOB__SHAPE_FIXED,
        list = (uint32_t)HOB__KIND_STRUCT | HOB__SHAPE_UP_TO
    };
    typedef hob__for_nesteds options;
};
/* Without a comma, which macros would take for theirs. */
template <class M> struct hob__nested_in { template <class T> using of = hob__nested_of<T, M>; };
template <class T> constexpr T hob__same(T p) { return p; }
template <class T> constexpr uint8_t hob__presence_kind() {
    static_assert(__is_same(T, bool) || __is_same(T, hob_presence),
                  "HOB_PRESENCE: neither a bool nor an enum hob_presence");
    return __is_same(T, bool) ? 1 : 2;
}
template <class T> constexpr uint32_t hob__count(uint32_t offset) {
    static_assert(__is_same(T, size_t), "HOB_ARRAY: the count is no size_t");
    return offset;
}
#define HOB__FIELD_TYPE(f) hob__field_of<HOB__TYPE_AT(f)>::type
#define HOB__FIELD_OPTIONS(f) typename hob__field_of<HOB__TYPE_AT(f)>::options
#define HOB__LIST_TYPE(f) hob__list_of<HOB__TYPE_AT(f)>::type
#define HOB__LIST_OPTIONS(f) typename hob__list_of<HOB__TYPE_AT(f)>::options
#define HOB__NESTED_TYPE(f, m) hob__nested_in<m##__model_type>::of<HOB__TYPE_AT(f)>::type
#define HOB__NESTED_OPTIONS(f, m)                                                                  \
    typename hob__nested_in<m##__model_type>::template of<HOB__TYPE_AT(f)>::options
#define HOB__NESTED_LIST_TYPE(f, m) hob__nested_in<m##__model_type>::of<HOB__TYPE_AT(f)>::list
#define HOB__NESTED_LIST_OPTIONS(f, m) hob__for_nesteds
#define HOB__TYPE_AT(f) decltype(hob__type::f)
#define HOB__AT(f) f
#define HOB__REFUSE(options, ...) (0 * (uint32_t)sizeof(options{__VA_ARGS__}))
#define HOB__COUNT_AT(n) hob__count<HOB__TYPE_AT(n)>(__builtin_offsetof(hob__type, n))
#define HOB__PRESENCE_KIND(m) hob__presence_kind<HOB__TYPE_AT(m)>()
#define HOB__IS_A(m, p) hob__same<m##__model_type *>(p)
#define HOB__IS_CONST_A(m, p) hob__same<const m##__model_type *>(p)
#define HOB__IS_ARRAY_OF(m, p) hob__same<m##__model_type **>(p)
#else
#define HOB__MODEL_ASSERT _Static_assert
#define HOB__AT(f) (((hob__type *)0)->f)
/* X(type, kind, options) for each type that fields are of; char[N] stands apart. */
#define HOB__TYPES(X, f)                                                                           \
    X(f, bool, HOB__KIND_BOOL, other)                                                              \
    X(f, signed char, HOB__KIND_INT8, integer)                                                     \
    X(f, short, HOB__KIND_INT16, integer)                                                          \
    X(f, int, HOB__KIND_INT32, integer)                                                            \
    X(f, long, HOB__KIND_INT64, integer)                                                           \
    X(f, long long, HOB__KIND_INT64, integer)                                                      \
    X(f, unsigned char, HOB__KIND_UINT8, integer)                                                  \
    X(f, unsigned short, HOB__KIND_UINT16, integer)                                                \
    X(f, unsigned, HOB__KIND_UINT32, integer)                                                      \
    X(f, unsigned long, HOB__KIND_UINT64, integer)                                                 \
    X(f, unsigned long long, HOB__KIND_UINT64, integer)                                            \
    X(f, float, HOB__KIND_FLOAT, number)                                                           \
    X(f, double, HOB__KIND_DOUBLE, number)                                                         \
    X(f, struct hob_slice, HOB__KIND_SLICE, string)                                                \
    X(f, struct hob_bytes, HOB__KIND_BYTES, string)                                                \
    X(f, struct hob_time, HOB__KIND_TIME, other)                                                   \
    X(f, struct hob_uuid, HOB__KIND_UUID, other)                                                   \
    X(f, struct hob_raw, HOB__KIND_RAW, other)

#define HOB__MANY(f, type) type(*)[sizeof(f) < sizeof(type) ? 1 : 1 * sizeof(f) / sizeof(type)]
#define HOB__ONE_TYPE(f, t, kind, o)                                                               \
    t * : kind | HOB__SHAPE_ONE, t ** : kind | HOB__SHAPE_POINTER,                                 \
        HOB__MANY(f, t) : kind | HOB__SHAPE_FIXED,
#define HOB__ONE_OPTIONS(f, t, kind, o)                                                            \
    t * : (struct hob__for_##o *)0,                                                                \
          t ** : (struct hob__for_##o *)0,                                                         \
                 HOB__MANY(f, t)                                                                   \
        : (struct hob__for_##o##s *)0,
#define HOB__ARRAY_TYPE(f, t, kind, o)                                                             \
    t ** : kind | HOB__SHAPE_LIST, HOB__MANY(f, t) : kind | HOB__SHAPE_UP_TO,
#define HOB__ARRAY_OPTIONS(f, t, kind, o)                                                          \
    t ** : (struct hob__for_##o##s *)0, HOB__MANY(f, t) : (struct hob__for_##o##s *)0,

#define HOB__FIELD_TYPE(f)                                                                         \
    _Generic(&(f), HOB__TYPES(HOB__ONE_TYPE, f) char * * : HOB__KIND_STRING, const char * * :           \
             HOB__KIND_STRING, HOB__MANY(f, char *) : HOB__KIND_STRING | HOB__SHAPE_FIXED,                         \
             HOB__MANY(f, const char *) : HOB__KIND_STRING | HOB__SHAPE_FIXED, HOB__MANY(f, char) : HOB__KIND_CHARS)
#define HOB__FIELD_OPTIONS(f)                                                                      \
    _Generic(&(f), HOB__TYPES(HOB__ONE_OPTIONS, f) char * * : (struct hob__for_string *)0,         \
             const char * * : (struct hob__for_string *)0,                                         \
             HOB__MANY(f, char *) : (struct hob__for_strings *)0,                                  \
             HOB__MANY(f, const char *) : (struct hob__for_strings *)0,                            \
             HOB__MANY(f, char) : (struct hob__for_string *)0)
#define HOB__LIST_TYPE(f)                                                                          \
    _Generic(&(f), HOB__TYPES(HOB__ARRAY_TYPE, f) char * * * : HOB__KIND_STRING | HOB__SHAPE_LIST,            \
             const char * * * : HOB__KIND_STRING | HOB__SHAPE_LIST,                                           \
             HOB__MANY(f, char *) : HOB__KIND_STRING | HOB__SHAPE_UP_TO,                                      \
             HOB__MANY(f, const char *) : HOB__KIND_STRING | HOB__SHAPE_UP_TO)
#define HOB__LIST_OPTIONS(f)                                                                       \
    _Generic(&(f), HOB__TYPES(HOB__ARRAY_OPTIONS, f) char * * * : (struct hob__for_strings *)0,    \
             const char * * * : (struct hob__for_strings *)0,                                      \
             HOB__MANY(f, char *) : (struct hob__for_strings *)0,                                  \
             HOB__MANY(f, const char *) : (struct hob__for_strings *)0)
#define HOB__NESTED_TYPE(f, m)                                                                     \
    _Generic(&(f), m##__model_type * : HOB__KIND_STRUCT, m##__model_type * * : HOB__KIND_STRUCT |            \
             HOB__SHAPE_POINTER, HOB__MANY(f, m##__model_type) : HOB__KIND_STRUCT | HOB__SHAPE_FIXED)
#define HOB__NESTED_OPTIONS(f, m)                                                                  \
    _Generic(&(f), m##__model_type * : (struct hob__for_nested *)0, m##__model_type * * :          \
             (struct hob__for_nested *)0, HOB__MANY(f, m##__model_type) :                          \
             (struct hob__for_nesteds *)0)
#define HOB__NESTED_LIST_TYPE(f, m)                                                                \
    _Generic(&(f), m##__model_type * * : HOB__KIND_STRUCT | HOB__SHAPE_LIST,                                  \
             HOB__MANY(f, m##__model_type) : HOB__KIND_STRUCT | HOB__SHAPE_UP_TO)
#define HOB__NESTED_LIST_OPTIONS(f, m) ((struct hob__for_nesteds *)0)
/* The options' size, so that the compiler has to look at them as those of the field's type. */
#define HOB__REFUSE(options, ...) (0 * (uint32_t)sizeof((__typeof__(*options)){__VA_ARGS__}))
#define HOB__COUNT_AT(n)                                                                           \
    ((uint32_t) _Generic(&((hob__type *)0)->n, size_t * : __builtin_offsetof(hob__type, n)))
#define HOB__PRESENCE_KIND(m) _Generic(HOB__AT(m), bool : 1, enum hob_presence : 2)
#define HOB__IS_A(m, p) _Generic((p), m##__model_type * : (p))
#define HOB__IS_CONST_A(m, p) _Generic((p), m##__model_type * : (p), const m##__model_type * : (p))
#define HOB__IS_ARRAY_OF(m, p) _Generic((p), m##__model_type * * : (p))
#endif

#define HOB__ROW(f, type, options, count, model, ...)                                              \
    {                                                                                              \
#f, (uint32_t) __builtin_offsetof(hob__type, f),                                           \
            (uint32_t)sizeof(((hob__type *)0)->f) + HOB__REFUSE(options, __VA_ARGS__),             \
            (uint32_t)(type), count, model, NULL, {                                                \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define HOB__FIELD(f, ...)                                                                         \
    HOB__ROW(f, HOB__FIELD_TYPE(HOB__AT(f)), HOB__FIELD_OPTIONS(HOB__AT(f)), 0, NULL, __VA_ARGS__)
#define HOB__ARRAY(f, n, ...)                                                                      \
    HOB__ROW(f, HOB__LIST_TYPE(HOB__AT(f)), HOB__LIST_OPTIONS(HOB__AT(f)), HOB__COUNT_AT(n), NULL, \
             __VA_ARGS__)
#define HOB__NESTED(f, m, ...)                                                                     \
    HOB__ROW(f, HOB__NESTED_TYPE(HOB__AT(f), m), HOB__NESTED_OPTIONS(HOB__AT(f), m), 0,            \
             &m##_model, __VA_ARGS__)
#define HOB__NESTED_ARRAY(f, n, m, ...)                                                            \
    HOB__ROW(f, HOB__NESTED_LIST_TYPE(HOB__AT(f), m), HOB__NESTED_LIST_OPTIONS(HOB__AT(f), m),     \
             HOB__COUNT_AT(n), &m##_model, __VA_ARGS__)
#define HOB__CHECK(fn)                                                                             \
    {                                                                                              \
        "", 0, 0, HOB__KIND_CHECK, 0, NULL, fn, {}                                                 \
    }

#define HOB__MODEL(name, type, wrapper, ...)                                                       \
    typedef type name##__model_type;                                                               \
    static const struct hob_field *name##__fields(size_t *n);                                      \
    static struct hob__plan *name##__plan;                                                         \
    __attribute__((unused)) static const struct hob_model name##_model = {                         \
        #name, sizeof(type), name##__fields, wrapper, &name##__plan};                              \
    static const struct hob_field *name##__fields(size_t *n) {                                     \
        typedef name##__model_type hob__type;                                                      \
        static const struct hob_field fields[] = {__VA_ARGS__};                                    \
        HOB__MODEL_ASSERT(__alignof__(hob__type) <= 16,                                            \
                          "HOB_MODEL(" #name ", ...): aligned to more than 16 bytes");             \
        HOB__MODEL_ASSERT(sizeof fields / sizeof *fields <= HOB_MODEL_FIELDS,                      \
                          "HOB_MODEL(" #name ", ...): too many fields");                           \
        *n = sizeof fields / sizeof *fields;                                                       \
        return fields;                                                                             \
    }

#endif
