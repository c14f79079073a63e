/* hob/download.h - answers into files: whole or not at all, or in several runs that go on where the
 * one before broke off.
 *
 *   HOB_TRY(hob_download(client, "/big.iso", "big.iso", .resume = true, .retries = 5));
 *
 *   struct hob_response *res HOB_RESPONSE_GUARD = NULL;
 *   HOB_TRY(hob_client_request(client, "GET", url, &res));
 *   HOB_TRY(hob_response_save(res, "page.html"));
 *
 * All of the calls wait, and are cancellation points. */
#ifndef HOB_DOWNLOAD_H
#define HOB_DOWNLOAD_H
#pragma GCC system_header

#include <hob/http.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HOB_E_HTTP_RANGE = -5144 /* an answer with another part than the one that was asked for */ };

/* Called at the beginning and whenever something has come: how many bytes there are now, how many
 * there will be (-1: not known). A negative result ends the download with it. May wait. */
typedef int hob_progress(void *arg, int64_t done, int64_t total);

struct hob_save_options {
    hob_progress *progress;
    void *arg;
    int64_t max; /* bytes at most, HOB_E_LIMIT; default 0 = any number */
};

/* hob_response_save(res, path), hob_response_save(res, path, .progress = show, .arg = bar): what is
 * left of the body into a file, which takes the path's place when it is complete
 * (hob_open_replacing()): how many bytes. After an error, a cancel too, what was there is as it
 * was. Whatever the status is. 256 KiB of memory. */
#define hob_response_save(res, path, ...)                                                          \
    hob__response_save((res), (path), HOB__OPTIONS(hob_save_options, __VA_ARGS__))

struct hob_download_options {
    struct hob_fetch_options request; /* headers, query, timeouts ... of the GET; no body */
    hob_progress *progress;
    void *arg;
    int64_t max;        /* as above */
    unsigned retries;   /* how often it is taken up again when the connection fails or breaks;
                           default 0. Only tries in a row without a byte between them count */
    double retry_delay; /* seconds before the first of those, twice as much before each further
                           one, up to 30; default 1 */
    bool resume;      /* what came stays in PATH.part, also after an error, a cancel, or the end of
                         the program, and the next call goes on from there; PATH.part.info says of
                         what it is a part. Not for two downloads to one path at once */
    int64_t *resumed; /* NULL, or where the number of bytes goes that an earlier call had got */
};

/* hob_download(client, url, path, .resume = true): GET into a file: its size. It takes the path's
 * place when it is complete. A part is only gone on with (Range, If-Range) when the server's strong
 * ETag or Last-Modified (RFC 9110, 8.8) says that it is of the same thing; when that has changed,
 * or the server knows no ranges, it begins anew. HOB_E_HTTP_STATUS for an answer that is not the
 * thing
 * (.fail_on_status or not), HOB_E_HTTP_RANGE, the errors of hob_client_request(),
 * hob_response_read() and of the files. */
#define hob_download(client, url, path, ...)                                                       \
    hob__download((client), (url), (path), HOB__OPTIONS(hob_download_options, __VA_ARGS__))

/* ---- behind the macros ---- */
HOB_API int64_t hob__response_save(struct hob_response *res, const char *path,
                                   struct hob_save_options options);
HOB_API int64_t hob__download(struct hob_client *client, const char *url, const char *path,
                              struct hob_download_options options);

#ifdef __cplusplus
}
#endif
#endif
