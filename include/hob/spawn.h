/* hob/spawn.h - the typed front of tasks: HOB_TASK, hob_spawn and its kin, hob_run, hob_within,
 * hob_shielded.
 *
 *   static int greet(const char *name, double seconds);
 *   HOB_TASK(greet, const char *, double)
 *   ...
 *   hob_spawn(s, greet, "Ada", 1.0);
 *
 * This is the only clever preprocessor code of Hob. HOB_TASK(greet, ...) checks the types against
 * greet's own declaration and makes, all of them static:
 *
 *   struct greet__args      the arguments, as they travel in the task (and a variable of that
 *                           name, only declared, to take the type from);
 *   greet__task(...)        takes exactly greet's parameters and packs them;
 *   greet__HOB_TASK(void *) unpacks them and calls greet: a real call, so that structs by value,
 *                           floats, function pointers and narrow integers are right.
 *
 * hob_spawn(s, greet, ...) calls greet__task(...), so that the compiler checks the arguments as
 * those of a call, and copies what it packed into the new task. Nothing points at the spawner's
 * frame. What C compilers only warn of is an error here: for pointer parameters whatever the flags,
 * since they are transparent unions, which take what converts to the pointer and nothing else (a
 * number or an incompatible pointer is an error even with -w); a lost const and a pointer given for
 * a number by a pragma, which only -w switches off. In C++ all of them are errors anyway. A
 * function without HOB_TASK fails as 'greet__HOB_TASK' undeclared.
 *
 * Limits: functions that return int, with up to 8 parameters, none aligned to more than 16 bytes;
 * array parameters are written as the pointers they are; in C++ the types are trivially copyable.
 * HOB_TASK stands at file scope, behind a declaration of the function, and needs no semicolon. */
#ifndef HOB_SPAWN_H
#define HOB_SPAWN_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/loop.h>
#include <hob/task.h>

/* hob_spawn(s, fn), without an argument for the "...", is right since C23 and C++20, and in gcc
 * always. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

/* Makes fn spawnable: HOB_TASK(fn, type, ...), with the types of fn's parameters. */
#define HOB_TASK(fn, ...) HOB__TASK(#fn, fn, fn##__, HOB__COUNT(x, ##__VA_ARGS__), ##__VA_ARGS__)

/* A new task in the scope runs fn(...). Does not wait; the task runs when the caller next waits.
 * The task, or NULL when it was refused: the scope is cancelled, or memory is short. hob_join()
 * then returns that error, so that the result need not be checked. The arguments are evaluated
 * once, in any case. */
#define hob_spawn(s, fn, ...)                                                                      \
    __extension__({                                                                                \
        struct hob_scope *hob__s = (s);                                                            \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        hob__pass(hob__spawn(hob__s, &hob__site), &hob__args, sizeof hob__args);                   \
    })

/* The same with a name (copied) for reports, instead of the function's. */
#define hob_spawn_named(s, name, fn, ...)                                                          \
    __extension__({                                                                                \
        struct hob_scope *hob__s = (s);                                                            \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        hob__pass(hob__spawn_named(hob__s, &hob__site, name), &hob__args, sizeof hob__args);       \
    })

/* A daemon: cancelled when only daemons remain in the scope. */
#define hob_spawn_daemon(s, fn, ...)                                                               \
    __extension__({                                                                                \
        struct hob_scope *hob__s = (s);                                                            \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        hob__pass(hob__spawn_daemon(hob__s, &hob__site), &hob__args, sizeof hob__args);            \
    })

/* hob_spawn_with(s, ((struct hob_spawn_options){.name = "x", .stack_size = 1 << 20}), fn, ...) */
#define hob_spawn_with(s, options, fn, ...)                                                        \
    __extension__({                                                                                \
        struct hob_scope *hob__s = (s);                                                            \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        hob__pass(hob__spawn_with(hob__s, &hob__site, options), &hob__args, sizeof hob__args);     \
    })

/* Spawns fn and waits until it says hob_started(): 0. When it ends without saying so: its error, or
 * HOB_E_NOT_STARTED. When it was refused: why. -ECANCELED when the caller was cancelled meanwhile
 * (the child stays the scope's). Cancellation point. */
#define hob_start(s, fn, ...)                                                                      \
    __extension__({                                                                                \
        struct hob_scope *hob__s = (s);                                                            \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        hob__start_wait(hob__pass(hob__spawn(hob__s, &hob__site), &hob__args, sizeof hob__args));  \
    })

/* A task owned by the loop itself, cancelled when the main task has ended; its error is reported. 0
 * or -ENOMEM. Does not wait. */
