/* task/generator.c - generators: how the consumer and the generator's task meet.
 *
 * The generator's task is a child in a hidden scope in the consumer's frame. One of the two sleeps
 * at any time (unless the generator waits for something of its own):
 *
 *   the consumer in hob_next(), on the scope's owner_waits, cancellable: its waiter's data is its
 *   variable. A yield writes the value there and wakes it with 1; the end of the generator's task
 *   wakes it with 0, as it wakes an owner who joins.
 *   the generator in a yield or before its first line, on g->producer, masked: hob_next() wakes it
 *   with 0, the consumer's leaving with -ECANCELED. It is masked because the consumer may be
 * looking at what the value points to, until it asks again or leaves, and a cancelled consumer does
 * leave.
 *
 * A consumer that gave up waiting (a deadline) is not there when the value comes: the value is then
 * pending, in the generator's frame, and the next hob_next() takes it without waking anybody. The
 * generator goes on when the value after that is asked for.
 *
 * The scope collects errors, so that a failing generator cancels nobody. hob_next() reads the error
 * of the ended task; one that nobody asked for is reported when the scope is left, as every error
 * of a scope that collects. */
#include <hob/generator.h>

#include <string.h>

#include "task/task.h"
#include "task/wait.h"

void hob__generator_open(struct hob_generator *g, const struct hob__spawn_site *site,
                         const void *args, size_t size, enum hob__kind kind) {
    g->producer.first = g->producer.last = NULL;
    g->pending = NULL;
    g->name = site->name;
    g->size = (uint32_t)size;
    g->kind = (uint8_t)kind;
    g->left = g->told = false;
    hob__scope_enter(&g->scope, &site->place, 0, HOB_COLLECT, site->name);
    g->task = hob__spawn(&g->scope, site);
    hob__pass(g->task, args, site->args_size);
}

void hob__generator_leave(const void *p) {
    struct hob_generator *g = *(struct hob_generator *const *)p;
    struct hob_scope *s = &g->scope;
    g->left = true;
    g->pending = NULL;
    hob_scope_cancel(s);
    hob__wake_first(&g->producer, -ECANCELED);
    hob__scope_leave(s);
}

/* ---- the generator's side ---- */

static int stand(struct hob_generator *g) {
    struct hob_waiter w;
    return hob__wait_on(&g->producer, &w, "yield", g->name, HOB__WAIT_MASKED | HOB__WAIT_NAMED);
}

void hob__generator_begin(struct hob_generator *g) {
    /* It runs also when the consumer has left: what was handed to it is not dropped unseen. */
    if (!g->left && !g->scope.owner_waits.first) stand(g);
}

/* ---- a number given for a number of another type ---- */

static unsigned long long integer_at(const void *at, size_t size, bool is_signed) {
    uint8_t b;
    uint16_t h;
    uint32_t w;
    unsigned long long d;
    switch (size) {
    case 1:
        memcpy(&b, at, 1);
        return is_signed ? (unsigned long long)(int8_t)b : b;
    case 2:
        memcpy(&h, at, 2);
        return is_signed ? (unsigned long long)(int16_t)h : h;
    case 4:
        memcpy(&w, at, 4);
        return is_signed ? (unsigned long long)(int32_t)w : w;
    default:
        memcpy(&d, at, 8);
        return d;
    }
}

static long double real_at(const void *at, size_t size) {
    float f;
    double d;
    long double l;
    if (size == sizeof f) return memcpy(&f, at, sizeof f), f;
    if (size == sizeof d) return memcpy(&d, at, sizeof d), d;
    return memcpy(&l, at, sizeof l), l;
}

static void store_integer(void *to, size_t size, unsigned long long bits) {
    uint8_t b = (uint8_t)bits;
    uint16_t h = (uint16_t)bits;
    uint32_t w = (uint32_t)bits;
    const void *from = size == 1 ? &b : size == 2 ? (void *)&h : size == 4 ? (void *)&w : &bits;
    memcpy(to, from, size);
}

