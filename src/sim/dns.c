/* sim/dns.c - the resolver's source in a simulated world (io/dns/dns.h): answers come from the
 * world's table (names.c), after a while, by timers of the asking loop; no server, no socket.
 *
 * A question, or its answer, may get lost (a fault, or the table's `silent`): then it is asked
 * again, as c-ares does it, after options.timeout (2 s), and twice that, options.attempts (3) times
 * in all. What the answer says is looked up when it comes. */
#include "io/dns/dns.h"

#include "base/memory.h"
#include "sim/names.h"

#define MS UINT64_C(1000000)
enum { TIMEOUT_MS = 2000, ATTEMPTS = 3, AT_ONCE = 1024 };

struct question {
    struct hob_list link; /* in state.running */
    struct hob_timer timer;
    struct hob__dns *dns;
    struct hob__query *q;
    bool unanswered;
};

struct state {
    struct hob_list running;
};

static struct hob__sim *world_of(const struct hob__dns *dns) {
    return hob__sim_world(dns->backend);
}

static void forget(struct question *x) {
    hob__list_remove(&x->link);
    hob__free(x);
}

/* ---- answers ---- */

static void failed(struct hob__query *q, int status, const char *words, uint32_t ttl) {
    hob__query_answered(q, &(struct hob__reply){.status = status, .words = words, .ttl = ttl});
}

static void answer_name(struct hob__sim *w, struct hob__query *q) {
    const char *name = hob__sim_name_of(w, q->name);
    if (name)
        hob__query_answered(
            q, &(struct hob__reply){.ttl = 60, .bytes = name, .size = strlen(name) + 1});
    else
        failed(q, HOB_E_NAME, "no such host", 5);
}

static void answer_addresses(struct hob__query *q, const struct hob__sim_answer *a) {
    unsigned char bytes[HOB__DNS_KEPT * 16];
    int family = q->type == HOB__DNS_AAAA ? AF_INET6 : AF_INET;
    size_t size = family == AF_INET6 ? 16 : 4;
    struct hob__reply r = {.ttl = a->ttl, .bytes = bytes};
    for (unsigned i = 0; i < a->count; i++) {
        const struct hob_address *x = &a->list[i];
        if (x->ip.any.sa_family != family || r.count == HOB__DNS_KEPT) continue;
        memcpy(bytes + r.count++ * size,
               size == 16 ? (const void *)&x->ip.v6.sin6_addr : (const void *)&x->ip.v4.sin_addr,
               size);
    }
    r.size = r.count * size;
    if (r.count > 0)
        hob__query_answered(q, &r);
    else
        failed(q, HOB_E_NAME, a->known ? "the name has no such record" : "no such host", a->ttl);
}

static void on_timer(struct hob_timer *t) {
    struct question *x = hob__container(t, struct question, timer);
    struct hob__dns *dns = x->dns;
    struct hob__sim *w = world_of(dns);
    struct hob__query *q = x->q;
    struct hob__sim_answer a;
    bool unanswered = x->unanswered;
    forget(x);
    hob__sim_name_answer(w, q->name, &a);
    hob__sim_note(w, a.count + (unanswered ? 100u : 0u));
    HOB__SIM_LOG(w, hob__sim_host_of(dns->backend), "name %s %s", q->name,
                 unanswered ? "gets no answer" : "is answered");
    if (unanswered)
        failed(q, HOB_E_NAME_TEMPORARY, "no name server answers", 0);
    else if (q->type == HOB__DNS_PTR)
        answer_name(w, q);
    else if (a.broken)
        failed(q, HOB_E_NAME_TEMPORARY, "the name servers cannot tell", 0);
    else
        answer_addresses(q, &a);
    hob__dns_pump(dns);
}

/* ---- questions ---- */

/* How long it takes until the answer is there, or until nobody waits for it any more. */
static uint64_t takes(struct hob__dns *dns, const struct hob__sim_answer *a, int type,
                      bool *unanswered) {
    struct hob__sim *w = world_of(dns);
    uint64_t timeout = dns->options.timeout > 0 ? (uint64_t)(dns->options.timeout * 1e9)
                                                : TIMEOUT_MS * MS,
             asked = 0, delay = a->delay_ns[type == HOB__DNS_AAAA];
    unsigned attempts = dns->options.attempts > 0 ? dns->options.attempts : ATTEMPTS;
    bool answered = false;
    uint64_t when = 0;
    if (delay == 0) delay = MS + hob__sim_below(w, HOB__SIM_DNS, 30 * MS);
    for (unsigned i = 0; i < attempts; i++) {
        if (answered && when <= asked) break;
        if (!answered && !a->silent && !hob__sim_chance(w, HOB__SIM_DNS, w->faults.name_lost)) {
            answered = true;
            when = asked + delay;
        }
        asked += timeout << (i < 10 ? i : 10);
    }
    *unanswered = !answered || when > asked;
    return *unanswered ? asked : when;
}

static struct state *state_of(struct hob__dns *dns) {
    if (dns->source_state) return dns->source_state;
    struct state *s = hob__alloc(sizeof *s);
    if (s) hob__list_init(&s->running);
    return dns->source_state = s;
}

static void sim_start(struct hob__dns *dns, struct hob__query *q) {
    struct state *s = state_of(dns);
    struct question *x = s ? hob__alloc_zero(sizeof *x) : NULL;
    if (!x) {
        failed(q, -ENOMEM, "out of memory", 0);
        return;
    }
    struct hob__sim_answer a;
    hob__sim_name_answer(world_of(dns), q->name, &a);
    x->dns = dns;
    x->q = q;
    x->timer.fire = on_timer;
    x->timer.deadline_ns = hob_now() + takes(dns, &a, q->type, &x->unanswered);
    hob__list_append(&s->running, &x->link);
    HOB__SIM_LOG(world_of(dns), hob__sim_host_of(dns->backend), "asks for the name %s", q->name);
    while (!hob__wheel_add(&hob__loop->wheel, &x->timer))
        x->timer.deadline_ns += UINT64_C(1) << HOB__WHEEL_SHIFT;
}

static void sim_close(struct hob__dns *dns) {
    struct state *s = dns->source_state;
    if (!s) return;
    dns->source_state = NULL;
    while (!hob__list_empty(&s->running)) {
        struct question *x = hob__container(s->running.next, struct question, link);
        struct hob__query *q = x->q;
        hob__wheel_remove(&hob__loop->wheel, &x->timer);
        forget(x);
        hob__query_again(q);
    }
    hob__free(s);
}

/* The list as hob_dns_configure() has tidied it: commas alone, brackets only with a port. */
static bool has_server(struct hob__backend *b, const char *servers) {
    for (const char *p = servers; *p; p += *p == ',') {
        char one[HOB_ADDRESS_TEXT] = "";
        struct hob_address a;
        struct hob__sim_address at;
        size_t n = strcspn(p, ",");
        memcpy(one, p, n < sizeof one ? n : sizeof one - 1);
        p += n;
        if (hob_address_parse(one, &a) < 0 && hob_address_parse_host(one, 53, &a) < 0) continue;
        if (hob__sim_address_parse(&a.ip.any, hob_address_size(&a), &at) < 0) continue;
        if (hob__sim_host_at(hob__sim_host_of(b), &at)) return true;
    }
    return false;
}

static const struct hob__dns_source source = {.name = "simulated",
                                              .at_once = AT_ONCE,
                                              .start = sim_start,
                                              .close = sim_close,
                                              .has_server = has_server};

__attribute__((constructor)) static void enter(void) { hob__dns_simulated = &source; }
