/* http/websocket/frame.h - the frames of RFC 6455, section 5, without I/O: bytes in, events out.
 *
 * The reader keeps every rule that can be told from the frames of one direction: opcodes, masks,
 * reserved bits, lengths, fragments, the payloads of control frames, UTF-8. It unmasks in place. */
#ifndef HOB_HTTP_WEBSOCKET_FRAME_H
#define HOB_HTTP_WEBSOCKET_FRAME_H

#include <hob/base.h>

#include "http/websocket/utf8.h"

enum hob__ws_opcode {
    HOB__WS_CONTINUATION = 0,
    HOB__WS_TEXT = 1,
    HOB__WS_BINARY = 2,
    HOB__WS_CLOSE = 8,
    HOB__WS_PING = 9,
    HOB__WS_PONG = 10
};

enum hob__ws_event {
    HOB__WS_NEED,  /* more bytes */
    HOB__WS_BEGIN, /* a message: r->message, r->packed */
    HOB__WS_DATA,  /* *piece: some of its bytes, in place; a text that is not packed is checked */
    HOB__WS_END,   /* of the message */
    HOB__WS_GOT_PING, /* *piece: its payload, good until the next call */
    HOB__WS_GOT_PONG, /* the same */
    HOB__WS_GOT_CLOSE /* r->code, and *piece: the reason. Nothing comes after it. */
};

enum { HOB__WS_HEAD_MAX = 14, HOB__WS_CONTROL_MAX = 125 };

struct hob__ws_reader {
    uint64_t max_message; /* bytes of a message as they come; 0: no limit */
    bool masked;          /* the peer is a client: its frames must be masked, else must not */
    bool deflate;         /* permessage-deflate was agreed on */
    /* the message */
    uint8_t message; /* its opcode; 0: none */
    bool packed;
    uint16_t code;      /* of a close frame */
    uint64_t announced; /* its bytes so far, with all of the frame that has begun */
    const char *why;    /* after an error: which rule was broken */
    /* private */
    uint64_t left;
    uint8_t state, opcode, have, need;
    bool fin;
    uint8_t mask[4];
    struct hob__utf8 utf8;
    uint8_t head[HOB__WS_HEAD_MAX];
    uint8_t control_size;
    char control[HOB__WS_CONTROL_MAX];
};

void hob__ws_reader_init(struct hob__ws_reader *r, bool masked, uint64_t max_message);

/* The next event, or HOB_E_WEBSOCKET_PROTOCOL, _TEXT, _TOO_LARGE (then r->why says what is wrong;
 * nothing can be read any more). *used bytes are done with, those of a piece are among them. */
int hob__ws_next(struct hob__ws_reader *r, char *bytes, size_t n, size_t *used,
                 struct hob_slice *piece);
/* Between two frames, outside of any message? */
bool hob__ws_between(const struct hob__ws_reader *r);
/* Behind the last byte of a message, whose end is the next event? */
bool hob__ws_at_end(const struct hob__ws_reader *r);

/* What a peer is told about an error: 1002, 1007, 1009, or 1011. */
int hob__ws_code_for(int error);
/* May the code stand in a close frame? (7.4) */
bool hob__ws_code_legal(unsigned code);

/* A frame's head into out; its size. mask: NULL, or four bytes. first: opcode, 0x80 for the last
 * frame of a message, 0x40 for a message that is packed. */
size_t hob__ws_head(uint8_t out[HOB__WS_HEAD_MAX], unsigned first, uint64_t size,
                    const uint8_t *mask);
/* to[i] = from[i] ^ mask[i % 4]; both may be the same. The mask is turned, for the bytes behind. */
void hob__ws_mask(char *to, const char *from, size_t n, uint8_t mask[4]);
#endif
