/* sync/channel.c - a ring of items under a lock, and two lines of those who wait (task/remote.h).
 *
 * An item goes straight to the first receiver in line, and room straight to the first sender, whose
 * item is moved in for it: so who has come later passes nobody, and one who was served need not
 * look again. There are receivers in line only when the ring is empty, senders only when it is
 * full. */
#include <hob/channel.h>
#include <hob/spawn.h>

#include <pthread.h>
#include <string.h>

#include "base/forks.h"
#include "base/list.h"
#include "base/memory.h"
#include "task/fdwait.h"
#include "task/remote.h"
#include "task/task.h"

struct hob_channel {
    pthread_mutex_t lock;
    struct hob_list senders, receivers;
    size_t item_size, capacity, head, count;
    bool closed;
    unsigned forks;
    _Alignas(16) char items[];
};

int hob_channel_open(struct hob_channel **channel, size_t item_size, size_t capacity) {
    *channel = NULL;
    if (item_size == 0 || capacity == 0 || capacity > SIZE_MAX / 2 / item_size)
        return hob_fail(-EINVAL, "a channel for %zu items of %zu bytes", capacity, item_size);
    struct hob_channel *c = hob__alloc(sizeof *c + item_size * capacity);
    if (!c) return -ENOMEM;
    memset(c, 0, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    hob__list_init(&c->senders);
    hob__list_init(&c->receivers);
    c->item_size = item_size;
    c->capacity = capacity;
    c->forks = hob__forks_count();
    *channel = c;
    return 0;
}

/* In a forked child the channel is a copy: those who waited are the parent's. */
static void lock(struct hob_channel *c) {
    if (HOB__UNLIKELY(c->forks != hob__forks)) {
        c->forks = hob__forks;
        pthread_mutex_init(&c->lock, NULL);
        hob__list_init(&c->senders);
        hob__list_init(&c->receivers);
    }
    pthread_mutex_lock(&c->lock);
}

static void unlock(struct hob_channel *c) { pthread_mutex_unlock(&c->lock); }

static char *slot(struct hob_channel *c, size_t i) {
    i += c->head;
    if (i >= c->capacity) i -= c->capacity;
    return c->items + i * c->item_size;
}

/* With the lock held: 0, HOB_E_CLOSED, HOB_E_FULL. */
static int put(struct hob_channel *c, const void *item) {
    if (c->closed) return HOB_E_CLOSED;
    struct hob__remote *r = hob__remote_first(&c->receivers);
    if (r) {
        memcpy(r->data, item, c->item_size);
        hob__remote_serve(r, 0);
        return 0;
    }
    if (c->count == c->capacity) return HOB_E_FULL;
    memcpy(slot(c, c->count++), item, c->item_size);
    return 0;
}

/* With the lock held: 0, HOB_E_CLOSED, HOB_E_EMPTY. */
static int get(struct hob_channel *c, void *item) {
    if (c->count == 0) return c->closed ? HOB_E_CLOSED : HOB_E_EMPTY;
    memcpy(item, slot(c, 0), c->item_size);
    if (++c->head == c->capacity) c->head = 0;
    c->count--;
    struct hob__remote *r = hob__remote_first(&c->senders);
    if (r) {
        memcpy(slot(c, c->count++), r->data, c->item_size);
        hob__remote_serve(r, 0);
    }
    return 0;
}

/* The point of a task; a plain thread has none. */
static int point(const char *func) { return hob__loop ? hob__io_point(func) : 0; }

static int send_until(struct hob_channel *c, const void *item, uint64_t deadline,
                      const char *func) {
    int rc = point(func);
    if (rc < 0) return rc;
    lock(c);
    rc = put(c, item);
    if (rc == HOB_E_FULL) {
        struct hob__remote r = {.data = (void *)item};
        return hob__remote_wait(&c->lock, &c->senders, &r, "channel", "send", HOB__WAIT_NAMED,
                                deadline);
    }
    unlock(c);
    return rc;
}

static int recv_until(struct hob_channel *c, void *item, uint64_t deadline, const char *func) {
    int rc = point(func);
    if (rc < 0) return rc;
    lock(c);
    rc = get(c, item);
    if (rc == HOB_E_EMPTY) {
        struct hob__remote r = {.data = item};
        return hob__remote_wait(&c->lock, &c->receivers, &r, "channel", "receive", HOB__WAIT_NAMED,
                                deadline);
    }
    unlock(c);
    return rc;
}

int hob_channel_send(struct hob_channel *c, const void *item) {
    return send_until(c, item, UINT64_MAX, __func__);
}

int hob_channel_recv(struct hob_channel *c, void *item) {
    return recv_until(c, item, UINT64_MAX, __func__);
}

int hob_channel_send_within(struct hob_channel *c, const void *item, double seconds) {
    if (hob__loop) return hob_within(seconds, send_until(c, item, UINT64_MAX, __func__));
    return send_until(c, item, hob_after(seconds), __func__);
}

int hob_channel_recv_within(struct hob_channel *c, void *item, double seconds) {
    if (hob__loop) return hob_within(seconds, recv_until(c, item, UINT64_MAX, __func__));
    return recv_until(c, item, hob_after(seconds), __func__);
}

int hob_channel_try_send(struct hob_channel *c, const void *item) {
    lock(c);
    int rc = put(c, item);
    unlock(c);
    return rc;
}

int hob_channel_try_recv(struct hob_channel *c, void *item) {
    lock(c);
    int rc = get(c, item);
    unlock(c);
    return rc;
}

void hob_channel_close(struct hob_channel *c) {
    lock(c);
    c->closed = true;
    hob__remote_serve_all(&c->senders, HOB_E_CLOSED);
    hob__remote_serve_all(&c->receivers, HOB_E_CLOSED); /* there are some only when it is empty */
    unlock(c);
}

size_t hob_channel_count(struct hob_channel *c) {
    lock(c);
    size_t n = c->count;
    unlock(c);
    return n;
}

void hob_channel_free(struct hob_channel *c) {
    if (!c) return;
    lock(c);
    bool waited = hob__remote_first(&c->senders) || hob__remote_first(&c->receivers);
    unlock(c);
    if (waited) hob__misuse(__func__, "somebody waits on the channel");
    pthread_mutex_destroy(&c->lock);
    hob__free(c);
}
