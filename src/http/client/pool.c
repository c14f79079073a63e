/* http/client/pool.c - the client's connections: who may have one, which are kept, when they end.
 *
 * A request first takes a slot of its host (when there is a limit per host), then one of the
 * client; both are fair semaphores, so that requests are served in order of arrival and a cancelled
 * wait loses nothing. With both in hand it takes the host's last used idle connection, or makes
 * one. Idle connections hold no slot: when a new one would be one too many, the idle one that was
 * used longest ago ends. A kept connection goes to the list before its slot is given back, so that
 * the next in line finds it.
 *
 * A background task ends idle connections when their time is over. It exists only while there are
 * any, and holds a reference of the client. When the client is closed, it ends them all, in
 * portions, between which others run. */
#include <ctype.h>
#include <hob/buggify.h>
#include <hob/cookies.h>
#include <hob/hob.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "http/client/auth.h"

enum { ENDED_AT_ONCE = 64 }; /* idle connections: about half a millisecond, over TLS two */

/* ---- the client ---- */

void hob__client_ref(struct hob_client *c) { c->refs++; }

void hob__client_unref(struct hob_client *c) {
    if (--c->refs) return;
    for (uint32_t i = 0; i <= c->bucket_mask; i++)
        for (struct hob__host *h = c->buckets[i], *next; h; h = next) {
            next = h->next;
            hob__free(h);
        }
    if (c->buckets != c->few) hob__free(c->buckets);
    hob__free(c->headers);
    hob__free(c->base_url);
    hob__free(c->user_agent);
    hob_cookies_free(c->own_cookies);
    hob__auth_free(c);
    hob__ways_free(&c->network);
    hob__client_secure_free(c);
    hob__free(c);
}

/* One block: the array, then the text. */
static int copy_headers(struct hob_client *c, const struct hob_header *from) {
    size_t count = 0, text = 0;
    for (const struct hob_header *h = from; h && h->name; h++) {
        if (!h->value) continue;
        text += strlen(h->name) + strlen(h->value) + 2;
        count++;
    }
    c->headers = hob__alloc((count + 1) * sizeof *c->headers + text);
    if (!c->headers) return -ENOMEM;
    struct hob_header *to = c->headers;
    char *at = (char *)(to + count + 1);
    for (const struct hob_header *h = from; h && h->name; h++) {
        if (!h->value) continue;
        to->name = strcpy(at, h->name);
        at += strlen(at) + 1;
        to->value = strcpy(at, h->value);
        at += strlen(at) + 1;
        to++;
    }
    *to = (struct hob_header){NULL, NULL};
    return 0;
}

static void set_defaults(struct hob_client_options *o) {
    if (!o->max_connections) o->max_connections = 100;
    if (o->idle_timeout == 0) o->idle_timeout = 15;
    if (o->connect_timeout == 0) o->connect_timeout = 30;
    if (o->tls_timeout == 0) o->tls_timeout = 10;
    if (o->stall_timeout == 0) o->stall_timeout = 60;
    if (o->timeout == 0) o->timeout = INFINITY;
    if (o->pool_timeout == 0) o->pool_timeout = INFINITY;
    if (o->first_byte_timeout == 0) o->first_byte_timeout = o->stall_timeout;
    if (o->retry_delay == 0) o->retry_delay = 0.5;
    if (o->max_retry_delay == 0) o->max_retry_delay = 30;
    if (!o->burst) o->burst = 1;
    if (!o->http2_window) o->http2_window = 256 << 10;
    if (o->http2_window > INT32_MAX) o->http2_window = INT32_MAX;
    if (!o->max_redirects) o->max_redirects = 10;
    if (!o->max_body) o->max_body = 64 << 20;
    if (!o->max_unpacked) o->max_unpacked = 1 << 30;
}

static int set_base(struct hob_client *c, const char *base_url) {
    struct hob_url_error why;
    if (!base_url) return 0;
    c->base_url = hob__strdup(base_url);
    if (!c->base_url) return -ENOMEM;
    int rc = hob_url_parse(c->base_url, strlen(c->base_url), &c->base, &why);
    if (rc < 0)
        return hob_fail(rc, "base URL \"%s\": %s (at byte %zu)", base_url, why.reason, why.at);
    return 0;
}

static uint32_t clip(size_t n) { return n > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)n; }

