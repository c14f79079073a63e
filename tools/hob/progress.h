/* progress.h - how far the work is, on standard error: a bar on a terminal, redrawn ten times a
 * second; elsewhere a line now and then, and only for work that takes long. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "outcome.h"

struct progress {
    const struct tally *tally; /* what it shows */
    bool off;                  /* says nothing at all */
    bool is_terminal;
    bool shown;          /* the bar is on the screen */
    uint64_t began;      /* ns, monotonic */
    uint64_t drawn_at;   /* when the last bar or line was shown */
    uint64_t drawn_done; /* how many were done then */
    double rate;         /* URLs per second, lately */
    unsigned tenths;     /* of the work, at the last line */
};

void progress_init(struct progress *p, const struct tally *tally, bool off);

/* Shows it until it is cancelled: a daemon task. */
int progress_run(struct progress *p);

/* A line on standard error: "command: ...", the bar out of its way. What came from outside, line
 * ends and a terminal's commands, is not repeated there. */
void progress_say(struct progress *p, const char *command, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the bar off the screen, before anything else is written to it. */
void progress_hide(struct progress *p);

#endif
