/* sim_http_test.c - the HTTP client in simulated worlds: lossy links, partitions, servers that
 * crash and come back, every fault that a seed has. Whatever happens, an answer is the right one,
 * or there is a named error; no event is lost or told twice; a download is whole; a POST is never
 * done twice; a message of a WebSocket comes as it was sent, in order; and the client's counts come
 * back to nothing. */
#include <hob/download.h>
#include <hob/error.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <hob/sim.h>
#include <hob/sse.h>
#include <hob/websocket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK HOB_SIM_CHECK

enum { SIZE = 100000, REQUESTS = 150 };

static char byte_at(int64_t i) { return (char)(i * 31 + (i >> 8)); }

/* What the world saw the server do: not lost in a crash. */
static struct { int posts[REQUESTS]; } seen;

static void silent(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind, (void)text, (void)arg;
}

/* ---- the server ---- */

static int give_file(struct hob_request *req) {
    static char bytes[SIZE];
    const char *range = hob_request_header(req, "range");
    long long from = 0;
    char said[100];
    for (int i = 0; i < SIZE; i++) bytes[i] = byte_at(i);
    if (range) CHECK(sscanf(range, "bytes=%lld-", &from) == 1);
    snprintf(said, sizeof said, "bytes %lld-%d/%d", from, SIZE - 1, SIZE);
    if (from >= SIZE)
        return hob_respond(req, 416, HOB_HEADERS({"Content-Range", "bytes */100000"}), "", 0);
    const struct hob_header *headers = HOB_HEADERS({"ETag", "\"1\""}, {"Content-Range", said});
    return hob_respond(req, range ? 206 : 200, headers, bytes + from, (size_t)(SIZE - from));
}

static int give_events(struct hob_request *req) {
    const char *id = hob_request_header(req, "last-event-id");
    int n = id ? atoi(id) + 1 : 1;
    char text[100];
    if (n > 50) return hob_respond(req, 204, NULL, NULL, 0);
    HOB_TRY(hob_respond_begin(req, 200, HOB_HEADERS({"Content-Type", "text/event-stream"}), -1));
    for (; n <= 50; n++) {
        int size = snprintf(text, sizeof text, "id: %d\ndata: %d\nretry: 50\n\n", n, n);
        HOB_TRY(hob_respond_write(req, text, (size_t)size));
        HOB_TRY(hob_sleep(0.01 * hob_sim_uniform()));
    }
    return hob_respond_end(req);
}

static int echo(struct hob_request *req) {
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    HOB_TRY(hob_websocket_accept(req, &ws, .deflate = true, .ping_interval = 1, .ping_timeout = 1,
                                 .send_timeout = 2, .close_timeout = 1));
    while (HOB_TRY(hob_websocket_receive(ws, &m)) > 0)
        HOB_TRY(hob_websocket_send(ws, m.kind, m.data, m.size));
    return 0;
}

static int answer(struct hob_request *req, void *arg) {
    const char *path = hob_request_path(req), *body;
    char text[200];
    size_t n;
    (void)arg;
    if (strcmp(path, "/file") == 0) return give_file(req);
    if (strcmp(path, "/events") == 0) return give_events(req);
    if (strcmp(path, "/echo") == 0) return echo(req);
    if (strcmp(hob_request_method(req), "POST") == 0) seen.posts[atoi(hob_request_query(req))]++;
    HOB_TRY(hob_request_body(req, &body, &n));
    HOB_TRY(hob_sleep(0.005 * hob_sim_uniform()));
    int size = snprintf(text, sizeof text, "%s %zu", hob_request_target(req), n);
    return hob_respond(req, 200, NULL, text, (size_t)size);
}

static int server(void) {
    struct hob_listener *l;
    int rc;
    hob_set_report(silent, NULL);
    while ((rc = hob_listen(":80", &l)) < 0)
        if (hob_sleep(0.01) < 0) return rc;
    rc = hob_http_serve(l, answer, NULL, (struct hob_http_options){.stall_timeout = 5});
    hob_listener_close(l);
    return rc;
}
HOB_TASK(server)

