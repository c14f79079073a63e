/* http/h1.h - HTTP/1.1 (RFC 9112, RFC 9110) without I/O: bytes in, events out. No tasks, no
 * allocation; the parser of requests and of responses, and the writer of heads.
 *
 * The caller holds a buffer. It calls hob__h1_next() with the bytes that have not been used yet and
 * gets an event and how many bytes that used. HOB__H1_NEED means: come back with the same unused
 * bytes and more behind them. A head stays unused until it is complete, so that its method, target
 * and fields are slices of one block; it is scanned once, however small the pieces come. Bodies are
 * used as they come, and may bypass the buffer (hob__h1_direct). The events are the same for every
 * way of cutting the input, except that a body's bytes may come as more or fewer HOB__H1_DATA.
 *
 *   request:   HEAD DATA* TRAILERS? END
 *   response:  INTERIM* HEAD DATA* TRAILERS? END
 *
 * After END, hob__h1_start() makes it ready for the next message. After a switch of protocols (101,
 * CONNECT) the event behind HEAD is UPGRADE, forever: the bytes are the caller's. An error is
 * final.
 *
 * Strict, because what two parsers read differently is how requests are smuggled: one space each in
 * the request line, no white space before a colon, no folded fields, CR LF only (a response's head
 * may have lone LFs, RFC 9112, 2.2), no bare CR, digits only in Content-Length, which only a
 * response may repeat, with the same value, never beside Transfer-Encoding; that must be "chunked"
 * alone and never in HTTP/1.0; exactly one Host in a request of HTTP/1.1. */
#ifndef HOB_HTTP_H1_H
#define HOB_HTTP_H1_H

#include <hob/http.h>

#include "base/buffer.h"

enum hob__h1_event {
    HOB__H1_NEED = 0,
    HOB__H1_INTERIM, /* a 1xx head (not 101); the next head follows */
    HOB__H1_HEAD,
    HOB__H1_DATA,     /* a piece of the body */
    HOB__H1_TRAILERS, /* the fields behind a chunked body; see hob__h1_split() */
    HOB__H1_END,
    HOB__H1_UPGRADE
};

/* One field: offsets into the head's block. */
struct hob__h1_field {
    uint32_t name, name_size;
    uint32_t value, value_size; /* without white space around it */
};

/* Bounds; 0 = the default. */
struct hob__h1_limits {
    uint32_t line;   /* request line, status line, a field, a chunk's line; bytes without the line's
                        end; 8 KiB */
    uint32_t block;  /* of a head, or of trailers; bytes; 64 KiB */
    uint32_t fields; /* of a head, or of trailers; 128 */
};

enum hob__h1_flag {
    HOB__H1_CHUNKED = 1,
    HOB__H1_KEEP_ALIVE = 2, /* the connection may be used again, once the message has ended */
    HOB__H1_TO_CLOSE = 4,   /* the body ends with the connection */
    HOB__H1_EXPECT_CONTINUE = 8,
    HOB__H1_EXPECT_OTHER = 16,
    HOB__H1_WANTS_UPGRADE = 32,  /* "Connection: upgrade" and an Upgrade field */
    HOB__H1_NO_BODY = 64,        /* this message never has one, whatever its fields say */
    HOB__H1_UNKNOWN_CODING = 128 /* with HOB_E_HTTP_ENCODING: the last coding is chunked, as it has
                                    to be, and one before it is not known */
};

/* All offsets are from the start of the head's block. */
struct hob__h1 {
    bool response;
    bool head_request;    /* a response: the request was HEAD; set before its head is parsed */
    bool connect_request; /* a response: it was CONNECT */
    uint8_t state;
    uint8_t minor; /* HTTP/1.minor: 0 or 1 */
    uint16_t flags;
    uint16_t status;
    struct hob__h1_limits limits;
    struct hob__h1_field *fields; /* where to put the head's fields; the caller's */
    uint32_t fields_cap;          /* what does not fit is counted; see hob__h1_split() */
    uint32_t field_count;
    uint32_t fields_at; /* where the first field's line begins */
    uint32_t method_at, method_size;
    uint32_t target_at, target_size; /* a response: the reason phrase */
    uint32_t path_size;     /* of a target that begins with it, up to the '?'; 0: not looked for */
    int64_t content_length; /* as the field says; -1 = there was none */
    /* private */
    uint32_t line, scanned, excess;
    uint8_t seen, empty_lines, digits;
    uint64_t left; /* of the body or of the chunk */
    uint64_t error_at;
};

