/* http/cut_off.c - clients that are cut off: counted, and told of. A line for each would let them
 * fill the log, so there is one a minute for each kind, which says how many there were. */
#include <hob/error.h>
#include <hob/hob.h>
#include <stdio.h>

#include "http/server.h"
#include "task/report.h"

static const uint64_t tell_again_ns = 60ull * 1000000000;

void hob__cut_off(struct hob__server *server, enum hob__cut kind, const char *peer) {
    static const char *const why[HOB__CUTS] = {
        [HOB__CUT_SLOW] = "it did not send, or read, what it had to in its time",
        [HOB__CUT_FLOOD] = "it sent more frames without a purpose than is honest",
    };
    struct hob__told *told = &server->told[kind];
    uint64_t now = hob_now();
    (*(kind == HOB__CUT_FLOOD ? &server->counters->floods : &server->counters->timeouts))++;
    told->others++;
    if (told->at && now - told->at < tell_again_ns) return;
    char text[320], more[64] = "";
    if (told->others > 1)
        snprintf(more, sizeof more, " (so were %llu others)", (unsigned long long)told->others - 1);
    snprintf(text, sizeof text, "hob: %.100s was cut off: %s%s\n", peer, why[kind], more);
    *told = (struct hob__told){.at = now};
    hob__report(HOB_REPORT_NOTE, text);
}
