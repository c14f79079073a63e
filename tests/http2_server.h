/* http2_server.h - a server of HTTP/2 with routes, and tests around it: each begins with a
 * listener, a server and a client, and ends with nothing left of them. */
#ifndef HOB_HTTP2_SERVER_H
#define HOB_HTTP2_SERVER_H
#include "h2_peer.h"
#include "no_watchdog.h"

static struct {
    int active, most, cancelled, done;
    char head[512];
} seen;

static int file = -1; /* 200000 bytes, of which each says where it is */

static inline int stream_out(struct hob_request *req, size_t total) {
    static char block[10000];
    memset(block, 's', sizeof block);
    HOB_TRY(hob_respond_begin(req, 200, NULL, -1));
    for (size_t n = 0; n < total; n += sizeof block)
        HOB_TRY(hob_respond_write(req, block, total - n < sizeof block ? total - n : sizeof block));
    return hob_respond_end_with(req, HOB_HEADERS({"x-trailer", "last"}));
}

/* n headers of every kind, of which some have no place in HTTP/2. */
static inline int answer_with(struct hob_request *req, int n) {
    static char name[72][32];
    struct hob_header headers[80] = {{"X-UPPER", "\t spaces around \t"},
                                     {"Keep-Alive", "timeout=5"},
                                     {"Upgrade", "h2c"},
                                     {"Connection", "x-upper"},
                                     {"TE", "gzip"},
                                     {"x-empty", ""},
                                     {"Server", " mine"},
                                     {"Date", "never"}};
    for (int i = 8; i < n; i++) {
        snprintf(name[i - 8], sizeof name[0], "X-Number-%d", i);
        headers[i] = (struct hob_header){name[i - 8], name[i - 8] + 2};
    }
    return hob_respond(req, 200, headers, "x", 1);
}

static inline int routes(struct hob_request *req) {
    const char *path = hob_request_path(req);
    const char *data;
    size_t n;
    if (strcmp(path, "/echo") == 0) {
        HOB_TRY(hob_request_body(req, &data, &n));
        return hob_respond(req, 200, HOB_HEADERS({"X-Echo", "yes"}), data, n);
    }
    if (strcmp(path, "/trailers") == 0) {
        HOB_TRY(hob_request_body(req, &data, &n));
        const char *t = hob_request_trailer(req, "X-After");
        return hob_respond_text(req, 200, "text/plain", t ? t : "none");
    }
    if (strcmp(path, "/stream") == 0) return stream_out(req, 3000000);
    if (strcmp(path, "/whole") == 0) {
        static char whole[3000000];
        return hob_respond(req, 200, NULL, whole, sizeof whole);
    }
    if (strcmp(path, "/slow") == 0) HOB_TRY(hob_sleep(0.02));
    if (strncmp(path, "/until/", 7) == 0) /* so many are there at once; some ten seconds at most */
        for (int left = 10000; seen.most < atoi(path + 7) && left > 0; left--)
            HOB_TRY(hob_sleep(0.001));
    if (strcmp(path, "/hang") == 0) HOB_TRY(hob_sleep(1000));
    if (strcmp(path, "/stubborn") == 0) { /* which takes its time when it is cancelled */
        int rc = hob_sleep(1000);
        (void)hob_shielded(hob_sleep(0.5));
        return rc;
    }
    if (strcmp(path, "/keep") == 0) {
        hob_request_keep_running(req, true);
        HOB_TRY(hob_sleep(0.05));
        seen.done++;
    }
    if (strncmp(path, "/fields/", 8) == 0) return answer_with(req, atoi(path + 8));
    if (strcmp(path, "/none") == 0) return hob_respond(req, 204, NULL, NULL, 0);
    if (strcmp(path, "/early") == 0)
        HOB_TRY(hob_respond_interim(req, 103, HOB_HEADERS({"link", "</a>"})));
    if (strcmp(path, "/fails") == 0) return hob_fail(-EIO, "as it should");
    if (strcmp(path, "/half") == 0) {
        HOB_TRY(hob_respond_begin(req, 200, NULL, 100));
        HOB_TRY(hob_respond_write(req, "half", 4));
        return hob_fail(-EIO, "in the middle");
    }
    if (strcmp(path, "/file") == 0) {
        HOB_TRY(hob_respond_begin(req, 200, NULL, 150000));
        HOB_TRY(hob_respond_write_file(req, file, 50000, 150000));
        return hob_respond_end(req);
    }
    snprintf(seen.head, sizeof seen.head, "%s %s %s host=%s cookie=%s v=%d size=%lld %s",
             hob_request_method(req), hob_request_target(req), hob_request_scheme(req),
             hob_request_host(req),
             hob_request_header(req, "cookie") ? hob_request_header(req, "cookie") : "-",
             hob_request_version(req), (long long)hob_request_size(req),
             hob_request_header(req, "host") ? hob_request_header(req, "host") : "-");
    return hob_respond_text(req, 200, "text/plain", hob_request_target(req));
}

