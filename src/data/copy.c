/* data/copy.c - values copied from one document to another. The values of a tree lie one behind the
 * other and name each other by distances, so that a copy needs to look at the strings only. */
#include "data/copy.h"

#include <hob/error.h>
#include <hob/json_edit.h>
#include <string.h>

#include "base/memory.h"

struct hob_json_doc *hob__json_doc_new(void) {
    return hob__alloc_zero(sizeof(struct hob_json_doc));
}

int hob__json_doc_room(struct hob_json_doc *d, size_t nodes, size_t text) {
    d->node_count = 0;
    if (d->node_room < nodes) {
        hob__free(d->nodes);
        d->node_room = 0;
        if (!(d->nodes = hob__alloc(nodes * sizeof *d->nodes))) return -ENOMEM;
        d->node_room = nodes;
    }
    text += HOB__JSON_BEHIND;
    if (d->text_room < text) {
        hob__free(d->text);
        d->text_room = 0;
        if (!(d->text = hob__alloc(text))) return -ENOMEM;
        d->text_room = text;
    }
    return 0;
}

size_t hob__json_text_of(const struct hob_json *v, size_t n) {
    size_t bytes = 0;
    for (const struct hob_json *end = v + n; v < end; v++)
        if (hob_json_type(v) == HOB_JSON_STRING) bytes += hob__json_size(v) + 1;
    return bytes;
}

char *hob__json_copy_nodes(struct hob_json *to, const struct hob_json *v, size_t n, char *text) {
    memcpy(to, v, n * sizeof *v);
    for (struct hob_json *end = to + n; to < end; to++) {
        if (hob_json_type(to) != HOB_JSON_STRING) continue;
        size_t size = hob__json_size(to);
        if (size) memcpy(text, to->of.text, size);
        to->of.text = text;
        text += size;
        *text++ = 0;
    }
    return text;
}

int hob__json_doc_copy(struct hob_json_doc *d, const struct hob_json *v) {
    size_t n = hob__json_span_of(v);
    int rc = hob__json_doc_room(d, n, hob__json_text_of(v, n));
    if (rc < 0) return rc;
    hob__json_copy_nodes(d->nodes, v, n, d->text);
    d->node_count = n;
    return 0;
}

int hob_json_copy(const struct hob_json *v, struct hob_json_doc **out) {
    *out = NULL;
    if (!v) return hob_fail(HOB_E_JSON_TYPE, "nothing to copy");
    struct hob_json_doc *d = hob__json_doc_new();
    if (!d || hob__json_doc_copy(d, v) < 0) {
        hob_json_free(d);
        return hob_fail(-ENOMEM, "no memory for a copy of %zu values", hob__json_span_of(v));
    }
    *out = d;
    return 0;
}
