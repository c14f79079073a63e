/* http/server/server.h - the inside of the server: a connection, and the request that it is at.
 *
 * A connection that waits for its next request is a struct hob__http_conn and nothing else
 * (io/serve.h). While it is busy, a struct hob__exchange on its task's stack has the rest: the
 * parser, the bytes that have come, the request. */
#ifndef HOB_HTTP_SERVER_PRIVATE_H
#define HOB_HTTP_SERVER_PRIVATE_H

#include <hob/http.h>
#include <hob/net.h>

#include "http/server/kept_head.h"
#include "http/server/metrics.h"
#include "http/server/trust.h"
#include "http/wire.h"
#include "io/gather.h"
#include "io/serve.h"

enum {
    HOB__REQUEST_FIELDS = 24,
    HOB__REQUEST_PATH = 128,
    HOB__DATE_LINE = 37,          /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */
    HOB__USUAL = 320,             /* Date and Server: the latter's value has up to 256 bytes */
    HOB__EXCHANGE_STORAGE = 4096, /* what has come: most requests fit, and many pipelined ones */
    HOB__HEAD_STORAGE = 2048      /* an answer's head, and a small body behind it */
};

/* Of which kind the notes are about clients that are cut off. */
enum { HOB__TOLD_SLOW, HOB__TOLD_FLOOD, HOB__TOLD };

struct hob__told {
    uint64_t at;     /* when the last note was made; 0: none was */
    uint64_t others; /* since then */
};

struct hob__server {
    struct hob__service service;
    int (*handler)(struct hob_request *req, void *arg);
    void *arg;
    struct hob_http_options options;
    struct hob__h1_limits limits;
    struct hob__trust trust;
    uint64_t idle_ns;
    uint64_t last;          /* the count of the request after which the server stops */
    char usual[HOB__USUAL]; /* lines of every answer of the second usual_made */
    size_t usual_size;
    int64_t usual_made;
    struct hob__kept_head kept_head;
    struct hob_http_counters *counters; /* the program's, or own */
    struct hob_http_counters own;
    struct hob__told told[HOB__TOLD];
    bool measured;  /* somebody looks at the counters */
    uint64_t clock; /* ns: when the last request of this loop ended */
};

/* One connection, from its accept to its close. */
struct hob__http_conn {
    struct hob__served served;
    struct hob__gather gather;       /* answers that go out together */
    char *client;                    /* as a PROXY header says, or NULL */
    uint32_t requests;               /* so far */
    bool announced;                  /* the PROXY header has been read */
    bool hopeless;                   /* its client reads next to nothing: it is to be reset */
    bool secured;                    /* the TLS handshake is over */
    bool shared;                     /* it speaks HTTP/2 */
    uint16_t upgrade;                /* bytes that have come, of a request that wants to upgrade and
                                        of what is behind it, and lie in the stream; or 0 */
    uint32_t upgrade_fields;         /* that it has */
    struct hob_websocket *websocket; /* NULL, or what it has become */
    struct hob__h2 *h2;              /* the same, of HTTP/2 */
};

enum hob__answer {
    HOB__ANSWER_NONE,
    HOB__ANSWER_BEGUN, /* the head is out */
    HOB__ANSWER_DONE,
    HOB__ANSWER_FAILED, /* what is out is not what was meant to be: the connection must end */
    HOB__ANSWER_UPGRADED
};

/* What trusted proxies say; "" = nothing. */
struct hob__forwarded {
    bool known; /* the rest is filled in */
    char client[HOB__CLIENT_TEXT], proto[8], host[256];
};

struct hob_request {
    /* What is looked at when the answer is out lies together, as in struct hob__wire. */
    struct hob__server *server;
    struct hob__http_conn *conn;
    struct hob__wire *wire;
    uint16_t status; /* of the answer */
    uint8_t answer;  /* enum hob__answer */
    bool head, chunked, to_close, close, continued, have_body;
    bool in_flight;                            /* is counted so */
    struct hob__h1_field *fields, *own_fields; /* the latter: room for some; more are allocated */
    char *path_copy;                           /* a path that is too long for path_room */
    char *authority_copy;                      /* authority's memory, or NULL */
    struct hob__buffer body, trailers;
    const char *method, *target, *path, *query;
    const char *block; /* the head */
    uint32_t field_count;
    uint32_t own_cap, path_cap;
    int body_error;                  /* of reading the request's body, or 0 */
    const char *authority;           /* of an absolute target, or HTTP/2's, or NULL */
    uint64_t left;                   /* of the answer's body, as announced */
    uint64_t sent;                   /* of the answer's body */
    uint64_t began;                  /* ns; 0: nobody asks */
    struct hob_websocket *websocket; /* what a stream of HTTP/2 has become, or NULL */
    char *path_room;
    struct hob__forwarded *forwarded; /* NULL: nobody is trusted */
};

