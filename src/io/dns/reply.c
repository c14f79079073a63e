/* io/dns/reply.c - how long a DNS message may be kept, RFC 1035 section 4.1. c-ares parses the
 * addresses; of negative answers and of PTR records it does not tell the time. Bytes in, a number
 * out: whatever the bytes, nothing outside them is read. */
#include "io/dns/dns.h"

enum { HEADER = 12, TYPE_SOA = 6, TYPE_OPT = 41, SECTION_ANSWER = 0, SECTION_AUTHORITY = 1 };

struct reader {
    const unsigned char *at, *end;
    bool bad;
};

static unsigned take(struct reader *r, unsigned bytes) {
    if ((size_t)(r->end - r->at) < bytes) {
        r->bad = true;
        return 0;
    }
    unsigned n = 0;
    while (bytes-- > 0) n = n << 8 | *r->at++;
    return n;
}

static void skip(struct reader *r, size_t bytes) {
    if ((size_t)(r->end - r->at) < bytes)
        r->bad = true;
    else
        r->at += bytes;
}

/* Labels, up to the empty one or to a pointer, which ends the name as it stands here. */
static void skip_name(struct reader *r) {
    while (!r->bad) {
        unsigned length = take(r, 1);
        if (length == 0) return;
        if (length >= 0xc0) {
            skip(r, 1);
            return;
        }
        if (length > 63) r->bad = true;
        skip(r, length);
    }
}

/* A SOA's data: two names, four numbers, and the time for negative answers. */
static uint32_t soa_minimum(struct reader r, size_t length) {
    r.end = r.at + length;
    skip_name(&r);
    skip_name(&r);
    skip(&r, 16);
    uint32_t minimum = take(&r, 4);
    return r.bad ? 0 : minimum;
}

int64_t hob__dns_reply_ttl(const unsigned char *message, size_t n) {
    struct reader r = {message, message + n, n < HEADER};
    int64_t least = -1;
    if (r.bad) return -1;
    skip(&r, 4);
    unsigned questions = take(&r, 2), count[2];
    count[SECTION_ANSWER] = take(&r, 2);
    count[SECTION_AUTHORITY] = take(&r, 2);
    skip(&r, 2);
    for (; questions > 0 && !r.bad; questions--) {
        skip_name(&r);
        skip(&r, 4);
    }
    /* Both: an alias to a name that does not exist has an answer and its zone's SOA. */
    for (int section = SECTION_ANSWER; section <= SECTION_AUTHORITY; section++) {
        for (unsigned i = 0; i < count[section] && !r.bad; i++) {
            skip_name(&r);
            unsigned type = take(&r, 2);
            skip(&r, 2);
            uint32_t ttl = take(&r, 4), length = take(&r, 2);
            if ((size_t)(r.end - r.at) < length) r.bad = true;
            if (r.bad) break;
            if (ttl > INT32_MAX) ttl = 0; /* RFC 2181 section 8 */
            bool counts = section == SECTION_ANSWER ? type != TYPE_OPT : type == TYPE_SOA;
            if (counts && type == TYPE_SOA) {
                uint32_t minimum = soa_minimum(r, length);
                if (minimum < ttl) ttl = minimum;
            }
            if (counts && (least < 0 || ttl < least)) least = ttl;
            skip(&r, length);
        }
    }
    return least;
}
