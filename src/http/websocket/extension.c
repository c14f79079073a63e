/* http/websocket/extension.c - permessage-deflate in the headers (RFC 7692, 5 and 7.1). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/websocket/deflate.h"

/* ---- the lists of RFC 6455, 9.1: name; parameter; parameter=value, name ... ---- */

enum { PARAMETERS = 8 };

struct parameter {
    struct hob_slice name, value; /* value.at NULL: none */
};

struct extension {
    struct hob_slice name;
    struct parameter parameters[PARAMETERS];
    unsigned count;
    bool too_many;
};

static bool is_token(char c) { return c > ' ' && c < 0x7F && !strchr("()<>@,;:\\\"/[]?={}", c); }

static void skip_space(const char **at) { *at += strspn(*at, " \t"); }

static bool token(const char **at, struct hob_slice *out) {
    skip_space(at);
    out->at = *at;
    while (is_token(**at)) ++*at;
    out->size = (size_t)(*at - out->at);
    skip_space(at);
    return out->size > 0;
}

/* A value may be a quoted token; none that is needed here has an escape in it. */
static bool value(const char **at, struct hob_slice *out) {
    skip_space(at);
    bool quoted = **at == '"';
    *at += quoted;
    out->at = *at;
    while (is_token(**at)) ++*at;
    out->size = (size_t)(*at - out->at);
    if (quoted && *(*at)++ != '"') return false;
    skip_space(at);
    return out->size > 0;
}

/* 1; 0: the list is over; -1: it is malformed. */
static int next_extension(const char **at, struct extension *e) {
    skip_space(at);
    while (**at == ',') {
        ++*at;
        skip_space(at);
    }
    *e = (struct extension){.count = 0};
    if (!**at) return 0;
    if (!token(at, &e->name)) return -1;
    while (**at == ';') {
        struct parameter p = {{0}, {0}};
        ++*at;
        if (!token(at, &p.name)) return -1;
        if (**at == '=') {
            ++*at;
            if (!value(at, &p.value)) return -1;
        }
        if (e->count == PARAMETERS)
            e->too_many = true;
        else
            e->parameters[e->count++] = p;
    }
    return !**at || **at == ',' ? 1 : -1;
}

/* ---- permessage-deflate ---- */

struct terms {
    bool server_resets, client_resets; /* ..._no_context_takeover */
    bool names_server_bits, names_client_bits;
    uint8_t server_bits, client_bits; /* 0: named without a value */
};

static bool same(struct hob_slice s, const char *name) {
    return s.size == strlen(name) && strncasecmp(s.at, name, s.size) == 0;
}

/* 8 to 15, without leading zeroes; 0: it is none. */
static uint8_t bits(struct hob_slice v) {
    if (v.size == 1 && (*v.at == '8' || *v.at == '9')) return (uint8_t)(*v.at - '0');
    if (v.size == 2 && v.at[0] == '1' && v.at[1] >= '0' && v.at[1] <= '5')
        return (uint8_t)(10 + v.at[1] - '0');
    return 0;
}

/* Only known parameters, each once, with the values that each may have. */
static bool read_terms(const struct extension *e, bool offer, struct terms *t) {
    *t = (struct terms){.server_bits = 15, .client_bits = 15};
    if (e->too_many || !same(e->name, "permessage-deflate")) return false;
    for (unsigned i = 0; i < e->count; i++) {
        struct hob_slice name = e->parameters[i].name, v = e->parameters[i].value;
        if (same(name, "server_no_context_takeover") && !v.at && !t->server_resets) {
            t->server_resets = true;
        } else if (same(name, "client_no_context_takeover") && !v.at && !t->client_resets) {
            t->client_resets = true;
        } else if (same(name, "server_max_window_bits") && v.at && !t->names_server_bits) {
            t->names_server_bits = true;
            t->server_bits = bits(v);
            if (!t->server_bits) return false;
        } else if (same(name, "client_max_window_bits") && (v.at || offer) &&
                   !t->names_client_bits) {
            t->names_client_bits = true;
            if (v.at) t->client_bits = bits(v);
            if (!t->client_bits) return false;
        } else {
            return false;
        }
    }
    return true;
}

static uint8_t wanted(uint8_t option) { return option >= 9 && option < 15 ? option : 15; }
static uint8_t least(uint8_t a, uint8_t b) { return a < b ? a : b; }

