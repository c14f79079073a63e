/* http/client/digest.c - challenges and their answers. */
#include "http/client/digest.h"

#include <hob/error.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#if HAVE_TLS
#include <openssl/err.h>
#include <openssl/evp.h>
#endif

#include "base/memory.h"
#include "http/h1.h"

/* ---- reading: scheme SP (param *("," param) | token68), lists of that (RFC 9110, 11.3) ---- */

static bool is_token(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* One parameter, or the name of a scheme. */
struct item {
    struct hob_slice name;
    bool param;
    bool fits;
    char value[HOB__DIGEST_TEXT];
};

static const char *take_quoted(const char *at, struct item *item) {
    size_t n = 0;
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) at++;
        if (n + 1 < sizeof item->value)
            item->value[n++] = *at;
        else
            item->fits = false;
    }
    item->value[n] = 0;
    return *at ? at + 1 : at;
}

/* The next item, and where the one behind it begins; NULL at the end. */
static const char *next_item(const char *at, struct item *item) {
    at += strspn(at, ", \t");
    while (*at && !is_token(*at)) at++; /* what does not belong here */
    if (!*at) return NULL;
    const char *from = at;
    while (is_token(*at)) at++;
    item->name = (struct hob_slice){from, (size_t)(at - from)};
    item->param = false;
    item->fits = true;
    item->value[0] = 0;
    const char *sign = at + strspn(at, " \t");
    if (*sign != '=') return at;
    sign++;
    sign += strspn(sign, " \t");
    item->param = true;
    if (*sign == '"') return take_quoted(sign, item);
    size_t n = 0;
    while (is_token(sign[n]) || sign[n] == '=' || sign[n] == '/') n++;
    item->fits = n < sizeof item->value;
    if (item->fits) {
        memcpy(item->value, sign, n);
        item->value[n] = 0;
    }
    return sign + n;
}

static bool called(const struct item *item, const char *name) {
    return item->name.size == strlen(name) &&
           strncasecmp(item->name.at, name, item->name.size) == 0;
}

static void take_algorithm(struct hob__challenge *c, const char *text) {
    static const struct {
        const char *name;
        enum hob__digest_algorithm algorithm;
    } known[] = {{"MD5", HOB__DIGEST_MD5},
                 {"SHA-256", HOB__DIGEST_SHA256},
                 {"SHA-512-256", HOB__DIGEST_SHA512_256}};
    size_t n = strlen(text);
    c->session = n > 5 && strcasecmp(text + n - 5, "-sess") == 0;
    if (c->session) n -= 5;
    c->algorithm = HOB__DIGEST_NONE;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == n && strncasecmp(known[i].name, text, n) == 0)
            c->algorithm = known[i].algorithm;
}

/* A parameter of Digest's; false: it makes the challenge useless. */
static bool take_param(struct hob__challenge *c, const struct item *item) {
    char *text = called(item, "realm")    ? c->realm
                 : called(item, "nonce")  ? c->nonce
                 : called(item, "opaque") ? c->opaque
                                          : NULL;
    if (text) {
        strcpy(text, item->value);
        return item->fits;
    }
    if (called(item, "algorithm")) {
        take_algorithm(c, item->value);
    } else if (called(item, "qop")) {
        size_t n = strlen(item->value);
        bool plain = hob__h1_list_has(item->value, n, "auth");
        c->body = !plain && hob__h1_list_has(item->value, n, "auth-int");
        c->qop = plain || c->body;
    } else if (called(item, "stale")) {
        c->stale = strcasecmp(item->value, "true") == 0;
    } else if (called(item, "userhash")) {
        c->userhash = strcasecmp(item->value, "true") == 0;
    }
    return true;
}

/* Those that cannot be answered are worth 0. */
static int worth(const struct hob__challenge *c) {
    if (c->algorithm == HOB__DIGEST_NONE || !c->nonce[0]) return 0;
    return 2 * (int)c->algorithm + !c->body; /* the better hash, then what costs less */
}

