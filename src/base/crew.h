/* base/crew.h - a bounded crew of worker threads with one queue. Under the loop's file operations
 * (loop/offload.c) and the program's pools (io/thread_pool.c); each has a crew of its own, so that
 * none waits behind the other. */
#ifndef HOB_BASE_CREW_H
#define HOB_BASE_CREW_H

#include <hob/base.h>
#include <pthread.h>
#include <signal.h>

struct hob__crew;

/* One piece of work, in the submitter's memory. */
struct hob__job {
    struct hob_list link; /* in the queue */
    /* In a worker, without the lock. The job is its own then: it may free it. */
    void (*run)(struct hob__crew *crew, struct hob__job *job);
};

struct hob__crew {
    pthread_mutex_t lock; /* also for its owner's use; never held while a job runs */
    pthread_cond_t more;  /* work is queued, or closing */
    pthread_cond_t none;  /* the last thread leaves */
    struct hob_list queue;
    size_t queued;
    const char *name; /* of the threads; the first 15 bytes are shown */
    unsigned limit, threads, idle;
    uint64_t idle_ns;  /* a thread ends after so long without work */
    size_t stack_size; /* 0: the system's */
    bool closing, has_ended;
    pthread_t ended; /* the last one to leave while closing; whoever leaves next joins it */
    unsigned forks;
};

void hob__crew_init(struct hob__crew *c, const char *name, unsigned limit, uint64_t idle_ns,
                    size_t stack_size);

/* Locks it. In a forked child, where its threads are gone, it is empty then: what was queued is the
 * parent's. */
void hob__crew_lock(struct hob__crew *c);
void hob__crew_unlock(struct hob__crew *c);

/* With the lock held. Queues the job; a thread is made when more is queued than threads are idle. 0
 * or -errno: no thread runs and none can be made. */
int hob__crew_submit(struct hob__crew *c, struct hob__job *job);
/* With the lock held: takes a job that was submitted out of the queue again. False: a thread has
 * taken it, be it that it has not come to run it yet. */
bool hob__crew_withdraw(struct hob__crew *c, struct hob__job *job);

/* Waits, blocking, until what is queued and what runs has ended, and ends the threads. */
void hob__crew_end(struct hob__crew *c);
/* After that. */
void hob__crew_destroy(struct hob__crew *c);

/* Blocks the calling thread's signals but those that a fault of its own raises and `also` (0:
 * none), so that the program's handlers run where they always did. */
void hob__block_signals(sigset_t *before, int also);

/* Initialises a condition variable that counts on the monotonic clock. */
void hob__cond_init(pthread_cond_t *cond);

/* Waits for cond until `deadline` (monotonic, ns; UINT64_MAX: for ever). False when it has passed.
 */
bool hob__cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t deadline);
#endif
