/* http/decode.c - gzip, deflate, br and zstd, behind one table. */
#include "http/decode.h"

#include <errno.h>
#include <hob/http.h>
#include <string.h>
#include <strings.h>

#if HAVE_ZLIB
#include <zlib.h>
#endif
#if HAVE_BROTLI
#include <brotli/decode.h>
#endif
#if HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#include "base/memory.h"
#include "http/zlib_memory.h"

struct hob__coding {
    const char *name, *other; /* as Content-Encoding has it */
    int (*open)(struct hob__decoder *d);
    void (*close)(struct hob__decoder *d);
    ssize_t (*decode)(struct hob__decoder *d, const void *in, size_t *in_size, void *out, size_t n);
};

struct hob__decoder {
    const struct hob__coding *coding;
    bool begun, done; /* done: the end of the (last) frame has been reached */
    union {
#if HAVE_ZLIB
        z_stream zlib;
#endif
#if HAVE_BROTLI
        BrotliDecoderState *brotli;
#endif
#if HAVE_ZSTD
        ZSTD_DStream *zstd;
#endif
        int none;
    } of;
};

/* ---- zlib: gzip (RFC 1952), and deflate, which is zlib's format (RFC 1950) or, from servers that
 * have misread that, bare deflate (RFC 1951) ---- */

#if HAVE_ZLIB
enum { GZIP = 15 + 16, ZLIB = 15, BARE = -15 };

static int zlib_open_as(struct hob__decoder *d, int window) {
    d->of.zlib = (z_stream){.zalloc = hob__zlib_alloc, .zfree = hob__zlib_free};
    return inflateInit2(&d->of.zlib, window) == Z_OK ? 0 : -ENOMEM;
}
static int gzip_open(struct hob__decoder *d) { return zlib_open_as(d, GZIP); }
static int deflate_open(struct hob__decoder *d) { return zlib_open_as(d, ZLIB); }
static void zlib_close(struct hob__decoder *d) { inflateEnd(&d->of.zlib); }

static ssize_t zlib_decode(struct hob__decoder *d, const void *in, size_t *in_size, void *out,
                           size_t n) {
    z_stream *z = &d->of.zlib;
    unsigned most = n < 1 << 30 ? (unsigned)n : 1 << 30;
    unsigned given = *in_size < 1 << 30 ? (unsigned)*in_size : 1 << 30;
    z->next_in = (Bytef *)(uintptr_t)in;
    z->avail_in = given;
    z->next_out = out;
    z->avail_out = most;
    int rc = inflate(z, Z_NO_FLUSH);
    *in_size = given - z->avail_in;
    if (rc == Z_MEM_ERROR) return -ENOMEM;
    d->done = rc == Z_STREAM_END;
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) return HOB_E_HTTP_CODING;
    return (ssize_t)(most - z->avail_out);
}

/* A file may be several, one behind the other (RFC 1952, 2.2). */
static ssize_t gzip_decode(struct hob__decoder *d, const void *in, size_t *in_size, void *out,
                           size_t n) {
    if (d->done && *in_size > 0 && inflateReset(&d->of.zlib) != Z_OK) return -ENOMEM;
    return zlib_decode(d, in, in_size, out, n);
}

/* The first byte tells: zlib's has 8 in its lower half, and no bare deflate that anybody makes. */
static ssize_t deflate_decode(struct hob__decoder *d, const void *in, size_t *in_size, void *out,
                              size_t n) {
    if (!d->begun && *in_size > 0 && (*(const unsigned char *)in & 15) != 8 &&
        inflateReset2(&d->of.zlib, BARE) != Z_OK)
        return -ENOMEM;
    if (d->done && *in_size > 0) return HOB_E_HTTP_CODING;
    return zlib_decode(d, in, in_size, out, n);
}
#endif

/* ---- brotli (RFC 7932) ---- */

#if HAVE_BROTLI
static void *brotli_alloc(void *none, size_t n) {
    (void)none;
    return hob__alloc(n);
}
static void brotli_free(void *none, void *p) {
    (void)none;
    hob__free(p);
}

static int brotli_open(struct hob__decoder *d) {
    d->of.brotli = BrotliDecoderCreateInstance(brotli_alloc, brotli_free, NULL);
    return d->of.brotli ? 0 : -ENOMEM;
}
static void brotli_close(struct hob__decoder *d) { BrotliDecoderDestroyInstance(d->of.brotli); }

