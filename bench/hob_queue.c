/* hob_queue.c - queue_50: ns for each item that one task puts into a bounded queue of 50 and
 * another gets out of it. */
#include "bench.h"
#include <hob/hob.h>

enum { ROOM = 50, ITEMS = 1000000 };

static int producer(struct hob_queue *q) {
    for (uint64_t i = 0; i < ITEMS; i++) HOB_TRY(hob_queue_put(q, &i));
    return 0;
}
HOB_TASK(producer, struct hob_queue *)

static int consumer(struct hob_queue *q) {
    uint64_t item;
    for (uint64_t expected = 0; expected < ITEMS; expected++) {
        HOB_TRY(hob_queue_get(q, &item));
        if (item != expected) return hob_fail(-EINVAL, "an item is wrong");
    }
    return 0;
}
HOB_TASK(consumer, struct hob_queue *)

static int pass(void) {
    HOB_QUEUE(q, uint64_t, ROOM);
    HOB_SCOPE(s);
    hob_spawn(s, producer, q);
    hob_spawn(s, consumer, q);
    return hob_join(s);
}

static int app(void) {
    double ns;
    BENCH_MEASURE(ns, ITEMS, HOB_TRY(pass()));
    bench_result("queue_50", ns, "ns");
    return 0;
}
HOB_TASK(app)

int main(void) {
    int rc = hob_run(app);
    if (rc < 0) BENCH_FAIL("queue_50: %s", hob_strerror(rc));
    return 0;
}
