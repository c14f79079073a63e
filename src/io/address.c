/* io/address.c - addresses as text. Numeric ones are parsed here; a name goes to the system's
 * resolver on a worker thread, in memory of its own, so that a cancelled asker leaves at once and
 * whoever is last frees it. */
#include "io/address.h"

#include <arpa/inet.h>
#include <hob/error.h>
#include <hob/task.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "loop/backend.h"
#include "task/fdwait.h"
#include "task/wait.h"

static int bad(const char *text, const char *why) {
    return hob_fail(HOB_E_ADDRESS, "'%.200s' is not an address: %s", text, why);
}

static int parse_unix(const char *text, const char *path, struct hob__endpoint *e) {
    struct sockaddr_un *u = (struct sockaddr_un *)&e->unix_address.addr;
    size_t n = strlen(path);
    if (n == 0) return bad(text, "no path behind 'unix:'");
    if (n >= sizeof u->sun_path) return bad(text, "the path is longer than 107 bytes");
    e->is_unix = true;
    u->sun_family = AF_UNIX;
    memcpy(u->sun_path, path, n + 1);
    e->unix_address.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    if (path[0] == '@') { /* the abstract namespace: a NUL first, no NUL at the end */
        u->sun_path[0] = 0;
        e->unix_address.size--;
    }
    return 0;
}

int hob__endpoint_parse(const char *text, struct hob__endpoint *e) {
    memset(e, 0, sizeof *e);
    if (!text) return hob_fail(HOB_E_ADDRESS, "the address is NULL");
    if (strncmp(text, "unix:", 5) == 0) return parse_unix(text, text + 5, e);
    const char *colon = strrchr(text, ':');
    if (!colon) return bad(text, "no ':port'");
    const char *host = text, *end = colon;
    if (*host == '[') {
        if (colon == text || colon[-1] != ']') return bad(text, "no ']:port' behind '['");
        host++;
        end--;
    } else if (memchr(text, ':', (size_t)(colon - text))) {
        return bad(text, "an IPv6 address needs brackets, as in [::1]:80");
    }
    if ((size_t)(end - host) >= sizeof e->host)
        return bad(text, "the host is longer than 255 bytes");
    memcpy(e->host, host, (size_t)(end - host));
    const char *p = colon + 1;
    unsigned long port = 0;
    if (!*p) return bad(text, "no port behind ':'");
    for (; *p; p++) {
        if (*p < '0' || *p > '9') return bad(text, "the port is not a number");
        port = port * 10 + (unsigned long)(*p - '0');
        if (port > 65535) return bad(text, "the port is larger than 65535");
    }
    e->port = (uint16_t)port;
    return 0;
}

static void set_v4(struct hob__address *a, struct in_addr ip, uint16_t port) {
    struct sockaddr_in *in = (struct sockaddr_in *)&a->addr;
    memset(a, 0, sizeof *a);
    in->sin_family = AF_INET;
    in->sin_addr = ip;
    in->sin_port = htons(port);
    a->size = sizeof *in;
}

static void set_v6(struct hob__address *a, struct in6_addr ip, uint32_t scope, uint16_t port) {
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&a->addr;
    memset(a, 0, sizeof *a);
    in->sin6_family = AF_INET6;
    in->sin6_addr = ip;
    in->sin6_scope_id = scope;
    in->sin6_port = htons(port);
    a->size = sizeof *in;
}

static bool parse_numeric(const struct hob__endpoint *e, bool listening, struct hob__address *out) {
    struct in_addr v4 = {.s_addr = htonl(INADDR_ANY)};
    struct in6_addr v6;
    if (!e->host[0]) {
        if (!listening) v4.s_addr = htonl(INADDR_LOOPBACK);
        set_v4(out, v4, e->port);
        return true;
    }
    if (inet_pton(AF_INET, e->host, &v4) == 1) {
        set_v4(out, v4, e->port);
        return true;
    }
    if (inet_pton(AF_INET6, e->host, &v6) == 1) {
        set_v6(out, v6, 0, e->port);
        return true;
    }
    return false;
}

/* ---- names ---- */

/* One lookup. `askers` is 2 while the asker waits, 1 when it has left; the last one frees. Both
 * sides touch it in the loop's thread only (work() runs elsewhere, done() does not). */
struct lookup {
    struct hob__op op;
    struct hob_waiter waiter;
    bool asked, finished;
    char host[256];
    struct addrinfo *found;
};

