/* playground/echo.c - requests told back as JSON: /get, /post, /anything and the like. */
#include <hob/arena.h>
#include <hob/json.h>
#include <hob/multipart.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "playground/routes.h"
#include "tool.h"

enum { PAIRS_MAX = 1000, FILES_MAX = 16 << 20 };

/* ---- names and values ---- */

struct pair {
    const char *name, *value;
    size_t name_size, value_size;
};

struct pairs {
    struct pair *at; /* up to PAIRS_MAX */
    size_t count;
    int (*compare)(const char *a, const char *b, size_t n); /* of their names */
};

static bool same_name(const struct pairs *p, size_t i, size_t j) {
    const struct pair *a = &p->at[i], *b = &p->at[j];
    return a->name_size == b->name_size && p->compare(a->name, b->name, a->name_size) == 0;
}

/* A name's value; its values, a list, when it is there several times. */
static void print_values(FILE *out, const struct pairs *p, size_t i) {
    bool list = false;
    for (size_t j = i + 1; j < p->count && !list; j++) list = same_name(p, i, j);
    if (list) fputc('[', out);
    for (size_t j = i; j < p->count; j++) {
        if (j > i && (!list || !same_name(p, i, j))) continue;
        if (j > i) fputs(", ", out);
        json_string(out, p->at[j].value, p->at[j].value_size);
    }
    if (list) fputc(']', out);
}

static void print_pairs(FILE *out, const struct pairs *p) {
    for (size_t i = 0; i < p->count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++) seen = same_name(p, i, j);
        if (seen) continue;
        fputs(i ? ",\n    " : "\n    ", out);
        json_string(out, p->at[i].name, p->at[i].name_size);
        fputs(": ", out);
        print_values(out, p, i);
    }
}

static int add(struct pairs *p, struct hob_arena *memory, struct pair pair) {
    if (!p->at) p->at = hob_arena_alloc(memory, PAIRS_MAX * sizeof *p->at);
    if (!p->at) return -ENOMEM;
    if (p->count == PAIRS_MAX) return HOB_E_LIMIT;
    p->at[p->count++] = pair;
    return 0;
}

static size_t decode(struct hob_slice part, char *out) {
    if (!part.at) return 0;
    int n = hob_url_decode(part.at, part.size, true, out);
    return n < 0 ? 0 : (size_t)n;
}

/* The pairs of a query, or of a form. */
static int add_query(struct pairs *p, struct hob_arena *memory, struct hob_slice query) {
    struct hob_slice name, value;
    char *at = hob_arena_alloc(memory, query.size + 1); /* decoding makes nothing longer */
    if (!at) return -ENOMEM;
    while (hob_query_next(&query, &name, &value)) {
        struct pair pair = {.name = at, .name_size = decode(name, at)};
        at += pair.name_size;
        pair.value = at;
        pair.value_size = decode(value, at);
        at += pair.value_size;
        HOB_TRY(add(p, memory, pair));
    }
    return 0;
}

/* ---- parts of a request ---- */

int print_headers(FILE *out, struct hob_request *req) {
    HOB_ARENA(memory);
    struct pairs p = {.compare = strncasecmp};
    int rc = 0;
    for (size_t i = 0; i < hob_request_header_count(req) && rc >= 0; i++) {
        struct hob_header h = hob_request_header_at(req, i);
        rc = add(&p, &memory, (struct pair){h.name, h.value, strlen(h.name), strlen(h.value)});
    }
    fputs("\"headers\": {", out);
    print_pairs(out, &p);
    fputs("}", out);
    return rc;
}

void print_origin(FILE *out, struct hob_request *req) {
    const char *client = hob_request_client(req), *colon = strrchr(client, ':');
    bool has_port = colon && strncmp(client, "unix:", 5) != 0;
    fputs("\"origin\": ", out);
    json_string(out, client, has_port ? (size_t)(colon - client) : strlen(client));
}

static void print_url(FILE *out, struct hob_request *req) {
    const char *target = hob_request_target(req);
    char *url = NULL;
    int n = target[0] == '/' ? asprintf(&url, "%s://%s%s", hob_request_scheme(req),
                                        hob_request_host(req), target)
                             : asprintf(&url, "%s", target);
    fputs("\"url\": ", out);
    json_string(out, n < 0 ? "" : url, n < 0 ? 0 : (size_t)n);
    if (n >= 0) free(url);
}

int print_request(FILE *out, const struct ask *a, const char *indent) {
    HOB_ARENA(memory);
    struct pairs args = {.compare = strncmp};
    int rc = add_query(&args, &memory, a->query);
    fprintf(out, "%s\"args\": {", indent);
    print_pairs(out, &args);
    fprintf(out, "},%s", indent);
    if (rc >= 0) rc = print_headers(out, a->req);
    fprintf(out, ",%s", indent);
    print_origin(out, a->req);
    fprintf(out, ",%s", indent);
    print_url(out, a->req);
    return rc;
}

/* ---- bodies ---- */

struct body {
    struct pairs form, files;
    const char *data;
    size_t size;
};

static bool type_is(const char *type, const char *kind) {
    size_t n = strlen(kind);
    return type && strncasecmp(type, kind, n) == 0 && (!type[n] || strchr("; \t", type[n]));
}

