/* task/tell.c - where reports go: to the program's own function, or to standard error. */
#include "task/task.h"

#include <stdio.h>
#include <string.h>

enum { REPORT_MAX = 4096 };

/* The watchdog reports too, from its own thread. */
static struct {
    pthread_mutex_t lock;
    void (*report)(enum hob_report_kind kind, const char *text, void *arg);
    void *arg;
} reporter = {.lock = PTHREAD_MUTEX_INITIALIZER};

void hob_set_report(void (*report)(enum hob_report_kind kind, const char *text, void *arg),
                    void *arg) {
    pthread_mutex_lock(&reporter.lock);
    reporter.report = report;
    reporter.arg = arg;
    pthread_mutex_unlock(&reporter.lock);
    if (report) hob__watchdog_share_files();
}

bool hob__report_is_default(void) {
    pthread_mutex_lock(&reporter.lock);
    bool is_default = !reporter.report;
    pthread_mutex_unlock(&reporter.lock);
    return is_default;
}

void hob__reports_forked(void) { pthread_mutex_init(&reporter.lock, NULL); }

void hob__report(enum hob_report_kind kind, const char *text) {
    pthread_mutex_lock(&reporter.lock);
    void (*report)(enum hob_report_kind, const char *, void *) = reporter.report;
    void *arg = reporter.arg;
    pthread_mutex_unlock(&reporter.lock);
    if (report)
        report(kind, text, arg);
    else
        hob__say(text);
}

void hob__error_report(const struct hob_error *e, const char *what) {
    char text[REPORT_MAX];
    int n = snprintf(text, sizeof text, "hob: %s: ", what);
    if (e)
        n += hob_error_format(e, text + n, sizeof text - (size_t)n - 2);
    else
        n += snprintf(text + n, sizeof text - (size_t)n - 2, "(no memory for its record)");
    int longest = (int)sizeof text - 3; /* that went in: the NUL is there */
    if (n > longest) memcpy(text + (n = longest) - 3, "...", 3);
    text[n] = '\n';
    text[n + 1] = 0;
    hob__report(HOB_REPORT_ERROR, text);
}