static ssize_t brotli_decode(struct hob__decoder *d, const void *in, size_t *in_size, void *out,
                             size_t n) {
    if (d->done && *in_size > 0) return HOB_E_HTTP_CODING;
    const uint8_t *from = in;
    uint8_t *to = out;
    size_t given = *in_size, left = given, room = n;
    BrotliDecoderResult rc =
        BrotliDecoderDecompressStream(d->of.brotli, &left, &from, &room, &to, NULL);
    *in_size = given - left;
    d->done = rc == BROTLI_DECODER_RESULT_SUCCESS;
    if (rc == BROTLI_DECODER_RESULT_ERROR) {
        BrotliDecoderErrorCode why = BrotliDecoderGetErrorCode(d->of.brotli);
        bool memory = why <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
                      why >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
        return memory ? -ENOMEM : HOB_E_HTTP_CODING;
    }
    return (ssize_t)(n - room);
}
#endif

/* ---- zstd (RFC 8878; RFC 9659: a window of at most 8 MiB) ---- */

#if HAVE_ZSTD
static int zstd_open(struct hob__decoder *d) {
    d->of.zstd = ZSTD_createDStream();
    if (!d->of.zstd) return -ENOMEM;
    ZSTD_DCtx_setParameter(d->of.zstd, ZSTD_d_windowLogMax, 23);
    return 0;
}
static void zstd_close(struct hob__decoder *d) { ZSTD_freeDStream(d->of.zstd); }

static ssize_t zstd_decode(struct hob__decoder *d, const void *in, size_t *in_size, void *out,
                           size_t n) {
    ZSTD_inBuffer from = {in, *in_size, 0};
    ZSTD_outBuffer to = {out, n, 0};
    size_t rc = ZSTD_decompressStream(d->of.zstd, &to, &from);
    *in_size = from.pos;
    d->done = rc == 0; /* frames may follow each other */
    if (!ZSTD_isError(rc)) return (ssize_t)to.pos;
    return ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation ? -ENOMEM : HOB_E_HTTP_CODING;
}
#endif

/* ---- all of them ---- */

static const struct hob__coding codings[] = {
#if HAVE_ZLIB
    {"gzip", "x-gzip", gzip_open, zlib_close, gzip_decode},
    {"deflate", "", deflate_open, zlib_close, deflate_decode},
#endif
#if HAVE_BROTLI
    {"br", "", brotli_open, brotli_close, brotli_decode},
#endif
#if HAVE_ZSTD
    {"zstd", "", zstd_open, zstd_close, zstd_decode},
#endif
    {0},
};

const char *hob__decodes(void) {
    return ""
#if HAVE_ZLIB
           "gzip, deflate"
#endif
#if HAVE_ZLIB && (HAVE_BROTLI || HAVE_ZSTD)
           ", "
#endif
#if HAVE_BROTLI
           "br"
#endif
#if HAVE_BROTLI && HAVE_ZSTD
           ", "
#endif
#if HAVE_ZSTD
           "zstd"
#endif
        ;
}

int hob__decoder_open(struct hob__decoder **out, const char *coding) {
    const struct hob__coding *c = codings;
    *out = NULL;
    if (!coding) return 0;
    while (c->name && strcasecmp(coding, c->name) != 0 && strcasecmp(coding, c->other) != 0) c++;
    if (!c->name) return 0;
    struct hob__decoder *d = hob__alloc_zero(sizeof *d);
    if (!d) return -ENOMEM;
    d->coding = c;
    if (c->open(d) < 0) {
        hob__free(d);
        return -ENOMEM;
    }
    *out = d;
    return 0;
}

void hob__decoder_free(struct hob__decoder *d) {
    if (!d) return;
    d->coding->close(d);
    hob__free(d);
}

ssize_t hob__decode(struct hob__decoder *d, const void *in, size_t *in_size, void *out, size_t n) {
    bool any = *in_size > 0;
    if (d->done && !any) return 0;
    ssize_t got = d->coding->decode(d, in, in_size, out, n);
    d->begun |= any;
    return got;
}

bool hob__decoder_complete(const struct hob__decoder *d) { return d->done || !d->begun; }
