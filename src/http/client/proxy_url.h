/* http/client/proxy_url.h - proxies as text: "socks5h://user:secret@proxy:1080", and the list of
 * those who are asked directly. No I/O, no tasks. */
#ifndef HOB_HTTP_PROXY_URL_H
#define HOB_HTTP_PROXY_URL_H

#include <hob/base.h>

enum hob__proxy_kind { HOB__PROXY_HTTP, HOB__PROXY_HTTPS, HOB__PROXY_SOCKS5, HOB__PROXY_SOCKS5H };

struct hob__proxy {
    enum hob__proxy_kind kind;
    const char *address;         /* "proxy:3128", in lower case: also what messages name */
    const char *user, *password; /* decoded; NULL: none */
    const char *key;             /* as it was given: whoever has the same shares connections */
};

/* Makes one; free it with hob__free(): it is one block. 0, -ENOMEM, or HOB_E_PROXY and *why, a
 * static string. Without a scheme it is an HTTP proxy; without a port 80, 443 (https), 1080 (SOCKS)
 * is meant. */
int hob__proxy_parse(const char *text, struct hob__proxy **out, const char **why);

/* Does a list such as "localhost, .example.org, 10.0.0.0/8, [::1]", or "*", name this host? Names
 * stand for themselves and all below them, whether with a dot in front or not; addresses and blocks
 * of them (CIDR) only for hosts that are written as addresses. Brackets may be missing. */
bool hob__no_proxy(const char *list, struct hob_slice host);
#endif
