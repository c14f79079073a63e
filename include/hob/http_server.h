/* hob/http_server.h - the HTTP server; a part of hob/http.h, which includes it.
 *
 *   static int hello(struct hob_request *req, void *arg) {
 *       return hob_respond_text(req, 200, "text/plain", "hello\n");
 *   }
 *   HOB_TRY(hob_listen("127.0.0.1:8000", &listener));
 *   return hob_http_serve(listener, hello, NULL, (struct hob_http_options){0});
 */
#ifndef HOB_HTTP_SERVER_H
#define HOB_HTTP_SERVER_H
#pragma GCC system_header

#include <hob/http.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_HTTP_PROXY = -5170 /* a connection that does not begin with a PROXY header, or whose peer
                                may not send one */
};

struct hob_access_log;
struct hob_http_metrics;
struct hob_request;
struct hob_listener;
struct hob_stream;

/* Why a connection was cut off. */
enum hob_http_cut {
    HOB_HTTP_CUT_HEAD,     /* a request's head took too long: head_timeout; 408, or the connection
                              of HTTP/2's end */
    HOB_HTTP_CUT_REQUEST,  /* a request's body stood still or was too slow: stall_timeout, min_rate
                            */
    HOB_HTTP_CUT_RESPONSE, /* the client did not take the answer's body in time: the same two */
    HOB_HTTP_CUT_TLS,      /* the handshake took too long: tls_timeout */
    HOB_HTTP_CUT_PROXY,    /* the PROXY header: head_timeout */
    HOB_HTTP_CUT_SILENT,   /* a connection of HTTP/2 that did not answer, or did not read */
    HOB_HTTP_CUT_FLOOD     /* HTTP/2: more frames without a purpose than is honest */
};
#define HOB_HTTP_CUTS 7
#define HOB_HTTP_BUCKETS 16 /* of durations; hob_http_bucket_seconds() has their bounds */

/* What a server has done so far; all in the memory of the program, which may look at it any time in
 * the loop's thread. Of several servers together: hob/http_metrics.h. */
struct hob_http_counters {
    uint64_t connections;   /* open now */
    uint64_t accepted;      /* connections so far */
    uint64_t requests;      /* that reached the handler */
    uint64_t failed;        /* handlers that returned an error, or no answer */
    uint64_t refused;       /* answered by the server itself: 400, 408, 413, 417, 431, 501, 505 */
    uint64_t left;          /* clients that left while their request was in progress */
    uint64_t idle_timeouts; /* connections that were closed for waiting too long */
    uint64_t timeouts; /* that were cut off: head_timeout, stall_timeout, min_rate, tls_timeout */
    uint64_t upgraded; /* connections that were handed over: hob_request_upgrade() */
    uint64_t floods;   /* connections of HTTP/2 that were cut off for more frames without a
                          purpose (resets, pings, settings, endless heads) than is honest */
    uint64_t cut_offs[HOB_HTTP_CUTS]; /* .timeouts and .floods, by enum hob_http_cut */
    uint64_t strangers; /* connections that were closed before a request: the TLS handshake failed,
                           or there was no PROXY header */
    uint64_t busy;      /* connections at which a task is at work now; the others (.connections less
                           these) wait for their next request or message */
    uint64_t in_flight; /* requests whose handlers run now; those that became WebSockets are not */
    uint64_t answers[6]; /* by the status: 1xx (101 alone), 2xx, 3xx, 4xx, 5xx, others; those of the
                            server itself, too */
    uint64_t received, sent; /* bytes, heads and framing as well; within TLS, not around it */
    /* Requests that reached the handler, 101 apart, from their complete head to the handler's
     * return: how many took so long (each is counted once), and nanoseconds of all together. A
     * request that lay in the loop behind others begins with the loop's turn. */
    uint64_t durations[HOB_HTTP_BUCKETS];
    uint64_t duration_ns;
};

/* The longest duration of the i-th bucket, in seconds: 0.0001 to 10; infinity for the last. */
HOB_API double hob_http_bucket_seconds(unsigned i);

