/* download_test.c - answers into files, in one piece and in several. */
#include <fcntl.h>
#include <hob/download.h>
#include <hob/file.h>

#include "http_test.h"
#include "no_watchdog.h"

enum { SIZE = 700000 };

static char content[SIZE];

/* The server's side: what it has, and what it does to those who ask. */
static struct {
    const char *etag, *modified; /* NULL: not said */
    const char *said;            /* the Content-Range of every answer; NULL: what is true */
    int cut;                     /* bytes after which the connection breaks; 0 = never */
    int cuts;                    /* how often it still breaks */
    bool no_ranges, wrong_start, always_206;
    int64_t size; /* of what there is now */
    int asked;
    char ranges[20][40];
} site;

static void reset_site(void) {
    memset(&site, 0, sizeof site);
    site.etag = "\"v1\"";
    site.size = SIZE;
    for (int i = 0; i < SIZE; i++) content[i] = (char)(i * 31 + i / 997);
}

static int part(struct hob_request *req, int64_t from) {
    char range[100];
    struct hob_header headers[6] = {{NULL, NULL}};
    int n = 0, status = 200;
    if (site.etag) headers[n++] = (struct hob_header){"ETag", site.etag};
    if (site.modified) headers[n++] = (struct hob_header){"Last-Modified", site.modified};
    if (site.said) {
        status = 206;
        headers[n++] = (struct hob_header){"Content-Range", site.said};
    } else if (from > 0 || site.always_206) {
        status = 206;
        snprintf(range, sizeof range, "bytes %lld-%lld/%lld",
                 (long long)(site.wrong_start ? from + 1 : from), (long long)site.size - 1,
                 (long long)site.size);
        headers[n++] = (struct hob_header){"Content-Range", range};
    }
    headers[n] = (struct hob_header){NULL, NULL};
    HOB_TRY(hob_respond_begin(req, status, headers, site.size - from));
    int64_t left = site.size - from;
    bool cut = site.cut && site.cuts > 0;
    if (cut && left > site.cut) left = site.cut;
    if (cut) site.cuts--;
    for (int64_t at = from; left > 0;) {
        size_t piece = left < 10000 ? (size_t)left : 10000;
        HOB_TRY(hob_respond_write(req, content + at, piece));
        at += (int64_t)piece;
        left -= (int64_t)piece;
    }
    return cut ? -EIO : hob_respond_end(req);
}

static int serve_file(struct hob_request *req, void *arg) {
    const char *range = hob_request_header(req, "range");
    const char *if_range = hob_request_header(req, "if-range");
    long long from = 0;
    (void)arg;
    CHECK_STR(hob_request_header(req, "accept-encoding"), "identity");
    snprintf(site.ranges[site.asked++ % 20], 40, "%s %s", range ? range : "-",
             if_range ? if_range : "-");
    if (strcmp(hob_request_path(req), "/none") == 0)
        return hob_respond_text(req, 404, "text/plain", "no");
    if (range) CHECK_EQ(sscanf(range, "bytes=%lld-", &from), 1);
    bool same = if_range && ((site.etag && strcmp(if_range, site.etag) == 0) ||
                             (site.modified && strcmp(if_range, site.modified) == 0));
    if (site.no_ranges || !same) from = 0;
    if (from >= site.size) {
        char text[60];
        snprintf(text, sizeof text, "bytes */%lld", (long long)site.size);
        return hob_respond(req, 416, HOB_HEADERS({"Content-Range", text}), "", 0);
    }
    return part(req, from);
}

static char path[80], part_path[100], info_path[100];

static void paths(void) {
    snprintf(path, sizeof path, TEST_PATH, (int)getpid(), "download");
    CHECK_EQ(hob_mkdir(path, 0700), 0);
    strcat(path, "/file");
    snprintf(part_path, sizeof part_path, "%s.part", path);
    snprintf(info_path, sizeof info_path, "%s.part.info", path);
}

static void silent(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind, (void)text, (void)arg;
}

#define WITH_SITE                                                                                  \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    reset_site();                                                                                  \
    paths();                                                                                       \
    hob_set_report(silent, NULL);                                                                  \
    hob_spawn(s, hob_http_serve, l, serve_file, NULL, (struct hob_http_options){0});               \
    HOB_CLIENT(c, .base_url = url_of(l, "/"), .stall_timeout = 5);
#define END_SITE                                                                                   \
    hob_scope_cancel(s);                                                                           \
    CHECK_EQ(hob_join(s), 0);                                                                      \
    hob_listener_close(l);                                                                         \
    return 0;

