/* http/client/client.c - requests as the caller sees them: URL and headers in, redirects followed,
 * a response or a whole body out. */
#include <hob/http.h>

#include <hob/cookies.h>
#include <hob/error.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/base64.h"
#include "http/client/auth.h"

enum { URL_MAX = 8192, DRAIN_MAX = 16384 };

/* ---- the URL ---- */

/* RFC 7617, from a URL's percent-encoded "user:password". 0 and *out, which is NULL when there is
 * none; HOB_E_URL; -ENOMEM. */
static int basic_auth(struct hob_slice userinfo, char **out) {
    enum { PLAIN = 300, CAP = 512 };
    *out = NULL;
    if (!userinfo.at) return 0;
    if (userinfo.size >= PLAIN - 1) return HOB_E_URL;
    char *text = hob__alloc(CAP + PLAIN);
    if (!text) return -ENOMEM;
    unsigned char *plain = (unsigned char *)text + CAP;
    int n = hob_url_decode(userinfo.at, userinfo.size, false, (char *)plain);
    if (n < 0) {
        hob__free(text);
        return n;
    }
    if (!memchr(plain, ':', (size_t)n)) plain[n++] = ':';
    hob__base64_put(plain, (size_t)n, hob__put_bytes(text, "Basic ", 6));
    explicit_bzero(plain, (size_t)n);
    *out = text;
    return 0;
}

/* Moves the part to where it is copied to. */
static char *copy_part(char *at, struct hob_slice *part) {
    const char *from = part->at;
    part->at = at;
    return hob__put_bytes(at, from, part->size);
}

/* What is sent and shown: with a path, without userinfo and fragment. u: the URL's parts, and from
 * here on those of the copy, which is returned. */
static char *clean_url(struct hob_url *u) {
    size_t tail = u->path.size + (u->query.at ? u->query.size + 1 : 0);
    char *out = hob__alloc(u->host.size + u->zone.size + tail + 32), *at = out;
    if (!out) return NULL;
    u->scheme = (struct hob_slice){out, u->tls ? 5 : 4};
    at = hob__put_bytes(at, u->tls ? "https://" : "http://", u->scheme.size + 3);
    if (u->host_is_ipv6) *at++ = '[';
    at = copy_part(at, &u->host);
    if (u->zone.at) at = copy_part(hob__put_bytes(at, "%25", 3), &u->zone);
    if (u->host_is_ipv6) *at++ = ']';
    if (u->port != (u->tls ? 443 : 80)) {
        *at++ = ':';
        at = hob__put_decimal(at, u->port);
    }
    if (u->path.size == 0) u->path = (struct hob_slice){"/", 1};
    at = copy_part(at, &u->path);
    if (u->query.at) {
        *at++ = '?';
        at = copy_part(at, &u->query);
    }
    *at = 0;
    u->userinfo = u->fragment = (struct hob_slice){0};
    return out;
}

/* Takes a reference apart, by way of *text, which is the caller's to free, if there is a base. */
static int resolve(const char *base, const char *reference, size_t n, char **text,
                   struct hob_url *u, struct hob_url_error *why) {
    if (!base) return hob_url_parse(reference, n, u, why);
    size_t cap = 3 * (n + strlen(base)) + 16;
    *text = hob__alloc(cap);
    if (!*text) return -ENOMEM;
    int rc = hob_url_resolve(base, reference, n, *text, cap, why);
    return rc < 0 ? rc : hob_url_parse(*text, strlen(*text), u, why);
}

int hob__fetch_url(struct hob__fetch *f, struct hob_response *res, const char *base,
                   const char *reference) {
    struct hob_url_error why = {0, ""};
    struct hob_url u;
    char *text = NULL, *url = NULL, *basic = NULL;
    size_t n = strlen(reference);
    if (n > URL_MAX || (base && strlen(base) > URL_MAX))
        return hob_fail(HOB_E_URL, "a URL of %zu bytes; the limit is %d", n, URL_MAX);
    int rc = resolve(base, reference, n, &text, &u, &why);
    if (rc >= 0) rc = basic_auth(u.userinfo, &basic);
    if (rc >= 0) rc = (url = clean_url(&u)) ? 0 : -ENOMEM;
    hob__free(text);
    if (rc < 0) hob__free(basic);
    if (rc == -ENOMEM) return hob_fail(rc, "no memory for a URL");
    if (rc < 0)
        return hob_fail(rc, "URL \"%s\": %s (at byte %zu)", reference,
                        why.reason[0] ? why.reason : "user information that is too long", why.at);
    hob__free(res->url);
    hob__free(f->basic);
    res->url = url;
    f->basic = basic;
    f->url = u;
    return 0;
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
    char *basic = f->basic; /* it goes along within the origin, unless the new URL has its own */
    f->basic = NULL;
    if (rc == 0 && hob__fetch_url(f, res, before, target) < 0)
        rc = hob_fail_from(HOB_E_HTTP_REDIRECT, "%s: %d to a place that cannot be followed", before,
                           status);
    if (rc == 0 && strncmp(before, "https:", 6) == 0 && !f->url.tls && f->out.present &&
        !f->without_body)
        rc = hob_fail(HOB_E_HTTP_REDIRECT, "%s: %d to %.200s, which would get the body unencrypted",
                      before, status, res->url);
    if (rc == 0 && !same_origin(before, res->url)) {
        f->crossed = true;
    } else if (rc == 0 && !f->basic) {
        f->basic = basic;
        basic = NULL;
    }
    hob__free(basic);
    hob__free(before);
    hob__free(target);
    return rc;
}

/* Frees what the last answer left, for the next one. */
static void reset(struct hob_response *res) {
    uint64_t deadline = res->wire.deadline;
    double stall = res->wire.stall;
    hob__har_end(res, 0);
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
        if (res->fields[i].name_size != 10 || strcasecmp(h.name, "set-cookie") != 0) continue;
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

static __attribute__((noinline)) int nap(const struct hob_response *res, double seconds) {
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
    hob__free(f.basic);
    hob__route_own_free(&f.own_route);
    hob__buffer_free(&f.extra);
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
                 const struct hob_fetch_options *options, struct hob_body *body) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    *body = (struct hob_body){NULL, 0};
    int rc = hob__client_request(c, method, url, &res, *options);
    if (rc == 0) rc = hob_response_body(res, &data, NULL);
    if (rc < 0) return rc;
    *body = (struct hob_body){res->body.data, hob__buffer_size(&res->body)};
    res->body = (struct hob__buffer){0};
    return hob_response_status(res);
}

int hob_get(struct hob_client *client, const char *url, struct hob_body *body) {
    static const struct hob_fetch_options none;
    return whole(client, "GET", url, &none, body);
}

int hob_post(struct hob_client *client, const char *url, const char *content_type, const void *data,
             size_t n, struct hob_body *body) {
    struct hob_header headers[2] = {{"Content-Type", content_type}, {NULL, NULL}};
    struct hob_fetch_options options = {.headers = headers, .body = data, .body_size = n};
    return whole(client, "POST", url, &options, body);
}
