/* outcome.c - results, their names, and their sum. */
#include "outcome.h"

#include <hob/hob.h>
#include <hob/http.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const char *const names[FAILURES] = {
    [FAILURE_NONE] = "none",
    [FAILURE_TIMEOUT] = "timeout",
    [FAILURE_REFUSED] = "refused",
    [FAILURE_RESET] = "reset",
    [FAILURE_CUT] = "cut short",
    [FAILURE_UNREACHABLE] = "unreachable",
    [FAILURE_UNKNOWN_HOST] = "unknown host",
    [FAILURE_LOOKUP] = "lookup failed",
    [FAILURE_BAD_URL] = "bad URL",
    [FAILURE_TLS] = "TLS",
    [FAILURE_CERTIFICATE] = "bad certificate",
    [FAILURE_PROXY] = "proxy",
    [FAILURE_HEADERS] = "headers too large",
    [FAILURE_ANSWER] = "bad answer",
    [FAILURE_REDIRECTS] = "redirects",
    [FAILURE_STATUS] = "status",
    [FAILURE_DESCRIPTORS] = "too many open files",
    [FAILURE_PORTS] = "no local port",
    [FAILURE_MEMORY] = "no memory",
    [FAILURE_WRITE] = "not written",
    [FAILURE_OTHER] = "failed",
};

static const struct {
    int code;
    enum failure failure;
    int status; /* of the program, when that was all: curl's, which scripts know */
} codes[] = {
    {-ETIMEDOUT, FAILURE_TIMEOUT, 28},
    {-ECONNREFUSED, FAILURE_REFUSED, 7},
    {-ECONNRESET, FAILURE_RESET, 56},
    {-EPIPE, FAILURE_RESET, 56},
    {HOB_E_HTTP2_RESET, FAILURE_RESET, 92},
    {HOB_E_HTTP2_GOAWAY, FAILURE_RESET, 56},
    {HOB_E_HTTP2_REFUSED, FAILURE_REFUSED, 56},
    {HOB_E_HTTP_CUT, FAILURE_CUT, 18},
    {HOB_E_EOF, FAILURE_CUT, 18},
    {-ENETUNREACH, FAILURE_UNREACHABLE, 7},
    {-EHOSTUNREACH, FAILURE_UNREACHABLE, 7},
    {HOB_E_NAME, FAILURE_UNKNOWN_HOST, 6},
    {HOB_E_NAME_TEMPORARY, FAILURE_LOOKUP, 6},
    {HOB_E_URL, FAILURE_BAD_URL, 3},
    {HOB_E_ADDRESS, FAILURE_BAD_URL, 3},
    {HOB_E_HTTP_TLS, FAILURE_TLS, 35},
    {HOB_E_TLS, FAILURE_TLS, 35},
    {HOB_E_TLS_PLAINTEXT, FAILURE_TLS, 35},
    {HOB_E_TLS_ALERT, FAILURE_TLS, 35},
    {HOB_E_TLS_ALPN, FAILURE_TLS, 35},
    {HOB_E_TLS_VERSION, FAILURE_TLS, 35},
    {HOB_E_TLS_NAME, FAILURE_CERTIFICATE, 60},
    {HOB_E_TLS_EXPIRED, FAILURE_CERTIFICATE, 60},
    {HOB_E_TLS_ISSUER, FAILURE_CERTIFICATE, 60},
    {HOB_E_TLS_VERIFY, FAILURE_CERTIFICATE, 60},
    {HOB_E_HTTP_PIN, FAILURE_CERTIFICATE, 90},
    {HOB_E_PROXY, FAILURE_PROXY, 56},
    {HOB_E_PROXY_AUTH, FAILURE_PROXY, 56},
    {HOB_E_SOCKS, FAILURE_PROXY, 97},
    {HOB_E_TLS_TRUNCATED, FAILURE_CUT, 56},
    {HOB_E_HTTP_LINE_TOO_LONG, FAILURE_HEADERS, 56},
    {HOB_E_HTTP_HEADERS_TOO_LARGE, FAILURE_HEADERS, 56},
    {HOB_E_HTTP_TOO_MANY_HEADERS, FAILURE_HEADERS, 56},
    {HOB_E_HTTP_REDIRECT, FAILURE_REDIRECTS, 47},
    {HOB_E_HTTP_STATUS, FAILURE_STATUS, 22},
    {HOB_E_HTTP_ILLEGAL, FAILURE_OTHER, 1}, /* the request, not the answer */
    {HOB_E_HTTP_AUTH, FAILURE_OTHER, 94},
    {-EMFILE, FAILURE_DESCRIPTORS, 7},
    {-ENFILE, FAILURE_DESCRIPTORS, 7},
    {-EADDRNOTAVAIL, FAILURE_PORTS, 7},
    {-ENOMEM, FAILURE_MEMORY, 27},
    {-ENOBUFS, FAILURE_MEMORY, 27},
    {-ENOSPC, FAILURE_WRITE, EXIT_WRITE},
    {-EDQUOT, FAILURE_WRITE, EXIT_WRITE},
    {-EFBIG, FAILURE_WRITE, EXIT_WRITE},
    {-EROFS, FAILURE_WRITE, EXIT_WRITE},
};