static void store_real(void *to, size_t size, long double real) {
    float f = (float)real;
    double d = (double)real;
    const void *from = size == sizeof f ? &f : size == sizeof d ? (void *)&d : &real;
    memcpy(to, from, size);
}

/* As an assignment converts. */
static void convert(void *to, enum hob__kind to_kind, size_t to_size, const void *at,
                    enum hob__kind kind, size_t size) {
    bool real = kind == HOB__REAL;
    unsigned long long bits = real ? 0 : integer_at(at, size, kind == HOB__SIGNED);
    long double r = real                  ? real_at(at, size)
                    : kind == HOB__SIGNED ? (long double)(long long)bits
                                          : (long double)bits;
    if (to_kind == HOB__REAL) {
        store_real(to, to_size, r);
    } else if (to_kind == HOB__BOOL) {
        store_integer(to, to_size, r != 0);
    } else {
        if (real) bits = r < 0 ? (unsigned long long)(long long)r : (unsigned long long)r;
        store_integer(to, to_size, bits);
    }
}

static bool is_number(enum hob__kind kind) { return kind >= HOB__BOOL; }

static const char *const kind_names[] = {"a structure", "a pointer",  "a bool",
                                         "an integer",  "an integer", "a floating-point number"};

/* ---- the calls ---- */

int hob__yield(struct hob_generator *g, const void *value, size_t size, enum hob__kind kind) {
    int rc = hob__point("hob_yield");
    if (HOB__UNLIKELY(hob_self() != g->task))
        hob__misuse("hob_yield", "not called by the task of the generator '%s' itself", g->name);
    if (HOB__UNLIKELY(g->left)) return -ECANCELED;
    if (HOB__UNLIKELY(rc < 0)) return rc;
    _Alignas(16) char converted[sizeof(long double)];
    if (HOB__UNLIKELY(kind != g->kind || size != g->size)) {
        if (!is_number(kind) || !is_number((enum hob__kind)g->kind))
            hob__misuse("hob_yield", "%s of %zu bytes, where generator '%s' gives %s of %u bytes",
                        kind_names[kind], size, g->name, kind_names[g->kind], (unsigned)g->size);
        convert(converted, (enum hob__kind)g->kind, g->size, value, kind, size);
        value = converted;
    }
    struct hob_waiter *taker = g->scope.owner_waits.first;
    if (taker) {
        memcpy(taker->data, value, g->size);
        hob__wake(taker, 1);
    } else {
        g->pending = value;
    }
    return stand(g);
}

/* Its task has ended: what it ended with, once. */
static int tell_end(struct hob_generator *g) {
    if (g->told) return 0;
    g->told = true;
    if (!g->task) return hob_fail(g->scope.spawn_error, "generator '%s' could not start", g->name);
    int rc = hob_task_result(g->task);
    if (rc >= 0) return 0;
    const struct hob_error *e = hob_task_error(g->task);
    if (e) hob__error_set(hob__error_ref(e));
    return rc;
}

int hob__next(struct hob_generator *g, void *value) {
    int rc = hob__point("hob_next");
    if (HOB__UNLIKELY(hob_self() != g->scope.region.task))
        hob__misuse("hob_next", "generator '%s' was opened by task '%s'", g->name,
                    hob_task_name(g->scope.region.task));
    if (HOB__UNLIKELY(rc < 0)) return rc;
    if (HOB__UNLIKELY(g->pending != NULL)) {
        memcpy(value, g->pending, g->size);
        g->pending = NULL;
        return 1;
    }
    if (HOB__UNLIKELY(!g->task || hob_task_done(g->task))) return tell_end(g);
    hob__wake_first(&g->producer, 0);
    struct hob_waiter w = {.data = value};
    rc = hob__wait_on(&g->scope.owner_waits, &w, "generator", g->name, HOB__WAIT_NAMED);
    return rc != 0 ? rc : tell_end(g);
}
