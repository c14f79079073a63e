/* http/client/har.c - entries of a HAR file, made when an exchange is over, which must not wait,
 * and written when the next one begins, which may. */
#include "http/client/har.h"

#include <fcntl.h>
#include <hob/error.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/json_builder.h>
#include <hob/stream.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "http/client/client.h"
#include "http/cookie.h"

enum { WRITE_AT = 64 << 10, ROOM = 4 << 20, ENTRY_MAX = 1 << 20, TEXT_MAX = 4096 };

struct hob_har {
    struct hob_file *file;
    struct hob_stream *stream; /* its way, if it is none with positions: a FIFO, a terminal */
    struct hob__buffer pending;
    uint64_t entries, left_out;
    int64_t clock; /* the wall's milliseconds, less the loop's */
    int error;
    bool writing;
};

/* ---- the file ---- */

static const char beginning[] =
    "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"hob\",\"version\":\"" HOB_VERSION
    "\"},\"entries\":[";

static int open_target(struct hob_har *har, const char *path) {
    struct stat st;
    HOB_TRY(hob_open(path, "w", &har->file));
    HOB_TRY(hob_file_stat(har->file, &st));
    if (S_ISREG(st.st_mode)) return 0;
    int fd = fcntl(hob_file_fd(har->file), F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return hob_fail(-errno, "cannot write '%s': %s", path, hob_strerror(-errno));
    int rc = hob_stream_open(fd, &har->stream);
    if (rc < 0) close(fd);
    return rc;
}

static int close_target(struct hob_har *har) {
    hob_close(har->stream);
    return hob_file_close(har->file);
}

static int write_out(struct hob_har *har, const char *text, size_t n) {
    return (int)(har->stream ? hob_write(har->stream, text, n)
                             : hob_file_write(har->file, text, n));
}

static int write_pending(struct hob_har *har) {
    struct hob__buffer out = har->pending;
    if (har->writing || hob__buffer_size(&out) == 0) return 0;
    har->pending = (struct hob__buffer){0};
    har->writing = true;
    int rc = har->error;
    if (rc == 0) rc = hob_shielded(write_out(har, hob__buffer_bytes(&out), hob__buffer_size(&out)));
    har->writing = false;
    hob__buffer_free(&out);
    if (rc < 0 && !har->error) har->error = rc;
    return 0;
}

int hob_har_open(struct hob_har **out, const char *path) {
    struct hob_har *har = hob__alloc_zero(sizeof *har);
    *out = NULL;
    if (!har) return hob_fail(-ENOMEM, "no memory for %s", path);
    int rc = open_target(har, path);
    if (rc >= 0)
        rc = hob__buffer_append(&har->pending, beginning, sizeof beginning - 1, SIZE_MAX / 2);
    if (rc < 0) {
        close_target(har);
        hob__free(har);
        return rc;
    }
    har->clock = hob__cookie_now() * 1000 - (int64_t)(hob_now() / 1000000);
    *out = har;
    return 0;
}

int hob_har_close(struct hob_har *har) {
    char end[160];
    if (!har) return 0;
    int n = har->left_out ? snprintf(end, sizeof end, "],\"comment\":\"%llu entries left out\"}}\n",
                                     (unsigned long long)har->left_out)
                          : snprintf(end, sizeof end, "\n]}}\n");
    if (hob__buffer_append(&har->pending, end, (size_t)n, SIZE_MAX / 2) < 0 && !har->error)
        har->error = -ENOMEM;
    write_pending(har);
    int rc = close_target(har);
    if (har->error) rc = har->error;
    hob__buffer_free(&har->pending);
    hob__free(har);
    return rc;
}

/* ---- an entry ---- */

typedef struct hob_json_builder builder;

/* Whatever is not ASCII would have to be UTF-8. */
static void put_text(builder *b, const char *name, const char *text, size_t n) {
    char copy[TEXT_MAX];
    if (n > sizeof copy) n = sizeof copy;
    for (size_t i = 0; i < n; i++) copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    hob_json_name(b, name);
    hob_json_put_string_n(b, copy, n);
}

static void put_string(builder *b, const char *name, const char *text) {
    put_text(b, name, text, strlen(text));
}

static void put_int(builder *b, const char *name, int64_t i) {
    hob_json_name(b, name);
    hob_json_put_int(b, i);
}

static void put_nothing(builder *b, const char *name) {
    hob_json_name(b, name);
    hob_json_begin_array(b);
    hob_json_end_array(b);
}

static bool secret(const char *name, size_t n) {
    static const char *const names[] = {"authorization", "cookie", "set-cookie",
                                        "proxy-authorization"};
    for (int i = 0; i < 4; i++)
        if (strlen(names[i]) == n && strncasecmp(names[i], name, n) == 0) return true;
    return false;
}

static void put_pair(builder *b, struct hob_slice name, struct hob_slice value) {
    hob_json_begin_object(b);
    put_text(b, "name", name.at, name.size);
    if (secret(name.at, name.size))
        put_string(b, "value", "(left out)");
    else
        put_text(b, "value", value.at ? value.at : "", value.size);
    hob_json_end_object(b);
}

/* The lines behind the first of the request's head. */
static void put_request_headers(builder *b, const struct hob__buffer *head) {
    hob_json_name(b, "headers");
    hob_json_begin_array(b);
    const char *at = hob__buffer_size(head) ? hob__buffer_bytes(head) : "";
    const char *end = at + hob__buffer_size(head), *line = memchr(at, '\n', (size_t)(end - at));
    while (line && ++line < end) {
        const char *stop = memchr(line, '\r', (size_t)(end - line));
        const char *colon = stop ? memchr(line, ':', (size_t)(stop - line)) : NULL;
        if (!colon) break;
        const char *value = colon + 1 + (colon + 1 < stop && colon[1] == ' ');
        put_pair(b, (struct hob_slice){line, (size_t)(colon - line)},
                 (struct hob_slice){value, (size_t)(stop - value)});
        line = memchr(stop, '\n', (size_t)(end - stop));
    }
    hob_json_end_array(b);
}

static void put_query(builder *b, const char *url) {
    const char *mark = strchr(url, '?');
    struct hob_slice rest = {mark ? mark + 1 : "", mark ? strlen(mark + 1) : 0}, name, value;
    hob_json_name(b, "queryString");
    hob_json_begin_array(b);
    while (hob_query_next(&rest, &name, &value)) put_pair(b, name, value);
    hob_json_end_array(b);
}

static void put_request(builder *b, const struct hob_response *res, const char *protocol) {
    const struct hob__har_note *note = res->note;
    hob_json_name(b, "request");
    hob_json_begin_object(b);
    put_string(b, "method", note->method);
    put_string(b, "url", res->url ? res->url : "");
    put_string(b, "httpVersion", *protocol ? protocol : "HTTP/1.1");
    put_nothing(b, "cookies");
    put_request_headers(b, &note->head);
    put_query(b, res->url ? res->url : "");
    size_t n = hob__buffer_size(&note->head);
    put_int(b, "headersSize", n ? (int64_t)n : -1);
    put_int(b, "bodySize", note->body);
    hob_json_end_object(b);
}

static void put_response(builder *b, const struct hob_response *res, const char *protocol) {
    bool there = res->block != NULL;
    const char *type = there ? hob_response_header(res, "content-type") : NULL;
    const char *location = there ? hob_response_header(res, "location") : NULL;
    int64_t received = there ? (int64_t)res->wire.received : -1;
    hob_json_name(b, "response");
    hob_json_begin_object(b);
    put_int(b, "status", there ? hob_response_status(res) : 0);
    put_string(b, "statusText", there ? hob_http_phrase(hob_response_status(res)) : "");
    put_string(b, "httpVersion", protocol);
    put_nothing(b, "cookies");
    hob_json_name(b, "headers");
    hob_json_begin_array(b);
    for (size_t i = 0; there && i < hob_response_header_count(res); i++) {
        struct hob_header h = hob_response_header_at(res, i);
        put_pair(b, (struct hob_slice){h.name, strlen(h.name)},
                 (struct hob_slice){h.value, strlen(h.value)});
    }
    hob_json_end_array(b);
    hob_json_name(b, "content");
    hob_json_begin_object(b);
    put_int(b, "size", there ? received : 0);
    put_string(b, "mimeType", type ? type : "");
    hob_json_end_object(b);
    put_string(b, "redirectURL", location ? location : "");
    put_int(b, "headersSize", -1);
    put_int(b, "bodySize", received);
    hob_json_end_object(b);
}

/* Milliseconds; -1: there was none. */
static void put_time(builder *b, const char *name, double seconds, bool always) {
    hob_json_name(b, name);
    if (seconds > 0 || always)
        hob_json_put_double(b, seconds * 1000);
    else
        hob_json_put_int(b, -1);
}

static void put_timings(builder *b, const struct hob_phases *p) {
    hob_json_name(b, "timings");
    hob_json_begin_object(b);
    put_time(b, "blocked", p->pool, false);
    put_time(b, "dns", p->dns, false);
    put_time(b, "connect", p->connect + p->tunnel + p->tls, false);
    put_time(b, "ssl", p->tls, false);
    put_time(b, "send", p->send, true);
    put_time(b, "wait", p->wait, true);
    put_time(b, "receive", p->body, true);
    hob_json_end_object(b);
}

static void put_date(builder *b, const struct hob_har *har, uint64_t at) {
    int64_t ms = har->clock + (int64_t)(at / 1000000);
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char date[40], text[64];
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof text, "%s.%03dZ", date, (int)(ms % 1000));
    put_string(b, "startedDateTime", text);
}

