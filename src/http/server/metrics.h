/* http/server/metrics.h - what a server counts: each counter has one writer, the server's loop;
 * readers may be other threads and processes (metrics.c). */
#ifndef HOB_HTTP_METRICS_PRIVATE_H
#define HOB_HTTP_METRICS_PRIVATE_H

#include <hob/http_metrics.h>

/* To be read anywhere, at any time: so no counter is half written. As there is one writer, it is
 * still a plain load, an addition and a store. */
static inline void hob__count(uint64_t *at, uint64_t n) {
    __atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* A part for a server of the calling thread, which it has to leave: its number, and where it
 * counts; or an error with its record. */
int hob__metrics_join(struct hob_http_metrics *m, struct hob_http_counters **out);
void hob__metrics_leave(struct hob_http_metrics *m, int slot);

/* The handler is about to be called. */
void hob__measure_begin(struct hob_request *req);
/* It is over, or becomes a WebSocket. */
void hob__measure_end(struct hob_request *req);
/* It has this status in the end. */
void hob__measure_status(struct hob_request *req);
#endif
