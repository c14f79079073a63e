/* http/h2/events.c - what nghttp2 tells: heads, pieces of bodies, ends, and what the peer did
 * wrong. The callbacks run inside nghttp2_session_mem_recv() and _mem_send(), in the connection's
 * tasks; they fill streams and wake who waits. */
#include "http/h2/h2.h"

#if HAVE_NGHTTP2
#include <hob/task.h>
#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "http/h2/inside.h"
#include "io/pool.h"
#include "task/wait.h"

enum {
    INTERIMS_MAX = 64,      /* 1xx answers in front of one that counts */
    CONTINUATIONS_MAX = 32, /* frames of one header block */
    BLOCK_FACTOR = 2,       /* a block on the wire, in limits of one that is unpacked */
    HEAD_MAX = 1 << 18      /* of what is sent: bytes, at most; h1_write.c ends far below */
};

struct hob__h2_stream *hob__h2_find_stream(struct hob__h2 *h2, int32_t id) {
    struct hob__h2_stream *st = id ? nghttp2_session_get_stream_user_data(h2->session, id) : NULL;
    if (st) h2->last = st;
    return st;
}

void hob__h2_stream_end(struct hob__h2_stream *st, int error, const char *why) {
    if (!st->error && !st->ended && error) {
        st->error = error;
        st->why = why;
    }
    hob__wake_all(&st->reader, 0);
    hob__wake_all(&st->sender, 0);
}

