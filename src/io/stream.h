/* io/stream.h - the inside of streams and listeners. */
#ifndef HOB_IO_STREAM_H
#define HOB_IO_STREAM_H

#include <hob/net.h>

#include "io/address.h"
#include "loop/backend.h"

struct hob_stream {
    struct hob__fd *fd;
    struct hob__backend *backend;
    bool reads, writes; /* a task is in a reading, writing call */
    bool
        is_tcp; /* else a Unix socket, whose reads end at boundaries of messages with descriptors */
    char peer[HOB__ADDRESS_TEXT];
};

/* Takes the descriptor over. NULL without memory (the descriptor is closed). */
struct hob_stream *hob__stream_new(struct hob__backend *b, int fd, const struct sockaddr *peer,
                                   socklen_t size);

#endif
