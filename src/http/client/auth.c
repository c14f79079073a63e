/* http/client/auth.c - credentials on their way into a request. */
#include "http/client/auth.h"

#include <hob/error.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/base64.h"
#include "http/client/netrc.h"
#include "task/fdwait.h"

enum { NETRC_MAX = 1 << 20, HASHED_AT_ONCE = 1 << 18 };

int hob__auth_put_basic(struct hob__buffer *b, const char *name, const char *user,
                        const char *password) {
    size_t n = strlen(user) + 1 + strlen(password), size = HOB__BASE64_SIZE(n) + 6;
    char *plain = hob__alloc(n + 1 + size);
    if (!plain) return -ENOMEM;
    char *value = plain + n + 1;
    memcpy(plain, user, strlen(user));
    plain[strlen(user)] = ':';
    strcpy(plain + strlen(user) + 1, password);
    memcpy(value, "Basic ", 6);
    size = 6 + hob__base64_put(plain, n, value + 6);
    int rc = hob__h1_put_field(b, name, value, size);
    explicit_bzero(plain, n);
    hob__free(plain);
    return rc;
}

/* ---- the client's ---- */

static int check_auth(const struct hob_auth *a) {
    bool password = a->scheme == HOB_AUTH_BASIC || a->scheme == HOB_AUTH_DIGEST;
    if (password && a->user && (a->scheme == HOB_AUTH_DIGEST || !strchr(a->user, ':'))) return 0;
    if (a->scheme == HOB_AUTH_BEARER && a->token) return 0;
    return hob_fail(-EINVAL, ".auth: %s",
                    password && a->user ? "a user's name with ':'"
                                        : "a scheme without its user or token");
}

int hob__auth_open(struct hob_client *c, const struct hob_client_options *o) {
    struct hob__auth *a = &c->auth;
    if (o->auth) {
        if (check_auth(o->auth) < 0) return -EINVAL;
        const struct hob_auth *from = o->auth;
        a->own.scheme = from->scheme;
        a->own.user = from->user ? hob__strdup(from->user) : NULL;
        a->own.password = from->user ? hob__strdup(from->password ? from->password : "") : NULL;
        a->own.token = from->token ? hob__strdup(from->token) : NULL;
        if ((from->user && (!a->own.user || !a->own.password)) || (from->token && !a->own.token))
            return -ENOMEM;
    }
    a->netrc = o->netrc ? hob__strdup(o->netrc) : NULL;
    return o->netrc && !a->netrc ? -ENOMEM : 0;
}

static void wipe(const char *text) {
    if (text) explicit_bzero((char *)(uintptr_t)text, strlen(text));
    hob__free((void *)(uintptr_t)text);
}

void hob__auth_free(struct hob_client *c) {
    struct hob__auth *a = &c->auth;
    for (struct hob__digest *d = a->digests, *next; d; d = next) {
        next = d->next;
        hob__free(d);
    }
    hob__free((void *)(uintptr_t)a->own.user);
    wipe(a->own.password);
    wipe(a->own.token);
    hob__free(a->netrc);
    wipe(a->netrc_text);
}

/* $NETRC, else ~/.netrc, which need not be there. */
static const char *usual_netrc(char *buf, size_t n) {
    const char *named = secure_getenv("NETRC"), *home = secure_getenv("HOME");
    if (named) return named;
    if (!home || (size_t)snprintf(buf, n, "%s/.netrc", home) >= n) return NULL;
    return buf;
}

