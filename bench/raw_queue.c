/* raw_queue.c - the limit of queue_50: a ring of 50 items, filled and drained by one loop. */
#include "bench.h"

enum { ROOM = 50, ITEMS = 1000000 };

struct ring {
    uint64_t items[ROOM];
    size_t head, count;
};

static inline void put(struct ring *r, uint64_t item) {
    size_t at = r->head + r->count;
    r->items[at >= ROOM ? at - ROOM : at] = item;
    r->count++;
}

static inline uint64_t get(struct ring *r) {
    uint64_t item = r->items[r->head];
    r->head = r->head + 1 == ROOM ? 0 : r->head + 1;
    r->count--;
    return item;
}

static void pass(struct ring *r) {
    for (uint64_t next = 0, expected = 0; expected < ITEMS;) {
        while (r->count < ROOM && next < ITEMS) {
            put(r, next++);
            BENCH_KEEP(r);
        }
        while (r->count > 0) {
            if (get(r) != expected++) BENCH_FAIL("an item is wrong");
            BENCH_KEEP(r);
        }
    }
}

int main(void) {
    static struct ring ring;
    double ns;
    BENCH_MEASURE(ns, ITEMS, pass(&ring));
    bench_result("queue_50", ns, "ns");
    return 0;
}
