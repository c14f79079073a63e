/* io/dns/dns.c - the front of the resolver: hosts to addresses, by what is known without asking,
 * files, the cache, and the source. See dns.h. */
#include "io/dns/dns.h"

#include <arpa/inet.h>
#include <hob/error.h>
#include <hob/task.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "task/fdwait.h"
#include "task/task.h"

enum { CACHE_ENTRIES = 1024, MAX_TTL = 86400, NEGATIVE_TTL = 30, QUERIES = 256 };

/* ---- the loop's resolver ---- */

static void drop(struct hob__loop_data *d) {
    struct hob__dns *dns = (struct hob__dns *)(void *)d; /* its first member */
    dns->closing = true;
    dns->source->close(dns);
    hob__queries_free(dns);
    hob__hosts_free(&dns->hosts);
    hob__free(dns->texts);
    hob__free(dns);
}

const struct hob__dns_source *hob__dns_simulated;

/* In a simulated world names are the world's, too; it has no files of its own for them. */
static bool simulated(void) {
    return hob__dns_simulated && hob__loop->backend.ops == hob__backend_simulated;
}

static const struct hob__dns_source *choose(const struct hob_dns_options *o) {
    const struct hob__dns_source *world = simulated() ? hob__dns_simulated : NULL;
#ifdef HAVE_CARES
    bool ares = !o->system;
    if (world) ares = ares && o->servers && world->has_server(&hob__loop->backend, o->servers);
    if (ares) return &hob__dns_ares;
#else
    (void)o;
#endif
    return world ? world : &hob__dns_system;
}

static void fill_in(struct hob_dns_options *o) {
    if (o->cache_entries == 0) o->cache_entries = CACHE_ENTRIES;
    if (o->max_ttl == 0) o->max_ttl = MAX_TTL;
    if (o->negative_ttl == 0) o->negative_ttl = NEGATIVE_TTL;
    if (o->queries == 0) o->queries = QUERIES;
    if (!o->hosts && simulated()) o->hosts = "";
    if (!o->resolv_conf && simulated()) o->resolv_conf = "/dev/null";
}

struct hob__dns *hob__dns_current(void) {
    struct hob__dns *dns = (struct hob__dns *)(void *)hob__loop_data(HOB__LOOP_RESOLVER);
    if (dns) return dns;
    dns = hob__alloc_zero(sizeof *dns);
    if (!dns) return NULL;
    dns->data.drop = drop;
    dns->backend = &hob__loop->backend;
    fill_in(&dns->options);
    dns->source = choose(&dns->options);
    hob__list_init(&dns->queued);
    hob__list_init(&dns->kept);
    hob__loop_data_set(HOB__LOOP_RESOLVER, &dns->data);
    return dns;
}

const char *hob__dns_resolv_conf(const struct hob__dns *dns) {
    return dns->options.resolv_conf ? dns->options.resolv_conf : "/etc/resolv.conf";
}

/* Copies one text of the options behind the others. */
static void keep_text(const char **text, char **at) {
    if (!*text) return;
    size_t n = strlen(*text) + 1;
    memcpy(*at, *text, n);
    *text = *at;
    *at += n;
}

/* "192.0.2.1, [2001:db8::1]:5353": each is an address, with a port or without. */
static int check_servers(const char *text) {
    const char *p = text;
    int n = 0;
    while (*p) {
        char one[HOB_ADDRESS_TEXT];
        struct hob_address a;
        size_t length = strcspn(p, ", ");
        if (length >= sizeof one) return hob_fail(-EINVAL, "servers '%.200s': too long", text);
        memcpy(one, p, length);
        one[length] = 0;
        p += length + strspn(p + length, ", ");
        if (length == 0) continue;
        n++;
        if (strchr(one, '%')) /* c-ares keeps no interface with a server */
            return hob_fail(-EINVAL, "servers '%.200s': '%s' names an interface", text, one);
        if (hob_address_parse_host(one, 53, &a) == 0) continue;
        if (one[0] == '[' && one[length - 1] == ']') {
            one[length - 1] = 0;
            if (hob_address_parse_host(one + 1, 53, &a) == 0) continue;
        } else if (one[0] != ':' && strncmp(one, "[]", 2) != 0 && hob_address_parse(one, &a) == 0) {
            continue; /* with a port; without a host it would be this machine's every address */
        }
        return hob_fail(-EINVAL, "servers '%.200s': '%s' is not an address", text, one);
    }
    return n > 0 ? 0 : hob_fail(-EINVAL, "servers '%.200s': none", text);
}

/* In place, as c-ares wants it: nothing but a comma between two of them, brackets only in front of
 * a port. */
