/* http/websocket/websocket.c - a WebSocket's life: made, used by tasks, broken, freed. */
#include "http/websocket/websocket.h"

#include <hob/error.h>
#include <hob/hob.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "http/h2/h2.h"
#include "io/stream.h"
#include "task/wait.h"

static double or_default(double given, double otherwise) { return given == 0 ? otherwise : given; }

struct hob_websocket *hob__ws_new(const struct hob_websocket_options *o, bool client,
                                  const char *protocol, size_t protocol_size) {
    struct hob_websocket *ws =
        hob__alloc_zero(client ? sizeof *ws : offsetof(struct hob_websocket, masks_left));
    if (!ws) return NULL;
    if (protocol_size) {
        ws->protocol = hob__alloc(protocol_size + 1);
        if (!ws->protocol) {
            hob__free(ws);
            return NULL;
        }
        memcpy(ws->protocol, protocol, protocol_size);
        ws->protocol[protocol_size] = 0;
    }
    ws->client = ws->owns_stream = client;
    ws->max_message = o->max_message ? o->max_message : 16 << 20;
    ws->max_streamed = o->max_streamed ? o->max_streamed : 1 << 30;
    if (ws->max_streamed < ws->max_message) ws->max_streamed = ws->max_message;
    hob__ws_reader_init(&ws->in, !client, ws->max_streamed);
    ws->ping_interval = or_default(o->ping_interval, 20);
    ws->ping_timeout = or_default(o->ping_timeout, 20);
    ws->send_timeout = or_default(o->send_timeout, 60);
    ws->close_timeout = or_default(o->close_timeout, 10);
    ws->deflate_min = o->deflate_min ? o->deflate_min : 128;
    return ws;
}

void hob__ws_open(struct hob_websocket *ws, struct hob_stream *stream) {
    ws->stream = stream;
    ws->in.deflate = ws->deflate.on;
    ws->heard_at = hob_now();
}

void hob__ws_delete(struct hob_websocket *ws) {
    hob__ws_release(ws);
    if (ws->stream) hob__ws_drop_held(ws);
    hob__ws_drop_pieces(ws);
    hob__ws_pack_end(&ws->packer, false);
    hob__ws_unpack_end(&ws->unpacker, false);
    hob__buffer_free(&ws->message);
    hob__free(ws->protocol);
    hob__free(ws->reason);
    struct hob_stream *stream = ws->owns_stream ? ws->stream : NULL;
    hob__free(ws);
    hob_close(stream);
}

int hob__ws_enter(struct hob_websocket *ws, const char *func) {
    if (HOB__UNLIKELY(!ws)) hob__misuse(func, "the WebSocket is NULL");
    int rc = hob_check();
    if (rc < 0) return rc;
    if (HOB__UNLIKELY(ws->error))
        return hob_fail(ws->error, "WebSocket with %s: %s", hob_stream_peer(ws->stream),
                        hob_strerror(ws->error));
    ws->users++;
    return 0;
}

void hob__ws_leave(struct hob_websocket *ws) {
    if (--ws->users > 0) return;
    if (HOB__UNLIKELY(!ws->client && ws->owns_stream))
        hob__ws_delete(ws); /* the server has gone */
    else
        hob__wake_all(&ws->leavers, 0);
}

int hob__ws_break(struct hob_websocket *ws, int error, const char *why) {
    hob_fail(error, "WebSocket with %s: %s", hob_stream_peer(ws->stream), why);
    if (ws->error) return ws->error;
    ws->error = error;
    hob_event_set(&ws->over);
    struct hob__fd *f = ws->stream->fd;
    if (!f) {
        hob__h2_tunnel_break(ws->stream, !ws->sent_close);
        return error;
    }
    /* The peer sees the end, too, even if it is some time until the stream is closed. */
    if (!ws->sent_close)
        ws->stream->backend->ops->sys->shutdown(ws->stream->backend, f->fd, SHUT_RDWR);
    hob__wake_all(&f->writers, 0);
    hob__wake_all(&f->readers, 0);
    return error;
}

int hob__ws_lost(struct hob_websocket *ws, ssize_t rc) {
    if (rc == -ECANCELED || rc == -ENOMEM) return (int)rc;
    if (ws->error) return ws->error;
    return hob__ws_break(ws, HOB_E_WEBSOCKET_LOST,
                         rc == 0 ? "the connection ended without a close frame"
                                 : hob_strerror((int)rc));
}

void hob_websocket_free(struct hob_websocket *ws) {
    if (!ws) return;
    if (!ws->client) hob__misuse(__func__, "a WebSocket of a server ends with its handler");
    if (ws->users) hob__misuse(__func__, "%u tasks are in calls on the WebSocket", ws->users);
    if (!ws->error && !ws->sent_close && ws->stream) {
        uint8_t mask[4] = {0};
        /* Masked by zeroes: two bytes that everybody knows. */
        char *at = ws->rest + ws->rest_at + ws->rest_size;
        if (ws->rest_at + ws->rest_size + 8 <= HOB__WS_REST && !ws->frames.owner) {
            size_t n = hob__ws_head((uint8_t *)at, 0x80 | HOB__WS_CLOSE, 2, mask);
            at[n] = (char)(HOB_WEBSOCKET_GOING_AWAY >> 8);
            at[n + 1] = (char)(HOB_WEBSOCKET_GOING_AWAY & 255);
            ws->rest_size = (uint8_t)(ws->rest_size + n + 2);
            ws->sent_close = true;
            hob__ws_try_control(ws);
        }
    }
    hob__ws_delete(ws);
}

int hob_websocket_code(const struct hob_websocket *ws) {
    return ws->got_close ? ws->code : ws->error == HOB_E_WEBSOCKET_LOST ? HOB_WEBSOCKET_LOST : 0;
}

const char *hob_websocket_reason(const struct hob_websocket *ws) {
    return ws->reason ? ws->reason : "";
}

const char *hob_websocket_protocol(const struct hob_websocket *ws) {
    return ws->protocol ? ws->protocol : "";
}

bool hob_websocket_deflates(const struct hob_websocket *ws) { return ws->deflate.on; }

const char *hob_websocket_peer(const struct hob_websocket *ws) {
    return hob_stream_peer(ws->stream);
}
