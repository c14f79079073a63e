/* hob/net.h - connecting and listening over TCP and Unix sockets, and waiting for a descriptor that
 * another library owns. What connections are, and how to read and write: hob/stream.h.
 *
 * An address is text: "127.0.0.1:8000", "[::1]:8000", "localhost:8000", "example.org:80",
 * "unix:/run/app.sock" (a leading
 * '@' instead of the path: the abstract namespace). Every call that waits is a cancellation point.
 */
#ifndef HOB_NET_H
#define HOB_NET_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/stream.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_address;
struct hob_listener;

/* Connects. A host's addresses, of both families, are tried as RFC 8305 says ("happy eyeballs"): in
 * the order of hob_resolve() (hob/dns.h), the next one when one has failed or after 250 ms; the
 * first that connects is *out, the others are closed. TCP_NODELAY is on. 0 and *out; HOB_E_ADDRESS,
 * HOB_E_NAME, HOB_E_NAME_TEMPORARY, -ECONNREFUSED, -ENETUNREACH, -EMFILE, -ECANCELED ... The
 * error's record names every address that was tried, and why it failed. Whatever the end, no other
 * descriptor than *out is left open. */
HOB_API int hob_connect(const char *address, struct hob_stream **out);

/* hob_connect_with("example.org:80", &s, .local = "192.0.2.7:0", .keepalive = 30): the same with
 * options; all zero is the default. */
struct hob_connect_options {
    const char *local;    /* the address to connect from; its port 0: any */
    int family;           /* AF_INET, AF_INET6: only such addresses; 0: both */
    double attempt_delay; /* seconds from one attempt to the next; default 0.25 */
    bool delay;           /* TCP_NODELAY off: small writes wait for each other (Nagle) */
    int keepalive; /* seconds of silence until the peer is probed (SO_KEEPALIVE), which is given
                      up after four such times more without an answer; 0: never */
    uint64_t *looked_up; /* NULL, or where the time (hob_now()) goes at which the first attempt
                            began, for which the name had been looked up; untouched when it did not
                            come to one */
};
#define hob_connect_with(address, out, ...)                                                        \
    hob__connect_with((address), (out), HOB__OPTIONS(hob_connect_options, __VA_ARGS__))
HOB_API int hob__connect_with(const char *address, struct hob_stream **out,
                              struct hob_connect_options options);

/* The same to one of n addresses (1 to 32) in the order in which they are to be tried, which nobody
 * has to look up; each with its port. Also -EINVAL. */
#define hob_connect_any(addresses, n, out, ...)                                                    \
    hob__connect_any((addresses), (n), (out), HOB__OPTIONS(hob_connect_options, __VA_ARGS__))
HOB_API int hob__connect_any(const struct hob_address *addresses, size_t n, struct hob_stream **out,
                             struct hob_connect_options options);

/* Listens: backlog 4096, SO_REUSEADDR, TCP_NODELAY for what is accepted; port 0 = any free one. A
 * name is listened to on all its addresses at once (at most 16); "localhost" is 127.0.0.1 and
 * [::1], ":8000" every address of both families; a family that the machine lacks is left out, and
 * port 0 is the same one for all. A Unix socket's file that nobody listens on any more is replaced;
 * one where somebody does, or anything else of that name, which stays: -EADDRINUSE (the record says
 * which).
 *
 * "systemd:NAME": the sockets that the service manager has passed to this process under that name
 * (sd_listen_fds(3); FileDescriptorName=); "systemd:" = all of them. They stay bound, and their
 * files stay, when the listener is closed. HOB_E_NO_SOCKET when there is none, or when a listener
 * has them already.
 *
 * Does not wait, but to look a name up. 0 and *out, or HOB_E_ADDRESS, HOB_E_NAME, -EADDRINUSE,
 * -EACCES, -EADDRNOTAVAIL, HOB_E_NOT_LISTENING, -EMFILE, -ENOMEM ... */
HOB_API int hob_listen(const char *address, struct hob_listener **out);

/* All zero is the default. */
struct hob_listen_options {
    int backlog;     /* connections that the kernel keeps until they are accepted; default 4096; the
                        kernel's bound is net.core.somaxconn */
    bool reuse_port; /* SO_REUSEPORT: several sockets, of several loops or processes of this user,
                        share the port; the kernel spreads the connections */
    int v6only; /* an IPv6 socket takes IPv4 connections too: 1 = no, -1 = yes, 0 = the system's
                   choice when it is alone, no when IPv4 is listened to as well */
    unsigned
        mode;   /* of a Unix socket's file, such as 0660; default: what the umask leaves of 0777 */
    bool delay; /* leaves Nagle's algorithm on */
    int keepalive; /* seconds without traffic after which TCP asks whether the peer is there, three
                      times at a third of that; default 0 = never */
};
HOB_API int hob_listen_with(const char *address, struct hob_listen_options options,
                            struct hob_listener **out);
/* A descriptor that listens already, inherited or passed; made non-blocking and close-on-exec, and
 * closed with the listener. Of the options, delay and keepalive are used. 0, HOB_E_NOT_LISTENING,
 * -EBADF, -ENOMEM: then the descriptor stays the caller's. Does not wait. */
HOB_API int hob_listen_fd(int fd, struct hob_listen_options options, struct hob_listener **out);

/* "127.0.0.1:8000" as it is bound; of several, the first. Belongs to the listener. */
HOB_API const char *hob_listener_address(const struct hob_listener *l);
/* The i-th, from 0; NULL behind the last. */
HOB_API const char *hob_listener_address_at(const struct hob_listener *l, unsigned i);
/* The next connection; waits. HOB_E_STOPPING after hob_stop(), HOB_E_CLOSED when another task calls
 * hob_listener_close() meanwhile (the listener is then gone), or after a server on it has been
 * stopped. Connections that were given up before
 * they were accepted are skipped; -EMFILE, -ENFILE, -ENOBUFS and -ENOMEM are returned (rest a
 * little, then call again). A connection that arrives with the cancel stays in the backlog. */
HOB_API int hob_accept(struct hob_listener *l, struct hob_stream **out);
/* Closes; NULL is allowed. A Unix socket's file is removed if it is still this listener's. */
HOB_API void hob_listener_close(struct hob_listener *l);

/* Waits until a descriptor that another library owns is readable (POLLIN), writable (POLLOUT) or
 * ended by its peer (POLLRDHUP; others: -EINVAL), as poll() would: level-triggered. The events that
 * are there (POLLERR, POLLHUP too; a regular file is always ready), or -ECANCELED, -EBADF. The
 * descriptor must stay open while the call waits; it may be given up at any time in between. */
HOB_API int hob_poll(int fd, int events);

#ifdef __cplusplus
}
#endif
#endif
