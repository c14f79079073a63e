/* hob/http.h - HTTP client (HTTP/1.1, HTTP/2) and server on tasks and streams. This is what both
 * share and the client; the server is in hob/http_server.h, which comes along.
 *
 *   HOB_CLIENT(client, .base_url = "http://api.example.org/", .max_connections = 30);
 *   struct hob_body body;
 *   int status = HOB_TRY(hob_get(client, "/users/7", &body));
 *   ...
 *   hob_body_free(&body);
 *
 *   static int hello(struct hob_request *req, void *arg) {
 *       return hob_respond_text(req, 200, "text/plain", "hello\n");
 *   }
 *   HOB_TRY(hob_listen("127.0.0.1:8000", &listener));
 *   return hob_http_serve(listener, hello, NULL, (struct hob_http_options){0});
 *
 * Every call that waits is a cancellation point and may be put into hob_within(). Every error
 * leaves a record (hob_error()) that says what went wrong with which request. Clients, responses
 * and requests belong to the loop's thread they were made in. */
#ifndef HOB_HTTP_H
#define HOB_HTTP_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/task.h>
#include <hob/url.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_HTTP_TLS = -5100,                 /* https:// without TLS: this build has no libhob-tls */
    HOB_E_HTTP_START_LINE = -5101,          /* a malformed request line or status line */
    HOB_E_HTTP_VERSION = -5102,             /* not HTTP/1.0 or HTTP/1.1 */
    HOB_E_HTTP_TARGET = -5103,              /* a malformed request target */
    HOB_E_HTTP_LINE_END = -5104,            /* a bare CR, or a bare LF where CR LF must stand */
    HOB_E_HTTP_FIELD_NAME = -5105,          /* a header name that is empty or has an illegal byte */
    HOB_E_HTTP_FIELD_SPACE = -5106,         /* white space between a header's name and its colon */
    HOB_E_HTTP_FIELD_FOLD = -5107,          /* a header continued on the next line */
    HOB_E_HTTP_FIELD_VALUE = -5108,         /* a control character in a header's value */
    HOB_E_HTTP_HOST = -5109,                /* Host is missing, doubled or malformed */
    HOB_E_HTTP_LENGTH = -5110,              /* Content-Length is malformed or contradicts itself */
    HOB_E_HTTP_LENGTH_AND_ENCODING = -5111, /* both Content-Length and Transfer-Encoding */
    HOB_E_HTTP_ENCODING = -5112,            /* a Transfer-Encoding other than "chunked" */
    HOB_E_HTTP_CHUNK = -5113,               /* malformed chunked framing */
    HOB_E_HTTP_LINE_TOO_LONG = -5114,       /* request line, status line or header over the limit */
    HOB_E_HTTP_HEADERS_TOO_LARGE = -5115,   /* the header block goes on beyond the limit */
    HOB_E_HTTP_TOO_MANY_HEADERS = -5116,    /* more headers than the limit */
    HOB_E_HTTP_BODY_TOO_LARGE = -5117,      /* the body goes on beyond the limit */
    HOB_E_HTTP_CUT = -5118,                 /* the connection ended inside the message */
    HOB_E_HTTP_REDIRECT = -5119,            /* too many redirects, or one that cannot be followed */
    HOB_E_HTTP_STATUS = -5120,    /* a status of 400 or more where .fail_on_status asked for less */
    HOB_E_HTTP_STATE = -5121,     /* a call that does not fit the state of the exchange */
    HOB_E_HTTP_ILLEGAL = -5122,   /* what was to be sent has a byte that would break the message */
    HOB_E_HTTP_EXPECT = -5123,    /* an Expect other than 100-continue */
    HOB_E_HTTP_SIZE = -5124,      /* more or less of the body than the size that was announced */
    HOB_E_HTTP_INTERIM = -5125,   /* more interim answers (1xx) than 64 before the final one */
    HOB_E_HTTP_CODING = -5126,    /* a body that is not what its Content-Encoding says */
    HOB_E_HTTP2 = -5130,          /* HTTP/2 without nghttp2: this build does not have it */
    HOB_E_HTTP2_PROTOCOL = -5131, /* the peer broke the rules of HTTP/2, or says that one did */
    HOB_E_HTTP2_RESET = -5132,    /* the peer reset the stream */
    HOB_E_HTTP2_GOAWAY = -5133,   /* the peer gave the connection up, for a bad reason */
    HOB_E_HTTP2_REFUSED = -5134,  /* the peer has not looked at the request, nor will it */
    HOB_E_HTTP2_FLOOD = -5135,    /* more frames than an honest peer would send */
    HOB_E_HTTP_BODY = -5140       /* a request with more than one body, or one that nothing gives */
};

