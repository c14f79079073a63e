/* hob/line.h - a loop over lines, of a file (hob/file.h), a stream (hob/stream.h), and the answer
 * to an HTTP request (hob/http.h) alike.
 *
 *   HOB_EACH_LINE(line, file) puts(line.text);
 *   HOB_EACH_LINE(line, connection) HOB_TRY(hob_write(connection, line.text, line.n));
 *   HOB_EACH_LINE(line, hob_process_out(child)) puts(line.text);
 *
 * No generator stands behind it, and a line that has been read already costs no switch of tasks:
 * 30 to 40 ns, where a generator's would cost 115 and more. */
#ifndef HOB_LINE_H
#define HOB_LINE_H
#pragma GCC system_header

#include <hob/base.h>

struct hob_file;
struct hob_response;
struct hob_stream;

struct hob_line {
    char *text; /* ends with a NUL, which stands for the '\n'; the caller may write in it. Valid
                   until the next (reading) call on the file or stream */
    size_t n;   /* without the end; a line may hold NULs of its own */
};

/* HOB_EACH_LINE(line, source) { ... }: a loop over the lines that are left, each in a `struct
 * hob_line line`. source, a struct hob_file *, struct hob_stream * or struct hob_response *, is
 * evaluated once. Lines are as hob_file_line(), hob_read_line() and hob_response_line() give them:
 * a file's up to its line limit, the others' up to HOB_LINE_MAX and without a '\r' before the end
 * (for another limit call those in a loop). However the loop is left, what was not given is still
 * to be read. An error, a cancel too, leaves the enclosing function (of int, long or ssize_t), as
 * HOB_TRY does. Cancellation point. */
#define HOB_EACH_LINE(line, source)                                                                \
    for (struct hob__lines hob__lines = HOB__LINES_OF(source); hob__lines.next;                    \
         hob__lines.next = NULL)                                                                   \
        for (struct hob_line line; __extension__({                                                 \
                 int hob__rc = hob__lines.next(hob__lines.hob__of, &line);                         \
                 if (HOB__UNLIKELY(hob__rc < 0)) return hob__rc;                                   \
                 hob__rc;                                                                          \
             });)

/* ---- behind the macro. Private from here on. ---- */

struct hob__lines {
    int (*next)(void *source, struct hob_line *line);
    void *hob__of;
};

#ifdef __cplusplus
extern "C" {
#endif

HOB_API int hob__next_file_line(void *file, struct hob_line *line);
HOB_API int hob__next_stream_line(void *stream, struct hob_line *line);
HOB_API int hob__next_response_line(void *response, struct hob_line *line); /* of libhob-http */

#ifdef __cplusplus
}
static inline struct hob__lines hob__lines_of(struct hob_file *source) {
    return {hob__next_file_line, source};
}
static inline struct hob__lines hob__lines_of(struct hob_stream *source) {
    return {hob__next_stream_line, source};
}
static inline struct hob__lines hob__lines_of(struct hob_response *source) {
    return {hob__next_response_line, source};
}
#define HOB__LINES_OF(source) hob__lines_of(source)
#else
#define HOB__LINES_OF(from)                                                                        \
    {                                                                                              \
        _Generic((from), struct hob_file *                                                         \
                 : hob__next_file_line, struct hob_stream *                                        \
                 : hob__next_stream_line, struct hob_response *                                    \
                 : hob__next_response_line),                                                       \
            (from)                                                                                 \
    }
#endif

#endif
