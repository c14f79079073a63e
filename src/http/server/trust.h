/* http/server/trust.h - proxies in front of the server: whom to believe, and what they say. No I/O
 * but for hob__proxy_header(). */
#ifndef HOB_HTTP_TRUST_H
#define HOB_HTTP_TRUST_H

#include <hob/base.h>

/* An address or a network; IPv4 ones as IPv6 (::ffff:a.b.c.d). */
struct hob__network {
    uint8_t address[16];
    uint8_t bits;
};

struct hob__trust {
    struct hob__network *networks;
    size_t count;
    bool all, local; /* "*", "unix" */
};

/* Of a list as text. 0, -EINVAL, -ENOMEM. */
int hob__trust_parse(struct hob__trust *t, const char *list);
void hob__trust_free(struct hob__trust *t);
/* Is that address, with or without its port, one of them? */
bool hob__trusts(const struct hob__trust *t, const char *address, size_t n);

struct hob_stream;
enum { HOB__CLIENT_TEXT = 64 };
/* Reads the PROXY header: 1 and the client's address, 0: it says nothing of it; or an error. Takes
 * no byte behind it. Waits; cancellation point. */
int hob__proxy_header(struct hob_stream *s, char client[HOB__CLIENT_TEXT]);
#endif
