/* data/copy.h - documents that are made of other documents' values. */
#ifndef HOB_DATA_COPY_H
#define HOB_DATA_COPY_H

#include "data/tree.h"

/* A document without values. NULL without memory. */
struct hob_json_doc *hob__json_doc_new(void);
/* Room for so many values and bytes of text in it, whose old ones are gone; and HOB__JSON_BEHIND
 * more. 0 or -ENOMEM. */
int hob__json_doc_room(struct hob_json_doc *d, size_t nodes, size_t text);

/* How many values v is, with itself. */
static inline size_t hob__json_span_of(const struct hob_json *v) {
    return (v->head & 0x7F) >= HOB_JSON_ARRAY ? v->of.span : 1;
}
/* How many bytes the strings in n values take, with their NULs. */
size_t hob__json_text_of(const struct hob_json *v, size_t n);
/* Copies n values to `to`, and their strings to text: behind the last one. */
char *hob__json_copy_nodes(struct hob_json *to, const struct hob_json *v, size_t n, char *text);
/* Makes the document one of v alone. 0 or -ENOMEM. */
int hob__json_doc_copy(struct hob_json_doc *d, const struct hob_json *v);

#endif
