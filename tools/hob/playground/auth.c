/* playground/auth.c - who asks: Basic, Bearer, Digest (RFC 7617, 6750, 7616). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#if HAVE_TLS
#include <openssl/evp.h>
#include <openssl/hmac.h>
#endif

#include "playground/routes.h"
#include "tool.h"

/* What follows the scheme in Authorization; NULL: it has another, or is not there. */
static const char *credentials(const struct ask *a, const char *scheme) {
    const char *value = hob_request_header(a->req, "authorization");
    size_t n = strlen(scheme);
    if (!value || strncasecmp(value, scheme, n) != 0 || value[n] != ' ') return NULL;
    return value + n + strspn(value + n, " ");
}

static int welcome(const struct ask *a, const char *name, const char *value) {
    struct page p;
    HOB_TRY(page_open(&p));
    fprintf(p.out, "{\"authenticated\": true, \"%s\": ", name);
    json_string(p.out, value, strlen(value));
    fputs("}\n", p.out);
    return page_send(&p, a->req, 200, "application/json", NULL);
}

/* ---- Basic, Bearer ---- */

static bool basic_fits(const struct ask *a) {
    const char *sent = credentials(a, "Basic");
    size_t size = strlen(a->words[0]) + strlen(a->words[1]) + 2, n;
    char *want = malloc(size), *got = sent ? malloc(strlen(sent) + 1) : NULL;
    bool fits = want && got && base64_decode(sent, got, &n);
    if (fits) {
        snprintf(want, size, "%s:%s", a->words[0], a->words[1]);
        fits = n == size - 1 && memcmp(want, got, n) == 0;
    }
    free(want);
    free(got);
    return fits;
}

int answer_basic_auth(const struct ask *a) {
    if (basic_fits(a)) return welcome(a, "user", a->words[0]);
    return answer_empty(a->req, 401,
                        HOB_HEADERS({"www-authenticate", "Basic realm=\"playground\""}));
}

int answer_hidden_basic_auth(const struct ask *a) {
    if (basic_fits(a)) return welcome(a, "user", a->words[0]);
    return answer_error(a->req, 404, "no such route; / lists them");
}

int answer_bearer(const struct ask *a) {
    const char *token = credentials(a, "Bearer");
    if (token && *token) return welcome(a, "token", token);
    return answer_empty(a->req, 401, HOB_HEADERS({"www-authenticate", "Bearer"}));
}

/* ---- Digest ---- */

#if HAVE_TLS
enum { HEX_MAX = 2 * EVP_MAX_MD_SIZE + 1, PARAM_MAX = 512, NONCE_SECONDS = 300 };

struct digest {
    const EVP_MD *md;
    const char *algorithm;
    char realm[PARAM_MAX], nonce[PARAM_MAX], uri[PARAM_MAX], response[PARAM_MAX], qop[PARAM_MAX],
        nc[PARAM_MAX], cnonce[PARAM_MAX], username[PARAM_MAX];
};

