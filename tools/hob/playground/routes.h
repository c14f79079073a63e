/* playground/routes.h - what the playground answers: the table is in routes.c, the answers of each
 * kind are in a file of their own. */
#ifndef PLAYGROUND_ROUTES_H
#define PLAYGROUND_ROUTES_H

#include <hob/hob.h>
#include <hob/http.h>
#include <hob/url.h>
#include <stdio.h>

#define ROUTES_HELP                                                                                \
    "  /                             a page that lists the routes\n"                               \
    "  /get /post /put /patch        the request as JSON: args, headers, origin, url; of those\n"  \
    "  /delete                       with a body also data, form, files, json\n"                   \
    "  /anything /anything/...       the same for any method\n"                                    \
    "  /headers /ip /user-agent      a part of that\n"                                             \
    "  /status/{codes}               a status, 200 to 599; one of several: 200,500; 200:9,500\n"   \
    "  /redirect/{n}                 n redirects; /absolute-redirect/{n} with whole URLs,\n"       \
    "                                /relative-redirect/{n} with paths\n"                          \
    "  /redirect-to?url=URL          ?status_code=307 says which kind\n"                           \
    "  /cookies                      those that came; /cookies/set?name=value,\n"                  \
    "                                /cookies/set/{name}/{value}, /cookies/delete?name\n"          \
    "  /basic-auth/{user}/{password} 401 without them; /hidden-basic-auth/... 404\n"               \
    "  /bearer                       401 without a token\n"                                        \
    "  /digest-auth/{qop}/{user}/{password}[/{algorithm}[/{stale_after}]]\n"                       \
    "                                qop: auth, auth-int or none; MD5, SHA-256, SHA-512-256\n"     \
    "  /gzip /deflate /brotli /zstd  a compressed answer\n"                                        \
    "  /bytes/{n}                    random bytes; ?seed=7 gives the same ones each time\n"        \
    "  /stream-bytes/{n}             the same in chunks, of ?chunk_size=10240\n"                   \
    "  /stream/{n}                   n lines of JSON, 100 at most\n"                               \
    "  /drip                         ?numbytes=10 in ?duration=2 seconds, after ?delay=0,\n"       \
    "                                with the status ?code=200\n"                                  \
    "  /range/{n}                    n letters, of which parts can be asked for (Range);\n"        \
    "                                ?chunk_size=, ?duration=\n"                                   \
    "  /delay/{seconds}              answers after that time (0.25, 1, ... up to 3600)\n"          \
    "  /etag/{etag}                  If-Match, If-None-Match\n"                                    \
    "  /cache /cache/{seconds}       304 to any condition; Cache-Control of that age\n"            \
    "  /response-headers?a=b         has these headers\n"                                          \
    "  /uuid /base64/{value}         a random one; what that stands for\n"                         \
    "  /html /json /xml /forms/post /robots.txt /deny /encoding/utf8\n"                            \
    "  /image /image/png /image/jpeg /image/webp /image/svg\n"                                     \
    "                                an example of each\n"                                         \
    "  /links/{n}                    a page with n links; /links/{n}/{i} is the i-th\n"            \
    "  /items?page={n}               a JSON list, ten items a page; page 5 and later: empty\n"     \
    "  /sse                          server-sent events, ?count=10 of them, each ?delay=1\n"       \
    "  /ws/echo                      a WebSocket that sends back what comes\n"

/* The handler of hob_http_serve(). */
int routes_answer(struct hob_request *req, void *arg);

/* ---- a request, as the answers see it ---- */

enum { WORDS_MAX = 6, WORD_BYTES = 8192 };

struct ask {
    struct hob_request *req;
    const char *words[WORDS_MAX]; /* what stood in the places of {}, decoded */
    struct hob_slice query;
};

/* The values of the query: false when the value is malformed or out of bounds; *out stays as it is
 * when there is none. */
bool ask_count(const struct ask *a, const char *name, size_t min, size_t max, size_t *out);
bool ask_seconds(const struct ask *a, const char *name, double max, double *out);
/* 1, 0 (there is none), or -1: malformed, or cap bytes or more. */
int ask_text(const struct ask *a, const char *name, char *out, size_t cap);

/* ---- answers: each gives what hob_respond() does ---- */

/* A text that is written first and then sent. */
struct page {
    FILE *out;
    char *text;
    size_t size;
};
int page_open(struct page *p); /* 0 or -ENOMEM */
/* Closes it, and answers with it. headers: more of them, or NULL. */
int page_send(struct page *p, struct hob_request *req, int status, const char *type,
              const struct hob_header *headers);
/* Closes it: its text is p->text, to be freed. 0 or -ENOMEM. */
int page_close(struct page *p);

/* {"error": ..., "path": ...} */
int answer_error(struct hob_request *req, int status, const char *error);
int answer_json(struct hob_request *req, int status, const char *text, size_t size);
/* A status with nothing but these headers. */
int answer_empty(struct hob_request *req, int status, const struct hob_header *headers);
/* Is it one line of printable ASCII, so that it may stand in a header? */
bool is_header_text(const char *text);

/* ---- used by others than their own file ---- */
/* Base64 of either alphabet, with its padding or without: false when it is none. out: as many bytes
 * as the text has. */
bool base64_decode(const char *text, char *out, size_t *size);
/* "headers": {...}, and "origin": "..." */
int print_headers(FILE *out, struct hob_request *req);
void print_origin(FILE *out, struct hob_request *req);
/* {"args": ..., "headers": ..., "origin": ..., "url": ...} without the brackets. */
int print_request(FILE *out, const struct ask *a, const char *indent);

/* ---- the answers ---- */
int answer_get(const struct ask *a), answer_body(const struct ask *a),
    answer_anything(const struct ask *a), answer_headers(const struct ask *a),
    answer_ip(const struct ask *a), answer_user_agent(const struct ask *a);
int answer_status(const struct ask *a);
int answer_redirect(const struct ask *a), answer_absolute_redirect(const struct ask *a),
    answer_relative_redirect(const struct ask *a), answer_redirect_to(const struct ask *a);
int answer_cookies(const struct ask *a), answer_cookies_set(const struct ask *a),
    answer_cookie_set(const struct ask *a), answer_cookies_delete(const struct ask *a);
int answer_basic_auth(const struct ask *a), answer_hidden_basic_auth(const struct ask *a),
    answer_bearer(const struct ask *a), answer_digest_auth(const struct ask *a);
int answer_gzip(const struct ask *a), answer_deflate(const struct ask *a),
    answer_brotli(const struct ask *a), answer_zstd(const struct ask *a);
int answer_bytes(const struct ask *a), answer_stream_bytes(const struct ask *a),
    answer_stream(const struct ask *a), answer_drip(const struct ask *a),
    answer_range(const struct ask *a), answer_delay(const struct ask *a);
int answer_etag(const struct ask *a), answer_cache(const struct ask *a),
    answer_cache_for(const struct ask *a), answer_response_headers(const struct ask *a);
int answer_uuid(const struct ask *a), answer_base64(const struct ask *a),
    answer_html(const struct ask *a), answer_json_example(const struct ask *a),
    answer_xml(const struct ask *a), answer_form(const struct ask *a),
    answer_robots(const struct ask *a), answer_deny(const struct ask *a),
    answer_utf8(const struct ask *a), answer_image(const struct ask *a),
    answer_png(const struct ask *a), answer_jpeg(const struct ask *a),
    answer_webp(const struct ask *a), answer_svg(const struct ask *a),
    answer_links(const struct ask *a), answer_items(const struct ask *a);
int answer_sse(const struct ask *a), answer_ws_echo(const struct ask *a);

#endif