/* ---- errors that such a world may give ---- */

static bool named(int rc) {
    switch (rc) {
    case -ECONNREFUSED:
    case -ECONNRESET:
    case -EPIPE:
    case -ETIMEDOUT:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -ENOBUFS:
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
    case HOB_E_HTTP_CUT:
        return true;
    default:
        return false;
    }
}

static void counts(struct hob_client *c) {
    struct hob_client_info info;
    hob_client_info(c, &info);
    CHECK(info.in_use == 0 && info.waiting == 0);
}

static int one_request(struct hob_client *c, int i) {
    char path[60], want[100];
    const char *data;
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    bool post = i % 3 == 0;
    static char body[20000];
    size_t n = post ? (size_t)i * 130 : 0;
    snprintf(path, sizeof path, "/%s?%d", post ? "post" : "get", i);
    int rc = hob_client_request(c, post ? "POST" : "GET", path, &res, .body = body, .body_size = n);
    if (rc == 0) rc = hob_response_body(res, &data, NULL);
    if (rc < 0) {
        if (!named(rc)) HOB_SIM_FAIL("%s: %d %s", path, rc, hob_strerror(rc));
        return 0;
    }
    snprintf(want, sizeof want, "%s %zu", path, n);
    if (strcmp(data, want) != 0) HOB_SIM_FAIL("%s: %s, not %s", path, data, want);
    return 1;
}

static int some_requests(struct hob_client *c, int from, int *right) {
    for (int i = from; i < REQUESTS; i += 3) {
        *right += one_request(c, i);
        HOB_TRY(hob_check());
    }
    return 0;
}
HOB_TASK(some_requests, struct hob_client *, int, int *)

static int requests(const char *host) {
    char base[64];
    int right = 0;
    snprintf(base, sizeof base, "http://%s/", host);
    HOB_CLIENT(c, .base_url = base, .timeout = 20, .stall_timeout = 3, .connect_timeout = 3,
               .retries = 4, .max_connections = 2);
    {
        HOB_SCOPE(s);
        for (int i = 0; i < 3; i++) hob_spawn(s, some_requests, c, i, &right);
        HOB_TRY(hob_join(s));
    }
    counts(c);
    for (int i = 0; i < REQUESTS; i++) CHECK(seen.posts[i] <= 1);
    hob_sim_log("%d answers", right);
    return 0;
}
HOB_TASK(requests, const char *)

/* ---- what troubles them ---- */

static int trouble(struct hob_sim_host *a, struct hob_sim_host *b, double seconds) {
    uint64_t until = hob_after(seconds);
    while (hob_now() < until) {
        HOB_TRY(hob_sleep(0.3 * hob_sim_uniform()));
        switch (hob_sim_random(4)) {
        case 0:
            hob_sim_partition(a, b);
            HOB_TRY(hob_sleep(hob_sim_uniform()));
            hob_sim_heal(a, b);
            break;
        case 1:
            hob_sim_clog(a, b, 0.5 * hob_sim_uniform());
            break;
        case 2:
            hob_sim_crash(a);
            HOB_TRY(hob_sleep(0.2 * hob_sim_uniform()));
            HOB_TRY(hob_sim_restart(a, server));
            break;
        default:
            hob_sim_link(a, b, .delay = 0.01 * hob_sim_uniform(), .jitter = 0.002,
                         .loss = 0.1 * hob_sim_uniform());
        }
    }
    hob_sim_heal(a, b);
    hob_sim_link(a, b, .delay = 0.001);
    return 0;
}

static int with_trouble(struct hob_sim_host *s, struct hob_sim_host *c) {
    HOB_TRY(trouble(s, c, 3));
    int rc = hob_sim_wait(c);
    if (rc < 0) HOB_SIM_FAIL("the client: %d %s", rc, hob_strerror(rc));
    return 0;
}

HOB_SIM_TEST(answers_are_right_or_errors_have_names) {
    struct hob_sim_host *s = hob_sim_host("server", server);
    return with_trouble(s, hob_sim_host("client", requests, hob_sim_address(s)));
}

/* ---- a stream of events ---- */

