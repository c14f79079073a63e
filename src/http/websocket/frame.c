/* http/websocket/frame.c - see frame.h; the comments name sections of RFC 6455. */
#include "http/websocket/frame.h"

#include <hob/websocket.h>
#include <string.h>

enum { HEAD, CONTROL, DATA, CLOSED, FAILED };
enum { FIN = 0x80, RSV1 = 0x40, RSV23 = 0x30 };

void hob__ws_reader_init(struct hob__ws_reader *r, bool masked, uint64_t max_message) {
    *r = (struct hob__ws_reader){.masked = masked, .max_message = max_message, .need = 2};
}

bool hob__ws_between(const struct hob__ws_reader *r) {
    return r->state == HEAD && r->have == 0 && r->message == 0;
}

bool hob__ws_at_end(const struct hob__ws_reader *r) {
    return r->state == DATA && r->fin && r->left == 0;
}

int hob__ws_code_for(int error) {
    switch (error) {
    case HOB_E_WEBSOCKET_PROTOCOL:
        return 1002;
    case HOB_E_WEBSOCKET_TEXT:
    case HOB_E_WEBSOCKET_DEFLATE:
        return 1007;
    case HOB_E_WEBSOCKET_TOO_LARGE:
        return 1009;
    default:
        return HOB_WEBSOCKET_FAILED;
    }
}

bool hob__ws_code_legal(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/* ---- masks (5.3) ---- */

void hob__ws_mask(char *to, const char *from, size_t n, uint8_t mask[4]) {
    uint64_t wide;
    memcpy(&wide, mask, 4);
    memcpy((char *)&wide + 4, mask, 4);
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        uint64_t w[4];
        memcpy(w, from + i, 32);
        w[0] ^= wide, w[1] ^= wide, w[2] ^= wide, w[3] ^= wide;
        memcpy(to + i, w, 32);
    }
    for (; i + 8 <= n; i += 8) {
        uint64_t w;
        memcpy(&w, from + i, 8);
        w ^= wide;
        memcpy(to + i, &w, 8);
    }
    for (size_t j = 0; i < n; i++, j++) to[i] = (char)(from[i] ^ mask[j % 4]);
    unsigned turn = n % 4;
    if (turn) {
        uint8_t old[4];
        memcpy(old, mask, 4);
        for (unsigned k = 0; k < 4; k++) mask[k] = old[(k + turn) % 4];
    }
}

size_t hob__ws_head(uint8_t out[HOB__WS_HEAD_MAX], unsigned first, uint64_t size,
                    const uint8_t *mask) {
    size_t n = 2;
    out[0] = (uint8_t)first;
    if (size < 126) {
        out[1] = (uint8_t)size;
    } else {
        unsigned bytes = size <= UINT16_MAX ? 2 : 8;
        out[1] = bytes == 2 ? 126 : 127;
        for (unsigned i = 0; i < bytes; i++) out[n++] = (uint8_t)(size >> (8 * (bytes - 1 - i)));
    }
    if (!mask) return n;
    out[1] |= 0x80;
    memcpy(out + n, mask, 4);
    return n + 4;
}

/* ---- reading ---- */

static int fail(struct hob__ws_reader *r, int code, const char *why) {
    r->state = FAILED;
    r->why = why;
    return code;
}

static int broken(struct hob__ws_reader *r, const char *why) {
    return fail(r, HOB_E_WEBSOCKET_PROTOCOL, why);
}

/* The first two bytes: 0, or an error. */
static int look_at_first(struct hob__ws_reader *r) {
    unsigned first = r->head[0], second = r->head[1], size = second & 0x7F;
    r->opcode = first & 15;
    r->fin = first & FIN;
    if (first & RSV23) return broken(r, "a reserved bit is set");
    if (r->opcode > HOB__WS_PONG || (r->opcode > HOB__WS_BINARY && r->opcode < HOB__WS_CLOSE))
        return broken(r, "a reserved opcode");
    bool control = r->opcode >= HOB__WS_CLOSE;
    if ((first & RSV1) && (!r->deflate || control || r->opcode == HOB__WS_CONTINUATION))
        return broken(r, "RSV1 where no message is compressed (RFC 7692, 6)");
    if (r->masked && !(second & 0x80)) return broken(r, "a client's frame without a mask (5.1)");
    if (!r->masked && (second & 0x80)) return broken(r, "a server's frame with a mask (5.1)");
    if (control) {
        if (!r->fin) return broken(r, "a control frame in fragments (5.5)");
        if (size > HOB__WS_CONTROL_MAX) return broken(r, "a control frame over 125 bytes (5.5)");
    } else if (r->opcode == HOB__WS_CONTINUATION) {
        if (!r->message) return broken(r, "a continuation of no message (5.4)");
    } else if (r->message) {
        return broken(r, "a new message inside another (5.4)");
    }
    r->need = (uint8_t)(2 + (size == 126 ? 2 : size == 127 ? 8 : 0) + (r->masked ? 4 : 0));
    return 0;
}

