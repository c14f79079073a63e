/* loop/sim/random.c - one seed, many streams; and what a seed makes of a world that is given
 * nothing else: which order, which faults. */
#include <stdio.h>
#include <stdlib.h>

#include "loop/sim/sim.h"

/* Streams are found by name, so that one more leaves the others as they are. */
static const char *const names[HOB__SIM_STREAMS] = {
    [HOB__SIM_ORDER] = "order",   [HOB__SIM_NET] = "net",         [HOB__SIM_FAULT] = "fault",
    [HOB__SIM_WORK] = "work",     [HOB__SIM_FILES] = "files",     [HOB__SIM_UDP] = "udp",
    [HOB__SIM_DNS] = "dns",       [HOB__SIM_BUGGIFY] = "buggify", [HOB__SIM_PROGRAM] = "program",
    [HOB__SIM_TEST] = "test",     [HOB__SIM_CONFIG] = "config",   [HOB__SIM_RACE] = "race",
    [HOB__SIM_SIGNAL] = "signal",
};

uint64_t hob__sim_mix(uint64_t x) {
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

uint64_t hob__sim_seed_of(const struct hob__sim *w, const char *name) {
    uint64_t h = hob__sim_mix(w->seed + UINT64_C(0x9e3779b97f4a7c15));
    for (; *name; name++) h = hob__sim_mix(h ^ (uint8_t)*name);
    return h;
}

static uint32_t sometimes_by(struct hob__sim *w, enum hob__sim_stream from, double most) {
    if (hob__sim_below(w, from, 2)) return 0;
    double part = (double)(hob__sim_draw(w, from) >> 11) / 9007199254740992.0;
    return HOB__SIM_P(part * part * most);
}

static uint32_t sometimes(struct hob__sim *w, double most) {
    return sometimes_by(w, HOB__SIM_CONFIG, most);
}

/* Each run has some of the faults, none of the others: a fault that is always there hides what only
 * happens without it. */
static void choose_faults(struct hob__sim *w, bool all) {
    w->faults = (struct hob__sim_faults){
        .short_read = sometimes(w, 0.5),
        .short_write = sometimes(w, 0.5),
        .cut = sometimes(w, 0.5),
        .spurious = sometimes(w, 0.1),
        .early = sometimes(w, 0.2),
        .accept = sometimes(w, 0.2),
        .no_memory = sometimes(w, 0.02),
        .stall = sometimes(w, 0.001),
        .buggify = sometimes(w, 0.2),
        .datagram_lost = sometimes(w, 0.2),
        .datagram_twice = sometimes(w, 0.2),
        .datagram_late = sometimes(w, 0.2),
        .name_lost = sometimes(w, 0.3),
        .race = sometimes_by(w, HOB__SIM_RACE, 0.2),
        .interrupted = sometimes_by(w, HOB__SIM_SIGNAL, 0.2),
    };
    if (!all) return;
    w->faults = (struct hob__sim_faults){
        .short_read = HOB__SIM_P(0.2),
        .short_write = HOB__SIM_P(0.2),
        .cut = HOB__SIM_P(0.2),
        .spurious = HOB__SIM_P(0.05),
        .early = HOB__SIM_P(0.1),
        .accept = HOB__SIM_P(0.1),
        .no_memory = HOB__SIM_P(0.01),
        .stall = HOB__SIM_P(0.0005),
        .buggify = HOB__SIM_P(0.1),
        .datagram_lost = HOB__SIM_P(0.1),
        .datagram_twice = HOB__SIM_P(0.05),
        .datagram_late = HOB__SIM_P(0.1),
        .name_lost = HOB__SIM_P(0.1),
        .race = HOB__SIM_P(0.05),
        .interrupted = HOB__SIM_P(0.05),
    };
}

void hob__sim_configure(struct hob__sim *w, const struct hob__sim_config *c) {
    /* Drawn in any case, so that what is given does not change the rest. */
    enum hob__sim_order order = (enum hob__sim_order)hob__sim_below(w, HOB__SIM_CONFIG, 4);
    hob__sim_order_set(w, c->order >= 0 ? (enum hob__sim_order)c->order : order);
    choose_faults(w, c->faults == 1);
    if (c->faults == 0) w->faults = (struct hob__sim_faults){0};
    if (c->log) w->log = c->log_file[0] ? fopen(c->log_file, "we") : (void *)stderr;
    if (c->log && !w->log) w->log = stderr;
    hob__sim_buggify(w);
}

void hob__sim_streams_begin(struct hob__sim *w) {
    for (int i = 0; i < HOB__SIM_STREAMS; i++) w->streams[i] = hob__sim_seed_of(w, names[i]);
}

/* ---- HOB_SIM ---- */

static const char *const orders[] = {"fifo", "random", "last", "pct"};

static bool is_word(const char *at, size_t n, const char *word) {
    return strlen(word) == n && memcmp(at, word, n) == 0;
}

static int parse_seed(const char *at, size_t n, struct hob__sim_config *c) {
    char text[32], *end;
    if (n == 0 || n >= sizeof text) return -EINVAL;
    memcpy(text, at, n);
    text[n] = 0;
    errno = 0;
    c->seed = strtoull(text, &end, 10);
    c->given = true;
    return errno || *end || text[0] == '-' ? -EINVAL : 0;
}

static int parse_one(const char *at, size_t n, struct hob__sim_config *c) {
    if (n > 5 && memcmp(at, "seed:", 5) == 0) return parse_seed(at + 5, n - 5, c);
    if (n > 6 && memcmp(at, "order=", 6) == 0) {
        for (int i = 0; i < 4; i++)
            if (is_word(at + 6, n - 6, orders[i])) return (c->order = i), 0;
        return -EINVAL;
    }
    if (is_word(at, n, "faults=none")) return (c->faults = 0), 0;
    if (is_word(at, n, "faults=all")) return (c->faults = 1), 0;
    if (is_word(at, n, "files")) return (c->files = true), 0;
    if (is_word(at, n, "log")) return (c->log = true), 0;
    if (n > 4 && memcmp(at, "log=", 4) == 0 && n - 4 < sizeof c->log_file) {
        memcpy(c->log_file, at + 4, n - 4);
        c->log_file[n - 4] = 0;
        c->log = true;
        return 0;
    }
    return -EINVAL;
}

int hob__sim_config_parse(const char *text, struct hob__sim_config *c) {
    *c = (struct hob__sim_config){.order = -1, .faults = -1};
    while (text && *text) {
        size_t n = strcspn(text, ",");
        if (n > 0 && parse_one(text, n, c) < 0) return -EINVAL;
        text += n + (text[n] == ',');
    }
    return 0;
}
