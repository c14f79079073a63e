/* http/client/retry.c - requests that failed for now are tried again, after a while: what may be
 * tried again, how long to wait, and how often a host may be asked like that. */
#include <hob/cookies.h>
#include <hob/error.h>
#include <hob/task.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "http/client/client.h"
#include "http/cookie.h"
#include "task/fdwait.h"

/* A host's budget, in tenths of a retry: it begins full, each request puts a fifth of a retry in.
 * So a host that is down gets few requests more than it would without retries. */
enum { BUDGET = HOB__RETRY_BUDGET, EARNED = 2, COST = 10 };
static const double REMEMBERED = 60; /* seconds, for a host that nobody asks any more */

void hob__retry_earn(struct hob__host *host) {
    host->budget = host->budget > BUDGET - EARNED ? BUDGET : host->budget + EARNED;
}

static bool spend(struct hob__host *host) {
    if (host->budget < COST) return false;
    host->budget -= COST;
    uint64_t until = hob_after(REMEMBERED);
    if (host->keep_until < until) host->keep_until = until;
    return true;
}

bool hob__passing_error(int rc) {
    switch (rc) {
    case -ECONNREFUSED:
    case -ECONNRESET:
    case -EPIPE:
    case -ETIMEDOUT:
    case -ENETUNREACH:
    case -EHOSTUNREACH:
    case -ENOBUFS: /* this machine's own shortages */
    case -EADDRNOTAVAIL:
    case -EMFILE:
    case -ENFILE:
    case HOB_E_NAME_TEMPORARY:
    case HOB_E_HTTP_CUT:
    case HOB_E_TLS_TRUNCATED:
    case HOB_E_HTTP2_RESET:
    case HOB_E_HTTP2_GOAWAY:
    case HOB_E_HTTP2_REFUSED:
        return true;
    default:
        return false;
    }
}

static bool passing_status(int status) {
    return status == 408 || status == 429 || (status >= 502 && status <= 504);
}

/* The value of Retry-After (RFC 9110, 10.2.3; NULL: there is none), in seconds; less than 0 when it
 * says nothing. */
static double retry_after(const char *text) {
    int64_t at;
    if (!text) return -1;
    size_t n = strlen(text), digits = strspn(text, "0123456789");
    if (n > 0 && digits == n) return n > 9 ? INFINITY : strtod(text, NULL);
    if (!hob__cookie_date(text, n, &at)) return -1;
    int64_t left = at - hob__cookie_now();
    return left > 0 ? (double)left : 0;
}

/* Between half of it and all of it, so that those who failed together do not come back together. */
static double drawn(double seconds) {
    struct hob__backend *b = hob__backend_current("hob_client_request");
    uint32_t random;
    b->ops->random(b, &random, sizeof random);
    return seconds * (0.5 + random / 8589934592.0);
}

static double delay_of(const struct hob_client_options *o, unsigned tried) {
    double seconds = o->retry_delay * ldexp(1, tried < 30 ? (int)tried : 30);
    return drawn(seconds < o->max_retry_delay ? seconds : o->max_retry_delay);
}

double hob__retry_delay(const struct hob__fetch *f, struct hob_response *res, int rc,
                        unsigned tried) {
    const struct hob_client_options *o = &f->client->options;
    int wanted = f->options->retries;
    if (wanted < 0 || tried >= (wanted ? (unsigned)wanted : o->retries)) return -1;
    if (rc < 0 ? !hob__passing_error(rc) : !passing_status(hob_response_status(res))) return -1;
    if (hob__outgoing_spent(&f->out) || !(o->retry_all || hob__idempotent(f->first_method)))
        return -1;
    double seconds = delay_of(o, tried), asked = -1;
    if (rc >= 0) asked = retry_after(hob_response_header(res, "retry-after"));
    if (asked > o->max_retry_delay) return -1;
    if (asked > seconds) seconds = asked;
    uint64_t deadline = res->wire.deadline;
    if (deadline && hob_after(seconds) >= deadline) return -1; /* it could not end in time */
    struct hob__target to = {f->address, f->url.tls, f->route.key ? f->route.key : "", f->upgrades};
    struct hob__host *host = hob__pool_host(f->client, &to);
    return host && spend(host) ? seconds : -1;
}
