/* hob/url.h - http and https URLs: parsing (RFC 3986), references, percent coding, queries. Nothing
 * here waits or allocates: the parts of a URL are slices of the caller's text. */
#ifndef HOB_URL_H
#define HOB_URL_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A URL, reference or query that cannot be parsed. */
enum { HOB_E_URL = -5015 };

/* Of a slice: at is NULL when the part is absent, which is not the same as empty. */
struct hob_url {
    bool tls;                  /* https */
    bool host_is_ipv6;         /* host was written in brackets, which are not part of it */
    uint16_t port;             /* as written, else 80 or 443 */
    struct hob_slice scheme;   /* "http" or "https", in any case */
    struct hob_slice userinfo; /* "user:password", percent-encoded */
    struct hob_slice host;     /* a name or an IPv4 or IPv6 address; never empty */
    struct hob_slice zone;     /* of an IPv6 address, percent-encoded: the "eth0" or "2" of
                                  [fe80::1%25eth0] (RFC 6874) or [fe80::1%eth0] */
    struct hob_slice path;     /* percent-encoded; empty, or begins with '/' */
    struct hob_slice query;    /* behind '?', percent-encoded */
    struct hob_slice fragment; /* behind '#' */
};

/* What is wrong with a text, and where. */
struct hob_url_error {
    size_t at;          /* bytes from the start */
    const char *reason; /* a static string: "the port is greater than 65535" */
};

/* Takes text[0..n) apart. 0, or HOB_E_URL and *why (may be NULL). Strict: only the bytes that RFC
 * 3986 allows; the scheme must be http or https, the host must not be empty. */
HOB_API int hob_url_parse(const char *text, size_t n, struct hob_url *out,
                          struct hob_url_error *why);

/* Resolves a reference ("../b?x", "//host/c", "?page=2", a whole URL) against an absolute base, as
 * RFC 3986, 5.2 does: removes dot segments, keeps the fragment. Bytes that a URL may not contain
 * but that pages and servers send anyway (spaces, non-ASCII, quotes ...) come out percent-encoded;
 * control characters are an error. Writes at most cap bytes with the NUL, as snprintf does; returns
 * the length (when it is cap or more: an upper bound of it), or HOB_E_URL and *why (may be NULL),
 * also for a reference to another scheme (mailto:). */
HOB_API int hob_url_resolve(const char *base, const char *reference, size_t reference_size,
                            char *buf, size_t cap, struct hob_url_error *why);

/* Percent-encodes everything but letters, digits and "-._~" and the bytes of `keep` (may be NULL;
 * "/" for a path). Writes as snprintf does; returns the length. */
HOB_API size_t hob_url_encode(const char *in, size_t n, const char *keep, char *buf, size_t cap);

/* Decodes %XX, and '+' to a space when `form` is true (queries and form bodies). Writes at most n
 * bytes to out, which may be `in` itself; no NUL is added. Returns the length, or HOB_E_URL for a
 * '%' without two hexadecimal digits. */
HOB_API int hob_url_decode(const char *in, size_t n, bool form, char *out);

/* Walks the pairs of a query or form body: "a=1&b&c=" gives (a, 1), (b, absent), (c, ""). Start
 * with *rest = the query; false at the end. The slices are encoded as they stand; empty pairs are
 * skipped. */
HOB_API bool hob_query_next(struct hob_slice *rest, struct hob_slice *name,
                            struct hob_slice *value);

/* The first value of `name` in a query, decoded: writes as snprintf does and returns its length;
 * -ENOENT when there is none, HOB_E_URL when it cannot be decoded. A decoded NUL byte is an error.
 */
HOB_API int hob_query_get(struct hob_slice query, const char *name, char *buf, size_t cap);

#ifdef __cplusplus
}
#endif
#endif
