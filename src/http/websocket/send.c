/* http/websocket/send.c - messages and control frames out. websocket.h says who may send when. */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "base/memory.h"
#include "http/server/metrics.h"
#include "http/websocket/websocket.h"
#include "http/wire.h"
#include "io/pool.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

enum {
    FIN = 0x80,
    RSV1 = 0x40,
    SMALL = 512,
    TAIL = 4,
    LEAST_ROOM = 64,
    PACKED_AT_ONCE = 16384, /* bytes, until others may run: 100 us or more */
    READ_AT_ONCE = 262144
};

/* ---- bytes ---- */

/* A mask that nobody can foresee (10.3), for a client. */
static void draw_mask(struct hob_websocket *ws, uint8_t mask[4]) {
    if (ws->masks_left == 0) {
        struct hob__backend *b = ws->stream->backend;
        b->ops->random(b, ws->masks, sizeof ws->masks);
        ws->masks_left = HOB__WS_MASKS;
    }
    memcpy(mask, ws->masks[--ws->masks_left], 4);
}

static int wait_writable(struct hob_websocket *ws) {
    HOB_SCOPE(s, .deadline = hob__http_deadline(0, ws->send_timeout));
    int rc = hob__scope_result(s, hob__stream_wait(ws->stream, HOB__WRITE, HOB__WAIT_PLAIN));
    if (rc != -ETIMEDOUT || hob_scope_expired(s) == false) return rc;
    return hob__ws_break(ws, HOB_E_WEBSOCKET_SILENT, "it takes nothing of what is sent");
}

static int flush(struct hob_websocket *ws) {
    HOB_SCOPE(s, .deadline = hob__http_deadline(0, ws->send_timeout));
    return hob__scope_result(s, hob_flush(ws->stream));
}

/* All of the pieces: 0, or an error. *any: some bytes are out. */
static int put(struct hob_websocket *ws, struct iovec *iov, int count, bool *any) {
    bool waited = false, again = false;
    while (count > 0 && iov->iov_len == 0) iov++, count--;
    while (count > 0) {
        if (ws->error) return ws->error;
        if (again) hob__stream_go_on(ws->stream);
        ssize_t sent = hob__stream_write_now(ws->stream, iov, count);
        if (sent < 0) return hob__ws_lost(ws, sent);
        if (sent > 0) *any = true;
        if (ws->counters) hob__count(&ws->counters->sent, (uint64_t)sent);
        size_t n = (size_t)sent;
        while (count > 0 && n >= iov->iov_len) {
            n -= iov->iov_len;
            iov++, count--;
        }
        if (count == 0) break;
        iov->iov_base = (char *)iov->iov_base + n;
        iov->iov_len -= n;
        again = sent == 0;
        /* Only when nothing at all went out will an event tell that some may. */
        if (sent > 0) {
            hob__work_point(); /* a peer that reads as fast as this sends never makes it wait */
            continue;
        }
        waited = true;
        int rc = wait_writable(ws);
        if (rc < 0 && hob__stream_committed(ws->stream) > 0) *any = true;
        if (rc < 0) return hob__ws_lost(ws, rc);
    }
    /* A transport that has taken it may still have to send it. */
    if (waited && ws->stream->transport->flush) {
        int rc = flush(ws);
        if (rc < 0) return hob__ws_lost(ws, rc);
    }
    return ws->error;
}

/* ---- control frames ---- */

/* Puts the next control frame that is due into `rest`, which is empty. */
static bool next_control(struct hob_websocket *ws) {
    unsigned opcode = ws->pong_due ? HOB__WS_PONG : HOB__WS_PING;
    if (ws->sent_close || !(ws->pong_due || ws->ping_due)) return false;
    size_t size = ws->pong_due ? ws->pong_size : 0;
    uint8_t mask[4];
    if (ws->client) draw_mask(ws, mask);
    size_t n = hob__ws_head((uint8_t *)ws->rest, FIN | opcode, size, ws->client ? mask : NULL);
    if (ws->client)
        hob__ws_mask(ws->rest + n, ws->pong, size, mask);
    else
        memcpy(ws->rest + n, ws->pong, size);
    ws->rest_at = 0;
    ws->rest_size = (uint8_t)(n + size);
    if (ws->pong_due)
        ws->pong_due = false;
    else
        ws->ping_due = false;
    return true;
}