static void tidy_servers(char *text) {
    char *out = text;
    for (const char *p = text + strspn(text, ", "); *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ", ");
        bool bare = *p == '[' && p[n - 1] == ']';
        if (out > text) *out++ = ',';
        memmove(out, p + bare, n - 2 * bare);
        out += n - 2 * bare;
        p += n;
    }
    *out = 0;
}

int hob_dns_configure(const struct hob_dns_options *options) {
    hob__current(__func__);
    struct hob_dns_options o = *options;
    if (isnan(o.timeout) || o.timeout < 0 || o.timeout > 3600 || o.attempts > 100)
        return hob_fail(-EINVAL, "names with .timeout = %g (0 to 3600), .attempts = %u (0 to 100)",
                        o.timeout, o.attempts);
    if (o.servers) HOB_TRY(check_servers(o.servers));
    struct hob__dns *dns = hob__dns_current();
    if (!dns) return -ENOMEM;
    size_t size = 1;
    const char **texts[] = {&o.servers, &o.hosts, &o.resolv_conf};
    for (int i = 0; i < 3; i++) size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    char *copy = hob__alloc(size), *at = copy;
    if (!copy) return -ENOMEM;
    for (int i = 0; i < 3; i++) keep_text(texts[i], &at);
    if (o.servers) tidy_servers(copy); /* the first of them */
    fill_in(&o);
    dns->options = o;
    hob__free(dns->texts);
    dns->texts = copy;
    const struct hob__dns_source *source = choose(&o);
    dns->source->close(dns);
    dns->source = source;
    dns->resolv_seen = 0;
    hob__hosts_free(&dns->hosts);
    hob__dns_forget(dns);
    hob__dns_pump(dns);
    return 0;
}

void hob_dns_flush(void) {
    hob__current(__func__);
    struct hob__dns *dns = hob__dns_current();
    if (!dns) return; /* without memory nothing has been kept */
    hob__dns_forget(dns);
    dns->hosts.seen = dns->resolv_seen = 0;
}

int hob_dns_info(struct hob_dns_info *info) {
    hob__current(__func__);
    struct hob__dns *dns = hob__dns_current();
    if (!dns) return -ENOMEM;
    *info = dns->info;
    info->resolver = dns->source->name;
    info->cached = dns->kept_count;
    info->pending = dns->queued_count + dns->running;
    return 0;
}

/* ---- names ---- */

/* In lower case, ended; 0, or HOB_E_NAME: it is no host name (RFC 1123 section 2.1, and '_'). */
static int check_name(const char *host, char name[HOB__DNS_NAME]) {
    size_t n = 0, label = 0;
    for (; host[n]; n++) {
        char c = host[n];
        if (n == HOB__DNS_NAME - 2) return hob_fail(HOB_E_NAME, "host '%.60s...': too long", host);
        if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (c == '.' ? label == 0 : (!good || ++label > 63))
            return hob_fail(HOB_E_NAME, "host '%s': not a host name%s", host,
                            (unsigned char)c >= 0x80 ? " (give the xn-- form)" : "");
        if (c == '.') label = 0;
        name[n] = c;
    }
    name[n] = 0;
    return n > 0 ? 0 : hob_fail(HOB_E_NAME, "host '': empty");
}

/* Does the name end with that label (a dot behind it does not count)? */
static bool ends_with(const char *name, const char *label) {
    size_t n = strlen(name), l = strlen(label);
    if (n > 0 && name[n - 1] == '.') n--;
    if (n < l || strncasecmp(name + n - l, label, l) != 0) return false;
    return n == l || name[n - l - 1] == '.';
}

bool hob__dns_is_localhost(const char *host) { return ends_with(host, "localhost"); }

void hob__candidate_add(struct hob__candidates *c, int family, const void *bytes, uint32_t scope,
                        uint32_t ttl) {
    struct hob__candidate new = {.to.ip.any.sa_family = (sa_family_t)family, .ttl = ttl};
    if (family == AF_INET) {
        memcpy(&new.to.ip.v4.sin_addr, bytes, 4);
    } else {
        memcpy(&new.to.ip.v6.sin6_addr, bytes, 16);
        new.to.ip.v6.sin6_scope_id = scope;
    }
    for (unsigned i = 0; i < c->n; i++) {
        struct hob_address known = c->list[i].to;
        hob_address_set_port(&known, 0);
        if (hob_address_equal(&known, &new.to)) return;
    }
    if (c->n < HOB__CANDIDATES) c->list[c->n++] = new;
}

/* ---- lookups ---- */

static void add_loopback(int family, struct hob__candidates *c) {
    struct in_addr v4 = {htonl(INADDR_LOOPBACK)};
    if (family != AF_INET6) hob__candidate_add(c, AF_INET, &v4, 0, UINT32_MAX);
    if (family != AF_INET) hob__candidate_add(c, AF_INET6, &in6addr_loopback, 0, UINT32_MAX);
}

