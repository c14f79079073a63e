/* http/client/cookies.c - the cookie jar (RFC 6265). A table by domain: a request looks up its host
 * and each domain above it. */
#include <hob/cookies.h>

#include <ctype.h>
#include <errno.h>
#include <hob/error.h>
#include <hob/file.h>
#include <hob/url.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#if HAVE_LIBPSL
#include <libpsl.h>
#endif

#include "base/hash.h"
#include "base/list.h"
#include "base/memory.h"
#include "http/cookie.h"
#include "io/file/file.h"

enum { BUCKETS = 512, HOST_MAX = 256 };
static const char file_head[] = "# Netscape HTTP Cookie File\n# Written by hob.\n\n";

struct cookie {
    struct hob_list used;      /* in the jar: the one used longest ago first */
    struct cookie *next;       /* in its bucket */
    struct hob_cookie as_seen; /* its strings lie behind it */
    uint64_t born;             /* the order of their making */
    uint32_t bucket;
    char text[];
};

struct hob_cookies {
    struct cookie *buckets[BUCKETS];
    struct hob_list used;
    size_t count;
    uint64_t born;
};

static uint32_t bucket_of(const char *domain) { return hob__hash(domain, 0) % BUCKETS; }

int hob_cookies_open(struct hob_cookies **out) {
    struct hob_cookies *jar = *out = hob__alloc_zero(sizeof *jar);
    if (!jar) return hob_fail(-ENOMEM, "no memory for cookies");
    hob__list_init(&jar->used);
    return 0;
}

static void drop(struct hob_cookies *jar, struct cookie *c) {
    struct cookie **link = &jar->buckets[c->bucket];
    while (*link != c) link = &(*link)->next;
    *link = c->next;
    hob__list_remove(&c->used);
    jar->count--;
    hob__free(c);
}

static struct cookie *first_used(struct hob_cookies *jar) {
    return hob__container(jar->used.next, struct cookie, used);
}

void hob_cookies_clear(struct hob_cookies *jar) {
    while (!hob__list_empty(&jar->used)) drop(jar, first_used(jar));
}

void hob_cookies_free(struct hob_cookies *jar) {
    if (!jar) return;
    hob_cookies_clear(jar);
    hob__free(jar);
}

size_t hob_cookies_count(const struct hob_cookies *jar) { return jar->count; }

static void use(struct hob_cookies *jar, struct cookie *c) {
    hob__list_remove(&c->used);
    hob__list_append(&jar->used, &c->used);
}

static bool expired(const struct hob_cookie *c, int64_t now) {
    return c->expires != 0 && c->expires <= now;
}

/* ---- putting one in ---- */

/* Makes room: first what has expired, then, in the domain or the whole jar, what was used longest
 * ago. */
static void make_room(struct hob_cookies *jar, const char *domain, int64_t now) {
    size_t same = 0;
    struct cookie *oldest = NULL;
    for (struct hob_list *at = jar->used.next, *next; at != &jar->used; at = next) {
        struct cookie *c = hob__container(at, struct cookie, used);
        next = at->next;
        if (expired(&c->as_seen, now)) {
            drop(jar, c);
        } else if (strcmp(c->as_seen.domain, domain) == 0) {
            if (!oldest) oldest = c;
            same++;
        }
    }
    if (same >= HOB_COOKIES_PER_DOMAIN) drop(jar, oldest);
    if (jar->count >= HOB_COOKIES_MAX) drop(jar, first_used(jar));
}

static struct cookie *find(struct hob_cookies *jar, const struct hob_cookie *like) {
    for (struct cookie *c = jar->buckets[bucket_of(like->domain)]; c; c = c->next)
        if (strcmp(c->as_seen.domain, like->domain) == 0 &&
            c->as_seen.host_only == like->host_only && strcmp(c->as_seen.name, like->name) == 0 &&
            strcmp(c->as_seen.path, like->path) == 0)
            return c;
    return NULL;
}

static char *keep(char **at, const char *text) {
    char *kept = *at;
    *at = stpcpy(kept, text) + 1;
    return kept;
}

