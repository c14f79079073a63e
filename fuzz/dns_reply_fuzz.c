/* dns_reply_fuzz.c - DNS messages: how long they may be kept is what a naive reader of all records
 * says; and whatever a server answers, a query gets an answer that keeps its bounds. */
#include "fuzz.h"
#include "io/dns/ares.c"
#include "io/dns/dns.h"

/* ---- a second reading of RFC 1035 ---- */

static const uint8_t *text;
static size_t size;

static bool has(size_t at, size_t bytes) { return at <= size && size - at >= bytes; }

static int64_t number(size_t at, size_t bytes) {
    int64_t n = 0;
    if (!has(at, bytes)) return -1;
    for (size_t i = 0; i < bytes; i++) n = n << 8 | text[at + i];
    return n;
}

/* Where the name ends; 0: it does not. */
static size_t behind_name(size_t at) {
    for (;;) {
        int64_t length = number(at, 1);
        if (length < 0 || (length > 63 && length < 0xc0)) return 0;
        if (length >= 0xc0) return number(at, 2) < 0 ? 0 : at + 2;
        at += 1 + (size_t)length;
        if (length == 0) return at;
    }
}

static int64_t model(void) {
    int64_t least = -1;
    size_t at = 12;
    if (size < 12) return -1;
    for (int64_t i = number(4, 2); i > 0; i--) {
        at = behind_name(at);
        if (!at || !has(at, 4)) return least;
        at += 4;
    }
    int64_t answers = number(6, 2), all = answers + number(8, 2);
    for (int64_t i = 0; i < all; i++) {
        at = behind_name(at);
        if (!at || !has(at, 10)) return least;
        int64_t type = number(at, 2), ttl = number(at + 4, 4), length = number(at + 8, 2);
        at += 10;
        if (size - at < (size_t)length) return least;
        if (ttl > INT32_MAX) ttl = 0;
        bool counts = i < answers ? type != 41 : type == 6;
        if (counts && type == 6) {
            size_t whole = size, end = at + (size_t)length, p;
            size = end; /* a SOA ends with its record */
            p = behind_name(at);
            if (p) p = behind_name(p);
            int64_t minimum = p ? number(p + 16, 4) : -1;
            size = whole;
            if (minimum < ttl) ttl = minimum < 0 ? 0 : minimum;
        }
        if (counts && (least < 0 || ttl < least)) least = ttl;
        at += (size_t)length;
    }
    return least;
}

/* ---- an answer, as c-ares brings it ---- */

#ifdef HAVE_CARES
static void started(struct hob__dns *dns, struct hob__query *q) { (void)dns, (void)q; }
static const struct hob__dns_source source = {.name = "fuzz", .at_once = 1, .start = started};

static void answer(enum hob__dns_type type, int status) {
    struct hob__dns dns = {
        .source = &source,
        .options = {
            .queries = 1, .cache_entries = 4, .max_ttl = 1000000000, .negative_ttl = 1000000000}};
    hob__list_init(&dns.queued);
    hob__list_init(&dns.kept);
    struct hob__query *q = hob__query_ask(&dns, "a.test", type);
    CHECK(q != NULL);
    hob__dns_pump(&dns);
    CHECK(q->state == HOB__QUERY_RUNNING);
    on_answer(q, status, 0, (unsigned char *)(uintptr_t)text, (int)size);
    CHECK(dns.running == 0 && q->state == HOB__QUERY_DONE && (q->status == 0 || q->words));
    CHECK(q->count <= HOB__DNS_KEPT);
    if (q->status == 0 && type != HOB__DNS_PTR) CHECK(q->count > 0);
    if (q->status == 0 && type == HOB__DNS_PTR) CHECK(memchr(q->answer, 0, 1025));
    hob__query_unref(q);
    hob__dns_forget(&dns);
    hob__queries_free(&dns);
}
#endif

FUZZ(data, n) {
    if (n < 1 || n > 8192) return;
    size = n - 1;
    text = (const uint8_t *)edge_kept(data + 1, size);
    CHECK(hob__dns_reply_ttl(text, size) == model());
#ifdef HAVE_CARES
    answer((enum hob__dns_type)(data[0] % 3), data[0] & 64 ? ARES_ENOTFOUND : ARES_SUCCESS);
#endif
}
