/* playground_fuzz.c - `hob playground`, with any request: each gets one whole answer, that no
 * handler has failed to give, and what it says to be JSON is. And its small parsers, against what
 * was written, a second reading, or the library's own of the same: Digest's parameters, Base64,
 * weighted statuses, ranges, tags, routes, numbers of a query. */
#include "fuzz.h"

#include <hob/hob.h>
#include <hob/json.h>
#include <hob/net.h>
#include <hob/stream.h>

#include "base/memory.h"
#include "common.c"
#include "http/base64.h"
#include "http/conditional.h"

#include "playground/auth.c"
#include "playground/body.c"
#include "playground/cache.c"
#include "playground/images.c"
#include "playground/packed.c"
#include "playground/pages.c"
#include "playground/routes.c"
#include "playground/status.c"
/* Of these files, some names are in two. */
#define add add_cookie
#include "playground/cookies.c"
#undef add
#include "playground/echo.c"
#define SECONDS_MAX LIVE_SECONDS_MAX
#include "playground/live.c"

/* ---- parameters of Authorization ---- */

#if HAVE_TLS
/* Written as quoted strings, they are read as what they were; whatever stands behind them. */
static void params(struct fuzz_input *in) {
    static const char *const names[] = {"realm", "nonce", "uri", "x"};
    char values[4][64], list[1024], got[PARAM_MAX];
    size_t n = 0;
    for (int i = 0; i < 4; i++) {
        strcpy(values[i], fuzz_string(in, 63));
        n += (size_t)sprintf(list + n, "%s%s=\"", i ? ", " : "", names[i]);
        for (const char *p = values[i]; *p; p++) {
            if (*p == '"' || *p == '\\') list[n++] = '\\';
            list[n++] = *p;
        }
        list[n++] = '"';
    }
    const char *text = edge_string(list, n);
    for (int i = 0; i < 4; i++) {
        take_param(text, names[i], got);
        CHECK(strcmp(got, values[i]) == 0);
    }
    take_param(text, "nc", got);
    CHECK(!*got);
}

static void any_params(const char *text) {
    static const char *const names[] = {"realm", "nonce", "uri", "response", "qop", "nc", "a"};
    char behind[8300], got[PARAM_MAX], again[PARAM_MAX];
    snprintf(behind, sizeof behind, "Probe = x,probe=\"x\\\",\" , %s", text);
    const char *longer = edge_string(behind, strlen(behind));
    for (int i = 0; i < 7; i++) {
        take_param(text, names[i], got);
        take_param(longer, names[i], again);
        CHECK(strlen(got) < PARAM_MAX && strcmp(got, again) == 0);
    }
    take_param(longer, "PROBE", got);
    CHECK(strcmp(got, "x\",") == 0);
}
#else
static void params(struct fuzz_input *in) { (void)in; }
static void any_params(const char *text) { (void)text; }
#endif

/* ---- Base64 ---- */

