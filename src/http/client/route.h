/* http/client/route.h - the way to a server: straight, by a proxy, or to a Unix socket. */
#ifndef HOB_HTTP_ROUTE_H
#define HOB_HTTP_ROUTE_H

#include <hob/address.h>
#include <hob/http.h>

#include "http/client/proxy_url.h"

enum { HOB__PIN_SIZE = 32, HOB__PINS = 16, HOB__ROUTE_ADDRESSES = 8 };

/* What a client has been told about it; copies of the options. */
struct hob__ways {
    char *proxies[2];             /* of http and https URLs, as text; NULL: none */
    struct hob__proxy *parsed[2]; /* at the first need */
    char *no_proxy;
    char *unix_address; /* "unix:/path" */
    struct hob_header *resolve;
    int (*lookup)(const char *host, uint16_t port, struct hob_address *out, int max, void *arg);
    void *lookup_arg;
    unsigned char pins[HOB__PINS][HOB__PIN_SIZE];
    unsigned pin_count;
};

/* Where a new connection goes. */
struct hob__route {
    const struct hob__proxy *proxy;
    const char *unix_address;
    const char *key; /* "": straight; connections of one key and host are alike */
    bool absolute;   /* the proxy itself is asked for the URL */
};

/* What one request has of its own. */
struct hob__route_own {
    struct hob__proxy *proxy;
    char *unix_address;
};

/* Takes the options over. 0, -ENOMEM, -EINVAL with a record. */
int hob__ways_open(struct hob__ways *n, const struct hob_client_options *o);
void hob__ways_free(struct hob__ways *n);
/* The way to u's host. Does not wait. 0, -ENOMEM, HOB_E_PROXY. */
int hob__route_choose(struct hob__ways *n, const struct hob_fetch_options *o,
                      struct hob__route_own *own, const struct hob_url *u, struct hob__route *out);
void hob__route_own_free(struct hob__route_own *own);
/* Connects to "host:port", or to where the client's options say that it is. Waits. */
int hob__route_connect(const struct hob__ways *n, const char *address, uint64_t *looked_up,
                       struct hob_stream **out);
/* The addresses that the options name for it; 0: none; an error of the user's function. */
int hob__route_addresses(const struct hob__ways *n, const char *address,
                         struct hob_address out[HOB__ROUTE_ADDRESSES]);

/* "host:port" taken apart; the host without its brackets and zone. False: longer than n bytes. */
bool hob__route_split(const char *address, char *host, size_t n, uint16_t *port);
#endif