/* `frames` is held, or nobody else can be there. True: nothing is left. */
static bool push_control(struct hob_websocket *ws) {
    while (!ws->error && (ws->rest_size > 0 || next_control(ws))) {
        struct iovec iov = {ws->rest + ws->rest_at, ws->rest_size};
        if (ws->rest_again) hob__stream_go_on(ws->stream);
        ssize_t sent = hob__stream_write_now(ws->stream, &iov, 1);
        ws->rest_again = sent == 0;
        if (sent < 0) {
            hob__ws_lost(ws, sent);
            return true;
        }
        if (ws->counters) hob__count(&ws->counters->sent, (uint64_t)sent);
        ws->rest_at = (uint8_t)(ws->rest_at + sent);
        ws->rest_size = (uint8_t)(ws->rest_size - sent);
        if (sent == 0) return false;
        if (ws->rest_size == 0) ws->rest_at = 0;
    }
    return true;
}

bool hob__ws_try_control(struct hob_websocket *ws) {
    if (ws->rest_size == 0 && !ws->pong_due && !ws->ping_due) return true;
    if (ws->frames.owner) return true; /* who lets go of it sends them */
    return push_control(ws);
}

/* What is left of a control frame goes first. Cancelled, the rest of it stays. */
static int put_rest(struct hob_websocket *ws) {
    while (!push_control(ws)) {
        int rc = wait_writable(ws);
        if (rc < 0) return hob__ws_lost(ws, rc);
    }
    return ws->error;
}

/* ---- frames ---- */

static int put_plain(struct hob_websocket *ws, unsigned first, const char *data, size_t n,
                     bool *any) {
    uint8_t head[HOB__WS_HEAD_MAX];
    struct iovec iov[2] = {{head, hob__ws_head(head, first, n, NULL)},
                           {(char *)(uintptr_t)data, n}};
    return put(ws, iov, 2, any);
}

/* A client's frame, masked piece by piece in room of the size `cap`. */
static int put_masked(struct hob_websocket *ws, unsigned first, const char *data, size_t n,
                      char *room, size_t cap, bool *any) {
    uint8_t mask[4];
    draw_mask(ws, mask);
    size_t at = hob__ws_head((uint8_t *)room, first, n, mask);
    do {
        size_t take = n < cap - at ? n : cap - at;
        hob__ws_mask(room + at, data, take, mask);
        struct iovec iov = {room, at + take};
        int rc = put(ws, &iov, 1, any);
        if (rc < 0) return rc;
        data += take;
        n -= take;
        at = 0;
        if (n > 0) hob__work_point();
    } while (n > 0);
    return 0;
}

static int put_frame(struct hob_websocket *ws, unsigned first, const char *data, size_t n) {
    bool any = false;
    int rc;
    if (!ws->client) {
        rc = put_plain(ws, first, data, n, &any);
    } else if (n <= SMALL) {
        char room[SMALL + HOB__WS_HEAD_MAX];
        rc = put_masked(ws, first, data, n, room, sizeof room, &any);
    } else {
        char *room = hob__chunk_take();
        if (!room) return -ENOMEM;
        rc = put_masked(ws, first, data, n, room, HOB__CHUNK, &any);
        hob__chunk_give(room);
    }
    if (rc < 0 && any && !ws->error)
        hob__ws_break(ws, HOB_E_WEBSOCKET_LOST, "a frame could not be sent to its end");
    return rc;
}

int hob__ws_send_frame(struct hob_websocket *ws, unsigned first, const char *data, size_t n) {
    int rc = hob_mutex_lock(&ws->frames);
    if (rc < 0) return rc;
    rc = put_rest(ws);
    if (rc == 0 && ws->sent_close)
        rc = hob_fail(HOB_E_WEBSOCKET_CLOSED, "WebSocket with %s: closed",
                      hob_stream_peer(ws->stream));
    if (rc == 0) rc = put_frame(ws, first, data, n);
    if (rc == 0 && (first & 15) == HOB__WS_CLOSE) ws->sent_close = true;
    push_control(ws);
    hob_mutex_unlock(&ws->frames);
    return rc;
}

int hob__ws_send_close(struct hob_websocket *ws, unsigned code, const char *reason, size_t n,
                       double seconds) {
    char payload[HOB__WS_CONTROL_MAX];
    if (ws->sent_close) return 0;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 255);
    if (n) memcpy(payload + 2, reason, n);
    bool bare = code == HOB_WEBSOCKET_NO_CODE;
    int rc =
        hob_within(seconds, hob__ws_send_frame(ws, FIN | HOB__WS_CLOSE, payload, bare ? 0 : n + 2));
    return rc == HOB_E_WEBSOCKET_CLOSED ? 0 : rc;
}

/* ---- messages ---- */

