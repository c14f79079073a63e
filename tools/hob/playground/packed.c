/* playground/packed.c - answers that are compressed, whatever the client says that it accepts. */
#include <stdlib.h>
#include <string.h>

#if HAVE_ZLIB
#include <zlib.h>
#endif
#if HAVE_BROTLI
#include <brotli/encode.h>
#endif
#if HAVE_ZSTD
#include <zstd.h>
#endif

#include "playground/routes.h"
#include "tool.h"

/* Packs n bytes into out[0..*size): false when that does not work. */
typedef bool pack_fn(const char *text, size_t n, void *out, size_t *size);

__attribute__((unused)) static bool cannot(const char *text, size_t n, void *out, size_t *size) {
    (void)text, (void)n, (void)out, (void)size;
    return false;
}

#if HAVE_ZLIB
static bool pack_by_zlib(const char *text, size_t n, void *out, size_t *size, int bits) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
                  .avail_in = (uInt)n,
                  .next_out = out,
                  .avail_out = (uInt)*size};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    bool done = deflate(&z, Z_FINISH) == Z_STREAM_END;
    *size = z.total_out;
    deflateEnd(&z);
    return done;
}
static bool by_gzip(const char *text, size_t n, void *out, size_t *size) {
    return pack_by_zlib(text, n, out, size, 15 + 16);
}
static bool by_deflate(const char *text, size_t n, void *out, size_t *size) {
    return pack_by_zlib(text, n, out, size, 15);
}
#else
static pack_fn *const by_gzip = cannot, *const by_deflate = cannot;
#endif

#if HAVE_BROTLI
static bool by_brotli(const char *text, size_t n, void *out, size_t *size) {
    return BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, n,
                                 (const uint8_t *)text, size, out);
}
#else
static pack_fn *const by_brotli = cannot;
#endif

#if HAVE_ZSTD
static bool by_zstd(const char *text, size_t n, void *out, size_t *size) {
    *size = ZSTD_compress(out, *size, text, n, 3);
    return !ZSTD_isError(*size);
}
#else
static pack_fn *const by_zstd = cannot;
#endif

static int packed(const struct ask *a, const char *word, const char *coding, pack_fn *pack) {
    struct page p;
    HOB_TRY(page_open(&p));
    fprintf(p.out, "{\n  \"%s\": true,\n  \"method\": \"%s\",\n  ", word,
            hob_request_method(a->req));
    int rc = print_headers(p.out, a->req);
    fputs(",\n  ", p.out);
    print_origin(p.out, a->req);
    fputs("\n}\n", p.out);
    HOB_TRY(page_close(&p));
    size_t size = p.size + p.size / 8 + 1024;
    void *out = rc < 0 ? NULL : malloc(size);
    if (rc >= 0 && !out) rc = -ENOMEM;
    if (rc >= 0 && pack(p.text, p.size, out, &size))
        rc = hob_respond(
            a->req, 200,
            HOB_HEADERS({"content-type", "application/json"}, {"content-encoding", coding}), out,
            size);
    else if (rc >= 0)
        rc = answer_error(a->req, 501, "built without the library of that coding");
    free(out);
    free(p.text);
    return rc;
}

int answer_gzip(const struct ask *a) { return packed(a, "gzipped", "gzip", by_gzip); }
int answer_deflate(const struct ask *a) { return packed(a, "deflated", "deflate", by_deflate); }
int answer_brotli(const struct ask *a) { return packed(a, "brotli", "br", by_brotli); }
int answer_zstd(const struct ask *a) { return packed(a, "zstd", "zstd", by_zstd); }