static void to_hex(const unsigned char *bytes, size_t n, char *out) {
    for (size_t i = 0; i < n; i++) sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* The hash of the texts with colons between them. */
static bool hash(const EVP_MD *md, char out[HEX_MAX], const char *const *texts, int count) {
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool good = c && EVP_DigestInit_ex(c, md, NULL);
    for (int i = 0; i < count && good; i++)
        good =
            (!i || EVP_DigestUpdate(c, ":", 1)) && EVP_DigestUpdate(c, texts[i], strlen(texts[i]));
    good = good && EVP_DigestFinal_ex(c, bytes, &n);
    EVP_MD_CTX_free(c);
    if (good) to_hex(bytes, n, out);
    return good;
}
#define HASH(md, out, ...)                                                                         \
    hash(md, out, (const char *const[]){__VA_ARGS__},                                              \
         sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* A nonce is the second of its making and a proof that this process has made it, so that none need
 * be remembered. */
static bool make_nonce(unsigned long second, char out[HEX_MAX + 20]) {
    static unsigned char secret[32];
    static bool made;
    if (!made && getrandom(secret, sizeof secret, 0) != sizeof secret) return false;
    made = true;
    unsigned char proof[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int size = sprintf(out, "%lx.", second);
    if (!HMAC(EVP_sha256(), secret, sizeof secret, (unsigned char *)out, (size_t)size, proof, &n))
        return false;
    to_hex(proof, 16, out + size);
    return true;
}

static bool is_own_nonce(const char *nonce, bool *old) {
    char again[HEX_MAX + 20];
    unsigned long second = strtoul(nonce, NULL, 16);
    *old = second + NONCE_SECONDS < (unsigned long)time(NULL);
    return make_nonce(second, again) && strcmp(nonce, again) == 0;
}

/* The parameter of a list of name=value and name="value": "" when there is none, or it is long. */
static void take_param(const char *list, const char *name, char out[PARAM_MAX]) {
    size_t wanted = strlen(name);
    *out = 0;
    for (const char *at = list; *at;) {
        at += strspn(at, " \t,");
        size_t n = strcspn(at, "= \t,");
        bool found = n == wanted && strncasecmp(at, name, n) == 0;
        at += n;
        if (*at != '=') continue;
        size_t size = 0;
        bool quoted = *++at == '"';
        if (quoted) at++;
        while (*at && (quoted ? *at != '"' : !strchr(", \t", *at))) {
            if (quoted && *at == '\\' && at[1]) at++;
            if (found && size < PARAM_MAX - 1) out[size++] = *at;
            at++;
        }
        if (quoted && *at) at++;
        if (found) out[size < PARAM_MAX - 1 ? size : 0] = 0;
        if (found) return;
    }
}

static void take_params(const char *list, struct digest *d) {
    take_param(list, "realm", d->realm);
    take_param(list, "nonce", d->nonce);
    take_param(list, "uri", d->uri);
    take_param(list, "response", d->response);
    take_param(list, "qop", d->qop);
    take_param(list, "nc", d->nc);
    take_param(list, "cnonce", d->cnonce);
    take_param(list, "username", d->username);
}

/* Is it the answer that the password gives? qop: what this server wants. Waits for the body. */
static int is_answer(const struct ask *a, struct digest *d, const char *qop) {
    char ha1[HEX_MAX], ha2[HEX_MAX], body[HEX_MAX], want[HEX_MAX];
    const char *method = hob_request_method(a->req), *data;
    size_t size;
    if (strcmp(d->username, a->words[1]) != 0 || strcmp(d->uri, hob_request_target(a->req)) != 0)
        return 0;
    if (strcmp(d->qop, qop) != 0) return 0;
    bool good = HASH(d->md, ha1, d->username, d->realm, a->words[2]);
    if (strcmp(qop, "auth-int") == 0) {
        HOB_TRY(hob_request_body(a->req, &data, &size));
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        good = good && EVP_Digest(data, size, bytes, &n, d->md, NULL);
        if (good) to_hex(bytes, n, body);
        good = good && HASH(d->md, ha2, method, d->uri, body);
    } else {
        good = good && HASH(d->md, ha2, method, d->uri);
    }
    if (*qop)
        good = good && HASH(d->md, want, ha1, d->nonce, d->nc, d->cnonce, d->qop, ha2);
    else
        good = good && HASH(d->md, want, ha1, d->nonce, ha2);
    return good && strcasecmp(want, d->response) == 0;
}

static int challenge(const struct ask *a, const struct digest *d, const char *qop, bool stale) {
    char nonce[HEX_MAX + 20], value[512];
    if (!make_nonce((unsigned long)time(NULL), nonce)) return -EIO;
    snprintf(value, sizeof value,
             "Digest realm=\"playground\", nonce=\"%s\", opaque=\"hob\"%s%s%s, algorithm=%s%s",
             nonce, *qop ? ", qop=\"" : "", qop, *qop ? "\"" : "", d->algorithm,
             stale ? ", stale=true" : "");
    return answer_empty(a->req, 401, HOB_HEADERS({"www-authenticate", value}));
}

int answer_digest_auth(const struct ask *a) {
    static const char *const names[] = {"MD5", "SHA-256", "SHA-512-256"};
    const char *qop = a->words[0], *algorithm = a->words[3] ? a->words[3] : "MD5";
    struct digest d = {.md = NULL};
    size_t uses = SIZE_MAX;
    if (strcmp(qop, "none") == 0) qop = "";
    if (*qop && strcmp(qop, "auth") != 0 && strcmp(qop, "auth-int") != 0)
        return answer_error(a->req, 400, "the qop is auth, auth-int or none");
    for (int i = 0; i < 3; i++)
        if (strcasecmp(names[i], algorithm) == 0) d.algorithm = names[i];
    if (!d.algorithm)
        return answer_error(a->req, 400, "the algorithm is MD5, SHA-256 or SHA-512-256");
    if (a->words[4] && strcmp(a->words[4], "never") != 0 &&
        !parse_count(a->words[4], 0, SIZE_MAX, &uses))
        return answer_error(a->req, 400, "stale_after is a number, or never");
    d.md = *d.algorithm == 'M'        ? EVP_md5()
           : strlen(d.algorithm) == 7 ? EVP_sha256()
                                      : EVP_sha512_256();
    const char *sent = credentials(a, "Digest");
    if (!sent) return challenge(a, &d, qop, false);
    take_params(sent, &d);
    bool old;
    if (!is_own_nonce(d.nonce, &old)) return challenge(a, &d, qop, false);
    int rc = is_answer(a, &d, qop);
    if (rc < 0) return rc;
    if (rc == 0) return challenge(a, &d, qop, false);
    if (old || (*qop && strtoul(d.nc, NULL, 16) > uses)) return challenge(a, &d, qop, true);
    return welcome(a, "user", d.username);
}
#else
int answer_digest_auth(const struct ask *a) {
    return answer_error(a->req, 501, "built without OpenSSL, whose hashes this needs");
}
#endif
