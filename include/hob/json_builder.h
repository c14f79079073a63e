/* hob/json_builder.h - JSON written value by value, without a tree: into memory, or piece by piece
 * into a function of the caller's (a sink). In libhob-data; without I/O and without tasks.
 * hob/json_stream.h writes to streams and files of Hob.
 *
 *   HOB_JSON_BUILDER(b);
 *   struct hob_slice text;
 *   HOB_TRY(hob_json_builder_new(&b));
 *   hob_json_begin_object(b);
 *   hob_json_name(b, "id");
 *   hob_json_put_int(b, 7);
 *   hob_json_name(b, "tags");
 *   hob_json_begin_array(b);
 *   hob_json_put_string(b, "new");
 *   hob_json_end_array(b);
 *   hob_json_end_object(b);
 *   HOB_TRY(hob_json_finish(b, &text));               {"id":7,"tags":["new"]}
 *
 * An error stays: every later call returns it again, and hob_json_finish() does, with the words of
 * the first. So the calls between need not be looked at one by one. What would not be JSON is one:
 * HOB_E_JSON_ORDER (a value where a name must be, a container that is ended as another, or not at
 * all ...), HOB_E_JSON (a string that is not UTF-8), HOB_E_JSON_RANGE (a double that is infinite or
 * no number). Only that names are not there twice is the caller's business. */
#ifndef HOB_JSON_BUILDER_H
#define HOB_JSON_BUILDER_H
#pragma GCC system_header

#include <hob/json.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_JSON_ORDER = -5081 /* a value, a name or an end where another must be */
};

enum { HOB_JSON_TEXT_LIMIT = 256 << 20 }; /* bytes of text in memory */

struct hob_json_builder;

/* All zero is the default. */
struct hob_json_builder_options {
    unsigned indent; /* spaces for each level; 0 = compact */
    bool ascii;      /* everything else as \u escapes */
    bool lines;      /* NDJSON: any number of values, each ended by '\n'; not with `indent` */
    bool nan_null;   /* doubles that are infinite or no number become null */
    size_t limit; /* HOB_JSON_TEXT_LIMIT; with a sink, of what one put_value() or put_raw() adds */
    /* NULL, or takes the text, all n bytes of it, some 16 KiB at a time: >= 0, or an error, which
       becomes the builder's. May wait. */
    ssize_t (*sink)(void *arg, const void *bytes, size_t n);
    void *sink_arg;
};

/* hob_json_builder_new(&b), hob_json_builder_new(&b, .indent = 2): 0; -ENOMEM; -EINVAL (lines that
 * are indented). */
#define hob_json_builder_new(out, ...)                                                             \
    hob_json_builder_new_with(HOB__OPTIONS(hob_json_builder_options, __VA_ARGS__), (out))
HOB_API int hob_json_builder_new_with(struct hob_json_builder_options options,
                                      struct hob_json_builder **out);
/* NULL is allowed. What has not gone to the sink is gone. */
HOB_API void hob_json_builder_free(struct hob_json_builder *b);
/* HOB_JSON_BUILDER(b); declares `struct hob_json_builder *b = NULL`, freed when the block is left.
 */
#define HOB_JSON_BUILDER(b)                                                                        \
    struct hob_json_builder *b __attribute__((cleanup(hob__json_builder_leave))) = NULL
/* Forgets the text and the error, for the next one; the memory stays. */
HOB_API void hob_json_builder_reset(struct hob_json_builder *b);

/* ---- each of these: 0, or the first error that there was: HOB_E_JSON_ORDER; HOB_E_LIMIT (the
 * limit; deeper than 1024); -ENOMEM; the sink's. They wait when the sink does. ---- */

HOB_API int hob_json_begin_object(struct hob_json_builder *b);
HOB_API int hob_json_end_object(struct hob_json_builder *b);
HOB_API int hob_json_begin_array(struct hob_json_builder *b);
HOB_API int hob_json_end_array(struct hob_json_builder *b);
/* The name of the member whose value comes next: UTF-8, else HOB_E_JSON. */
HOB_API int hob_json_name(struct hob_json_builder *b, const char *name);
HOB_API int hob_json_name_n(struct hob_json_builder *b, const char *name, size_t n);

HOB_API int hob_json_put_null(struct hob_json_builder *b);
HOB_API int hob_json_put_bool(struct hob_json_builder *b, bool value);
HOB_API int hob_json_put_int(struct hob_json_builder *b, int64_t i);
HOB_API int hob_json_put_uint(struct hob_json_builder *b, uint64_t u);
/* The shortest text that reads as the same double, with a point or an exponent. */
HOB_API int hob_json_put_double(struct hob_json_builder *b, double d);
HOB_API int hob_json_put_string(struct hob_json_builder *b, const char *text);
HOB_API int hob_json_put_string_n(struct hob_json_builder *b, const char *text, size_t n);
/* A tree, laid out like the rest; NULL: HOB_E_JSON_TYPE. */
HOB_API int hob_json_put_value(struct hob_json_builder *b, const struct hob_json *v);
/* A text that is one JSON value already, as it is; checked, else HOB_E_JSON with what is wrong. */
HOB_API int hob_json_put_raw(struct hob_json_builder *b, const char *text, size_t n);

/* Gives the sink what there is by now (a line that is to be seen at once). */
HOB_API int hob_json_builder_flush(struct hob_json_builder *b);
/* The text ends. Without a sink *text (may be NULL with one) is all of it, ended by a NUL that it
 * does not count; it is the builder's, until hob_json_builder_reset() or _free(). HOB_E_JSON_ORDER
 * when a container is open, or (but for lines) no value was put. */
HOB_API int hob_json_finish(struct hob_json_builder *b, struct hob_slice *text);

static inline void hob__json_builder_leave(struct hob_json_builder **b) {
    hob_json_builder_free(*b);
}

#ifdef __cplusplus
}
#endif
#endif