enum {
    HOB_E_PROXY = -5150,      /* the proxy does not let the request through; or no proxy */
    HOB_E_PROXY_AUTH = -5151, /* the proxy wants other credentials */
    HOB_E_SOCKS = -5152,      /* the SOCKS proxy could not connect, or does not speak SOCKS */
    HOB_E_HTTP_AUTH = -5154,  /* a challenge that cannot be answered; a malformed netrc */
    HOB_E_HTTP_PIN = -5153    /* the server's key is none of those that are pinned */
};

/* The name and meaning of one of these codes; NULL for any other code. */
HOB_API const char *hob_http_strerror(int code);

/* One header. Lists of them end with {NULL, NULL}. */
struct hob_header {
    const char *name, *value;
};

/* .headers = HOB_HEADERS({"authorization", "Bearer abc"}, {"accept", "text/html"}); valid until the
 * end of the block. C only: in C++ make an array. */
#define HOB_HEADERS(...) ((const struct hob_header[]){__VA_ARGS__, {NULL, NULL}})

/* One pair of a query or a form; not encoded, the client does that. A value of NULL: the name
 * alone. Lists of them end with {NULL, NULL}. */
struct hob_param {
    const char *name, *value;
};

/* .query = HOB_PARAMS({"q", "a b"}, {"page", "2"}); valid until the end of the block. C only: in
 * C++ make an array. */
#define HOB_PARAMS(...) ((const struct hob_param[]){__VA_ARGS__, {NULL, NULL}})

/* A body in memory of its own, with a NUL behind its last byte. Free it with hob_body_free(), which
 * a second time, or on one that is all zero, does nothing. */
struct hob_body {
    char *data;
    size_t size;
};
HOB_API void hob_body_free(struct hob_body *body);

/* "Not Found" for 404; "" for a number without a phrase. */
HOB_API const char *hob_http_phrase(int status);

/* ---- client ---- */

struct hob_address;
struct hob_client;
struct hob_cookies;
struct hob_har;
struct hob_hooks;
struct hob_phases;
struct hob_response;
struct hob_tls;

/* Who asks. Basic (RFC 7617) and Bearer (RFC 6750) go with the first request; Digest (RFC 7616:
 * MD5, SHA-256, SHA-512-256, -sess, qop=auth and auth-int, userhash) answers a challenge, for which
 * a request is sent twice, and later ones of that client at once. A server that knows auth-int
 * alone wants the hash of each body: it is read once more for that, and one that can be read only
 * once is HOB_E_HTTP_AUTH. */
enum hob_auth_scheme { HOB_AUTH_BASIC = 1, HOB_AUTH_BEARER, HOB_AUTH_DIGEST };
struct hob_auth {
    enum hob_auth_scheme scheme;
    const char *user, *password; /* Basic, Digest; a password of NULL is "" */
    const char *token;           /* Bearer */
};

