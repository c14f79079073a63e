/* hob/json_stream.h - JSON from streams and files of Hob, and to them: the reader
 * (hob/json_reader.h) and the builder (hob/json_builder.h), which wait by themselves. Needs libhob
 * and libhob-data.
 *
 *   HOB_FILE(f);
 *   HOB_TRY(hob_open("events.ndjson", "r", &f));
 *   HOB_JSON_READER(r);
 *   HOB_TRY(hob_json_reader_open(f, &r, .lines = true));
 *   HOB_EACH_JSON(event, r)
 *       puts(hob_json_string(hob_json_get(event, "type"), "?"));
 *
 * Every reading call on such a reader is a cancellation point, and waits when it has to read on; it
 * gives HOB_JSON_MORE never. Cancelled, or after an error of the stream, it has lost nothing: the
 * same call goes on. It reads ahead, up to its buffer's size: what comes behind the text is in the
 * reader then (hob_json_reader_rest()), and what is left of the stream behind that. A stream must
 * not be read elsewhere meanwhile, and must outlive the reader; it is not closed by it. */
#ifndef HOB_JSON_STREAM_H
#define HOB_JSON_STREAM_H
#pragma GCC system_header

#include <hob/file.h>
#include <hob/json_builder.h>
#include <hob/json_reader.h>
#include <hob/stream.h>
#include <hob/task.h>

/* hob_json_reader_open(source, &r), hob_json_reader_open(source, &r, .lines = true): a new reader
 * of a struct hob_stream * or a struct hob_file *, from where that stands. The options are those of
 * hob_json_reader_new() (but for fill and point). Does not wait. 0, -ENOMEM, -EINVAL. */
#define hob_json_reader_open(source, out, ...)                                                     \
    hob__json_reader_open(HOB__JSON_END(source),                                                   \
                          HOB__OPTIONS(hob_json_reader_options, __VA_ARGS__), (out))

/* hob_json_builder_open(sink, &b), hob_json_builder_open(sink, &b, .indent = 2): a new builder that
 * writes to a struct hob_stream * or a struct hob_file *, some 16 KiB at a time, and the rest at
 * hob_json_builder_flush() and hob_json_finish(). The options are those of hob_json_builder_new()
 * (but for sink). A call that writes waits as hob_write() does, and is a cancellation point; one
 * that was cancelled while it wrote has ended the text: nobody knows how much of it went out. Does
 * not wait itself. 0, -ENOMEM, -EINVAL. */
#define hob_json_builder_open(sink, out, ...)                                                      \
    hob__json_builder_open(HOB__JSON_END(sink),                                                    \
                           HOB__OPTIONS(hob_json_builder_options, __VA_ARGS__), (out))

/* ---- behind the macros. Private from here on. ---- */

struct hob__json_end {
    ssize_t (*fill)(void *of, void *buf, size_t n);
    ssize_t (*sink)(void *of, const void *bytes, size_t n);
    void *hob__of;
};

static inline ssize_t hob__json_from_stream(void *of, void *buf, size_t n) {
    return hob_read((struct hob_stream *)of, buf, n);
}
static inline ssize_t hob__json_from_file(void *of, void *buf, size_t n) {
    return hob_file_read((struct hob_file *)of, buf, n);
}
static inline ssize_t hob__json_to_stream(void *of, const void *bytes, size_t n) {
    return hob_write((struct hob_stream *)of, bytes, n);
}
static inline ssize_t hob__json_to_file(void *of, const void *bytes, size_t n) {
    return hob_file_write((struct hob_file *)of, bytes, n);
}

static inline int hob__json_reader_open(struct hob__json_end end,
                                        struct hob_json_reader_options options,
                                        struct hob_json_reader **out) {
    options.fill = end.fill;
    options.fill_arg = end.hob__of;
    options.point = hob_check;
    return hob_json_reader_new_with(options, out);
}
static inline int hob__json_builder_open(struct hob__json_end end,
                                         struct hob_json_builder_options options,
                                         struct hob_json_builder **out) {
    options.sink = end.sink;
    options.sink_arg = end.hob__of;
    return hob_json_builder_new_with(options, out);
}

static inline struct hob__json_end hob__json_file_end(struct hob_file *f) {
    struct hob__json_end end = {hob__json_from_file, hob__json_to_file, f};
    return end;
}
static inline struct hob__json_end hob__json_stream_end(struct hob_stream *s) {
    struct hob__json_end end = {hob__json_from_stream, hob__json_to_stream, s};
    return end;
}
#ifdef __cplusplus
static inline struct hob__json_end hob__json_end_of(struct hob_file *f) {
    return hob__json_file_end(f);
}
static inline struct hob__json_end hob__json_end_of(struct hob_stream *s) {
    return hob__json_stream_end(s);
}
#define HOB__JSON_END(of) hob__json_end_of(of)
#else
#define HOB__JSON_END(of)                                                                          \
    _Generic((of), struct hob_file *                                                               \
             : hob__json_file_end, struct hob_stream *                                             \
             : hob__json_stream_end)(of)
#endif

#endif