static int read_parts(struct hob_request *req, struct hob_arena *memory, struct body *body) {
    HOB_MULTIPART(parts);
    struct hob_multipart_part part;
    struct hob_slice value;
    int rc;
    HOB_TRY(hob_request_multipart(req, &parts, .max_parts = PAIRS_MAX));
    while ((rc = hob_multipart_next(parts, &part)) > 0) {
        struct pair pair = {.name_size = strlen(part.name)};
        pair.name = hob_arena_copy(memory, part.name, pair.name_size);
        struct pairs *list = part.filename ? &body->files : &body->form;
        HOB_TRY(hob_multipart_value(parts, FILES_MAX, &value));
        pair.value = hob_arena_copy(memory, value.at, value.size);
        pair.value_size = value.size;
        if (!pair.name || !pair.value) return -ENOMEM;
        HOB_TRY(add(list, memory, pair));
    }
    return rc;
}

static int read_body(struct hob_request *req, struct hob_arena *memory, struct body *body) {
    const char *type = hob_request_header(req, "content-type");
    if (type_is(type, "multipart/form-data")) return read_parts(req, memory, body);
    HOB_TRY(hob_request_body(req, &body->data, &body->size));
    if (!type_is(type, "application/x-www-form-urlencoded")) return 0;
    struct hob_slice form = {body->data, body->size};
    body->data = NULL;
    body->size = 0;
    return add_query(&body->form, memory, form);
}

static void print_base64(FILE *out, const unsigned char *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned b = (unsigned)bytes[i] << 16;
        if (i + 1 < n) b |= (unsigned)bytes[i + 1] << 8;
        if (i + 2 < n) b |= bytes[i + 2];
        putc(digits[b >> 18], out);
        putc(digits[b >> 12 & 63], out);
        putc(i + 1 < n ? digits[b >> 6 & 63] : '=', out);
        putc(i + 2 < n ? digits[b & 63] : '=', out);
    }
}

/* What is no text stands there as a data: URL, as httpbin has it. */
static void print_data(FILE *out, const char *data, size_t n) {
    if (is_utf8(data, n)) {
        json_string(out, data, n);
        return;
    }
    fputs("\"data:application/octet-stream;base64,", out);
    print_base64(out, (const unsigned char *)data, n);
    fputs("\"", out);
}

static void print_body(FILE *out, const struct body *b) {
    fputs("\"data\": ", out);
    print_data(out, b->data, b->size);
    fputs(",\n  \"files\": {", out);
    print_pairs(out, &b->files);
    fputs("},\n  \"form\": {", out);
    print_pairs(out, &b->form);
    fputs("},\n  \"json\": ", out);
    if (b->size && hob_json_check(b->data, b->size, 512) == 0)
        fwrite(b->data, 1, b->size, out);
    else
        fputs("null", out);
}

static int tell(const struct ask *a, bool method, bool has_body) {
    HOB_ARENA(memory);
    struct body body = {.form.compare = strncmp, .files.compare = strncmp, .data = ""};
    int rc = has_body ? read_body(a->req, &memory, &body) : 0;
    if (rc == HOB_E_LIMIT) return answer_error(a->req, 413, "the form has too many fields");
    if (rc < 0) return rc;
    struct page p;
    HOB_TRY(page_open(&p));
    fputs("{", p.out);
    rc = print_request(p.out, a, "\n  ");
    if (has_body) {
        fputs(",\n  ", p.out);
        print_body(p.out, &body);
    }
    if (method) {
        fputs(",\n  \"method\": ", p.out);
        json_string(p.out, hob_request_method(a->req), strlen(hob_request_method(a->req)));
    }
    fputs("\n}\n", p.out);
    if (rc >= 0) return page_send(&p, a->req, 200, "application/json", NULL);
    if (page_close(&p) == 0) free(p.text);
    return rc == HOB_E_LIMIT ? answer_error(a->req, 413, "the query has too many fields") : rc;
}

int answer_get(const struct ask *a) { return tell(a, false, false); }
int answer_body(const struct ask *a) { return tell(a, false, true); }
int answer_anything(const struct ask *a) { return tell(a, true, true); }

int answer_headers(const struct ask *a) {
    struct page p;
    HOB_TRY(page_open(&p));
    fputs("{\n  ", p.out);
    int rc = print_headers(p.out, a->req);
    fputs("\n}\n", p.out);
    if (rc >= 0) return page_send(&p, a->req, 200, "application/json", NULL);
    if (page_close(&p) == 0) free(p.text);
    return rc;
}

int answer_ip(const struct ask *a) {
    struct page p;
    HOB_TRY(page_open(&p));
    fputs("{", p.out);
    print_origin(p.out, a->req);
    fputs("}\n", p.out);
    return page_send(&p, a->req, 200, "application/json", NULL);
}

int answer_user_agent(const struct ask *a) {
    struct page p;
    HOB_TRY(page_open(&p));
    const char *agent = hob_request_header(a->req, "user-agent");
    fputs("{\"user-agent\": ", p.out);
    if (agent)
        json_string(p.out, agent, strlen(agent));
    else
        fputs("null", p.out);
    fputs("}\n", p.out);
    return page_send(&p, a->req, 200, "application/json", NULL);
}
