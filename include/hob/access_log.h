/* hob/access_log.h - the access log of HTTP servers: one line for each request, gathered in memory
 * and written by a task of its own, so that neither a slow disk nor a full pipe ever holds a
 * request.
 *
 *   HOB_SCOPE(s);
 *   struct hob_access_log *log;
 *   HOB_TRY(hob_access_log_open(s, &log, .path = "access.log", .format = HOB_LOG_COMBINED));
 *   return hob_http_serve(listener, handler, NULL, (struct hob_http_options){.access_log = log});
 */
#ifndef HOB_ACCESS_LOG_H
#define HOB_ACCESS_LOG_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_access_log;

enum hob_log_format {
    /* 127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 13 */
    HOB_LOG_COMMON,
    /* the same, then "referer" "user agent" */
    HOB_LOG_COMBINED,
    /* {"time":"2026-01-31T12:00:00Z","client":"127.0.0.1","method":"GET","target":"/a",
       "host":"a","status":200,"bytes":13,"seconds":0.000042,"referer":"","user_agent":""} */
    HOB_LOG_JSON
};

/* All zero is the default. */
struct hob_access_log_options {
    const char
        *path; /* appended to, and made if it is not there; default, and "-": standard output */
    enum hob_log_format format;
    size_t buffer; /* bytes that may wait to be written; default 1 MiB. Lines that find no room are
                      dropped, counted, and noted (HOB_REPORT_NOTE), once a minute at most */
    double interval; /* seconds that a line may wait for others; default 0.1 */
};

/* Opens it, and spawns the task that writes in s (a daemon). When s ends, after its tasks, what is
 * left is written, within 2 seconds, and the log is gone. A log belongs to one loop; several
 * servers of it may share it, and several loops and processes may append to one file, a line never
 * mixes with another. What is no text in a request is written as \xNN (in JSON as \u00NN). 0,
 * -ENOMEM, or what opening the file gives. Waits; cancellation point. */
#define hob_access_log_open(s, out, ...)                                                           \
    hob__access_log_open((s), (out), HOB__OPTIONS(hob_access_log_options, __VA_ARGS__))
HOB_API int hob__access_log_open(struct hob_scope *s, struct hob_access_log **out,
                                 struct hob_access_log_options options);

/* Opens the path anew, after it has been moved away (logrotate): lines go there from then on. 0, or
 * an error: then they go where they went. Nothing to do for standard output. Waits; cancellation
 * point. */
HOB_API int hob_access_log_reopen(struct hob_access_log *log);

/* How many lines have been dropped: for want of room, or because writing failed. */
HOB_API uint64_t hob_access_log_dropped(const struct hob_access_log *log);

#ifdef __cplusplus
}
#endif
#endif
