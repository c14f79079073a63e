/* groups.h - what the tests of the rules of task groups share: tasks that end in one way or
 * another. */
#ifndef HOB_TESTS_GROUPS_H
#define HOB_TESTS_GROUPS_H
#include "sync.h"

static struct hob_event never, go;

/* Waits for what never comes, and notes that it was cancelled. */
__attribute__((unused)) static int stays(const char *name) {
    int rc = hob_event_wait(&never);
    note("%s%s ", name, rc == -ECANCELED ? ":cancelled" : ":woken");
    return rc;
}
HOB_TASK(stays, const char *)

__attribute__((unused)) static int ends(int code, const char *name) {
    return code < 0 ? hob_fail(code, "%s", name) : code;
}

/* Ends after so many turns. */
__attribute__((unused)) static int gives(int after, int result) {
    for (int i = 0; i < after; i++) HOB_TRY(hob_yield_now());
    return ends(result, "gives");
}
HOB_TASK(gives, int, int)

/* Ends when `go` is set. */
__attribute__((unused)) static int fails(const char *name, int code) {
    HOB_TRY(hob_event_wait(&go));
    note("%s ", name);
    return ends(code, name);
}
HOB_TASK(fails, const char *, int)

/* Ends with that code when it is cancelled. */
__attribute__((unused)) static int fails_in_clean_up(const char *name, int code) {
    hob_event_wait(&never);
    note("%s ", name);
    return ends(code, name);
}
HOB_TASK(fails_in_clean_up, const char *, int)

__attribute__((unused)) static int count_errors(struct hob_scope *s) {
    int n = 0;
    for (const struct hob_error *e = hob_scope_errors(s); e; e = e->next) n++;
    return n;
}

static int reports;
static char report_text[4096];
__attribute__((unused)) static void keep_report(enum hob_report_kind kind, const char *text,
                                                void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* any busy machine brings it */
    if (kind != HOB_REPORT_ERROR) FAIL("%s", text);
    reports++;
    snprintf(report_text, sizeof report_text, "%s", text);
}

__attribute__((unused)) static int calls(int (*fn)(void)) { return fn(); }
HOB_TASK(calls, int (*)(void))

/* Runs fn as a task that is cancelled after two turns; its result. */
__attribute__((unused)) static int cancelled_after_two_turns(int (*fn)(void)) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, calls, fn);
    turns(2);
    CHECK(hob_cancel(t));
    CHECK(hob_join(s) >= 0);
    return hob_task_result(t);
}

#endif
