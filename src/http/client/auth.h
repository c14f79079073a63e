/* http/client/auth.h - who asks: the credentials that servers and proxies want.
 *
 * Basic and Bearer go with the first request. Digest needs a challenge: the first request goes
 * without, and once more with the answer. The challenge is kept, up to 64 of them for a client, so
 * that later requests to that origin answer it at once, with a count that goes on, until the server
 * says that it is stale or names the next nonce. A server that only knows qop=auth-int gets the
 * hash of the body, too, which is read once more for it, each time. */
#ifndef HOB_HTTP_AUTH_H
#define HOB_HTTP_AUTH_H

#include "http/client/client.h"
#include "http/client/digest.h"

enum { HOB__DIGESTS = 64 };

/* A challenge that is kept. */
struct hob__digest {
    struct hob__digest *next;
    struct hob__challenge challenge;
    char key[]; /* "s example.org:443", "p proxy:3128" */
};

/* "Basic BASE64" (RFC 7617) as the field `name`. */
int hob__auth_put_basic(struct hob__buffer *b, const char *name, const char *user,
                        const char *password);
/* Copies the options' credentials into c. 0, -ENOMEM, -EINVAL. */
int hob__auth_open(struct hob_client *c, const struct hob_client_options *o);
void hob__auth_free(struct hob_client *c);
/* Before the first exchange of a request: checks its own credentials; reads the client's netrc
 * file, once, if there is to be one. Waits. */
int hob__auth_begin(struct hob__fetch *f);

/* Authorization for the request, unless its own headers have one. Waits, if the body has to be read
 * for it (qop=auth-int); it is begun anew then. */
int hob__auth_put(struct hob__fetch *f, struct hob_response *res, struct hob__buffer *b);
/* The head of an answer is there. 1: the request is worth another try, with an answer to the
 * challenge in it; 0: it is not; HOB_E_HTTP_AUTH: a challenge that cannot be answered. */
int hob__auth_answered(struct hob__fetch *f, struct hob_response *res);

/* What a digest is made of. */
struct hob__asked {
    const char *method;
    struct hob_slice what;      /* the request's target */
    struct hob__outgoing *body; /* begun; NULL: none is sent */
};
/* Proxy-Authorization for a request to the proxy itself, if it has a user. *digest: as an answer.
 * Waits, if the body has to be read for it. */
int hob__proxy_put_auth(struct hob_client *c, const struct hob__proxy *p,
                        const struct hob__asked *asked, struct hob__buffer *b, bool *digest);
/* Proxy-Authenticate of a 407 that came to a request with (digest) or without an answer. The same
 * results as hob__auth_answered(). */
int hob__proxy_challenged(struct hob_client *c, const struct hob__proxy *p, const char *value,
                          bool digest);
#endif
