/* data/model/validate.c - structs that come from elsewhere: is all of it right? And: are two the
 * same? */
#include "data/model/walk.h"

struct validator {
    struct hob__walk walk;
    struct hob__problem_list problems;
    struct hob__matcher matcher;
};

static size_t problem_count(const struct validator *v) {
    return v->problems.count + v->problems.more + (v->problems.first[0] != 0);
}

static void note(struct validator *v, const char *why, size_t item) {
    struct hob__path path;
    hob__walk_path(&v->walk, &path);
    if (item != SIZE_MAX) { /* of the array that has just ended */
        struct hob__path whole = path;
        size_t n = hob__path_size(&path);
        hob__path_begin(&path);
        hob__path_index(&path, item);
        if (n <= (size_t)(path.at - path.text)) {
            path.at -= n;
            memcpy(path.at, whole.text + sizeof whole.text - n, n);
        }
    }
    hob__problem(&v->problems, path.at, hob__path_size(&path), 0, 0, "%s", why);
}

static void check_value(struct validator *v, const struct hob__slot *s, const void *at) {
    char buf[HOB__WHY];
    const char *why;
    int rc = hob__check_value(s, at, &v->matcher, buf, &why);
    if (rc > 0) note(v, why, SIZE_MAX);
    if (rc < 0) v->problems.rc = rc;
}

static void check_array(struct validator *v) {
    const struct hob__walk *w = &v->walk;
    char buf[HOB__WHY];
    const char *why;
    size_t item;
    if (!w->slot->array_checked) return;
    int rc = hob__check_array(w->slot, w->at, w->count, buf, &why, &item);
    if (rc > 0) note(v, why, item);
    if (rc < 0) v->problems.rc = rc;
}

/* The struct at w->at has been gone through. */
static void check_object(struct validator *v, size_t before) {
    const struct hob__walk *w = &v->walk;
    const struct hob__plan *plan = __atomic_load_n(w->slot->model->plan, __ATOMIC_ACQUIRE);
    if (plan->check && problem_count(v) == before) {
        const char *why = plan->check(w->at);
        if (why) note(v, why, SIZE_MAX);
    }
    if (w->slot->checked) check_value(v, w->slot, w->at);
}

static int run(struct validator *v) {
    /* How many problems there were when a struct began: only in those that are open. */
    size_t few[32], *before = few, room = 32;
    int event;
    while ((event = hob__walk_next(&v->walk)) > 0) {
        const struct hob__walk *w = &v->walk;
        const char *why;
        switch (event) {
        case HOB__WALK_OBJECT:
        case HOB__WALK_ARRAY:
            if (w->depth <= room) before[w->depth - 1] = problem_count(v);
            break;
        case HOB__WALK_OBJECT_END:
            /* Deeper than that the whole is looked at in any case. */
            check_object(v, w->depth < room ? before[w->depth] : problem_count(v));
            break;
        case HOB__WALK_ARRAY_END:
            check_array(v);
            break;
        case HOB__WALK_MISSING:
            note(v, "is missing", SIZE_MAX);
            break;
        case HOB__WALK_NULL:
            break;
        default:
            why = hob__unwritable(w->slot, w->at);
            if (why) note(v, why, SIZE_MAX);
            if (!why && w->slot->checked) check_value(v, w->slot, w->at);
        }
    }
    return event;
}

int hob_model_validate_with(const struct hob_model *model, const void *in, struct hob_arena *memory,
                            struct hob_problems *problems) {
    struct hob__root root;
    struct validator v;
    hob__root_slot(&root, model, false);
    hob__walk_begin(&v.walk, &root.slot, in);
    v.problems = (struct hob__problem_list){.memory = problems ? memory : NULL};
    v.matcher = (struct hob__matcher){NULL};
    if (problems) *problems = (struct hob_problems){0};
    int rc = run(&v);
    hob__walk_end(&v.walk);
    hob__matcher_end(&v.matcher);
    return rc < 0 ? rc : hob__problems_end(&v.problems, problems);
}

/* ---- comparing ---- */

static bool same_value(const struct hob__walk *a, const struct hob__walk *b) {
    const struct hob__slot *s = a->slot;
    char x[HOB__SCALAR_ROOM], y[HOB__SCALAR_ROOM];
    struct hob_slice t, u;
    switch (s->kind) {
    case HOB__KIND_FLOAT:
        return *(const float *)a->at == *(const float *)b->at;
    case HOB__KIND_DOUBLE:
        return *(const double *)a->at == *(const double *)b->at;
    case HOB__KIND_STRING:
    case HOB__KIND_CHARS:
    case HOB__KIND_SLICE:
    case HOB__KIND_RAW:
        t = hob__text_of(s, a->at, x);
        u = hob__text_of(s, b->at, y);
        break;
    case HOB__KIND_BYTES:
        memcpy(&t, a->at, sizeof t);
        memcpy(&u, b->at, sizeof u);
        break;
    default:
        return memcmp(a->at, b->at, s->item_size) == 0;
    }
    return t.size == u.size && (t.size == 0 || memcmp(t.at, u.at, t.size) == 0);
}

static int compare(struct hob__walk *a, struct hob__walk *b) {
    for (;;) {
        int x = hob__walk_next(a), y = hob__walk_next(b);
        if (x < 0 || y < 0) return x < 0 ? x : y;
        if (x != y || a->slot != b->slot || a->field != b->field) return 0;
        if (x == HOB__WALK_END) return 1;
        if (x == HOB__WALK_ARRAY && a->count != b->count) return 0;
        if (x == HOB__WALK_VALUE && !same_value(a, b)) return 0;
    }
}

int hob_model_equal_with(const struct hob_model *model, const void *a, const void *b) {
    struct hob__root root;
    struct hob__walk x, y;
    hob__root_slot(&root, model, false);
    hob__walk_begin(&x, &root.slot, a);
    hob__walk_begin(&y, &root.slot, b);
    int rc = compare(&x, &y);
    hob__walk_end(&x);
    hob__walk_end(&y);
    return rc;
}
