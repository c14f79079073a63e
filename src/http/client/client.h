/* http/client/client.h - the inside of the client: pool, exchange, response. */
#ifndef HOB_HTTP_CLIENT_H
#define HOB_HTTP_CLIENT_H

#include <hob/http.h>
#include <hob/net.h>
#include <hob/sync.h>

#include "base/list.h"
#include "http/client/har.h"
#include "http/client/netrc.h"
#include "http/client/outgoing.h"
#include "http/client/phases.h"
#include "http/client/route.h"
#include "http/decode.h"
#include "http/h2/h2.h"
#include "http/wire.h"

enum {
    HOB__CLIENT_BUCKETS = 256,
    HOB__RESPONSE_FIELDS = 16, /* so that a response is one of libc's small blocks: <= 1032 bytes */
    HOB__RETRY_BUDGET = 100,
    HOB__ADDRESS_MAX = 272 /* bytes of "host:port": a host has at most 255 */
};

/* What requests to one host and port share; lives while there are any, or idle connections. */
struct hob__host {
    struct hob__host *next;   /* in its bucket */
    struct hob_list idle;     /* the last used first */
    struct hob_list shared;   /* connections of HTTP/2 that have room for a stream */
    struct hob_waitlist line; /* for the connection that is being made (shared.c) */
    struct hob_sem slots;     /* when there is a limit per host */
    size_t users;             /* idle connections, and requests */
    uint64_t next_at;         /* with a rate: the time of the next request */
    uint64_t keep_until;      /* so long it is remembered without users; 0 = not at all */
    uint32_t hash;            /* of the address */
    uint16_t budget;          /* of retries, in tenths (retry.c) */
    uint8_t version;          /* of HTTP, as the last connection had it: 1, 2; 0 = unknown */
    bool connecting;          /* one that others wait for is being made */
    bool only_h1;             /* it has asked for that */
    bool tls;
    bool upgrades;   /* for requests that ask for another protocol */
    const char *via; /* how it is reached: a route's key */
    char address[];  /* "host:port", "[::1]:80", in lower case */
};

struct hob__conn {
    struct hob_list in_host, in_client; /* while idle; of HTTP/2, in_host: while it has room */
    struct hob_client *client;
    struct hob__host *host;
    struct hob_stream *stream;
    struct hob__h2 *h2;  /* or NULL: HTTP/1.1 */
    uint64_t idle_until; /* 0 = for ever */
    uint64_t served;     /* exchanges so far */
    bool awaited;        /* of HTTP/2: the line waits for what it has room for */
    uint32_t promised;   /* slots of those in line who have not run since they got them */
};

struct hob__digest;

/* Who asks, for a client (auth.h). */
struct hob__auth {
    struct hob_auth own;         /* scheme 0: none */
    char *netrc;                 /* the file's name; "" = the usual one; NULL = none */
    char *netrc_text;            /* once it has been read */
    struct hob__digest *digests; /* the last used first */
};
enum { HOB__BEARER_MAX = 8192 };

struct hob_client {
    struct hob_client_options options; /* with the defaults in it; strings are the client's own */
    struct hob__h1_limits limits;
    struct hob_header *headers; /* ended by a NULL name; in one block with their text */
    char *base_url;
    char *user_agent;
    struct hob_url base;        /* of base_url */
    struct hob__host **buckets; /* `few`, or from the heap once there are more hosts than that */
    struct hob__host *few[HOB__CLIENT_BUCKETS];
    uint32_t bucket_mask, hosts; /* so many buckets less one; so many hosts */
    struct hob_list idle;        /* all idle connections, the one used longest ago first */
    struct hob_sem slots;
    struct hob_event closing;
    struct hob_cookies *own_cookies; /* made at the first Set-Cookie, when the options have none */
    struct hob_hooks hooks;
    struct hob__ways network;
    struct hob__auth auth;
    struct hob_tls *own_tls; /* made at the first https:// URL, when the options have none */
    struct hob_client_info info;
    size_t refs; /* the user's, one per response, one of the reaper */
    bool closed, reaping;
};

/* A body that comes compressed. */
struct hob__packed {
    struct hob__decoder *decoder;
    size_t at, size;   /* of bytes: what has not been decoded yet */
    uint64_t unpacked; /* so far */
    bool over;         /* all of it has been handed out */
    char bytes[16384];
};

