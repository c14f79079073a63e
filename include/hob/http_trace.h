/* hob/http_trace.h - what happens to the requests of a client: how long each phase took, and calls
 * before and after each of them.
 *
 *   struct hob_phases p;
 *   int rc = hob_client_request(client, "GET", url, &res, .phases = &p);     also when it fails
 *   ...
 *   hob_response_phases(res, &p);                                            with the body, so far
 *
 * Nothing here waits, but what hooks do. */
#ifndef HOB_HTTP_TRACE_H
#define HOB_HTTP_TRACE_H
#pragma GCC system_header

#include <hob/http.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the time went, in seconds. The phases follow each other: together they are `total`. One
 * that was not needed is 0 (all of a connection's when it is reused); in a request that failed the
 * one in which it did lasts until then, and what comes behind is 0. */
struct hob_phases {
    double before;  /* earlier attempts, redirects and the delays between them */
    double pool;    /* its turn (.rate), and one of the connections to be free */
    double dns;     /* the name, until the first address could be tried */
    double connect; /* to the server, or to the proxy */
    double tunnel;  /* what is said to the proxy: its own TLS, CONNECT, SOCKS */
    double tls;     /* the handshake with the server */
    double send;    /* the request, until all of it was in the kernel's buffer */
    double wait;    /* until the answer's first byte */
    double body;    /* the rest of the answer, from its first byte on, so far */
    double total;
    unsigned exchanges; /* requests on the wire that were begun: 1, more with retries, redirects */
    bool reused;        /* the connection had served before */
    const char *protocol; /* "HTTP/1.1", "" while there is no answer; a static string */
    char peer[112];       /* "127.0.0.1:8000", the proxy's if there is one; "" = there was none */
};

/* Of the exchange that gave this response: until the body has been read (or the response is
 * looked at for the last time), `body` and `total` grow. */
HOB_API void hob_response_phases(const struct hob_response *res, struct hob_phases *phases);

/* One exchange: a request on the wire, and the head of its answer. */
struct hob_exchange {
    const char *method, *url;
    unsigned number; /* of this request's: 1, more with redirects, challenges, retries */
    int error;       /* after: 0, or why there is no answer */
    const struct hob_response *response; /* after: NULL without an answer; valid during the call */
    void *inside;                        /* private */
};

/* hob_client_options.hooks: both may be NULL, both may wait (within the request's own timeout, if
 * they watch for it), and both make the request fail with what they return when that is negative.
 */
struct hob_hooks {
    int (*before)(struct hob_exchange *x, void *arg); /* waits for no connection yet */
    int (*after)(struct hob_exchange *x, void *arg);  /* also when it failed */
    void *arg;
};

/* In before(): one more header for this exchange alone; a redirect to another origin is an exchange
 * of its own, whose URL says where it goes. Beside those that are there: what is yours to set
 * otherwise is not replaced. 0, HOB_E_HTTP_ILLEGAL, HOB_E_HTTP_HEADERS_TOO_LARGE, -ENOMEM. */
HOB_API int hob_exchange_header(struct hob_exchange *x, const char *name, const char *value);

#ifdef __cplusplus
}
#endif
#endif