const char *failure_name(enum failure failure) { return names[failure]; }

enum { STATUS_OTHER = 1, STATUS_ANSWER = 8, STATUS_NOTHING = 52 };

static enum failure find(int code, int *status) {
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].code != code) continue;
        *status = codes[i].status;
        return codes[i].failure;
    }
    *status = hob_http_strerror(code) ? STATUS_ANSWER : STATUS_OTHER;
    return hob_http_strerror(code) ? FAILURE_ANSWER : FAILURE_OTHER;
}

enum failure failure_of(int code) {
    int status;
    return find(code, &status);
}

bool failure_passes(int status, const char *error) {
    static const enum failure passing[] = {
        FAILURE_TIMEOUT, FAILURE_REFUSED, FAILURE_RESET,       FAILURE_CUT,   FAILURE_UNREACHABLE,
        FAILURE_LOOKUP,  FAILURE_STATUS,  FAILURE_DESCRIPTORS, FAILURE_PORTS, FAILURE_MEMORY};
    if (!error) return status == 408 || status == 425 || status == 429 || status >= 500;
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (strcmp(error, names[passing[i]]) == 0) return true;
    return false;
}

void result_failed(struct result *r, int rc) {
    const struct hob_error *e = hob_error();
    r->failure = find(rc, &r->exit_status);
    if (r->failure == FAILURE_CUT && r->status == 0) r->exit_status = STATUS_NOTHING;
    snprintf(r->message, sizeof r->message, "%s",
             e && e->code == rc ? e->message : hob_strerror(rc));
}

void result_free(struct result *r) {
    free(r->url);
    free(r->file);
}

/* "NAME: 1.234567" at `at`, as "%.6f" does: ten of them are most of a line's work, and printf's way
 * to each is long. Room for NAME and 24 bytes is needed. Where it ends. */
static char *put_seconds(char *at, const char *name, double seconds) {
    char digits[20];
    size_t n = 0;
    at = stpcpy(at, name);
    if (!(seconds >= 0 && seconds < 1e9)) return at + sprintf(at, "%.6g", seconds);
    for (uint64_t us = (uint64_t)(seconds * 1e6 + 0.5); n < 7 || us > 0; us /= 10)
        digits[n++] = (char)('0' + us % 10);
    while (n > 6) *at++ = digits[--n];
    *at++ = '.';
    while (n > 0) *at++ = digits[--n];
    *at = 0;
    return at;
}

static void print_phases(FILE *out, const struct hob_phases *p) {
    char text[512], *at = put_seconds(text, ", \"phases\": {\"before\": ", p->before);
    at = put_seconds(at, ", \"pool\": ", p->pool);
    at = put_seconds(at, ", \"dns\": ", p->dns);
    at = put_seconds(at, ", \"connect\": ", p->connect);
    at = put_seconds(at, ", \"tunnel\": ", p->tunnel);
    at = put_seconds(at, ", \"tls\": ", p->tls);
    at = put_seconds(at, ", \"send\": ", p->send);
    at = put_seconds(at, ", \"wait\": ", p->wait);
    at = put_seconds(at, ", \"body\": ", p->body);
    fwrite(text, 1, (size_t)(at - text), out);
    fprintf(out,
            "}, \"exchanges\": %u, \"reused\": %s, \"protocol\": \"%s\", \"peer\": ", p->exchanges,
            p->reused ? "true" : "false", p->protocol ? p->protocol : "");
    json_string(out, p->peer, strlen(p->peer));
}

void result_print(FILE *out, const struct result *r) {
    fputs("{\"url\": ", out);
    json_string(out, r->url, strlen(r->url));
    if (r->status)
        fprintf(out, ", \"status\": %d", r->status);
    else
        fputs(", \"status\": null", out);
    char seconds[40];
    put_seconds(seconds, "", r->seconds);
    fprintf(out, ", \"bytes\": %llu, \"seconds\": %s", (unsigned long long)r->bytes, seconds);
    if (r->failure == FAILURE_NONE) {
        fputs(", \"error\": null", out);
    } else {
        fprintf(out, ", \"error\": \"%s\", \"message\": ", names[r->failure]);
        json_string(out, r->message, strlen(r->message));
    }
    if (r->file) {
        fputs(", \"file\": ", out);
        json_string(out, r->file, strlen(r->file));
    }
    print_phases(out, &r->phases);
    fputs("}\n", out);
}