int hob__client_open(struct hob_client **out, struct hob_client_options options) {
    struct hob_client *c = hob__alloc_zero(sizeof *c);
    *out = NULL;
    if (!c) return hob_fail(-ENOMEM, "no memory for an HTTP client");
    c->refs = 1;
    c->buckets = c->few;
    c->bucket_mask = HOB__CLIENT_BUCKETS - 1;
    c->options = options;
    set_defaults(&c->options);
    if (options.hooks) c->hooks = *options.hooks;
    c->limits = (struct hob__h1_limits){clip(options.max_header_line),
                                        clip(options.max_header_block), clip(options.max_headers)};
    hob__list_init(&c->idle);
    c->slots.free = c->options.max_connections;
    c->user_agent = hob__strdup(options.user_agent ? options.user_agent : "hob/" HOB_VERSION);
    int rc = c->user_agent ? copy_headers(c, options.headers) : -ENOMEM;
    if (rc == 0) rc = set_base(c, options.base_url);
    if (rc == 0) rc = hob__ways_open(&c->network, &options);
    if (rc == 0) rc = hob__auth_open(c, &options);
    if (rc < 0) {
        hob__client_unref(c);
        return rc == -ENOMEM ? hob_fail(rc, "no memory for an HTTP client") : rc;
    }
    *out = c;
    return 0;
}

void hob_client_info(const struct hob_client *client, struct hob_client_info *info) {
    *info = client->info;
}

/* ---- hosts ---- */

static struct hob__host **bucket_of(struct hob_client *c, uint32_t hash) {
    return &c->buckets[hash & c->bucket_mask];
}

static void add_host(struct hob_client *c, struct hob__host *h) {
    struct hob__host **bucket = bucket_of(c, h->hash);
    h->next = *bucket;
    *bucket = h;
}

/* As many buckets as there are hosts: the way to one stays short. Without memory it gets longer. */
static void more_buckets(struct hob_client *c) {
    size_t count = ((size_t)c->bucket_mask + 1) * 2;
    struct hob__host **old = c->buckets, **wider;
    if (count > UINT32_MAX || !(wider = hob__alloc_zero(count * sizeof *wider))) return;
    uint32_t old_mask = c->bucket_mask;
    c->buckets = wider;
    c->bucket_mask = (uint32_t)count - 1;
    for (uint32_t i = 0; i <= old_mask; i++)
        for (struct hob__host *h = old[i], *next; h; h = next) {
            next = h->next;
            add_host(c, h);
        }
    if (old != c->few) hob__free(old);
}

/* Nobody uses it, and nothing of it is to be remembered. */
static bool forgotten(const struct hob__host *h) {
    return h->users == 0 && (h->keep_until == 0 || h->keep_until <= hob_now());
}

static void forget_hosts(struct hob_client *c, uint32_t hash) {
    for (struct hob__host **link = bucket_of(c, hash), *h; (h = *link);) {
        if (forgotten(h)) {
            *link = h->next;
            hob__free(h);
            c->hosts--;
        } else {
            link = &h->next;
        }
    }
}

struct hob__host *hob__pool_host(struct hob_client *c, const struct hob__target *to) {
    const char *address = to->address;
    uint32_t hash = hob__hash(address, 0);
    for (struct hob__host *h = *bucket_of(c, hash); h; h = h->next)
        if (h->tls == to->tls && h->upgrades == to->upgrades && strcmp(h->address, address) == 0 &&
            strcmp(h->via, to->via) == 0)
            return h;
    forget_hosts(c, hash);
    size_t n = strlen(address) + 1;
    struct hob__host *h = hob__alloc_zero(sizeof *h + n + strlen(to->via) + 1);
    if (!h) return NULL;
    strcpy(h->address, address);
    h->via = strcpy(h->address + n, to->via);
    hob__list_init(&h->idle);
    hob__list_init(&h->shared);
    h->slots.free = c->options.max_per_host;
    h->budget = HOB__RETRY_BUDGET;
    h->hash = hash;
    h->tls = to->tls;
    h->upgrades = h->only_h1 = to->upgrades;
    if (++c->hosts > c->bucket_mask) more_buckets(c);
    add_host(c, h);
    return h;
}