/* 1, 0 (it had expired, and there was none), -ENOMEM. */
static int put(struct hob_cookies *jar, const struct hob_cookie *new, int64_t now) {
    struct cookie *old = find(jar, new);
    uint64_t born = old ? old->born : ++jar->born;
    if (expired(new, now)) {
        if (old) drop(jar, old);
        return old != NULL;
    }
    size_t size = strlen(new->name) + strlen(new->value) + strlen(new->domain) + strlen(new->path);
    struct cookie *c = hob__alloc(sizeof *c + size + 4);
    if (!c) return hob_fail(-ENOMEM, "no memory for a cookie");
    char *at = c->text;
    c->as_seen = *new;
    c->as_seen.name = keep(&at, new->name);
    c->as_seen.value = keep(&at, new->value);
    c->as_seen.domain = keep(&at, new->domain);
    c->as_seen.path = keep(&at, new->path);
    c->born = born;
    if (old)
        drop(jar, old);
    else if (jar->count >= HOB_COOKIES_PER_DOMAIN)
        make_room(jar, c->as_seen.domain, now);
    c->bucket = bucket_of(c->as_seen.domain);
    c->next = jar->buckets[c->bucket];
    jar->buckets[c->bucket] = c;
    hob__list_append(&jar->used, &c->used);
    jar->count++;
    return 1;
}

/* ---- who may ---- */

static bool is_number(const struct hob_url *u) {
    char host[HOST_MAX];
    if (u->host_is_ipv6) return true;
    if (u->host.size >= sizeof host) return false;
    memcpy(host, u->host.at, u->host.size);
    host[u->host.size] = 0;
    return host[strspn(host, "0123456789.")] == 0;
}

static bool public_suffix(const char *domain) {
#if HAVE_LIBPSL
    return psl_is_public_suffix(psl_builtin(), domain);
#else
    return !strchr(domain, '.'); /* without the list: every name of one word */
#endif
}

/* Is the host that domain, or below it? (5.1.3) */
static bool below(const char *host, const char *domain) {
    size_t h = strlen(host), d = strlen(domain);
    if (h == d) return strcmp(host, domain) == 0;
    return h > d && host[h - d - 1] == '.' && strcmp(host + h - d, domain) == 0;
}

/* 5.1.4 */
static bool path_below(const char *path, size_t n, const char *of) {
    size_t m = strlen(of);
    return n >= m && memcmp(path, of, m) == 0 && (n == m || of[m - 1] == '/' || path[m] == '/');
}

static int take_apart(const char *url, struct hob_url *u, char host[HOST_MAX]) {
    struct hob_url_error why;
    int rc = hob_url_parse(url, strlen(url), u, &why);
    if (rc < 0) return hob_fail(rc, "URL \"%s\": %s (at byte %zu)", url, why.reason, why.at);
    if (u->host.size >= HOST_MAX) return hob_fail(HOB_E_URL, "URL \"%.100s\": its host", url);
    for (size_t i = 0; i < u->host.size; i++) host[i] = (char)tolower((unsigned char)u->host.at[i]);
    host[u->host.size] = 0;
    if (host[u->host.size - 1] == '.' && u->host.size > 1) host[u->host.size - 1] = 0;
    return 0;
}

/* The path of a cookie that names none (5.1.4): the URL's up to its last '/'. */
static void default_path(const struct hob_url *u, char *out, size_t n) {
    size_t size = u->path.size;
    while (size > 0 && u->path.at[size - 1] != '/') size--;
    if (size > 1) size--; /* without that '/' */
    if (size == 0 || size >= n || u->path.at[0] != '/')
        strcpy(out, "/");
    else
        memcpy(out, u->path.at, size), out[size] = 0;
}

