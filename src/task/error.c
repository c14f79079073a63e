/* task/error.c - error records: counted, since a record can be a task's, its scope's and the
 * joiner's at once. */
#include "task/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { MESSAGE_MAX = 512, CAUSES_MAX = 8 };

struct box {
    struct hob_error e;
    int refs;
    bool listed;
    bool whole;  /* func and file lie in it too */
    char text[]; /* the message, then the task's name */
};

static struct box *box_of(const struct hob_error *e) { return (struct box *)(void *)e; }

/* This thread's record outside tasks, and after the loop has ended. */
static __thread struct hob_error *outside;
static pthread_key_t outside_key; /* its destructor: gives the record back when the thread ends */

static void drop_outside(void *arg) {
    struct hob_error *e = outside;
    (void)arg;
    outside = NULL;
    hob__error_unref(e);
}

static void make_outside_key(void) { pthread_key_create(&outside_key, drop_outside); }

static struct hob_error **slot(void) {
    struct hob_task *t = hob_self();
    return t ? &t->last : &outside;
}

struct hob_error *hob__error_ref(const struct hob_error *e) {
    box_of(e)->refs++;
    return (struct hob_error *)e;
}

void hob__error_unref(struct hob_error *e) {
    while (e && --box_of(e)->refs == 0) {
        struct hob_error *cause = (struct hob_error *)e->cause;
        hob__free(box_of(e));
        e = cause;
    }
}

static int depth(const struct hob_error *e) {
    int n = 0;
    for (; e; e = e->cause) n++;
    return n;
}

static struct hob_error *make(const struct hob_error *like, const char *message) {
    size_t m = strlen(message) + 1, n = strlen(like->task) + 1;
    struct box *b = hob__alloc(sizeof *b + m + n);
    if (!b) return NULL;
    b->e = *like;
    b->e.next = NULL;
    b->refs = 1;
    b->listed = b->whole = false;
    memcpy(b->text, message, m);
    memcpy(b->text + m, like->task, n);
    b->e.message = b->text;
    b->e.task = b->text + m;
    if (b->e.cause) hob__error_ref(b->e.cause);
    return &b->e;
}

struct hob_error *hob__error_whole(const struct hob_error *like) {
    size_t m = strlen(like->message) + 1, n = strlen(like->task) + 1;
    size_t func = strlen(like->func) + 1, file = strlen(like->file) + 1;
    struct box *b = hob__alloc(sizeof *b + m + n + func + file);
    if (!b) return NULL;
    b->e = *like;
    b->e.next = NULL;
    b->refs = 1;
    b->listed = false;
    b->whole = true;
    b->e.message = memcpy(b->text, like->message, m);
    b->e.task = memcpy(b->text + m, like->task, n);
    b->e.func = memcpy(b->text + m + n, like->func, func);
    b->e.file = memcpy(b->text + m + n + func, like->file, file);
    if (b->e.cause) hob__error_ref(b->e.cause);
    return &b->e;
}

static struct hob_error *copy_of(const struct hob_error *e) {
    return box_of(e)->whole ? hob__error_whole(e) : make(e, e->message);
}

static struct hob_error *make_formatted(int code, const char *func, const char *file, int line,
                                        const char *task, const struct hob_error *cause,
                                        const char *fmt, va_list args) {
    char message[MESSAGE_MAX];
    vsnprintf(message, sizeof message, fmt, args);
    while (depth(cause) > CAUSES_MAX) cause = cause->cause; /* keeps the first ones */
    struct hob_error like = {code, NULL, func, file, line, task, cause, NULL};
    return make(&like, message);
}

struct hob_error *hob__error_new(int code, const char *func, const char *file, int line,
                                 const char *task, const struct hob_error *cause, const char *fmt,
                                 ...) {
    va_list args;
    va_start(args, fmt);
    struct hob_error *e = make_formatted(code, func, file, line, task, cause, fmt, args);
    va_end(args);
    return e;
}

void hob__error_set(struct hob_error *e) {
    struct hob_error **s = slot();
    struct hob_error *old = *s;
    if (s == &outside && e) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, make_outside_key);
        pthread_setspecific(outside_key, &outside);
    }
    *s = e;
    hob__error_unref(old);
}

struct hob_error *hob__error_for_list(struct hob_error *e) {
    if (box_of(e)->listed) return copy_of(e);
    box_of(e)->listed = true;
    return hob__error_ref(e);
}

void hob__error_leave_list(struct hob_error *e) {
    box_of(e)->listed = false;
    e->next = NULL;
    hob__error_unref(e);
}

struct hob_error *hob__error_take(int code, const struct hob__spawn_site *site) {
    struct hob_error **s = slot(), *e = *s;
    *s = NULL;
    if (e && e->code == code) return e;
    hob__error_unref(e);
    return code >= 0 ? NULL
                     : hob__error_new(code, site->place.func, site->place.file, site->place.line,
                                      site->name, NULL, "%s", hob_strerror(code));
}

struct hob_error *hob__error_copy(const struct hob_error *e) {
    struct hob_error *copy = copy_of(e);
    if (!copy || !e->cause) return copy;
    hob__error_unref((struct hob_error *)copy->cause);
    copy->cause = hob__error_copy(e->cause);
    return copy;
}

int hob__fail(bool with_cause, int code, const char *func, const char *file, int line,
              const char *fmt, ...) {
    int kept_errno = errno;
    struct hob_error **s = slot();
    struct hob_task *t = hob_self();
    va_list args;
    va_start(args, fmt);
    struct hob_error *e = make_formatted(code, func, file, line,
                                         t                  ? hob__task_title(t)
                                         : hob__thread_work ? hob__thread_work
                                                            : "",
                                         with_cause ? *s : NULL, fmt, args);
    va_end(args);
    struct hob_error *reserve = t ? t->loop->oom_error : NULL;
    if (!e && reserve && box_of(reserve)->refs == (*s == reserve ? 2 : 1)) {
        e = hob__error_ref(reserve);
        e->code = code;
        e->message = hob_strerror(code);
        e->func = func;
        e->file = file;
        e->line = line;
    }
    hob__error_set(e);
    errno = kept_errno;
    return code;
}

const struct hob_error *hob_error(void) { return *slot(); }

void hob_error_clear(void) { hob__error_set(NULL); }

int hob_error_format(const struct hob_error *e, char *buf, size_t n) {
    size_t at = 0;
    for (const struct hob_error *x = e; x; x = x->cause) {
        size_t room = at < n ? n - at : 0;
        const char *name = hob_strerror(x->code);
        bool same = strcmp(name, x->message) == 0;
        int got = snprintf(room ? buf + at : NULL, room, "%s%s%s%s (%s, %s:%d%s%s%s)",
                           x == e ? "" : "\n  caused by: ", name, same ? "" : ": ",
                           same ? "" : x->message, x->func, x->file, x->line,
                           x->task[0] ? ", in task '" : "", x->task, x->task[0] ? "'" : "");
        if (got > 0) at += (size_t)got;
    }
    if (!e && n) buf[0] = 0;
    return (int)at;
}