static int load_netrc(struct hob__auth *a) {
    char usual[512], *bytes, *text;
    size_t n;
    if (!a->netrc || a->netrc_text) return 0;
    const char *path = *a->netrc ? a->netrc : usual_netrc(usual, sizeof usual);
    int rc = path ? hob_read_file(path, &bytes, &n, NETRC_MAX) : -ENOENT;
    if (rc == -ECANCELED) return rc;
    if (rc == -ENOENT && !*a->netrc) {
        text = hob__strdup("");
    } else if (rc < 0) {
        return hob_fail_from(rc, "%s: %s", path, hob_strerror(rc));
    } else {
        text = hob__strdup(bytes);
        explicit_bzero(bytes, n);
        hob_file_free(bytes);
    }
    if (!text) return hob_fail(-ENOMEM, "no memory for %s", path ? path : "passwords");
    if (a->netrc_text) /* another request has been quicker */
        wipe(text);
    else
        a->netrc_text = text;
    return 0;
}

int hob__auth_begin(struct hob__fetch *f) {
    struct hob__auth *a = &f->client->auth;
    struct hob__netrc entry;
    unsigned line = 0;
    if (f->options->auth && check_auth(f->options->auth) < 0) return -EINVAL;
    if (!a->netrc || a->netrc_text) return 0;
    int rc = load_netrc(a);
    if (rc < 0) return rc;
    rc = hob__netrc_find(a->netrc_text, (struct hob_slice){"", 0}, NULL, &entry, &line);
    if (rc == HOB_E_HTTP_AUTH) {
        wipe(a->netrc_text);
        a->netrc_text = NULL;
        return hob_fail(rc, "%s, line %u: not what a netrc file has",
                        *a->netrc ? a->netrc : "netrc", line);
    }
    return 0;
}

/* ---- challenges that are kept ---- */

static struct hob__digest *kept(struct hob_client *c, const char *key) {
    for (struct hob__digest **link = &c->auth.digests, *d; (d = *link); link = &d->next) {
        if (strcmp(d->key, key) != 0) continue;
        *link = d->next; /* to the front: the last one makes room */
        d->next = c->auth.digests;
        return c->auth.digests = d;
    }
    return NULL;
}

static int keep(struct hob_client *c, const char *key, const struct hob__challenge *challenge) {
    struct hob__digest *d = kept(c, key);
    if (!d) {
        d = hob__alloc(sizeof *d + strlen(key) + 1);
        if (!d) return hob_fail(-ENOMEM, "no memory for a challenge");
        strcpy(d->key, key);
        d->next = c->auth.digests;
        c->auth.digests = d;
        struct hob__digest **link = &d->next;
        for (int i = 1; *link && i < HOB__DIGESTS; i++) link = &(*link)->next;
        hob__free(*link);
        *link = NULL;
    }
    d->challenge = *challenge;
    return 0;
}

/* The next piece of a body that is hashed; others run now and then. */
static ssize_t body_piece(void *outgoing, void *buf, size_t n) {
    struct hob__outgoing *out = outgoing;
    if (out->done % HASHED_AT_ONCE == 0) HOB_TRY(hob_yield_now());
    return hob__outgoing_read(out, buf, n);
}

/* What a server with qop=auth-int wants: the hash of the body, which is read for it once more. */
static int hash_body(enum hob__digest_algorithm algorithm, struct hob__outgoing *body,
                     char out[HOB__DIGEST_HEX]) {
    if (!body) return hob__digest_body(algorithm, NULL, NULL, out);
    if (body->once)
        return hob_fail(HOB_E_HTTP_AUTH, "a digest of the body is wanted, too (qop=auth-int), "
                                         "which can be read only once");
    int rc = hob__digest_body(algorithm, body_piece, body, out);
    return rc < 0 ? rc : hob__outgoing_begin(body);
}

