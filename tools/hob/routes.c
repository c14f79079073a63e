/* routes.c - what the playground answers: each route is one function. */
#include "routes.h"

#include <hob/hob.h>
#include <hob/http.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "tool.h"

enum {
    ITEMS = 40,
    ITEMS_PER_PAGE = 10,
    PIECE = 16384, /* bytes of /bytes that are sent at once */
    BYTES_MAX = 1 << 30,
    DELAY_MAX = 3600 /* seconds */
};

static int respond_json(struct hob_request *req, int status, const char *text, size_t size) {
    return hob_respond(req, status, HOB_HEADERS({"content-type", "application/json"}), text, size);
}

/* {"error": ..., "path": ...} */
static int respond_error(struct hob_request *req, int status, const char *error) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return -ENOMEM;
    const char *path = hob_request_path(req);
    fputs("{\"error\": ", out);
    json_string(out, error, strlen(error));
    fputs(", \"path\": ", out);
    json_string(out, path, strlen(path));
    fputs("}\n", out);
    int rc = fclose(out) == 0 ? respond_json(req, status, text, size) : -ENOMEM;
    free(text);
    return rc;
}

static int index_page(struct hob_request *req, const char *rest) {
    (void)rest;
    static const char page[] = "<!doctype html>\n"
                               "<html lang=\"en\"><meta charset=\"utf-8\">"
                               "<title>Hob's playground</title>\n"
                               "<h1>Hob's playground</h1>\n"
                               "<pre>\n" ROUTES_HELP "</pre>\n"
                               "<p>Try <a href=\"/get?a=1\">/get?a=1</a>,"
                               " <a href=\"/delay/1\">/delay/1</a>,"
                               " <a href=\"/status/404\">/status/404</a>,"
                               " <a href=\"/bytes/16?seed=7\">/bytes/16?seed=7</a>,"
                               " <a href=\"/items?page=1\">/items?page=1</a></p>\n"
                               "</html>\n";
    return hob_respond_text(req, 200, "text/html; charset=utf-8", page);
}

static int delay(struct hob_request *req, const char *rest) {
    char *end, text[64];
    double seconds = strtod(rest, &end);
    if (end == rest || *end || !(seconds >= 0) || seconds > DELAY_MAX)
        return respond_error(req, 400, "the delay is a number of seconds from 0 to 3600");
    if (seconds > 0) HOB_TRY(hob_sleep(seconds));
    int n = snprintf(text, sizeof text, "{\"delay\": %g}\n", seconds);
    return respond_json(req, 200, text, (size_t)n);
}

static int status(struct hob_request *req, const char *rest) {
    size_t code;
    if (!parse_count(rest, 200, 599, &code))
        return respond_error(req, 400, "the status is a number from 200 to 599");
    if (code == 204 || code == 304) return hob_respond(req, (int)code, NULL, NULL, 0);
    char text[128];
    int n = snprintf(text, sizeof text, "{\"status\": %zu, \"phrase\": \"%s\"}\n", code,
                     hob_http_phrase((int)code));
    return respond_json(req, (int)code, text, (size_t)n);
}

/* Steele, Lea, Flood: SplitMix64. Not for secrets. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int send_random(struct hob_request *req, size_t left, uint64_t state) {
    uint64_t piece[PIECE / sizeof(uint64_t)];
    HOB_TRY(hob_respond_begin(req, 200, HOB_HEADERS({"content-type", "application/octet-stream"}),
                              (int64_t)left));
    while (left > 0) {
        size_t n = left < sizeof piece ? left : sizeof piece;
        for (size_t i = 0; i * sizeof piece[0] < n; i++) piece[i] = next_random(&state);
        HOB_TRY(hob_respond_write(req, piece, n));
        left -= n;
    }
    return hob_respond_end(req);
}

static struct hob_slice query_of(struct hob_request *req) {
    const char *query = hob_request_query(req);
    return (struct hob_slice){query, strlen(query)};
}

static int bytes(struct hob_request *req, const char *rest) {
    size_t n, seed = 0;
    char text[32];
    if (!parse_count(rest, 0, BYTES_MAX, &n))
        return respond_error(req, 400, "the size is a number from 0 to 1073741824");
    int rc = hob_query_get(query_of(req), "seed", text, sizeof text);
    if (rc == -ENOENT) {
        if (getrandom(&seed, sizeof seed, 0) < 0) return -errno;
    } else if (rc < 0 || rc >= (int)sizeof text || !parse_count(text, 0, SIZE_MAX, &seed)) {
        return respond_error(req, 400, "the seed is a whole number");
    }
    return send_random(req, n, seed);
}

static int items(struct hob_request *req, const char *rest) {
    (void)rest;
    size_t page = 1;
    char text[32], list[ITEMS_PER_PAGE * 64 + 8];
    int rc = hob_query_get(query_of(req), "page", text, sizeof text);
    if (rc != -ENOENT &&
        (rc < 0 || rc >= (int)sizeof text || !parse_count(text, 1, INT32_MAX, &page)))
        return respond_error(req, 400, "the page is a number from 1");
    size_t first = (page - 1) * ITEMS_PER_PAGE, n = 0;
    for (size_t i = first; i < ITEMS && i < first + ITEMS_PER_PAGE; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s{\"id\": %zu, \"name\": \"item %zu\"}",
                              i == first ? "[" : ", ", i + 1, i + 1);
    n += (size_t)snprintf(list + n, sizeof list - n, n ? "]\n" : "[]\n");
    return respond_json(req, 200, list, n);
}

/* ---- /get ---- */