/* All zero is the default. Times are in seconds; INFINITY (from math.h) = none. */
struct hob_client_options {
    const char *base_url;             /* what URLs are resolved against; default none */
    const struct hob_header *headers; /* sent with each request that has none of that name; copied.
                                         Authorization, Cookie and Proxy-Authorization only go to
                                         base_url's origin when there is one */
    const char *user_agent;           /* default "hob/VERSION"; "" = none is sent */
    size_t max_connections;           /* in all; default 100 */
    size_t max_per_host;              /* to one host and port; default 0 = no limit of its own */
    double idle_timeout; /* how long an unused connection is kept; default 15; less than 0 = each
                            connection serves one request */
    struct hob_tls *tls; /* for https:// (hob_tls_new(); has to outlive the client); default: one of
                            the client's own, which verifies servers by the system's CAs */
    double connect_timeout;    /* for name, connection and what a proxy wants; default 30 */
    double tls_timeout;        /* for the TLS handshake behind it; default 10 */
    double stall_timeout;      /* without a single byte of progress while sending or receiving;
                                  default 60 */
    double timeout;            /* of a request, from hob_client_request() until its body is read;
                                  default none */
    double pool_timeout;       /* for one of the connections to become free; default none */
    double first_byte_timeout; /* from the sent request to the answer's first byte; default:
                                  stall_timeout */
    unsigned retries;   /* how often a request that failed for now is tried again: refused, reset or
                           cut off before the answer, timed out, short of ports or descriptors here,
                           408, 429, 502, 503, 504; default 0. Of a host that fails again and again
                           fewer are: ten, and one for every five requests */
    double retry_delay; /* before the first retry, twice as much before each further one; it is
                           drawn between half of that and all of it; default 0.5. Retry-After
                           makes it longer */
    double
        max_retry_delay; /* default 30; when the server asks for more, its answer is the result */
    bool retry_all;      /* also POST and PATCH, which may then be done twice */
    double rate;         /* requests a second to one host and port; the others wait for their
                            turn; default no limit */
    unsigned burst;      /* so many of them at once, if there were none before; default 1 */
    unsigned max_redirects;      /* default 10 */
    bool no_redirects;           /* 3xx answers are given to the caller */
    bool fail_on_status;         /* a status of 400 or more is the error HOB_E_HTTP_STATUS */
    struct hob_cookies *cookies; /* hob/cookies.h; has to outlive the client; default: a jar of the
                                    client's own */
    bool no_cookies;             /* none are kept, none are sent */
    bool no_http2; /* over https:// HTTP/1.1 alone; without it HTTP/2 when the server speaks it (and
                      the build has nghttp2): requests then share connections, as many at once on
                      each as the server allows, and max_connections counts the requests */
    bool http2_prior_knowledge; /* HTTP/2 over http://, too, without asking the server for it */
    size_t http2_window;   /* bytes that an answer of HTTP/2 may be ahead of its reader; default 256
                              KiB; at most 2^31 - 1 */
    bool raw_bodies;       /* bodies stay compressed if the server says so; without it a response is
                              unpacked as it is read (gzip, deflate, br, zstd, as far as the build
                              has them), and requests say so in Accept-Encoding */
    uint64_t max_body;     /* of a body that is read whole, bytes, unpacked; default 64 MiB */
    uint64_t max_unpacked; /* of a body that comes compressed, bytes, in all; default 1 GiB */
    size_t max_header_line;  /* bytes without the line's end; default 8 KiB */
    size_t max_header_block; /* bytes with the status line; default 64 KiB */
    size_t max_headers;      /* default 128 */
    /* A proxy for all URLs, but for the hosts of no_proxy: "http://user:password@proxy:3128",
     * "https://proxy" (TLS to the proxy itself), "socks5://..." (hosts are looked up here),
     * "socks5h://..." (by the proxy); no scheme: http. https:// goes through it in a tunnel
     * (CONNECT). "" = none. Default: what http_proxy, https_proxy, all_proxy (HTTPS_PROXY,
     * ALL_PROXY) in the environment say, as curl reads them. */
    const char *proxy;
    const char *no_proxy;  /* hosts without a proxy: "localhost,.example.org,10.0.0.0/8", "*" = all;
                              default: no_proxy (NO_PROXY) in the environment */
    const char *unix_path; /* all connections go to this Unix socket ('@': abstract namespace),
                              whatever host the URLs name; without a proxy */
    const struct hob_param
        *resolve; /* where hosts are, instead of a lookup: {"example.org:443",
                     "127.0.0.1:8443"}; the ports may be missing, "*" is any host;
                     up to 8 addresses, between commas. For proxies too. Copied */
    /* Looks hosts up (those that are not in .resolve): writes up to `max` addresses, in the order
     * in which to try them, and returns how many; 0 = look it up as ever; or an error, which is the
     * request's. Port 0: the URL's. May wait. */
    int (*lookup)(const char *host, uint16_t port, struct hob_address *out, int max, void *arg);
    void *lookup_arg;
    const struct hob_auth *auth; /* goes where .headers' Authorization would; copied. What a URL has
                                    before its '@' comes before it, an Authorization header too */
    const char *netrc; /* a file with passwords of hosts, where nothing else says who asks: read at
                          the first request; "" = $NETRC, else ~/.netrc. Sent as Basic, not after a
                          redirect to another origin. Default: none */
    const struct hob_hooks *hooks; /* hob/http_trace.h; copied */
    struct hob_har *har; /* hob/har.h: every exchange is written down; has to outlive the client */
    bool proxy_digest;   /* the proxy's password only goes to it as a digest, never as Basic */
    const char *pins; /* https:// only to servers with one of these keys: SHA-256 of the public key
                         (SubjectPublicKeyInfo) in base64, "sha256//AAA=;sha256//BBB=", at most 16;
                         beside the verification, or with an insecure .tls instead of it */
};

