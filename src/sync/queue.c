/* sync/queue.c - a bounded queue of items of one size: a ring for FIFO, a stack for LIFO, a binary
 * heap for HOB_PRIORITY, all in the user's storage.
 *
 * Items are handed over, not announced. An item that is put while a getter waits is copied straight
 * into that getter's variable; a get that makes room moves the first waiting putter's item in. So
 * getters wait only while the queue is empty, putters only while it is full, newcomers never pass
 * them, and a task that was woken has nothing left to do and so nothing to lose to a cancel. The
 * waiter's data is the getter's variable or the putter's item. */
#include <hob/sync.h>
#include <hob/task.h>
#include <string.h>

#include "task/task.h"
#include "task/wait.h"

/* ---- the storage ---- */

static inline char *slot(const struct hob_queue *q, size_t i) {
    return q->items + i * q->item_size;
}

/* Pointers and pairs of words are most items: with a known size the copy is a move or two. */
static inline void copy(void *to, const void *from, size_t n) {
    if (HOB__LIKELY(n == 8))
        memcpy(to, from, 8);
    else if (n == 16)
        memcpy(to, from, 16);
    else if (n == 4)
        memcpy(to, from, 4);
    else
        memcpy(to, from, n);
}

static void heap_insert(struct hob_queue *q, const void *item) {
    size_t hole = q->count;
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (q->compare(item, slot(q, parent)) >= 0) break;
        copy(slot(q, hole), slot(q, parent), q->item_size);
        hole = parent;
    }
    copy(slot(q, hole), item, q->item_size);
}

/* Fills the hole at the top: better children move up until the last item, which lies behind the
 * heap that remains, fits in. */
static void heap_close_top(struct hob_queue *q) {
    size_t n = q->count - 1, hole = 0;
    for (size_t child = 1; child < n; child = 2 * hole + 1) {
        if (child + 1 < n && q->compare(slot(q, child + 1), slot(q, child)) < 0) child++;
        if (q->compare(slot(q, n), slot(q, child)) <= 0) break;
        copy(slot(q, hole), slot(q, child), q->item_size);
        hole = child;
    }
    if (hole != n) copy(slot(q, hole), slot(q, n), q->item_size);
}

/* There is room. */
static inline void insert(struct hob_queue *q, const void *item) {
    if (HOB__LIKELY(q->order == HOB_FIFO)) {
        size_t i = q->head + q->count;
        if (i >= q->capacity) i -= q->capacity;
        copy(slot(q, i), item, q->item_size);
    } else if (q->order == HOB_LIFO) {
        copy(slot(q, q->count), item, q->item_size);
    } else {
        heap_insert(q, item);
    }
    q->count++;
}

/* Where the next item lies; there is one. */
static inline char *next_item(const struct hob_queue *q) {
    return slot(q, q->order == HOB_LIFO ? q->count - 1 : q->head);
}

/* Takes the next item out of the count. */
static inline void remove_next(struct hob_queue *q) {
    if (HOB__LIKELY(q->order == HOB_FIFO)) {
        if (++q->head == q->capacity) q->head = 0;
    } else if (q->order == HOB_PRIORITY) {
        heap_close_top(q);
    }
    q->count--;
}

/* ---- handing over ---- */

/* Not closed, and nobody waits to put before this one: there is room or a getter waits. */
static inline void accept_item(struct hob_queue *q, const void *item) {
    struct hob_waiter *w = q->getters.first;
    q->unfinished++;
    if (!w) {
        insert(q, item);
        return;
    }
    hob__check_same_loop(&q->getters, "hob_queue_put");
    copy(w->data, item, q->item_size);
    hob__wake(w, 0);
}

static inline bool has_room(const struct hob_queue *q) { return q->count < q->capacity; }

static inline void take_item(struct hob_queue *q, void *item) {
    copy(item, next_item(q), q->item_size);
    remove_next(q);
    struct hob_waiter *w = q->putters.first;
    if (HOB__LIKELY(!w)) return;
    hob__check_same_loop(&q->putters, "hob_queue_get");
    insert(q, w->data);
    q->unfinished++;
    hob__wake(w, 0);
}

static void dealt_with(struct hob_queue *q, size_t n) {
    q->unfinished -= n;
    if (q->unfinished == 0) hob__wake_all(&q->joiners, 0);
}

/* ---- the calls ---- */

void hob_queue_init(struct hob_queue *q, void *items, size_t item_size, size_t capacity,
                    enum hob_queue_order order, int (*compare)(const void *a, const void *b)) {
    if (!items || item_size == 0 || capacity == 0)
        hob__misuse(__func__, "a queue needs storage for at least one item");
    if (order == HOB_PRIORITY && !compare)
        hob__misuse(__func__, "a priority queue needs a compare function");
    *q = (struct hob_queue){.items = (char *)items,
                            .item_size = item_size,
                            .capacity = capacity,
                            .order = order,
                            .compare = compare};
}