void hob__pool_host_unuse(struct hob_client *c, struct hob__host *h) {
    h->users--;
    if (!forgotten(h)) return;
    struct hob__host **link = bucket_of(c, h->hash);
    while (*link != h) link = &(*link)->next;
    *link = h->next;
    hob__free(h);
    c->hosts--;
}

/* ---- idle connections ---- */

static void idle_remove(struct hob_client *c, struct hob__conn *conn) {
    hob__list_remove(&conn->in_host);
    hob__list_remove(&conn->in_client);
    c->info.idle--;
}

static void idle_end(struct hob_client *c, struct hob__conn *conn) {
    idle_remove(c, conn);
    if (conn->h2) { /* its own task closes it */
        hob__h2_end(conn->h2);
        return;
    }
    struct hob__host *h = conn->host;
    hob__pool_drop(conn);
    hob__pool_host_unuse(c, h);
}

static struct hob__conn *oldest(struct hob_client *c) {
    return hob__container(c->idle.next, struct hob__conn, in_client);
}

static void idle_end_some(struct hob_client *c, size_t n) {
    for (; n > 0 && !hob__list_empty(&c->idle); n--) idle_end(c, oldest(c));
}

/* Ends what has been idle for too long, or all that is when the client is closed; sleeps until the
 * next one's time. */
static int reap(struct hob_client *c) {
    int rc = 0;
    while ((rc >= 0 || c->closed) && !hob__list_empty(&c->idle)) {
        struct hob__conn *conn = oldest(c);
        if (c->closed) {
            idle_end_some(c, ENDED_AT_ONCE);
            hob_yield_now(); /* or not: then all at once */
            continue;
        }
        if (conn->idle_until <= hob_now()) {
            idle_end(c, conn);
            continue;
        }
        HOB_SCOPE(s, .deadline = conn->idle_until);
        rc = hob__scope_result(s, hob_event_wait(&c->closing));
        if (rc == -ETIMEDOUT) rc = 0;
    }
    c->reaping = false;
    hob__client_unref(c);
    return 0;
}
HOB_TASK(reap, struct hob_client *)

static void start_reaper(struct hob_client *c) {
    if (c->reaping) return;
    hob__client_ref(c);
    c->reaping = true;
    if (hob_background(reap, c) < 0) {
        c->reaping = false;
        hob__client_unref(c);
    }
}

/* Without memory for the reaper, connections that are too old are found when they are needed. */
static void reap_later(struct hob_client *c) {
    if (oldest(c)->idle_until != UINT64_MAX) start_reaper(c);
}

void hob_client_close(struct hob_client *c) {
    if (!c) return;
    if (c->info.waiting) hob__misuse(__func__, "%zu requests wait in the client", c->info.waiting);
    c->closed = true;
    hob_event_set(&c->closing);
    idle_end_some(c, ENDED_AT_ONCE);
    if (!hob__list_empty(&c->idle)) start_reaper(c);
    if (!c->reaping) idle_end_some(c, SIZE_MAX);
    hob__client_unref(c);
}

size_t hob_client_close_idle(struct hob_client *c, size_t most) {
    idle_end_some(c, most);
    return c->info.idle;
}

void hob__pool_rest(struct hob__conn *conn, uint64_t now) {
    struct hob_client *c = conn->client;
    double seconds = c->options.idle_timeout;
    conn->idle_until = seconds < 1e9 ? now + (uint64_t)(seconds * 1e9) : UINT64_MAX;
    hob__list_append(&c->idle, &conn->in_client);
    c->info.idle++;
    reap_later(c);
}

void hob__pool_unrest(struct hob__conn *conn) {
    hob__list_remove(&conn->in_client);
    conn->client->info.idle--;
}

static void keep(struct hob__conn *conn, uint64_t now) {
    conn->host->users++;
    conn->in_host.next = conn->host->idle.next; /* in front: the warmest is used first */
    conn->in_host.prev = &conn->host->idle;
    conn->host->idle.next->prev = &conn->in_host;
    conn->host->idle.next = &conn->in_host;
    hob__pool_rest(conn, now);
}

struct hob__conn *hob__pool_kept(struct hob_client *c, struct hob__host *host, uint64_t *now) {
    *now = hob_now();
    while (!hob__list_empty(&host->idle)) {
        struct hob__conn *conn = hob__container(host->idle.next, struct hob__conn, in_host);
        if (conn->idle_until <= *now || hob_stream_broken(conn->stream) ||
            hob_buggify("http.pool.stale")) {
            idle_end(c, conn);
            continue;
        }
        idle_remove(c, conn);
        host->users--; /* the request's own use goes on */
        c->info.reused++;
        return conn;
    }
    return NULL;
}

