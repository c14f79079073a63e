/* hob/http_json.h - JSON over HTTP: structs as bodies, answers as structs (hob/model.h) or trees
 * (hob/json.h).
 *
 *   HOB_ARENA(memory);
 *   struct user ada = {...}, made;
 *   struct hob_response *res HOB_RESPONSE_GUARD = NULL;
 *   HOB_TRY(hob_client_request(client, "POST", "/users", &res, HOB_JSON_OF(user, &ada)));
 *   HOB_TRY(hob_response_json(res, user, &made, &memory));
 *
 *   HOB_TRY(hob_get_json(client, "/users/7", user, &made, &memory));
 *
 * All of the calls wait, and are cancellation points. What the structs point to lives in the arena.
 */
#ifndef HOB_HTTP_JSON_H
#define HOB_HTTP_JSON_H
#pragma GCC system_header

#include <hob/http.h>
#include <hob/json.h>
#include <hob/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A request's body: the JSON of a struct. HOB_E_MODEL when it cannot be written. */
#define HOB_JSON_OF(model, value)                                                                  \
    .json_model = &model##_model, .json_value = HOB__IS_CONST_A(model, value)

/* hob_response_json(res, model, &value, &memory), hob_response_json(res, model, &value, &memory,
 * .problems = &wrong): what is left of the body (hob_response_body()), decoded into the struct,
 * whatever the status is. 0; the errors of reading the body; HOB_E_JSON (no JSON: the record says
 * the status and the Content-Type, too) and the others of hob_model_decode(), HOB_E_MODEL with the
 * path of the first thing that is wrong. */
#define hob_response_json(res, model, out, memory, ...)                                            \
    hob__response_json((res), &model##_model, HOB__IS_A(model, out), (memory),                     \
                       HOB__OPTIONS(hob_decode_options, __VA_ARGS__))
/* The same for an array of them: struct user *users; size_t count; ..., &users, &count, &memory. */
#define hob_response_json_array(res, model, out, count, memory, ...)                               \
    hob__response_json_array((res), &model##_model, HOB__IS_ARRAY_OF(model, out), (count),         \
                             (memory), HOB__OPTIONS(hob_decode_options, __VA_ARGS__))
/* The same as a tree, which the caller frees (hob_json_free()). */
HOB_API int hob_response_json_doc(struct hob_response *res, struct hob_json_doc **doc);

/* hob_get_json(client, url, model, &value, &memory, .query = ...): GET, with Accept:
 * application/json, and its answer as above: its status (200 ... 399), or an error;
 * HOB_E_HTTP_STATUS for 400 and more. */
#define hob_get_json(client, url, model, out, memory, ...)                                         \
    hob__get_json((client), (url), &model##_model, HOB__IS_A(model, out), (memory),                \
                  HOB__OPTIONS(hob_fetch_options, __VA_ARGS__))

/* ---- behind the macros ---- */
HOB_API int hob__response_json(struct hob_response *res, const struct hob_model *model, void *out,
                               struct hob_arena *memory, struct hob_decode_options options);
HOB_API int hob__response_json_array(struct hob_response *res, const struct hob_model *model,
                                     void *out, size_t *count, struct hob_arena *memory,
                                     struct hob_decode_options options);
HOB_API int hob__get_json(struct hob_client *client, const char *url, const struct hob_model *model,
                          void *out, struct hob_arena *memory, struct hob_fetch_options options);

#ifdef __cplusplus
}
#endif
#endif
