/* hob/multipart.h - bodies of several parts: multipart/form-data (RFC 7578), which is how forms
 * send files, and any other multipart (RFC 2046) for reading.
 *
 *   rc = hob_client_request(client, "POST", url, &res,
 *                           .multipart = HOB_PARTS({.name = "title", .value = "Holidays"},
 *                                                  {.name = "photo", .path = "beach.jpg"}));
 *
 *   static int upload(struct hob_request *req, void *arg) {
 *       HOB_MULTIPART(parts);
 *       struct hob_multipart_part part;
 *       int rc;
 *       HOB_TRY(hob_request_multipart(req, &parts));
 *       while ((rc = hob_multipart_next(parts, &part)) > 0)
 *           if (part.filename) HOB_TRY(hob_multipart_save(parts, "upload.bin", 10 << 20));
 *       HOB_TRY(rc);
 *       return hob_respond_text(req, 200, "text/plain", "thanks\n");
 *   }
 *
 * Files are read while they are sent, and written while they come: neither side holds one whole. */
#ifndef HOB_MULTIPART_H
#define HOB_MULTIPART_H
#pragma GCC system_header

#include <hob/http.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_MULTIPART = -5141,      /* not multipart, or malformed */
    HOB_E_MULTIPART_PARTS = -5142 /* more parts than the limit */
};

/* ---- writing ---- */

/* One part of a request's body. Of value, path, data, read and generator one is its content; none:
 * it is empty. Lists of them end with a name of NULL. Nothing is copied. */
struct hob_part {
    const char *name;     /* of the field */
    const char *value;    /* a text */
    const char *path;     /* a file, read while it is sent */
    const void *data;     /* `size` bytes */
    size_t size;          /* of read and generator: what they will give; 0 = not known, then the
                             whole body goes in chunks */
    const char *filename; /* what the server is told of it; default: of a path its last part, else
                             none */
    const char *type;     /* its Content-Type; default: application/octet-stream with a file's name,
                             else none is sent */
    ssize_t (*read)(void *arg, void *buf, size_t n); /* as read_body in hob_fetch_options */
    void *arg;
    struct hob_generator *generator; /* of struct hob_slice: HOB_PART_OF(g) */
};

/* .multipart = HOB_PARTS({.name = "name", .value = "value"}, {.name = "file", .path = "a.txt"});
 * valid until the end of the block. C only: in C++ make an array. Names are escaped as browsers do
 * it: a line's end and a quotation mark are %0D, %0A, %22. The Content-Length is sent when all
 * sizes are known, which a file's is; a file that has become shorter is HOB_E_HTTP_SIZE, of one
 * that grows the end is not sent. */
#define HOB_PARTS(...) ((const struct hob_part[]){__VA_ARGS__, {0}})
#define HOB_PART_OF(g) .generator = hob__body_of(&(g)->base, (__typeof__((g)->type))NULL)

/* ---- reading ---- */

struct hob_multipart;

struct hob_multipart_options {
    size_t max_parts; /* default 1000; HOB_E_MULTIPART_PARTS */
    size_t max_head;  /* bytes of a part's headers; default 8 KiB; HOB_E_HTTP_HEADERS_TOO_LARGE */
};

/* What is known of a part. The strings belong to the reader, until the next part. */
struct hob_multipart_part {
    const char *name;     /* "" when it has none (in other kinds than form-data) */
    const char *filename; /* as the sender says it, a path too: never to be used as one here; NULL
                             when it is no file */
    const char *type;     /* its Content-Type; default "text/plain" */
};

/* The parts of a request's body, which must be multipart/form-data (else HOB_E_MULTIPART). What
 * goes wrong, here and in the reading, the handler may simply return: the answer will be the right
 * one. hob_request_multipart(req, &parts, .max_parts = 10). Does not wait. 0, HOB_E_MULTIPART,
 * -ENOMEM. The reader must be closed before the handler returns. */
#define hob_request_multipart(req, out, ...)                                                       \
    hob__request_multipart((req), (out), HOB__OPTIONS(hob_multipart_options, __VA_ARGS__))
/* The same for an answer, of any kind of multipart (multipart/byteranges ...). */
#define hob_response_multipart(res, out, ...)                                                      \
    hob__response_multipart((res), (out), HOB__OPTIONS(hob_multipart_options, __VA_ARGS__))
/* The same from anywhere: content_type has the boundary, `read` gives the bytes as read_body in
 * hob_fetch_options does. */
#define hob_multipart_open(content_type, read, arg, out, ...)                                      \
    hob__multipart_open((content_type), (read), (arg), (out),                                      \
                        HOB__OPTIONS(hob_multipart_options, __VA_ARGS__))
/* NULL is allowed. Does not wait; what was not read of the body stays unread. */
HOB_API void hob_multipart_close(struct hob_multipart *m);
/* HOB_MULTIPART(m); declares `struct hob_multipart *m = NULL`, closed when the block is left. */
#define HOB_MULTIPART(m)                                                                           \
    struct hob_multipart *m __attribute__((cleanup(hob__multipart_leave))) = NULL
static inline void hob__multipart_leave(struct hob_multipart **m) { hob_multipart_close(*m); }

/* The next part; what is left of the one before is passed over. 1; 0 behind the last; or
 * HOB_E_MULTIPART, HOB_E_MULTIPART_PARTS, HOB_E_HTTP_HEADERS_TOO_LARGE, HOB_E_HTTP_CUT (the body
 * ends before its last boundary), the errors of reading the body. After an error each further call
 * returns it again. Waits; cancellation point; cancelled, nothing is lost. */
HOB_API int hob_multipart_next(struct hob_multipart *m, struct hob_multipart_part *part);
/* A header of the part; NULL when there is none. */
HOB_API const char *hob_multipart_header(const struct hob_multipart *m, const char *name);
/* Up to n bytes of the part's content, at least 1; 0 = its end. Waits; cancellation point. */
HOB_API ssize_t hob_multipart_read(struct hob_multipart *m, void *buf, size_t n);
/* What is left of it, at once, with a NUL behind it; it belongs to the reader, until the next part.
 * HOB_E_LIMIT when that is more than max bytes. Waits; cancellation point. */
HOB_API int hob_multipart_value(struct hob_multipart *m, size_t max, struct hob_slice *value);
/* What is left of it into a file, which replaces what was there, as hob_open_replacing() does: how
 * many bytes. HOB_E_LIMIT when that is more than max bytes, or another error: there is then nothing
 * of it. Waits; cancellation point. */
HOB_API int64_t hob_multipart_save(struct hob_multipart *m, const char *path, int64_t max);

/* ---- behind the macros ---- */
HOB_API int hob__request_multipart(struct hob_request *req, struct hob_multipart **out,
                                   struct hob_multipart_options options);
HOB_API int hob__response_multipart(struct hob_response *res, struct hob_multipart **out,
                                    struct hob_multipart_options options);
HOB_API int hob__multipart_open(const char *content_type,
                                ssize_t (*read)(void *arg, void *buf, size_t n), void *arg,
                                struct hob_multipart **out, struct hob_multipart_options options);

#ifdef __cplusplus
}
#endif
#endif