#define hob_background(fn, ...)                                                                    \
    __extension__({                                                                                \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        hob__pass(hob__background(&hob__site), &hob__args, sizeof hob__args) ? 0 : -ENOMEM;        \
    })

/* Runs a loop in this thread with fn(...) as its main task, until that and all background tasks
 * have ended: fn's result. HOB_E_RUNNING inside a running loop, or what kept the loop from being
 * made. */
#define hob_run(fn, ...)                                                                           \
    __extension__({                                                                                \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        hob__run(NULL, &hob__site, &hob__args);                                                    \
    })

/* hob_run_with(((struct hob_options){.backend = "epoll"}), fn, ...) */
#define hob_run_with(options, fn, ...)                                                             \
    __extension__({                                                                                \
        const struct hob_options hob__options = options;                                           \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        hob__run(&hob__options, &hob__site, &hob__args);                                           \
    })

/* hob_within(5.0, fetch(client, url, &body)): the call, an expression of int, under a deadline. Its
 * result, or -ETIMEDOUT when the deadline cut it short; a result that came is kept. A return inside
 * the call (HOB_TRY) is allowed. Waits as the call does. */
#define hob_within(seconds, call) HOB__INSIDE(hob__until(hob_after(seconds)), call)
/* The same with an absolute deadline, in ns on the monotonic clock; 0 = none. */
#define hob_within_until(deadline, call) HOB__INSIDE(hob__until(deadline), call)
/* The call, and what it waits for, does not see a cancel from outside; the next point behind it
 * does. */
#define hob_shielded(call) HOB__INSIDE(hob__shield(), call)

/* ---- behind the macros. Private from here on. ---- */

#ifdef __cplusplus
extern "C" {
#endif

static inline struct hob_task *
hob__spawn_named(struct hob_scope *s, const struct hob__spawn_site *site, const char *name) {
    struct hob_spawn_options options = {name, 0, false};
    return hob__spawn_with(s, site, options);
}

static inline struct hob_task *hob__spawn_daemon(struct hob_scope *s,
                                                 const struct hob__spawn_site *site) {
    struct hob_spawn_options options = {NULL, 0, true};
    return hob__spawn_with(s, site, options);
}

/* Hands the packed arguments to the task, unless it was refused. */
static inline struct hob_task *hob__pass(struct hob_task *t, const void *args, size_t n) {
    if (HOB__LIKELY(t != NULL)) __builtin_memcpy(((struct hob__task_head *)t)->args, args, n);
    return t;
}

static inline struct hob_scope_options hob__until(uint64_t deadline) {
    struct hob_scope_options options = {deadline, false, HOB_FAIL_FAST, NULL};
    return options;
}

static inline struct hob_scope_options hob__shield(void) {
    struct hob_scope_options options = {0, true, HOB_FAIL_FAST, NULL};
    return options;
}

#ifdef __cplusplus
}
#endif

/* In a statement expression, behind hob__args: what is known of the place. The arguments are
 * evaluated before there is a task, since they may wait themselves. */
#define HOB__SITE(name, run)                                                                       \
    static const struct hob__spawn_site hob__site = {                                              \
        name, run, sizeof hob__args, {__func__, __FILE__, __LINE__}, NULL}

/* For the headers above this one (hob/thread.h): `call`, with hob__site and hob__args in sight. */
#define HOB__CALL(name, like, pack, run, call, ...)                                                \
    __extension__({                                                                                \
        HOB__STRICT_ON HOB__LET(like) hob__args = pack(__VA_ARGS__);                               \
        HOB__STRICT_OFF HOB__SITE(name, run);                                                      \
        call;                                                                                      \
    })

/* The cleanup ends the scope on both ways out, the end of the expression and a return. */
#define HOB__INSIDE(options, call)                                                                 \
    __extension__({                                                                                \
        static const struct hob__place hob__place = {__func__, __FILE__, __LINE__};                \
        struct hob_scope hob__inside __attribute__((cleanup(hob__scope_leave)));                   \
        hob__scope_open(&hob__inside, options, &hob__place);                                       \
        hob__scope_result(&hob__inside, (call));                                                   \
    })

#ifdef __cplusplus
#define HOB__LET(like) auto
#define HOB__ASSERT static_assert
#define HOB__SAME_TYPE(a, b) __is_same(a, b)
/* Since C++17 noexcept is a part of a function's type. */
#define HOB__IS_FUNCTION(fn, params)                                                               \
    (__is_same(decltype(fn), int params) || __is_same(decltype(fn), int params noexcept))
