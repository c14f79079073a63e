/* io/address.h - addresses as text, and looking names up. */
#ifndef HOB_IO_ADDRESS_H
#define HOB_IO_ADDRESS_H

#include <hob/address.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { HOB__ADDRESSES_MAX = 16, HOB__ADDRESS_TEXT = 128 };

struct hob__address {
    struct sockaddr_storage addr;
    socklen_t size;
};

/* What a text says, before names are looked up. */
struct hob__endpoint {
    bool is_unix;
    uint16_t port;
    union {
        struct hob__address unix_address; /* if it is one */
        char host[256];                   /* else: without brackets; empty = any (listen only) */
    };
};

/* "host:port", "[v6]:port", ":port", "unix:path", "unix:@abstract". 0 or HOB_E_ADDRESS with a
 * record. */
int hob__endpoint_parse(const char *text, struct hob__endpoint *e);

/* Is it an address, or an empty host (listening: every address, else the loopback)? Then *out. */
bool hob__endpoint_numeric(const struct hob__endpoint *e, bool listening, struct hob_address *out);

/* The endpoint's addresses, in the order to try; numeric ones do not wait, names do (cancellation
 * point; the asker may leave at once, the lookup ends by itself). The number of addresses (>= 1),
 * or HOB_E_NAME, HOB_E_NAME_TEMPORARY, -ECANCELED, -ENOMEM. listening: an empty host means every
 * address. */
int hob__endpoint_resolve(const struct hob__endpoint *e, bool listening,
                          struct hob__address out[HOB__ADDRESSES_MAX]);

/* "127.0.0.1:80", "[::1]:80", "unix:/path". */
void hob__address_format(const struct sockaddr *addr, socklen_t size, char *buf, size_t n);

#endif