struct pair {
    const char *name, *value;
    size_t name_size, value_size;
};

struct pairs {
    struct pair *at;
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

static size_t decode(struct hob_slice part, char *out) {
    if (!part.at) return 0;
    int n = hob_url_decode(part.at, part.size, true, out);
    return n < 0 ? 0 : (size_t)n;
}

static int print_args(FILE *out, struct hob_slice query) {
    struct hob_slice rest = query, name, value;
    size_t most = 0, count = 0;
    while (hob_query_next(&rest, &name, &value)) most++;
    if (most == 0) return 0;
    struct pair *pairs = malloc(most * sizeof *pairs);
    char *decoded = malloc(query.size); /* decoding makes nothing longer */
    for (char *at = decoded; pairs && at && hob_query_next(&query, &name, &value); count++) {
        pairs[count] = (struct pair){.name = at, .name_size = decode(name, at)};
        at += pairs[count].name_size;
        pairs[count].value = at;
        pairs[count].value_size = decode(value, at);
        at += pairs[count].value_size;
    }
    print_pairs(out, &(struct pairs){pairs, count, strncmp});
    free(decoded);
    free(pairs);
    return count == most ? 0 : -ENOMEM;
}

static int print_headers(FILE *out, struct hob_request *req) {
    size_t count = hob_request_header_count(req);
    struct pair *pairs = malloc((count + 1) * sizeof *pairs);
    if (!pairs) return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct hob_header h = hob_request_header_at(req, i);
        pairs[i] = (struct pair){h.name, h.value, strlen(h.name), strlen(h.value)};
    }
    print_pairs(out, &(struct pairs){pairs, count, strncasecmp});
    free(pairs);
    return 0;
}

static void print_url(FILE *out, struct hob_request *req) {
    const char *host = hob_request_header(req, "host"), *target = hob_request_target(req);
    char *url = NULL;
    int n = target[0] == '/'
                ? asprintf(&url, "%s://%s%s", hob_request_scheme(req), host ? host : "", target)
                : asprintf(&url, "%s", target);
    json_string(out, n < 0 ? "" : url, n < 0 ? 0 : (size_t)n);
    if (n >= 0) free(url);
}

static int get(struct hob_request *req, const char *rest) {
    (void)rest;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return -ENOMEM;
    fputs("{\n  \"args\": {", out);
    int rc = print_args(out, query_of(req));
    fputs("},\n  \"headers\": {", out);
    if (rc >= 0) rc = print_headers(out, req);
    const char *peer = hob_request_peer(req), *colon = strrchr(peer, ':');
    bool has_port = colon && strncmp(peer, "unix:", 5) != 0;
    fputs("},\n  \"origin\": ", out);
    json_string(out, peer, has_port ? (size_t)(colon - peer) : strlen(peer));
    fputs(",\n  \"url\": ", out);
    print_url(out, req);
    fputs("\n}\n", out);
    if (fclose(out) != 0 && rc >= 0) rc = -ENOMEM;
    if (rc >= 0) rc = respond_json(req, 200, text, size);
    free(text);
    return rc;
}

/* ---- the table ---- */

/* A path that ends in "/{}" takes one more word. */
static const struct route {
    const char *path;
    int (*answer)(struct hob_request *req, const char *rest);
} routes[] = {{"/", index_page},      {"/get", get},        {"/delay/{}", delay},
              {"/status/{}", status}, {"/bytes/{}", bytes}, {"/items", items}};

/* What stands in the place of {}, "" without one; NULL when the path is another. */
static const char *match(const struct route *route, const char *path) {
    size_t n = strlen(route->path);
    if (route->path[n - 1] != '}') return strcmp(path, route->path) == 0 ? "" : NULL;
    n -= 2;
    if (strncmp(path, route->path, n) != 0 || !path[n] || strchr(path + n, '/')) return NULL;
    return path + n;
}

int routes_answer(struct hob_request *req, void *arg) {
    (void)arg;
    const char *path = hob_request_path(req), *method = hob_request_method(req);
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const char *rest = match(&routes[i], path);
        if (!rest) continue;
        if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
            return routes[i].answer(req, rest);
        return hob_respond(req, 405, HOB_HEADERS({"allow", "GET, HEAD"}), NULL, 0);
    }
    return respond_error(req, 404, "no such route; / lists them");
}