/* ---- heads ---- */

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg) {
    struct hob__h2 *h2 = arg;
    if (hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_PUSH_PROMISE) h2->block = h2->frames = 0;
    if (hd->type != NGHTTP2_HEADERS && hd->type != NGHTTP2_CONTINUATION) return 0;
    /* What is for nobody (any more) is no head: nghttp2 says nothing when it has dropped it. */
    if (hd->type == NGHTTP2_HEADERS) {
        bool opens = hd->stream_id > nghttp2_session_get_last_proc_stream_id(session);
        h2->in_head =
            opens ? hd->stream_id <= h2->takes_to : hob__h2_stream_of(h2, hd->stream_id) != NULL;
        h2->head_of = hd->stream_id;
    }
    h2->block += (uint32_t)hd->length;
    h2->frames++;
    if (h2->frames <= CONTINUATIONS_MAX && h2->block <= BLOCK_FACTOR * h2->options.limits.block)
        return 0;
    h2->error = HOB_E_HTTP2_FLOOD;
    h2->why = "a header block without end";
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* A request. One behind the last that is taken has no record: the GOAWAY that says so may still
 * wait for those who write, and the client, which will send it again elsewhere, not have heard of
 * it. nghttp2 forgets the stream when that goes out, and drops by itself what comes later. */
static int open_stream(struct hob__h2 *h2, int32_t id) {
    if (HOB__UNLIKELY(id > h2->takes_to)) return 0;
    struct hob__h2_stream *st = hob__h2_stream_new(h2);
    if (!st) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    st->id = id;
    nghttp2_session_set_stream_user_data(h2->session, id, st);
    h2->last = st;
    hob__h2_same_begin(h2, st);
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg) {
    struct hob__h2 *h2 = arg;
    (void)session;
    if (h2->options.server && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        return open_stream(h2, frame->hd.stream_id);
    struct hob__h2_stream *st = hob__h2_stream_of(h2, frame->hd.stream_id);
    if (!st) return 0;
    if (st->has_head) {
        st->in_trailers = true;
    } else if (!h2->options.server) { /* the first, or one behind a 1xx */
        hob__buffer_free(&st->head);
        st->field_count = st->fields_at = 0;
        st->content_length = -1;
        st->status = 0;
    }
    return 0;
}

/* The stream has broken a limit: it alone ends. */
static int refuse(struct hob__h2_stream *st, int error) {
    hob__h2_stream_end(st, error, NULL);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The strings, and the NULs that nghttp2 has put behind them. */
static int put_strings(struct hob__buffer *b, const uint8_t *name, size_t n, const uint8_t *value,
                       size_t size) {
    int rc = hob__buffer_reserve(b, n + size + 2, SIZE_MAX);
    if (rc < 0) return rc;
    char *at = hob__buffer_tail(b);
    memcpy(at, name, n + 1);
    memcpy(at + n + 1, value, size + 1);
    hob__buffer_put(b, n + size + 2);
    return 0;
}

static int64_t number(const uint8_t *digits, size_t n) {
    int64_t value = 0;
    if (n == 0 || n > 18) return -1;
    for (size_t i = 0; i < n; i++) {
        if (digits[i] < '0' || digits[i] > '9') return -1;
        value = value * 10 + digits[i] - '0';
    }
    return value;
}

/* A client's; what a server gets is taken by request.c. nghttp2 has seen to it that ":status"
 * comes first, and once. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t n, const uint8_t *value, size_t size, uint8_t flags, void *arg) {
    (void)session;
    struct hob__h2 *h2 = arg;
    const struct hob__h1_limits *limits = &h2->options.limits;
    struct hob__h2_stream *st = hob__h2_stream_of(h2, frame->hd.stream_id);
    (void)flags;
    if (!st || st->error) return 0;
    struct hob__buffer *b = st->in_trailers ? &st->trailers : &st->head;
    uint32_t *count = st->in_trailers ? &st->trailer_count : &st->field_count;
    if (n + size > limits->line) return refuse(st, HOB_E_HTTP_LINE_TOO_LONG);
    if (hob__buffer_size(b) + n + size + 2 > limits->block)
        return refuse(st, HOB_E_HTTP_HEADERS_TOO_LARGE);
    if (name[0] == ':') {
        if (n == 7 && memcmp(name, ":status", 7) == 0) st->status = (uint16_t)number(value, size);
        return 0;
    }
    if (++*count > limits->fields) return refuse(st, HOB_E_HTTP_TOO_MANY_HEADERS);
    if (!st->in_trailers && n == 14 && memcmp(name, "content-length", n) == 0)
        st->content_length = number(value, size);
    int rc = put_strings(b, name, n, value, size);
    return rc < 0 ? refuse(st, rc) : 0;
}

/* A client's block is complete. Not 0: the stream is not what it should be. */
static int head_is_complete(struct hob__h2_stream *st) {
    if (st->in_trailers || st->error) return 0;
    if (st->status == 101 || st->status < 100) { /* 8.6 */
        hob__h2_stream_end(st, HOB_E_HTTP2_PROTOCOL, "a status that HTTP/2 does not have");
        return -1;
    }
    if (st->status / 100 == 1) {
        st->continued |= st->status == 100;
        if (++st->interims <= INTERIMS_MAX) return 0;
        hob__h2_stream_end(st, HOB_E_HTTP_INTERIM, NULL);
        return -1;
    }
    st->has_head = true;
    return 0;
}

/* ---- frames ---- */

/* Frames that ask for something and bring nothing: so many at once, and so many more a second. Both
 * are below what nghttp2 bears of resets (1000, and 33 for each whole second): who goes too far is
 * cut off here, and counted. */
enum { CREDIT = 900, CREDIT_A_SECOND = 30 };

bool hob__h2_spend(struct hob__h2 *h2) {
    uint64_t now = hob_now();
    h2->credit += (double)(now - h2->credit_at) * (CREDIT_A_SECOND / 1e9);
    if (h2->credit > CREDIT || h2->credit_at == 0) h2->credit = CREDIT;
    h2->credit_at = now;
    h2->credit -= 1;
    if (h2->credit >= 0) return true;
    h2->error = HOB_E_HTTP2_FLOOD;
    h2->why = "frames that bring nothing";
    return false;
}

static bool idle_talk(const nghttp2_frame *frame) {
    const nghttp2_frame_hd *hd = &frame->hd;
    switch (hd->type) {
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_PRIORITY:
        return true;
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
        return !(hd->flags & NGHTTP2_FLAG_ACK);
    case NGHTTP2_DATA:
        return hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM);
    default:
        return false;
    }
}

static void take_settings(struct hob__h2 *h2) {
    if (!h2->settled) hob__h2_head_is_over(h2);
    h2->settled = true;
    h2->max_active =
        nghttp2_session_get_remote_settings(h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    h2->options.owner->changed(h2);
}

static void take_goaway(struct hob__h2 *h2, const nghttp2_goaway *frame) {
    h2->closing = h2->said_goaway = true;
    h2->served |= frame->last_stream_id > 0;
    h2->goaway = frame->error_code;
    h2->options.owner->changed(h2);
}

static void take_reset(struct hob__h2_stream *st, uint32_t code) {
    st->code = code;
    if (code == NGHTTP2_REFUSED_STREAM) st->processed = HOB__H2_NEVER;
    hob__h2_stream_end(st, st->processed == HOB__H2_NEVER ? HOB_E_HTTP2_REFUSED : HOB_E_HTTP2_RESET,
                       NULL);
}

/* A frame of a message that comes to a client. */
static void take_message(struct hob__h2_stream *st, const nghttp2_frame *frame) {
    if (frame->hd.type == NGHTTP2_HEADERS && head_is_complete(st) < 0)
        nghttp2_submit_rst_stream(st->h2->session, NGHTTP2_FLAG_NONE, st->id,
                                  NGHTTP2_PROTOCOL_ERROR);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) st->ended = true;
    hob__wake_all(&st->reader, 0);
    if (st->ended || st->has_head) hob__wake_all(&st->sender, 0);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg) {
    struct hob__h2 *h2 = arg;
    struct hob__h2_stream *st = hob__h2_stream_of(h2, frame->hd.stream_id);
    (void)session;
    if (HOB__LIKELY(frame->hd.type == NGHTTP2_HEADERS && h2->options.server)) {
        hob__h2_head_is_over(h2);
        return st ? hob__h2_take_head(h2, st, frame) : 0;
    }
    if (h2->options.server && idle_talk(frame) && !hob__h2_spend(h2))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        hob__h2_head_is_over(h2);
        if (st) take_message(st, frame);
        break;
    case NGHTTP2_DATA:
        if (st && h2->options.server) return hob__h2_take_data(h2, st, frame);
        if (st) take_message(st, frame);
        break;
    case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) take_settings(h2);
        break;
    case NGHTTP2_PING: /* it has read that this side leaves */
        if (h2->leaving && (frame->hd.flags & NGHTTP2_FLAG_ACK) &&
            memcmp(frame->ping.opaque_data, hob__h2_leaving, sizeof hob__h2_leaving) == 0)
            hob__h2_close_down(h2);
        break;
    case NGHTTP2_GOAWAY:
        take_goaway(h2, &frame->goaway);
        break;
    case NGHTTP2_RST_STREAM:
        if (st) take_reset(st, frame->rst_stream.error_code);
        break;
    default:
        break;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t n, void *arg) {
    (void)flags;
    struct hob__h2 *h2 = arg;
    struct hob__h2_stream *st = hob__h2_stream_of(h2, id);
    bool server = h2->options.server, dropped = !st || st->error;
    h2->data_in += n;
    if (!server || dropped) nghttp2_session_consume_connection(session, n);
    if (dropped) nghttp2_session_consume_stream(session, id, n);
    if (dropped) return 0;
    if (server) {
        int rc = hob__h2_count_data(h2, st, n);
        if (rc < 0 || st->error) {
            nghttp2_session_consume_connection(session, n);
            return rc;
        }
    }
    if (hob__buffer_append(&st->in, bytes, n, SIZE_MAX) < 0) {
        hob__h2_stream_end(st, -ENOMEM, NULL);
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        return 0;
    }
    hob__wake_all(&st->reader, 0);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg) {
    (void)session;
    struct hob__h2 *h2 = arg;
    struct hob__h2_stream *st = hob__h2_stream_of(h2, id);
    if (h2->head_of == id) hob__h2_head_is_over(h2); /* nothing more is said of it */
    if (!st) return 0;
    st->closed = true;
    h2->last = NULL;
    if (h2->options.server && !st->handed) {
        hob__h2_close(st, code);
        return 0;
    }
    int error = HOB_E_HTTP2_RESET;
    if (code == NGHTTP2_REFUSED_STREAM) { /* above the last of a GOAWAY (6.8), or so reset */
        st->processed = HOB__H2_NEVER;
        st->late = h2->served;
        error = HOB_E_HTTP2_REFUSED;
    }
    if (!st->error) st->code = code;
    hob__h2_stream_end(st, error, NULL);
    if (h2->options.server && (!st->answered || st->out_open)) h2->options.owner->gone(h2, st);
    return 0;
}

/* nghttp2 answers it by itself: by resetting the stream, or by a GOAWAY. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
                            void *arg) {
    (void)session;
    struct hob__h2 *h2 = arg;
    struct hob__h2_stream *st = hob__h2_stream_of(h2, frame->hd.stream_id);
    const char *why = nghttp2_strerror(code);
    if (st) hob__h2_stream_end(st, HOB_E_HTTP2_PROTOCOL, why);
    /* A stream that this side has to reset costs what one costs that the client resets. */
    if (h2->options.server && !hob__h2_spend(h2)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    hob__h2_head_is_over(h2);
    if (!h2->why) h2->why = why;
    return 0;
}

/* ---- what goes out ---- */

/* A frame, or the part of it for which there is room. */
static ssize_t on_send(nghttp2_session *session, const uint8_t *bytes, size_t n, int flags,
                       void *arg) {
    struct hob__h2 *h2 = arg;
    (void)session, (void)flags;
    size_t room = HOB__CHUNK - h2->out_size;
    if (HOB__UNLIKELY(n > room)) {
        h2->stuck = true;
        if (room == 0) return NGHTTP2_ERR_WOULDBLOCK;
        n = room;
    }
    memcpy(h2->out + h2->out_size, bytes, n);
    h2->out_size += n;
    return (ssize_t)n;
}

static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg) {
    (void)session;
    struct hob__h2 *h2 = arg;
    if (frame->hd.type == NGHTTP2_DATA) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && h2->options.server) return 0;
    struct hob__h2_stream *st = hob__h2_stream_of(h2, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_HEADERS && st) st->sent = true;
    if (frame->hd.type == NGHTTP2_RST_STREAM && st &&
        frame->rst_stream.error_code == NGHTTP2_PROTOCOL_ERROR)
        hob__h2_stream_end(st, HOB_E_HTTP2_PROTOCOL, "a message that breaks the rules");
    if (frame->hd.type != NGHTTP2_GOAWAY) return 0;
    if (frame->goaway.error_code != NGHTTP2_NO_ERROR && !h2->error) {
        h2->error = HOB_E_HTTP2_PROTOCOL;
        if (!h2->why) h2->why = nghttp2_http2_strerror(frame->goaway.error_code);
    }
    return 0;
}

