/* hob/prefork.h - a server in several processes: a parent that listens, starts workers, replaces
 * those that end, and exchanges all of them without losing a connection.
 *
 *   static int serve(struct hob_listener *listener, struct app *app) {
 *       return hob_http_serve(listener, handle, app, (struct hob_http_options){0});
 *   }
 *   HOB_TASK(serve, struct hob_listener *, struct app *)
 *
 *   int main(void) {
 *       struct app app = {...};
 *       return hob_prefork(":8000", ((struct hob_prefork_options){.count = 4}), serve, &app) < 0;
 *   }
 *
 * The parent runs no loop and none of the program's code: what kills a worker leaves it alone.
 * Threads that share memory are hob_run_workers() (hob/thread.h). */
#ifndef HOB_PREFORK_H
#define HOB_PREFORK_H
#pragma GCC system_header

#include <hob/loop.h>
#include <hob/net.h>
#include <hob/spawn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero is the default. Times are in seconds. */
struct hob_prefork_options {
    unsigned count;       /* workers; default: hob_cpu_count(); at most 256 */
    double grace;         /* of a worker that is told to end: from its stop to its cancel; a second
                             later it is killed. Default 10 */
    double start_timeout; /* until a worker says that it is ready; then it is killed. Default 30 */
    /* Called once in the parent, as soon as all workers are ready, with the address: that of port 0
     * has become known. Default: nobody is told. */
    void (*listening)(const char *address);
    /* A second address, for what is not for everybody, such as metrics: bound before the workers
     * begin, who take it by hob_prefork_also(). And who is told of it, behind .listening. */
    const char *also;
    void (*also_listening)(const char *address);
    struct hob_listen_options listen;
    struct hob_options loop; /* of each worker; .grace and .terminate are the above */
};

/* Listens on the address (as hob_listen() does), forks, and runs fn(listener, ...) as the main task
 * of a loop in each worker. The arguments are copied, what they point at is as it was at the fork.
 * All workers accept from the same sockets, which stay open in the parent, so that what arrives
 * while one worker takes another's place waits in the kernel. To be called where no loop runs, best
 * before any thread is started.
 *
 * SIGTERM and SIGINT: the workers stop (SIGTERM: hob_stop() with the grace), and the call returns
 * 0. A second one kills them at once: -ECANCELED (but not a SIGTERM within 200 ms of the first, as
 * timeout(1) sends it). SIGHUP: each worker in turn gets a successor,
 * which is forked anew, and is told to end as soon as that is ready; one that does not get ready
 * changes nothing. A worker of an HTTP server that ends while others go on (by SIGHUP, or a limit
 * of its own) keeps connections that wait for their next request for a second more: the answer to
 * that says that it is the last one.
 *
 * A worker is ready when it says so (hob_prefork_ready(); hob_http_serve() does). One that ends is
 * replaced: at once, or, when it has lived for less than a second, after a pause that doubles from
 * 0.1 to 5 seconds; that is noted (HOB_REPORT_NOTE). If it ended with 0 (a limit of its own,
 * hob_http_options.max_served) it is not, and the pause stays 0.1 seconds. When the first workers
 * end before any was ready, nothing is to be hoped for: HOB_E_PREFORK.
 *
 * Also -EAGAIN, -ENOMEM, HOB_E_RUNNING (inside a loop), or why it cannot listen. In a worker the
 * call does not return. */
#define hob_prefork(address, options, handler, ...)                                                \
    HOB__PREFORK(address, options, #handler, handler##__args,                                      \
                 handler##__task((struct hob_listener *)0, ##__VA_ARGS__), handler##__HOB_TASK)

/* This worker serves from now on. Elsewhere, and a second time, it does nothing. */
HOB_API void hob_prefork_ready(void);

/* In a worker, once: the listener of .also, which is the caller's, to close. HOB_E_NO_SOCKET: there
 * is none. Or -ENOMEM: it may be asked for again. Does not wait. */
HOB_API int hob_prefork_also(struct hob_listener **out);

enum {
    HOB_E_PREFORK = -5171 /* the workers end before they are ready */
};

/* ---- behind the macros. Private. ---- */

HOB_API int hob__prefork(const char *address, struct hob_prefork_options options,
                         const struct hob__spawn_site *site, const void *args);

#define HOB__PREFORK(address, options, name, args, pack, run)                                      \
    __extension__({                                                                                \
        const char *hob__address = (address);                                                      \
        const struct hob_prefork_options hob__options = options;                                   \
        HOB__STRICT_ON HOB__LET(args) hob__args = pack;                                            \
        HOB__STRICT_OFF HOB__SITE(name, run);                                                      \
        hob__prefork(hob__address, hob__options, &hob__site, &hob__args);                          \
    })

#ifdef __cplusplus
}
#endif
#endif