bool hob__digest_read(const char *value, struct hob__challenge *out, bool *basic) {
    struct hob__challenge c;
    struct item item;
    bool mine = false, sound = false, better = false;
    for (const char *at = value;;) {
        at = next_item(at, &item);
        if (at && item.param) {
            if (mine && !take_param(&c, &item)) sound = false;
            continue;
        }
        if (mine && sound && worth(&c) > worth(out)) {
            *out = c;
            better = true;
        }
        if (!at) return better;
        if (called(&item, "basic")) *basic = true;
        mine = sound = called(&item, "digest");
        if (mine) c = (struct hob__challenge){.algorithm = HOB__DIGEST_MD5};
    }
}

bool hob__digest_param(const char *list, const char *name, char out[HOB__DIGEST_TEXT]) {
    struct item item;
    for (const char *at = list; (at = next_item(at, &item));) {
        if (!item.param || !called(&item, name)) continue;
        strcpy(out, item.value);
        return item.fits;
    }
    return false;
}

/* ---- answering ---- */

#if HAVE_TLS

enum { HEX = HOB__DIGEST_HEX, BODY_PIECE = 16384 };

static const char *const hashes[] = {
    [HOB__DIGEST_MD5] = "MD5",
    [HOB__DIGEST_SHA512_256] = "SHA512-256",
    [HOB__DIGEST_SHA256] = "SHA256",
};