/* How to serve; all zero is the default. */
struct hob_http_options {
    size_t max_connections; /* default 10000; further ones wait in the backlog */
    size_t max_requests; /* of one connection; default 100000; the last answer ends it (HTTP/2: what
                            is on its way by then is answered, too) */
    uint64_t max_served; /* by all: then the server stops as hob_stop() makes it, with .grace; for
                            processes that are to be replaced (hob/prefork.h); default: none */
    size_t max_streams;  /* requests at once on a connection of HTTP/2; default 100 */
    bool no_http2;       /* HTTP/1.1 alone */
    double idle_timeout; /* seconds a kept connection may wait for its next request; default 75 */
    double head_timeout; /* seconds for a request's head from its first byte; default 10; 408; the
                            same for HTTP/2's preface and each of its heads */
    double stall_timeout; /* seconds without a byte of progress in a body, either way; default 60 */
    double min_rate;      /* bytes a second that a body has to move at, either way, while it is the
                             client who is waited for: so many earn a second of waiting, of which there
                             are 5 at first, and 60 at most; default 240; less than 0: any */
    uint64_t max_body;    /* of a request's body, bytes; default 16 MiB; 413 */
    size_t max_header_line;  /* bytes without the line's end; default 8 KiB; 431, or 414 for the
                                request line */
    size_t max_header_block; /* bytes with the request line; default 64 KiB; 431 */
    size_t max_headers;      /* default 128; 431 */
    const char *server;      /* the Server header; default "hob"; "" = none; must stay valid */
    size_t stack_size;       /* of the connections' tasks; default: the loop's */
    struct hob_tls *tls; /* https://: a server's context (hob_tls_new() with a certificate), which
                            has to outlive the call; default: none */
    double tls_timeout;  /* seconds for the TLS handshake; default 10 */
    double grace; /* seconds between Ctrl-C's (with .terminate of hob_options, SIGTERM's) ask and
                     its cancel, where nothing else was set for the loop; default 10 */
    /* Proxies in front, whose word counts of who the client is: addresses and networks, "127.0.0.1,
     * 10.0.0.0/8, ::1", "unix" for the peers of a Unix socket, "*"; has to stay valid.
     * hob_request_client(), _scheme() and _host() say what they tell in X-Forwarded-For (the last
     * address that is none of theirs), -Proto and -Host. Default: nobody's word counts */
    const char *trusted;
    bool forwarded;      /* they tell it in Forwarded (RFC 7239) instead */
    bool proxy_protocol; /* each connection begins with a PROXY header, version 1 or 2, before TLS
                            (from .trusted, where that is set); any other is closed */
    struct hob_access_log *access_log;  /* hob/access_log.h; default: none */
    bool keep_running;                  /* a client that leaves does not cancel its handler */
    struct hob_http_counters *counters; /* counted here, beginning with what is there; has to
                                           outlive the call; default: nowhere */
    struct hob_http_metrics *metrics;   /* or here, with other threads and processes:
                                           hob/http_metrics.h; default: not */
};

/* Serves HTTP/1.1, HTTP/1.0 and HTTP/2 on the listener until it is cancelled, asked to stop, or the
 * listener is closed. A connection that waits for its next request has no task: the request gets
 * one, which answers all that has come, in order (pipelining too), and ends. hob_stop()
 * around it ends the listening and the idle connections at once (one that has just been made has a
 * second for its first request), requests in progress have the grace to end; that of Ctrl-C becomes
 * .grace, unless the program has set it. A client of HTTP/2 is told first (GOAWAY): what it sent
 * before it heard of it is answered, for a second at most, and for half of the grace. Says
 * hob_started() (and hob_prefork_ready()) when it listens. Answers by itself: 400 (breaks the
 * rules), 408, 413, 417, 431, 500 (the handler failed), 501, 503 (no memory), 505; Expect:
 * 100-continue when the handler first reads. Date and Server are added to each answer. The
 * connections are hob_serve()'s: what is said there of the limit, of a shortage of descriptors and
 * of the end holds here too. Returns 0 after a stop or a close of the listener, else an error. The
 * listener stays the caller's to close. Waits; cancellation point.
 *
 * The handler answers one request; it runs in the connection's task. When the client ends or resets
 * the connection meanwhile, the task is cancelled, unless .keep_running. It returns >= 0, or an
 * error: then the answer is 500 (if none was begun), the error is reported (hob_set_report) and the
 * connection closed.
 *
 * HTTP/2 is spoken to a client that asks for it in the TLS handshake, or begins with its preface;
 * .no_http2 switches that off. Such a connection has two tasks while it has requests, and one for
 * each of these, so that the handlers of one client run at once, .max_streams at most; a request
 * that the client resets cancels its own. An error ends the request's stream, not the connection.
 * What has come of all bodies of a connection and was not read is 1 MiB at most. A client that
 * sends more frames without a purpose (resets, pings, settings, priorities, data without bytes)
 * than 900, and 30 a second, is cut off; a stream that it makes the server reset counts as one.
 * What is for streams that have ended, or of a kind that is not known, is dropped as it comes.
 * .min_rate holds for what the requests of a connection move together, shared equally among them.
 *
 * A client that is cut off, for being slow or for a flood, is counted (.counters) and noted
 * (HOB_REPORT_NOTE), with its address; at most one note a minute of each kind, which says how many
 * others there were. */
