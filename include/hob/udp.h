/* hob/udp.h - datagrams over UDP, IPv4 and IPv6.
 *
 * A socket is bound (hob_udp_open) or connected to one peer (hob_udp_connect), or both. Any number
 * of tasks of its loop may receive from it and send through it. A datagram is received whole or not
 * at all, and so is it sent: a cancelled call has taken and sent nothing. Every call that waits is
 * a cancellation point; one that need not wait may let other tasks run all the same. An error's
 * record (hob_error()) names the socket's address and the other one. */
#ifndef HOB_UDP_H
#define HOB_UDP_H
#pragma GCC system_header

#include <hob/address.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_udp;

/* All zero is the default. */
struct hob_udp_options {
    bool broadcast;     /* may send to broadcast addresses (else: -EACCES) */
    bool reuse_address; /* SO_REUSEADDR: several sockets receive a multicast group's datagrams */
    bool reuse_port; /* SO_REUSEPORT: several sockets share the port, the kernel spreads by peer */
    int v6only;      /* an IPv6 socket takes IPv4 too, as ::ffff:a.b.c.d: 1 = no, -1 = yes, 0 = the
                        system's choice */
    int receive_buffer, send_buffer; /* bytes that the kernel keeps; 0 = the system's; its bounds
                                        are net.core.rmem_max and wmem_max */
};

/* A socket that is bound to an address of this machine: "127.0.0.1:5353", "[::]:0" (port 0: any
 * free one), ":5353" (every address, IPv4); a name's first address. Does not wait, but to look a
 * name up. 0 and *out, or HOB_E_ADDRESS, HOB_E_NAME, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EMFILE
 * ... */
HOB_API int hob_udp_open(const char *local, struct hob_udp_options options, struct hob_udp **out);
/* A socket that sends to one peer and receives from it alone; of a name's addresses the first that
 * this machine has a way to. Nothing is sent. The same errors, and -ENETUNREACH. */
HOB_API int hob_udp_connect(const char *peer, struct hob_udp_options options, struct hob_udp **out);
/* Changes the peer; NULL: none, the socket is not connected any more. 0 or an error. Does not wait.
 */
HOB_API int hob_udp_set_peer(struct hob_udp *u, const struct hob_address *peer);
/* Closes and frees; NULL is allowed. Does not wait. A task that waits in a call on it: misuse. */
HOB_API void hob_udp_close(struct hob_udp *u);
/* The address that it is bound to. Does not wait. */
HOB_API int hob_udp_address(const struct hob_udp *u, struct hob_address *out);
/* The descriptor, for setsockopt and the like. */
HOB_API int hob_udp_fd(const struct hob_udp *u);

/* The next datagram: waits for it. Its whole length, which may be 0, and more than n: then it was
 * cut at n bytes and the rest is gone. *from (may be NULL) is who sent it. -ECONNREFUSED on a
 * connected socket: the peer's machine says that nobody listens there (what was sent before is
 * lost; the socket is as good as before). Other errors: -ECANCELED, -ENOMEM ... */
HOB_API ssize_t hob_udp_recv(struct hob_udp *u, void *buf, size_t n, struct hob_address *from);
/* Sends one datagram, to the peer when `to` is NULL (-EDESTADDRREQ: there is none). Waits while the
 * socket's buffer is full. 0; or -EMSGSIZE (more than 65507 bytes, 65487 with IPv6, or than the
 * network takes whole), -ECONNREFUSED as above, -ENETUNREACH, -EACCES, -ENOBUFS, -ECANCELED ...
 * -EINVAL: to port 0. (Anybody may write any sender's address: an answer that cannot be sent is no
 * reason for a server to end.) That it has been sent does not mean that it arrives. */
HOB_API int hob_udp_send(struct hob_udp *u, const void *buf, size_t n,
                         const struct hob_address *to);

/* Several datagrams by one system call. */
struct hob_datagram {
    void *data;
    size_t room; /* bytes at data: to receive */
    size_t size; /* to send; received: the whole length, more than room when it was cut */
    struct hob_address peer; /* who sent it; to whom (all zero: the socket's peer) */
};
enum { HOB_UDP_BATCH = 32 };
/* Waits until there is a datagram, and takes what is there: how many, 1 to count, at most
 * HOB_UDP_BATCH; or an error, as hob_udp_recv(). -EINVAL: count is 0. */
HOB_API int hob_udp_recv_many(struct hob_udp *u, struct hob_datagram *d, unsigned count);
/* Sends them in order, waiting while the buffer is full. How many were sent: all of them, or those
 * before the one that failed or the cancel; an error when that is none. */
HOB_API int hob_udp_send_many(struct hob_udp *u, const struct hob_datagram *d, unsigned count);

/* Multicast: the socket receives what is sent to the group (its port is the socket's), on the
 * interface of that name; NULL: the system's choice. 0, -ENODEV, -EINVAL (no multicast address, or
 * not of the socket's family), -EADDRINUSE (joined already), -EADDRNOTAVAIL (leave: not joined). Do
 * not wait. */
HOB_API int hob_udp_join(struct hob_udp *u, const struct hob_address *group,
                         const char *interface_name);
HOB_API int hob_udp_leave(struct hob_udp *u, const struct hob_address *group,
                          const char *interface_name);
/* How it sends to groups. All zero is the system's default: one hop, back to this machine too. */
struct hob_multicast {
    int hops;                   /* routers it may pass, 1 to 255; 0 = 1 */
    bool no_loop;               /* this machine's own sockets do not get it */
    const char *interface_name; /* out of that one; NULL: the system's choice */
};
HOB_API int hob_udp_multicast(struct hob_udp *u, struct hob_multicast options);

#ifdef __cplusplus
}
#endif
#endif