/* For a new connection; limits may be NULL. hob__h1_start() comes before anything else. */
void hob__h1_init(struct hob__h1 *p, bool response, const struct hob__h1_limits *limits);
/* For the next message of it; fields as in the struct. */
void hob__h1_start(struct hob__h1 *p, struct hob__h1_field *fields, uint32_t fields_cap);

/* The next event, or an error (HOB_E_HTTP_*; then p->error_at says where in the head, 0 behind it).
 * *used bytes are done with. *piece: for DATA the body's bytes, for HEAD, INTERIM and TRAILERS the
 * whole block, for UPGRADE what is there. */
int hob__h1_next(struct hob__h1 *p, const char *in, size_t n, size_t *used,
                 struct hob_slice *piece);

/* The connection has ended, and everything before was used: HOB__H1_END when that ends the body, 0
 * between messages, else HOB_E_HTTP_CUT. `unused` bytes are still in the buffer. */
int hob__h1_eof(struct hob__h1 *p, size_t unused);

/* How many bytes of the body may be read past the parser, right now: 0 = none; then tell it how
 * many were. */
uint64_t hob__h1_direct(const struct hob__h1 *p);
void hob__h1_direct_done(struct hob__h1 *p, uint64_t n);

/* Before or after a message, with nothing of the next one seen? */
bool hob__h1_idle(const struct hob__h1 *p);

/* The fields of a block that the parser took (a head's from fields_at on, or trailers): fills up to
 * cap, returns how many there are. */
uint32_t hob__h1_split(const char *block, size_t n, uint32_t at, struct hob__h1_field *out,
                       uint32_t cap);
/* The first field of that name, whatever its case, or NULL. */
const struct hob__h1_field *hob__h1_find(const char *block, const struct hob__h1_field *fields,
                                         size_t count, const char *name);

/* Does the comma-separated list have that word (in any case)? */
bool hob__h1_list_has(const char *list, size_t n, const char *word);
/* Are both the same but for case? b is in lower case. */
bool hob__h1_same(const char *a, size_t n, const char *b);

/* ---- writing (h1_write.c). Everything is checked: HOB_E_HTTP_ILLEGAL for a byte that would break
 * the message; HOB_E_HTTP_HEADERS_TOO_LARGE beyond 64 KiB, -ENOMEM. ---- */
int hob__h1_put_request(struct hob__buffer *b, const char *method, const char *target, size_t n);
/* Of a name that need not end at a NUL. */
int hob__h1_put_named(struct hob__buffer *b, const char *name, size_t name_size, const char *value,
                      size_t n);
static inline int hob__h1_put_field(struct hob__buffer *b, const char *name, const char *value,
                                    size_t n) {
    return hob__h1_put_named(b, name, __builtin_strlen(name), value, n);
}
int hob__h1_put_number(struct hob__buffer *b, const char *name, uint64_t value);
/* The number alone, to memory with room for so many digits; returns where it ends. */
enum { HOB__H1_DIGITS = 20 };
char *hob__h1_write_number(char *at, uint64_t value);
/* Room for n bytes more. */
enum { HOB__H1_HEAD_MAX = 65536 };
static inline int hob__h1_room(struct hob__buffer *b, size_t n) {
    int rc = hob__buffer_reserve(b, n, HOB__H1_HEAD_MAX);
    return HOB__UNLIKELY(rc == HOB_E_LIMIT) ? HOB_E_HTTP_HEADERS_TOO_LARGE : rc;
}
/* Whole lines that are known to be right. */
static inline int hob__h1_put_bytes(struct hob__buffer *b, const char *bytes, size_t n) {
    int rc = hob__h1_room(b, n);
    if (rc < 0) return rc;
    __builtin_memcpy(hob__buffer_tail(b), bytes, n);
    hob__buffer_put(b, n);
    return 0;
}
int hob__h1_put_other_status(struct hob__buffer *b, int status);
static inline int hob__h1_put_status(struct hob__buffer *b, int status) {
    if (HOB__LIKELY(status == 200)) return hob__h1_put_bytes(b, "HTTP/1.1 200 OK\r\n", 17);
    return hob__h1_put_other_status(b, status);
}
static inline int hob__h1_put_end(struct hob__buffer *b) { return hob__h1_put_bytes(b, "\r\n", 2); }
/* "1f4\r\n"; returns its length. */
enum { HOB__H1_CHUNK_HEAD = 20 };
size_t hob__h1_chunk_head(char out[HOB__H1_CHUNK_HEAD], uint64_t size);
#endif
