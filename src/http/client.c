/* http/client.c - requests as the caller sees them: URL and headers in, redirects followed, a
 * response or a whole body out. */
#include <hob/http.h>

#include <hob/cookies.h>
#include <hob/error.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/auth.h"

enum { URL_MAX = 8192, DRAIN_MAX = 16384 };

/* ---- the URL ---- */

/* RFC 7617, from a URL's percent-encoded "user:password". */
static int basic_auth(struct hob_slice userinfo, char *out, size_t cap) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char plain[300];
    out[0] = 0;
    if (!userinfo.at) return 0;
    if (userinfo.size >= sizeof plain - 1) return HOB_E_URL;
    int n = hob_url_decode(userinfo.at, userinfo.size, false, (char *)plain);
    if (n < 0) return n;
    if (!memchr(plain, ':', (size_t)n)) plain[n++] = ':';
    size_t at = (size_t)snprintf(out, cap, "Basic ");
    for (int i = 0; i < n && at + 5 < cap; i += 3) {
        unsigned b = (unsigned)plain[i] << 16 | (i + 1 < n ? (unsigned)plain[i + 1] << 8 : 0) |
                     (i + 2 < n ? plain[i + 2] : 0);
        out[at++] = digits[b >> 18];
        out[at++] = digits[b >> 12 & 63];
        out[at++] = i + 1 < n ? digits[b >> 6 & 63] : '=';
        out[at++] = i + 2 < n ? digits[b & 63] : '=';
    }
    out[at] = 0;
    return 0;
}

/* What is sent and shown: with a path, without userinfo and fragment. */
static char *clean_url(const struct hob_url *u) {
    const char *path = u->path.at;
    size_t path_size = u->query.at ? (size_t)(u->query.at + u->query.size - path) : u->path.size;
    size_t cap = u->scheme.size + u->host.size + u->zone.size + path_size + 32;
    char *out = hob__alloc(cap);
    if (!out) return NULL;
    bool usual = u->port == (u->tls ? 443 : 80);
    int n =
        snprintf(out, cap, "%s://%s%.*s%s%.*s%s", u->tls ? "https" : "http",
                 u->host_is_ipv6 ? "[" : "", (int)u->host.size, u->host.at, u->zone.at ? "%25" : "",
                 (int)u->zone.size, u->zone.at ? u->zone.at : "", u->host_is_ipv6 ? "]" : "");
    if (!usual) n += snprintf(out + n, cap - (size_t)n, ":%u", u->port);
    snprintf(out + n, cap - (size_t)n, "%s%.*s", u->path.size ? "" : "/", (int)path_size, path);
    return out;
}

int hob__fetch_url(struct hob__fetch *f, struct hob_response *res, const char *base,
                   const char *reference) {
    struct hob_url_error why = {0, ""};
    struct hob_url u;
    size_t n = strlen(reference);
    if (n > URL_MAX || (base && strlen(base) > URL_MAX))
        return hob_fail(HOB_E_URL, "a URL of %zu bytes; the limit is %d", n, URL_MAX);
    size_t cap = base ? 3 * (n + strlen(base)) + 16 : n + 1;
    char *text = hob__alloc(cap);
    if (!text) return hob_fail(-ENOMEM, "no memory for a URL");
    int rc = 0;
    if (base)
        rc = hob_url_resolve(base, reference, n, text, cap, &why);
    else
        memcpy(text, reference, n + 1);
    if (rc >= 0) rc = hob_url_parse(text, strlen(text), &u, &why);
    if (rc >= 0) rc = basic_auth(u.userinfo, f->basic, sizeof f->basic);
    char *url = rc >= 0 ? clean_url(&u) : NULL;
    hob__free(text);
    if (rc < 0)
        return hob_fail(rc, "URL \"%s\": %s (at byte %zu)", reference,
                        why.reason[0] ? why.reason : "user information that is too long", why.at);
    if (!url) return hob_fail(-ENOMEM, "no memory for a URL");
    hob__free(res->url);
    res->url = url;
    return hob_url_parse(url, strlen(url), &f->url, NULL);
}

/* ---- redirects (RFC 9110, 15.4) ---- */

/* The origin of the URL: "http://host:port", in place. */
static bool same_origin(const char *a, const char *b) {
    const char *a_end = strchr(strstr(a, "://") + 3, '/'),
               *b_end = strchr(strstr(b, "://") + 3, '/');
    return a_end - a == b_end - b && strncasecmp(a, b, (size_t)(a_end - a)) == 0;
}

