/* http/client/tunnel.h - what is said to a proxy on a new connection, until it leads to the server.
 */
#ifndef HOB_HTTP_TUNNEL_H
#define HOB_HTTP_TUNNEL_H

#include "http/client/client.h"

/* CONNECT (RFC 9110, 9.3.6). 0: what follows on the stream is the server's. HOB_E_PROXY (the
 * proxy does not want to, or talks nonsense), HOB_E_PROXY_AUTH (407; *again: a
 * new connection could answer its challenge). Waits; the caller has
 * the deadline around it. */
int hob__tunnel_connect(struct hob_client *c, const struct hob__proxy *p, struct hob_stream *s,
                        const char *address, bool *again);
/* SOCKS5 (RFC 1928, RFC 1929), likewise. HOB_E_SOCKS, HOB_E_PROXY_AUTH; HOB_E_NAME and the
 * like when the name is looked up here. */
int hob__tunnel_socks(struct hob_client *c, const struct hob__proxy *p, struct hob_stream *s,
                      const char *address);
#endif
