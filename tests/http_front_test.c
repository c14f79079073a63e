/* http_front_test.c - what stands before and beside the server: proxies and whom to believe, the
 * PROXY protocol, the access log. */
#include "clean.h"
#include "http_test.h"

#include <hob/access_log.h>
#include <hob/file.h>

#include "http/server/trust.h"

static struct hob_http_counters counters;

static int handler(struct hob_request *req, void *arg) {
    char text[600] = "";
    (void)arg;
    if (strcmp(hob_request_path(req), "/big") == 0) {
        HOB_TRY(hob_respond_begin(req, 200, NULL, -1));
        for (int i = 0; i < 10; i++) HOB_TRY(hob_respond_write(req, text, 100));
        return hob_respond_end(req);
    }
    snprintf(text, sizeof text, "[%s %s %s]", hob_request_client(req), hob_request_scheme(req),
             hob_request_host(req));
    return hob_respond_text(req, 200, "text/plain", text);
}

#define SERVED(s, l, ...)                                                                          \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    counters = (struct hob_http_counters){0};                                                      \
    CHECK_EQ(hob_start(s, hob_http_serve, l, handler, NULL,                                        \
                       ((struct hob_http_options){.counters = &counters, __VA_ARGS__})),           \
             0)

static int end(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static char out[1 << 16];

static const char *ask(struct hob_listener *l, const char *request, size_t n) {
    raw(l, request, n, NULL, out, sizeof out);
    const char *at = strstr(out, "\r\n\r\n");
    return at ? at + 4 : out;
}

static const char *with(struct hob_listener *l, const char *headers) {
    static char request[4096];
    int n = snprintf(request, sizeof request,
                     "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", headers);
    return ask(l, request, (size_t)n);
}

TEST(lists_of_networks) {
    struct hob__trust t;
    CHECK_EQ(hob__trust_parse(&t, "127.0.0.1, 10.0.0.0/8,192.168.4.0/22 ::1 2001:db8::/33"), 0);
    static const struct {
        const char *address;
        bool in;
    } rows[] = {{"127.0.0.1", true},       {"127.0.0.1:80", true},    {"127.0.0.2", false},
                {"10.255.0.3", true},      {"11.0.0.0", false},       {"192.168.7.255", true},
                {"192.168.8.0", false},    {"[::1]:80", true},        {"::1", true},
                {"[::2]:80", false},       {"2001:db8:7fff::", true}, {"2001:db8:8000::", false},
                {"::ffff:10.1.1.1", true}, {"unix:/a", false},        {"", false},
                {"name", false},           {"10.0.0.1.5", false},     {"[10.0.0.1", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (hob__trusts(&t, rows[i].address, strlen(rows[i].address)) != rows[i].in)
            FAIL("%s", rows[i].address);
    hob__trust_free(&t);
    CHECK_EQ(hob__trust_parse(&t, "unix"), 0);
    CHECK(hob__trusts(&t, "unix:/run/a", 11) && !hob__trusts(&t, "1.2.3.4", 7));
    hob__trust_free(&t);
    CHECK_EQ(hob__trust_parse(&t, "*"), 0);
    CHECK(hob__trusts(&t, "1.2.3.4", 7));
    hob__trust_free(&t);
    static const char *const bad[] = {"10.0.0.0/33", "::/129",      "10.0.0.0/",    "10.0.0.0/x",
                                      "10.0.0",      "example.org", "10.0.0.0/8/8", "10.0.0.0/-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ(hob__trust_parse(&t, bad[i]), -EINVAL);
}

TASK_TEST(nobody_is_believed) {
    SERVED(s, l, .server = "");
    const char *text = with(l, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
                               "X-Forwarded-Host: evil\r\nForwarded: for=1.2.3.4\r\n");
    CHECK(strncmp(text, "[127.0.0.1:", 11) == 0);
    CHECK(strstr(text, " http a]"));
    return end(s, l);
}

TASK_TEST(nor_who_is_not_named) {
    SERVED(s, l, .trusted = "10.0.0.0/8");
    const char *text = with(l, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n");
    CHECK(strncmp(text, "[127.0.0.1:", 11) == 0 && strstr(text, " http a]"));
    return end(s, l);
}

TASK_TEST(trusted_proxies) {
    SERVED(s, l, .trusted = "127.0.0.1, 10.0.0.0/8");
    CHECK_STR(with(l, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
                      "X-Forwarded-Host: site\r\n"),
              "[1.2.3.4 https site]");
    /* What stands before the last address that is no proxy's is invented. */
    CHECK_STR(with(l, "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n"), "[1.2.3.4 http a]");
    CHECK_STR(with(l, "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.7, 10.0.0.8\r\n"),
              "[1.2.3.4 http a]");
    CHECK_STR(with(l, "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-For: 10.0.0.7\r\n"),
              "[1.2.3.4 http a]");
    CHECK_STR(with(l, "X-Forwarded-For: 10.0.0.9, 10.0.0.7\r\n"), "[10.0.0.9 http a]");
    CHECK_STR(with(l, "X-Forwarded-For: 6.6.6.6, unknown\r\n"), "[unknown http a]");
    const char *text = with(l, "X-Forwarded-For: ,, \r\nX-Forwarded-Proto: gopher\r\n");
    CHECK(strncmp(text, "[127.0.0.1:", 11) == 0 && strstr(text, " http a]"));
    /* The other header is the client's own. */
    text = with(l, "Forwarded: for=6.6.6.6\r\n");
    CHECK(strncmp(text, "[127.0.0.1:", 11) == 0);
    return end(s, l);
}

TASK_TEST(rfc_7239) {
    SERVED(s, l, .trusted = "127.0.0.1, 10.0.0.0/8", .forwarded = true);
    CHECK_STR(with(l, "Forwarded: for=1.2.3.4;proto=https;by=10.0.0.1;host=site\r\n"),
              "[1.2.3.4 https site]");
    CHECK_STR(
        with(l,
             "Forwarded: for=6.6.6.6, For=\"[2001:db8::1]:4711\" ; Proto=https,for=10.0.0.2\r\n"),
        "[[2001:db8::1]:4711 https a]");
    CHECK_STR(with(l, "Forwarded: for=\"a,b\";proto=https\r\nX-Forwarded-For: 6.6.6.6\r\n"),
              "[a,b https a]");
    const char *text = with(l, "Forwarded: proto\r\n");
    CHECK(strncmp(text, "[127.0.0.1:", 11) == 0);
    return end(s, l);
}

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define GET "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define WITH(l, text) ask((l), text GET, sizeof(text GET) - 1)

TASK_TEST(proxy_headers) {
    SERVED(s, l, .proxy_protocol = true, .head_timeout = 5);
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 51234 80\r\n"), "[1.2.3.4:51234 http a]");
    CHECK_STR(WITH(l, "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n"), "[1.1.1.1:1 http a]");
    CHECK_STR(WITH(l, "PROXY TCP6 2001:db8::1 ::1 51234 80\r\n"), "[[2001:db8::1]:51234 http a]");
    CHECK(strncmp(WITH(l, "PROXY UNKNOWN\r\n"), "[127.0.0.1:", 11) == 0);
    CHECK(strncmp(WITH(l, "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), "[127.0.0.1:", 11) == 0);
    CHECK_STR(WITH(l, V2 "\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\xc8\x22\0\x50"),
              "[1.2.3.4:51234 http a]");
    CHECK_STR(WITH(l, V2 "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                         "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xc8\x22\0\x50"),
              "[[2001:db8::1]:51234 http a]");
    /* with something behind the addresses; a health check; another family */
    CHECK_STR(WITH(l, V2 "\x21\x11\0\x0f\1\2\3\4\5\6\7\x08\xc8\x22\0\x50\4\0\0"),
              "[1.2.3.4:51234 http a]");
    CHECK(strncmp(WITH(l, V2 "\x20\0\0\0"), "[127.0.0.1:", 11) == 0);
    CHECK(strncmp(WITH(l, V2 "\x21\x31\0\2ab"), "[127.0.0.1:", 11) == 0);
    CHECK_EQ(counters.refused, 0);
    CHECK_STR(WITH(l, ""), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 51234 80\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 51234\r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 51234 80 9\r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 65536 80\r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.256 5.6.7.8 51234 80\r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 ::1 ::1 51234 80           \r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP5 1.2.3.4 5.6.7.8 51234 80\r\n"), "");
    /* what is nearly a header: found by proxy_header_fuzz */
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4  5.6.7.8 51234 80\r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 +51234 80\r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 01234 80\r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8\t51234 80\r\n"), "");
    CHECK_STR(WITH(l, "PROXY UNKNOWNS 1.2.3.4 5.6.7.8 5 80\r\n"), "");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 51234 80        "
                      "                                                                      \r\n"),
              "");
    CHECK_STR(WITH(l, V2 "\x31\x11\0\x0c\1\2\3\4\5\6\7\x08\xc8\x22\0\x50"), "");
    CHECK_STR(WITH(l, V2 "\x22\x11\0\x0c\1\2\3\4\5\6\7\x08\xc8\x22\0\x50"), "");
    CHECK_STR(WITH(l, V2 "\x21\x11\0\4\1\2\3\4"), "");
    CHECK_STR(WITH(l, V2 "\x21\x11\xff\xff\1\2\3\4"), "");
    CHECK_EQ(counters.refused, 18);
    return end(s, l);
}

TASK_TEST(proxy_headers_from_the_wrong_place) {
    SERVED(s, l, .proxy_protocol = true, .trusted = "10.0.0.1");
    CHECK_STR(WITH(l, "PROXY TCP4 1.2.3.4 5.6.7.8 51234 80\r\n"), "");
    CHECK_EQ(counters.refused, 1);
    CHECK_EQ(counters.requests, 0);
    return end(s, l);
}

/* The address of the header is the one that may be trusted further. */
TASK_TEST(both) {
    SERVED(s, l, .proxy_protocol = true, .trusted = "127.0.0.1, 10.0.0.0/8");
    CHECK_STR(ask(l,
                  "PROXY TCP4 10.2.3.4 5.6.7.8 51234 80\r\nGET / HTTP/1.1\r\nHost: a\r\n"
                  "Connection: close\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
                  119),
              "[1.2.3.4 http a]");
    CHECK_STR(ask(l,
                  "PROXY TCP4 1.2.3.40 5.6.7.8 51234 80\r\nGET / HTTP/1.1\r\nHost: a\r\n"
                  "Connection: close\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n",
                  119),
              "[1.2.3.40:51234 http a]");
    return end(s, l);
}

/* ---- the access log ---- */

static const char *place(const char *name) {
    static char text[4][64];
    static int next;
    next = (next + 1) % 4;
    snprintf(text[next], sizeof text[next], TEST_PATH, (int)getpid(), name);
    return text[next];
}

static char *log_text(const char *path) {
    static char text[1 << 16];
    char *bytes;
    size_t n;
    CHECK_EQ(hob_read_file(path, &bytes, &n, sizeof text - 1), 0);
    memcpy(text, bytes, n + 1);
    hob_file_free(bytes);
    return text;
}

/* "DATE" for what differs. */
static void mask(char *text, char from, char to) {
    for (char *at = text; (at = strchr(at, from)); at++) {
        char *stop = strchr(at, to);
        if (!stop) return;
        memmove(at + 1, stop, strlen(stop) + 1);
    }
}

static int serve_with_log(enum hob_log_format format, const char *path) {
    HOB_SCOPE(outer);
    struct hob_access_log *log;
    CHECK_EQ(hob_access_log_open(outer, &log, .path = path, .format = format, .interval = 0.001),
             0);
    SERVED(s, l, .access_log = log, .trusted = "127.0.0.1");
    const char *x = "X-Forwarded-For: 1.2.3.4\r\n";
    char headers[300];
    snprintf(headers, sizeof headers, "%sReferer: http://a/\"b\r\nUser-Agent: \\x\xc3\xa4y\r\n", x);
    with(l, headers);
    static const char big[] =
        "HEAD /big HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
        "GET /big?a=%20b HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
        "no request\r\n";
    raw(l, big, sizeof big - 1, NULL, out, sizeof out);
    end(s, l);
    hob_join(outer);
    CHECK_EQ(hob_access_log_dropped(log), 0);
    return 0;
}

TASK_TEST(common_and_combined) {
    const char *path = place("log");
    serve_with_log(HOB_LOG_COMMON, path);
    char *text = log_text(path);
    mask(text, '[', ']');
    char *refused = strstr(text, "127.0.0.1 - - [] \"-\" 400 ");
    CHECK(refused);
    *refused = 0;
    CHECK_STR(text, "1.2.3.4 - - [] \"GET / HTTP/1.1\" 200 16\n"
                    "1.2.3.4 - - [] \"HEAD /big HTTP/1.1\" 200 0\n"
                    "1.2.3.4 - - [] \"GET /big?a=%20b HTTP/1.1\" 200 1000\n");
    serve_with_log(HOB_LOG_COMBINED, path); /* appends */
    text = log_text(path);
    CHECK_HAS(text, " 200 16 \"http://a/\\\"b\" \"\\\\x\\xc3\\xa4y\"\n");
    CHECK_HAS(text, " 200 1000 \"-\" \"-\"\n");
    return 0;
}

static int serve_a_strange_client(const char *path) {
    HOB_SCOPE(outer);
    struct hob_access_log *log;
    CHECK_EQ(hob_access_log_open(outer, &log, .path = path), 0);
    SERVED(s, l, .access_log = log, .trusted = "127.0.0.1");
    with(l, "X-Forwarded-For: a b] - [c\r\n");
    end(s, l);
    return hob_join(outer);
}

/* Found by access_line_fuzz: a blank or a bracket in it shifted the rest of the line. */
TASK_TEST(what_a_proxy_says_of_a_client_stays_one_word) {
    const char *path = place("log");
    CHECK_EQ(serve_a_strange_client(path), 0);
    CHECK_HAS(log_text(path), "a\\x20b\\x5d\\x20-\\x20\\x5bc - - [");
    return 0;
}

TASK_TEST(as_json) {
    const char *path = place("log");
    serve_with_log(HOB_LOG_JSON, path);
    char *text = log_text(path);
    CHECK_HAS(text, "Z\",\"client\":\"1.2.3.4\",\"method\":\"GET\",\"target\":\"/\",\"host\":\"a\","
                    "\"status\":200,\"bytes\":16,\"seconds\":0.");
    CHECK_HAS(text, ",\"referer\":\"http://a/\\\"b\",\"user_agent\":\"\\\\x\\u00c3\\u00a4y\"}\n");
    CHECK_HAS(
        text,
        "\"client\":\"127.0.0.1\",\"method\":\"\",\"target\":\"\",\"host\":\"\",\"status\":400,");
    return 0;
}

static int serve_and_reopen(void) {
    HOB_SCOPE(outer);
    struct hob_access_log *log;
    CHECK_EQ(hob_access_log_open(outer, &log, .path = place("a")), 0);
    SERVED(s, l, .access_log = log);
    with(l, "");
    CHECK_EQ(hob_rename(place("a"), place("b")), 0);
    CHECK_EQ(hob_access_log_reopen(log), 0);
    with(l, "");
    end(s, l);
    return hob_join(outer);
}

TASK_TEST(reopened) {
    CHECK_EQ(serve_and_reopen(), 0);
    CHECK_HAS(log_text(place("b")), "200");
    CHECK_HAS(log_text(place("a")), "200");
    return 0;
}

static char noted[512];
static int notes;
static void keep_note(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind != HOB_REPORT_NOTE) return;
    snprintf(noted, sizeof noted, "%s", text);
    notes++;
}

static void keep_notes(void) {
    hob_set_report(keep_note, NULL);
    notes = 0;
}

/* A pipe that takes nothing more, and the name of its end to write to: how much is in it. */
static size_t full_pipe(int pipes[2], char path[64]) {
    static const char block[4096];
    size_t filled = 0;
    CHECK_EQ(pipe2(pipes, O_NONBLOCK), 0);
    for (ssize_t n; (n = write(pipes[1], block, sizeof block)) > 0;) filled += (size_t)n;
    snprintf(path, 64, "/proc/self/fd/%d", pipes[1]);
    return filled;
}

/* A pipe that nobody reads: requests are answered all the same, and lines dropped, which is said.
 */
TASK_TEST(a_full_pipe_holds_nobody) {
    keep_notes();
    int pipes[2];
    char path[64];
    CHECK_EQ(pipe(pipes), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", pipes[1]);
    HOB_SCOPE(outer);
    struct hob_access_log *log;
    CHECK_EQ(hob_access_log_open(outer, &log, .path = path, .buffer = 1, .interval = 0.0001), 0);
    SERVED(s, l, .access_log = log, .max_header_line = 1500);
    char long_one[1200];
    memset(long_one, 'a', sizeof long_one);
    int n = sprintf(long_one, "GET /");
    long_one[n] = 'a';
    strcpy(long_one + 1000, " HTTP/1.1\r\nHost: a\r\n\r\n");
    struct hob_stream *c;
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    for (int i = 0; hob_access_log_dropped(log) == 0; i++) {
        CHECK(i < 10000);
        CHECK(hob_write(c, long_one, strlen(long_one)) > 0);
        CHECK(hob_read(c, out, sizeof out) > 0);
    }
    CHECK_EQ(notes, 1);
    CHECK_HAS(noted, "nobody takes its lines; lines lost so far: 1\n");
    hob_close(c);
    close(pipes[0]);
    end(s, l);
    hob_join(outer);
    close(pipes[1]);
    return 0;
}

/* What could not be written by the end is said then. */
static int log_into(const char *path) {
    HOB_SCOPE(outer);
    struct hob_access_log *log;
    CHECK_EQ(hob_access_log_open(outer, &log, .path = path), 0);
    SERVED(s, l, .access_log = log);
    with(l, "");
    with(l, "");
    end(s, l);
    return hob_join(outer);
}
TASK_TEST(lines_that_nobody_takes_by_the_end) {
    int pipes[2];
    char path[64];
    full_pipe(pipes, path);
    keep_notes();
    CHECK_EQ(log_into(path), 0);
    CHECK_EQ(notes, 1);
    CHECK_HAS(noted, "nobody takes its lines; lines lost so far: 2\n");
    close(pipes[0]);
    close(pipes[1]);
    return 0;
}

/* Those that were gathered behind what could not be written are counted as well. */
static int log_slowly(const char *path) {
    HOB_SCOPE(outer);
    struct hob_access_log *log;
    CHECK_EQ(hob_access_log_open(outer, &log, .path = path, .interval = 0.001), 0);
    SERVED(s, l, .access_log = log);
    with(l, "");
    CHECK_EQ(hob_sleep(0.05), 0); /* its line is being written */
    with(l, "");
    with(l, "");
    end(s, l);
    return hob_join(outer);
}
TASK_TEST(lines_behind_those_that_nobody_takes) {
    int pipes[2];
    char path[64];
    full_pipe(pipes, path);
    keep_notes();
    CHECK_EQ(log_slowly(path), 0);
    CHECK_EQ(notes, 1);
    CHECK_HAS(noted, "nobody takes its lines; lines lost so far: 3\n");
    close(pipes[0]);
    close(pipes[1]);
    return 0;
}

/* A reader that was slow when the server stops gets all of it, each line whole. */
static int drain(int fd, size_t filled, int *lines) {
    char text[8192];
    size_t at = 0;
    CHECK_EQ(hob_sleep(0.3), 0); /* the server stops meanwhile */
    for (;;) {
        ssize_t n = read(fd, text, sizeof text);
        if (n == 0) return 0;
        if (n < 0 && errno == EAGAIN) {
            CHECK_EQ(hob_sleep(0.002), 0);
            continue;
        }
        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++, at++) *lines += at >= filled && text[i] == '\n';
    }
}
HOB_TASK(drain, int, size_t, int *)
TASK_TEST(a_slow_reader_has_all_lines_at_the_end) {
    int pipes[2], lines = 0;
    char path[64];
    size_t filled = full_pipe(pipes, path);
    keep_notes();
    HOB_SCOPE(reader);
    hob_spawn(reader, drain, pipes[0], filled, &lines);
    {
        HOB_SCOPE(outer);
        struct hob_access_log *log;
        CHECK_EQ(hob_access_log_open(outer, &log, .path = path, .interval = 0.001), 0);
        SERVED(s, l, .access_log = log);
        with(l, "");
        CHECK_EQ(hob_sleep(0.05), 0); /* its line is being written */
        with(l, "");
        end(s, l);
        CHECK_EQ(hob_join(outer), 0);
    }
    close(pipes[1]);
    CHECK_EQ(hob_join(reader), 0);
    CHECK_EQ(lines, 2);
    CHECK_EQ(notes, 0);
    close(pipes[0]);
    return 0;
}

TASK_TEST(a_log_that_cannot_be_opened) {
    HOB_SCOPE(s);
    struct hob_access_log *log;
    CHECK_EQ(hob_access_log_open(s, &log, .path = place("none/log")), -ENOENT);
    return 0;
}

static int count_task(struct hob_task *t, void *arg) {
    (void)t;
    ++*(int *)arg;
    return 0;
}

/* Without memory it is not opened, and no task is left that would write to it. */
CLEAN_TEST(a_log_without_memory) {
    int before = 0, failed = 0;
    bool more = true;
    hob_tasks(count_task, &before);
    for (long n = 0; more; n++) { /* in the first round none fails: what is kept is there then */
        HOB_SCOPE(s);
        struct hob_access_log *log = NULL;
        hob__alloc_fail_at(n);
        int rc = hob_access_log_open(s, &log, .path = place("log")), now = 0;
        more = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        hob_tasks(count_task, &now);
        CHECK_EQ(now, rc == 0 ? before + 1 : before);
        failed += rc == -ENOMEM;
        CHECK(rc == 0 || rc == -ENOMEM);
    }
    CHECK(failed >= 5);
    return 0;
}

TEST_MAIN()