static void check_file(int64_t size) {
    char *bytes;
    size_t n;
    CHECK_EQ(hob_read_file(path, &bytes, &n, SIZE + 1), 0);
    CHECK_EQ(n, size);
    CHECK(memcmp(bytes, content, n) == 0);
    hob_file_free(bytes);
    CHECK_EQ(hob_exists(part_path), 0);
    CHECK_EQ(hob_exists(info_path), 0);
}

static struct {
    int calls, stop_at;
    int64_t first, last, total;
} told;

static int tell(void *arg, int64_t done, int64_t total) {
    CHECK_STR(arg, "the argument");
    if (told.calls++ == 0) told.first = done;
    CHECK(done >= told.last);
    told.last = done;
    told.total = total;
    return told.stop_at && told.calls >= told.stop_at ? -EINTR : 0;
}

static void forget(void) { memset(&told, 0, sizeof told); }

/* ---- */

TASK_TEST(a_whole_answer) {
    WITH_SITE
    struct hob_response *res = NULL;
    const struct hob_header *plain = HOB_HEADERS({"Accept-Encoding", "identity"});
    CHECK_EQ(hob_write_file(path, "old", 3), 0);
    CHECK_EQ(hob_client_request(c, "GET", "/", &res, .headers = plain), 0);
    CHECK_EQ(hob_response_save(res, path, .progress = tell, .arg = (void *)"the argument"), SIZE);
    hob_response_close(res);
    check_file(SIZE);
    CHECK(told.calls > 2 && told.first == 0 && told.last == SIZE && told.total == SIZE);
    /* What breaks leaves the file as it was. */
    site.cut = 100000;
    site.cuts = 10;
    CHECK_EQ(hob_client_request(c, "GET", "/", &res, .headers = plain), 0);
    CHECK_EQ(hob_response_save(res, path), HOB_E_HTTP_CUT);
    hob_response_close(res);
    check_file(SIZE);
    site.cuts = 0;
    CHECK_EQ(hob_client_request(c, "GET", "/", &res, .headers = plain), 0);
    CHECK_EQ(hob_response_save(res, path, .max = 10000), HOB_E_LIMIT);
    hob_response_close(res);
    check_file(SIZE);
    forget();
    told.stop_at = 3;
    CHECK_EQ(hob_client_request(c, "GET", "/", &res, .headers = plain), 0);
    CHECK_EQ(hob_response_save(res, path, .progress = tell, .arg = (void *)"the argument"), -EINTR);
    hob_response_close(res);
    CHECK_EQ(hob_client_request(c, "GET", "/", &res, .headers = plain), 0);
    CHECK_EQ(hob_response_save(res, "/nowhere/at/all"), -ENOENT);
    hob_response_close(res);
    END_SITE
}

TASK_TEST(one_call_over_many_connections) {
    WITH_SITE
    forget();
    site.cut = 100000;
    site.cuts = 1000;
    CHECK_EQ(hob_download(c, "/", path, .retries = 1, .retry_delay = 0.001, .progress = tell,
                          .arg = (void *)"the argument"),
             SIZE);
    check_file(SIZE);
    CHECK_EQ(site.asked, 7);
    CHECK_STR(site.ranges[0], "- -");
    CHECK_STR(site.ranges[1], "bytes=100000- \"v1\"");
    CHECK_STR(site.ranges[6], "bytes=600000- \"v1\"");
    CHECK_EQ(told.last, SIZE);
    END_SITE
}

TASK_TEST(without_a_validator_it_begins_anew) {
    WITH_SITE
    static const char *const weak[] = {NULL, "W/\"v1\""};
    for (int i = 0; i < 2; i++) {
        site.etag = weak[i];
        site.cut = 100000;
        site.cuts = 2;
        site.asked = 0;
        CHECK_EQ(hob_download(c, "/", path, .retries = 2, .retry_delay = 0.001), SIZE);
        check_file(SIZE);
        CHECK_EQ(site.asked, 3);
        CHECK_STR(site.ranges[2], "- -");
        site.cuts = 2;
        CHECK_EQ(hob_download(c, "/", path, .retries = 1, .retry_delay = 0.001), HOB_E_HTTP_CUT);
        check_file(SIZE); /* the old one */
    }
    site.etag = NULL; /* a date will do, when it is older than the answer */
    site.modified = "Sun, 06 Nov 1994 08:49:37 GMT";
    site.cuts = 2;
    site.asked = 0;
    CHECK_EQ(hob_download(c, "/", path, .retries = 2, .retry_delay = 0.001), SIZE);
    CHECK_STR(site.ranges[2], "bytes=200000- Sun, 06 Nov 1994 08:49:37");
    check_file(SIZE);
    END_SITE
}

