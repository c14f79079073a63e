/* hob/generator.h - generators: a function that hands over values one by one, and the loop over
 * them.
 *
 *   static int pages(struct hob_generator *gen, struct client *c, const char *base) {
 *       ...
 *       HOB_TRY(hob_yield(gen, item));
 *       ...
 *       return 0;
 *   }
 *   HOB_GENERATOR(pages, struct item *, struct client *, const char *)
 *
 *   HOB_EACH(struct item *, it, pages, client, base_url) process(it);
 *
 * The generator is a task of its own in a hidden scope of the consumer's, so it may wait, spawn and
 * open scopes. It runs only while the consumer waits for a value: between two values it stands in
 * hob_yield(), and nothing wakes it there, a cancel neither, until the consumer asks for the next
 * one or leaves. So a value stays as it is until then, and what it points to may be the
 * generator's: it is again the generator's to change and to free when hob_yield() returns, whatever
 * it returns.
 *
 * The hidden scope lasts from HOB_EACH to the end of its loop, from HOB_GEN to the end of its
 * block; scopes that the consumer opens in between are inside it. A failing generator disturbs none
 * of the consumer's own waits: its error comes with the next value that is asked for. */
#ifndef HOB_GENERATOR_H
#define HOB_GENERATOR_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/spawn.h>
#include <hob/task.h>

/* Makes `int fn(struct hob_generator *gen, type, ...)` a generator of `value` (any type but an
 * array): HOB_GENERATOR(fn, value, type, ...), with fn's other parameters, up to 8; the limits of
 * HOB_TASK apply. It declares struct fn__generator, and fn__yield(gen, value), which is hob_yield()
 * with its value checked by the compiler, for code that stands behind it. */
