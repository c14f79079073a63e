/* io/listen.h - the inside of listeners: one or several sockets, asked in turn. */
#ifndef HOB_IO_LISTEN_H
#define HOB_IO_LISTEN_H

#include <hob/net.h>
#include <sys/stat.h>

#include "io/address.h"
#include "loop/backend.h"

/* A Unix socket's file that is ours: which one, so that a successor's is left alone. */
struct hob__socket_file {
    char path[108]; /* empty = none */
    dev_t device;
    ino_t inode;
};

struct hob__listening {
    struct hob__fd *fd;
    struct hob__socket_file file;
    char address[HOB__ADDRESS_TEXT];
};

struct hob_listener {
    struct hob__backend *backend;
    unsigned accepting; /* tasks in hob_accept() */
    unsigned holds;     /* who else may still look at it */
    bool stopped;       /* listens no more; its sockets are closed when nobody is in hob_accept() */
    bool closed;        /* hob_listener_close() has been called: the last one out frees it */
    unsigned turn; /* whose connections are taken first, so that one cannot starve the others */
    unsigned count, room;
    struct hob__listening sockets[];
};

/* ---- listen.c ---- */
/* A listener without sockets, with room for that many. NULL without memory. */
struct hob_listener *hob__listener_new(struct hob__backend *b, unsigned room);
/* Adds a socket that listens; it is the listener's then. 0 or -ENOMEM. */
int hob__listener_add(struct hob_listener *l, int fd);
/* A listener of n sockets that listen; they are its own then. 0, or -ENOMEM: they stay open, and
 * nobody's. */
int hob__listener_of(struct hob__backend *b, const int *fds, unsigned n, struct hob_listener **out);
/* Ends listening: further connections are refused, tasks in hob_accept() get HOB_E_CLOSED. The
 * listener itself is still to be closed. Does not wait. */
void hob__listener_stop(struct hob_listener *l);
/* The end of a hob_accept(). */
void hob__listener_leave(struct hob_listener *l);
/* Frees it if it is closed and nobody looks at it any more. */
void hob__listener_free(struct hob_listener *l);

/* ---- socket_file.c ---- */
/* Binds fd to a Unix address, replacing a file that nobody listens on any more; mode 0: the
 * umask's. 0, -EADDRINUSE (somebody does), or an error. */
int hob__socket_file_bind(struct hob__backend *b, int fd, const struct hob__address *a,
                          unsigned mode, struct hob__socket_file *file);
/* Is something at a Unix address that is not a socket? */
bool hob__socket_file_is_other(struct hob__backend *b, const struct hob__address *a);
/* Removes the file if it is still ours; before the socket is closed, since until then its inode's
 * number cannot be another's. */
void hob__socket_file_remove(struct hob__backend *b, const struct hob__socket_file *file);

/* ---- activation.c ---- */
/* The descriptors that the service manager has passed under that name ("" = all) and that have not
 * been taken yet: how many, or HOB_E_NO_SOCKET, HOB_E_LIMIT. They are marked as taken. */
int hob__activated_take(const char *name, int *fds, int max);
/* Takes the mark back: the listener could not be made. */
void hob__activated_return(const int *fds, int count);

#endif
