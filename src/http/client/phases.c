/* http/client/phases.c - how long each part of a request took. */
#include "http/client/phases.h"

#include <hob/task.h>
#include <string.h>

#include "http/client/client.h"

void hob__marks_again(struct hob__marks *m, uint64_t at) {
    memset(m->at, 0, sizeof m->at);
    if (m->exchanges++ > 0) m->at[HOB__PHASE_BEFORE] = at;
    m->now = HOB__PHASE_POOL;
    m->reused = false;
    m->peer[0] = 0;
}

void hob__marks_pause(struct hob__marks *m) {
    memset(m->at, 0, sizeof m->at);
    m->now = HOB__PHASE_BEFORE;
}

void hob__marks_peer(struct hob__marks *m, const char *peer) {
    size_t n = peer ? strnlen(peer, sizeof m->peer - 1) : 0;
    if (n) memcpy(m->peer, peer, n);
    m->peer[n] = 0;
}

void hob__marks_read(const struct hob__marks *m, uint64_t now, const char *protocol,
                     struct hob_phases *out) {
    double seconds[HOB__PHASES] = {0};
    uint64_t last = m->began;
    for (int i = 0; i < HOB__PHASES; i++) {
        if (m->at[i] <= last) continue; /* not needed; or over within the same nanosecond */
        seconds[i] = (double)(m->at[i] - last) / 1e9;
        last = m->at[i];
    }
    if (m->now < HOB__PHASES && now > last) {
        seconds[m->now] += (double)(now - last) / 1e9;
        last = now;
    }
    *out = (struct hob_phases){.before = seconds[HOB__PHASE_BEFORE],
                               .pool = seconds[HOB__PHASE_POOL],
                               .dns = seconds[HOB__PHASE_DNS],
                               .connect = seconds[HOB__PHASE_CONNECT],
                               .tunnel = seconds[HOB__PHASE_TUNNEL],
                               .tls = seconds[HOB__PHASE_TLS],
                               .send = seconds[HOB__PHASE_SEND],
                               .wait = seconds[HOB__PHASE_WAIT],
                               .body = seconds[HOB__PHASE_BODY],
                               .total = (double)(last - m->began) / 1e9,
                               .exchanges = m->exchanges,
                               .reused = m->reused,
                               .protocol = protocol};
    memcpy(out->peer, m->peer, sizeof out->peer);
}

void hob_response_phases(const struct hob_response *res, struct hob_phases *phases) {
    uint64_t now = res->marks.now < HOB__PHASES ? hob_now() : 0;
    hob__marks_read(&res->marks, now, hob__response_protocol(res), phases);
}
