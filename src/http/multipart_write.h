/* http/multipart_write.h - a request's body out of parts (hob/multipart.h). */
#ifndef HOB_HTTP_MULTIPART_WRITE_H
#define HOB_HTTP_MULTIPART_WRITE_H

#include <hob/multipart.h>

struct hob__parts_out;
struct hob_generator;

/* The next 1 to n bytes of what a generator of slices gives, whose last one is taken piece by
 * piece: 0 at the end, or an error. Waits. */
ssize_t hob__slices_read(struct hob_generator *g, struct hob_slice *piece, void *buf, size_t n);

/* *size: of the whole body, or -1; *once: it cannot be read twice; *type: its Content-Type. Waits
 * (it asks for the sizes of files). To be closed whatever the result. */
int hob__parts_out_open(struct hob__parts_out **out, const struct hob_part *parts, int64_t *size,
                        bool *once, const char **type);
/* From the first byte on. */
void hob__parts_out_begin(struct hob__parts_out *o);
/* The next 1 to n bytes, 0 at the end, or an error. Waits. */
ssize_t hob__parts_out_read(struct hob__parts_out *o, void *buf, size_t n);
void hob__parts_out_close(struct hob__parts_out *o); /* NULL is allowed */
#endif
