/* access_line_fuzz.c - whatever a request says, its line in an access log is one line that has its
 * parts where they belong: JSON that is read back as what was said, or a line whose quoted texts
 * can be told apart and, not cut, come out again. And the headers of a HAR file's entries. */
#include "fuzz.h"

#include "http/client/har.c"

#include <hob/json.h>

#include "http/server/access_log.h"
#include "http/server/server.h"

static struct hob__server server;
static struct hob__http_conn conn;
static struct hob__wire wire;
static struct hob__h1_field fields[3];

/* The text, as the line has it: at most `most` bytes of it. */
static void same_text(const char *got, size_t n, const char *said) {
    size_t m = strlen(said);
    CHECK(n == m || n > 90); /* cut only when it is long */
    CHECK(n <= m && memcmp(got, said, n) == 0);
}

static void json_line(const char *line, size_t n, const struct hob_request *req,
                      const char *referer) {
    struct hob_json_doc *doc;
    struct hob_slice text;
    CHECK(hob_json_parse(line, n, &doc) == 0);
    const struct hob_json *v = hob_json_root(doc);
    static const char *const names[] = {"time",   "client", "method",  "target",  "host",
                                        "status", "bytes",  "seconds", "referer", "user_agent"};
    CHECK(hob_json_size(v) == sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(hob_json_get(v, names[i]));
    CHECK(hob_json_int(hob_json_get(v, "status"), 0) == req->status);
    bool ascii = true, method_ascii = true;
    for (const char *p = referer; *p; p++) ascii &= (unsigned char)*p < 0x80;
    CHECK(hob_json_to_string(hob_json_get(v, "method"), &text) == 0);
    for (const char *p = req->method; *p; p++) method_ascii &= (unsigned char)*p < 0x80;
    if (method_ascii) same_text(text.at, text.size, req->method);
    CHECK(hob_json_to_string(hob_json_get(v, "referer"), &text) == 0);
    if (ascii) same_text(text.at, text.size, referer);
    hob_json_free(doc);
}

/* The next quoted text of the line, unescaped; *p moves behind it. */
static size_t quoted(const char **p, char *out) {
    size_t n = 0;
    CHECK(*(*p)++ == '"');
    for (; **p != '"'; ++*p) {
        CHECK(**p >= 0x20 && **p < 0x7f);
        if (**p != '\\') {
            out[n++] = **p;
            continue;
        }
        char kind = *++*p, hex[3] = "";
        CHECK(kind == '"' || kind == '\\' || kind == 'x');
        if (kind == 'x') {
            hex[0] = *++*p;
            hex[1] = *++*p;
            CHECK(strspn(hex, "0123456789abcdef") == 2);
        }
        out[n++] = (char)(kind == 'x' ? strtol(hex, NULL, 16) : kind);
    }
    ++*p;
    return n;
}

static void combined_line(char *line, const struct hob_request *req, const char *referer) {
    static char text[HOB__LOG_LINE];
    char *word = strchr(line, ' '), *end = strchr(line, ']');
    CHECK(word && end && strncmp(word, " - - [", 6) == 0 && end[1] == ' ' && end > word);
    const char *p = end + 2;
    size_t n = quoted(&p, text);
    size_t method = strlen(req->method) < 90 ? strlen(req->method) : 90; /* long ones are cut */
    if (method) CHECK(n > method && memcmp(text, req->method, method) == 0);
    CHECK(*p++ == ' ' && strtol(p, (char **)&p, 10) == req->status && *p++ == ' ');
    CHECK(strtoull(p, (char **)&p, 10) == req->sent && *p++ == ' ');
    n = quoted(&p, text);
    same_text(text, n, referer);
    CHECK(*p++ == ' ');
    quoted(&p, text);
    CHECK(*p == '\n' && !p[1]);
}

static void har(const uint8_t *head, size_t n, const char *url) {
    struct hob__buffer b = {0};
    HOB_JSON_BUILDER(out);
    struct hob_json_doc *doc;
    struct hob_slice text;
    CHECK(hob__buffer_append(&b, edge_copy(head, n), n, SIZE_MAX / 2) == 0);
    CHECK(hob_json_builder_new(&out, .limit = ENTRY_MAX) == 0);
    hob_json_begin_object(out);
    put_request_headers(out, &b);
    put_query(out, url);
    put_string(out, "url", url);
    hob_json_end_object(out);
    CHECK(hob_json_finish(out, &text) == 0);
    CHECK(hob_json_parse(text.at, text.size, &doc) == 0);
    CHECK(hob_json_size(hob_json_root(doc)) == 3);
    hob_json_free(doc);
    hob__buffer_free(&b);
}

/* Kind, then method, target, Host, Referer, User-Agent. */
FUZZ(data, n) {
    static char line[HOB__LOG_LINE + 1], block[5 * 300];
    static const char *const names[] = {"host", "referer", "user-agent"};
    struct fuzz_input in = {data, n};
    struct hob_request req;
    if (n > 4096) return;
    unsigned kind = fuzz_byte(&in);
    memset(&req, 0, sizeof req);
    req.server = &server, req.conn = &conn, req.wire = &wire;
    conn.client = kind & 4 ? fuzz_string(&in, 60) : (char *)(uintptr_t) "[2001:db8::1]:80";
    req.method = fuzz_string(&in, 255);
    req.target = fuzz_string(&in, 255);
    req.status = (uint16_t)(kind * 7 % 600);
    req.sent = (uint64_t)kind << 30;
    const char *referer = "";
    uint32_t at = 0;
    for (int i = 0; i < 3; i++) {
        char *value = fuzz_string(&in, 255);
        uint32_t name_size = (uint32_t)strlen(names[i]), size = (uint32_t)strlen(value);
        fields[i] = (struct hob__h1_field){at, name_size, at + name_size + 1, size};
        memcpy(block + at, names[i], name_size + 1);
        memcpy(block + at + name_size + 1, value, size + 1);
        if (i == 1) referer = block + fields[i].value;
        at += name_size + size + 2;
    }
    req.block = block, req.fields = fields, req.field_count = 3;
    enum hob_log_format format = kind & 1 ? HOB_LOG_JSON : HOB_LOG_COMBINED;
    size_t size = hob__access_line(edge_room(HOB__LOG_LINE), format, &req, 1700000000 + kind, 0);
    /* edge_room() gives the same place when it has gone round; so the line is made twice. */
    CHECK(size > 0 && size <= HOB__LOG_LINE);
    size = hob__access_line(line, format, &req, 1700000000 + kind, 0);
    line[size] = 0;
    CHECK(strlen(line) == size && strchr(line, '\n') == line + size - 1);
    for (size_t i = 0; i + 1 < size; i++) CHECK(line[i] >= 0x20 && line[i] < 0x7f);
    if (kind & 1)
        json_line(line, size, &req, referer);
    else
        combined_line(line, &req, referer);
    har(in.at, in.left, req.target);
}
