/* http2_hand.h - a client of HTTP/2 by hand, for the tests with the server of http2_server.h. */
#ifndef HOB_HTTP2_HAND_H
#define HOB_HTTP2_HAND_H
#include "http2_server.h"

#define GET_HEAD ":method: GET\n:scheme: http\n:path: /b\n:authority: here\n"
#define BODY_COMES ":method: POST\n:scheme: http\n:path: /echo\n:authority: a\n"

/* A connection with its preface and SETTINGS, of n bytes. */
static inline struct hob_stream *hand_with(struct hob_listener *l, const void *settings, size_t n) {
    struct hob_stream *s;
    unsigned char buf[64];
    CHECK_EQ(hob_connect(hob_listener_address(l), &s), 0);
    memcpy(buf, PREFACE, 24);
    n = 24 + put_frame(buf + 24, F_SETTINGS, 0, 0, settings, n);
    CHECK_EQ(hob_write(s, buf, n), n);
    return s;
}
static inline struct hob_stream *hand(struct hob_listener *l) { return hand_with(l, NULL, 0); }
/* One whose streams may be sent nothing (SETTINGS_INITIAL_WINDOW_SIZE). */
static inline struct hob_stream *hand_without_window(struct hob_listener *l) {
    return hand_with(l, "\0\4\0\0\0", 6);
}
static inline void hand_send(struct hob_stream *s, int type, int flags, uint32_t stream,
                             const void *bytes, size_t n) {
    unsigned char buf[16400];
    size_t size = put_frame(buf, type, flags, stream, bytes, n);
    CHECK_EQ(hob_write(s, buf, size), size);
}
static inline void hand_head(struct hob_stream *s, int flags, uint32_t stream, const char *lines) {
    unsigned char buf[8300];
    size_t size = put_head(buf, flags, stream, lines);
    CHECK_EQ(hob_write(s, buf, size), size);
}
/* Reads until a frame of that type (and stream, unless that is 0) comes: its first number; -1: the
 * connection has ended. */
static inline long await_frame(struct hob_stream *s, int type, uint32_t stream) {
    struct frame *f = malloc(sizeof *f);
    long value = -1;
    while (hob_within(5.0, read_frame(s, f)) == 1) {
        if (f->type != type || (stream && f->stream != stream)) continue;
        value = f->size >= 4 ? (long)get_number(f->bytes) : 0;
        if (type == F_GOAWAY) value = (long)get_number(f->bytes + 4);
        break;
    }
    free(f);
    return value;
}

/* The next frame, if it begins to come within so many seconds: 1; 0: the end; -ETIMEDOUT. */
static inline int next_frame(struct hob_stream *s, struct frame *f, double seconds) {
    struct hob_slice piece;
    int rc = hob_within(seconds, (int)hob_peek(s, 1, &piece));
    return rc > 0 ? hob_within(20.0, read_frame(s, f)) : rc;
}

static inline void await_floods(uint64_t n) {
    for (int i = 0; i < 2000 && counters.floods != n; i++) CHECK_EQ(hob_sleep(0.005), 0);
    CHECK_EQ(counters.floods, n);
}
#endif
