/* progress.c - the bar and the lines of progress.h. */
#include "progress.h"

#include <ctype.h>
#include <hob/hob.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TEXT_MAX = 256, BAR_MIN = 10, BAR_MAX = 40 };
static const double TICK = 0.1;           /* seconds between two bars */
static const double RATE_SECONDS = 2;     /* over which the rate is smoothed */
static const double QUIET_SECONDS = 5;    /* no lines earlier, and no closer together */
static const double SILENCE_SECONDS = 30; /* nor farther apart */

static double since(uint64_t when) { return (double)(hob_now() - when) / 1e9; }

void progress_init(struct progress *p, const struct tally *tally, bool off) {
    const char *term = getenv("TERM");
    *p = (struct progress){.tally = tally, .off = off};
    p->is_terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    p->began = p->drawn_at = hob_now();
}

static uint64_t done(const struct progress *p) { return p->tally->fetched + p->tally->failed; }

/* An average that forgets what is older than a few seconds. */
static void update_rate(struct progress *p) {
    double passed = since(p->drawn_at);
    uint64_t now_done = done(p);
    if (passed <= 0) return;
    double current = (double)(now_done - p->drawn_done) / passed;
    double whole = since(p->began);
    double weight = whole < RATE_SECONDS ? passed / whole : 1 - exp(-passed / RATE_SECONDS);
    p->rate += (current - p->rate) * weight;
    p->drawn_done = now_done;
    p->drawn_at = hob_now();
}

static unsigned width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

/* "1234/10000  567/s  3 failed  0:12 left" */
static size_t describe(const struct progress *p, char text[TEXT_MAX]) {
    const struct tally *t = p->tally;
    int n = snprintf(text, TEXT_MAX, "%llu", (unsigned long long)done(p));
    if (t->total) n += snprintf(text + n, TEXT_MAX - n, "/%llu", (unsigned long long)t->total);
    if (p->rate > 0)
        n += snprintf(text + n, TEXT_MAX - n, p->rate < 9.95 ? "  %.1f/s" : "  %.0f/s", p->rate);
    if (t->failed)
        n += snprintf(text + n, TEXT_MAX - n, "  %llu failed", (unsigned long long)t->failed);
    if (t->total > done(p) && p->rate > 0) {
        double left = ceil((double)(t->total - done(p)) / p->rate);
        unsigned s = left < 359999 ? (unsigned)left : 359999; /* 99:59:59 */
        if (s >= 3600)
            n += snprintf(text + n, TEXT_MAX - n, "  %u:%02u:%02u left", s / 3600, s / 60 % 60,
                          s % 60);
        else
            n += snprintf(text + n, TEXT_MAX - n, "  %u:%02u left", s / 60, s % 60);
    }
    return (size_t)n;
}

static void draw_bar(struct progress *p) {
    char text[TEXT_MAX], bar[BAR_MAX + 1];
    update_rate(p);
    unsigned n = (unsigned)describe(p, text), room = width();
    unsigned length = room > n + 4 ? room - n - 4 : 0; /* brackets, blank, last column */
    if (length > BAR_MAX) length = BAR_MAX;
    uint64_t total = p->tally->total;
    if (total == 0 || length < BAR_MIN) {
        fprintf(stderr, "\r%.*s\033[K", room > 1 ? (int)room - 1 : 1, text);
    } else {
        unsigned filled = (unsigned)((double)length * (double)done(p) / (double)total);
        if (filled > length) filled = length;
        memset(bar, '#', filled);
        memset(bar + filled, '.', length - filled);
        fprintf(stderr, "\r[%.*s] %s\033[K", (int)length, bar, text);
    }
    p->shown = true;
}

/* At every tenth of the work, neither too often nor too seldom. */
static void print_line(struct progress *p) {
    char text[TEXT_MAX];
    double silence = since(p->drawn_at);
    uint64_t total = p->tally->total;
    unsigned tenths = total ? (unsigned)(done(p) * 10 / total) : 0;
    if (silence < QUIET_SECONDS) return;
    if (silence < SILENCE_SECONDS && total && tenths == p->tenths) return;
    p->tenths = tenths;
    update_rate(p);
    describe(p, text);
    fprintf(stderr, "%s\n", text);
}

int progress_run(struct progress *p) {
    while (!p->off) {
        HOB_TRY(hob_sleep(TICK));
        if (p->is_terminal)
            draw_bar(p);
        else
            print_line(p);
    }
    return 0;
}

void progress_hide(struct progress *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}

void progress_say(struct progress *p, const char *command, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c)) *c = '?';
    progress_hide(p);
    fprintf(stderr, "%s: %s\n", command, text);
}
