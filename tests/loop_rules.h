/* loop_rules.h - what the tests of the loop's rules, and of those on looking at it, have in common.
 */
#ifndef HOB_TESTS_LOOP_RULES_H
#define HOB_TESTS_LOOP_RULES_H
#include "sync.h"

#include <pthread.h>

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "task/fdwait.h"
#include "task/task.h"

enum { HOURS = 10000 };

static struct hob_event never;

static int stays(void) { return hob_event_wait(&never); }
HOB_TASK(stays)

__attribute__((unused)) static int notes_at(const char *name, uint64_t when) {
    int rc = hob_sleep_until(when);
    note("%s%s ", name, rc == -ECANCELED ? ":cancelled" : "");
    return rc;
}
HOB_TASK(notes_at, const char *, uint64_t)

/* Keeps the processor, and so the loop, until the deadline has passed. */
__attribute__((unused)) static void stays_busy_until(uint64_t deadline) {
    while (hob_now() <= deadline) continue;
}

static enum hob_report_kind report_kind;
static int reports;
static char report_text[32768];
__attribute__((unused)) static void keep_any_report(enum hob_report_kind kind, const char *text,
                                                    void *arg) {
    (void)arg;
    report_kind = kind;
    reports++;
    snprintf(report_text, sizeof report_text, "%s", text);
}
/* A busy machine may hold any loop for a while: that is not what a test waits for. */
__attribute__((unused)) static void keep_report(enum hob_report_kind kind, const char *text,
                                                void *arg) {
    if (kind != HOB_REPORT_SLOW) keep_any_report(kind, text, arg);
}

#endif