#define HOB__CAN_TRAVEL(type) (__is_trivially_copyable(type) && alignof(type) <= 16)
#else
#ifdef __clang__
#define HOB__LET(like) __auto_type
#else /* gcc would call a variable undeclared after an error in what it takes its type from */
#define HOB__LET(like) __typeof__(like)
#endif
#define HOB__ASSERT _Static_assert
#define HOB__SAME_TYPE(a, b) __builtin_types_compatible_p(a, b)
#define HOB__IS_FUNCTION(fn, params) __builtin_types_compatible_p(__typeof__(fn), int params)
#define HOB__CAN_TRAVEL(type) (_Alignof(type) <= 16)
#endif

#ifdef __cplusplus
#define HOB__STRICT_ON
#define HOB__STRICT_OFF
#else
#define HOB__STRICT_ON                                                                             \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wint-conversion\"")            \
        _Pragma(HOB__STRICT_CONST)
#define HOB__STRICT_OFF _Pragma("GCC diagnostic pop")
#ifdef __clang__
#define HOB__STRICT_CONST "GCC diagnostic error \"-Wincompatible-pointer-types\""
#else
#define HOB__STRICT_CONST "GCC diagnostic error \"-Wdiscarded-qualifiers\""
#endif
#endif

/* The i-th parameter's type, as greet__task takes it: greet__arg1 and so on. */
#ifdef __cplusplus
#define HOB__TYPEDEF(p, i, type) typedef __typeof__(type) p##arg##i;
#else
#define HOB__IS_POINTER(type) (__builtin_classify_type(*(__typeof__(type) *)0) == 5)
#define HOB__TYPEDEF(p, i, type)                                                                   \
    typedef union {                                                                                \
        __typeof__(__builtin_choose_expr(HOB__IS_POINTER(type), *(__typeof__(type) *)0,            \
                                         (void *)0)) pointer;                                      \
    } p##pointer##i __attribute__((transparent_union));                                            \
    typedef __typeof__(__builtin_choose_expr(HOB__IS_POINTER(type), *(p##pointer##i *)0,           \
                                             *(__typeof__(type) *)0)) p##arg##i;
#endif

/* Apply m(p, i, type) to each type: in a row, in a list (both: m##_0 when there is none), and with
 * a comma before each. */
#define HOB__ROW_0(m, p) m##_0
#define HOB__ROW_1(m, p, a) m(p, 1, a)
#define HOB__ROW_2(m, p, a, b) HOB__ROW_1(m, p, a) m(p, 2, b)
#define HOB__ROW_3(m, p, a, b, c) HOB__ROW_2(m, p, a, b) m(p, 3, c)
#define HOB__ROW_4(m, p, a, b, c, d) HOB__ROW_3(m, p, a, b, c) m(p, 4, d)
#define HOB__ROW_5(m, p, a, b, c, d, e) HOB__ROW_4(m, p, a, b, c, d) m(p, 5, e)
#define HOB__ROW_6(m, p, a, b, c, d, e, f) HOB__ROW_5(m, p, a, b, c, d, e) m(p, 6, f)
#define HOB__ROW_7(m, p, a, b, c, d, e, f, g) HOB__ROW_6(m, p, a, b, c, d, e, f) m(p, 7, g)
#define HOB__ROW_8(m, p, a, b, c, d, e, f, g, h) HOB__ROW_7(m, p, a, b, c, d, e, f, g) m(p, 8, h)
#define HOB__LIST_0(m, p) m##_0
#define HOB__LIST_1(m, p, a) m(p, 1, a)
#define HOB__LIST_2(m, p, a, b) HOB__LIST_1(m, p, a), m(p, 2, b)
#define HOB__LIST_3(m, p, a, b, c) HOB__LIST_2(m, p, a, b), m(p, 3, c)
#define HOB__LIST_4(m, p, a, b, c, d) HOB__LIST_3(m, p, a, b, c), m(p, 4, d)
#define HOB__LIST_5(m, p, a, b, c, d, e) HOB__LIST_4(m, p, a, b, c, d), m(p, 5, e)
#define HOB__LIST_6(m, p, a, b, c, d, e, f) HOB__LIST_5(m, p, a, b, c, d, e), m(p, 6, f)
#define HOB__LIST_7(m, p, a, b, c, d, e, f, g) HOB__LIST_6(m, p, a, b, c, d, e, f), m(p, 7, g)
#define HOB__LIST_8(m, p, a, b, c, d, e, f, g, h) HOB__LIST_7(m, p, a, b, c, d, e, f, g), m(p, 8, h)
#define HOB__TAIL_0(m, p)
#define HOB__TAIL_1(m, p, a) , m(p, 1, a)
#define HOB__TAIL_2(m, p, a, b) HOB__TAIL_1(m, p, a), m(p, 2, b)
#define HOB__TAIL_3(m, p, a, b, c) HOB__TAIL_2(m, p, a, b), m(p, 3, c)
#define HOB__TAIL_4(m, p, a, b, c, d) HOB__TAIL_3(m, p, a, b, c), m(p, 4, d)
#define HOB__TAIL_5(m, p, a, b, c, d, e) HOB__TAIL_4(m, p, a, b, c, d), m(p, 5, e)
#define HOB__TAIL_6(m, p, a, b, c, d, e, f) HOB__TAIL_5(m, p, a, b, c, d, e), m(p, 6, f)
#define HOB__TAIL_7(m, p, a, b, c, d, e, f, g) HOB__TAIL_6(m, p, a, b, c, d, e, f), m(p, 7, g)
#define HOB__TAIL_8(m, p, a, b, c, d, e, f, g, h) HOB__TAIL_7(m, p, a, b, c, d, e, f, g), m(p, 8, h)

#define HOB__COUNT(...) HOB__17TH(__VA_ARGS__, M, M, M, M, M, M, M, 8, 7, 6, 5, 4, 3, 2, 1, 0, x)
#define HOB__17TH(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, ...) q
/* M for many: more than 8. */
#define HOB__ROW_M(m, p, ...) m##_0
#define HOB__LIST_M(m, p, ...) m##_0
#define HOB__TAIL_M(m, p, ...)
#define HOB__WRONG_M(use, name) use ": more than 8 parameters; pass a structure"
#define HOB__WRONG_0 HOB__WRONG
#define HOB__WRONG_1 HOB__WRONG
#define HOB__WRONG_2 HOB__WRONG
#define HOB__WRONG_3 HOB__WRONG
#define HOB__WRONG_4 HOB__WRONG
#define HOB__WRONG_5 HOB__WRONG
#define HOB__WRONG_6 HOB__WRONG
#define HOB__WRONG_7 HOB__WRONG
#define HOB__WRONG_8 HOB__WRONG
#define HOB__WRONG(use, name)                                                                      \
    use ": these are not the types of the declaration of " name ", or it does not return int"

#define HOB__TYPE(p, i, type) type
#define HOB__TYPE_0 void
#define HOB__TYPEDEF_0
#define HOB__MEMBER(p, i, type) p##arg##i a##i;
#define HOB__MEMBER_0 char none;
#define HOB__PARAM(p, i, type) p##arg##i a##i
#define HOB__PARAM_0 void
#define HOB__NAME(p, i, type) a##i
#define HOB__NAME_0 0
#define HOB__READ(p, i, type) *(__typeof__(type) *)&hob__a->a##i
#define HOB__READ_0

#define HOB__TASK(name, fn, p, n, ...) HOB__TASK_OF(name, fn, p, n, ##__VA_ARGS__)
#define HOB__TASK_OF(name, fn, p, n, ...)                                                          \
    HOB__ASSERT(HOB__IS_FUNCTION(fn, (HOB__LIST_##n(HOB__TYPE, p, ##__VA_ARGS__))),                \
                HOB__WRONG_##n("HOB_TASK(" name ", ...)", name));                                  \
    HOB__ROW_##n(HOB__TYPEDEF, p, ##__VA_ARGS__) struct p##args {                                  \
        HOB__ROW_##n(HOB__MEMBER, p, ##__VA_ARGS__)                                                \
    };                                                                                             \
    extern struct p##args p##args;                                                                 \
    HOB__ASSERT(HOB__CAN_TRAVEL(struct p##args),                                                   \
                "HOB_TASK(" name ", ...): a type that cannot be copied into a task");              \
    __attribute__((unused)) static inline struct p##args p##task(                                  \
        HOB__LIST_##n(HOB__PARAM, p, ##__VA_ARGS__)) {                                             \
        struct p##args hob__a = {HOB__LIST_##n(HOB__NAME, p, ##__VA_ARGS__)};                      \
        return hob__a;                                                                             \
    }                                                                                              \
    __attribute__((unused)) static int p##HOB_TASK(void *hob__args) {                              \
        struct p##args *hob__a = (struct p##args *)hob__args;                                      \
        (void)hob__a;                                                                              \
        return fn(HOB__LIST_##n(HOB__READ, p, ##__VA_ARGS__));                                     \
    }

#endif