static int look_up(struct hob__op *op) {
    struct lookup *l = op->user;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int rc = getaddrinfo(l->host, NULL, &hints, &l->found);
    if (rc == 0) return 0;
    l->found = NULL;
    switch (rc) {
    case EAI_AGAIN:
        return HOB_E_NAME_TEMPORARY;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return errno ? -errno : HOB_E_NAME_TEMPORARY;
    default:
        return HOB_E_NAME;
    }
}

static void lookup_free(struct lookup *l) {
    if (l->found) freeaddrinfo(l->found);
    hob__free(l);
}

static void looked_up(struct hob__op *op) {
    struct lookup *l = op->user;
    l->finished = true;
    if (l->asked)
        hob__wake(&l->waiter, 0);
    else
        lookup_free(l);
}

static int copy_found(const struct addrinfo *ai, uint16_t port, struct hob__address *out) {
    int n = 0;
    for (; ai && n < HOB__ADDRESSES_MAX; ai = ai->ai_next) {
        if (ai->ai_family == AF_INET)
            set_v4(&out[n++], ((struct sockaddr_in *)(void *)ai->ai_addr)->sin_addr, port);
        if (ai->ai_family == AF_INET6) {
            struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)ai->ai_addr;
            set_v6(&out[n++], in->sin6_addr, in->sin6_scope_id, port);
        }
    }
    return n;
}

static int resolve_name(const struct hob__endpoint *e, struct hob__address *out) {
    struct hob__backend *b = hob__backend_current("hob_connect");
    int rc = hob__point("hob_connect");
    if (rc < 0) return rc;
    struct lookup *l = hob__alloc_zero(sizeof *l);
    if (!l) return -ENOMEM;
    l->op = (struct hob__op){.code = HOB__OP_WORK, .fd = -1, .work = look_up, .done = looked_up};
    l->op.user = l;
    memcpy(l->host, e->host, sizeof l->host);
    rc = b->ops->submit(b, &l->op);
    if (rc < 0) {
        lookup_free(l);
        return rc;
    }
    l->asked = true;
    if (!l->finished) rc = hob__wait_on(NULL, &l->waiter, "lookup", e->host, HOB__WAIT_NAMED);
    l->asked = false;
    if (!l->finished) return rc; /* cancelled: looked_up() frees it */
    rc = (int)l->op.result;
    int n = rc < 0 ? rc : copy_found(l->found, e->port, out);
    lookup_free(l);
    if (n == 0) n = HOB_E_NAME;
    if (n < 0) return hob_fail(n, "host '%s': %s", e->host, hob_strerror(n));
    return n;
}

int hob__endpoint_resolve(const struct hob__endpoint *e, bool listening,
                          struct hob__address out[HOB__ADDRESSES_MAX]) {
    if (e->is_unix) {
        out[0] = e->unix_address;
        return 1;
    }
    if (parse_numeric(e, listening, out)) return 1;
    if (strcmp(e->host, "localhost") == 0) { /* RFC 6761 section 6.3: always the loopback */
        set_v4(&out[0], (struct in_addr){.s_addr = htonl(INADDR_LOOPBACK)}, e->port);
        if (listening) return 1;
        set_v6(&out[1], in6addr_loopback, 0, e->port);
        return 2;
    }
    return resolve_name(e, out);
}

void hob__address_format(const struct sockaddr *addr, socklen_t size, char *buf, size_t n) {
    char ip[INET6_ADDRSTRLEN];
    if (addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
        snprintf(buf, n, "%s:%u", inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip),
                 ntohs(in->sin_port));
    } else if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)addr;
        snprintf(buf, n, "[%s]:%u", inet_ntop(AF_INET6, &in->sin6_addr, ip, sizeof ip),
                 ntohs(in->sin6_port));
    } else if (addr->sa_family == AF_UNIX) {
        const struct sockaddr_un *u = (const struct sockaddr_un *)(const void *)addr;
        size_t len = size > offsetof(struct sockaddr_un, sun_path)
                         ? size - offsetof(struct sockaddr_un, sun_path)
                         : 0;
        if (len == 0)
            snprintf(buf, n, "unix:");
        else if (!u->sun_path[0])
            snprintf(buf, n, "unix:@%.*s", (int)len - 1, u->sun_path + 1);
        else
            snprintf(buf, n, "unix:%.*s", (int)len, u->sun_path);
    } else {
        snprintf(buf, n, "?");
    }
}