/* What is on the stack of a connection's task while it answers. */
struct hob__exchange {
    /* Lowest, next to the frames of what is called: what is touched lies together. */
    char storage[HOB__EXCHANGE_STORAGE];
    struct hob__wire wire;
    struct hob_request req;
    char path[HOB__REQUEST_PATH];
    struct hob__h1_field fields[HOB__REQUEST_FIELDS];
    struct hob__forwarded forwarded;
};

/* ---- request.c ---- */
/* Makes req out of the head that the parser has just taken. 0, -ENOMEM, HOB_E_HTTP_EXPECT. */
int hob__request_begin(struct hob_request *req, struct hob_slice block);
/* Path and query out of the target. */
int hob__request_set_path(struct hob_request *req);
/* What is wrong with the body, by a reader above it: if the handler returns that, the answer is the
 * peer's fault. */
void hob__request_blame(struct hob_request *req, int rc);
/* Reads and drops what is left of the body, up to max bytes. True when it is complete. */
bool hob__request_drain(struct hob_request *req, size_t max);
/* Does the client still wait for its 100? Then it will not send the body, or might: who knows. */
static inline bool hob__request_may_wait(const struct hob_request *req) {
    const struct hob__wire *w = req->wire;
    return HOB__UNLIKELY(w->h1.flags & HOB__H1_EXPECT_CONTINUE) && !req->continued && !w->ended;
}
/* Frees what the request held: most often nothing. */
void hob__request_let_go(struct hob_request *req);
static inline void hob__request_end(struct hob_request *req) {
    if (HOB__UNLIKELY(req->fields != req->own_fields || req->path_copy || req->authority_copy ||
                      req->trailers.data || req->body.data))
        hob__request_let_go(req);
}

/* ---- forwarded.c ---- */
const struct hob__forwarded *hob__forwarded(const struct hob_request *req);

/* ---- respond.c ---- */
/* Makes sure that server->usual has the lines of this second: Date, HOB__DATE_LINE bytes, and
 * Server, if there is one. 0 or an error. */
int hob__answer_usual(struct hob__server *server);
enum { HOB__SEEN_DATE = 1, HOB__SEEN_SERVER = 2 };
/* What a handler's header means to the server goes into *seen, and req. 0; 1: it is not to be sent;
 * or an error: it may not be set. */
int hob__answer_header(struct hob_request *req, const struct hob_header *h, size_t name_size,
                       size_t n, unsigned *seen);
/* Explains why one cannot be sent; returns rc. */
int hob__answer_illegal(const struct hob_request *req, const struct hob_header *h, int rc);
/* Answers an error with its status and name; 0 or an error. Nothing when an answer was begun. */
int hob__respond_error(struct hob_request *req, int code);

/* ---- respond_h2.c ---- */
/* The answer's head on the stream of HTTP/2, and n bytes behind it; more: the rest will come. What
 * can be said of the status was checked. */
int hob__answer_shared(struct hob_request *req, int status, const struct hob_header *headers,
                       int64_t size, const void *body, size_t n, bool more);

/* ---- connection.c ---- */
/* What belongs to the answer, as hob__wire_write(). */
int hob__answer_write(struct hob_request *req, struct iovec *iov, int count);
/* To be called after such a write, where answers are gathered. */
void hob__answer_gather(struct hob_request *req);
/* In the connection's task: answers what has come. HOB__PARK, HOB__AGAIN, or the connection is
 * over: 0, or the error of a handler. */
int hob__connection_run(struct hob__served *c);

/* Calls the handler, completes the answer if it has not, and logs it. Returns what is to be
 * reported. */
int hob__request_handle(struct hob_request *req);
/* Answers, and logs, what never reaches it. */
void hob__request_refuse(struct hob_request *req, int rc);

/* Does it want to become a tunnel on a stream of HTTP/2 (RFC 8441)? For what: ":protocol"; or NULL.
 */
const char *hob__request_tunnel(const struct hob_request *req);
/* Has the client ended it already, without a word? */
bool hob__request_tunnel_ended(const struct hob_request *req);

/* ---- server_h2.c ---- */
/* Does the server speak HTTP/2 at all? */
static inline bool hob__server_shares(const struct hob__server *server) {
#if HAVE_NGHTTP2
    return !server->options.no_http2;
#else
    return (void)server, false;
#endif
}
/* In the connection's task: what has come, and all that follows from it: HOB__PARK, or 0: it is
 * over. hc->h2 is NULL at first. */
int hob__serve_http2(struct hob__http_conn *hc);
/* Nothing has been under way for a while: lets it rest. Does not wait. */
void hob__rest_http2(struct hob__http_conn *hc);
/* It ends without a task. Does not wait. */
void hob__cut_http2(struct hob__http_conn *hc);

/* ---- cut_off.c ---- */
/* Counts it, and notes it (HOB_REPORT_NOTE), at most once a minute for each kind. */
void hob__cut_off(struct hob__server *server, enum hob_http_cut why, const char *peer);

/* ---- secure.c ---- */
/* The server's side of the TLS handshake. Waits. */
int hob__server_secure(struct hob__server *server, struct hob_stream *stream);
#endif
