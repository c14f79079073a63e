/* http/websocket/deflate.h - permessage-deflate (RFC 7692): the agreement in the headers, and
 * messages packed and unpacked by zlib.
 *
 * Without a kept context a message borrows zlib's memory, 270 KiB or 40 KiB, only while it lasts: a
 * loop keeps one of each for the next. */
#ifndef HOB_HTTP_WEBSOCKET_DEFLATE_H
#define HOB_HTTP_WEBSOCKET_DEFLATE_H

#include <hob/websocket.h>

/* What both sides have agreed on. */
struct hob__ws_deflate {
    bool on;
    bool send_keeps, receive_keeps; /* context takeover */
    uint8_t send_bits, receive_bits;
};

/* Room for what follows "Sec-WebSocket-Extensions: ". */
enum { HOB__WS_EXTENSION_MAX = 160 };

/* A client's offer: its size, 0 for none. */
size_t hob__ws_deflate_offer(const struct hob_websocket_options *o,
                             char out[HOB__WS_EXTENSION_MAX]);
/* The server's answer to it (NULL: none). False: it is not one that may be given to that offer. */
bool hob__ws_deflate_answered(const struct hob_websocket_options *o, const char *answer,
                              struct hob__ws_deflate *d);
/* A server's: looks through the offers of one header for one that can be accepted, unless d->on
 * already; the answer goes to out. False: the header is no list of extensions. */
bool hob__ws_deflate_choose(const struct hob_websocket_options *o, const char *offers,
                            struct hob__ws_deflate *d, char out[HOB__WS_EXTENSION_MAX]);

struct hob__ws_packer;
struct hob__ws_unpacker;

/* For the next message; what is there already is used again. 0 or -ENOMEM. */
int hob__ws_pack_begin(struct hob__ws_packer **p, const struct hob__ws_deflate *d);
/* Packs some of in[0..*n), of which *n are done with afterwards, into out: how many bytes came out.
 * last: no further ones follow; then *n becomes 0 and less than cap came out when all is over, with
 * the four bytes at its end that are not sent (7.2.1). cap is at least 16. */
size_t hob__ws_pack(struct hob__ws_packer *p, const void *in, size_t *n, bool last, char *out,
                    size_t cap);
/* The message is over; keep: the context is wanted by the next one. NULL is allowed. */
void hob__ws_pack_end(struct hob__ws_packer **p, bool keep);

int hob__ws_unpack_begin(struct hob__ws_unpacker **p);
/* Unpacks some of in[0..*n) into out: how many bytes came out, fewer than cap only when all of the
 * input is done with; HOB_E_WEBSOCKET_DEFLATE, -ENOMEM. */
ssize_t hob__ws_unpack(struct hob__ws_unpacker *p, const void *in, size_t *n, char *out,
                       size_t cap);
void hob__ws_unpack_end(struct hob__ws_unpacker **p, bool keep);
#endif
