/* http/h2_inside.h - between the files of HTTP/2: what knows nghttp2. */
#ifndef HOB_HTTP_H2_INSIDE_H
#define HOB_HTTP_H2_INSIDE_H

#include <nghttp2/nghttp2.h>

#include "http/h2.h"

/* ---- h2_memory.c ---- */
/* Makes the loop's store of blocks, if there is none. False without memory. */
bool hob__h2_memory(void);
/* n bytes out of it, or of the heap; NULL without memory. */
void *hob__h2_alloc(size_t n);
void hob__h2_release(void *p); /* NULL is allowed */
/* The same for nghttp2. */
extern const nghttp2_mem hob__h2_mem;

/* ---- h2_events.c ---- */
/* nghttp2's callbacks and options, made once. False without memory. */
bool hob__h2_setup(nghttp2_session_callbacks **callbacks, nghttp2_option **options);
/* The record of nghttp2's stream, or NULL: it has none, or none any more. */
struct hob__h2_stream *hob__h2_stream_of(struct hob__h2 *h2, int32_t id);
/* No more comes: for that reason, unless there was one before, or it was complete. Wakes. */
void hob__h2_stream_end(struct hob__h2_stream *st, int error, const char *why);

/* ---- h2_stream.c ---- */
struct hob__h2_stream *hob__h2_stream_new(struct hob__h2 *h2);
void hob__h2_stream_free(struct hob__h2_stream *st);

/* ---- h2_head.c ---- */
/* A head of h1_write.c as a list for nghttp2, into its bytes, which are changed: names in lower
 * case, without what belongs to the connection. scheme: a request's; NULL: of an answer. *list has
 * to be freed. How many, or -ENOMEM. */
int hob__h2_list(char *head, size_t n, const char *scheme, nghttp2_nv **list);
/* The same of an answer's head, whose fields are all marked, without memory of its own: list has
 * room for one more than them. How many. */
size_t hob__h2_list_marked(char *head, const struct hob__h2_marks *marks, nghttp2_nv *list);
#endif