HOB_API int hob_http_serve(struct hob_listener *listener,
                           int (*handler)(struct hob_request *req, void *arg), void *arg,
                           struct hob_http_options options);

/* Is that a list as .trusted takes it (NULL is)? 0, -EINVAL with a record, -ENOMEM. Does not wait,
 * and needs no loop. */
HOB_API int hob_http_check_trusted(const char *list);

/* Strings belong to the request and are valid until the handler returns. */
HOB_API const char *hob_request_method(const struct hob_request *req);
/* As it was sent: "/a%20b?c=1", "http://host/a", "*". */
HOB_API const char *hob_request_target(const struct hob_request *req);
/* Its path, percent-encoded as it was sent, without the query: "/a%20b". */
HOB_API const char *hob_request_path(const struct hob_request *req);
/* Behind the '?', percent-encoded; "" when there is none. See hob_query_get(). */
HOB_API const char *hob_request_query(const struct hob_request *req);
/* The first header of that name (in any case), without white space around it; NULL = none. */
HOB_API const char *hob_request_header(const struct hob_request *req, const char *name);
HOB_API size_t hob_request_header_count(const struct hob_request *req);
HOB_API struct hob_header hob_request_header_at(const struct hob_request *req, size_t i);
/* The address of who is at the other end of the connection, "127.0.0.1:51234". */
HOB_API const char *hob_request_peer(const struct hob_request *req);
/* The client's, as far as that is known: what a PROXY header or a trusted proxy says, else the
 * peer's. A proxy may leave out the port. */
HOB_API const char *hob_request_client(const struct hob_request *req);
/* "https" over TLS, or where a trusted proxy says so; else "http". */
HOB_API const char *hob_request_scheme(const struct hob_request *req);
/* Of HTTP, times ten: 10, 11, 20. */
HOB_API int hob_request_version(const struct hob_request *req);
/* HTTP/1.minor: 0 or 1; 1 for HTTP/2. */
HOB_API int hob_request_minor(const struct hob_request *req);
/* The body's length; -1 when it is chunked; 0 when there is none. */
HOB_API int64_t hob_request_size(const struct hob_request *req);

/* Whom it is for: the target's authority, if it was sent as a whole URL, else the Host header; ""
 * in HTTP/1.0 without one. */
HOB_API const char *hob_request_host(const struct hob_request *req);

/* Has the server been asked to stop? The connection ends with this answer; long work should come to
 * an end (the grace is the stop's: hob_stop(), hob_set_grace()). */
HOB_API bool hob_request_draining(const struct hob_request *req);
/* Whether the handler goes on when its client leaves; at first as .keep_running says. */
HOB_API void hob_request_keep_running(struct hob_request *req, bool keep);
/* The server's scope, for work that goes on when the request is over,
 * hob_spawn(hob_request_scope(req), send_mail, ...): the server waits for it at its end, and it is
 * cancelled with the server; its error is reported. What it uses must not be the request's. */
HOB_API struct hob_scope *hob_request_scope(const struct hob_request *req);

/* Up to n bytes of the body, at least 1; 0 = it is complete. HOB_E_HTTP_CUT,
 * HOB_E_HTTP_BODY_TOO_LARGE, -ETIMEDOUT ...: the handler may simply return them, the answer will be
 * the right one. What the handler does not read is read and dropped after it, up to 64 KiB; the
 * connection is closed when there is more. Waits; cancellation point. */