static bool is_redirect(int status) {
    return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

/* Makes f and res ready for where the answer points. 0, or an error. */
static int follow(struct hob__fetch *f, struct hob_response *res, const char *location) {
    int status = hob_response_status(res);
    bool post = strcmp(f->method, "POST") == 0, head = strcmp(f->method, "HEAD") == 0;
    if ((status == 303 && !head) || ((status == 301 || status == 302) && post)) {
        f->method = "GET";
        f->without_body = true;
    } else if (hob__outgoing_spent(&f->out)) {
        return hob_fail(HOB_E_HTTP_REDIRECT,
                        "%s: %d asks for the request at %.200s again, but its body cannot be sent "
                        "twice",
                        res->url, status, location);
    }
    char *before = hob__strdup(res->url), *target = hob__strdup(location);
    int rc = before && target ? 0 : hob_fail(-ENOMEM, "no memory for a redirect");
    if (rc == 0) {
        if (hob__h1_idle(&res->wire.h1) || res->wire.ended)
            hob__response_finish(res);
        else
            hob__response_drain(res, DRAIN_MAX);
        rc = hob_check();
    }
    char basic[sizeof f->basic];
    memcpy(basic, f->basic, sizeof basic);
    if (rc == 0 && hob__fetch_url(f, res, before, target) < 0)
        rc = hob_fail_from(HOB_E_HTTP_REDIRECT, "%s: %d to a place that cannot be followed", before,
                           status);
    if (rc == 0 && !same_origin(before, res->url))
        f->crossed = true;
    else if (rc == 0 && !f->basic[0])
        memcpy(f->basic, basic, sizeof basic);
    hob__free(before);
    hob__free(target);
    return rc;
}

/* Frees what the last answer left, for the next one. */
static void reset(struct hob_response *res) {
    uint64_t deadline = res->wire.deadline;
    double stall = res->wire.stall;
    hob__wire_free(&res->wire);
    hob__packed_free(res);
    if (res->fields != res->inline_fields) hob__free(res->fields);
    res->fields = res->inline_fields;
    res->block = NULL;
    hob__buffer_free(&res->trailers);
    hob__free(res->trailer_fields);
    res->trailer_fields = NULL;
    res->trailer_count = 0;
    res->http2 = false;
    res->wire = (struct hob__wire){.deadline = deadline, .stall = stall};
}

/* What the answer wants remembered. Without memory for it, it is forgotten. */
static void take_cookies(struct hob_client *c, const struct hob_response *res) {
    if (c->options.no_cookies) return;
    for (size_t i = 0; i < hob_response_header_count(res); i++) {
        struct hob_header h = hob_response_header_at(res, i);
        if (strcasecmp(h.name, "set-cookie") != 0) continue;
        if (!hob__client_cookies(c) && hob_cookies_open(&c->own_cookies) < 0) return;
        hob_cookies_set(hob__client_cookies(c), res->url, h.value);
    }
}

/* One exchange, and another one when the answer is a challenge that can be answered. */
static int exchange_known(struct hob__fetch *f, struct hob_response *res) {
    enum { TRIES = 3 }; /* without, with an answer, with one to a fresh nonce */
    for (int tries = 1;; tries++) {
        int rc = hob__exchange(f, res);
        if (rc < 0) return rc;
        rc = hob__auth_answered(f, res);
        if (rc <= 0 || tries == TRIES) return rc < 0 ? rc : 0;
        hob__response_drain(res, DRAIN_MAX);
        reset(res);
        rc = hob_check();
        if (rc < 0) return rc;
    }
}

static int exchange_all(struct hob__fetch *f, struct hob_response *res) {
    const struct hob_client_options *o = &f->client->options;
    bool follows = !o->no_redirects && !f->options->no_redirects;
    for (unsigned hops = 0;; hops++) {
        res->method = f->method;
        int rc = exchange_known(f, res);
        if (rc < 0) return rc;
        take_cookies(f->client, res);
        if (hob_response_status(res) == 417 && f->asks && !hob__outgoing_spent(&f->out)) {
            f->refused = true;
            hob__response_abort(res);
            reset(res);
            hops--;
            continue;
        }
        const char *location = hob_response_header(res, "location");
        if (!follows || !location || !is_redirect(hob_response_status(res))) return 0;
        if (hops == o->max_redirects)
            return hob_fail(HOB_E_HTTP_REDIRECT, "%s: more than %u redirects; the next is %.200s",
                            res->url, o->max_redirects, location);
        rc = follow(f, res, location);
        if (rc < 0) return rc;
        reset(res);
    }
}

/* ---- again and again ---- */

static int nap(const struct hob_response *res, double seconds) {
    HOB_SCOPE(s, .deadline = res->wire.deadline);
    return hob__scope_result(s, hob_sleep(seconds));
}

/* The caller's URL, with the caller's query. */
static int first_url(struct hob__fetch *f, struct hob_response *res, const char *url) {
    const struct hob_param *query = f->options->query;
    if (!query) return hob__fetch_url(f, res, f->client->base_url, url);
    char *text = hob__params_add(url, query);
    if (!text) return hob_fail(-ENOMEM, "no memory for a URL");
    int rc = hob__fetch_url(f, res, f->client->base_url, text);
    hob__free(text);
    return rc;
}

/* The request, and what it leads to, as often as it takes. */
static int try_all(struct hob__fetch *f, struct hob_response *res, const char *url) {
    for (unsigned tried = 0;; tried++) {
        int rc = first_url(f, res, url);
        if (rc < 0) return rc;
        rc = exchange_all(f, res);
        double delay = hob__retry_delay(f, res, rc, tried);
        if (delay < 0) return rc;
        if (rc == 0) hob__response_drain(res, DRAIN_MAX);
        reset(res);
        f->client->info.retried++;
        f->method = f->first_method;
        f->crossed = f->without_body = false;
        hob__marks_pause(&res->marks);
        rc = nap(res, delay);
        if (rc < 0) return rc;
    }
}

/* ---- the caller's side ---- */

int hob__client_request(struct hob_client *c, const char *method, const char *url,
                        struct hob_response **out, struct hob_fetch_options options) {
    struct hob__fetch f = {
        .client = c, .method = method, .first_method = method, .options = &options};
    *out = NULL;
    int rc = hob_check();
    if (rc < 0) return rc;
    if (strcmp(method, "CONNECT") == 0)
        return hob_fail(HOB_E_HTTP_ILLEGAL, "CONNECT is for proxies, not for URLs");
    struct hob_response *res =
        hob__response_new(c, options.timeout != 0 ? options.timeout : c->options.timeout);
    if (!res) return hob_fail(-ENOMEM, "no memory for a request");
    rc = hob__outgoing_open(&f.out, &options, res->wire.deadline);
    if (rc == 0) rc = hob__auth_begin(&f);
    if (rc == 0) rc = try_all(&f, res, url);
    hob__outgoing_close(&f.out);
    hob__route_own_free(&f.own_route);
    int status = rc < 0 ? 0 : hob_response_status(res);
    if (rc == 0 && status >= 400 && (options.fail_on_status || c->options.fail_on_status))
        rc = hob_fail(HOB_E_HTTP_STATUS, "%s %s: %d %s", f.method, res->url, status,
                      hob_http_phrase(status));
    if (rc < 0) hob__response_skip(res);
    if (rc < 0 && res->host) hob__response_abort(res);
    if (options.phases) hob_response_phases(res, options.phases);
    if (rc < 0) {
        hob_response_close(res);
        return rc;
    }
    /* The method may be the caller's memory; from here on it is only for messages. */
    res->method = "reading";
    *out = res;
    return 0;
}

void hob_body_free(struct hob_body *body) {
    hob__free(body->data);
    *body = (struct hob_body){NULL, 0};
}

/* The body moves out of the response: no copy. */
static int whole(struct hob_client *c, const char *method, const char *url,
                 struct hob_fetch_options options, struct hob_body *body) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    *body = (struct hob_body){NULL, 0};
    int rc = hob__client_request(c, method, url, &res, options);
    if (rc == 0) rc = hob_response_body(res, &data, NULL);
    if (rc < 0) return rc;
    *body = (struct hob_body){res->body.data, hob__buffer_size(&res->body)};
    res->body = (struct hob__buffer){0};
    return hob_response_status(res);
}

int hob_get(struct hob_client *client, const char *url, struct hob_body *body) {
    return whole(client, "GET", url, (struct hob_fetch_options){0}, body);
}

int hob_post(struct hob_client *client, const char *url, const char *content_type, const void *data,
             size_t n, struct hob_body *body) {
    struct hob_header headers[2] = {{"Content-Type", content_type}, {NULL, NULL}};
    return whole(client, "POST", url,
                 (struct hob_fetch_options){.headers = headers, .body = data, .body_size = n},
                 body);
}
