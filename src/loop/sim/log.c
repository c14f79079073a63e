/* loop/sim/log.c - what a run did, readable: a line for each event, by virtual time. */
#include <stdarg.h>
#include <stdio.h>

#include "loop/sim/sim.h"

void hob__sim_tell(struct hob__sim *w, const struct hob__sim_host *h, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(w->log, "%4llu.%09llu %-12s %s\n", (unsigned long long)(w->now / 1000000000u),
            (unsigned long long)(w->now % 1000000000u), h ? h->name : "-", text);
}
