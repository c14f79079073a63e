/* h2_peer.h - the other side of HTTP/2, by hand: frames are put together and taken apart here; only
 * the unpacking of requests' heads is nghttp2's. */
#ifndef HOB_H2_PEER_H
#define HOB_H2_PEER_H
#include "clean.h"
#include "http_test.h"

#include <hob/sync.h>
#include <nghttp2/nghttp2.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum {
    F_DATA,
    F_HEADERS,
    F_PRIORITY,
    F_RST,
    F_SETTINGS,
    F_PUSH,
    F_PING,
    F_GOAWAY,
    F_WINDOW,
    F_CONT
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

struct frame {
    uint32_t size, stream;
    uint8_t type, flags;
    unsigned char bytes[16400];
};

static inline void put_number(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (24 - 8 * i));
}
static inline uint32_t get_number(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A frame at `at`: how many bytes. */
static inline size_t put_frame(unsigned char *at, int type, int flags, uint32_t stream,
                               const void *bytes, size_t n) {
    put_number(at, (uint32_t)n << 8 | (uint32_t)type);
    at[4] = (unsigned char)flags;
    put_number(at + 5, stream);
    if (n) memcpy(at + 9, bytes, n);
    return n + 9;
}

/* "name: value\n" lines as literals that are never indexed. */
static inline size_t put_fields(unsigned char *at, const char *lines) {
    unsigned char *begin = at;
    while (*lines) {
        const char *colon = strstr(lines, ": "), *end = strchr(lines, '\n');
        size_t name = (size_t)(colon - lines), value = (size_t)(end - colon - 2);
        CHECK(name < 127 && value < 127);
        *at++ = 0x10;
        *at++ = (unsigned char)name;
        memcpy(at, lines, name);
        at += name;
        *at++ = (unsigned char)value;
        memcpy(at, colon + 2, value);
        at += value;
        lines = end + 1;
    }
    return (size_t)(at - begin);
}

static inline size_t put_head(unsigned char *at, int flags, uint32_t stream, const char *lines) {
    unsigned char block[8192];
    size_t n = put_fields(block, lines);
    return put_frame(at, F_HEADERS, flags | END_HEADERS, stream, block, n);
}

/* 1; 0: the stream has ended. */
static inline int read_frame(struct hob_stream *s, struct frame *f) {
    unsigned char head[9];
    ssize_t rc = hob_read_exactly(s, head, 9);
    if (rc == HOB_E_EOF) return 0;
    if (rc < 0) return (int)rc;
    f->size = get_number(head) >> 8;
    f->type = head[3];
    f->flags = head[4];
    f->stream = get_number(head + 5) & 0x7fffffff;
    CHECK(f->size <= 16384);
    rc = f->size ? hob_read_exactly(s, f->bytes, f->size) : 0;
    if (rc == HOB_E_EOF) return 0;
    return rc < 0 ? (int)rc : 1;
}

/* ---- a peer ---- */

struct peer;
struct peer_conn {
    struct peer *peer;
    struct hob_stream *s;
    struct hob_scope *scope;
    struct hob_mutex writing;
    nghttp2_hd_inflater *inflater;
    uint32_t sizes[4096]; /* of the bodies, by stream / 2 */
    char paths[64][64];   /* the last ones, by stream / 2 */
    int number;           /* 1 for the first */
    int open;
};

struct peer {
    uint32_t max_streams; /* 0 = it says nothing */
    const char *head;     /* of answers; default status 200 and a type */
    double delay;         /* of answers */
    int together;         /* with it: they wait until so many are asked for at once */
    /* What it does with a request: 0 = as ever, 1 = nothing, < 0: the connection ends. */
    int (*request)(struct peer_conn *c, uint32_t stream, const char *path);
    int (*frame)(struct peer_conn *c, struct frame *f);
    int (*hello)(struct peer_conn *c); /* instead of its SETTINGS */
    int connections, requests, resets, open, most, answered, pings;
    int most_each;   /* at once on one connection */
    char last[2048]; /* head of the last request: "name: value\n" ... */
};

static inline int send_bytes(struct peer_conn *c, const void *bytes, size_t n) {
    HOB_TRY(hob_mutex_lock(&c->writing));
    ssize_t rc = hob_write(c->s, bytes, n);
    hob_mutex_unlock(&c->writing);
    return rc < 0 ? (int)rc : 0;
}
static inline int send_frame(struct peer_conn *c, int type, int flags, uint32_t stream,
                             const void *bytes, size_t n) {
    unsigned char buf[16400];
    return send_bytes(c, buf, put_frame(buf, type, flags, stream, bytes, n));
}
static inline int send_code(struct peer_conn *c, int type, uint32_t stream, uint32_t code) {
    unsigned char bytes[4];
    put_number(bytes, code);
    return send_frame(c, type, 0, stream, bytes, 4);
}
static inline int send_goaway(struct peer_conn *c, uint32_t last, uint32_t code) {
    unsigned char bytes[8];
    put_number(bytes, last);
    put_number(bytes + 4, code);
    return send_frame(c, F_GOAWAY, 0, 0, bytes, 8);
}
static inline int send_head(struct peer_conn *c, int flags, uint32_t stream, const char *lines) {
    unsigned char buf[8300];
    return send_bytes(c, buf, put_head(buf, flags, stream, lines));
}
static inline int send_window(struct peer_conn *c, uint32_t stream, uint32_t n) {
    return n ? send_code(c, F_WINDOW, stream, n) : 0;
}

/* "/path 123\n": what was asked for, and the size of the request's body. */
static inline int answer(struct peer_conn *c, uint32_t stream) {
    char body[128];
    unsigned char buf[8500];
    struct peer *p = c->peer;
    int n = snprintf(body, sizeof body, "%s %u\n", c->paths[stream / 2 % 64],
                     c->sizes[stream / 2 % 4096]);
    size_t at =
        put_head(buf, 0, stream, p->head ? p->head : ":status: 200\ncontent-type: text/plain\n");
    at += put_frame(buf + at, F_DATA, END_STREAM, stream, body, (size_t)n);
    p->open--;
    c->open--;
    p->answered++;
    return send_bytes(c, buf, at);
}

static inline int answer_later(struct peer_conn *c, uint32_t stream) {
    for (int left = 10000; c->peer->most < c->peer->together && left > 0; left--)
        HOB_TRY(hob_sleep(0.001));
    HOB_TRY(hob_sleep(c->peer->delay));
    return answer(c, stream);
}
HOB_TASK(answer_later, struct peer_conn *, uint32_t)

static inline void unpack_head(struct peer_conn *c, struct frame *f) {
    struct peer *p = c->peer;
    size_t skip = f->flags & 0x20 ? 5 : 0, at = 0; /* a priority */
    const uint8_t *in = f->bytes + skip;
    size_t left = f->size - skip;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(c->inflater, &nv, &flags, in, left, 1);
        CHECK(n >= 0);
        in += n;
        left -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            if (strcmp((char *)nv.name, ":path") == 0)
                snprintf(c->paths[f->stream / 2 % 64], 64, "%.60s", (char *)nv.value);
            if (at < sizeof p->last)
                at += (size_t)snprintf(p->last + at, sizeof p->last - at, "%s: %s\n",
                                       (char *)nv.name, (char *)nv.value);
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
        CHECK((flags & NGHTTP2_HD_INFLATE_EMIT) || left > 0);
    }
    nghttp2_hd_inflate_end_headers(c->inflater);
    c->sizes[f->stream / 2 % 4096] = 0;
}