/* A call that sends: with `messages` held when it succeeds. */
static int enter(struct hob_websocket *ws, const char *func) {
    int rc = hob__io_point(func);
    if (rc == 0) rc = hob__ws_enter(ws, func);
    if (rc < 0) return rc;
    rc = hob_mutex_lock(&ws->messages);
    bool held = rc == 0;
    if (rc == 0) rc = ws->error;
    if (rc == 0 && (ws->sent_close || ws->got_close))
        rc = hob_fail(HOB_E_WEBSOCKET_CLOSED, "WebSocket with %s: it has been closed",
                      hob_stream_peer(ws->stream));
    if (rc == 0) return 0;
    if (held) hob_mutex_unlock(&ws->messages);
    hob__ws_leave(ws);
    return rc;
}

static void leave(struct hob_websocket *ws) {
    hob_mutex_unlock(&ws->messages);
    hob__ws_leave(ws);
}

static int not_text(struct hob_websocket *ws) {
    return hob_fail(HOB_E_WEBSOCKET_TEXT, "WebSocket with %s: a text to be sent is not UTF-8",
                    hob_stream_peer(ws->stream));
}

/* The first frame of a message has its opcode, the others none. */
static int send_part(struct hob_websocket *ws, const char *data, size_t n, bool last) {
    unsigned first = ws->next_opcode | (last ? FIN : 0);
    if (ws->packs && ws->next_opcode) first |= RSV1;
    int rc = hob__ws_send_frame(ws, first, data, n);
    if (rc == 0) ws->next_opcode = HOB__WS_CONTINUATION;
    return rc;
}

/* All that is gathered but the last bytes, which may be those that are not to be sent. */
static int send_gathered(struct hob_websocket *ws, bool last) {
    size_t whole = ws->gathered_size > TAIL ? ws->gathered_size - TAIL : 0;
    /* A flush of nothing behind a flush gives nothing; the message is then one byte (7.2.3.6). */
    bool empty = last && ws->gathered_size < TAIL;
    int rc = send_part(ws, empty ? "" : ws->gathered, empty ? 1 : whole, last);
    if (rc < 0 || empty) return rc;
    memmove(ws->gathered, ws->gathered + whole, TAIL);
    ws->gathered_size = TAIL;
    return 0;
}

/* Packs n bytes more; each time that the chunk is full it goes out. What can be packed well goes
 * out seldom, and need not wait then: others get their turn all the same. */
static int send_packed(struct hob_websocket *ws, const char *data, size_t n, bool last) {
    for (;;) {
        if (HOB__CHUNK - ws->gathered_size < LEAST_ROOM) {
            int rc = send_gathered(ws, false);
            if (rc < 0) return rc;
        }
        size_t taken = n < PACKED_AT_ONCE ? n : PACKED_AT_ONCE;
        size_t room = HOB__CHUNK - ws->gathered_size;
        size_t got = hob__ws_pack(ws->packer, data, &taken, last && taken == n,
                                  ws->gathered + ws->gathered_size, room);
        data += taken;
        n -= taken;
        ws->gathered_size += got;
        if (n == 0 && got < room) return last ? send_gathered(ws, true) : 0;
        hob__work_point();
    }
}

void hob__ws_drop_pieces(struct hob_websocket *ws) {
    if (ws->gathered) hob__chunk_give(ws->gathered);
    ws->gathered = NULL;
    ws->gathered_size = 0;
    ws->in_pieces = false;
}

static int begin(struct hob_websocket *ws, enum hob_websocket_kind kind, bool packs) {
    ws->next_opcode = kind == HOB_WEBSOCKET_TEXT ? HOB__WS_TEXT : HOB__WS_BINARY;
    ws->sends_text = kind == HOB_WEBSOCKET_TEXT;
    ws->sent_utf8 = (struct hob__utf8){0};
    ws->packs = packs && ws->deflate.on && ws->deflate.send_bits > 8;
    if (!ws->packs) return 0;
    ws->gathered = hob__chunk_take();
    ws->gathered_size = 0;
    if (!ws->gathered) return -ENOMEM;
    int rc = hob__ws_pack_begin(&ws->packer, &ws->deflate);
    if (rc < 0) hob__ws_drop_pieces(ws);
    return rc;
}

/* The message is over, well or not: what it has packed and not sent must not be referred to. */
static void end(struct hob_websocket *ws, bool well) {
    if (ws->packs) hob__ws_pack_end(&ws->packer, ws->deflate.send_keeps && well);
    hob__ws_drop_pieces(ws);
}

