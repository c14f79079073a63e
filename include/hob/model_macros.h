/* hob/model_macros.h - what is behind the macros of hob/model.h, which includes it: private. How
 * the compiler finds a field's type (_Generic, templates), and refuses what is not for it. */
#ifndef HOB_MODEL_MACROS_H
#define HOB_MODEL_MACROS_H
#pragma GCC system_header

#include <hob/model.h>

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
