/* hob/json_edit.h - new documents from old ones (hob/json.h), which are only read: copies. In
 * libhob-data; nothing here waits. */
#ifndef HOB_JSON_EDIT_H
#define HOB_JSON_EDIT_H
#pragma GCC system_header

#include <hob/json.h>

#ifdef __cplusplus
extern "C" {
#endif

/* v and all that is in it as a document of its own, which the caller frees. 0, -ENOMEM, or
 * HOB_E_JSON_TYPE (v is NULL). */
HOB_API int hob_json_copy(const struct hob_json *v, struct hob_json_doc **doc);

#ifdef __cplusplus
}
#endif
#endif
