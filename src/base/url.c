/* base/url.c - http and https URLs: parsing and resolving references (RFC 3986).
 *
 * A reference is split as appendix B of the RFC does (scheme, authority, path, query, fragment),
 * then each part is checked byte by byte against the classes of section 3. Resolving (section 5.2)
 * writes the target into the caller's buffer and parses that as a whole once more, so that what
 * comes out is always a URL that hob_url_parse() takes. */
#include "base/url.h"

#include <arpa/inet.h>
#include <hob/url.h>
#include <string.h>

/* Classes of bytes, RFC 3986, 2 and 3. */
enum { UNRESERVED = 1, SUB_DELIM = 2, COLON = 4, AT = 8, SLASH = 16, QUESTION = 32, SCHEME = 64 };
/* Of a zone: an interface's 15 bytes, each percent-encoded. */
enum { ZONE_MAX = 45 };
enum { PCHAR = UNRESERVED | SUB_DELIM | COLON | AT, QUERY = PCHAR | SLASH | QUESTION };

static unsigned class_of(unsigned char c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return UNRESERVED | SCHEME;
    switch (c) {
    case '-':
    case '.':
        return UNRESERVED | SCHEME;
    case '_':
    case '~':
        return UNRESERVED;
    case '+':
        return SUB_DELIM | SCHEME;
    case '!':
    case '$':
    case '&':
    case '\'':
    case '(':
    case ')':
    case '*':
    case ',':
    case ';':
    case '=':
        return SUB_DELIM;
    case ':':
        return COLON;
    case '@':
        return AT;
    case '/':
        return SLASH;
    case '?':
        return QUESTION;
    default:
        return 0;
    }
}

static bool letter(unsigned char c) { return (unsigned)((c | 0x20) - 'a') < 26; }

static int fail(struct hob_url_error *why, size_t at, const char *reason) {
    if (why) *why = (struct hob_url_error){at, reason};
    return HOB_E_URL;
}

static const char *reason_for(unsigned char c, const char *reason) {
    if (c == ' ') return "a space, which must be written %20";
    if (c < 0x20 || c == 0x7f) return "a control character";
    if (c >= 0x80) return "a byte outside ASCII, which must be percent-encoded";
    return reason;
}

/* Every byte of the part is of the classes or a percent-encoded triplet. */
static int check_part(const char *text, struct hob_slice part, unsigned classes, const char *reason,
                      struct hob_url_error *why) {
    for (size_t i = 0; i < part.size; i++) {
        unsigned char c = (unsigned char)part.at[i];
        if (class_of(c) & classes) continue;
        size_t at = (size_t)(part.at - text) + i;
        if (c != '%') return fail(why, at, reason_for(c, reason));
        if (i + 2 >= part.size || hob__hex_value((unsigned char)part.at[i + 1]) < 0 ||
            hob__hex_value((unsigned char)part.at[i + 2]) < 0)
            return fail(why, at, "a '%' without two hexadecimal digits");
        i += 2;
    }
    return 0;
}

static bool same_word(struct hob_slice s, const char *word) {
    size_t n = strlen(word);
    if (s.size != n) return false;
    for (size_t i = 0; i < n; i++)
        if ((s.at[i] | 0x20) != word[i]) return false;
    return true;
}

/* RFC 3986, appendix B: takes a reference apart without judging it. A scheme is only one when it
 * begins with a letter and has the right bytes; otherwise the colon belongs to the path. */
void hob__url_split(const char *text, size_t n, struct hob__url_parts *p) {
    *p = (struct hob__url_parts){0};
    const char *at = text, *end = text + n;
    if (n > 0 && letter((unsigned char)*at)) {
        const char *c = at;
        while (c < end && (class_of((unsigned char)*c) & SCHEME)) c++;
        if (c < end && *c == ':') {
            p->scheme = (struct hob_slice){at, (size_t)(c - at)};
            at = c + 1;
        }
    }
    const char *hash = memchr(at, '#', (size_t)(end - at));
    if (hash) {
        p->fragment = (struct hob_slice){hash + 1, (size_t)(end - hash - 1)};
        end = hash;
    }
    const char *mark = memchr(at, '?', (size_t)(end - at));
    if (mark) {
        p->query = (struct hob_slice){mark + 1, (size_t)(end - mark - 1)};
        end = mark;
    }
    if (end - at >= 2 && at[0] == '/' && at[1] == '/') {
        at += 2;
        const char *slash = memchr(at, '/', (size_t)(end - at));
        if (!slash) slash = end;
        p->authority = (struct hob_slice){at, (size_t)(slash - at)};
        at = slash;
    }
    p->path = (struct hob_slice){at, (size_t)(end - at)};
}