/* Most calls find no cancel, an open queue with room (an item), nobody who waits, and words in
 * order of arrival. Those are dealt with here: a call without a frame of its own, and none inside.
 */
static inline bool nothing_wants_attention(void) {
    struct hob_loop *loop = hob__loop;
    struct hob_task *t = HOB__LIKELY(loop != NULL) ? hob__loop_task(loop) : NULL;
    return HOB__LIKELY(t != NULL) && HOB__LIKELY(t->region->attention == 0);
}

static inline bool holds_words(const struct hob_queue *q) {
    return q->item_size == sizeof(uint64_t) && q->order == HOB_FIFO;
}

static __attribute__((noinline)) int put(struct hob_queue *q, const void *item) {
    int rc = hob__point("hob_queue_put");
    if (rc < 0) return rc;
    if (HOB__UNLIKELY(q->closed)) return HOB_E_CLOSED;
    if (HOB__LIKELY(has_room(q))) {
        accept_item(q, item);
        return 0;
    }
    hob__check_same_loop(&q->putters, "hob_queue_put");
    struct hob_waiter w = {.data = (void *)item};
    return hob__wait_on(&q->putters, &w, "queue put", q, HOB__WAIT_PLAIN);
}

int hob_queue_put(struct hob_queue *q, const void *item) {
    size_t count = q->count, capacity = q->capacity;
    if (HOB__UNLIKELY(!nothing_wants_attention() || count >= capacity || q->closed ||
                      q->getters.first || !holds_words(q)))
        return put(q, item);
    size_t i = q->head + count;
    if (i >= capacity) i -= capacity;
    memcpy(q->items + i * sizeof(uint64_t), item, sizeof(uint64_t));
    q->count = count + 1;
    q->unfinished++;
    return 0;
}

static __attribute__((noinline)) int get(struct hob_queue *q, void *item) {
    int rc = hob__point("hob_queue_get");
    if (rc < 0) return rc;
    if (HOB__LIKELY(q->count > 0)) {
        take_item(q, item);
        return 0;
    }
    if (q->closed) return HOB_E_CLOSED;
    hob__check_same_loop(&q->getters, "hob_queue_get");
    struct hob_waiter w = {.data = item};
    return hob__wait_on(&q->getters, &w, "queue get", q, HOB__WAIT_PLAIN);
}

int hob_queue_get(struct hob_queue *q, void *item) {
    size_t count = q->count, head = q->head;
    if (HOB__UNLIKELY(!nothing_wants_attention() || count == 0 || q->putters.first ||
                      !holds_words(q)))
        return get(q, item);
    memcpy(item, q->items + head * sizeof(uint64_t), sizeof(uint64_t));
    q->head = head + 1 < q->capacity ? head + 1 : 0;
    q->count = count - 1;
    return 0;
}

int hob_queue_try_put(struct hob_queue *q, const void *item) {
    if (q->closed) return HOB_E_CLOSED;
    if (!has_room(q)) return HOB_E_FULL;
    accept_item(q, item);
    return 0;
}

int hob_queue_try_get(struct hob_queue *q, void *item) {
    if (q->count > 0) {
        take_item(q, item);
        return 0;
    }
    return q->closed ? HOB_E_CLOSED : HOB_E_EMPTY;
}

void hob_queue_task_done(struct hob_queue *q) {
    if (HOB__UNLIKELY(q->unfinished <= q->count))
        hob__misuse(__func__, "called more often than items were got");
    hob__check_same_loop(&q->joiners, __func__);
    dealt_with(q, 1);
}

int hob_queue_join(struct hob_queue *q) {
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    if (q->unfinished == 0) return 0;
    hob__check_same_loop(&q->joiners, __func__);
    struct hob_waiter w = {.data = NULL};
    return hob__wait_on(&q->joiners, &w, "queue join", q, HOB__WAIT_PLAIN);
}

static void shut(struct hob_queue *q, const char *func) {
    hob__check_same_loop(&q->getters, func);
    hob__check_same_loop(&q->putters, func);
    hob__check_same_loop(&q->joiners, func);
    q->closed = true;
    hob__wake_all(&q->getters, HOB_E_CLOSED);
    hob__wake_all(&q->putters, HOB_E_CLOSED);
}

void hob_queue_close(struct hob_queue *q) { shut(q, __func__); }

void hob_queue_close_now(struct hob_queue *q, void (*drop)(void *item)) {
    shut(q, __func__);
    size_t dropped = q->count;
    for (; q->count > 0; remove_next(q))
        if (drop) drop(next_item(q));
    if (dropped > 0) dealt_with(q, dropped);
}

size_t hob_queue_count(const struct hob_queue *q) { return q->count; }