/* Part of the message is out: without the rest of it nothing else may be sent. */
static void end_badly(struct hob_websocket *ws) {
    end(ws, false);
    if (!ws->error && !ws->sent_close)
        hob__ws_break(ws, HOB_E_WEBSOCKET_LOST, "a message could not be sent to its end");
}

/* Whatever its length, others get their turn. */
static bool goes_on_as_text(struct hob__utf8 *u, const char *data, size_t n) {
    for (; n > READ_AT_ONCE; data += READ_AT_ONCE, n -= READ_AT_ONCE) {
        if (!hob__utf8_next(u, data, READ_AT_ONCE)) return false;
        hob__work_point();
    }
    return hob__utf8_next(u, data, n);
}

int hob_websocket_send(struct hob_websocket *ws, enum hob_websocket_kind kind, const void *data,
                       size_t n) {
    struct hob__utf8 u = {0};
    int rc = enter(ws, __func__);
    if (rc < 0) return rc;
    if (kind == HOB_WEBSOCKET_TEXT && !(goes_on_as_text(&u, data, n) && hob__utf8_complete(&u)))
        rc = not_text(ws);
    bool packs = n >= ws->deflate_min;
    if (rc == 0) rc = begin(ws, kind, packs);
    if (rc == 0) {
        rc = ws->packs ? send_packed(ws, data, n, true) : send_part(ws, data, n, true);
        if (rc < 0 && ws->next_opcode == HOB__WS_CONTINUATION)
            end_badly(ws);
        else
            end(ws, rc == 0);
    }
    leave(ws);
    return rc;
}

int hob_websocket_send_text(struct hob_websocket *ws, const char *text) {
    return hob_websocket_send(ws, HOB_WEBSOCKET_TEXT, text, strlen(text));
}

int hob_websocket_begin(struct hob_websocket *ws, enum hob_websocket_kind kind) {
    int rc = enter(ws, __func__);
    if (rc < 0) return rc;
    rc = begin(ws, kind, true);
    ws->in_pieces = rc == 0;
    if (rc < 0) hob_mutex_unlock(&ws->messages);
    hob__ws_leave(ws);
    return rc;
}

static int wrong_time(struct hob_websocket *ws) {
    return hob_fail(HOB_E_WEBSOCKET_STATE,
                    "WebSocket with %s: no message has been begun by this task",
                    hob_stream_peer(ws->stream));
}

static bool is_utf8(struct hob_websocket *ws, const void *data, size_t n, bool last) {
    if (!ws->sends_text) return true;
    return goes_on_as_text(&ws->sent_utf8, data, n) &&
           (!last || hob__utf8_complete(&ws->sent_utf8));
}

/* One more frame of a message in pieces, which this task has begun. */
static int send_piece(struct hob_websocket *ws, const void *data, size_t n, bool last,
                      const char *func) {
    int rc = hob__io_point(func);
    if (rc == 0) rc = ws->error;
    if (rc == 0 && !is_utf8(ws, data, n, last)) rc = not_text(ws);
    if (rc < 0) return rc;
    if (n == 0 && !last) return 0;
    return ws->packs ? send_packed(ws, data, n, last) : send_part(ws, data, n, last);
}

int hob_websocket_write(struct hob_websocket *ws, const void *data, size_t n) {
    if (ws->messages.owner != hob_self()) return wrong_time(ws);
    if (!ws->in_pieces) return ws->error ? ws->error : wrong_time(ws);
    ws->users++;
    int rc = send_piece(ws, data, n, false, __func__);
    if (rc < 0) end_badly(ws);
    hob__ws_leave(ws);
    return rc;
}

int hob_websocket_end(struct hob_websocket *ws) {
    if (ws->messages.owner != hob_self()) return wrong_time(ws);
    ws->users++;
    int rc = ws->in_pieces ? send_piece(ws, "", 0, true, __func__)
             : ws->error   ? ws->error
                           : wrong_time(ws);
    if (rc < 0)
        end_badly(ws);
    else
        end(ws, true);
    leave(ws);
    return rc;
}

int hob_websocket_ping(struct hob_websocket *ws, const void *data, size_t n) {
    if (n > HOB__WS_CONTROL_MAX) return hob_fail(-EINVAL, "a ping of %zu bytes; at most 125", n);
    int rc = hob__io_point(__func__);
    if (rc == 0) rc = hob__ws_enter(ws, __func__);
    if (rc < 0) return rc;
    rc = hob__ws_send_frame(ws, FIN | HOB__WS_PING, data, n);
    hob__ws_leave(ws);
    return rc;
}
