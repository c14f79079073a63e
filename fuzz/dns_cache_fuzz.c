/* dns_cache_fuzz.c - the table of queries: asking, answering, giving back, leaving and forgetting
 * in any order, against a list of what should be known. */
#include <hob/loop.h>

#include "base/memory.h"
#include "fuzz.h"
#include "io/dns/dns.h"

enum { NAMES = 12, TYPES = 3, HELD = 32, KEPT = 4, AT_ONCE = 3 };

/* What is known of one name and type. */
struct known {
    enum { UNKNOWN, QUEUED, RUNNING, KEPT_NOW } state;
    unsigned held;   /* references of askers that wait for this one */
    unsigned answer; /* KEPT_NOW */
    unsigned used;   /* when it was asked for last */
    struct hob__query *q;
};

static struct known model[NAMES][TYPES];
static struct hob__dns dns;
static struct hob__query *running[AT_ONCE], *held[HELD];
static unsigned running_count, held_count, now;

static struct known *known_of(const struct hob__query *q) {
    return &model[atoi(q->name + 1)][q->type];
}

static void start(struct hob__dns *d, struct hob__query *q) {
    CHECK(d == &dns && q->state == HOB__QUERY_RUNNING && running_count < AT_ONCE);
    CHECK(known_of(q)->state == QUEUED && known_of(q)->q == q);
    known_of(q)->state = RUNNING;
    running[running_count++] = q;
}
static void close_source(struct hob__dns *d) { (void)d; }
static const struct hob__dns_source source = {
    .name = "fuzz", .at_once = AT_ONCE, .start = start, .close = close_source};

static unsigned count(int state) {
    unsigned n = 0;
    for (int i = 0; i < NAMES * TYPES; i++)
        n += model[i / TYPES][i % TYPES].state == (unsigned)state;
    return n;
}

static void forget(struct known *k) { *k = (struct known){0}; }

static void ask(unsigned name, unsigned type) {
    char text[8];
    struct known *k = &model[name][type];
    if (held_count == HELD) return;
    snprintf(text, sizeof text, "n%u", name);
    struct hob__query *q = hob__query_ask(&dns, edge_string(text, sizeof text), type);
    CHECK(q && strcmp(q->name, text) == 0 && q->type == type && q->listed);
    if (k->state == UNKNOWN) *k = (struct known){.state = QUEUED, .q = q};
    CHECK(k->q == q);
    if (k->state == KEPT_NOW) CHECK(q->state == HOB__QUERY_DONE);
    if (k->state == KEPT_NOW && q->status == 0)
        CHECK(q->count == 1 && memcmp(q->answer, &k->answer, 4) == 0);
    k->used = ++now;
    k->held++;
    held[held_count++] = q;
}

/* An asker leaves: of what is queued and nobody asks for any more nothing is left. */
static void leave(unsigned i) {
    struct hob__query *q = held[i];
    struct known *k = q->listed ? known_of(q) : NULL;
    held[i] = held[--held_count];
    if (k) CHECK(k->q == q && k->held > 0);
    if (k && --k->held == 0 && k->state == QUEUED) forget(k);
    hob__query_unref(q);
}

static void answer(unsigned i, int status, uint32_t ttl) {
    struct hob__query *q = running[i];
    struct known *k = known_of(q);
    running[i] = running[--running_count];
    unsigned number = now++;
    bool keeps = ttl > 0 && (status == 0 || status == HOB_E_NAME);
    struct hob__reply r = {.status = status,
                           .words = "",
                           .ttl = ttl,
                           .count = status == 0,
                           .bytes = &number,
                           .size = status == 0 ? 4 : 0};
    if (!keeps) {
        forget(k);
    } else {
        *k = (struct known){
            .state = KEPT_NOW, .held = k->held, .answer = number, .q = q, .used = now};
        if (count(KEPT_NOW) > KEPT) { /* the one that was used longest ago makes room */
            struct known *oldest = NULL;
            for (int n = 0; n < NAMES * TYPES; n++) {
                struct known *other = &model[n / TYPES][n % TYPES];
                if (other->state == KEPT_NOW && (!oldest || other->used < oldest->used))
                    oldest = other;
            }
            forget(oldest);
        }
    }
    hob__query_answered(q, &r);
}

static void again(unsigned i) {
    struct hob__query *q = running[i];
    struct known *k = known_of(q);
    running[i] = running[--running_count];
    k->state = QUEUED;
    if (k->held == 0) forget(k); /* given back, and nobody asks */
    hob__query_again(q);
}

static void validate(void) {
    CHECK(dns.queued_count == count(QUEUED) && dns.running == count(RUNNING));
    CHECK(dns.kept_count == count(KEPT_NOW) && dns.running == running_count);
    CHECK(dns.listed == NAMES * TYPES - count(UNKNOWN) && dns.kept_count <= KEPT);
}

static void step(struct fuzz_input *in) {
    unsigned what = fuzz_byte(in), which = fuzz_byte(in);
    struct known *k = &model[which % NAMES][which / NAMES % TYPES];
    switch (what % 8) {
    case 0:
    case 1:
        return ask(which % NAMES, which / NAMES % TYPES);
    case 2:
        return held_count ? leave(which % held_count) : (void)0;
    case 3:
        return hob__dns_pump(&dns);
    case 4:
        if (running_count) answer(which % running_count, 0, what / 8);
        return;
    case 5:
        if (running_count)
            answer(which % running_count, what & 8 ? HOB_E_NAME : HOB_E_NAME_TEMPORARY, what / 16);
        return;
    case 6:
        if (what & 8) {
            if (running_count) again(which % running_count);
            return;
        }
        if (k->state == KEPT_NOW && held_count < HELD) { /* its time is over */
            k->q->expires = 1;
            forget(k);
            ask(which % NAMES, which / NAMES % TYPES);
        }
        return;
    default:
        if (which > 20) return;
        for (int i = 0; i < NAMES * TYPES; i++)
            if (model[i / TYPES][i % TYPES].state == KEPT_NOW) forget(&model[i / TYPES][i % TYPES]);
        hob__dns_forget(&dns);
    }
}

FUZZ(data, n) {
    if (n > 1000) return;
    struct fuzz_input in = {data, n};
    long live = hob__alloc_live();
    memset(model, 0, sizeof model);
    memset(&dns, 0, sizeof dns);
    running_count = held_count = now = 0;
    dns.source = &source;
    dns.options = (struct hob_dns_options){
        .queries = AT_ONCE, .cache_entries = KEPT, .max_ttl = 1000000, .negative_ttl = 1000000};
    hob__list_init(&dns.queued);
    hob__list_init(&dns.kept);
    while (in.left > 0) {
        step(&in);
        validate();
    }
    while (held_count > 0) leave(0);
    while (running_count > 0) answer(0, 0, 0);
    validate();
    hob__dns_forget(&dns);
    hob__queries_free(&dns);
    CHECK(hob__alloc_live() == live);
}
