/* hob/serve.h - a server of streams: accepts, runs a handler in a task of its own for each
 * connection, bounds their number, and stops in two phases; and what a service tells the service
 * manager.
 *
 *   static int echo(struct hob_stream *s, struct app *app);
 *   HOB_TASK(echo, struct hob_stream *, struct app *)
 *   ...
 *   HOB_TRY(hob_listen("localhost:7000", &listener));
 *   return hob_serve(listener, echo, &app);
 */
#ifndef HOB_SERVE_H
#define HOB_SERVE_H
#pragma GCC system_header

#include <hob/net.h>
#include <hob/spawn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero is the default. */
struct hob_serve_options {
    size_t max_connections; /* at once; further ones wait in the backlog. Default 10000 */
    size_t stack_size;      /* of the connections' tasks, bytes; default: the loop's */
    bool keep_listening;    /* hob_stop() leaves the listener as it is, for who takes over */
};

/* Serves the listener until it is cancelled, asked to stop, or closed. handler(stream, ...) is a
 * function with HOB_TASK(handler, struct hob_stream *, ...); it runs in a task of its own for each
 * connection, named by the peer's address, and gets the further arguments as they are here.
 *
 * The stream is closed when the handler has returned; the handler may close it before.
 *
 * What the handler returns: >= 0, or an error, which ends this connection and no other. It is
 * reported (hob_set_report) with the peer's address, but for what only says that the peer has gone
 * (-ECONNRESET, -EPIPE, HOB_E_EOF) or that the server is being stopped (HOB_E_STOPPING, -ECANCELED
 * after a cancel).
 *
 * At max_connections it accepts no more until one has ended: the kernel keeps the others in the
 * backlog. When descriptors or memory are short (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM) it says so
 * once (HOB_REPORT_NOTE, at most once a minute) and tries again when a connection has ended, or
 * after 10 ms, twice as long each time up to a second.
 *
 * hob_stop() around it stops listening at once (further connections are refused, a Unix socket's
 * file is removed), idle reads (hob_read_idle) return HOB_E_STOPPING, the connections have the
 * grace to end; then they are cancelled. hob_listener_close() by another task only ends the
 * accepting. A cancel ends the connections at once and leaves the listener listening, to be closed
 * by its owner.
 *
 * Returns, when every connection has ended: 0 after a stop or a close, -ECANCELED after a cancel
 * (the end of the grace is one), or why it cannot accept any more (the connections are then
 * cancelled). The listener stays the caller's to close. Waits; cancellation point. */
#define hob_serve(listener, handler, ...)                                                          \
    HOB__SERVE(listener, HOB__OPTIONS(hob_serve_options, ), #handler, handler##__args,             \
               handler##__task((struct hob_stream *)0, ##__VA_ARGS__), handler##__HOB_TASK)

/* hob_serve_with(listener, ((struct hob_serve_options){.max_connections = 100}), handler, ...) */
#define hob_serve_with(listener, options, handler, ...)                                            \
    HOB__SERVE(listener, options, #handler, handler##__args,                                       \
               handler##__task((struct hob_stream *)0, ##__VA_ARGS__), handler##__HOB_TASK)

/* Tells the service manager (systemd, Type=notify): "READY=1", "STOPPING=1", "STATUS=...",
 * "WATCHDOG=1"; several are separated by newlines. 1, 0 when there is none to be told
 * (NOTIFY_SOCKET is not set), or an error. Waits only while the manager's queue is full;
 * cancellation point. */
HOB_API int hob_service_notify(const char *state);

/* ---- behind the macros. Private from here on. ---- */

HOB_API int hob__serve(struct hob_listener *listener, struct hob_serve_options options,
                       const struct hob__spawn_site *site, const void *args);

#define HOB__SERVE(listener, options, name, args, pack, run)                                       \
    __extension__({                                                                                \
        struct hob_listener *hob__listener = (listener);                                           \
        const struct hob_serve_options hob__options = options;                                     \
        HOB__STRICT_ON HOB__LET(args) hob__args = pack;                                            \
        HOB__STRICT_OFF HOB__SITE(name, run);                                                      \
        hob__serve(hob__listener, hob__options, &hob__site, &hob__args);                           \
    })

#ifdef __cplusplus
}
#endif
#endif
