/* http/server/access_line.c - the lines of access logs. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/server/access_log.h"
#include "http/server/server.h"

struct line {
    char *at, *end;
    bool json;
    bool word; /* a blank, or a bracket, would end what is being written */
};

static void put(struct line *l, const char *bytes, size_t n) {
    size_t room = (size_t)(l->end - l->at);
    if (n > room) n = room;
    memcpy(l->at, bytes, n);
    l->at += n;
}

static void put_text(struct line *l, const char *text) { put(l, text, strlen(text)); }

enum { TARGET_MAX = 1200, TEXT_MAX = 640, ESCAPE_MAX = 6 }; /* together they leave room in a line */

/* A text of the client's, of which nothing may look like a part of the line; cut when it is long.
 */
static void put_cut(struct line *l, const char *text, ptrdiff_t max) {
    static const char hex[] = "0123456789abcdef";
    const char *end = l->at + max - ESCAPE_MAX;
    for (const char *c = text; *c && l->at <= end; c++) {
        unsigned char u = (unsigned char)*c;
        if (u == '"' || u == '\\') {
            put(l, "\\", 1);
            put(l, c, 1);
        } else if (u < 0x20 || u >= 0x7f || (l->word && strchr(" []", u))) {
            put_text(l, l->json ? "\\u00" : "\\x");
            put(l, &hex[u >> 4], 1);
            put(l, &hex[u & 15], 1);
        } else {
            put(l, c, 1);
        }
    }
}

static void put_quoted(struct line *l, const char *text) { put_cut(l, text, TEXT_MAX); }

/* One of a header's values, "" or "-" when there is none. */
static void put_header(struct line *l, const struct hob_request *req, const char *name) {
    const char *value = req->field_count ? hob_request_header(req, name) : NULL;
    put_quoted(l, value ? value : l->json ? "" : "-");
}

/* "127.0.0.1" out of "127.0.0.1:1234", "::1" out of "[::1]:1234". */
static void put_client(struct line *l, const struct hob_request *req) {
    const char *at = hob_request_client(req);
    size_t n = strlen(at);
    const char *colon = strrchr(at, ':');
    if (*at == '[' && strchr(at, ']')) {
        at++;
        n = strcspn(at, "]");
    } else if (colon && strchr(at, ':') == colon) {
        n = (size_t)(colon - at);
    }
    char host[128];
    if (n >= sizeof host) n = sizeof host - 1;
    memcpy(host, at, n);
    host[n] = 0;
    l->word = !l->json; /* what a proxy says need not be an address */
    put_quoted(l, host);
    l->word = false;
}

static void put_time(struct line *l, int64_t wall) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static __thread int64_t made = -1;
    static __thread bool made_json;
    static __thread char text[40];
    if (wall != made || made_json != l->json) {
        struct tm tm;
        time_t t = (time_t)wall;
        gmtime_r(&t, &tm);
        if (l->json) {
            strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        } else {
            strftime(text, sizeof text, "%d/xxx/%Y:%H:%M:%S +0000", &tm);
            memcpy(text + 3, months + 3 * tm.tm_mon, 3); /* whatever the locale says */
        }
        made = wall;
        made_json = l->json;
    }
    put_text(l, text);
}

static void put_number(struct line *l, uint64_t n) {
    char digits[24];
    put(l, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n));
}

static void put_common(struct line *l, const struct hob_request *req, int64_t wall) {
    put_client(l, req);
    put_text(l, " - - [");
    put_time(l, wall);
    put_text(l, "] \"");
    if (*req->method) {
        put_quoted(l, req->method);
        put_text(l, " ");
        put_cut(l, req->target, TARGET_MAX);
        put_text(l, req->wire->h2 ? " HTTP/2.0" : req->wire->h1.minor ? " HTTP/1.1" : " HTTP/1.0");
    } else {
        put_text(l, "-"); /* what it sent was no request */
    }
    put_text(l, "\" ");
    put_number(l, req->status);
    put_text(l, " ");
    put_number(l, req->sent);
}

static void put_json(struct line *l, const struct hob_request *req, int64_t wall, uint64_t now) {
    char seconds[48];
    put_text(l, "{\"time\":\"");
    put_time(l, wall);
    put_text(l, "\",\"client\":\"");
    put_client(l, req);
    put_text(l, "\",\"method\":\"");
    put_quoted(l, req->method);
    put_text(l, "\",\"target\":\"");
    put_cut(l, req->target, TARGET_MAX);
    put_text(l, "\",\"host\":\"");
    put_quoted(l, req->field_count ? hob_request_host(req) : "");
    put_text(l, "\",\"status\":");
    put_number(l, req->status);
    put_text(l, ",\"bytes\":");
    put_number(l, req->sent);
    uint64_t us = req->began && now > req->began ? (now - req->began) / 1000 : 0;
    snprintf(seconds, sizeof seconds, ",\"seconds\":%llu.%06llu", (unsigned long long)us / 1000000,
             (unsigned long long)us % 1000000);
    put_text(l, seconds);
    put_text(l, ",\"referer\":\"");
    put_header(l, req, "referer");
    put_text(l, "\",\"user_agent\":\"");
    put_header(l, req, "user-agent");
    put_text(l, "\"}");
}

size_t hob__access_line(char *out, enum hob_log_format format, const struct hob_request *req,
                        int64_t wall, uint64_t now_ns) {
    struct line l = {out, out + HOB__LOG_LINE - 1, format == HOB_LOG_JSON, false};
    if (l.json) {
        put_json(&l, req, wall, now_ns);
    } else {
        put_common(&l, req, wall);
        if (format == HOB_LOG_COMBINED) {
            put_text(&l, " \"");
            put_header(&l, req, "referer");
            put_text(&l, "\" \"");
            put_header(&l, req, "user-agent");
            put_text(&l, "\"");
        }
    }
    *l.at++ = '\n';
    return (size_t)(l.at - out);
}
