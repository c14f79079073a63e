/* http/pack.c - see pack.h. */
#include "http/pack.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifndef HAVE_ZLIB
#define HAVE_ZLIB 0
#endif
#ifndef HAVE_BROTLI
#define HAVE_BROTLI 0
#endif
#ifndef HAVE_ZSTD
#define HAVE_ZSTD 0
#endif
#if HAVE_ZLIB
#include <zlib.h>
#endif
#if HAVE_BROTLI
#include <brotli/encode.h>
#endif
#if HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/memory.h"
#include "http/zlib_memory.h"

static const char *const names[HOB__PACKINGS] = {"br", "zstd", "gzip"};
static const char *const suffixes[HOB__PACKINGS] = {".br", ".zst", ".gz"};

const char *hob__packing_name(enum hob__packing p) { return names[p]; }
const char *hob__packing_suffix(enum hob__packing p) { return suffixes[p]; }

/* ---- what is accepted ---- */

enum { MOST = 1000 }; /* thousandths */

/* "0.5", "1", "0.001" in thousandths; what is no number is 0. */
static unsigned number(const char *p, const char *end) {
    unsigned q = 0;
    for (; p < end && isdigit((unsigned char)*p); p++)
        if (*p != '0') q = MOST;
    if (p < end && *p == '.') p++;
    for (unsigned scale = MOST / 10; scale && p < end && isdigit((unsigned char)*p); scale /= 10)
        q += (unsigned)(*p++ - '0') * scale;
    return q < MOST ? q : MOST;
}

/* What ";q=" says behind a name; all of it when there is none. */
static unsigned quality(const char *p, const char *end) {
    while ((p = memchr(p, ';', (size_t)(end - p)))) {
        for (p++; p < end && (*p == ' ' || *p == '\t'); p++) continue;
        if (end - p >= 2 && (*p == 'q' || *p == 'Q') && p[1] == '=') return number(p + 2, end);
    }
    return MOST;
}

static unsigned *wish_for(struct hob__wishes *wishes, const char *name, size_t n) {
    for (unsigned i = 0; i < HOB__PACKINGS; i++)
        if (strlen(names[i]) == n && strncasecmp(name, names[i], n) == 0) return &wishes->packed[i];
    if (n == 6 && strncasecmp(name, "x-gzip", n) == 0) return &wishes->packed[HOB__PACK_GZIP];
    return n == 8 && strncasecmp(name, "identity", n) == 0 ? &wishes->plain : NULL;
}

struct hob__wishes hob__packings_wanted(const char *list) {
    enum { NOT_NAMED = MOST + 1 };
    struct hob__wishes wishes = {.plain = 0};
    unsigned others = 0; /* "*" */
    for (unsigned i = 0; i < HOB__PACKINGS; i++) wishes.packed[i] = NOT_NAMED;
    for (const char *p = list; p && *p;) {
        p += strspn(p, ", \t");
        const char *end = p + strcspn(p, ",");
        size_t n = strcspn(p, ",; \t");
        unsigned *wish = n == 1 && *p == '*' ? &others : wish_for(&wishes, p, n);
        if (wish) *wish = quality(p + n, end);
        p = end;
    }
    for (unsigned i = 0; i < HOB__PACKINGS; i++)
        if (wishes.packed[i] == NOT_NAMED) wishes.packed[i] = others;
    return wishes;
}

unsigned hob__next_wish(const struct hob__wishes *wishes, unsigned below) {
    unsigned best = 0;
    for (unsigned i = 0; i < HOB__PACKINGS; i++)
        if (wishes->packed[i] > best && wishes->packed[i] < below) best = wishes->packed[i];
    return best >= wishes->plain ? best : 0;
}

bool hob__packable(const char *type) {
    static const char *const kinds[] = {"text/",
                                        "application/json",
                                        "application/javascript",
                                        "application/xml",
                                        "application/wasm",
                                        "application/manifest+json",
                                        "application/ld+json",
                                        "application/geo+json",
                                        "application/rss+xml",
                                        "application/atom+xml",
                                        "application/xhtml+xml",
                                        "application/yaml",
                                        "application/sql",
                                        "application/toml",
                                        "image/svg+xml",
                                        "image/bmp",
                                        "font/ttf",
                                        "font/otf"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncasecmp(type, kinds[i], strlen(kinds[i])) == 0) return true;
    return false;
}

/* ---- packing; room: one byte less than there was, so that what grows fails ---- */

#if HAVE_ZLIB
static long pack_gzip(const void *data, size_t n, char *out, size_t room) {
    enum { GZIP = 15 + 16, LEVEL = 6, MEMORY = 8 };
    z_stream z = {.zalloc = hob__zlib_alloc, .zfree = hob__zlib_free};
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    long size = deflate(&z, Z_FINISH) == Z_STREAM_END ? (long)z.total_out : 0;
    deflateEnd(&z);
    return size;
}
#else
static long pack_gzip(const void *data, size_t n, char *out, size_t room) {
    (void)data, (void)n, (void)out, (void)room;
    return 0;
}
#endif

#if HAVE_BROTLI
static void *brotli_alloc(void *none, size_t n) {
    (void)none;
    return hob__alloc(n);
}

static long pack_br(const void *data, size_t n, char *out, size_t room) {
    enum { QUALITY = 5 };
    BrotliEncoderState *b = BrotliEncoderCreateInstance(brotli_alloc, hob__zlib_free, NULL);
    if (!b) return -ENOMEM;
    const uint8_t *in = data;
    uint8_t *at = (uint8_t *)out;
    size_t left = room;
    BrotliEncoderSetParameter(b, BROTLI_PARAM_QUALITY, QUALITY);
    BrotliEncoderSetParameter(b, BROTLI_PARAM_SIZE_HINT, (uint32_t)n);
    bool ok = BrotliEncoderCompressStream(b, BROTLI_OPERATION_FINISH, &n, &in, &left, &at, NULL) &&
              BrotliEncoderIsFinished(b);
    BrotliEncoderDestroyInstance(b);
    return ok ? (long)(room - left) : 0;
}
#else
static long pack_br(const void *data, size_t n, char *out, size_t room) {
    (void)data, (void)n, (void)out, (void)room;
    return 0;
}
#endif

#if HAVE_ZSTD
static long pack_zstd(const void *data, size_t n, char *out, size_t room) {
    enum { LEVEL = 6 };
    ZSTD_CCtx *z = ZSTD_createCCtx();
    if (!z) return -ENOMEM;
    size_t size = ZSTD_compressCCtx(z, out, room, data, n, LEVEL);
    ZSTD_freeCCtx(z);
    return ZSTD_isError(size) ? 0 : (long)size;
}
#else
static long pack_zstd(const void *data, size_t n, char *out, size_t room) {
    (void)data, (void)n, (void)out, (void)room;
    return 0;
}
#endif

bool hob__packing_built(enum hob__packing p) {
    static const bool built[HOB__PACKINGS] = {HAVE_BROTLI, HAVE_ZSTD, HAVE_ZLIB};
    return built[p];
}

long hob__pack(enum hob__packing p, const void *data, size_t n, char **out) {
    static long (*const packers[])(const void *, size_t, char *, size_t) = {pack_br, pack_zstd,
                                                                            pack_gzip};
    if (n < 2) return 0;
    char *packed = hob__alloc(n - 1);
    if (!packed) return -ENOMEM;
    long size = packers[p](data, n, packed, n - 1);
    if (size <= 0) {
        hob__free(packed);
        return size;
    }
    char *fit = hob__realloc(packed, (size_t)size);
    *out = fit ? fit : packed;
    return size;
}
