/* io/process/prefork.h - between the parent of workers (prefork.c) and what runs in one
 * (prefork_worker.c).
 */
#ifndef HOB_IO_PREFORK_H
#define HOB_IO_PREFORK_H

#include <hob/prefork.h>
#include <sys/types.h>

#include "io/listen.h"

/* One address. */
struct hob__prefork_sockets {
    int fds[HOB__ADDRESSES_MAX]; /* that listen */
    unsigned count;
    struct hob__socket_file file; /* of a Unix socket: removed when all have ended */
    char *address;                /* where they listen; NULL: nobody is to be told */
};

struct hob__prefork {
    struct hob_prefork_options options;
    const struct hob__spawn_site *site;
    const void *args;
    struct hob__prefork_sockets sockets, also;
    pid_t parent;
    volatile bool *ends; /* shared with the workers: all of them are to end, none is replaced */
};

/* Binds: fills in the sockets. 0 or an error. */
int hob__prefork_listen(struct hob__prefork *p, const char *address);
void hob__prefork_close(struct hob__prefork *p);
/* In a forked child: all of a worker's life; ready is closed when it is. */
void hob__prefork_work(struct hob__prefork *p, int ready) __attribute__((noreturn));
/* Is this a worker, and others go on when it ends? Then its clients need not notice. */
bool hob__prefork_goes_on(void);
#endif