TASK_TEST(a_later_call_goes_on) {
    WITH_SITE
    int64_t resumed = -1;
    site.cut = 300000;
    site.cuts = 1;
    CHECK_EQ(hob_download(c, "/", path, .resume = true), HOB_E_HTTP_CUT);
    CHECK_EQ(hob_exists(path), 0);
    CHECK_EQ(hob_exists(part_path), 1);
    CHECK_EQ(hob_download(c, "/", path, .resume = true, .resumed = &resumed), SIZE);
    CHECK_EQ(resumed, 300000);
    CHECK_STR(site.ranges[1], "bytes=300000- \"v1\"");
    check_file(SIZE);

    /* It has changed meanwhile: anew. */
    site.cuts = 1;
    CHECK_EQ(hob_download(c, "/", path, .resume = true), HOB_E_HTTP_CUT);
    site.etag = "\"v2\"";
    for (int i = 0; i < SIZE; i++) content[i] = (char)(i * 7);
    CHECK_EQ(hob_download(c, "/", path, .resume = true), SIZE);
    check_file(SIZE);

    /* It is of another URL, or nobody knows of what. */
    site.cuts = 1;
    CHECK_EQ(hob_download(c, "/other", path, .resume = true), HOB_E_HTTP_CUT);
    CHECK_EQ(hob_download(c, "/", path, .resume = true, .resumed = &resumed), SIZE);
    CHECK_EQ(resumed, 0);
    check_file(SIZE);
    CHECK_EQ(hob_write_file(part_path, "junk", 4), 0);
    CHECK_EQ(hob_write_file(info_path, "junk", 4), 0);
    CHECK_EQ(hob_download(c, "/", path, .resume = true), SIZE);
    check_file(SIZE);

    /* A server without ranges. */
    site.cuts = 1;
    CHECK_EQ(hob_download(c, "/", path, .resume = true), HOB_E_HTTP_CUT);
    site.no_ranges = true;
    CHECK_EQ(hob_download(c, "/", path, .resume = true), SIZE);
    check_file(SIZE);
    END_SITE
}

TASK_TEST(a_part_that_is_all_of_it_or_too_much) {
    WITH_SITE
    char info[200];
    int n = snprintf(info, sizeof info, "hob-part 1\n/\n\"v1\"\n");
    CHECK_EQ(hob_write_file(part_path, content, SIZE), 0);
    CHECK_EQ(hob_write_file(info_path, info, (size_t)n), 0);
    CHECK_EQ(hob_download(c, "/", path, .resume = true), SIZE);
    check_file(SIZE);
    CHECK_EQ(site.asked, 1);
    site.size = 1000; /* now there is less, by the same name: 416, and once more */
    CHECK_EQ(hob_write_file(part_path, content, 5000), 0);
    CHECK_EQ(hob_write_file(info_path, info, (size_t)n), 0);
    CHECK_EQ(hob_download(c, "/", path, .resume = true), 1000);
    check_file(1000);
    CHECK_STR(site.ranges[2], "- -");
    END_SITE
}

TASK_TEST(parts_that_nobody_asked_for) {
    WITH_SITE
    site.always_206 = true;
    CHECK_EQ(hob_download(c, "/", path), HOB_E_HTTP_RANGE);
    CHECK_HAS(hob_error()->message, "bytes 0-699999/700000");
    CHECK_EQ(hob_exists(path), 0);
    site.always_206 = false;
    site.wrong_start = true;
    site.cut = 1000;
    site.cuts = 1;
    CHECK_EQ(hob_download(c, "/", path, .retries = 3, .retry_delay = 0.001), HOB_E_HTTP_RANGE);
    CHECK_EQ(hob_exists(path), 0);
    CHECK_EQ(site.asked, 3);
    END_SITE
}