/* The answer to the challenge that is kept under that key: 1; 0: there is none. */
static int put_digest(struct hob_client *c, const char *key, struct hob__buffer *b,
                      const char *name, const struct hob_auth *a, const struct hob__asked *asked) {
    struct hob__backend *backend = hob__backend_current("hob_client_request");
    enum hob__digest_algorithm hashed = HOB__DIGEST_NONE;
    struct hob__digest *d;
    unsigned char chance[16];
    char cnonce[33], hash[HOB__DIGEST_HEX];
    while ((d = kept(c, key)) && d->challenge.body && d->challenge.algorithm != hashed) {
        hashed = d->challenge.algorithm; /* others run meanwhile, and may have dropped it */
        HOB_TRY(hash_body(hashed, asked->body, hash));
    }
    if (!d) return 0;
    backend->ops->random(backend, chance, sizeof chance);
    for (int i = 0; i < 16; i++) snprintf(cnonce + 2 * i, 3, "%02x", chance[i]);
    const char *password = a->password ? a->password : "";
    const struct hob__digest_request r = {a->user,     password, asked->method,
                                          asked->what, cnonce,   hash};
    int rc = hob__digest_put(&d->challenge, b, name, &r);
    return rc < 0 ? rc : 1;
}

/* What to do about a challenge. */
static int consider(struct hob_client *c, const char *key, const struct hob__challenge *got,
                    bool answered) {
    if (got->algorithm == HOB__DIGEST_NONE) return 0;
    if (answered && !got->stale) return 0; /* it does not like the password */
    int rc = keep(c, key, got);
    return rc < 0 ? rc : 1;
}

/* ---- a server's ---- */

static void key_of(const struct hob__fetch *f, char *out, size_t n) {
    snprintf(out, n, "%c %s", f->url.tls ? 's' : 'h', f->address);
}

/* Whose request it is. words: what netrc says, as long as *out is needed. */
static bool whose(const struct hob__fetch *f, struct hob__netrc *words, struct hob_auth *out) {
    struct hob__auth *a = &f->client->auth;
    unsigned line;
    *out = (struct hob_auth){0};
    if (f->crossed) return false;
    if (f->options->auth) {
        *out = *f->options->auth;
        return true;
    }
    if (a->own.scheme && !hob__fetch_foreign(f)) {
        *out = a->own;
        return true;
    }
    if (!a->netrc_text || hob__netrc_find(a->netrc_text, f->url.host, NULL, words, &line) != 1)
        return false;
    *out = (struct hob_auth){HOB_AUTH_BASIC, words->login, words->password, NULL};
    return true;
}

static struct hob_slice target_of(const struct hob__fetch *f) {
    const struct hob_url *u = &f->url;
    const char *end = u->query.at ? u->query.at + u->query.size : u->path.at + u->path.size;
    return (struct hob_slice){u->path.at, (size_t)(end - u->path.at)};
}

static int put_bearer(struct hob__buffer *b, const char *token) {
    size_t n = strlen(token);
    if (n > HOB__BEARER_MAX)
        return hob_fail(-EINVAL, ".auth: a token of more than %d bytes", HOB__BEARER_MAX);
    char *value = hob__alloc(n + 8); /* too much for a small task's stack */
    if (!value) return -ENOMEM;
    memcpy(value, "Bearer ", 7);
    memcpy(value + 7, token, n + 1);
    int rc = hob__h1_put_field(b, "Authorization", value, n + 7);
    wipe(value);
    return rc;
}

/* Not inlined: a request without credentials does without the room for them on its stack. */
static __attribute__((noinline)) int put_known(struct hob__fetch *f, struct hob__buffer *b) {
    struct hob__netrc words;
    struct hob_auth a;
    char key[320];
    if (!whose(f, &words, &a)) return 0;
    if (a.scheme == HOB_AUTH_BASIC)
        return hob__auth_put_basic(b, "Authorization", a.user, a.password ? a.password : "");
    if (a.scheme == HOB_AUTH_BEARER) return put_bearer(b, a.token);
    key_of(f, key, sizeof key);
    const struct hob__asked asked = {f->method, target_of(f), hob__fetch_body(f)};
    int rc = put_digest(f->client, key, b, "Authorization", &a, &asked);
    f->digested = rc > 0;
    return rc < 0 ? rc : 0;
}