/* Does what was parsed hold for that URL? Fills in what it left open. */
static bool may_set(const struct hob_url *u, const char *host, const struct hob__set_cookie *s,
                    struct hob_cookie *c) {
    c->domain = host;
    c->host_only = true;
    if (s->domain[0] && strcmp(s->domain, host) != 0) {
        if (is_number(u) || !below(host, s->domain) || public_suffix(s->domain)) return false;
        c->domain = s->domain;
        c->host_only = false;
    } else if (s->domain[0] && !is_number(u) && !public_suffix(s->domain)) {
        c->host_only = false;
    }
    c->secure = s->secure;
    c->http_only = s->http_only;
    if (c->secure && !u->tls) return false;
    if (strncasecmp(s->name, "__Secure-", 9) == 0 && !c->secure) return false;
    if (strncasecmp(s->name, "__Host-", 7) == 0 &&
        (!c->secure || s->domain[0] || strcmp(s->path, "/") != 0))
        return false;
    return true;
}

/* A cookie that came over http:// may not hide one that is Secure (RFC 6265bis, 5.7). */
static bool hides_secure(struct hob_cookies *jar, const struct hob_cookie *new) {
    for (struct hob_list *at = jar->used.next; at != &jar->used; at = at->next) {
        const struct hob_cookie *c = &hob__container(at, struct cookie, used)->as_seen;
        if (c->secure && strcmp(c->name, new->name) == 0 &&
            (below(c->domain, new->domain) || below(new->domain, c->domain)) &&
            path_below(new->path, strlen(new->path), c->path))
            return true;
    }
    return false;
}

int hob_cookies_set(struct hob_cookies *jar, const char *url, const char *line) {
    struct hob_url u;
    char host[HOST_MAX], path[HOB__COOKIE_PATH];
    int rc = take_apart(url, &u, host);
    if (rc < 0) return rc;
    int64_t now = hob__cookie_now();
    struct hob__set_cookie *s = hob__alloc(sizeof *s);
    if (!s) return hob_fail(-ENOMEM, "no memory for a cookie");
    struct hob_cookie c = {0};
    rc = 0;
    if (hob__cookie_parse(line, now, s) && may_set(&u, host, s, &c)) {
        default_path(&u, path, sizeof path);
        c.name = s->name;
        c.value = s->value;
        c.path = s->path[0] ? s->path : path;
        c.expires = s->expires;
        if (u.tls || !hides_secure(jar, &c)) rc = put(jar, &c, now);
    }
    hob__free(s);
    return rc;
}

/* ---- what a request sends ---- */

enum { SENT_MAX = HOB_COOKIES_PER_DOMAIN };

/* Longer paths first, then the older ones (5.4). */
static int in_order(const void *a, const void *b) {
    const struct cookie *x = *(struct cookie *const *)a, *y = *(struct cookie *const *)b;
    size_t n = strlen(x->as_seen.path), m = strlen(y->as_seen.path);
    if (n != m) return n > m ? -1 : 1;
    return x->born < y->born ? -1 : x->born > y->born;
}

static size_t collect(struct hob_cookies *jar, const struct hob_url *u, const char *host,
                      struct cookie **out) {
    int64_t now = hob__cookie_now();
    const char *path = u->path.size ? u->path.at : "/";
    size_t path_size = u->path.size ? u->path.size : 1, n = 0;
    bool number = is_number(u);
    for (const char *domain = host; domain; domain = number ? NULL : strchr(domain, '.')) {
        if (domain != host) domain++;
        for (struct cookie *c = jar->buckets[bucket_of(domain)], *next; c; c = next) {
            next = c->next;
            const struct hob_cookie *k = &c->as_seen;
            if (strcmp(k->domain, domain) != 0) continue;
            if (expired(k, now)) {
                drop(jar, c);
                continue;
            }
            if ((k->host_only && domain != host) || (k->secure && !u->tls)) continue;
            if (!path_below(path, path_size, k->path) || n == SENT_MAX) continue;
            out[n++] = c;
        }
    }
    qsort(out, n, sizeof *out, in_order);
    return n;
}

int hob_cookies_get(struct hob_cookies *jar, const char *url, char *buf, size_t n) {
    struct hob_url u;
    char host[HOST_MAX];
    struct cookie *sent[SENT_MAX];
    int rc = take_apart(url, &u, host);
    if (n > 0) buf[0] = 0;
    if (rc < 0) return rc;
    size_t count = jar->count ? collect(jar, &u, host, sent) : 0, at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct hob_cookie *c = &sent[i]->as_seen;
        char *to = at < n ? buf + at : NULL;
        at += (size_t)snprintf(to, to ? n - at : 0, "%s%s%s%s", i ? "; " : "", c->name,
                               c->name[0] ? "=" : "", c->value);
        use(jar, sent[i]);
    }
    return (int)at;
}

