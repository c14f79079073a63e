/* http/auth.h - who asks: the credentials that servers and proxies want. */
#ifndef HOB_HTTP_AUTH_H
#define HOB_HTTP_AUTH_H

#include "http/client.h"

/* "Basic BASE64" (RFC 7617) as the field `name`. */
int hob__auth_put_basic(struct hob__buffer *b, const char *name, const char *user,
                        const char *password);

/* Proxy-Authorization for a request to the proxy itself, if it has a user. */
int hob__proxy_put_auth(struct hob_client *c, const struct hob__proxy *p, const char *method,
                        const char *target, struct hob__buffer *b);
/* The proxy has answered 407: its challenge is remembered. */
void hob__proxy_challenged(struct hob_client *c, const struct hob__proxy *p,
                           const struct hob__wire *w, struct hob_slice head);
#endif
