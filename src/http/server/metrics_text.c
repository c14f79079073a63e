/* http/server/metrics_text.c - the counters in Prometheus' text format, version 0.0.4: for each
 * metric a line of help, one of its type, and its values. */
#include <hob/error.h>
#include <hob/hob.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "http/server/server.h"

enum { TEXT_MAX = 16384 }; /* some 6 KB usually: the numbers have 20 digits at most */

struct text {
    size_t size;
    char bytes[TEXT_MAX];
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->bytes + t->size, TEXT_MAX - t->size, format, args);
    va_end(args);
    if (n > 0) t->size += (size_t)n < TEXT_MAX - t->size ? (size_t)n : TEXT_MAX - t->size - 1;
}

static void head(struct text *t, const char *name, const char *type, const char *help) {
    put(t, "# HELP hob_http_%s %s\n# TYPE hob_http_%s %s\n", name, help, name, type);
}

static void one(struct text *t, const char *name, const char *type, const char *help,
                uint64_t value) {
    head(t, name, type, help);
    put(t, "hob_http_%s %llu\n", name, (unsigned long long)value);
}

static void labelled(struct text *t, const char *name, const char *label, const char *const *values,
                     const uint64_t *counts, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        put(t, "hob_http_%s{%s=\"%s\"} %llu\n", name, label, values[i],
            (unsigned long long)counts[i]);
}

static void put_connections(struct text *t, const struct hob_http_counters *c) {
    static const char *const states[] = {"busy", "idle"};
    static const char *const reasons[HOB_HTTP_CUTS] = {
        [HOB_HTTP_CUT_HEAD] = "head",         [HOB_HTTP_CUT_REQUEST] = "request_body",
        [HOB_HTTP_CUT_RESPONSE] = "response", [HOB_HTTP_CUT_TLS] = "tls_handshake",
        [HOB_HTTP_CUT_PROXY] = "proxy",       [HOB_HTTP_CUT_SILENT] = "silent",
        [HOB_HTTP_CUT_FLOOD] = "flood"};
    /* Those of a server that is just being read may be a moment apart. */
    uint64_t idle = c->connections > c->busy ? c->connections - c->busy : 0;
    const uint64_t open[] = {c->busy, idle};
    head(t, "connections", "gauge",
         "Connections that are open: at work, or waiting for a request or message.");
    labelled(t, "connections", "state", states, open, 2);
    one(t, "connections_accepted_total", "counter", "Connections that were accepted.", c->accepted);
    one(t, "connections_upgraded_total", "counter",
        "Connections and streams that became something else, such as WebSockets.", c->upgraded);
    one(t, "connections_refused_total", "counter",
        "Connections without a TLS handshake or PROXY header that was acceptable.", c->strangers);
    one(t, "connections_idle_closed_total", "counter",
        "Connections that were closed for waiting too long for a request.", c->idle_timeouts);
    head(t, "cut_offs_total", "counter",
         "Connections that were cut off because the client was too slow or flooded.");
    labelled(t, "cut_offs_total", "reason", reasons, c->cut_offs, HOB_HTTP_CUTS);
    one(t, "received_bytes_total", "counter",
        "Bytes from clients, with heads and framing, within TLS.", c->received);
    one(t, "sent_bytes_total", "counter", "Bytes to clients, with heads and framing, within TLS.",
        c->sent);
}

static void put_requests(struct text *t, const struct hob_http_counters *c) {
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx", "other"};
    one(t, "requests_in_flight", "gauge", "Requests that are being handled.", c->in_flight);
    one(t, "requests_total", "counter", "Requests that reached the handler.", c->requests);
    one(t, "requests_refused_total", "counter",
        "Requests that the server answered itself, as they broke a rule or a limit.", c->refused);
    one(t, "requests_abandoned_total", "counter",
        "Requests whose clients left while they were being handled.", c->left);
    one(t, "handler_failures_total", "counter", "Handlers that ended with an error.", c->failed);
    head(t, "responses_total", "counter", "Answers by the class of their status.");
    labelled(t, "responses_total", "class", classes, c->answers, 6);
}

static void put_durations(struct text *t, const struct hob_http_counters *c) {
    const char *name = "request_duration_seconds";
    uint64_t so_far = 0;
    head(t, name, "histogram", "From a request's head to the end of its handler.");
    for (unsigned i = 0; i < HOB_HTTP_BUCKETS - 1; i++) {
        so_far += c->durations[i];
        put(t, "hob_http_%s_bucket{le=\"%.9g\"} %llu\n", name, hob_http_bucket_seconds(i),
            (unsigned long long)so_far);
    }
    so_far += c->durations[HOB_HTTP_BUCKETS - 1];
    put(t, "hob_http_%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)so_far);
    put(t, "hob_http_%s_sum %llu.%09llu\n", name, (unsigned long long)c->duration_ns / 1000000000,
        (unsigned long long)c->duration_ns % 1000000000);
    put(t, "hob_http_%s_count %llu\n", name, (unsigned long long)so_far);
}

int hob_http_metrics_handler(struct hob_request *req, void *metrics) {
    const char *method = hob_request_method(req);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return hob_respond(req, 405,
                           HOB_HEADERS({"Allow", "GET, HEAD"}, {"Content-Type", "text/plain"}),
                           "GET and HEAD only\n", 18);
    struct hob_http_counters c;
    unsigned servers;
    hob_http_metrics_read(metrics, &c, &servers);
    struct text *t = hob__alloc(sizeof *t);
    if (!t) return -ENOMEM;
    t->size = 0;
    put_connections(t, &c);
    put_requests(t, &c);
    put_durations(t, &c);
    one(t, "servers", "gauge", "Loops that serve, in all threads and processes.", servers);
    int rc = hob_respond(req, 200,
                         HOB_HEADERS({"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
                                     {"Cache-Control", "no-store"}),
                         t->bytes, t->size);
    hob__free(t);
    return rc;
}
