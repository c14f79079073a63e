/* playground/routes.c - which route a request is for, and what all answers share. */
#include "playground/routes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static int index_page(const struct ask *a) {
    static const char page[] = "<!doctype html>\n"
                               "<html lang=\"en\"><meta charset=\"utf-8\">"
                               "<title>Hob's playground</title>\n"
                               "<h1>Hob's playground</h1>\n"
                               "<pre>\n" ROUTES_HELP "</pre>\n"
                               "<p>Try <a href=\"/get?a=1\">/get?a=1</a>,"
                               " <a href=\"/delay/1\">/delay/1</a>,"
                               " <a href=\"/status/404\">/status/404</a>,"
                               " <a href=\"/redirect/3\">/redirect/3</a>,"
                               " <a href=\"/bytes/16?seed=7\">/bytes/16?seed=7</a>,"
                               " <a href=\"/items?page=1\">/items?page=1</a></p>\n"
                               "</html>\n";
    return hob_respond_text(a->req, 200, "text/html; charset=utf-8", page);
}

/* ---- the table ---- */

/* {} is one word, {*} at the end all that is left. methods: NULL: GET and HEAD; "*": any. */
static const struct route {
    const char *path, *methods;
    int (*answer)(const struct ask *a);
} routes[] = {
    {"/", NULL, index_page},
    {"/get", NULL, answer_get},
    {"/post", "POST", answer_body},
    {"/put", "PUT", answer_body},
    {"/patch", "PATCH", answer_body},
    {"/delete", "DELETE", answer_body},
    {"/anything", "*", answer_anything},
    {"/anything/{*}", "*", answer_anything},
    {"/headers", NULL, answer_headers},
    {"/ip", NULL, answer_ip},
    {"/user-agent", NULL, answer_user_agent},
    {"/status/{}", "*", answer_status},
    {"/redirect/{}", NULL, answer_redirect},
    {"/absolute-redirect/{}", NULL, answer_absolute_redirect},
    {"/relative-redirect/{}", NULL, answer_relative_redirect},
    {"/redirect-to", "*", answer_redirect_to},
    {"/cookies", NULL, answer_cookies},
    {"/cookies/set", NULL, answer_cookies_set},
    {"/cookies/set/{}/{}", NULL, answer_cookie_set},
    {"/cookies/delete", NULL, answer_cookies_delete},
    {"/basic-auth/{}/{}", NULL, answer_basic_auth},
    {"/hidden-basic-auth/{}/{}", NULL, answer_hidden_basic_auth},
    {"/bearer", NULL, answer_bearer},
    {"/digest-auth/{}/{}/{}", "*", answer_digest_auth},
    {"/digest-auth/{}/{}/{}/{}", "*", answer_digest_auth},
    {"/digest-auth/{}/{}/{}/{}/{}", "*", answer_digest_auth},
    {"/gzip", NULL, answer_gzip},
    {"/deflate", NULL, answer_deflate},
    {"/brotli", NULL, answer_brotli},
    {"/zstd", NULL, answer_zstd},
    {"/bytes/{}", NULL, answer_bytes},
    {"/stream-bytes/{}", NULL, answer_stream_bytes},
    {"/stream/{}", NULL, answer_stream},
    {"/drip", NULL, answer_drip},
    {"/range/{}", NULL, answer_range},
    {"/delay/{}", "*", answer_delay},
    {"/etag/{}", NULL, answer_etag},
    {"/cache", NULL, answer_cache},
    {"/cache/{}", NULL, answer_cache_for},
    {"/response-headers", "GET, HEAD, POST", answer_response_headers},
    {"/uuid", NULL, answer_uuid},
    {"/base64/{}", NULL, answer_base64},
    {"/html", NULL, answer_html},
    {"/json", NULL, answer_json_example},
    {"/xml", NULL, answer_xml},
    {"/forms/post", NULL, answer_form},
    {"/robots.txt", NULL, answer_robots},
    {"/deny", NULL, answer_deny},
    {"/encoding/utf8", NULL, answer_utf8},
    {"/image", NULL, answer_image},
    {"/image/png", NULL, answer_png},
    {"/image/jpeg", NULL, answer_jpeg},
    {"/image/webp", NULL, answer_webp},
    {"/image/svg", NULL, answer_svg},
    {"/links/{}", NULL, answer_links},
    {"/links/{}/{}", NULL, answer_links},
    {"/items", NULL, answer_items},
    {"/sse", NULL, answer_sse},
    {"/ws/echo", NULL, answer_ws_echo},
};

/* The word at path[0..n), decoded behind what is in `store`: false when that is no text. */
static bool take_word(const char *path, size_t n, char **store, const char **out) {
    int size = hob_url_decode(path, n, false, *store);
    if (size <= 0 || memchr(*store, 0, (size_t)size)) return false;
    *out = *store;
    *store += size;
    *(*store)++ = 0;
    return true;
}