static int parse_port(const char *text, struct hob_slice digits, struct hob_url *u,
                      struct hob_url_error *why) {
    if (digits.size == 0) return 0; /* "host:" is the default port (6.2.3) */
    unsigned port = 0;
    for (size_t i = 0; i < digits.size; i++) {
        unsigned char c = (unsigned char)digits.at[i];
        size_t at = (size_t)(digits.at - text) + i;
        if (c < '0' || c > '9') return fail(why, at, reason_for(c, "a port must be a number"));
        port = port * 10 + (c - '0');
        if (port > 65535)
            return fail(why, (size_t)(digits.at - text), "the port is greater than 65535");
    }
    if (port == 0) return fail(why, (size_t)(digits.at - text), "port 0 cannot be connected to");
    u->port = (uint16_t)port;
    return 0;
}

/* u->host is what stood in the brackets; a zone (RFC 6874: "%25eth0") is cut off it. A bare '%', as
 * other programs write it and people type it, is understood as well. */
static int parse_ipv6(const char *text, struct hob_url *u, struct hob_url_error *why) {
    char copy[64];
    struct in6_addr address;
    size_t at = (size_t)(u->host.at - text);
    const char *sign = memchr(u->host.at, '%', u->host.size);
    if (sign) {
        const char *end = u->host.at + u->host.size, *zone = sign + 1;
        if (end - zone >= 2 && zone[0] == '2' && zone[1] == '5') zone += 2;
        u->zone = (struct hob_slice){zone, (size_t)(end - zone)};
        u->host.size = (size_t)(sign - u->host.at);
        if (u->zone.size == 0) return fail(why, (size_t)(zone - text), "the zone is missing");
        int rc = check_part(text, u->zone, UNRESERVED, "a byte that a zone cannot have", why);
        if (rc < 0) return rc;
        if (u->zone.size > ZONE_MAX)
            return fail(why, (size_t)(zone - text), "the zone is longer than any interface's name");
    }
    if (u->host.size >= sizeof copy) return fail(why, at, "not an IPv6 address");
    memcpy(copy, u->host.at, u->host.size);
    copy[u->host.size] = 0;
    if (strlen(copy) != u->host.size || inet_pton(AF_INET6, copy, &address) != 1)
        return fail(why, at, "not an IPv6 address");
    return 0;
}

static int parse_authority(const char *text, struct hob_slice a, struct hob_url *u,
                           struct hob_url_error *why) {
    const char *at = a.at, *end = a.at + a.size;
    const char *sign = memrchr(at, '@', (size_t)(end - at));
    if (sign) {
        u->userinfo = (struct hob_slice){at, (size_t)(sign - at)};
        int rc = check_part(text, u->userinfo, UNRESERVED | SUB_DELIM | COLON,
                            "a byte that user information cannot have", why);
        if (rc < 0) return rc;
        at = sign + 1;
    }
    const char *host_end, *colon;
    if (at < end && *at == '[') {
        const char *close = memchr(at, ']', (size_t)(end - at));
        if (!close) return fail(why, (size_t)(at - text), "a '[' without its ']'");
        u->host = (struct hob_slice){at + 1, (size_t)(close - at - 1)};
        u->host_is_ipv6 = true;
        int rc = parse_ipv6(text, u, why);
        if (rc < 0) return rc;
        host_end = close + 1;
        if (host_end < end && *host_end != ':')
            return fail(why, (size_t)(host_end - text), "only a port may follow the ']'");
        colon = host_end < end ? host_end : NULL;
    } else {
        colon = memchr(at, ':', (size_t)(end - at));
        host_end = colon ? colon : end;
        u->host = (struct hob_slice){at, (size_t)(host_end - at)};
        if (u->host.size == 0) return fail(why, (size_t)(at - text), "the host is missing");
        if (u->host.size > 255)
            return fail(why, (size_t)(at - text), "the host is longer than 255 bytes");
        int rc = check_part(text, u->host, UNRESERVED | SUB_DELIM, "a byte that a host cannot have",
                            why);
        if (rc < 0) return rc;
    }
    if (!colon) return 0;
    return parse_port(text, (struct hob_slice){colon + 1, (size_t)(end - colon - 1)}, u, why);
}

int hob_url_parse(const char *text, size_t n, struct hob_url *out, struct hob_url_error *why) {
    struct hob__url_parts p;
    *out = (struct hob_url){0};
    if (n == 0) return fail(why, 0, "an empty URL");
    hob__url_split(text, n, &p);
    if (!p.scheme.at) return fail(why, 0, "the scheme (http:// or https://) is missing");
    out->tls = same_word(p.scheme, "https");
    if (!out->tls && !same_word(p.scheme, "http"))
        return fail(why, 0, "the scheme is not http or https");
    if (!p.authority.at)
        return fail(why, p.scheme.size + 1, "\"//\" and a host must follow the scheme");
    out->scheme = p.scheme;
    out->path = p.path;
    out->query = p.query;
    out->fragment = p.fragment;
    out->port = out->tls ? 443 : 80;
    int rc = parse_authority(text, p.authority, out, why);
    if (rc < 0) return rc;
    rc = check_part(text, p.path, PCHAR | SLASH, "a byte that a path cannot have", why);
    if (rc < 0) return rc;
    rc = check_part(text, p.query, QUERY, "a byte that a query cannot have", why);
    if (rc < 0) return rc;
    return check_part(text, p.fragment, QUERY, "a byte that a fragment cannot have", why);
}