/* hob_client_open(&client, .max_connections = 30): a client with a pool of kept connections. At
 * most max_connections requests are in progress, the others wait in order of arrival; a connection
 * that is not in use is closed to make room for one to another host. Does not wait. 0, -ENOMEM, or
 * HOB_E_URL (base_url), -EINVAL (pins, resolve, auth). Close it with hob_client_close(). */
#define hob_client_open(out, ...)                                                                  \
    hob__client_open((out), HOB__OPTIONS(hob_client_options, __VA_ARGS__))
HOB_API int hob__client_open(struct hob_client **out, struct hob_client_options options);

/* Closes the idle connections and frees the client when its last response has been closed. No task
 * may wait in a call on it (else misuse: close it after the scope of its tasks). NULL is allowed.
 * Does not wait: of more than 64 connections the others are closed by a task in the background, 64
 * between two turns of the others'. */
HOB_API void hob_client_close(struct hob_client *client);

/* Closes up to `most` of the connections that are idle now: those unused longest. For who knows
 * that fewer requests, or none, will follow. Does not wait, and takes some 20 us for each, over TLS
 * more: who has thousands to close lets others run in between. How many are left. */
HOB_API size_t hob_client_close_idle(struct hob_client *client, size_t most);

/* HOB_CLIENT(client, .base_url = ...): a client until the end of the block; leaves the function
 * with the error if it cannot be made, as HOB_TRY does. */
#define HOB_CLIENT(client, ...)                                                                    \
    struct hob_client *client __attribute__((cleanup(hob__client_leave), unused)) = NULL;          \
    do {                                                                                           \
        int hob__rc = hob__client_open(&client, HOB__OPTIONS(hob_client_options, __VA_ARGS__));    \
        if (HOB__UNLIKELY(hob__rc < 0)) return hob__rc;                                            \
    } while (0)
static inline void hob__client_leave(struct hob_client **client) { hob_client_close(*client); }

struct hob_file;
struct hob_generator;
struct hob_model;
struct hob_part;
struct hob_stream;

/* What a request may have beside method and URL; all zero is the default. Nothing is copied: it
 * must stay valid until the call returns. Of the bodies at most one may be given (else
 * HOB_E_HTTP_BODY). Its Content-Length is sent when its size is known, else it goes in chunks; the
 * Content-Type, where one is named here, unless the headers have one. What can be sent twice may be
 * tried again and may follow a 307: all but .body_stream, .body_generator and
 * .read_body, and parts like these. */