static void base64(const char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char usual[8200], again[HOB__BASE64_SIZE(8200)];
    size_t n = strlen(text), size = 0, count = 0;
    char *out = edge_room(n + 1);
    bool good = base64_decode(text, out, &size);
    for (count = 0; text[count] && (strchr(digits, text[count]) || strchr("-_", text[count]));)
        count++;
    size_t padding = strspn(text + count, "=");
    CHECK(good == (count + padding == n && count % 4 != 1 && (!padding || n % 4 == 0)));
    if (good) {
        CHECK(size == count * 3 / 4);
        for (size_t i = 0; i < count; i++)
            usual[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
        hob__base64_put(out, size, again);
        /* The last digit may have bits that stand for nothing. */
        CHECK(memcmp(usual, again, count - (count % 4 != 0)) == 0);
    }
    hob__base64_put(text, n < 6000 ? n : 6000, again);
    CHECK(base64_decode(again, out = edge_room(strlen(again) + 1), &size));
    CHECK(size == (n < 6000 ? n : 6000) && memcmp(out, text, size) == 0);
}

/* ---- statuses with weights ---- */

static void choices(const char *text) {
    struct choice got[CODES_MAX], again[CODES_MAX];
    char written[CODES_MAX * 32];
    double sum, sum_again, total = 0;
    size_t n = 0;
    int count = parse_choices(text, got, &sum);
    CHECK(count >= 0 && count <= CODES_MAX);
    if (count == 0) return;
    for (int i = 0; i < count; i++) {
        CHECK(got[i].code >= 200 && got[i].code <= 599);
        CHECK(got[i].weight >= 0 && got[i].weight <= 1e6);
        total += got[i].weight;
        n += (size_t)sprintf(written + n, "%s%zu:%.14g", i ? "," : "", got[i].code, got[i].weight);
    }
    CHECK(sum > 0 && sum == total);
    if (n >= 1024) return;
    CHECK(parse_choices(edge_string(written, n), again, &sum_again) == count);
    for (int i = 0; i < count; i++) {
        CHECK(got[i].code == again[i].code);
        CHECK(fabs(got[i].weight - again[i].weight) <= got[i].weight * 1e-13);
    }
}

/* ---- ranges and tags ---- */

static void one_range(const char *header, size_t size) {
    struct hob__range ranges[HOB__RANGES];
    size_t from = 0, count = 0;
    int rc = parse_range(header, size, &from, &count);
    if (rc == 0) return;
    CHECK(hob__ranges_parse(header, (int64_t)size, ranges) == rc);
    if (rc < 0) return;
    CHECK((size_t)ranges[0].from == from && (size_t)ranges[0].size == count);
    CHECK(count > 0 && from + count <= size);
}

static void tags(struct fuzz_input *in) {
    char list[1024], tag[4][64];
    size_t n = 0;
    bool odd = false;
    for (int i = 0; i < 4; i++) {
        strcpy(tag[i], fuzz_string(in, 60));
        odd |= strpbrk(tag[i], "\"*") != NULL || strcmp(tag[i], "probe") == 0;
        n += (size_t)sprintf(list + n, "%s%s\"%s\"", i ? "," : "", i & 1 ? " W/" : "", tag[i]);
    }
    const char *text = edge_string(list, n);
    for (int i = 0; i < 4 && !odd; i++) CHECK(has_tag(text, tag[i]));
    if (!odd) CHECK(!has_tag(text, "probe"));
    CHECK(has_tag("\"\" , *", tag[0]));
}

/* ---- routes: what a path means, it means when it is written anew ---- */

static void paths(const char *path) {
    static char store[WORD_BYTES + WORDS_MAX], again[WORD_BYTES + WORDS_MAX], anew[3 * WORD_BYTES];
    if (strlen(path) >= WORD_BYTES / 4) return;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct ask a = {.req = NULL}, b = a;
        if (!match(routes[i].path, path, store, &a)) continue;
        size_t n = 0;
        int word = 0;
        for (const char *r = routes[i].path; *r; r++) {
            if (*r != '{') {
                anew[n++] = *r;
                continue;
            }
            const char *text = a.words[word++];
            CHECK(*text);
            n += hob_url_encode(text, strlen(text), NULL, anew + n, sizeof anew - n);
            r += r[1] == '*' ? 2 : 1;
        }
        CHECK(match(routes[i].path, edge_string(anew, n), again, &b));
        for (int k = 0; k < word; k++) CHECK(strcmp(a.words[k], b.words[k]) == 0);
        CHECK(!b.words[word] || word == WORDS_MAX - 1);
    }
}

/* ---- the query ---- */

static void query(const char *text) {
    struct ask a = {.query = {text, strlen(text)}};
    char *room = edge_room(16), again[32];
    size_t n = 77;
    double seconds = 77;
    int rc = ask_text(&a, "n", room, 16);
    bool count = ask_count(&a, "n", 5, 5000, &n), time = ask_seconds(&a, "n", 3600, &seconds);
    if (rc > 0) CHECK(strlen(room) < 16);
    if (rc == 0) CHECK(count && time && n == 77 && seconds == 77);
    if (rc > 0 && count) {
        CHECK(n >= 5 && n <= 5000);
        snprintf(again, sizeof again, "%zu", n);
        CHECK(strcmp(room + strspn(room, "0"), again) == 0);
        CHECK(!time || seconds == (double)n);
    }
    if (time && rc > 0) CHECK(seconds >= 0 && seconds <= 3600);
}

/* ---- whole requests, in a simulated world ---- */

enum { ANSWER_MAX = 1 << 16 };

static struct {
    char request[16384], answer[ANSWER_MAX + 1];
    size_t size, got;
    bool ended;
} said;

static int serves(struct hob_listener *l) {
    return hob_http_serve(l, routes_answer, NULL, (struct hob_http_options){0});
}
HOB_TASK(serves, struct hob_listener *)

