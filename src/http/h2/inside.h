/* http/h2/inside.h - between the files of HTTP/2: what knows nghttp2. */
#ifndef HOB_HTTP_H2_INSIDE_H
#define HOB_HTTP_H2_INSIDE_H

#include <nghttp2/nghttp2.h>

#include "http/h2/h2.h"

/* ---- memory.c ---- */
/* Makes the loop's store of blocks, if there is none. False without memory. */
bool hob__h2_memory(void);
/* n bytes out of it, or of the heap; NULL without memory. */
void *hob__h2_alloc(size_t n);
void hob__h2_release(void *p); /* NULL is allowed */
/* The same for nghttp2, of this loop. */
nghttp2_mem hob__h2_mem(void);

/* ---- h2.c ---- */
/* Fetches what nghttp2 has to say now, to where the writer will find it, unless that is on its way.
 * Does not wait, and need not succeed: the writer fetches the rest. */
void hob__h2_gather(struct hob__h2 *h2);
/* What the ping says by which this side leaves: the answer to an earlier one says nothing of that.
 */
extern const uint8_t hob__h2_leaving[8];
/* Is what nghttp2 is told next, a head, packed by the next hob__h2_gather()? Then that has to
 * follow before anybody waits. */
bool hob__h2_prompt(struct hob__h2 *h2);

/* ---- events.c ---- */
/* nghttp2's callbacks and options, made once. False without memory. */
bool hob__h2_setup(bool server, nghttp2_session_callbacks **callbacks, nghttp2_option **options);
/* The record of nghttp2's stream, or NULL: it has none, or none any more. Most often it is the one
 * of the call before, and nghttp2 need not look for it. */
struct hob__h2_stream *hob__h2_find_stream(struct hob__h2 *h2, int32_t id);
static inline struct hob__h2_stream *hob__h2_stream_of(struct hob__h2 *h2, int32_t id) {
    struct hob__h2_stream *st = h2->last;
    return HOB__LIKELY(st && st->id == id) ? st : hob__h2_find_stream(h2, id);
}
/* No more comes: for that reason, unless there was one before, or it was complete. Wakes. */
void hob__h2_stream_end(struct hob__h2_stream *st, int error, const char *why);

/* What comes in now is no part of a head. */
static inline void hob__h2_head_is_over(struct hob__h2 *h2) {
    h2->in_head = false;
    h2->head_since = 0;
}
/* A frame that brings nothing, or a message that is none. False: it has been too many. */
bool hob__h2_spend(struct hob__h2 *h2);

/* ---- request.c: what comes to a server ---- */
/* A field of a head, or of trailers; known: its bytes were found to be right before. What nghttp2's
 * callback returns. */
int hob__h2_take_field(struct hob__h2 *h2, struct hob__h2_stream *st, nghttp2_rcbuf *name,
                       nghttp2_rcbuf *value, bool known);
/* A head, or trailers, are complete. What nghttp2's callback returns. */
int hob__h2_take_head(struct hob__h2 *h2, struct hob__h2_stream *st, const nghttp2_frame *frame);
/* n bytes of a body have come; and a frame of it that may be the last. The same. */
int hob__h2_count_data(struct hob__h2 *h2, struct hob__h2_stream *st, size_t n);
int hob__h2_take_data(struct hob__h2 *h2, struct hob__h2_stream *st, const nghttp2_frame *frame);

/* ---- same.c: heads that are those before them ---- */
/* nghttp2's callback for a field. */
int hob__h2_on_field(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *arg);
/* A head begins. */
void hob__h2_same_begin(struct hob__h2 *h2, struct hob__h2_stream *st);
/* It is complete: 1, and the stream has it; or 0: it is as hob__h2_take_field() has made it; or an
 * error, as nghttp2's callback for a frame returns it. */
int hob__h2_same_end(struct hob__h2 *h2, struct hob__h2_stream *st);
/* It was found to be right: so is the next that is the same. */
void hob__h2_same_learn(struct hob__h2 *h2, const struct hob__h2_stream *st);
/* Gives back what is held. */
void hob__h2_same_drop(struct hob__h2 *h2);

/* ---- stream.c ---- */
struct hob__h2_stream *hob__h2_stream_new(struct hob__h2 *h2);
void hob__h2_stream_free(struct hob__h2_stream *st);
/* nghttp2's callback that sends a frame of DATA. */
int hob__h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
                      nghttp2_data_source *source, void *arg);
/* A server's: the head of the answer, whose names are in lower case, and n bytes of its body; more:
 * there will be more of them. Names, values and body need be there until it returns; the list's
 * flags are changed. Waits as hob__h2_write() does, and is a cancellation point, if n is not 0. */
int hob__h2_answer(struct hob__h2_stream *st, nghttp2_nv *list, size_t count, const void *body,
                   size_t n, bool more, const struct hob__h2_times *times);

/* ---- head.c ---- */
/* A head of h1_write.c as a list for nghttp2, into its bytes, which are changed: names in lower
 * case, without what belongs to the connection. scheme: a request's; NULL: of an answer. *list has
 * to be freed. How many, or -ENOMEM. */
int hob__h2_list(char *head, size_t n, const char *scheme, nghttp2_nv **list);
/* Marks fields that intermediaries must not put into their tables. */
nghttp2_nv hob__h2_pair(const char *name, size_t name_size, const char *value, size_t value_size);
/* Has a field, whose name is in lower case, no place in HTTP/2? */
bool hob__h2_dropped(const char *name, size_t n, const char *value, size_t size);
#endif