size_t hob__ws_deflate_offer(const struct hob_websocket_options *o,
                             char out[HOB__WS_EXTENSION_MAX]) {
    out[0] = 0;
#if HAVE_ZLIB
    if (!o->deflate) return 0;
    size_t n =
        (size_t)snprintf(out, HOB__WS_EXTENSION_MAX, "permessage-deflate; client_max_window_bits");
    if (wanted(o->deflate_bits) < 15)
        n += (size_t)snprintf(out + n, HOB__WS_EXTENSION_MAX - n, "=%u", wanted(o->deflate_bits));
    if (wanted(o->deflate_peer_bits) < 15)
        n += (size_t)snprintf(out + n, HOB__WS_EXTENSION_MAX - n, "; server_max_window_bits=%u",
                              wanted(o->deflate_peer_bits));
    if (!o->deflate_keep)
        n += (size_t)snprintf(out + n, HOB__WS_EXTENSION_MAX - n,
                              "; server_no_context_takeover; client_no_context_takeover");
    return n;
#else
    (void)o;
    return 0;
#endif
}

bool hob__ws_deflate_answered(const struct hob_websocket_options *o, const char *answer,
                              struct hob__ws_deflate *d) {
    char offer[HOB__WS_EXTENSION_MAX];
    struct extension e;
    struct terms t;
    *d = (struct hob__ws_deflate){.on = false};
    if (!answer) return true;
    const char *at = answer;
    int rc = next_extension(&at, &e);
    if (rc == 0) return true;
    if (rc < 0 || hob__ws_deflate_offer(o, offer) == 0 || !read_terms(&e, false, &t)) return false;
    if (next_extension(&at, &e) != 0) return false; /* one was offered */
    uint8_t ours = wanted(o->deflate_bits), theirs = wanted(o->deflate_peer_bits);
    if (theirs < 15 && (!t.names_server_bits || t.server_bits > theirs)) return false;
    if (!o->deflate_keep && !t.server_resets) return false;
    *d = (struct hob__ws_deflate){
        .on = true,
        .send_keeps = o->deflate_keep && !t.client_resets,
        .receive_keeps = !t.server_resets,
        .send_bits = least(t.client_bits, ours),
        .receive_bits = t.server_bits,
    };
    return true;
}

/* The terms under which this offer is accepted. */
static void accept_terms(const struct hob_websocket_options *o, const struct terms *t,
                         struct hob__ws_deflate *d, char out[HOB__WS_EXTENSION_MAX]) {
    uint8_t theirs = wanted(o->deflate_peer_bits);
    *d = (struct hob__ws_deflate){
        .on = true,
        .send_keeps = o->deflate_keep && !t->server_resets,
        .receive_keeps = o->deflate_keep && !t->client_resets,
        .send_bits = least(t->server_bits, wanted(o->deflate_bits)),
        /* Without the client's word that it can be told, it is not. */
        .receive_bits = t->names_client_bits ? least(t->client_bits, theirs) : 15,
    };
    size_t n = (size_t)snprintf(out, HOB__WS_EXTENSION_MAX, "permessage-deflate");
    if (!d->send_keeps)
        n += (size_t)snprintf(out + n, HOB__WS_EXTENSION_MAX - n, "; server_no_context_takeover");
    if (!d->receive_keeps)
        n += (size_t)snprintf(out + n, HOB__WS_EXTENSION_MAX - n, "; client_no_context_takeover");
    if (t->names_server_bits || d->send_bits < 15)
        n += (size_t)snprintf(out + n, HOB__WS_EXTENSION_MAX - n, "; server_max_window_bits=%u",
                              d->send_bits);
    if (t->names_client_bits && d->receive_bits < 15)
        snprintf(out + n, HOB__WS_EXTENSION_MAX - n, "; client_max_window_bits=%u",
                 d->receive_bits);
}

bool hob__ws_deflate_choose(const struct hob_websocket_options *o, const char *offers,
                            struct hob__ws_deflate *d, char out[HOB__WS_EXTENSION_MAX]) {
    struct extension e;
    struct terms t;
    const char *at = offers;
    int rc;
    while ((rc = next_extension(&at, &e)) > 0) {
#if HAVE_ZLIB
        if (o->deflate && !d->on && read_terms(&e, true, &t)) accept_terms(o, &t, d, out);
#else
        (void)o, (void)t, (void)d, (void)out, (void)accept_terms, (void)read_terms;
#endif
    }
    return rc == 0;
}
