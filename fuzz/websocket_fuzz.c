/* websocket_fuzz.c - frames and handshakes of WebSockets: any frames, whole and cut at every place
 * that the input chooses, must give the same events, and pieces inside the input; offers and
 * answers about compression must be refused or lead to terms that zlib can keep. The first byte
 * says what is read, the second how it is cut. */
#include <hob/websocket.h>

#include "fuzz.h"
#include "http/websocket/websocket.h"

static char said[2][1 << 16];

static size_t say(char *to, size_t at, const void *bytes, size_t n) {
    if (n > sizeof said[0] - at) n = sizeof said[0] - at;
    memcpy(to + at, bytes, n);
    return at + n;
}

/* Everything that came out, as one text; data without its cuts. */
static size_t run(const uint8_t *data, size_t n, unsigned kind, unsigned cut, char *out) {
    struct hob__ws_reader r;
    hob__ws_reader_init(&r, kind & 1, kind & 2 ? 100 : 0);
    r.deflate = kind & 4;
    size_t at = 0, written = 0, shown = 0, event = 0;
    uint32_t x = cut;
    while (shown <= n) {
        size_t used, have = shown - at;
        struct hob_slice piece;
        char *bytes = edge_copy(data + at, have);
        int rc = hob__ws_next(&r, bytes, have, &used, &piece);
        CHECK(used <= have);
        at += used;
        if (rc == HOB__WS_DATA) {
            CHECK(piece.size > 0 && piece.at >= bytes && piece.at + piece.size <= bytes + have);
            written = say(out, written, piece.at, piece.size);
            continue;
        }
        /* How much of a text comes in front of its wrong byte depends on the cuts. */
        if (rc < 0) written = event;
        if (rc != HOB__WS_NEED) written = say(out, written, &rc, sizeof rc);
        if (rc < 0) {
            CHECK(rc == HOB_E_WEBSOCKET_PROTOCOL || rc == HOB_E_WEBSOCKET_TEXT ||
                  rc == HOB_E_WEBSOCKET_TOO_LARGE);
            CHECK(r.why);
            break;
        }
        if (rc == HOB__WS_GOT_CLOSE) {
            CHECK(r.code == 1005 || hob__ws_code_legal(r.code));
            written = say(out, written, &r.code, sizeof r.code);
        }
        if (rc == HOB__WS_GOT_PING || rc == HOB__WS_GOT_PONG || rc == HOB__WS_GOT_CLOSE)
            written = say(out, written, piece.at, piece.size);
        if (rc != HOB__WS_NEED) {
            event = written;
            continue;
        }
        CHECK(at == shown); /* all of it is in the reader */
        if (shown == n) break;
        x = x * 1664525 + 1013904223;
        size_t step = cut == 0 ? n : cut == 1 ? 1 : 1 + (x >> 24) % 9;
        shown = n - shown < step ? n : shown + step;
    }
    return written;
}

static void check_terms(const struct hob__ws_deflate *d) {
    CHECK(!d->on || (d->send_bits >= 8 && d->send_bits <= 15 && d->receive_bits >= 8 &&
                     d->receive_bits <= 15));
}

static void headers(const uint8_t *data, size_t n, unsigned kind) {
    const char *text = edge_kept_string(data, n);
    struct hob_websocket_options o = {.deflate = true,
                                      .deflate_keep = kind & 2,
                                      .deflate_bits = kind & 4 ? 9 : 0,
                                      .deflate_peer_bits = kind & 8 ? 10 : 0};
    char out[HOB__WS_EXTENSION_MAX] = "";
    struct hob__ws_deflate d = {.on = false}, own;
    if (hob__ws_deflate_choose(&o, text, &d, out) && d.on) {
        check_terms(&d);
        /* A client that had offered anything reads the answer as well-formed. */
        struct hob_websocket_options any = {.deflate = true, .deflate_keep = true};
        CHECK(hob__ws_deflate_answered(&any, out, &own));
        CHECK(own.on && own.receive_keeps == d.send_keeps && own.send_keeps == d.receive_keeps);
    }
    if (hob__ws_deflate_answered(&o, text, &own)) check_terms(&own);
    if (hob__ws_key_legal(text)) hob__ws_accept_key(text, out);
}

FUZZ(data, n) {
    if (n < 2) return;
    unsigned kind = data[0], cut = data[1];
    if (kind & 0x80) {
        headers(data + 2, n - 2, kind);
        return;
    }
    if (n > 60000) return;
    size_t whole = run(data + 2, n - 2, kind, 0, said[0]);
    size_t pieces = run(data + 2, n - 2, kind, cut ? cut : 1, said[1]);
    CHECK(whole == pieces && memcmp(said[0], said[1], whole) == 0);
}