static inline int serve(struct hob_request *req, void *arg) {
    (void)arg;
    if (++seen.active > seen.most) seen.most = seen.active;
    int rc = routes(req);
    seen.active--;
    seen.cancelled += rc == -ECANCELED;
    return rc;
}

static struct hob_http_counters counters;

/* So many handlers run; they may take a while to begin, or to end, on a busy machine. */
static inline void await_active(int n) {
    for (int i = 0; i < 2000 && seen.active != n; i++) CHECK_EQ(hob_sleep(0.005), 0);
    CHECK_EQ(seen.active, n);
}

/* A test with a server at `l`, and a client `c`. */
#define SERVER_TEST(name, ...)                                                                     \
    static int body_##name(struct hob_listener *l, struct hob_client *c, struct hob_scope *s);     \
    static int around_##name(struct hob_listener *l, struct hob_scope *s) {                        \
        HOB_CLIENT(c, .http2_prior_knowledge = true);                                              \
        return body_##name(l, c, s);                                                               \
    }                                                                                              \
    CLEAN_TEST(name) {                                                                             \
        hob_set_report(fail_at_deadlock, NULL);                                                    \
        HOB_SCOPE(s);                                                                              \
        struct hob_listener *l = listening();                                                      \
        struct hob_http_options o = {.counters = &counters, ##__VA_ARGS__};                        \
        hob_spawn(s, hob_http_serve, l, serve, NULL, o);                                           \
        CHECK_EQ(around_##name(l, s), 0);                                                          \
        hob_scope_cancel(s);                                                                       \
        CHECK_EQ(hob_join(s), 0);                                                                  \
        hob_listener_close(l);                                                                     \
        CHECK_EQ(seen.active, 0);                                                                  \
        CHECK_EQ(counters.connections, 0);                                                         \
        return 0;                                                                                  \
    }                                                                                              \
    static int body_##name(struct hob_listener *l __attribute__((unused)),                         \
                           struct hob_client *c __attribute__((unused)),                           \
                           struct hob_scope *s __attribute__((unused)))

static inline int get(struct hob_client *c, const char *url) {
    struct hob_body body;
    int rc = hob_get(c, url, &body);
    hob_body_free(&body);
    return rc;
}
static inline int get_into(struct hob_client *c, const char *url, int *result) {
    int rc = *result = get(c, url);
    return rc == -ECANCELED ? rc : 0;
}
HOB_TASK(get_into, struct hob_client *, const char *, int *)

static inline int echo(struct hob_client *c, const char *url, const char *data, size_t n) {
    struct hob_body body;
    int rc = hob_post(c, url, "text/plain", data, n, &body);
    if (rc == 200) CHECK(body.size == n && memcmp(body.data, data, n) == 0);
    hob_body_free(&body);
    return rc;
}
HOB_TASK(echo, struct hob_client *, const char *, const char *, size_t)

#endif