/* A hash that begins. NULL: OpenSSL does not have it (FIPS). */
static EVP_MD_CTX *hash_begin(enum hob__digest_algorithm algorithm) {
    EVP_MD *md = EVP_MD_fetch(NULL, hashes[algorithm], NULL);
    EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
    if (ctx && EVP_DigestInit_ex(ctx, md, NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MD_free(md);
    return ctx;
}

/* Its digits, if all went well until now; frees it. */
static bool hash_end(EVP_MD_CTX *ctx, bool ok, char out[HEX]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (ok) ok = EVP_DigestFinal_ex(ctx, digest, &size) == 1 && size <= 32;
    for (unsigned i = 0; ok && i < size; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* H(a ":" b ":" ...). */
static bool hash(const struct hob__challenge *c, const struct hob_slice *parts, size_t n,
                 char out[HEX]) {
    EVP_MD_CTX *ctx = hash_begin(c->algorithm);
    bool ok = ctx != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        if (i > 0) ok = EVP_DigestUpdate(ctx, ":", 1) == 1;
        if (ok) ok = EVP_DigestUpdate(ctx, parts[i].at, parts[i].size) == 1;
    }
    return hash_end(ctx, ok, out);
}

static int no_hash(enum hob__digest_algorithm algorithm) {
    return hob_fail(HOB_E_HTTP_AUTH, "OpenSSL does not provide %s, which the server wants",
                    hashes[algorithm]);
}

int hob__digest_body(enum hob__digest_algorithm algorithm,
                     ssize_t (*read)(void *arg, void *buf, size_t n), void *arg, char out[HEX]) {
    char *piece = read ? hob__alloc(BODY_PIECE) : NULL;
    if (read && !piece) return hob_fail(-ENOMEM, "no memory for the digest of a body");
    EVP_MD_CTX *ctx = hash_begin(algorithm);
    bool ok = ctx != NULL;
    ssize_t got = 0;
    while (ok && read && (got = read(arg, piece, BODY_PIECE)) > 0)
        ok = EVP_DigestUpdate(ctx, piece, (size_t)got) == 1;
    hob__free(piece);
    ok = hash_end(ctx, ok && got == 0, out);
    if (got < 0) return (int)got;
    return ok ? 0 : no_hash(algorithm);
}

#define TEXT(s) ((struct hob_slice){(s), strlen(s)})
#define HASH(c, out, ...)                                                                          \
    hash((c), (const struct hob_slice[]){__VA_ARGS__},                                             \
         sizeof((const struct hob_slice[]){__VA_ARGS__}) / sizeof(struct hob_slice), (out))

struct answer {
    char response[HEX], user[HEX], count[9];
};

static const char *qop_name(const struct hob__challenge *c) {
    return c->body ? "auth-int" : "auth";
}

static bool compute(const struct hob__challenge *c, const struct hob__digest_request *r,
                    struct answer *a) {
    char secret[HEX], what[HEX];
    bool ok = HASH(c, secret, TEXT(r->user), TEXT(c->realm), TEXT(r->password));
    if (ok && c->session) ok = HASH(c, secret, TEXT(secret), TEXT(c->nonce), TEXT(r->cnonce));
    if (ok && c->body)
        ok = HASH(c, what, TEXT(r->method), r->uri, TEXT(r->body));
    else if (ok)
        ok = HASH(c, what, TEXT(r->method), r->uri);
    if (ok && c->qop)
        ok = HASH(c, a->response, TEXT(secret), TEXT(c->nonce), TEXT(a->count), TEXT(r->cnonce),
                  TEXT(qop_name(c)), TEXT(what));
    else if (ok)
        ok = HASH(c, a->response, TEXT(secret), TEXT(c->nonce), TEXT(what));
    if (ok && c->userhash) ok = HASH(c, a->user, TEXT(r->user), TEXT(c->realm));
    explicit_bzero(secret, sizeof secret);
    return ok;
}

static int put(struct hob__buffer *b, const char *text, size_t n) {
    return hob__buffer_append(b, text, n, 65536);
}

/* name="text" with a comma in front, unless it is the first. */
static int put_quoted(struct hob__buffer *b, const char *name, const char *text, size_t n) {
    int rc = put(b, name, strlen(name));
    if (rc == 0) rc = put(b, "=\"", 2);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (text[i] == '"' || text[i] == '\\') rc = put(b, "\\", 1);
        if (rc == 0) rc = put(b, text + i, 1);
    }
    return rc < 0 ? rc : put(b, "\"", 1);
}

static int put_text(struct hob__buffer *b, const char *name, const char *text) {
    return put_quoted(b, name, text, strlen(text));
}

static const char *algorithm_name(const struct hob__challenge *c) {
    static const char *const names[][2] = {{"", ""},
                                           {"MD5", "MD5-sess"},
                                           {"SHA-512-256", "SHA-512-256-sess"},
                                           {"SHA-256", "SHA-256-sess"}};
    return names[c->algorithm][c->session];
}

static int put_value(const struct hob__challenge *c, struct hob__buffer *b,
                     const struct hob__digest_request *r, const struct answer *a) {
    char rest[200];
    int rc = put_text(b, "Digest username", c->userhash ? a->user : r->user);
    if (rc == 0) rc = put_text(b, ", realm", c->realm);
    if (rc == 0) rc = put_text(b, ", nonce", c->nonce);
    if (rc == 0) rc = put_quoted(b, ", uri", r->uri.at, r->uri.size);
    if (rc == 0) rc = put_text(b, ", response", a->response);
    if (rc == 0 && c->opaque[0]) rc = put_text(b, ", opaque", c->opaque);
    int n = snprintf(rest, sizeof rest, ", algorithm=%s%s", algorithm_name(c),
                     c->userhash ? ", userhash=true" : "");
    if (c->qop)
        n += snprintf(rest + n, sizeof rest - (size_t)n, ", qop=%s, nc=%s", qop_name(c), a->count);
    if (c->qop || c->session)
        snprintf(rest + n, sizeof rest - (size_t)n, ", cnonce=\"%s\"", r->cnonce);
    return rc < 0 ? rc : put(b, rest, strlen(rest));
}

int hob__digest_put(struct hob__challenge *c, struct hob__buffer *b, const char *name,
                    const struct hob__digest_request *r) {
    struct hob__buffer value = {0};
    struct answer a;
    snprintf(a.count, sizeof a.count, "%08x", ++c->count);
    if (!compute(c, r, &a)) return no_hash(c->algorithm);
    int rc = put_value(c, &value, r, &a);
    if (rc == 0)
        rc = hob__h1_put_field(b, name, hob__buffer_bytes(&value), hob__buffer_size(&value));
    hob__buffer_free(&value);
    return rc == HOB_E_LIMIT ? HOB_E_HTTP_HEADERS_TOO_LARGE : rc;
}

#else

static int no_hash(void) {
    return hob_fail(HOB_E_HTTP_AUTH, "digests need OpenSSL, which this build does not have");
}

int hob__digest_put(struct hob__challenge *c, struct hob__buffer *b, const char *name,
                    const struct hob__digest_request *r) {
    (void)c, (void)b, (void)name, (void)r;
    return no_hash();
}

int hob__digest_body(enum hob__digest_algorithm algorithm,
                     ssize_t (*read)(void *arg, void *buf, size_t n), void *arg,
                     char out[HOB__DIGEST_HEX]) {
    (void)algorithm, (void)read, (void)arg, (void)out;
    return no_hash();
}

#endif
