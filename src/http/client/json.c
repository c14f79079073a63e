/* http/client/json.c - answers that are JSON. */
#include <hob/error.h>
#include <hob/http_json.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/client/client.h"

/* Says of which answer that is true; the record before says what is wrong with it. */
static int explain(const struct hob_response *res, int rc) {
    const struct hob_error *why = hob_error();
    const char *said = why && why->code == rc ? why->message : hob_strerror(rc);
    const char *type = hob_response_header(res, "content-type"), *url = hob_response_url(res);
    int status = hob_response_status(res);
    if (rc == HOB_E_JSON)
        return hob_fail_from(rc, "%s: the answer (status %d, %.80s) is not JSON: %s", url, status,
                             type ? type : "no Content-Type", said);
    if (rc < 0) return hob_fail_from(rc, "%s: the answer (status %d): %s", url, status, said);
    return rc;
}

int hob__response_json(struct hob_response *res, const struct hob_model *model, void *out,
                       struct hob_arena *memory, struct hob_decode_options options) {
    const char *text;
    size_t n;
    HOB_TRY(hob_response_body(res, &text, &n));
    return explain(res, hob_model_decode_with(model, out, text, n, memory, options));
}

int hob__response_json_array(struct hob_response *res, const struct hob_model *model, void *out,
                             size_t *count, struct hob_arena *memory,
                             struct hob_decode_options options) {
    const char *text;
    size_t n;
    HOB_TRY(hob_response_body(res, &text, &n));
    return explain(res, hob_model_decode_array_with(model, out, count, text, n, memory, options));
}

int hob_response_json_doc(struct hob_response *res, struct hob_json_doc **doc) {
    const char *text;
    size_t n;
    *doc = NULL;
    HOB_TRY(hob_response_body(res, &text, &n));
    return explain(res, hob_json_parse(text, n, doc));
}

/* The caller's headers, and Accept unless it is among them. NULL without memory. */
static struct hob_header *with_accept(const struct hob_header *own) {
    size_t n = 0;
    bool has = false;
    for (; own && own[n].name; n++) has = has || strcasecmp(own[n].name, "accept") == 0;
    struct hob_header *all = hob__alloc((n + 2) * sizeof *all);
    if (!all) return NULL;
    if (n) memcpy(all, own, n * sizeof *all);
    if (!has) all[n++] = (struct hob_header){"Accept", "application/json"};
    all[n] = (struct hob_header){NULL, NULL};
    return all;
}

int hob__get_json(struct hob_client *client, const char *url, const struct hob_model *model,
                  void *out, struct hob_arena *memory, struct hob_fetch_options options) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    struct hob_header *headers = with_accept(options.headers);
    if (!headers) return hob_fail(-ENOMEM, "no memory for the headers of a request");
    options.headers = headers;
    options.fail_on_status = true;
    int rc = hob__client_request(client, "GET", url, &res, options);
    hob__free(headers);
    if (rc == 0) rc = hob__response_json(res, model, out, memory, (struct hob_decode_options){0});
    return rc < 0 ? rc : hob_response_status(res);
}