static inline int complete(struct peer_conn *c, uint32_t stream) {
    struct peer *p = c->peer;
    p->requests++;
    if (++p->open > p->most) p->most = p->open;
    if (++c->open > p->most_each) p->most_each = c->open;
    int rc = p->request ? p->request(c, stream, c->paths[stream / 2 % 64]) : 0;
    if (rc != 0) p->open--, c->open--;
    if (rc != 0) return rc < 0 ? rc : 0;
    if (!(p->delay > 0)) return answer(c, stream);
    return hob_spawn(c->scope, answer_later, c, stream) ? 0 : -ENOMEM;
}

static inline int take_frame(struct peer_conn *c, struct frame *f) {
    struct peer *p = c->peer;
    if (p->frame) {
        int rc = p->frame(c, f);
        if (rc != 0) return rc < 0 ? rc : 0;
    }
    switch (f->type) {
    case F_HEADERS:
        unpack_head(c, f);
        return f->flags & END_STREAM ? complete(c, f->stream) : 0;
    case F_DATA:
        c->sizes[f->stream / 2 % 4096] += f->size;
        HOB_TRY(send_window(c, 0, f->size));
        if (f->flags & END_STREAM) return complete(c, f->stream);
        return send_window(c, f->stream, f->size);
    case F_RST:
        p->resets++;
        return 0;
    case F_SETTINGS:
        return f->flags & ACK ? 0 : send_frame(c, F_SETTINGS, ACK, 0, NULL, 0);
    case F_PING:
        p->pings++;
        return f->flags & ACK ? 0 : send_frame(c, F_PING, ACK, 0, f->bytes, 8);
    default:
        return 0;
    }
}

static inline void drop_frame(struct frame **f) { free(*f); }

static inline int converse(struct peer_conn *c) {
    struct peer *p = c->peer;
    char preface[24];
    struct frame *f __attribute__((cleanup(drop_frame))) = malloc(sizeof *f);
    if (hob_read_exactly(c->s, preface, 24) < 24) return 0;
    CHECK(memcmp(preface, PREFACE, 24) == 0);
    if (p->hello) {
        HOB_TRY(p->hello(c));
    } else {
        unsigned char setting[6] = {0, 3};
        put_number(setting + 2, p->max_streams);
        HOB_TRY(send_frame(c, F_SETTINGS, 0, 0, setting, p->max_streams ? 6 : 0));
    }
    for (;;) {
        int rc = read_frame(c->s, f);
        if (rc <= 0) return rc;
        rc = take_frame(c, f);
        if (rc < 0) return rc;
    }
}

static inline int peer_connection(struct peer *p, struct hob_stream *s) {
    struct peer_conn *c = calloc(1, sizeof *c);
    c->peer = p;
    c->s = s;
    c->number = ++p->connections;
    CHECK_EQ(nghttp2_hd_inflate_new(&c->inflater), 0);
    {
        HOB_SCOPE(scope, .on_error = HOB_COLLECT);
        c->scope = scope;
        converse(c);
        p->open -= (int)(scope->live); /* answers that will never be */
        hob_scope_cancel(scope);
        hob_join(scope);
    }
    nghttp2_hd_inflate_del(c->inflater);
    hob_close(s);
    free(c);
    return 0;
}
HOB_TASK(peer_connection, struct peer *, struct hob_stream *)

static inline int run_peer(struct hob_listener *l, struct peer *p) {
    HOB_SCOPE(scope, .on_error = HOB_COLLECT);
    for (;;) {
        struct hob_stream *s;
        int rc = hob_accept(l, &s);
        if (rc < 0) break;
        if (!hob_spawn(scope, peer_connection, p, s)) hob_close(s);
    }
    hob_scope_cancel(scope);
    hob_join(scope);
    return 0;
}
HOB_TASK(run_peer, struct hob_listener *, struct peer *)
#endif