static int listen_to_events(const char *host) {
    char url[64];
    snprintf(url, sizeof url, "http://%s/events", host);
    HOB_CLIENT(c, .stall_timeout = 2, .connect_timeout = 2);
    {
        HOB_SSE(events);
        struct hob_sse_event e;
        int rc;
        while ((rc = hob_sse_open(&events, c, url, .max_retry = 1)) == -ENOMEM)
            HOB_TRY(hob_sleep(0.01));
        HOB_TRY(rc);
        for (int i = 1; i <= 50; i++) {
            rc = hob_sse_next(events, &e);
            if (rc != 1) HOB_SIM_FAIL("event %d: %d %s", i, rc, hob_strerror(rc));
            CHECK(atoi(e.data) == i && atoi(e.id) == i);
        }
        rc = hob_sse_next(events, &e);
        if (rc != 0) HOB_SIM_FAIL("behind the last: %d %s", rc, hob_strerror(rc));
    }
    counts(c);
    return 0;
}
HOB_TASK(listen_to_events, const char *)

HOB_SIM_TEST(no_event_is_lost_or_told_twice) {
    struct hob_sim_host *s = hob_sim_host("server", server);
    return with_trouble(s, hob_sim_host("client", listen_to_events, hob_sim_address(s)));
}

/* ---- messages ---- */

enum { MESSAGES = 40, MESSAGE_MAX = 30000 };

static bool named_of_websockets(int rc) {
    return named(rc) || rc == HOB_E_WEBSOCKET_LOST || rc == HOB_E_WEBSOCKET_SILENT ||
           rc == HOB_E_WEBSOCKET_CLOSED;
}

static void make_message(char *bytes, int i, size_t n) {
    memset(bytes, i, n);
    for (size_t at = 0; at < n; at += 7) bytes[at] = (char)(i + (int)(at * at));
}

static int send_message(struct hob_websocket *ws, int i, size_t n) {
    static char bytes[MESSAGE_MAX];
    make_message(bytes, i, n);
    if (i % 3) return hob_websocket_send(ws, HOB_WEBSOCKET_BINARY, bytes, n);
    HOB_TRY(hob_websocket_begin(ws, HOB_WEBSOCKET_BINARY));
    int rc = hob_websocket_write(ws, bytes, n / 2);
    if (rc >= 0) rc = hob_websocket_write(ws, bytes + n / 2, n - n / 2);
    int ended = hob_websocket_end(ws);
    return rc < 0 ? rc : ended;
}

/* Messages from *i on, two on their way at a time; *i: how many have come back. 0, or why not all.
 */
static int talk(struct hob_websocket *ws, int *i) {
    static char expected[MESSAGE_MAX];
    size_t sizes[MESSAGES];
    for (int sent = *i; *i < MESSAGES; ++*i) {
        for (; sent < MESSAGES && sent < *i + 2; sent++) {
            sizes[sent] = hob_sim_random(MESSAGE_MAX);
            HOB_TRY(send_message(ws, sent, sizes[sent]));
        }
        struct hob_websocket_message m;
        int rc = hob_websocket_receive(ws, &m);
        if (rc <= 0) return rc < 0 ? rc : HOB_E_WEBSOCKET_CLOSED;
        CHECK(m.kind == HOB_WEBSOCKET_BINARY && m.size == sizes[*i] && m.data[m.size] == 0);
        make_message(expected, *i, m.size);
        CHECK(memcmp(m.data, expected, m.size) == 0);
        HOB_TRY(hob_sleep(0.1 * hob_sim_uniform()));
    }
    return hob_websocket_close(ws, HOB_WEBSOCKET_NORMAL, NULL);
}

