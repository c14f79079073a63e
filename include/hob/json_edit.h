/* hob/json_edit.h - new documents from old ones, which are only read: copies, JSON Patch (RFC
 * 6902), JSON Merge Patch (RFC 7386), what differs between two; and whether values are the same. In
 * libhob-data; nothing here waits.
 *
 *   struct hob_json_doc *patch, *after;
 *   HOB_TRY(hob_json_parse(body, n, &patch));
 *   int rc = hob_json_patch(hob_json_root(before), hob_json_root(patch), &after);
 *   hob_json_free(patch);
 *
 * A result is a document of its own, which the caller frees; whatever fails, there is none, and
 * nothing has changed. */
#ifndef HOB_JSON_EDIT_H
#define HOB_JSON_EDIT_H
#pragma GCC system_header

#include <hob/json.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_JSON_PATCH = -5082, /* not a patch, or one that does not fit the document */
    HOB_E_JSON_TEST = -5083   /* a test in the patch says no */
};

/* v and all that is in it as a document of its own. 0, -ENOMEM, or HOB_E_JSON_TYPE (v is NULL). */
HOB_API int hob_json_copy(const struct hob_json *v, struct hob_json_doc **doc);

/* Are they the same? Numbers are compared by value (1, 1.0 and 10e-1 are the same), objects without
 * regard to the order of their members. NULL is the same as NULL alone. 1, 0 or -ENOMEM. */
HOB_API int hob_json_equal(const struct hob_json *a, const struct hob_json *b);

/* ---- JSON Pointers (RFC 6901; hob_json_pointer() in hob/json.h follows them) ---- */

/* A name as a pointer's reference token: '~' becomes "~0", '/' becomes "~1". As snprintf(): at most
 * room bytes with the NUL; the length that it has, or would have had. */
HOB_API size_t hob_json_pointer_escape(const char *name, size_t n, char *out, size_t room);
/* The name that a reference token stands for; out may be token itself. Its length; -EINVAL when
 * the token has a '~' without a 0 or 1, or a '/'; -ENAMETOOLONG when it does not fit, NUL and all.
 */
HOB_API ssize_t hob_json_pointer_unescape(const char *token, size_t n, char *out, size_t room);

/* ---- patches ---- */

struct hob_json_patch_options {
    size_t limit; /* bytes of memory for the result, and for making it: a small patch can copy what
                     it has copied, and make much of little. Default: 16 MiB, and eight times what
                     the document and the patch take */
};

/* hob_json_patch(v, patch, &doc), hob_json_patch(v, patch, &doc, .limit = n): what v is after all
 * operations of the patch, an array as RFC 6902 describes it: add, remove, replace, move, copy,
 * test. 0; HOB_E_JSON_TEST; HOB_E_JSON_PATCH, which operation and why in the words; HOB_E_LIMIT
 * (the limit; deeper than 1024); -ENOMEM. Members of an operation that the RFC does not know are
 * ignored; of those that it knows, none may be there twice. The whole document can be replaced, not
 * removed. Where v has a name twice, the member that hob_json_get() finds is meant; removing it
 * removes both. */
#define hob_json_patch(v, patch, doc, ...)                                                         \
    hob_json_patch_with((v), (patch), HOB__OPTIONS(hob_json_patch_options, __VA_ARGS__), (doc))
HOB_API int hob_json_patch_with(const struct hob_json *v, const struct hob_json *patch,
                                struct hob_json_patch_options options, struct hob_json_doc **doc);

/* hob_json_merge(v, patch, &doc): what v is after the merge patch (RFC 7386): its members replace
 * v's, nulls remove them, objects go into objects. 0, HOB_E_LIMIT, -ENOMEM, or HOB_E_JSON_TYPE (one
 * is NULL). */
#define hob_json_merge(v, patch, doc, ...)                                                         \
    hob_json_merge_with((v), (patch), HOB__OPTIONS(hob_json_patch_options, __VA_ARGS__), (doc))
HOB_API int hob_json_merge_with(const struct hob_json *v, const struct hob_json *patch,
                                struct hob_json_patch_options options, struct hob_json_doc **doc);

/* A JSON Patch that makes `to` of `from`: members are compared by name, items by position, but for
 * those that are the same at the beginning and the end of both arrays; it is right, and not always
 * the shortest. 0, HOB_E_JSON_TYPE (one is NULL), HOB_E_LIMIT (a value at the depth limit, which
 * would be deeper in a patch), -ENOMEM. */
HOB_API int hob_json_diff(const struct hob_json *from, const struct hob_json *to,
                          struct hob_json_doc **doc);
/* A merge patch that does it. HOB_E_JSON_PATCH when there is none: `to` has a null in an object,
 * which a merge patch cannot put there. */
HOB_API int hob_json_diff_merge(const struct hob_json *from, const struct hob_json *to,
                                struct hob_json_doc **doc);

#ifdef __cplusplus
}
#endif
#endif