int hob__auth_put(struct hob__fetch *f, struct hob_response *res, struct hob__buffer *b) {
    const struct hob__auth *a = &f->client->auth;
    (void)res;
    f->digested = false;
    if (f->basic && !f->options->auth)
        return hob__h1_put_field(b, "Authorization", f->basic, strlen(f->basic));
    return f->options->auth || a->own.scheme || a->netrc_text ? put_known(f, b) : 0;
}

/* The next nonce, if the server names it already (RFC 7616, 3.5). */
static void look_ahead(struct hob__fetch *f, const struct hob_response *res) {
    const char *info = hob_response_header(res, "authentication-info");
    char key[320], nonce[HOB__DIGEST_TEXT];
    if (!info || !hob__digest_param(info, "nextnonce", nonce) || !nonce[0]) return;
    key_of(f, key, sizeof key);
    struct hob__digest *d = kept(f->client, key);
    if (!d) return;
    strcpy(d->challenge.nonce, nonce);
    d->challenge.count = 0;
}

static void read_all(const struct hob_response *res, const char *name, struct hob__challenge *out) {
    bool basic;
    *out = (struct hob__challenge){.algorithm = HOB__DIGEST_NONE};
    for (size_t i = 0; i < hob_response_header_count(res); i++) {
        struct hob_header h = hob_response_header_at(res, i);
        if (strcasecmp(h.name, name) == 0) hob__digest_read(h.value, out, &basic);
    }
}

/* A proxy that was asked for the URL itself. */
static int proxy_answered(struct hob__fetch *f, struct hob_response *res) {
    int rc = 0;
    if (!f->route.absolute || !f->route.proxy->user) return 0;
    for (size_t i = 0; rc == 0 && i < hob_response_header_count(res); i++) {
        struct hob_header h = hob_response_header_at(res, i);
        if (strcasecmp(h.name, "proxy-authenticate") == 0)
            rc = hob__proxy_challenged(f->client, f->route.proxy, h.value, f->proxy_digested);
    }
    return rc;
}

static __attribute__((noinline)) int challenged(struct hob__fetch *f, struct hob_response *res) {
    struct hob__challenge got;
    struct hob__netrc words;
    struct hob_auth a;
    char key[320];
    if (!whose(f, &words, &a) || a.scheme != HOB_AUTH_DIGEST) return 0;
    key_of(f, key, sizeof key);
    read_all(res, "www-authenticate", &got);
    return consider(f->client, key, &got, f->digested);
}

int hob__auth_answered(struct hob__fetch *f, struct hob_response *res) {
    int status = hob_response_status(res);
    if (f->digested) look_ahead(f, res);
    if ((status != 401 && status != 407) || hob__outgoing_spent(&f->out)) return 0;
    if (status == 407) return proxy_answered(f, res);
    return f->basic && !f->options->auth ? 0 : challenged(f, res);
}

/* ---- a proxy's ---- */

int hob__proxy_put_auth(struct hob_client *c, const struct hob__proxy *p,
                        const struct hob__asked *asked, struct hob__buffer *b, bool *digest) {
    struct hob_auth a = {HOB_AUTH_DIGEST, p->user, p->password, NULL};
    char key[320];
    *digest = false;
    if (!p->user) return 0;
    snprintf(key, sizeof key, "p %s", p->address);
    int rc = put_digest(c, key, b, "Proxy-Authorization", &a, asked);
    *digest = rc > 0;
    if (rc != 0 || c->options.proxy_digest) return rc < 0 ? rc : 0;
    return hob__auth_put_basic(b, "Proxy-Authorization", p->user, p->password);
}

int hob__proxy_challenged(struct hob_client *c, const struct hob__proxy *p, const char *value,
                          bool digest) {
    struct hob__challenge got = {.algorithm = HOB__DIGEST_NONE};
    char key[320];
    bool basic = false;
    if (!p->user || !hob__digest_read(value, &got, &basic)) return 0;
    snprintf(key, sizeof key, "p %s", p->address);
    return consider(c, key, &got, digest);
}
