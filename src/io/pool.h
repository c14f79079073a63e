/* io/pool.h - the buffers that the streams of a loop share: a stream has one only while it holds
 * bytes that nobody has read, or that wait to be sent. At most HOB__POOL_KEPT of them are kept for
 * reuse (256 KiB), the rest goes back to the heap; the same for the pipes that splice() needs. */
#ifndef HOB_IO_POOL_H
#define HOB_IO_POOL_H

#include "loop/backend.h"

enum { HOB__CHUNK = 16384, HOB__POOL_KEPT = 16 };

/* HOB__CHUNK bytes; NULL without memory. */
char *hob__chunk_take(void);
void hob__chunk_give(char *chunk);

/* An empty pipe, non-blocking: 0, or -EMFILE ... */
int hob__pipe_take(struct hob__backend *b, int end[2]);
/* It must be empty; else it is dropped. */
void hob__pipe_give(struct hob__backend *b, const int end[2]);
void hob__pipe_drop(struct hob__backend *b, const int end[2]);

#endif