/* What needs no asking: 1 when that is all, 0 when it is to be asked for, or an error. */
static int look_nearby(struct hob__lookup *l, const char *name, int family,
                       struct hob__candidates *c) {
    if (hob__dns_is_localhost(name)) {
        add_loopback(family, c);
        return 1;
    }
    if (ends_with(name, "invalid") || ends_with(name, "onion")) return 1;
    struct hob__dns *dns = hob__dns_current();
    if (!dns) return -ENOMEM;
    char plain[HOB__DNS_NAME];
    size_t n = strlen(name);
    memcpy(plain, name, n + 1);
    if (n > 1 && plain[n - 1] == '.') plain[n - 1] = 0;
    int rc = hob__hosts_find(dns, plain, family, c);
    if (rc <= 0) return rc;
    dns->info.from_hosts++;
    if (c->n == 0) l->words = "the hosts file lists no such address";
    return 1;
}

static int ask(struct hob__lookup *l, const char *name, int family) {
    struct hob__dns *dns = hob__dns_current();
    static const enum hob__dns_type types[] = {
        [HOB__ASK_V6] = HOB__DNS_AAAA, [HOB__ASK_V4] = HOB__DNS_A};
    static const int families[] = {[HOB__ASK_V6] = AF_INET6, [HOB__ASK_V4] = AF_INET};
    for (int i = 0; i < HOB__ASKS; i++) {
        if (family && family != families[i]) continue;
        l->ask[i].q = hob__query_ask(dns, name, types[i]);
        if (!l->ask[i].q) {
            hob__lookup_end(l);
            return -ENOMEM;
        }
        l->ask[i].status = HOB__ASK_PENDING;
    }
    hob__dns_pump(dns);
    return 0;
}

int hob__lookup_begin(struct hob__lookup *l, const char *host, int family,
                      struct hob__candidates *c) {
    *l = (struct hob__lookup){.host = host, .words = "no such host"};
    for (int i = 0; i < HOB__ASKS; i++) l->ask[i].status = HOB__ASK_NONE;
    struct hob_address a;
    if (hob_address_parse_host(host, 0, &a) == 0) {
        l->words = "an address of the other family";
        if (!family || a.ip.any.sa_family == family)
            c->list[c->n++] = (struct hob__candidate){.to = a, .ttl = UINT32_MAX};
        return 0;
    }
    char name[HOB__DNS_NAME];
    int rc = check_name(host, name);
    if (rc == 0) rc = look_nearby(l, name, family, c);
    if (rc == 0) rc = ask(l, name, family);
    return rc < 0 ? rc : 0;
}

/* The rest of its time in seconds. */
static uint32_t ttl_left(const struct hob__query *q) {
    uint64_t now = hob_now();
    return q->expires > now ? (uint32_t)((q->expires - now + 999999999) / 1000000000) : 0;
}

static void take_answer(struct hob__ask *a, struct hob__candidates *c) {
    struct hob__query *q = a->q;
    a->status = q->status;
    a->words = q->words;
    int family = q->type == HOB__DNS_AAAA ? AF_INET6 : AF_INET;
    size_t size = family == AF_INET6 ? 16 : 4;
    uint8_t turn = q->turn++;
    for (unsigned i = 0; i < q->count; i++)
        hob__candidate_add(c, family, (char *)q->answer + (turn + i) % q->count * size, 0,
                           ttl_left(q));
    a->q = NULL;
    hob__query_unref(q);
}

bool hob__lookup_collect(struct hob__lookup *l, struct hob__candidates *c) {
    bool any = false;
    for (int i = 0; i < HOB__ASKS; i++) {
        struct hob__query *q = l->ask[i].q;
        if (!q || q->state != HOB__QUERY_DONE) continue;
        take_answer(&l->ask[i], c);
        any = true;
    }
    return any;
}

bool hob__lookup_pending(const struct hob__lookup *l) {
    return l->ask[HOB__ASK_V6].q != NULL || l->ask[HOB__ASK_V4].q != NULL;
}

void hob__lookup_link(struct hob__lookup *l, struct hob_waiter *w) {
    for (int i = 0; i < HOB__ASKS; i++) {
        struct hob__ask *a = &l->ask[i];
        if (!a->q) continue;
        a->waiter.task = hob_self();
        hob__link(&a->q->askers, &a->waiter, w);
    }
}

void hob__lookup_unlink(struct hob__lookup *l) {
    for (int i = 0; i < HOB__ASKS; i++)
        if (l->ask[i].q) hob__unlink(&l->ask[i].waiter);
}

void hob__lookup_end(struct hob__lookup *l) {
    for (int i = 0; i < HOB__ASKS; i++) {
        if (l->ask[i].q) hob__query_unref(l->ask[i].q);
        l->ask[i].q = NULL;
    }
}

