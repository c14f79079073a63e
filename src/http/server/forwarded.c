/* http/server/forwarded.c - what trusted proxies say of the client: X-Forwarded-For, -Proto and
 * -Host, or Forwarded (RFC 7239).
 *
 * Each proxy appends to a list. So it is read from its end: as long as an address is a trusted
 * proxy's, the one before it, which that proxy has appended, counts as well; the first that is not
 * is the client's. What stands before that may be anybody's invention. */
#include <string.h>
#include <strings.h>

#include "http/server/server.h"

/* The last element of the comma-separated list that is not after `end`; false when there is none.
 */
static bool last_element(const char *list, const char **end, struct hob_slice *out) {
    const char *stop = *end;
    bool quoted = false;
    while (stop > list && (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == ',')) stop--;
    if (stop == list) return false;
    const char *at = stop;
    while (at > list && (at[-1] != ',' || quoted)) {
        at--;
        if (*at == '"') quoted = !quoted;
    }
    *end = at;
    while (at < stop && (*at == ' ' || *at == '\t')) at++;
    *out = (struct hob_slice){at, (size_t)(stop - at)};
    return true;
}

/* The value of a pair in an element of Forwarded: for="[2001:db8::1]:4711";proto=https */
static bool pair(struct hob_slice element, const char *name, struct hob_slice *out) {
    const char *at = element.at, *end = at + element.size;
    size_t n = strlen(name);
    while (at < end) {
        while (at < end && (*at == ';' || *at == ' ')) at++;
        const char *key = at;
        while (at < end && *at != '=' && *at != ';') at++;
        bool found = (size_t)(at - key) == n && strncasecmp(key, name, n) == 0;
        if (at == end || *at != '=') continue;
        const char *value = ++at;
        bool quoted = at < end && *at == '"';
        if (quoted) {
            value = ++at;
            while (at < end && *at != '"') at++;
        } else {
            while (at < end && *at != ';') at++;
        }
        *out = (struct hob_slice){value, (size_t)(at - value)};
        if (quoted && at < end) at++;
        if (found) return true;
    }
    return false;
}

/* The index of the last header of that name from `before` down; -1: none. */
static int64_t find_last(const struct hob_request *req, const char *name, size_t before) {
    size_t n = strlen(name);
    while (before-- > 0) {
        const struct hob__h1_field *f = &req->fields[before];
        if (f->name_size == n && strncasecmp(req->block + f->name, name, n) == 0)
            return (int64_t)before;
    }
    return -1;
}

static void keep(char *to, size_t room, struct hob_slice text) {
    if (text.size >= room) return;
    memcpy(to, text.at, text.size);
    to[text.size] = 0;
}

/* Goes through the elements from the end; what the last one that counts says. */
static void walk(struct hob_request *req, struct hob__forwarded *out) {
    const struct hob__server *server = req->server;
    bool rfc = server->options.forwarded;
    const char *name = rfc ? "forwarded" : "x-forwarded-for";
    size_t before = req->field_count;
    for (int64_t i; (i = find_last(req, name, before)) >= 0; before = (size_t)i) {
        const char *list = req->block + req->fields[i].value, *end = list + strlen(list);
        struct hob_slice element, who;
        while (last_element(list, &end, &element)) {
            struct hob_slice value;
            who = element;
            if (rfc && !pair(element, "for", &who)) return;
            keep(out->client, sizeof out->client, who);
            if (rfc && pair(element, "proto", &value)) keep(out->proto, sizeof out->proto, value);
            if (rfc && pair(element, "host", &value)) keep(out->host, sizeof out->host, value);
            if (!hob__trusts(&server->trust, who.at, who.size)) return;
        }
    }
}

static void keep_last(const struct hob_request *req, const char *name, char *to, size_t room) {
    int64_t i = find_last(req, name, req->field_count);
    struct hob_slice element;
    if (i < 0) return;
    const char *list = req->block + req->fields[i].value, *end = list + strlen(list);
    if (last_element(list, &end, &element)) keep(to, room, element);
}

const struct hob__forwarded *hob__forwarded(const struct hob_request *request) {
    static const struct hob__forwarded nothing = {.known = true};
    struct hob_request *req = (struct hob_request *)(uintptr_t)request; /* found out once */
    struct hob__forwarded *f = req->forwarded;
    if (!f) return &nothing;
    if (f->known) return f;
    const char *peer = req->conn->client ? req->conn->client : hob_request_peer(req);
    f->known = true;
    f->client[0] = f->proto[0] = f->host[0] = 0;
    if (!hob__trusts(&req->server->trust, peer, strlen(peer))) return f;
    walk(req, f);
    if (!req->server->options.forwarded) {
        keep_last(req, "x-forwarded-proto", f->proto, sizeof f->proto);
        keep_last(req, "x-forwarded-host", f->host, sizeof f->host);
    }
    return f;
}

const char *hob_request_client(const struct hob_request *req) {
    const struct hob__forwarded *f = hob__forwarded(req);
    if (f->client[0]) return f->client;
    return req->conn->client ? req->conn->client : hob_request_peer(req);
}

const char *hob_request_scheme(const struct hob_request *req) {
    const char *proto = hob__forwarded(req)->proto;
    if (strcasecmp(proto, "https") == 0) return "https";
    if (strcasecmp(proto, "http") == 0) return "http";
    return req->server->options.tls ? "https" : "http";
}