struct hob_response {
    struct hob_client *client;
    struct hob__host *host; /* while the exchange holds slots */
    struct hob__conn *conn;
    struct hob__wire wire;
    char *url; /* with a path, without userinfo and fragment */
    const char *method;
    const char *block; /* the head */
    struct hob__h1_field *fields;
    uint32_t field_count;
    struct hob__packed *packed; /* NULL: the body comes as it is */
    struct hob__buffer body;
    struct hob__buffer ahead; /* of the body: read, to look for lines, and not handed out yet */
    size_t ahead_seen;        /* so much of it holds no line's end */
    struct hob__buffer trailers;
    struct hob__h1_field *trailer_fields;
    uint32_t trailer_count;
    double timeout;
    int error;       /* of an earlier call, or 0 */
    uint8_t interim; /* answers in front of the one that counts */
    bool got_byte, wants_close, have_body, have_head, http2;
    struct hob__marks marks;
    struct hob__har_note *note; /* for a HAR file, or NULL */
    struct hob__h1_field inline_fields[HOB__RESPONSE_FIELDS];
};

/* ---- pool.c ---- */
void hob__client_ref(struct hob_client *c);
void hob__client_unref(struct hob_client *c);
/* What hosts are told apart by. */
struct hob__target {
    const char *address;
    bool tls;
    const char *via;
    bool upgrades;
};
/* The record of a host; NULL without memory. */
struct hob__host *hob__pool_host(struct hob_client *c, const struct hob__target *to);
/* Takes a slot, waiting for its turn, and the host's record. request: what it is for counts for the
 * rate. */
int hob__pool_enter(struct hob_client *c, const struct hob__target *to, uint64_t deadline,
                    bool request, struct hob__host **out);
/* A kept connection that is still sound, or NULL. *now: the time, which was looked at. */
struct hob__conn *hob__pool_kept(struct hob_client *c, struct hob__host *host, uint64_t *now);
/* A new one. Waits. */
int hob__pool_connect(struct hob_client *c, struct hob__host *host, const struct hob__route *route,
                      struct hob__marks *m, uint64_t deadline, struct hob__conn **out);
/* An idle connection from now on; and no more. */
void hob__pool_rest(struct hob__conn *conn, uint64_t now);
void hob__pool_unrest(struct hob__conn *conn);
void hob__pool_host_unuse(struct hob_client *c, struct hob__host *h);
/* Ends a connection that is in use. */
void hob__pool_drop(struct hob__conn *conn);
/* Gives the slot back, and the connection (may be NULL) to the kept ones. now: the time. */
void hob__pool_leave(struct hob_client *c, struct hob__host *host, struct hob__conn *conn,
                     uint64_t now);

/* ---- shared.c ---- */
/* A connection for a request: a kept one (unless `fresh`), a slot for a stream on one that speaks
 * HTTP/2, or a new one, which others may be making. Waits. */
int hob__pool_take(struct hob_client *c, struct hob__host *h, const struct hob__route *route,
                   struct hob__marks *m, uint64_t deadline, bool fresh, struct hob__conn **out);
/* Gives a slot back for which no stream was opened. */
void hob__pool_untake(struct hob__conn *conn);
/* May a new connection to that host speak HTTP/2? */
bool hob__pool_may_share(const struct hob_client *c, const struct hob__host *h);
/* Makes the new connection one of HTTP/2. 0, or an error: it is closed then, and freed. */
int hob__pool_share(struct hob__conn *conn);

/* The jar, or NULL: there is none (yet). */
static inline struct hob_cookies *hob__client_cookies(const struct hob_client *c) {
    return c->options.cookies ? c->options.cookies : c->own_cookies;
}

/* ---- secure.c ---- */
/* Turns the new connection into TLS with the host, which is verified. Waits. HOB_E_HTTP_TLS when
 * this build has none; HOB_E_HTTP_PIN. */
struct hob__secure_how {
    bool http2;  /* is offered */
    bool pinned; /* the client's pins count */
};
int hob__client_secure(struct hob_client *c, struct hob_stream *stream, const char *address,
                       struct hob__secure_how how);
void hob__client_secure_free(struct hob_client *c);

/* ---- dial.c ---- */
/* A new connection to the host, with TLS if it is one for that. Waits. On error there is none. */
int hob__dial(struct hob_client *c, const struct hob__host *host, const struct hob__route *route,
              struct hob__marks *m, uint64_t deadline, struct hob_stream **out);