/* As strict as RFC 9110, 14.4, is: who guesses puts other bytes into the file. */
TASK_TEST(content_ranges_that_are_none) {
    WITH_SITE
    static const char *const none[] = {"bytes 1000- 699999/700000",
                                       "bytes 1000-+699999/700000",
                                       "bytes 1000--699999/700000",
                                       "bytes  1000-699999/700000",
                                       "bytes +1000-699999/700000",
                                       "bytes -1000-699999/700000",
                                       "bytes 1000-699999/ 700000",
                                       "bytes 1000-699999/+700000",
                                       "bytes 1000-699999/-700000",
                                       "bytes 1000 -699999/700000",
                                       "bytes 1000-699999 /700000",
                                       "bytes 1000-699999/700000 x",
                                       "bytes 1000-699999",
                                       "bytes 1000-699999/",
                                       "bytes 1000-/700000",
                                       "bytes -699999/700000",
                                       "bytes */*",
                                       "bytes */700000",
                                       "bytes 1000-699999/699999",
                                       "bytes 1000-999/700000",
                                       "bytes 1000-699999/**",
                                       "bytes=1000-699999/700000",
                                       "bytes1000-699999/700000",
                                       "items 1000-699999/700000",
                                       "bytes 0x3e8-699999/700000",
                                       "bytes 1e3-699999/700000",
                                       "1000-699999/700000",
                                       "bytes 1000-699999/1000000000000000000000000000700000"};
    static const char *const right[] = {"bytes 1000-699999/700000", "BYTES 1000-699999/700000",
                                        "bytes 1000-699999/*", "bytes 001000-0699999/0700000"};
    char info[] = "hob-part 1\n/\n\"v1\"\n";
    for (size_t i = 0; i < sizeof none / sizeof *none + 4; i++) {
        size_t k = i - sizeof none / sizeof *none;
        bool good = i >= sizeof none / sizeof *none;
        CHECK_EQ(hob_write_file(part_path, content, 1000), 0);
        CHECK_EQ(hob_write_file(info_path, info, sizeof info - 1), 0);
        site.said = good ? right[k] : none[i];
        int64_t rc = hob_download(c, "/", path, .resume = true);
        CHECK_EQ(rc, good ? SIZE : HOB_E_HTTP_RANGE);
        if (good) check_file(SIZE);
        if (!good) CHECK_HAS(hob_error()->message, site.said);
        if (good) CHECK_EQ(hob_unlink(path), 0);
    }
    END_SITE
}

TASK_TEST(what_leaves_nothing) {
    WITH_SITE
    CHECK_EQ(hob_download(c, "/none", path, .resume = true), HOB_E_HTTP_STATUS);
    CHECK_EQ(hob_exists(part_path) + hob_exists(info_path) + hob_exists(path), 0);
    CHECK_EQ(hob_download(c, "/", path, .max = 1000), HOB_E_LIMIT);
    CHECK_EQ(hob_download(c, "http://127.0.0.1:1/", path, .resume = true), -ECONNREFUSED);
    CHECK_EQ(hob_exists(part_path) + hob_exists(info_path) + hob_exists(path), 0);
    END_SITE
}

/* ---- a cancel at any time: what came is there, and the next call ends it ---- */

static bool has_begun;

static int begin(void *arg, int64_t done, int64_t total) {
    (void)arg, (void)total;
    has_begun |= done > 0;
    return 0;
}
static int get_it(struct hob_client *c, int64_t *resumed) {
    return hob_download(c, "/", path, .resume = true, .resumed = resumed, .progress = begin) < 0
               ? -1
               : 0;
}
HOB_TASK(get_it, struct hob_client *, int64_t *)

TASK_TEST(cancelled_and_taken_up_again) {
    WITH_SITE
    int before = open_files(), kept = 0, cut_off = 0;
    for (int k = 0; k < 200; k += k < 20 ? 1 : 7) {
        int64_t resumed;
        HOB_SCOPE(one, .on_error = HOB_COLLECT);
        has_begun = false;
        struct hob_task *t = hob_spawn(one, get_it, c, &resumed);
        for (int i = 0; i < k && !hob_task_done(t); i++) {
            CHECK_EQ(hob_yield_now(), 0);
            if (i % 4 == 3) CHECK_EQ(hob_sleep(0.0002), 0);
        }
        /* On a busy machine, none of them may have come so far by itself. */
        while (k % 5 == 4 && !has_begun && !hob_task_done(t)) CHECK_EQ(hob_yield_now(), 0);
        cut_off += !hob_task_done(t);
        hob_cancel(t);
        hob_join(one);
        struct hob_client_info info;
        hob_client_info(c, &info);
        CHECK_EQ(info.in_use, 0);
        CHECK_EQ(hob_download(c, "/", path, .resume = true, .resumed = &resumed), SIZE);
        kept += resumed > 0;
        check_file(SIZE);
        CHECK_EQ(hob_unlink(path), 0);
    }
    CHECK(cut_off > 5);
    CHECK(kept > 0);
    CHECK(open_files() <= before + 4);
    END_SITE
}

TEST_MAIN()
