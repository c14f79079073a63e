/* hob/channel.h - a bounded channel between loops and threads.
 *
 * Items of one size, copied in and out, first in first out. Any number of senders and receivers:
 * tasks of any loop, which wait as tasks do, and plain threads, which block. Whoever waits is
 * served in order of arrival. (Within one loop struct hob_queue of hob/sync.h is cheaper, and has
 * more orders.) Nothing is allocated for an item.
 *
 *   struct hob_channel *jobs;
 *   HOB_TRY(hob_channel_open(&jobs, sizeof(struct job), 100));
 *   ...
 *   hob_channel_send(jobs, &job);                      // in one loop or thread
 *   while (hob_channel_recv(jobs, &job) == 0) ...      // in another one */
#ifndef HOB_CHANNEL_H
#define HOB_CHANNEL_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_channel;

/* A channel for up to `capacity` items (at least 1) of item_size bytes (at least 1): 0, -ENOMEM, or
 * -EINVAL. The memory for them is allocated here. From any thread. */
HOB_API int hob_channel_open(struct hob_channel **c, size_t item_size, size_t capacity);

/* Copies *item in; waits while the channel is full. 0; HOB_E_CLOSED; in a task -ECANCELED: then the
 * item is not in. Cancellation point. */
HOB_API int hob_channel_send(struct hob_channel *c, const void *item);

/* Copies the next item out; waits while there is none. 0; HOB_E_CLOSED when it is closed and empty;
 * in a task -ECANCELED: then none was taken. Cancellation point. */
HOB_API int hob_channel_recv(struct hob_channel *c, void *item);

/* The same with a time limit, in tasks and in plain threads: -ETIMEDOUT, and nothing was sent or
 * taken. (In a task hob_within() does it as well.) */
HOB_API int hob_channel_send_within(struct hob_channel *c, const void *item, double seconds);
HOB_API int hob_channel_recv_within(struct hob_channel *c, void *item, double seconds);

/* Do not wait: HOB_E_FULL, HOB_E_EMPTY. */
HOB_API int hob_channel_try_send(struct hob_channel *c, const void *item);
HOB_API int hob_channel_try_recv(struct hob_channel *c, void *item);

/* No more sends: who waits to send gets HOB_E_CLOSED, and so do later sends; receivers drain what
 * is there. Idempotent. Does not wait. From any thread. */
HOB_API void hob_channel_close(struct hob_channel *c);

/* How many items are in it now. */
HOB_API size_t hob_channel_count(struct hob_channel *c);

/* Frees it, with what is in it. Nobody may use it any more; if somebody waits on it, it is misuse.
 * NULL is allowed. */
HOB_API void hob_channel_free(struct hob_channel *c);

#ifdef __cplusplus
}
#endif
#endif