static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int code, void *arg) {
    (void)session, (void)arg;
    /* The stream of a request does not exist yet; its record came with the request. */
    struct hob__h2_stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct hob__h2 *h2 = arg;
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    for (struct hob_list *n = h2->streams.next; !st && n != &h2->streams; n = n->next) {
        struct hob__h2_stream *one = hob__container(n, struct hob__h2_stream, node);
        if (one->id == frame->hd.stream_id) st = one;
    }
    if (!st) return 0;
    st->closed = true;
    if (!st->sent) st->processed = HOB__H2_NEVER, st->late = st->h2 && st->h2->served;
    hob__h2_stream_end(st, HOB_E_HTTP2_REFUSED, nghttp2_strerror(code));
    return 0;
}

/* ---- all of them ---- */

enum { CLIENT, SERVER };
static pthread_once_t once = PTHREAD_ONCE_INIT;
static nghttp2_session_callbacks *all[2];
static nghttp2_option *settings[2];

static void make_one(int side) {
    nghttp2_session_callbacks *c;
    nghttp2_option *o;
    if (nghttp2_session_callbacks_new(&c) < 0 || nghttp2_option_new(&o) < 0) return;
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    if (side == SERVER)
        nghttp2_session_callbacks_set_on_header_callback2(c, hob__h2_on_field);
    else
        nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_send_callback(c, on_send);
    nghttp2_session_callbacks_set_send_data_callback(c, hob__h2_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_not_sent);
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_send_header_block_length(o, HEAD_MAX);
    if (side == SERVER) nghttp2_option_set_no_http_messaging(o, 1); /* request.c checks */
    all[side] = c;
    settings[side] = o;
}

static void make(void) {
    make_one(CLIENT);
    make_one(SERVER);
}

bool hob__h2_setup(bool server, nghttp2_session_callbacks **callbacks, nghttp2_option **options) {
    pthread_once(&once, make);
    *callbacks = all[server];
    *options = settings[server];
    return settings[server] != NULL;
}
#endif
