/* http/server/cut_off.c - clients that are cut off: counted, and told of. A line for each would let
 * them fill the log, so there is one a minute for each kind, which says how many there were. */
#include <hob/error.h>
#include <hob/hob.h>
#include <stdio.h>

#include "http/server/server.h"
#include "task/report.h"

static const uint64_t tell_again_ns = 60ull * 1000000000;

void hob__cut_off(struct hob__server *server, enum hob_http_cut cut, const char *peer) {
    static const char *const why[HOB__TOLD] = {
        [HOB__TOLD_SLOW] = "it did not send, or read, what it had to in its time",
        [HOB__TOLD_FLOOD] = "it sent more frames without a purpose than is honest",
    };
    unsigned kind = cut == HOB_HTTP_CUT_FLOOD ? HOB__TOLD_FLOOD : HOB__TOLD_SLOW;
    struct hob__told *told = &server->told[kind];
    uint64_t now = hob_now();
    struct hob_http_counters *c = server->counters;
    hob__count(cut == HOB_HTTP_CUT_FLOOD ? &c->floods : &c->timeouts, 1);
    hob__count(&c->cut_offs[cut], 1);
    told->others++;
    if (told->at && now - told->at < tell_again_ns) return;
    char text[320], more[64] = "";
    if (told->others > 1)
        snprintf(more, sizeof more, " (so were %llu others)", (unsigned long long)told->others - 1);
    snprintf(text, sizeof text, "hob: %.100s was cut off: %s%s\n", peer, why[kind], more);
    *told = (struct hob__told){.at = now};
    hob__report(HOB_REPORT_NOTE, text);
}