struct hob_fetch_options {
    const struct hob_header *headers; /* ended by {NULL, NULL}; a value of NULL leaves out the
                                         client's default header of that name */
    const struct hob_param *query;    /* added to the query of the URL */
    const void *body;                 /* body_size bytes */
    size_t body_size;
    const struct hob_param *form;       /* application/x-www-form-urlencoded */
    const char *json;                   /* a JSON text, as it is: application/json */
    const struct hob_model *json_model; /* the JSON of a struct: HOB_JSON_OF() in hob/http_json.h */
    const void *json_value;
    const struct hob_part *multipart; /* multipart/form-data: HOB_PARTS() in hob/multipart.h */
    const char *body_file;            /* the file of that path, read while it is sent */
    const int *body_fd; /* the same for a descriptor of a file, whose own position is neither
                           used nor moved; from body_offset on, body_size bytes (0 = all) */
    int64_t body_offset;
    struct hob_stream *body_stream; /* what is read from it up to its end, or the body_size bytes
                                       that have to come (0 = any number) */
    struct hob_generator *body_generator; /* HOB_BODY_OF(g); body_size as above */
    /* Instead of these a function: puts 1 to n bytes at buf, 0 = the end, or a negative code, which
     * ends the request with it. May wait. body_size as above. */
    ssize_t (*read_body)(void *arg, void *buf, size_t n);
    void *arg;
    double expect_continue; /* Expect: 100-continue; the body is sent when the server says so, or
                               after so many seconds without a word from it. When it refuses
                               instead, that is the answer, and nothing of the body was sent; what
                               it refuses is this way of asking (417): it is asked again without.
                               Default 0: the body is sent at once */
    double timeout;         /* as in the client's options; 0 = the client's */
    int retries;            /* as in the client's options; 0 = the client's, -1 = none */
    bool no_redirects;      /* as in the client's options */
    bool fail_on_status;    /* as in the client's options */
    const char *proxy; /* this one, whatever the client's .no_proxy says; "" = none, also when the
                          client has one; NULL = the client's */
    const char *unix_path;       /* likewise */
    const struct hob_auth *auth; /* of this request, instead of the URL's and the client's */
    struct hob_phases
        *phases; /* hob/http_trace.h; NULL, or filled before the call returns, whatever
                    it returns (but for misuse, and a cancel before it began) */
};

/* The pieces of a generator of struct hob_slice as a body (hob/generator.h):
 *
 *   HOB_GEN(g, rows, db);
 *   rc = hob_client_request(client, "PUT", url, &res, HOB_BODY_OF(g));
 *
 * They are sent in order; an error of the generator ends the request with it. */
#define HOB_BODY_OF(g) .body_generator = hob__body_of(&(g)->base, (__typeof__((g)->type))NULL)
static inline struct hob_generator *hob__body_of(struct hob_generator *g,
                                                 const struct hob_slice *type) {
    (void)type;
    return g;
}

/* hob_client_request(client, "POST", url, &res, .body = text, .body_size = n, .headers =
 * HOB_HEADERS(...)): sends a request and waits for the head of the answer. 0 and *res, which must
 * be closed with hob_response_close(); or an error, among them
 *   -ETIMEDOUT, -ECANCELED (a deadline around the call, or one of the client's own: see the
 * record), what hob_connect() returns, HOB_E_URL, HOB_E_HTTP_* for an answer that breaks the rules.
 * Host, Content-Length, Transfer-Encoding, User-Agent, Accept-Encoding and Cookie are made (the
 * last three unless you give your own); others are yours. A URL's userinfo
 * becomes Authorization: Basic. Redirects are followed: 303 (and 301, 302 after POST) with GET;
 * Authorization, Cookie and Proxy-Authorization are dropped when the origin changes, and a body
 * that came for https:// is not sent to http:// (HOB_E_HTTP_REDIRECT); no Referer is made. When a
 * reused connection ends before any byte of the answer, an idempotent request (GET, HEAD, PUT,
 * DELETE, OPTIONS, TRACE) is tried once more on a new connection. Over https:// also what
 * hob_tls_connect() returns.
 * An answer of 300 and more that comes before a large body has been sent ends the sending.
 * Interim answers (1xx) are skipped, 101 is given to the caller. Waits; cancellation point. */
#define hob_client_request(client, method, url, res, ...)                                          \
    hob__client_request((client), (method), (url), (res),                                          \
                        HOB__OPTIONS(hob_fetch_options, __VA_ARGS__))
HOB_API int hob__client_request(struct hob_client *client, const char *method, const char *url,
                                struct hob_response **res, struct hob_fetch_options options);

/* GET, and the whole body: the status (200 and more; whatever it is, unless .fail_on_status), or an
 * error; then *body is all zero. The body is the caller's to free. Waits; cancellation point. */
HOB_API int hob_get(struct hob_client *client, const char *url, struct hob_body *body);
/* POST of n bytes of that type ("application/json"), the same otherwise. */
HOB_API int hob_post(struct hob_client *client, const char *url, const char *content_type,
                     const void *data, size_t n, struct hob_body *body);

