/* hob/json_reader.h - JSON (RFC 8259) that comes in pieces, or does not fit into memory: a reader
 * that is asked for one event after the other, or for one record after the other. In libhob-data;
 * without I/O and without tasks: it is fed, or calls a function that fetches more.
 * hob/json_stream.h is the same over streams and files of Hob, and waits by itself.
 *
 *   struct hob_json_reader *r;
 *   HOB_TRY(hob_json_reader_new(&r));
 *   for (;;) {
 *       struct hob_json v;
 *       int e = hob_json_read(r, &v);
 *       if (e == HOB_JSON_MORE) {                           the bytes that were fed are used up
 *           size_t n = fread(piece, 1, sizeof piece, stdin);
 *           HOB_TRY(n ? hob_json_feed(r, piece, n) : hob_json_end(r));
 *       } else if (e == HOB_JSON_NAME) {
 *           printf("%s: ", v.of.text);
 *       } else if (e <= HOB_JSON_END) {
 *           break;                                          the end of the text, or an error
 *       }
 *   }
 *   hob_json_reader_free(r);
 *
 * It accepts what hob_json_parse() accepts, and says in the same words what is wrong, however the
 * text was cut into pieces. It holds a buffer of 64 KiB, which grows for what has to be there as a
 * whole (a string, a name, a number; a value that is read as a tree; a line) up to twice the limit;
 * a tree takes memory of its own. Names that are there twice are seen in trees only. */
#ifndef HOB_JSON_READER_H
#define HOB_JSON_READER_H
#pragma GCC system_header

#include <hob/json.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_JSON_INCOMPLETE = -5080 /* nothing is wrong with the text but that it ends too early */
};

enum { HOB_JSON_LIMIT = 16 << 20 }; /* bytes that have to be there as a whole */

struct hob_json_reader;

enum hob_json_event {
    HOB_JSON_END,  /* the text has ended, and is right */
    HOB_JSON_MORE, /* what was fed is used up; feed more, or say that it ends, and call again */
    HOB_JSON_BEGIN_OBJECT,
    HOB_JSON_END_OBJECT,
    HOB_JSON_BEGIN_ARRAY,
    HOB_JSON_END_ARRAY,
    HOB_JSON_NAME, /* of a member: a string; its value comes next */
    HOB_JSON_VALUE /* a string, a number, true, false or null: hob_json_type() tells */
};

/* Where something stands; lines and columns (of characters) from 1, bytes from 0. */
struct hob_json_place {
    uint64_t line, column, byte;
};

/* All zero is the default. */
struct hob_json_reader_options {
    size_t limit;                        /* HOB_JSON_LIMIT; at most 1 GiB */
    unsigned depth;                      /* of containers in each other; default and maximum 1024 */
    enum hob_json_duplicates duplicates; /* of trees, as for hob_json_parse() */
    bool borrow;                         /* of trees, as there: strings are not ended by a NUL */
    bool big_double;                     /* integers beyond 64 bits become doubles */
    bool many;  /* values may follow each other, white space between them where they would run
                   together; no value at all is right, too */
    bool lines; /* NDJSON: one value a line; for hob_json_read_item() */
    /* With `lines`, NULL, or told of each bad line, which is skipped then: the code and the words
       that would have been the error. */
    void (*bad)(void *arg, int code, const char *words);
    void *bad_arg;
    /* NULL (then the reader is fed), or gives up to n bytes: how many, 0 at the end, or an error,
       which becomes the reading call's; that may be repeated, nothing is lost. May wait. */
    ssize_t (*fill)(void *arg, void *buf, size_t n);
    void *fill_arg;
    /* NULL, or asked at the beginning of each reading call, whose error it becomes (hob_check). */
    int (*point)(void);
};

/* hob_json_reader_new(&r), hob_json_reader_new(&r, .many = true): 0; -ENOMEM; -EINVAL (a depth or
 * limit beyond the maximum). */
#define hob_json_reader_new(out, ...)                                                              \
    hob_json_reader_new_with(HOB__OPTIONS(hob_json_reader_options, __VA_ARGS__), (out))
HOB_API int hob_json_reader_new_with(struct hob_json_reader_options options,
                                     struct hob_json_reader **out);
/* NULL is allowed. What it has read ahead is gone (hob_json_reader_rest()). */
HOB_API void hob_json_reader_free(struct hob_json_reader *r);
/* HOB_JSON_READER(r); declares `struct hob_json_reader *r = NULL`, freed when the block is left. */
#define HOB_JSON_READER(r)                                                                         \
    struct hob_json_reader *r __attribute__((cleanup(hob__json_reader_leave))) = NULL
