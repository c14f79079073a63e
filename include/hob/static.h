/* hob/static.h - a folder's files over HTTP: types, conditions, ranges, listings, compression.
 *
 *   struct hob_static *files;
 *   HOB_TRY(hob_static_open(&files, "/srv/www", .listings = true));
 *   ...
 *   static int handle(struct hob_request *req, void *files) {
 *       return hob_static_respond(files, req, NULL);
 *   }
 *
 * Nothing outside the folder can be reached, neither by ".." in whatever disguise nor by symbolic
 * links (hob_open_below()). */
#ifndef HOB_STATIC_H
#define HOB_STATIC_H
#pragma GCC system_header

#include <hob/http.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_static;

/* One more type: .types = HOB_TYPES({"md", "text/markdown"}). Lists end with {NULL, NULL}. */
struct hob_type {
    const char *extension; /* without its dot, in lower case */
    const char *type;
};
#define HOB_TYPES(...) ((const struct hob_type[]){__VA_ARGS__, {NULL, NULL}})

/* All zero is the default. Strings are copied, but for those in `types`. */
struct hob_static_options {
    const char *index;            /* what stands for a folder; default "index.html"; "" = nothing */
    bool listings;                /* a folder without it: its names, as a page (at most 10,000);
                                     else 403 */
    bool hidden;                  /* also names that begin with a dot; else 404, but for
                                     /.well-known (RFC 8615) */
    const char *cache_control;    /* the header of every file; default none */
    bool no_precompressed;        /* "a.css.br", "a.css.zst", "a.css.gz" beside "a.css" are not sent
                                     to those who accept them; else they are, unless they are older */
    bool compress;                /* without such a file it is compressed, by a thread, and kept in
                                     memory */
    size_t compress_max;          /* bytes of a file that is compressed; default 1 MiB */
    size_t compress_memory;       /* bytes that are kept; default 32 MiB */
    const struct hob_type *types; /* beside, and before, the usual ones */
};

/* hob_static_open(&files, folder, .listings = true): 0, -ENOMEM, or why the folder cannot be
 * opened. In a task. Close it with hob_static_close(), in the same loop. Waits; cancellation point.
 */
#define hob_static_open(out, folder, ...)                                                          \
    hob__static_open((out), (folder), HOB__OPTIONS(hob_static_options, __VA_ARGS__))
HOB_API int hob__static_open(struct hob_static **out, const char *folder,
                             struct hob_static_options options);
/* No request may be in a call on it. NULL is allowed. Does not wait. */
HOB_API void hob_static_close(struct hob_static *files);

/* Answers the request with a file. path: what it is called below the folder, percent-encoded,
 * "/css/a.css"; NULL: the request's own path. GET and HEAD; OPTIONS says so, anything else is 405.
 *
 * RFC 9110: ETag (strong: of the time it was changed, the size, the coding) and Last-Modified;
 * If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range (304, 412); Range: one
 * part, or up to 16 as multipart/byteranges (206, 416). Accept-Encoding: the packing that the
 * client likes best (q), of equal ones a file that is there, then br, zstd, gzip. A folder without
 * its last slash is 301. 400 (a malformed path), 403, 404. What other people may not read is 403.
 * 0, or an error of hob_respond(). Waits; cancellation point. */
HOB_API int hob_static_respond(struct hob_static *files, struct hob_request *req, const char *path);

/* The media type for a name, by its extension: "text/css"; "application/octet-stream" if it is not
 * known. */
HOB_API const char *hob_type_of(const char *name);

#ifdef __cplusplus
}
#endif
#endif
