/* http_cancel.h - requests of every kind, cancelled at their 1st, 2nd, ... last wait. After each of
 * them the client is as good as new: no slot is taken, nobody waits, the next answer is the right
 * one; at the end all descriptors and all memory have come back.
 *
 * The file that includes it says how the two sides speak: CANCEL_SERVER, CANCEL_CLIENT (options),
 * CANCEL_SCHEME, and what is to be made before and freed behind: cancel_begin(), cancel_end(). */
#ifndef HOB_HTTP_CANCEL_H
#define HOB_HTTP_CANCEL_H
#include "http_test.h"
#include "no_watchdog.h"

#include <hob/download.h>
#include <hob/file.h>
#include <hob/line.h>
#include <hob/multipart.h>
#include <hob/sse.h>

#include "task/task.h"

enum { BODY = 100000, BIG = 300000 };

/* ---- the server ---- */

/* All of the body is of one letter, which the query names. */
static int swallow(struct hob_request *req, size_t *n) {
    char buf[7000], letter = *hob_request_query(req);
    const char *type = hob_request_header(req, "content-type");
    bool parts = type && strncmp(type, "multipart/", 10) == 0;
    *n = 0;
    for (;;) {
        ssize_t got = HOB_TRY(hob_request_read(req, buf, sizeof buf));
        if (got == 0) return 0;
        for (ssize_t i = 0; i < got && !parts; i++) CHECK(buf[i] == letter);
        *n += (size_t)got;
    }
}

static int answer(struct hob_request *req, void *arg) {
    static char big[BIG];
    const char *path = hob_request_path(req), *query = hob_request_query(req);
    char text[100], to[110];
    size_t n;
    (void)arg;
    HOB_TRY(swallow(req, &n));
    if (strcmp(path, "/away") == 0) {
        snprintf(to, sizeof to, "/end?%.90s", query);
        return hob_respond(req, 307, HOB_HEADERS({"Location", to}), "moved", 5);
    }
    HOB_TRY(hob_yield_now());
    int size = snprintf(text, sizeof text, "%s %zu\n", query, n);
    if (strcmp(path, "/big") == 0) {
        memset(big, *query, sizeof big);
        HOB_TRY(hob_respond_begin(req, 200, HOB_HEADERS({"ETag", "\"1\""}), BIG));
        for (size_t at = 0; at < BIG; at += 20000)
            HOB_TRY(hob_respond_write(req, big + at, at + 20000 < BIG ? 20000 : BIG - at));
        return hob_respond_end(req);
    }
    if (strcmp(path, "/lines") == 0 || strcmp(path, "/events") == 0) {
        bool lines = path[1] == 'l';
        const char *type = lines ? "text/plain" : "text/event-stream";
        HOB_TRY(hob_respond_begin(req, 200, HOB_HEADERS({"Content-Type", type}), -1));
        size = snprintf(text, sizeof text, "%s%s%s", lines ? "" : "data: ", query,
                        lines ? "\n" : "\n\n");
        for (int i = 0; i < 5; i++) {
            HOB_TRY(hob_respond_write(req, text, (size_t)size / 2));
            HOB_TRY(hob_yield_now());
            HOB_TRY(hob_respond_write(req, text + size / 2, (size_t)(size - size / 2)));
        }
        return hob_respond_end(req);
    }
    return hob_respond(req, 200, NULL, text, (size_t)size);
}

/* ---- the requests; each is 0 when it was answered, and rightly ---- */

static struct hob_client *client;
static char folder[80], upload[100], target[100];
static unsigned round_number;

/* "/path?x123": a letter, and a number that no other request has. */
static const char *path_of(const char *path, char *out) {
    sprintf(out, "%s?%c%u", path, 'a' + round_number % 26, round_number);
    round_number++;
    return out;
}

static int check_echo(struct hob_response *res, const char *path, size_t n) {
    char want[100];
    const char *data;
    HOB_TRY(hob_response_body(res, &data, NULL));
    CHECK_EQ(hob_response_status(res), 200);
    if (n == SIZE_MAX) {
        CHECK_HAS(data, strchr(path, '?') + 1);
        return 0;
    }
    snprintf(want, sizeof want, "%s %zu\n", strchr(path, '?') + 1, n);
    CHECK_STR(data, want);
    return 0;
}

