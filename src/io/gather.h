/* io/gather.h - what a task writes to a stream goes out together, but is not held back while the
 * task waits for something else.
 *
 * The stream is corked, and a further task, the flusher, is spawned behind the caller: it runs as
 * soon as the caller waits, or has ended, and sends what is gathered then, as far as the kernel
 * takes it. hob__gather_end() sends all of it; most often before the flusher has run, which then
 * has nothing to do. Exported for the sister libraries. */
#ifndef HOB_IO_GATHER_H
#define HOB_IO_GATHER_H

#include <hob/task.h>

struct hob_stream;

/* All zero at first; in memory that lives until the stream is closed, or hob__gather_end(). */
struct hob__gather {
    struct hob_stream *stream;
    struct hob_task *flusher; /* that has not run yet, or NULL */
};

/* From here on, or on if it was: what is written is gathered. s: where to spawn. Without memory,
 * nothing is gathered. */
HOB_API void hob__gather_begin(struct hob__gather *g, struct hob_stream *stream,
                               struct hob_scope *s);
/* Sends what is gathered, within so many ns of the clock (0: no deadline): 0 or an error. Waits. */
HOB_API int hob__gather_end(struct hob__gather *g, uint64_t deadline);
/* The flusher will touch nothing any more. */
HOB_API void hob__gather_drop(struct hob__gather *g);
static inline bool hob__gathers(const struct hob__gather *g) { return g->stream != NULL; }
#endif
