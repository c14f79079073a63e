/* data/model/problems.c - what is wrong with a value, and where: a list with a bound. */
#include "data/model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "data/arena.h"

/* ---- paths, from their end ---- */

static void put_back(struct hob__path *p, char c) {
    if (p->at > p->text) *--p->at = c;
}

void hob__path_name(struct hob__path *p, const char *name, size_t n) {
    while (n-- > 0) {
        if (name[n] == '~' || name[n] == '/') {
            put_back(p, name[n] == '~' ? '0' : '1');
            put_back(p, '~');
        } else {
            put_back(p, name[n]);
        }
    }
    put_back(p, '/');
}

void hob__path_index(struct hob__path *p, size_t i) {
    do put_back(p, (char)('0' + i % 10));
    while (i /= 10);
    put_back(p, '/');
}

/* ---- the list ---- */

static bool keep(struct hob__problem_list *list, const struct hob_problem *problem) {
    if (!list->items) {
        list->items = hob_arena_alloc(list->memory, HOB_PROBLEMS * sizeof *list->items);
        if (!list->items) return false;
    }
    struct hob_problem kept = *problem;
    kept.path = hob_arena_copy(list->memory, problem->path, strlen(problem->path));
    kept.message = hob_arena_copy(list->memory, problem->message, strlen(problem->message));
    if (!kept.path || !kept.message) return false;
    list->items[list->count++] = kept;
    return true;
}

void hob__problem(struct hob__problem_list *list, const char *path, size_t n, size_t line,
                  size_t column, const char *fmt, ...) {
    char where[512], message[HOB__WHY + 100];
    if (list->count == HOB_PROBLEMS || (!list->memory && list->first[0])) {
        list->more++;
        return;
    }
    snprintf(where, sizeof where, "%.*s", (int)n, path);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (!list->first[0]) {
        char at[64] = "";
        if (line) snprintf(at, sizeof at, "line %zu, column %zu, ", line, column);
        snprintf(list->first, sizeof list->first, "%s%.160s: %.200s", at, n ? where : "the whole",
                 message);
    }
    struct hob_problem problem = {where, message, line, column};
    if (list->memory && !keep(list, &problem)) list->rc = -ENOMEM;
}

int hob__problems_end(struct hob__problem_list *list, struct hob_problems *out) {
    if (out) *out = (struct hob_problems){list->items, list->count, list->more};
    if (list->rc < 0) return hob_fail(list->rc, "no memory for what is wrong");
    if (!list->first[0]) return 0;
    size_t others = list->more + (list->count ? list->count - 1 : 0);
    if (others == 0) return hob_fail(HOB_E_MODEL, "%s", list->first);
    return hob_fail(HOB_E_MODEL, "%s (and %zu more)", list->first, others);
}