/* Forgets the text and what was wrong with it, for the next one; the options and the memory stay.
 */
HOB_API void hob_json_reader_reset(struct hob_json_reader *r);

/* ---- feeding, when there is no `fill` ---- */

/* The text goes on with these n bytes, which must stay as they are until HOB_JSON_MORE or an error
 * of the text has come. 0, or -EINVAL when the ones before are not used up, or after the end. */
HOB_API int hob_json_feed(struct hob_json_reader *r, const void *bytes, size_t n);
/* The text ends here. 0, or -EINVAL when what was fed is not used up. */
HOB_API int hob_json_end(struct hob_json_reader *r);

/* ---- reading. Each of these calls may give HOB_JSON_MORE; the same call again goes on. An error
 * of the text (HOB_E_JSON; HOB_E_JSON_INCOMPLETE; HOB_E_JSON_RANGE; HOB_E_LIMIT, which limit is in
 * the words; of trees HOB_E_JSON_DUPLICATE) is said with line, column and what was expected, and
 * comes again from every call after it, bad lines excepted. After -ENOMEM, and errors of `fill` and
 * `point`, the same call may be made again. What a call gives (strings, trees) is good until the
 * next call on the reader. ---- */

/* The next event; *v is the name or the value, or tells of a container no more than its type.
 * Strings are ended by a NUL, and may hold NULs. enum hob_json_event, or an error. */
HOB_API int hob_json_read(struct hob_json_reader *r, struct hob_json *v);
/* Passes over the rest of what the last event began: behind a name its value, behind the beginning
 * of a container all of it with its end; else nothing. What is passed over must be right, too. 0,
 * HOB_JSON_MORE, or an error. */
HOB_API int hob_json_skip(struct hob_json_reader *r);
/* The same, but as a tree: behind a name its value, behind the beginning of a container the whole
 * container, after HOB_JSON_VALUE that value, at the beginning the whole text's value.
 * HOB_JSON_VALUE, HOB_JSON_MORE, or an error; -EINVAL when the last event was a container's end.
 * What is wrong in a container may be said only when its end has come, or the limit. */
HOB_API int hob_json_read_tree(struct hob_json_reader *r, const struct hob_json **v);
/* The next record as a tree: the next item of the array that the reader is in; the next line
 * (.lines), the next value (.many); at the beginning of any other text, which must be an array
 * (else HOB_E_JSON_TYPE), its first item. HOB_JSON_VALUE; HOB_JSON_END when there is none: the
 * array has ended, and if the reader was at its beginning when first called, the text as well;
 * HOB_JSON_MORE; or an error. Lines: a bad one is an error, unless .bad is told; the next call goes
 * on with the line behind it. White space around a value, and lines of nothing else, are allowed,
 * so "\r\n" as well as "\n"; the last line needs no end. */
HOB_API int hob_json_read_item(struct hob_json_reader *r, const struct hob_json **v);

/* HOB_EACH_JSON(v, r) { ... }: a loop over the records that are left, each a `const struct hob_json
 * *v`, as hob_json_read_item() gives them; it ends with the last one, or (without `fill`) when more
 * has to be fed. An error leaves the enclosing function (of int, long or ssize_t), as HOB_TRY does:
 * HOB_JSON_READER(r) frees the reader then. */
#define HOB_EACH_JSON(v, reader)                                                                   \
    for (struct hob_json_reader * HOB__UNIQUE(reader) = (reader); HOB__UNIQUE(reader);             \
         HOB__UNIQUE(reader) = NULL)                                                               \
        for (const struct hob_json *v = NULL; __extension__({                                      \
                 int hob__rc = hob_json_read_item(HOB__UNIQUE(reader), &v);                        \
                 if (HOB__UNLIKELY(hob__rc < 0)) return hob__rc;                                   \
                 hob__rc == HOB_JSON_VALUE;                                                        \
             });)

/* ---- about it ---- */

/* Where what was read last begins: the event, the record, the error. */
HOB_API struct hob_json_place hob_json_reader_place(struct hob_json_reader *r);
/* How many containers are open. */
HOB_API unsigned hob_json_reader_depth(const struct hob_json_reader *r);
/* What has been read ahead, and not been used: behind the text's end, somebody else's bytes. Good
 * until the next call on the reader. */
HOB_API struct hob_slice hob_json_reader_rest(const struct hob_json_reader *r);

static inline void hob__json_reader_leave(struct hob_json_reader **r) { hob_json_reader_free(*r); }

#ifdef __cplusplus
}
#endif
#endif