/* Until the server ends the connection, a minute is over, or it is a long one. */
static int asks(struct hob_listener *l) {
    struct hob_stream *s;
    HOB_TRY(hob_connect(hob_listener_address(l), &s));
    int rc = (int)hob_write(s, said.request, said.size);
    if (rc >= 0) rc = hob_shutdown(s);
    while (rc >= 0 && said.got < ANSWER_MAX) {
        ssize_t n = hob_read(s, said.answer + said.got, ANSWER_MAX - said.got);
        if (n <= 0) {
            said.ended = n == 0;
            break;
        }
        said.got += (size_t)n;
    }
    hob_abort(s);
    return 0;
}

static int conversation(void) {
    struct hob_listener *l;
    HOB_SCOPE(scope);
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    hob_spawn(scope, serves, l);
    int rc = hob_within(60, asks(l));
    hob_scope_cancel(scope);
    hob_join(scope);
    hob_listener_close(l);
    return rc == -ETIMEDOUT ? 0 : rc;
}
HOB_TASK(conversation)

static void quiet(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind, (void)text, (void)arg;
}

/* The answer at *at, whole, and how long it is; 0: the rest is not to be taken apart (it was cut,
 * or is as long as the connection). */
static size_t look_at_answer(const char *at, size_t left) {
    const char *body = strstr(at, "\r\n\r\n");
    int status = 0;
    CHECK(sscanf(at, "HTTP/1.%*1[01] %3d", &status) == 1 && status >= 100);
    CHECK(status != 500 || strstr(said.request, "/status/") || strstr(said.request, "/drip"));
    if (!said.ended || !body) return 0;
    body += 4;
    const char *length = strcasestr(at, "\r\ncontent-length: ");
    const char *type = strcasestr(at, "\r\ncontent-type: application/json\r\n");
    const char *coding = strcasestr(at, "\r\ncontent-encoding:");
    if (!length || length > body || strstr(said.request, "HEAD")) return 0;
    size_t size = strtoull(length + 18, NULL, 10);
    if (status == 304) size = 0;
    CHECK(size <= left - (size_t)(body - at));
    if (type && type < body && !(coding && coding < body) && size > 0)
        CHECK(hob_json_check(body, size, 512) == 0);
    return (size_t)(body - at) + size;
}

static void look_at_answers(void) {
    said.answer[said.got] = 0;
    for (size_t at = 0, n; at < said.got; at += n) /* none: a head that never ended, a long delay */
        if ((n = look_at_answer(said.answer + at, said.got - at)) == 0) break;
}

static void request(struct fuzz_input *in) {
    static const char *const methods[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"};
    static const char *const headers[] = {"Authorization", "Cookie",         "Range",
                                          "If-Match",      "If-None-Match",  "Last-Event-ID",
                                          "Content-Type",  "X-Forwarded-For"};
    static bool set;
    unsigned how = fuzz_byte(in);
    size_t n;
    if (!set) set = setenv("HOB_SLOW_MS", "0", 1) == 0 && setenv("HOB_BACKEND", "sim", 1) == 0;
    const uint8_t *target = fuzz_bytes(in, 255, &n);
    said.size =
        (size_t)sprintf(said.request, "%s /%.*s HTTP/1.1\r\nHost: here\r\n%s: ", methods[how % 6],
                        (int)n, (const char *)target, headers[how / 6 % 8]);
    const uint8_t *value = fuzz_bytes(in, 255, &n);
    memcpy(said.request + said.size, value, n);
    said.size += n;
    bool body = how % 6 == 1 || how % 6 == 3;
    char *end = said.request + said.size;
    said.size += (size_t)sprintf(end, "\r\nConnection: close\r\n");
    end = said.request + said.size;
    if (body)
        said.size += (size_t)sprintf(end, "Content-Length: %zu\r\n\r\n", in->left);
    else
        said.size += (size_t)sprintf(end, "\r\n");
    if (body && in->left < 8000) {
        memcpy(said.request + said.size, in->at, in->left);
        said.size += in->left;
    }
    said.request[said.size] = 0;
    said.got = 0;
    said.ended = false;
    hob_set_report(quiet, NULL);
    long live = hob__alloc_live();
    CHECK(hob_run_with((struct hob_options){.no_interrupt = true}, conversation) == 0);
    hob_error_clear();
    CHECK(hob__alloc_live() == live);
    look_at_answers();
}

FUZZ(data, n) {
    struct fuzz_input in = {data, n}, again = in;
    if (n > 8000) return;
    const char *text = edge_kept_string(data, n);
    params(&again);
    again = in;
    tags(&again);
    any_params(text);
    base64(text);
    choices(text);
    one_range(text, n);
    paths(text);
    query(text);
    request(&in);
}