static void put_entry(builder *b, const struct hob_har *har, const struct hob_response *res,
                      int rc) {
    struct hob_phases p;
    hob_response_phases(res, &p);
    hob_json_begin_object(b);
    put_date(b, har, res->note->began);
    put_time(b, "time", p.total - p.before, true);
    put_request(b, res, p.protocol);
    put_response(b, res, p.protocol);
    hob_json_name(b, "cache");
    hob_json_begin_object(b);
    hob_json_end_object(b);
    put_timings(b, &p);
    char *port = strrchr(p.peer, ':');
    if (port && p.peer[0] != 'u') {
        *port = 0;
        size_t six = p.peer[0] == '[';
        put_text(b, "serverIPAddress", p.peer + six, strlen(p.peer) - 2 * six);
    }
    if (rc < 0) put_string(b, "comment", hob_strerror(rc));
    hob_json_end_object(b);
}

/* ---- the client's calls ---- */

int hob__har_begin(struct hob_response *res, const char *method) {
    struct hob_har *har = res->client->options.har;
    if (!har) return 0;
    if (hob__buffer_size(&har->pending) >= WRITE_AT) write_pending(har);
    if (!res->note) res->note = hob__alloc_zero(sizeof *res->note);
    if (!res->note) {
        har->left_out++;
        return hob_check();
    }
    res->note->open = true;
    res->note->began = hob_now();
    res->note->body = 0;
    snprintf(res->note->method, sizeof res->note->method, "%s", method);
    hob__buffer_free(&res->note->head);
    return hob_check();
}

