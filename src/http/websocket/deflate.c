/* http/websocket/deflate.c - messages packed and unpacked (RFC 7692, 7.2).
 *
 * What a loop keeps: one packer with the usual window and one unpacker, for messages whose context
 * is not kept. An unpacker always has a window of 32 KiB, which reads what was made with any. */
#include "http/websocket/deflate.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "task/loopdata.h"

#if HAVE_ZLIB
#include <zlib.h>

enum { BITS = 15, MEMORY = 8 };

struct hob__ws_packer {
    z_stream z;
    uint8_t bits;
};

struct hob__ws_unpacker {
    z_stream z;
};

struct spare {
    struct hob__loop_data data; /* its first member */
    struct hob__ws_packer *packer;
    struct hob__ws_unpacker *unpacker;
};

static void *get(void *none, unsigned count, unsigned size) {
    (void)none;
    return hob__alloc((size_t)count * size);
}
static void put(void *none, void *p) {
    (void)none;
    hob__free(p);
}

static void free_packer(struct hob__ws_packer *p) {
    if (p) deflateEnd(&p->z);
    hob__free(p);
}

static void free_unpacker(struct hob__ws_unpacker *p) {
    if (p) inflateEnd(&p->z);
    hob__free(p);
}

static void drop(struct hob__loop_data *d) {
    struct spare *s = (struct spare *)(void *)d;
    free_packer(s->packer);
    free_unpacker(s->unpacker);
    hob__free(s);
}

/* NULL without memory: then nothing is kept. */
static struct spare *spare(void) {
    struct spare *s = (struct spare *)(void *)hob__loop_data(HOB__LOOP_WEBSOCKETS);
    if (s) return s;
    s = hob__alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->data.drop = drop;
    hob__loop_data_set(HOB__LOOP_WEBSOCKETS, &s->data);
    return s;
}

/* ---- packing ---- */

/* zlib turns a window of 8 bits into one of 9: whoever has agreed on 8 sends what is not packed. */
int hob__ws_pack_begin(struct hob__ws_packer **out, const struct hob__ws_deflate *d) {
    if (*out) return 0;
    struct spare *s = d->send_keeps || d->send_bits != BITS ? NULL : spare();
    if (s && s->packer) {
        *out = s->packer;
        s->packer = NULL;
        return 0;
    }
    struct hob__ws_packer *p = hob__alloc_zero(sizeof *p);
    if (!p) return -ENOMEM;
    p->z.zalloc = get;
    p->z.zfree = put;
    p->bits = d->send_bits;
    if (deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -d->send_bits, MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        hob__free(p);
        return -ENOMEM;
    }
    *out = p;
    return 0;
}

size_t hob__ws_pack(struct hob__ws_packer *p, const void *in, size_t *n, bool last, char *out,
                    size_t cap) {
    unsigned given = *n < 1 << 30 ? (unsigned)*n : 1 << 30;
    last = last && given == *n;
    p->z.next_in = (Bytef *)(uintptr_t)in;
    p->z.avail_in = given;
    p->z.next_out = (Bytef *)out;
    p->z.avail_out = (unsigned)cap;
    (void)deflate(&p->z, last ? Z_SYNC_FLUSH : Z_NO_FLUSH); /* cannot fail but by misuse */
    *n = given - p->z.avail_in;
    return cap - p->z.avail_out;
}

void hob__ws_pack_end(struct hob__ws_packer **p, bool keep) {
    if (!*p || keep) return;
    struct spare *s = (*p)->bits == BITS ? spare() : NULL;
    if (s && !s->packer && deflateReset(&(*p)->z) == Z_OK)
        s->packer = *p;
    else
        free_packer(*p);
    *p = NULL;
}

/* ---- unpacking ---- */

int hob__ws_unpack_begin(struct hob__ws_unpacker **out) {
    if (*out) return 0;
    struct spare *s = spare();
    if (s && s->unpacker) {
        *out = s->unpacker;
        s->unpacker = NULL;
        return 0;
    }
    struct hob__ws_unpacker *p = hob__alloc_zero(sizeof *p);
    if (!p) return -ENOMEM;
    p->z.zalloc = get;
    p->z.zfree = put;
    if (inflateInit2(&p->z, -BITS) != Z_OK) {
        hob__free(p);
        return -ENOMEM;
    }
    *out = p;
    return 0;
}

ssize_t hob__ws_unpack(struct hob__ws_unpacker *p, const void *in, size_t *n, char *out,
                       size_t cap) {
    unsigned given = *n < 1 << 30 ? (unsigned)*n : 1 << 30;
    unsigned most = cap < 1 << 30 ? (unsigned)cap : 1 << 30;
    p->z.next_in = (Bytef *)(uintptr_t)in;
    p->z.avail_in = given;
    p->z.next_out = (Bytef *)out;
    p->z.avail_out = most;
    for (;;) {
        int rc = inflate(&p->z, Z_SYNC_FLUSH);
        if (rc == Z_MEM_ERROR) return -ENOMEM;
        /* A last block (BFINAL) ends the stream, not the message, nor the window (7.2.3.4). */
        if (rc == Z_STREAM_END && inflateResetKeep(&p->z) == Z_OK &&
            (p->z.avail_in > 0 && p->z.avail_out > 0))
            continue;
        if (rc != Z_OK && rc != Z_BUF_ERROR && rc != Z_STREAM_END) return HOB_E_WEBSOCKET_DEFLATE;
        break;
    }
    *n = given - p->z.avail_in;
    return (ssize_t)(most - p->z.avail_out);
}

void hob__ws_unpack_end(struct hob__ws_unpacker **p, bool keep) {
    if (!*p || keep) return;
    struct spare *s = spare();
    if (s && !s->unpacker && inflateReset(&(*p)->z) == Z_OK)
        s->unpacker = *p;
    else
        free_unpacker(*p);
    *p = NULL;
}

#else /* nothing is ever agreed on */

int hob__ws_pack_begin(struct hob__ws_packer **p, const struct hob__ws_deflate *d) {
    (void)p, (void)d;
    return -ENOTSUP;
}
size_t hob__ws_pack(struct hob__ws_packer *p, const void *in, size_t *n, bool last, char *out,
                    size_t cap) {
    (void)p, (void)in, (void)last, (void)out, (void)cap;
    return *n = 0;
}
void hob__ws_pack_end(struct hob__ws_packer **p, bool keep) { (void)p, (void)keep; }
int hob__ws_unpack_begin(struct hob__ws_unpacker **p) {
    (void)p;
    return -ENOTSUP;
}
ssize_t hob__ws_unpack(struct hob__ws_unpacker *p, const void *in, size_t *n, char *out,
                       size_t cap) {
    (void)p, (void)in, (void)n, (void)out, (void)cap;
    return HOB_E_WEBSOCKET_DEFLATE;
}
void hob__ws_unpack_end(struct hob__ws_unpacker **p, bool keep) { (void)p, (void)keep; }
#endif
