/* io/process/pool.h - between a pool and the conversation of one call with one worker. */
#ifndef HOB_IO_PROCESS_POOL_H
#define HOB_IO_PROCESS_POOL_H

#include <hob/process_pool.h>
#include <hob/thread.h>
#include <pthread.h>

#include "io/process/keeper.h"
#include "task/remote.h"
#include "task/task.h"

struct hob__process {
    struct hob__process *next; /* idle */
    int fd;
    uint32_t id;
    unsigned calls;
    _Alignas(16) char message[HOB__KEEPER_MESSAGE]; /* the one that is read */
};

struct hob_process_pool {
    pthread_mutex_t lock;
    struct hob_list line;
    struct hob__process *idle; /* the last one used first */
    unsigned count, idle_count, limit, calls;
    size_t memory, waiting, users; /* users: its opener, and each call */
    bool closed;
    int control;
    pid_t keeper; /* 0: none */
    uint32_t next_id;
    unsigned forks;
    uint64_t done, crashed, killed;
};

/* Hands the call to the worker and waits for its answer: fn's result, or what went wrong. *intact:
 * the worker can have another call. */
int hob__process_converse(struct hob__process *w, const struct hob_process_call *call,
                          const struct hob__spawn_site *site, const void *args, bool *intact);

#endif