HOB_API ssize_t hob_request_read(struct hob_request *req, void *buf, size_t n);
/* What is left of the body, at once, with a NUL behind it; it belongs to the request. Waits;
 * cancellation point. */
HOB_API int hob_request_body(struct hob_request *req, const char **data, size_t *size);

/* A field behind a chunked body (a trailer), once all of that has been read; NULL = none. Of the
 * first 24. */
HOB_API const char *hob_request_trailer(struct hob_request *req, const char *name);

/* Answers: status 200 ... 999, the headers (may be NULL), and size bytes of body. Content-Length,
 * Connection, Date and Server are made. To HEAD the body is left out, and its size sent; 204 and
 * 304 have none (size must be 0). Writing waits while the client does not read. 0, or an error:
 * HOB_E_HTTP_STATE (answered already), HOB_E_HTTP_ILLEGAL (a header that would break the message:
 * nothing was sent), what hob_write() returns. Waits; cancellation point. */
HOB_API int hob_respond(struct hob_request *req, int status, const struct hob_header *headers,
                        const void *body, size_t size);
HOB_API int hob__respond_text(struct hob_request *req, int status, const char *content_type,
                              size_t content_type_size, const char *text, size_t size);
/* The same with one header, Content-Type, and a string. (Inline, so that the lengths of literals
 * are known when compiling.) */
static inline int hob_respond_text(struct hob_request *req, int status, const char *content_type,
                                   const char *text) {
    return hob__respond_text(req, status, content_type, __builtin_strlen(content_type), text,
                             __builtin_strlen(text));
}
/* The answer in pieces: its head; size is the body's, or -1 when it is not known (chunked, or to
 * HTTP/1.0 until the connection's end). */
HOB_API int hob_respond_begin(struct hob_request *req, int status, const struct hob_header *headers,
                              int64_t size);
/* A piece of the body, sent at once. HOB_E_HTTP_SIZE beyond the size that was announced. */
HOB_API int hob_respond_write(struct hob_request *req, const void *data, size_t n);
/* A piece out of a file: n bytes from offset on, which have to be there (else HOB_E_HTTP_SIZE).
 * What the page cache has goes from there to the socket, without passing through the program. */
HOB_API int hob_respond_write_file(struct hob_request *req, int fd, int64_t offset, int64_t n);
/* The end; needed after a begin, else the connection is closed to show that the answer is not
 * complete. HOB_E_HTTP_SIZE when there was less than announced. */
HOB_API int hob_respond_end(struct hob_request *req);
/* The same with fields behind the body (trailers), which go out if it is chunked. */
HOB_API int hob_respond_end_with(struct hob_request *req, const struct hob_header *trailers);
/* Before the answer, any number of times: 102 to 199, such as 103 Early Hints. To HTTP/1.0 nothing
 * is sent. */
HOB_API int hob_respond_interim(struct hob_request *req, int status,
                                const struct hob_header *headers);
/* Answers 101 and hands the connection over: *stream is where the new protocol begins, with what
 * the client may have sent of it already. It stays the server's to close when the handler has
 * returned; the handler may close it before. No event cancels the handler any more: it reads the
 * end itself. protocol: one that the client offers ("websocket", in any case); headers as in
 * hob_respond(). HOB_E_HTTP_STATE: the client has not asked for it, or the request has a body, or
 * was answered. Over HTTP/2 a client asks by CONNECT with a :protocol (RFC 8441), which the handler
 * sees as HTTP/1.1's GET with Upgrade; the answer is 200, and *stream is this stream of the
 * connection: its end is END_STREAM, a handler that fails resets it. Nothing else answers such a
 * request with 2xx: hob_respond() says HOB_E_HTTP_STATE, and the answer becomes 501 when the
 * handler returns. Waits; cancellation point. */
HOB_API int hob_request_upgrade(struct hob_request *req, const char *protocol,
                                const struct hob_header *headers, struct hob_stream **stream);
/* Has an answer been begun? */
HOB_API bool hob_request_answered(const struct hob_request *req);
/* Closes the connection after this answer; before the head is sent. */
HOB_API void hob_request_close_after(struct hob_request *req);

#ifdef __cplusplus
}
#endif
#endif