/* ---- slots ---- */

/* With a rate: waits until it is this request's turn. Each takes the next time; up to `burst` of
 * them may lie in the past (the generic cell rate algorithm). */
static int take_turn(struct hob_client *c, struct hob__host *h, uint64_t deadline) {
    if (!(c->options.rate > 0)) return 0;
    uint64_t now = hob_now(), each = (uint64_t)(1e9 / c->options.rate);
    uint64_t turn = h->next_at > now ? h->next_at : now;
    uint64_t early = (c->options.burst - 1) * each;
    h->next_at = h->keep_until = turn + each;
    if (turn <= now + early) return 0;
    HOB_SCOPE(s, .deadline = deadline);
    c->info.waiting++;
    int rc = hob__scope_result(s, hob_sleep_until(turn - early));
    c->info.waiting--;
    if (rc < 0) h->next_at -= each; /* the turn goes to those who come later */
    return rc;
}

static int take_slots(struct hob_client *c, struct hob__host *h, uint64_t deadline) {
    HOB_SCOPE(s, .deadline = deadline);
    int rc = 0;
    c->info.waiting++;
    if (c->options.max_per_host) rc = hob_sem_acquire(&h->slots);
    if (rc == 0) {
        rc = hob_sem_acquire(&c->slots);
        if (rc < 0 && c->options.max_per_host) hob_sem_release(&h->slots);
    }
    c->info.waiting--;
    return hob__scope_result(s, rc);
}

int hob__pool_enter(struct hob_client *c, const struct hob__target *to, uint64_t deadline,
                    bool request, struct hob__host **out) {
    const char *address = to->address;
    struct hob__host *h = hob__pool_host(c, to);
    if (!h) return hob_fail(-ENOMEM, "no memory for a request to %s", address);
    h->users++;
    int rc = request ? take_turn(c, h, deadline) : 0;
    bool turned = rc == 0;
    if (turned) rc = take_slots(c, h, hob__http_deadline(deadline, c->options.pool_timeout));
    if (rc < 0) {
        hob__pool_host_unuse(c, h);
        if (rc != -ETIMEDOUT) return rc;
        if (!turned)
            return hob_fail(rc, "the time for the request to %s was over before its turn came",
                            address);
        return hob_fail(rc,
                        "the time for the request to %s was over before one of the %zu "
                        "connections became free",
                        address, c->options.max_connections);
    }
    c->info.in_use++;
    *out = h;
    return 0;
}

void hob__pool_leave(struct hob_client *c, struct hob__host *host, struct hob__conn *conn,
                     uint64_t now) {
    if (conn && !c->closed && c->options.idle_timeout > 0)
        keep(conn, now);
    else if (conn)
        hob__pool_drop(conn);
    c->info.in_use--;
    hob_sem_release(&c->slots);
    if (c->options.max_per_host) hob_sem_release(&host->slots);
    hob__pool_host_unuse(c, host);
}

int hob__pool_connect(struct hob_client *c, struct hob__host *host, const struct hob__route *route,
                      struct hob__marks *m, uint64_t deadline, struct hob__conn **out) {
    while (c->info.in_use + c->info.idle > c->options.max_connections && !hob__list_empty(&c->idle))
        idle_end(c, oldest(c));
    struct hob__conn *conn = hob__alloc_zero(sizeof *conn);
    if (!conn) return hob_fail(-ENOMEM, "no memory for a connection to %s", host->address);
    conn->client = c;
    conn->host = host;
    hob__list_init(&conn->in_host);
    hob__list_init(&conn->in_client);
    int rc = hob__dial(c, host, route, m, deadline, &conn->stream);
    if (rc < 0) {
        hob__free(conn);
        return rc;
    }
    c->info.opened++;
    bool http2 = host->tls ? hob__agreed_http2(conn->stream) : hob__pool_may_share(c, host);
    if (http2) rc = hob__pool_share(conn);
    if (rc == 0) *out = conn;
    return rc;
}

void hob__pool_drop(struct hob__conn *conn) {
    hob_close(conn->stream);
    hob__free(conn);
}