/* 200 ... 999 (what is beyond 599 is nobody's standard), or 101. */
HOB_API int hob_response_status(const struct hob_response *res);
/* The value of the first header of that name (in any case), without white space around it; NULL
 * when there is none. Strings belong to the response. */
HOB_API const char *hob_response_header(const struct hob_response *res, const char *name);
HOB_API size_t hob_response_header_count(const struct hob_response *res);
/* The i-th in order of arrival, i < count. */
HOB_API struct hob_header hob_response_header_at(const struct hob_response *res, size_t i);
/* The URL that answered, after redirects. */
HOB_API const char *hob_response_url(const struct hob_response *res);
/* How long the body is; -1 when that is not known before its end (nor when it comes compressed). */
HOB_API int64_t hob_response_size(const struct hob_response *res);
/* Of HTTP, times ten: 10, 11, 20. */
HOB_API int hob_response_version(const struct hob_response *res);
/* Did the connection serve an earlier request? */
HOB_API bool hob_response_reused(const struct hob_response *res);

/* Up to n bytes of the body, at least 1; 0 = it is complete. HOB_E_HTTP_CUT when the connection
 * ends before. After an error each further call returns it again. Waits; cancellation point. */
HOB_API ssize_t hob_response_read(struct hob_response *res, void *buf, size_t n);
/* What is left of the body, at once, with a NUL behind it: *data (and *size, may be NULL) belong to
 * the response. 0; HOB_E_HTTP_BODY_TOO_LARGE beyond max_body. A second call gives the same again.
 * Waits; cancellation point. */
HOB_API int hob_response_body(struct hob_response *res, const char **data, size_t *size);
/* The next line of the body, without its end ("\n" or "\r\n", which counts for max), with a NUL
 * instead: 1; 0 at the end of the body. A last line needs no end. max 0: HOB_LINE_MAX
 * (hob/stream.h). HOB_E_LIMIT for a longer one: nothing of it has been taken, the reading may go on
 * by other calls. The line belongs to the response, up to the next reading call.
 * HOB_EACH_LINE(line, res) is a loop over them (hob/line.h). Waits; cancellation point. */
HOB_API int hob_response_line(struct hob_response *res, size_t max, struct hob_slice *line);

/* The fields behind a chunked body (trailers), once all of it has been read; before, and for other
 * bodies, there are none. They are no headers, whatever they are called. */
HOB_API const char *hob_response_trailer(const struct hob_response *res, const char *name);
HOB_API size_t hob_response_trailer_count(const struct hob_response *res);
/* The i-th in order of arrival, i < count. */
HOB_API struct hob_header hob_response_trailer_at(const struct hob_response *res, size_t i);

/* Ends the exchange: a connection whose body has been read completely, or has come already as far
 * as it was read ahead, goes back to the pool, any other is closed. NULL is allowed. Does not wait.
 */
HOB_API void hob_response_close(struct hob_response *res);
/* HOB_DEFER for a response: `struct hob_response *res HOB_RESPONSE_GUARD = NULL;` is closed when
 * the block is left. */
#define HOB_RESPONSE_GUARD __attribute__((cleanup(hob__response_leave), unused))
static inline void hob__response_leave(struct hob_response **res) { hob_response_close(*res); }

/* Opens connections to the URL's host ahead of the requests that will need them, until n are idle
 * there (fewer where the client's limits are lower; one, where HTTP/2 is spoken): with everything
 * that takes time, TLS too, but without a request. How many are idle now, or an error; what was
 * opened until then stays. Their idle time begins. HOB_E_HTTP_STATE when the client keeps none.
 * Waits; cancellation point. */
HOB_API int hob_client_warm(struct hob_client *client, const char *url, size_t n);

/* Facts about a client. */
struct hob_client_info {
    size_t in_use;    /* requests that hold a connection, or are making one */
    size_t idle;      /* kept connections */
    size_t waiting;   /* requests that wait for their turn */
    uint64_t opened;  /* connections made so far */
    uint64_t reused;  /* requests on a connection that had served before */
    uint64_t retried; /* requests that were tried a second time */
};
HOB_API void hob_client_info(const struct hob_client *client, struct hob_client_info *info);

#ifdef __cplusplus
}
#endif

#include <hob/http_server.h>

#endif
