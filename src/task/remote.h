/* task/remote.h - a wait that another thread may end: for what is shared between loops and threads
 * under a lock of its own (channels, pools).
 *
 * Whoever waits, a task of any loop or a plain thread, stands in a line (a hob_list) under the
 * owner's lock with a record on its own stack. Whoever serves it takes it out of the line under the
 * same lock, so that, as in wait.h, exactly one party decides how the wait ends: one that has been
 * served is not cancelled any more, and what it was handed is its own. A task of another loop is
 * woken by a post whose record lies in the remote; nothing is allocated. The remote stays valid
 * until then, since its task sleeps until the post has arrived. */
#ifndef HOB_TASK_REMOTE_H
#define HOB_TASK_REMOTE_H

#include <pthread.h>

#include "task/post.h"
#include "task/wait.h"

struct hob__remote {
    struct hob_list link; /* in the line, while not served */
    void *data;           /* the serving side's: where to put what is handed over */
    int result;
    bool served;           /* under the lock */
    bool delivered;        /* in the waiting thread */
    struct hob_loop *loop; /* NULL: a plain thread */
    struct hob_waiter waiter;
    struct hob__post post;
    pthread_cond_t *cond;
};

/* With `lock` held, which it gives back: stands in line until served. The server's result; or, not
 * served and out of the line again: -ECANCELED, HOB_E_STOPPING as hob__wait_on() says (what, object
 * and flags are its), -ETIMEDOUT in a plain thread when `deadline` (monotonic ns; UINT64_MAX: none)
 * has passed. In a loop's thread outside its tasks: misuse. */
int hob__remote_wait(pthread_mutex_t *lock, struct hob_list *line, struct hob__remote *r,
                     const char *what, const void *object, unsigned flags, uint64_t deadline);

/* With the lock held: the first one of the line, or NULL. */
struct hob__remote *hob__remote_first(const struct hob_list *line);

/* With the lock held: takes it out of its line and wakes it with that result. */
void hob__remote_serve(struct hob__remote *r, int result);
void hob__remote_serve_all(struct hob_list *line, int result);

#endif