/* ---- resolving ---- */

/* Text that is written as far as the buffer goes and counted all the same. */
struct out {
    char *buf;
    size_t cap, n;
};

static void put(struct out *o, char c) {
    if (o->n + 1 < o->cap) o->buf[o->n] = c;
    o->n++;
}

static void put_all(struct out *o, const char *at, size_t n) {
    for (size_t i = 0; i < n; i++) put(o, at[i]);
}

/* Copies a part; what a URL cannot have is percent-encoded, a sound triplet is left alone. */
static void put_cleaned(struct out *o, struct hob_slice part, unsigned classes) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < part.size; i++) {
        unsigned char c = (unsigned char)part.at[i];
        bool triplet = c == '%' && i + 2 < part.size &&
                       hob__hex_value((unsigned char)part.at[i + 1]) >= 0 &&
                       hob__hex_value((unsigned char)part.at[i + 2]) >= 0;
        if (triplet || (class_of(c) & classes)) {
            put(o, (char)c);
        } else {
            put(o, '%');
            put(o, digits[c >> 4]);
            put(o, digits[c & 15]);
        }
    }
}

static bool dots(const char *at, size_t n, size_t count) {
    return n == count && at[0] == '.' && at[n - 1] == '.';
}

/* Appends the segments of `part` to the path that begins at o->n == path; "." and ".." are worked
 * off as 5.2.4 says. To drop a segment one must see what was written: without room for it the
 * length that comes out is an upper bound. */
static void put_segments(struct out *o, size_t path, const char *at, const char *end) {
    while (at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash ? slash : end;
        size_t n = (size_t)(stop - at);
        if (dots(at, n, 2)) {
            if (o->n < o->cap) {
                if (o->n > path + 1) o->n--;
                while (o->n > path + 1 && o->buf[o->n - 1] != '/') o->n--;
            }
        } else if (!dots(at, n, 1)) {
            put_cleaned(o, (struct hob_slice){at, n}, PCHAR);
            if (slash) put(o, '/');
        }
        at = slash ? slash + 1 : end;
    }
}

static void put_path(struct out *o, struct hob_slice base, struct hob_slice ref) {
    size_t path = o->n;
    put(o, '/');
    if (ref.size > 0 && ref.at[0] == '/') {
        put_segments(o, path, ref.at + 1, ref.at + ref.size);
        return;
    }
    const char *last = base.at && base.size ? memrchr(base.at, '/', base.size) : NULL;
    if (last && last > base.at) put_segments(o, path, base.at + 1, last + 1);
    put_segments(o, path, ref.at, ref.at + ref.size);
}

static void put_tail(struct out *o, char mark, struct hob_slice part) {
    if (!part.at) return;
    put(o, mark);
    put_cleaned(o, part, QUERY);
}

static int check_reference(const char *text, size_t n, struct hob_url_error *why) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return fail(why, i, "a control character");
    return 0;
}

int hob_url_resolve(const char *base, const char *reference, size_t reference_size, char *buf,
                    size_t cap, struct hob_url_error *why) {
    struct hob__url_parts r, b;
    int rc = check_reference(reference, reference_size, why);
    if (rc < 0) return rc;
    hob__url_split(reference, reference_size, &r);
    hob__url_split(base, strlen(base), &b);
    if (!r.scheme.at && !(b.scheme.at && b.authority.at))
        return fail(why, 0, "a relative reference, and the base is not a whole URL");
    struct hob_slice scheme = r.scheme.at ? r.scheme : b.scheme;
    if (!same_word(scheme, "http") && !same_word(scheme, "https"))
        return fail(why, 0, "the scheme is not http or https");
    bool whole = r.scheme.at != NULL, same_host = !whole && !r.authority.at;
    struct hob_slice authority = same_host ? b.authority : r.authority;
    if (!authority.at)
        return fail(why, scheme.size + 1, "\"//\" and a host must follow the scheme");
    if (reference_size > INT32_MAX / 8 || strlen(base) > INT32_MAX / 8)
        return fail(why, 0, "a URL longer than 256 MiB");
    struct out o = {buf, cap, 0};
    put_all(&o, scheme.at, scheme.size);
    put_all(&o, "://", 3);
    put_all(&o, authority.at, authority.size);
    struct hob_slice query = r.query;
    if (!same_host) {
        if (r.path.size) put_path(&o, (struct hob_slice){0}, r.path);
    } else if (r.path.size == 0) {
        put_cleaned(&o, b.path, PCHAR | SLASH);
        if (!r.query.at) query = b.query;
    } else {
        put_path(&o, b.path, r.path);
    }
    put_tail(&o, '?', query);
    put_tail(&o, '#', r.fragment);
    if (cap == 0) return (int)o.n;
    if (o.n >= cap) {
        buf[cap - 1] = 0;
        return (int)o.n;
    }
    buf[o.n] = 0;
    struct hob_url u;
    rc = hob_url_parse(buf, o.n, &u, why);
    return rc < 0 ? rc : (int)o.n;
}