static int converse(const char *host) {
    char url[64];
    int i = 0, times = 0;
    snprintf(url, sizeof url, "ws://%s/echo", host);
    HOB_CLIENT(c, .stall_timeout = 2, .connect_timeout = 2);
    while (i < MESSAGES) {
        struct hob_websocket *ws HOB_WEBSOCKET_GUARD = NULL;
        int rc = hob_websocket_connect(c, url, &ws, .deflate = times++ % 2, .timeout = 5,
                                       .ping_interval = 1, .ping_timeout = 1, .send_timeout = 2,
                                       .close_timeout = 1);
        if (rc == 0) rc = talk(ws, &i);
        if (rc == -ECANCELED) return rc;
        if (rc < 0 && !named_of_websockets(rc))
            HOB_SIM_FAIL("message %d: %d %s", i, rc, hob_strerror(rc));
        if (rc < 0) HOB_TRY(hob_sleep(0.1));
    }
    counts(c);
    hob_sim_log("%d messages over %d connections", i, times);
    return 0;
}
HOB_TASK(converse, const char *)

HOB_SIM_TEST(messages_come_as_they_were_sent_in_order) {
    struct hob_sim_host *s = hob_sim_host("server", server);
    return with_trouble(s, hob_sim_host("client", converse, hob_sim_address(s)));
}

/* ---- a download, in several runs of a program that is cut off, too ---- */

static int fetch(const char *host) {
    char url[64], *bytes;
    size_t n;
    snprintf(url, sizeof url, "http://%s/file", host);
    HOB_CLIENT(c, .stall_timeout = 2, .connect_timeout = 2);
    for (int64_t rc = -1; rc < 0;) {
        rc = hob_download(c, url, "/tmp/file", .resume = true, .retries = 3, .retry_delay = 0.05);
        counts(c);
        if (rc < 0 && !named((int)rc) && rc != -ENOSPC && rc != -EIO && rc != -ECANCELED)
            HOB_SIM_FAIL("%d %s", (int)rc, hob_strerror((int)rc));
        if (rc < 0) HOB_TRY(hob_sleep(0.1));
    }
    int rc;
    while ((rc = hob_read_file("/tmp/file", &bytes, &n, SIZE + 1)) < 0) HOB_TRY(hob_sleep(0.01));
    CHECK(n == SIZE);
    for (int i = 0; i < SIZE; i++) CHECK(bytes[i] == byte_at(i));
    hob_file_free(bytes);
    return 0;
}
HOB_TASK(fetch, const char *)

HOB_SIM_TEST(a_download_is_whole_in_the_end) {
    struct hob_sim_host *s = hob_sim_host("server", server);
    struct hob_sim_host *c = hob_sim_host("client", fetch, hob_sim_address(s));
    hob_sim_link(s, c, .delay = 0.005, .bandwidth = 200000);
    return with_trouble(s, c);
}

/* ---- a disk that is full ---- */

static int fetch_too_much(const char *host) {
    char url[64];
    snprintf(url, sizeof url, "http://%s/file", host);
    HOB_CLIENT(c, .stall_timeout = 2, .connect_timeout = 2);
    for (int resume = 0; resume < 2; resume++) {
        int64_t rc;
        do {
            rc = hob_download(c, url, "/tmp/file", .resume = resume == 1);
            if (rc < 0 && rc != -ENOSPC && !named((int)rc) && rc != -EIO)
                HOB_SIM_FAIL("%d %s", (int)rc, hob_strerror((int)rc));
            HOB_TRY(hob_sleep(0.1));
        } while (rc != -ENOSPC);
        CHECK(hob_exists("/tmp/file") == 0);
        /* Without .resume nothing is left; what is left with it can be gone on with. */
        HOB_EACH(struct hob_entry *, e, hob_scandir, "/tmp")
        CHECK(resume && strncmp(e->name, "file.part", 9) == 0);
        counts(c);
    }
    return 0;
}
HOB_TASK(fetch_too_much, const char *)

HOB_SIM_TEST(a_full_disk_leaves_nothing_half) {
    struct hob_sim_host *s = hob_sim_host("server", server);
    struct hob_sim_host *c = hob_sim_host("client", fetch_too_much, hob_sim_address(s));
    hob_sim_disk(c, .size = 40960);
    int rc = hob_sim_wait(c);
    if (rc < 0) HOB_SIM_FAIL("the client: %d %s", rc, hob_strerror(rc));
    return 0;
}

HOB_SIM_MAIN()
