/* task/report.c - what Hob says of its tasks: names, waits, stacks, the tree. */
#include "task/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { FRAMES_MAX = 48, FRAME_TEXT = 400, TREE_DEPTH = 64, TREE_TEXT = 1 << 20 };

/* Text that grows into a buffer as snprintf does: `at` is the length it would have. */
struct text {
    char *buf;
    size_t size, at;
};

static void put(struct text *t, const char *fmt, ...) HOB_PRINTF(2, 3);
static void put(struct text *t, const char *fmt, ...) {
    size_t room = t->at < t->size ? t->size - t->at : 0;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(room ? t->buf + t->at : NULL, room, fmt, args);
    va_end(args);
    if (n > 0) t->at += (size_t)n;
}

const char *hob_task_waiting(const struct hob_task *t) {
    static __thread char text[160];
    if (HOB__UNLIKELY(!t)) hob__misuse(__func__, "the task is NULL");
    switch (t->state) {
    case HOB__TASK_NEW:
        return "ready (not started)";
    case HOB__TASK_READY:
        return t == hob__loop_task(t->loop) ? "running" : "ready";
    case HOB__TASK_DONE:
        return hob__task_gone(t) ? "gone" : "done";
    default:
        break;
    }
    if ((t->wait_flags & HOB__WAIT_TIMER) || !t->object) return t->what;
    if (t->wait_flags & HOB__WAIT_NAMED)
        snprintf(text, sizeof text, "%s '%s'", t->what, (const char *)t->object);
    else if (t->wait_flags & HOB__WAIT_FD)
        snprintf(text, sizeof text, "%s fd %d", t->what, ((const struct hob__fd *)t->object)->fd);
    else if ((uintptr_t)t->object < (1u << 20))
        snprintf(text, sizeof text, "%s fd %u", t->what, (unsigned)(uintptr_t)t->object);
    else
        snprintf(text, sizeof text, "%s %p", t->what, t->object);
    return text;
}

static void put_stack(struct text *out, const struct hob_task *t, const char *indent) {
    void *pcs[FRAMES_MAX];
    int n = 0;
    if (t == hob_self())
        n = hob__trace_self(pcs, FRAMES_MAX);
    else if (t->stack && t->sp)
        n = hob__trace_suspended(t->sp, pcs, FRAMES_MAX);
    for (int i = 0; i < n; i++) {
        char frame[FRAME_TEXT];
        hob__trace_format(pcs[i], frame, sizeof frame);
        put(out, "%s%s\n", indent, frame);
    }
}

int hob_task_stack(const struct hob_task *t, char *buf, size_t n) {
    if (HOB__UNLIKELY(!t)) hob__misuse(__func__, "the task is NULL");
    if (t->loop != hob__loop) return -EXDEV;
    struct text out = {buf, n, 0};
    if (n) buf[0] = 0;
    put_stack(&out, t, "");
    return (int)out.at;
}

/* ---- the tree ---- */

static void put_task(struct text *out, const struct hob_task *t, int depth) {
    put(out, "%*s#%llu %s: %s%s, spawned by %s at %s:%d\n", 2 + 2 * depth, "",
        (unsigned long long)t->id, hob__task_title(t), hob_task_waiting(t),
        t->region->attention & HOB__ATT_CANCEL ? " (cancelled)" : "", t->site->place.func,
        t->site->place.file, t->site->place.line);
}

static void put_scope(struct text *out, const struct hob_scope *s, int depth) {
    for (const struct hob_task *t = s->children.first; t; t = t->next) {
        if (t->state == HOB__TASK_DONE) continue;
        put_task(out, t, depth);
        if (depth >= TREE_DEPTH) continue;
        for (const struct hob__region *r = &t->outer; r; r = r->inner)
            if (r->flags & HOB__REGION_SCOPE)
                put_scope(out, (const struct hob_scope *)(const void *)r, depth + 1);
    }
}

int hob_task_tree(char *buf, size_t n) {
    if (!hob__loop) return HOB_E_NOT_RUNNING;
    struct text out = {buf, n, 0};
    if (n) buf[0] = 0;
    put_scope(&out, &hob__loop->root, 0);
    return (int)out.at;
}

void hob__report_deadlock(struct hob_loop *loop) {
    char *buf = hob__alloc(TREE_TEXT);
    if (!buf) {
        hob__report(HOB_REPORT_DEADLOCK, "hob: deadlock (no memory to tell more)\n");
        return;
    }
    struct text out = {buf, TREE_TEXT, 0};
    put(&out,
        "hob: deadlock: no task is ready, no timer is armed, nothing from outside is awaited.\n"
        "%s\n",
        loop->deadlocked ? "They were cancelled already, and wait where cancellation is not seen:"
                         : "The tasks, each below the one whose scope it is in:");
    put_scope(&out, &loop->root, 0);
    if (out.at >= TREE_TEXT) memcpy(buf + TREE_TEXT - 5, "...\n", 5);
    hob__report(HOB_REPORT_DEADLOCK, buf);
    hob__free(buf);
}

/* ---- facts ---- */

struct tasks {
    struct hob_task **all;
    size_t count;
};

static int add_task(struct hob_task *t, void *arg) {
    struct tasks *list = arg;
    list->all[list->count++] = t;
    return 0;
}

static int by_id(const void *a, const void *b) {
    uint64_t x = (*(struct hob_task *const *)a)->id, y = (*(struct hob_task *const *)b)->id;
    return x < y ? -1 : x > y;
}

int hob_tasks(int (*see)(struct hob_task *t, void *arg), void *arg) {
    struct hob_loop *loop = hob__loop;
    if (!loop) return HOB_E_NOT_RUNNING;
    /* Records are used again in any order; see() sees them in that of their spawns. */
    struct tasks list = {hob__alloc((loop->live + 1) * sizeof(struct hob_task *)), 0};
    if (!list.all) return -ENOMEM;
    hob__records_each(loop, add_task, &list);
    qsort(list.all, list.count, sizeof *list.all, by_id);
    int rc = 0;
    for (size_t i = 0; i < list.count && !rc; i++) rc = see(list.all[i], arg);
    hob__free(list.all);
    return rc;
}

int hob_loop_info(struct hob_loop_info *info) {
    struct hob_loop *loop = hob__loop;
    if (!loop) return HOB_E_NOT_RUNNING;
    *info = (struct hob_loop_info){
        loop->backend.ops->name, loop->backend.why, loop->live,
        loop->next_id,           loop->turns,       loop->stacks.in_use - (loop->spare ? 1 : 0)};
    return 0;
}
