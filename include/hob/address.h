/* hob/address.h - an IP address with a port, as sockets take it, and its text. Nothing here waits
 * or looks a name up (that is hob/dns.h). */
#ifndef HOB_ADDRESS_H
#define HOB_ADDRESS_H
#pragma GCC system_header

#include <hob/base.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A value: it is copied, and owns nothing. All zero is no address. */
struct hob_address {
    union {
        struct sockaddr any; /* any.sa_family tells which: AF_INET or AF_INET6 */
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } ip;
};

/* Room for any address as text: "[v6%scope]:port". */
enum { HOB_ADDRESS_TEXT = 80 };

/* "192.0.2.7:80", "[2001:db8::1]:80", "[fe80::1%eth0]:80", ":80" (every address, IPv4). 0, or
 * HOB_E_ADDRESS: it is none, a host name among others. */
HOB_API int hob_address_parse(const char *text, struct hob_address *out);
/* The same without a port, as it stands in a host's place: "192.0.2.7", "::1", "fe80::1%eth0". */
HOB_API int hob_address_parse_host(const char *text, uint16_t port, struct hob_address *out);
/* Writes "192.0.2.7:80" or "[2001:db8::1]:80" to buf, cut at n bytes with the NUL; returns buf. */
HOB_API char *hob_address_format(const struct hob_address *a, char *buf, size_t n);
/* The same without the port: "192.0.2.7", "2001:db8::1", "fe80::1%eth0". */
HOB_API char *hob_address_format_host(const struct hob_address *a, char *buf, size_t n);

/* What bind(), connect() and the like want beside &a->ip.any. */
static inline socklen_t hob_address_size(const struct hob_address *a) {
    return a->ip.any.sa_family == AF_INET6  ? (socklen_t)sizeof(struct sockaddr_in6)
           : a->ip.any.sa_family == AF_INET ? (socklen_t)sizeof(struct sockaddr_in)
                                            : 0;
}
/* From what the system filled in: 0, or -EAFNOSUPPORT. */
HOB_API int hob_address_from(const struct sockaddr *from, socklen_t size, struct hob_address *out);
HOB_API uint16_t hob_address_port(const struct hob_address *a);
HOB_API void hob_address_set_port(struct hob_address *a, uint16_t port);
/* The same family, address, scope and port? */
HOB_API bool hob_address_equal(const struct hob_address *a, const struct hob_address *b);

#ifdef __cplusplus
}
#endif
#endif