int hob_cookies_each(struct hob_cookies *jar, int (*see)(const struct hob_cookie *, void *),
                     void *arg) {
    int64_t now = hob__cookie_now();
    for (struct hob_list *at = jar->used.next; at != &jar->used; at = at->next) {
        const struct hob_cookie *c = &hob__container(at, struct cookie, used)->as_seen;
        int rc = expired(c, now) ? 0 : see(c, arg);
        if (rc != 0) return rc;
    }
    return 0;
}

/* ---- files ---- */

struct saving {
    char *text;
    size_t size;
    FILE *out;
    bool session;
};

static int save_one(const struct hob_cookie *c, void *arg) {
    struct saving *s = arg;
    if (!c->expires && !s->session) return 0;
    fprintf(s->out, "%s%s%s\t%s\t%s\t%s\t%lld\t%s\t%s\n", c->http_only ? "#HttpOnly_" : "",
            c->host_only ? "" : ".", c->domain, c->host_only ? "FALSE" : "TRUE", c->path,
            c->secure ? "TRUE" : "FALSE", (long long)c->expires, c->name, c->value);
    return 0;
}

int hob_cookies_save(struct hob_cookies *jar, const char *path, bool session) {
    struct saving s = {.session = session};
    s.out = open_memstream(&s.text, &s.size);
    if (!s.out) return hob_fail(-ENOMEM, "no memory for saving cookies");
    fputs(file_head, s.out);
    hob_cookies_each(jar, save_one, &s);
    int rc = ferror(s.out) ? -ENOMEM : 0;
    if (fclose(s.out) != 0) rc = -ENOMEM;
    struct hob_file *f = NULL;
    if (rc == 0) rc = hob__replace_open(path, 0600, __func__, &f);
    if (rc == 0) {
        ssize_t n = hob_file_write(f, s.text, s.size);
        rc = n < 0 ? (int)n : hob_file_commit(f);
    }
    if (f) hob_file_close(f);
    free(s.text);
    return rc;
}

/* Seven fields; the value may be empty. False: it is no cookie. */
static bool load_line(char *line, struct hob_cookie *c) {
    char *field[7];
    int n = 0;
    *c = (struct hob_cookie){.http_only = strncmp(line, "#HttpOnly_", 10) == 0};
    if (c->http_only)
        line += 10;
    else if (*line == '#')
        return false;
    while (n < 7 && line) field[n++] = strsep(&line, "\t");
    if (n < 6 || line) return false;
    c->domain = field[0] + (*field[0] == '.');
    c->host_only = strcasecmp(field[1], "TRUE") != 0;
    c->path = field[2];
    c->secure = strcasecmp(field[3], "TRUE") == 0;
    c->expires = strtoll(field[4], NULL, 10);
    c->name = field[5];
    c->value = n == 7 ? field[6] : "";
    for (char *p = field[0]; *p; p++) *p = (char)tolower((unsigned char)*p);
    return *c->domain && *c->path == '/' && strlen(c->domain) < HOST_MAX && *c->name &&
           strlen(c->name) + strlen(c->value) <= HOB_COOKIE_SIZE &&
           (c->host_only || !public_suffix(c->domain)) && hob__cookie_sound(c->name, c->value);
}

int hob_cookies_load(struct hob_cookies *jar, const char *path) {
    enum { LIMIT = 64 << 20 };
    char *text;
    size_t n;
    int rc = hob_read_file(path, &text, &n, LIMIT);
    if (rc < 0) return rc;
    int64_t now = hob__cookie_now();
    for (char *rest = text, *line; rc >= 0 && (line = strsep(&rest, "\n"));) {
        struct hob_cookie c;
        line[strcspn(line, "\r")] = 0;
        if (load_line(line, &c)) rc = put(jar, &c, now);
    }
    hob_file_free(text);
    return rc < 0 ? rc : 0;
}