/* ---- exchange.c: one request and the head of its answer ---- */
struct hob__fetch {
    struct hob_client *client;
    const char *method;
    const struct hob_fetch_options *options;
    struct hob_url url; /* of res->url */
    const char *first_method;
    char address[HOB__ADDRESS_MAX]; /* of the host that was asked last */
    char *basic;                    /* "Basic ...", when the URL names a user; or NULL */
    struct hob__route route;
    struct hob__route_own own_route;
    struct hob__buffer extra; /* headers of a hook, as lines */
    bool digested;            /* the request had an answer to a challenge */
    bool proxy_digested;
    bool crossed;      /* a redirect has left the origin: no credentials */
    bool upgrades;     /* it asks for another protocol */
    bool without_body; /* a redirect has turned it into GET */
    bool asks;         /* the last request had Expect: 100-continue */
    bool refused;      /* to which the server said 417 */
    bool late;         /* it came when its connection was about to end */
    struct hob__outgoing out;
};
/* The body that the next exchange sends, or NULL. */
static inline struct hob__outgoing *hob__fetch_body(struct hob__fetch *f) {
    return f->out.present && !f->without_body ? &f->out : NULL;
}
/* Has another server than the one that the client's own secrets are for been asked? */
bool hob__fetch_foreign(const struct hob__fetch *f);
/* Makes address and route of the URL. */
int hob__fetch_route(struct hob__fetch *f);
/* client.c: makes res->url and f->url out of a reference and what it is relative to (NULL =
 * nothing). */
int hob__fetch_url(struct hob__fetch *f, struct hob_response *res, const char *base,
                   const char *reference);
/* Sends to res->url and reads the answer's head. */
int hob__exchange(struct hob__fetch *f, struct hob_response *res);

/* May a method be tried twice? (RFC 9110, 9.2.2) */
bool hob__idempotent(const char *method);

/* ---- retry.c ---- */
/* Did it fail in a way that may be over soon? */
bool hob__passing_error(int rc);
/* A request to that host begins. */
void hob__retry_earn(struct hob__host *host);
/* In how many seconds the request, which has been tried `tried` times more than once, is to be
 * tried again; less than 0: not at all. rc: why there is no answer; else res has its head. */
double hob__retry_delay(const struct hob__fetch *f, struct hob_response *res, int rc,
                        unsigned tried);

/* ---- response.c ---- */
/* With a reference to the client; NULL without memory. timeout in seconds, from now. */
struct hob_response *hob__response_new(struct hob_client *c, double timeout);
/* "HTTP/1.1"; "" before the answer's head. */
const char *hob__response_protocol(const struct hob_response *res);
/* Reads heads until one that counts. */
int hob__response_head(struct hob_response *res);
/* Waits until the body may be sent: 1, because the server said so (100) or the seconds are over; 0:
 * it has given its answer instead, which hob__response_head() will find; or an error. */
int hob__response_continue(struct hob_response *res, double seconds);
/* Waits for an answer that comes early, while something is sent: 0, and hob__response_head() will
 * find it; or an error. Cancelled, nothing is lost. */
int hob__response_early(struct hob_response *res);
/* The exchange is over: the connection is kept when it may be, the slot is given back. */
void hob__response_finish(struct hob_response *res);
/* The same with the connection closed. */
void hob__response_abort(struct hob_response *res);
void hob__packed_free(struct hob_response *res);
/* The next piece of the body behind res->ahead, which holds at most max bytes: its size, 0 at the
 * end, or an error. Waits; cancellation point. */
ssize_t hob__response_read_ahead(struct hob_response *res, size_t max);
/* What is left of the body has come already? Then it is dropped, and the connection kept. */
void hob__response_skip(struct hob_response *res);
/* Reads up to `max` bytes of body and drops them, so that the connection can be kept. */
void hob__response_drain(struct hob_response *res, size_t max);

/* ---- early.c ---- */
/* send(arg), which an answer that makes it pointless ends: 0 then, too, or its error. */
int hob__send_watched(struct hob_response *res, int (*send)(void *arg), void *arg);

/* ---- lines.c ---- */
/* The fields behind the body become strings. 0 or -ENOMEM. */
int hob__response_index_trailers(struct hob_response *res);
#endif