#define HOB_GENERATOR(fn, value, ...)                                                              \
    HOB__GENERATOR(#fn, fn, fn##__, HOB__COUNT(x, ##__VA_ARGS__), value, ##__VA_ARGS__)

/* In the generator: hands the value over and waits until the consumer asks for the next one: 0, or
 * -ECANCELED when it has left, then each time, in a shielded scope too. The value must be of the
 * generator's type, or a number when that is a number, which is converted as an assignment does;
 * anything else is misuse and stops the program. Only the generator's own task may call it.
 * Cancellation point. */
#define hob_yield(gen, value)                                                                      \
    __extension__({                                                                                \
        struct hob_generator *hob__gen = (gen);                                                    \
        HOB__AUTO hob__value = (value);                                                            \
        hob__yield(hob__gen, &hob__value, sizeof hob__value, HOB__KIND(hob__value));               \
    })

/* HOB_EACH(struct item *, it, pages, client, base_url) { ... }: a loop over the generator's values,
 * each in the variable `it`. It ends when the generator has returned 0 or more. When that returned
 * an error, the enclosing function (of int, long or ssize_t) returns it, as HOB_TRY does; a cancel
 * of the consumer likewise. However the loop is left, the generator is then cancelled, unless it
 * has ended, and its clean-ups have run. */
#define HOB_EACH(type, it, fn, ...)                                                                \
    for (struct fn##__generator hob__store,                                                        \
         *hob__gen __attribute__((cleanup(hob__generator_leave))) = __extension__({                \
             HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__with(__VA_ARGS__);              \
             HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_GENERATOR);                                  \
             fn##__open(&hob__store, &hob__site, hob__args);                                       \
         }),                                                                                       \
                   *hob__once = hob__gen;                                                          \
         hob__once; hob__once = NULL)                                                              \
        for (__typeof__(type) it; __extension__({                                                  \
                 HOB__ASSERT(HOB__SAME_TYPE(__typeof__(type), fn##__value),                        \
                             "HOB_EACH: " #fn " does not give values of type " #type);             \
                 int hob__rc = hob__next(&hob__gen->base, &it);                                    \
                 if (HOB__UNLIKELY(hob__rc < 0)) return hob__rc;                                   \
                 hob__rc;                                                                          \
             });)

/* The same by hand: HOB_GEN(g, pages, client, base_url) declares `struct pages__generator *g`, open
 * until the end of the block. Does not wait, and nothing of the generator runs before the first
 * hob_next(). Never fails: what kept it from starting comes with the first hob_next(). */
#define HOB_GEN(g, fn, ...)                                                                        \
    struct fn##__generator g##__store;                                                             \
    struct fn##__generator *const g __attribute__((cleanup(hob__generator_leave), unused)) =       \
        __extension__({                                                                            \
            HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__with(__VA_ARGS__);               \
            HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_GENERATOR);                                   \
            fn##__open(&g##__store, &hob__site, hob__args);                                        \
        })

/* hob_next(g, &value): waits for the next value: 1 with the value, 0 when the generator has ended,
 * or its error, once, whose record becomes hob_error(); from then on 0. -ECANCELED also when the
 * caller is cancelled: no value is lost then, the next hob_next() gives it. Only the task that
 * opened the generator may call it. Cancellation point. */
#define hob_next(g, value)                                                                         \
    __extension__({                                                                                \
        HOB__ASSERT(HOB__SAME_TYPE(__typeof__(*(value)), __typeof__(*(g)->type)),                  \
                    "hob_next: the variable is of another type than the generator gives");         \
        hob__next(&(g)->base, (value));                                                            \
    })

/* ---- behind the macros. Private from here on. ---- */

/* What a value is, for hob_yield(). */
enum hob__kind { HOB__OTHER, HOB__POINTER, HOB__BOOL, HOB__SIGNED, HOB__UNSIGNED, HOB__REAL };

/* In the consumer's frame. */
struct hob_generator {
    struct hob_scope scope;       /* the hidden one */
    struct hob_task *task;        /* NULL: refused */
    struct hob_waitlist producer; /* the generator, standing before its first line or in a yield */
    const void *pending;          /* a value that nobody has taken yet, in the generator's frame */
    const char *name;
    uint32_t size; /* of a value */
    uint8_t kind;  /* enum hob__kind */
    bool left;     /* the consumer has gone */
    bool told;     /* the end has been told; from then on hob_next() is 0 */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the hidden scope and spawns the generator with a copy of args. */
HOB_API void hob__generator_open(struct hob_generator *g, const struct hob__spawn_site *site,
                                 const void *args, size_t size, enum hob__kind kind);
/* The cleanup: *p is a struct hob_generator's or the NAME__generator's around it. */
HOB_API void hob__generator_leave(const void *p);
/* In the generator's task, before its first line: waits until the first value is asked for. */
HOB_API void hob__generator_begin(struct hob_generator *g);
HOB_API int hob__yield(struct hob_generator *g, const void *value, size_t size,
                       enum hob__kind kind);
HOB_API int hob__next(struct hob_generator *g, void *value);

#ifdef __cplusplus
}

template <class T> struct hob__kind_of { static const enum hob__kind value = HOB__OTHER; };
template <class T> struct hob__kind_of<const T> : hob__kind_of<T> {};
#define HOB__KIND_OF(type, kind)                                                                   \
    template <> struct hob__kind_of<type> { static const enum hob__kind value = kind; };
template <class T> struct hob__kind_of<T *> { static const enum hob__kind value = HOB__POINTER; };
HOB__KIND_OF(decltype(nullptr), HOB__POINTER)
HOB__KIND_OF(bool, HOB__BOOL)
HOB__KIND_OF(char, ((char)-1 < 0 ? HOB__SIGNED : HOB__UNSIGNED))
HOB__KIND_OF(signed char, HOB__SIGNED)
HOB__KIND_OF(short, HOB__SIGNED)
HOB__KIND_OF(int, HOB__SIGNED)
HOB__KIND_OF(long, HOB__SIGNED)
HOB__KIND_OF(long long, HOB__SIGNED)
HOB__KIND_OF(unsigned char, HOB__UNSIGNED)
HOB__KIND_OF(unsigned short, HOB__UNSIGNED)
HOB__KIND_OF(unsigned, HOB__UNSIGNED)
HOB__KIND_OF(unsigned long, HOB__UNSIGNED)
HOB__KIND_OF(unsigned long long, HOB__UNSIGNED)
HOB__KIND_OF(float, HOB__REAL)
HOB__KIND_OF(double, HOB__REAL)
HOB__KIND_OF(long double, HOB__REAL)
#undef HOB__KIND_OF
#define HOB__KIND(x) (hob__kind_of<__typeof__(x)>::value)
#else
/* The type classes (gcc's typeclass.h, and clang's): 1 integer, 5 pointer. */
#define HOB__KIND(x)                                                                               \
    _Generic((x), _Bool                                                                            \
             : HOB__BOOL, char                                                                     \
             : (char)-1 < 0 ? HOB__SIGNED : HOB__UNSIGNED, signed char                             \
             : HOB__SIGNED, short                                                                  \
             : HOB__SIGNED, int                                                                    \
             : HOB__SIGNED, long                                                                   \
             : HOB__SIGNED, long long                                                              \
             : HOB__SIGNED, unsigned char                                                          \
             : HOB__UNSIGNED, unsigned short                                                       \
             : HOB__UNSIGNED, unsigned                                                             \
             : HOB__UNSIGNED, unsigned long                                                        \
             : HOB__UNSIGNED, unsigned long long                                                   \
             : HOB__UNSIGNED, float                                                                \
             : HOB__REAL, double                                                                   \
             : HOB__REAL, long double                                                              \
             : HOB__REAL, default                                                                  \
             : __builtin_classify_type(x) == 5 ? HOB__POINTER : HOB__OTHER)
#endif

#define HOB__MORE(p, i, type) p##arg##i a##i;
#define HOB__MORE_0
#define HOB__GENERATOR(name, fn, p, n, value, ...)                                                 \
    HOB__GENERATOR_OF(name, fn, p, n, value, ##__VA_ARGS__)
#define HOB__GENERATOR_OF(name, fn, p, n, type_of_value, ...)                                      \
    HOB__ASSERT(                                                                                   \
        HOB__IS_FUNCTION(fn, (struct hob_generator * HOB__TAIL_##n(HOB__TYPE, p, ##__VA_ARGS__))), \
        HOB__WRONG_##n("HOB_GENERATOR(" name ", value, ...)", name));                              \
    HOB__TYPEDEF(p, _value, type_of_value)                                                         \
    typedef __typeof__(type_of_value) p##value;                                                    \
    struct p##generator {                                                                          \
        struct hob_generator base;                                                                 \
        p##value *type;                                                                            \
    };                                                                                             \
    HOB__ROW_##n(HOB__TYPEDEF, p, ##__VA_ARGS__) struct p##args {                                  \
        struct hob_generator *gen;                                                                 \
        HOB__ROW_##n(HOB__MORE, p, ##__VA_ARGS__)                                                  \
    };                                                                                             \
    extern struct p##args p##args;                                                                 \
    HOB__ASSERT(HOB__CAN_TRAVEL(struct p##args) && HOB__CAN_TRAVEL(p##value),                      \
                "HOB_GENERATOR(" name ", ...): a type that cannot be copied into a task");         \
    __attribute__((unused)) static inline struct p##args p##with(                                  \
        HOB__LIST_##n(HOB__PARAM, p, ##__VA_ARGS__)) {                                             \
        struct p##args hob__a = {NULL HOB__TAIL_##n(HOB__NAME, p, ##__VA_ARGS__)};                 \
        return hob__a;                                                                             \
    }                                                                                              \
    __attribute__((unused)) static int p##HOB_GENERATOR(void *hob__args) {                         \
        struct p##args *hob__a = (struct p##args *)hob__args;                                      \
        hob__generator_begin(hob__a->gen);                                                         \
        return fn(hob__a->gen HOB__TAIL_##n(HOB__READ, p, ##__VA_ARGS__));                         \
    }                                                                                              \
    __attribute__((unused)) static inline struct p##generator *p##open(                            \
        struct p##generator *hob__g, const struct hob__spawn_site *hob__site,                      \
        struct p##args hob__a) {                                                                   \
        hob__a.gen = &hob__g->base;                                                                \
        hob__generator_open(&hob__g->base, hob__site, &hob__a, sizeof *hob__g->type,               \
                            HOB__KIND(*hob__g->type));                                             \
        return hob__g;                                                                             \
    }                                                                                              \
    __attribute__((unused)) static inline int p##yield(struct hob_generator *hob__g,               \
                                                       p##arg_value hob__value) {                  \
        return hob__yield(hob__g, &hob__value, sizeof hob__value, HOB__KIND(*(p##value *)0));      \
    }

#endif