/* Is the path this route's? Its words then are in `a`, and in the store. */
static bool match(const char *route, const char *path, char *store, struct ask *a) {
    int count = 0;
    while (*route) {
        if (*route != '{') {
            if (*route++ != *path++) return false;
            continue;
        }
        bool rest = route[1] == '*';
        size_t n = rest ? strlen(path) : strcspn(path, "/");
        if (!take_word(path, n, &store, &a->words[count++])) return false;
        path += n;
        route += rest ? 3 : 2;
    }
    return !*path;
}

/* Does the comma-separated list have it? */
static bool listed(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n) {
        bool begins = at == list || at[-1] == ' ';
        if (begins && (at[n] == ',' || !at[n])) return true;
    }
    return false;
}

/* None of these, or OPTIONS, which asks for them. */
static int answer_methods(struct hob_request *req, const char *methods) {
    char allow[64];
    bool asks = strcmp(hob_request_method(req), "OPTIONS") == 0;
    snprintf(allow, sizeof allow, "%s, OPTIONS", methods);
    return answer_empty(req, asks ? 204 : 405, HOB_HEADERS({"allow", allow}));
}

int routes_answer(struct hob_request *req, void *arg) {
    (void)arg;
    const char *path = hob_request_path(req), *query = hob_request_query(req);
    size_t n = strlen(path);
    if (n >= WORD_BYTES) return answer_error(req, 414, "the path is too long");
    char *store = __builtin_alloca(n + WORDS_MAX); /* not more: thousands wait in their handlers */
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct ask a = {.req = req, .query = {query, strlen(query)}};
        if (!match(routes[i].path, path, store, &a)) continue;
        const char *methods = routes[i].methods ? routes[i].methods : "GET, HEAD";
        if (*methods == '*' || listed(methods, hob_request_method(req)))
            return routes[i].answer(&a);
        return answer_methods(req, methods);
    }
    if (strcmp(path, "*") == 0) /* the whole server (RFC 9110, 9.3.7) */
        return answer_methods(req, "GET, HEAD, POST, PUT, PATCH, DELETE");
    return answer_error(req, 404, "no such route; / lists them");
}

/* ---- the query ---- */

int ask_text(const struct ask *a, const char *name, char *out, size_t cap) {
    int rc = hob_query_get(a->query, name, out, cap);
    if (rc == -ENOENT) return 0;
    return rc < 0 || (size_t)rc >= cap ? -1 : 1;
}

bool ask_count(const struct ask *a, const char *name, size_t min, size_t max, size_t *out) {
    char text[32];
    int rc = ask_text(a, name, text, sizeof text);
    return rc == 0 || (rc > 0 && parse_count(text, min, max, out));
}

bool ask_seconds(const struct ask *a, const char *name, double max, double *out) {
    char text[64], *end;
    int rc = ask_text(a, name, text, sizeof text);
    if (rc <= 0) return rc == 0;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= 0 && *out <= max;
}

/* ---- answers ---- */

int page_open(struct page *p) {
    p->text = NULL;
    p->out = open_memstream(&p->text, &p->size);
    return p->out ? 0 : -ENOMEM;
}

int page_close(struct page *p) {
    if (fclose(p->out) == 0) return 0;
    free(p->text);
    p->text = NULL;
    return -ENOMEM;
}

int page_send(struct page *p, struct hob_request *req, int status, const char *type,
              const struct hob_header *headers) {
    enum { HEADERS = 8 };
    struct hob_header all[HEADERS + 2] = {{"content-type", type}};
    for (int i = 0; headers && headers[i].name && i < HEADERS; i++) all[i + 1] = headers[i];
    HOB_TRY(page_close(p));
    int rc = hob_respond(req, status, all, p->text, p->size);
    free(p->text);
    return rc;
}

int answer_json(struct hob_request *req, int status, const char *text, size_t size) {
    return hob_respond(req, status, HOB_HEADERS({"content-type", "application/json"}), text, size);
}

int answer_error(struct hob_request *req, int status, const char *error) {
    struct page p;
    HOB_TRY(page_open(&p));
    const char *path = hob_request_path(req);
    fputs("{\"error\": ", p.out);
    json_string(p.out, error, strlen(error));
    fputs(", \"path\": ", p.out);
    json_string(p.out, path, strlen(path));
    fputs("}\n", p.out);
    return page_send(&p, req, status, "application/json", NULL);
}

int answer_empty(struct hob_request *req, int status, const struct hob_header *headers) {
    return hob_respond(req, status, headers, NULL, 0);
}

bool is_header_text(const char *text) {
    for (const char *c = text; *c; c++)
        if (*c < 0x20 || *c == 0x7f) return false; /* bytes above are less than 0, too */
    return true;
}