int hob__lookup_failed(const struct hob__lookup *l) {
    int rc = HOB_E_NAME;
    const char *words = l->words;
    for (int i = 0; i < HOB__ASKS; i++) {
        const struct hob__ask *a = &l->ask[i];
        /* That a server could not tell is more than that another one says no. */
        if (a->status >= 0 || (a->status == HOB_E_NAME && rc != HOB_E_NAME)) continue;
        rc = a->status;
        words = a->words;
    }
    return hob_fail(rc, "host '%s': %s", l->host, words);
}

/* Sleeps until every query of the lookup has its answer. */
static int await_all(struct hob__lookup *l, struct hob__candidates *c) {
    hob__lookup_collect(l, c);
    while (hob__lookup_pending(l)) {
        struct hob_waiter w = {.data = NULL};
        hob__lookup_link(l, &w);
        int rc = hob__wait_any(&w, UINT64_MAX, "lookup", l->host, HOB__WAIT_NAMED);
        hob__lookup_unlink(l);
        if (rc < 0) {
            hob__lookup_end(l);
            return rc;
        }
        hob__lookup_collect(l, c);
    }
    return 0;
}

int hob_resolve(const char *host, int family, struct hob_found *out, int max) {
    HOB_TRY(hob__io_point(__func__));
    if (!host || max < 1 || (family && family != AF_INET && family != AF_INET6))
        return hob_fail(-EINVAL, "host '%s': at most %d addresses of family %d",
                        host ? host : "(NULL)", max, family);
    struct hob__lookup l;
    struct hob__candidates c;
    c.n = 0;
    HOB_TRY(hob__lookup_begin(&l, host, family, &c));
    HOB_TRY(await_all(&l, &c));
    if (c.n == 0) return hob__lookup_failed(&l);
    /* The loopback stands in its own order: most servers listen on the first. */
    if (!hob__dns_is_localhost(host)) hob__candidates_sort(&hob__loop->backend, &c, AF_UNSPEC);
    int n = (int)c.n < max ? (int)c.n : max;
    for (int i = 0; i < n; i++) out[i] = (struct hob_found){c.list[i].to, c.list[i].ttl};
    return n;
}

/* ---- from the address to the name ---- */

/* RFC 1035 section 3.5, RFC 3596 section 2.5. */
static void arpa_name(const struct hob_address *a, char name[HOB__DNS_NAME]) {
    const uint8_t *ip = (const uint8_t *)&a->ip.v4.sin_addr;
    if (a->ip.any.sa_family == AF_INET6) {
        ip = a->ip.v6.sin6_addr.s6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(&a->ip.v6.sin6_addr)) {
            char *p = name;
            for (int i = 15; i >= 0; i--, p += 4)
                snprintf(p, 5, "%x.%x.", ip[i] & 15u, (unsigned)ip[i] >> 4);
            memcpy(p, "ip6.arpa", sizeof "ip6.arpa");
            return;
        }
        ip += 12;
    }
    snprintf(name, HOB__DNS_NAME, "%u.%u.%u.%u.in-addr.arpa", ip[3], ip[2], ip[1], ip[0]);
}

static int write_name(const char *name, char *out, size_t n) {
    size_t length = strlen(name), most = length < n ? length : n ? n - 1 : 0;
    memcpy(out, name, most);
    if (n > 0) out[most] = 0;
    return (int)length;
}

/* Sleeps until the query has its answer. A reference is given up. */
static int await_name(struct hob__query *q, char *name, size_t n) {
    while (q->state != HOB__QUERY_DONE) {
        struct hob_waiter w = {.data = NULL}, mine = {.task = hob_self()};
        hob__link(&q->askers, &mine, &w);
        int rc = hob__wait_any(&w, UINT64_MAX, "lookup", q->name, HOB__WAIT_NAMED);
        hob__unlink(&mine);
        if (rc < 0) {
            hob__query_unref(q);
            return rc;
        }
    }
    int rc = q->status;
    if (rc == 0)
        rc = write_name(q->answer, name, n);
    else
        rc = hob_fail(rc, "%s: %s", q->name, q->words);
    hob__query_unref(q);
    return rc;
}

int hob_resolve_address(const struct hob_address *a, char *name, size_t n) {
    HOB_TRY(hob__io_point(__func__));
    if (hob_address_size(a) == 0) return hob_fail(-EINVAL, "no name of what is no address");
    struct hob__dns *dns = hob__dns_current();
    if (!dns) return -ENOMEM;
    const char *known = hob__hosts_name(dns, a);
    if (known) {
        dns->info.from_hosts++;
        return write_name(known, name, n);
    }
    char arpa[HOB__DNS_NAME];
    arpa_name(a, arpa);
    struct hob__query *q = hob__query_ask(dns, arpa, HOB__DNS_PTR);
    if (!q) return -ENOMEM;
    hob__dns_pump(dns);
    return await_name(q, name, n);
}