static int plain_get(void) {
    char path[60];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(client, "GET", path_of("/get", path), &res));
    return check_echo(res, path, 0);
}

static int left_early(void) {
    char path[60], buf[1000];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(client, "GET", path_of("/big", path), &res));
    ssize_t n = HOB_TRY(hob_response_read(res, buf, sizeof buf));
    CHECK(n > 0 && buf[0] == path[5]);
    return 0;
}

static int streamed(void) {
    char path[60], buf[5000];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    size_t n = 0;
    HOB_TRY(hob_client_request(client, "GET", path_of("/big", path), &res));
    for (ssize_t got; (got = HOB_TRY(hob_response_read(res, buf, sizeof buf))) > 0;) {
        for (ssize_t i = 0; i < got; i++) CHECK(buf[i] == path[5]);
        n += (size_t)got;
    }
    CHECK_EQ(n, BIG);
    return 0;
}

struct feed {
    char letter;
    int left;
};

static ssize_t feed_some(void *arg, void *buf, size_t n) {
    struct feed *f = arg;
    HOB_TRY(hob_yield_now());
    if (n > 5000) n = 5000;
    if (n > (size_t)f->left) n = (size_t)f->left;
    memset(buf, f->letter, n);
    f->left -= (int)n;
    return (ssize_t)n;
}

static int body_in_pieces(void) {
    char path[60];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    path_of("/post", path);
    struct feed feed = {path[6], BODY};
    HOB_TRY(hob_client_request(client, "POST", path, &res, .read_body = feed_some, .arg = &feed));
    return check_echo(res, path, BODY);
}

static int multipart(void) {
    char path[60];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    struct feed feed = {'x', BODY};
    HOB_TRY(hob_client_request(
        client, "POST", path_of("/post", path), &res,
        .multipart = HOB_PARTS({.name = "a", .value = "b"}, {.name = "file", .path = upload},
                               {.name = "feed", .read = feed_some, .arg = &feed})));
    return check_echo(res, path, SIZE_MAX);
}

static int body_from_a_file(void) {
    char path[60];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    while (path_of("/post", path)[6] != 'y') {} /* what the file holds */
    HOB_TRY(hob_client_request(client, "PUT", path, &res, .body_file = upload));
    return check_echo(res, path, BODY);
}

static int redirect(void) {
    static char body[BODY];
    char path[60];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    path_of("/away", path);
    memset(body, path[6], BODY);
    HOB_TRY(hob_client_request(client, "PUT", path, &res, .body = body, .body_size = BODY));
    return check_echo(res, path, BODY);
}

static int expecting(void) {
    char path[60];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    path_of("/post", path);
    struct feed feed = {path[6], BODY};
    HOB_TRY(hob_client_request(client, "POST", path, &res, .read_body = feed_some, .arg = &feed,
                               .expect_continue = 60));
    return check_echo(res, path, BODY);
}

static int line_by_line(void) {
    char path[60];
    int n = 0;
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(client, "GET", path_of("/lines", path), &res));
    HOB_EACH_LINE(line, res) {
        CHECK_STR(line.text, strchr(path, '?') + 1);
        n++;
    }
    CHECK_EQ(n, 5);
    return 0;
}

static int events(void) {
    char path[60];
    struct hob_sse_event e;
    HOB_SSE(stream);
    HOB_TRY(hob_sse_open(&stream, client, path_of("/events", path)));
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(HOB_TRY(hob_sse_next(stream, &e)), 1);
        CHECK_STR(e.data, strchr(path, '?') + 1);
    }
    return 0;
}

static int download(void) {
    char path[60];
    int64_t n = hob_download(client, path_of("/big", path), target);
    if (n >= 0) CHECK_EQ(n, BIG);
    return n < 0 ? (int)n : 0;
}

/* ---- the driver ---- */

static struct hob_task *victim;
static long points, cancel_at;
static bool later;

static void cancel_victim(void *task) {
    if (victim == task) hob_cancel(task);
}

