/* hob/dns.h - host names and their addresses.
 *
 * Each loop has one resolver, made at the first need. It asks name servers by c-ares, whose sockets
 * and time-outs belong to the loop: no thread, so that a lookup never waits behind files, and the
 * program's end never waits for a slow server. What it does with a host, in this order:
 *
 *   an address in text       "192.0.2.7", "2001:db8::1", "fe80::1%eth0": nothing to look up
 *   localhost, *.localhost   127.0.0.1 and ::1, whatever any file or server says (RFC 6761)
 *   *.invalid, *.onion       no such host (RFC 6761, RFC 7686)
 *   /etc/hosts               what it lists is not asked for elsewhere; a change is seen in a second
 *   the cache                by TTL; with a bound
 *   the name servers         of /etc/resolv.conf (nameserver, search, domain, options ndots,
 *                            timeout, attempts, rotate); a change is seen, too
 *
 * A thousand tasks that ask for one name are one query. A task that is cancelled leaves at once;
 * the query goes on for the others, and its answer goes into the cache. /etc/nsswitch.conf is not
 * read: where names come from elsewhere (mDNS, LDAP), see hob_dns_options.system. Names are ASCII;
 * those of other scripts are given in their "xn--" form.
 *
 * Built without c-ares, the resolver is the system's: getaddrinfo() in threads of its own, of which
 * nothing waits either; its answers come without a TTL and are not kept. */
#ifndef HOB_DNS_H
#define HOB_DNS_H
#pragma GCC system_header

#include <hob/address.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One address of a host. */
struct hob_found {
    struct hob_address address; /* with port 0 */
    uint32_t ttl;               /* seconds it may be kept; UINT32_MAX: it came from no server */
};

/* Looks a host's addresses up. family: AF_INET, AF_INET6, or 0 for both. They stand in the order in
 * which to try them (RFC 6724; families in turn; equal ones change places from call to call).
 * Returns how many were written to out: at least 1, at most max (32 are kept of each host, 16 of
 * each family); or HOB_E_NAME (no such host, or it has no such address), HOB_E_NAME_TEMPORARY (no
 * server could tell), -EINVAL, -ENOMEM, -ECANCELED. With family 0 it waits for both answers; one
 * that fails does not matter if the other is there. Cancellation point. */
HOB_API int hob_resolve(const char *host, int family, struct hob_found *out, int max);

/* The name of an address (/etc/hosts, then the address's PTR record), written to name, cut at n
 * bytes with the NUL: its full length; or HOB_E_NAME, HOB_E_NAME_TEMPORARY, -EINVAL, -ENOMEM,
 * -ECANCELED. Whoever owns the address decides what stands there: check it by hob_resolve() before
 * it is trusted. Cancellation point. */
HOB_API int hob_resolve_address(const struct hob_address *a, char *name, size_t n);

/* How the running loop's resolver works; all zero is the default. The texts are copied. */
struct hob_dns_options {
    const char *servers; /* "192.0.2.1, [2001:db8::1]:5353" instead of resolv.conf's; no %zones */
    const char *hosts;   /* instead of /etc/hosts; "" = none */
    const char *resolv_conf; /* instead of /etc/resolv.conf */
    double timeout;          /* seconds until a server is asked again, doubled from round to round;
                                default: resolv.conf's, or 2 */
    unsigned attempts;       /* rounds through the servers; default: resolv.conf's, or 3 */
    unsigned cache_entries;  /* answers kept (A and AAAA are two); the one that was not asked for
                                longest makes room; default 1024 */
    bool no_cache;           /* an answer is for those who wait for it at the time */
    unsigned max_ttl;        /* seconds; default 86400 */
    unsigned negative_ttl;   /* seconds that "no such host" is kept at most (the zone may say less;
                                5 when it says nothing); default 30 */
    unsigned queries;        /* to the servers at a time; more wait their turn; default 256 */
    bool system;             /* ask the system's resolver, as a build without c-ares does */
};

/* Sets them all, and empties the cache. Queries under way begin anew. 0, -EINVAL (servers that are
 * no addresses; with a record), -ENOMEM: as it was then. Does not wait. */
HOB_API int hob_dns_configure(const struct hob_dns_options *options);
/* Forgets every answer, and looks at the files anew at the next lookup. Does not wait. */
HOB_API void hob_dns_flush(void);

/* Facts about the running loop's resolver. */
struct hob_dns_info {
    const char *resolver; /* "c-ares", "system" */
    uint64_t asked;       /* lookups of one name and one type, by all tasks */
    uint64_t from_hosts, from_cache;
    uint64_t shared;  /* that found their query under way */
    uint64_t queries; /* handed to the name servers */
    size_t cached;    /* answers, now */
    size_t pending;   /* queries under way or waiting for their turn, now */
};
HOB_API int hob_dns_info(struct hob_dns_info *info);

#ifdef __cplusplus
}
#endif
#endif