void hob__har_head(struct hob_response *res, const char *head, size_t n, int64_t body) {
    if (!res->note || !res->note->open) return;
    hob__buffer_free(&res->note->head);
    hob__buffer_append(&res->note->head, head, n, SIZE_MAX / 2); /* else without */
    res->note->body = body;
}

void hob__har_end(struct hob_response *res, int rc) {
    struct hob_har *har = res->client->options.har;
    HOB_JSON_BUILDER(b);
    struct hob_slice text;
    if (!har || !res->note || !res->note->open) return;
    res->note->open = false;
    int made = hob_json_builder_new(&b, .limit = ENTRY_MAX);
    if (made == 0) {
        put_entry(b, har, res, rc);
        made = hob_json_finish(b, &text);
    }
    if (made == 0) made = hob__buffer_reserve(&har->pending, text.size + 2, ROOM);
    if (made < 0) {
        har->left_out++;
        return;
    }
    hob__buffer_append(&har->pending, har->entries ? ",\n" : "\n", har->entries ? 2 : 1, ROOM);
    hob__buffer_append(&har->pending, text.at, text.size, ROOM);
    har->entries++;
}

void hob__har_free(struct hob_response *res) {
    if (!res->note) return;
    hob__buffer_free(&res->note->head);
    hob__free(res->note);
}
