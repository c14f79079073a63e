/* io/serve.h - the inside of servers of streams: the accept loop (serve.c), and connections that
 * wait without a task (park.c).
 *
 * A parking server's connection is a record and its descriptor's state while it waits: no task, no
 * stack. When its peer sends something, its descriptor's event (struct hob__watch) puts it into the
 * queue of those that are ready, and sees to it that a task in the server's scope, a worker, is
 * about to run. A worker takes one connection after the other out of the queue, works until there
 * is nothing left to read, and parks it again (HOB__PARK); between two it begins anew
 * (hob__task_renew()), so that to a handler each has a task of its own. While there are more, a
 * further worker stands behind it in the run queue: if a handler waits, that one goes on. So a
 * thousand connections that are answered at once need one task and one stack. A parked connection
 * that its peer ends, or whose time is over, is closed by the event or the timer, without a task,
 * if its transport is a plain socket. Exported for the sister libraries. */
#ifndef HOB_IO_SERVE_H
#define HOB_IO_SERVE_H

#include <hob/serve.h>

#include "base/list.h"
#include "loop/backend.h"

struct hob__served;
struct hob__service;

/* How a parked connection came to its end. */
enum hob__park_end {
    HOB__PARK_LEFT,    /* its peer ended or reset it */
    HOB__PARK_TIMEOUT, /* c->patience is over */
    HOB__PARK_STOPPED, /* the server ends */
    HOB__PARK_MEMORY   /* for a task, or for watching it */
};

/* A run's results: park it; or run it again, for something else: with nothing of this one left on
 * the stack. */
enum { HOB__PARK = 1, HOB__AGAIN = 2 };

struct hob__parking {
    /* Of the workers' tasks, with hob__park_run() and hob__park_lost(). Static: the watchdog may
     * look at it when the server has just ended. */
    const struct hob__spawn_site *site;
    /* In a task of its own, when there is something to read (or the end), and once before a
     * transport that is no plain socket is closed: c->ending is set then. HOB__PARK, HOB__AGAIN, or
     * the connection is over: 0, or an error as a handler of hob_serve() returns it. */
    int (*run)(struct hob__served *c);
    /* NULL, or: a connection has been accepted; a parked one is about to be closed. Must not wait.
     */
    void (*begun)(struct hob__served *c);
    void (*parked_end)(struct hob__served *c, enum hob__park_end how);
    /* NULL, or: one that holds ends without its task, and its stream is about to be closed, unless
     * this takes c->stream away. Must not wait. */
    void (*lost)(struct hob__served *c);
    /* NULL, or: the time that a running one has asked for has come. Must not wait. */
    void (*alarm)(struct hob__served *c);
    /* NULL, or: the record is about to be freed; its stream is closed. */
    void (*end)(struct hob__served *c);
    size_t size;    /* of a record, which begins with a struct hob__served; all zero behind that */
    uint64_t first; /* the patience with a new connection */
};

struct hob__served {
    /* What an event needs lies together, at the front: its memory is asked for. */
    struct hob__watch watch;
    struct hob_list node; /* in ready or parked, or by itself */
    struct hob__service *service;
    struct hob_stream *stream; /* NULL: closed */
    bool parked;
    bool fresh;            /* nothing has come of it yet */
    bool watched;          /* set while the task shall be cancelled when the peer leaves */
    bool left;             /* that has happened */
    bool alarmed;          /* it has asked for an alarm, which has not come */
    bool holds;            /* what happens to it while it is parked is told to `run`, in .woken */
    uint8_t woken;         /* enum hob__park_end + 1; 0: there is something to read */
    bool named;            /* the task's name is its own, not the stream's */
    uint8_t ending;        /* enum hob__park_end + 1 */
    struct hob_task *task; /* while it runs; NULL: parked, or about to begin */
    struct hob_timer timer;
    uint64_t patience; /* ns that it may be parked; set before HOB__PARK; UINT64_MAX: for ever */
};

struct hob__service {
    struct hob_listener *listener;
    struct hob_serve_options options;
    struct hob_scope *scope;
    /* The stream is the connection's from here on, or closed. 0, -ENOMEM, -ECANCELED. */
    int (*begin)(struct hob__service *service, struct hob_stream *stream);
    const struct hob__spawn_site *site; /* the handler (not of a parking server) */
    struct hob__spawn_site conn_site;
    const void *args;
    const struct hob__parking *parking;
    void *arg; /* the parking server's own */
    struct hob_list parked;
    struct hob_list ready;  /* not parked any more, and no worker has them yet; in order */
    bool worker_comes;      /* one has been spawned, and has not begun */
    struct hob_task *taker; /* the worker that takes from `ready`; NULL: it has ended */
    size_t live;
    struct hob_waitlist slots; /* the accept loop, while it waits for a connection's end */
    bool ending;               /* nothing is parked any more */
    double pause;
    uint64_t told_at;
};

/* A worker's task; and there was no memory for its stack. */
HOB_API int hob__park_run(void *args);
HOB_API void hob__park_lost(void *args);
/* hob_serve_with() with parking connections; the same in all else. *service is filled in, and the
 * caller's; `arg` is for the parking's functions. Waits. */
HOB_API int hob__serve_parking(struct hob__service *service, struct hob_listener *listener,
                               struct hob_serve_options options, const struct hob__parking *parking,
                               void *arg);
/* The task of the connection has the stream for itself from here on, and may close it; no event
 * cancels it any more. */
HOB_API void hob__served_take_over(struct hob__served *c);
/* Of a running connection: parking->alarm() is called in so many ns, unless it is parked before. */
HOB_API void hob__served_alarm(struct hob__served *c, uint64_t ns);
/* It may be parked until then (ns, of hob_now()); UINT64_MAX: for ever. Sets c->patience. */
HOB_API void hob__served_until(struct hob__served *c, uint64_t at);

/* When the loop's turn began (ns), which is some microseconds ago, or the slice of it that runs. */
HOB_API uint64_t hob__served_turn(void);
/* The server has been asked to stop, but it is a worker process whose place another takes: a
 * connection that has not told its client that it ends is kept for its next request, for a while.
 */
HOB_API bool hob__service_lasts(const struct hob__service *v);

/* ---- between serve.c and park.c ---- */
int hob__park_begin(struct hob__service *service, struct hob_stream *stream);
void hob__served_end(struct hob__served *c);
bool hob__service_is_silent(int rc);
/* Ends the parked connections that hold. */
void hob__service_tell_holding(struct hob__service *service);
/* Closes every parked connection (those of plain sockets at once). */
void hob__service_close_parked(struct hob__service *service);
#endif