/* A whole head: 0, HOB__WS_BEGIN, or an error. */
static int look_at_head(struct hob__ws_reader *r) {
    unsigned size = r->head[1] & 0x7F, at = 2;
    r->left = size;
    if (size >= 126) {
        unsigned bytes = size == 126 ? 2 : 8;
        r->left = 0;
        for (unsigned i = 0; i < bytes; i++) r->left = r->left << 8 | r->head[at++];
        if (r->left >> 63) return broken(r, "a length above 2^63 (5.2)");
        if (r->left < (bytes == 2 ? 126u : 65536u))
            return broken(r, "a length in more bytes than it needs (5.2)");
    }
    if (r->masked) memcpy(r->mask, r->head + at, 4);
    r->have = 0;
    r->need = 2;
    if (r->opcode >= HOB__WS_CLOSE) {
        r->state = CONTROL;
        r->control_size = 0;
        return 0;
    }
    if (r->opcode != HOB__WS_CONTINUATION) r->announced = 0;
    if (r->max_message && r->left > r->max_message - r->announced)
        return fail(r, HOB_E_WEBSOCKET_TOO_LARGE, "a message over the limit");
    r->announced += r->left;
    r->state = DATA;
    if (r->opcode == HOB__WS_CONTINUATION) return 0;
    r->message = r->opcode;
    r->packed = r->head[0] & RSV1;
    r->utf8 = (struct hob__utf8){0};
    return HOB__WS_BEGIN;
}

/* Some bytes of a head: HOB__WS_NEED, HOB__WS_BEGIN, 1000: go on; or an error. */
enum { GO_ON = 1000 };
static int head(struct hob__ws_reader *r, const char *bytes, size_t n, size_t *used) {
    while (*used < n) {
        size_t take = (size_t)(r->need - r->have);
        if (take > n - *used) take = n - *used;
        memcpy(r->head + r->have, bytes + *used, take);
        r->have = (uint8_t)(r->have + take);
        *used += take;
        if (r->have < r->need) break;
        int rc = 0;
        if (r->have == 2) rc = look_at_first(r);
        if (rc == 0 && r->have == r->need) rc = look_at_head(r);
        if (rc != 0) return rc;
        if (r->state != HEAD) return GO_ON;
    }
    return HOB__WS_NEED;
}

/* The payload of a close frame (5.5.1). */
static int closing(struct hob__ws_reader *r, struct hob_slice *piece) {
    r->code = HOB_WEBSOCKET_NO_CODE;
    *piece = (struct hob_slice){r->control, 0};
    if (r->control_size == 1) return broken(r, "a close frame of one byte (5.5.1)");
    if (r->control_size >= 2) {
        r->code = (uint16_t)((uint8_t)r->control[0] << 8 | (uint8_t)r->control[1]);
        if (!hob__ws_code_legal(r->code))
            return broken(r, "a close code that must not be sent (7.4)");
        *piece = (struct hob_slice){r->control + 2, (size_t)r->control_size - 2};
        struct hob__utf8 u = {0};
        if (!hob__utf8_next(&u, piece->at, piece->size) || !hob__utf8_complete(&u))
            return fail(r, HOB_E_WEBSOCKET_TEXT, "a reason to close that is not UTF-8 (5.5.1)");
    }
    r->state = CLOSED;
    return HOB__WS_GOT_CLOSE;
}

static int control(struct hob__ws_reader *r, const char *bytes, size_t n, size_t *used,
                   struct hob_slice *piece) {
    size_t take = r->left < n - *used ? (size_t)r->left : n - *used;
    if (take) hob__ws_mask(r->control + r->control_size, bytes + *used, take, r->mask);
    r->control_size = (uint8_t)(r->control_size + take);
    r->left -= take;
    *used += take;
    if (r->left > 0) return HOB__WS_NEED;
    r->state = HEAD;
    *piece = (struct hob_slice){r->control, r->control_size};
    if (r->opcode == HOB__WS_CLOSE) return closing(r, piece);
    return r->opcode == HOB__WS_PING ? HOB__WS_GOT_PING : HOB__WS_GOT_PONG;
}

static int data(struct hob__ws_reader *r, char *bytes, size_t n, size_t *used,
                struct hob_slice *piece) {
    if (r->left == 0) {
        r->state = HEAD;
        if (!r->fin) return GO_ON;
        bool text = r->message == HOB__WS_TEXT && !r->packed;
        if (text && !hob__utf8_complete(&r->utf8))
            return fail(r, HOB_E_WEBSOCKET_TEXT, "a text that ends inside a character (8.1)");
        r->message = 0;
        return HOB__WS_END;
    }
    if (*used == n) return HOB__WS_NEED;
    size_t take = r->left < n - *used ? (size_t)r->left : n - *used;
    char *at = bytes + *used;
    if (r->masked) hob__ws_mask(at, at, take, r->mask);
    r->left -= take;
    *used += take;
    if (r->message == HOB__WS_TEXT && !r->packed && !hob__utf8_next(&r->utf8, at, take))
        return fail(r, HOB_E_WEBSOCKET_TEXT, "a text that is not UTF-8 (8.1)");
    *piece = (struct hob_slice){at, take};
    return HOB__WS_DATA;
}

int hob__ws_next(struct hob__ws_reader *r, char *bytes, size_t n, size_t *used,
                 struct hob_slice *piece) {
    *used = 0;
    *piece = (struct hob_slice){0};
    for (;;) {
        int rc;
        switch (r->state) {
        case HEAD:
            rc = head(r, bytes, n, used);
            break;
        case CONTROL:
            rc = control(r, bytes, n, used, piece);
            break;
        case DATA:
            rc = data(r, bytes, n, used, piece);
            break;
        case CLOSED:
            *used = n; /* what comes after a close frame is dropped (5.5.1) */
            return HOB__WS_NEED;
        default:
            return HOB_E_WEBSOCKET_STATE;
        }
        if (rc != GO_ON) return rc;
    }
}
