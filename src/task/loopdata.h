/* task/loopdata.h - what a layer above keeps for each loop: buffers, a resolver. Each is a
 * structure of its own that begins with a struct hob__loop_data. */
#ifndef HOB_TASK_LOOPDATA_H
#define HOB_TASK_LOOPDATA_H

#include <hob/base.h>

enum hob__loop_key {
    HOB__LOOP_BUFFERS,
    HOB__LOOP_FILES,
    HOB__LOOP_RESOLVER,
    HOB__LOOP_PROCESSES,
    HOB__LOOP_PROCESS_POOL,
    HOB__LOOP_WEBSOCKETS,
    HOB__LOOP_HTTP2,
    HOB__LOOP_KEYS
};

struct hob__loop_data {
    /* Frees it: when the loop ends, after the last task, while the backend can still be used. Must
     * not wait. */
    void (*drop)(struct hob__loop_data *d);
};

/* The calling thread's loop's, or NULL: none has been set. Exported for the sister libraries. */
HOB_API struct hob__loop_data *hob__loop_data(enum hob__loop_key key);
/* Sets it, once; it belongs to the loop from then on. */
HOB_API void hob__loop_data_set(enum hob__loop_key key, struct hob__loop_data *d);

/* The grace of Ctrl-C of the calling thread's loop, if none was set. */
HOB_API void hob__grace_default(double seconds);
/* When the calling task, which has been asked to stop, is cancelled (ns); UINT64_MAX: never. */
HOB_API uint64_t hob__grace_end(void);

#endif