/* Sixteen steps for each power of two microseconds: exact to 6 %. */
static size_t latency_index(double seconds) {
    double us = seconds * 1e6;
    uint64_t n = us < 1 ? 1 : us < 1e11 ? (uint64_t)us : (uint64_t)1e11;
    unsigned log = 63 - (unsigned)__builtin_clzll(n);
    unsigned step = log >= 4 ? (unsigned)(n >> (log - 4)) & 15 : (unsigned)(n << (4 - log)) & 15;
    return log * 16 + step;
}

static double latency_of(size_t index) {
    return (double)(16 + index % 16 + 1) / 16 * (double)(1ull << index / 16) / 1e6;
}

/* What `share` of them took at most. */
static double latency_below(const struct tally *t, double share) {
    uint64_t wanted = (uint64_t)((double)(t->fetched + t->failed) * share), seen = 0;
    for (size_t i = 0; i < LATENCIES; i++) {
        seen += t->latency[i];
        if (seen > wanted) return latency_of(i) < t->longest ? latency_of(i) : t->longest;
    }
    return t->longest;
}

void tally_add(struct tally *tally, const struct result *r) {
    tally->latency[latency_index(r->seconds)]++;
    if (r->seconds > tally->longest) tally->longest = r->seconds;
    tally->bytes += r->bytes;
    if (r->failure == FAILURE_NONE)
        tally->fetched++;
    else
        tally->failed++, tally->exit_status = r->exit_status;
    tally->failed_by[r->failure]++;
    tally->seconds += r->seconds;
}

void tally_lose(struct tally *tally) {
    tally->fetched--;
    tally->failed++;
    tally->failed_by[FAILURE_NONE]--;
    tally->failed_by[FAILURE_WRITE]++;
    tally->exit_status = EXIT_WRITE;
}

int tally_exit_status(const struct tally *tally, int status) {
    if (!tally->failed && !status) return 0;
    if (tally->fetched + tally->failed + tally->skipped > 1) return STATUS_OTHER;
    return status ? status : tally->exit_status;
}

static const char *seconds_text(double seconds, char buf[32]) {
    snprintf(buf, 32, seconds < 99.995 ? "%.2f s" : "%.0f s", seconds);
    return buf;
}

static void print_failures(FILE *out, const struct tally *tally) {
    const char *separator = " (";
    fprintf(out, ", %llu failed", (unsigned long long)tally->failed);
    for (int i = FAILURE_NONE + 1; i < FAILURES; i++) {
        if (!tally->failed_by[i]) continue;
        fprintf(out, "%s%llu %s", separator, (unsigned long long)tally->failed_by[i], names[i]);
        separator = ", ";
    }
    fputc(')', out);
}

static void print_seconds(FILE *out, const char *before, double seconds) {
    if (seconds < 0.0995)
        fprintf(out, "%s%.1f ms", before, seconds * 1e3);
    else
        fprintf(out, "%s%.2f s", before, seconds);
}

static const char *bytes_text(double n, char buf[32]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    unsigned unit = 0;
    while (n >= 999.5 && unit < 4) n /= 1000, unit++;
    snprintf(buf, 32, unit && n < 99.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
    return buf;
}

/* "each took 12.1 ms (median), 90 % up to 14.0 ms, 99 % 20.1 ms, all 31.0 ms; 12.3 MB, 1.2 MB/s" */
static void print_latency(FILE *out, const struct tally *t, double elapsed) {
    char bytes[32], rate[32];
    print_seconds(out, "each took ", latency_below(t, 0.5));
    print_seconds(out, " (median), 90 % up to ", latency_below(t, 0.9));
    print_seconds(out, ", 99 % ", latency_below(t, 0.99));
    print_seconds(out, ", all ", t->longest);
    fprintf(out, "; %s, %s/s\n", bytes_text((double)t->bytes, bytes),
            bytes_text(elapsed > 0 ? (double)t->bytes / elapsed : 0, rate));
}

void tally_print(FILE *out, const struct tally *tally, double elapsed, double each,
                 bool interrupted) {
    char took[32], alone[32];
    uint64_t done = tally->fetched + tally->failed;
    uint64_t all = interrupted && tally->total > done ? tally->total : done;
    if (done > 1) print_latency(out, tally, elapsed);
    if (tally->skipped)
        fprintf(out, "%llu URL%s of earlier runs skipped\n", (unsigned long long)tally->skipped,
                tally->skipped == 1 ? "" : "s");
    if (interrupted) fputs("interrupted: ", out);
    fprintf(out, "fetched %llu", (unsigned long long)tally->fetched);
    if (all != tally->fetched) fprintf(out, " of %llu", (unsigned long long)all);
    fprintf(out, " URL%s", all == 1 ? "" : "s");
    if (tally->failed) print_failures(out, tally);
    fprintf(out, " in %s (one after another: %s)\n", seconds_text(elapsed, took),
            seconds_text(each > 0 ? each * (double)done : tally->seconds, alone));
}