/* At the point, or while the task waits there. */
static void on_point(const char *func) {
    (void)func;
    if (!victim || hob_self() != victim || ++points != cancel_at) return;
    if (!later)
        hob_cancel(victim);
    else if (hob_loop_post(hob__loop, cancel_victim, victim) < 0)
        FAIL("post");
}

typedef int request_fn(void);
static int run_one(request_fn *request) {
    victim = hob_self();
    int rc = request();
    victim = NULL;
    return rc;
}
HOB_TASK(run_one, request_fn *)

static void silent(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind, (void)text, (void)arg;
}

static void cancel_everywhere(request_fn *request, long most) {
    int cancelled = 0, through = 0;
    long step = getenv("TEST_SLOW") ? 7 : 1; /* under valgrind and qemu some of them are enough */
    for (cancel_at = 1; cancel_at <= most && through < 3; cancel_at += step) {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        points = 0;
        struct hob_task *t = hob_spawn(s, run_one, request);
        hob_join(s);
        victim = NULL;
        int rc = hob_task_result(t);
        if (rc != 0 && rc != -ECANCELED)
            FAIL("at point %ld: %d %s", cancel_at, rc, hob_error() ? hob_error()->message : "");
        cancelled += rc != 0;
        through += points < cancel_at;
        struct hob_client_info info;
        hob_client_info(client, &info);
        CHECK_EQ(info.in_use, 0);
        CHECK_EQ(info.waiting, 0);
        CHECK(info.idle <= 2);
        int next = plain_get();
        if (next < 0)
            FAIL("behind point %ld: %d %s", cancel_at, next,
                 hob_error() ? hob_error()->message : "");
    }
    if (most > 100) CHECK(cancelled > (later || step > 1 ? -1 : 3) && through == 3);
}

static int session(request_fn *request, long most) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    char base[100];
    hob_spawn(s, hob_http_serve, l, answer, NULL, (struct hob_http_options){CANCEL_SERVER});
    snprintf(base, sizeof base, CANCEL_SCHEME "://%s/", hob_listener_address(l));
    CHECK_EQ(hob_client_open(&client, .base_url = base, .max_connections = 2, CANCEL_CLIENT), 0);
    cancel_everywhere(request, most);
    hob_client_close(client);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}
HOB_TASK(session, request_fn *, long)

static void make_files(void) {
    snprintf(folder, sizeof folder, TEST_PATH, (int)getpid(), "cancel");
    CHECK_EQ(mkdir(folder, 0700), 0);
    snprintf(upload, sizeof upload, "%s/upload", folder);
    snprintf(target, sizeof target, "%s/download", folder);
    FILE *f = fopen(upload, "w");
    CHECK(f != NULL);
    for (int i = 0; i < BODY; i++) fputc('y', f);
    CHECK_EQ(fclose(f), 0);
}

static int names_in(const char *path) {
    DIR *d = opendir(path);
    int n = -2;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* Contexts of TLS remember sessions: they are freed before it is counted. */
static void run_session(request_fn *request, long most) {
    cancel_begin();
    CHECK_EQ(hob_run(session, request, most), 0);
    hob_error_clear();
    cancel_end();
}

static void drive_request(request_fn *request) {
    make_files();
    hob_set_report(silent, NULL);
    hob__point_hook = on_point; /* before a loop begins */
    run_session(request, 1);    /* what is made once and kept */
    int fds = open_files();
    long live = hob__alloc_live();
    for (int i = 0; i < 2; i++) {
        later = i;
        run_session(request, 5000);
        CHECK_EQ(open_files(), fds);
        CHECK_EQ(hob__alloc_live(), live);
    }
    CHECK(names_in(folder) <= 2); /* no temporary file is left */
}

#define CANCEL(request)                                                                            \
    TEST(request##_cancelled_at_every_wait) { drive_request(request); }

CANCEL(plain_get)
CANCEL(left_early)
CANCEL(streamed)
CANCEL(body_in_pieces)
CANCEL(multipart)
CANCEL(body_from_a_file)
CANCEL(redirect)
CANCEL(expecting)
CANCEL(line_by_line)
CANCEL(events)
CANCEL(download)

#endif
