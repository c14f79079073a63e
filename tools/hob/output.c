/* output.c - writing results: see output.h. */
#include "output.h"

#include <fcntl.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/thread.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_to_write(const char *path, bool keep) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (keep ? O_APPEND : O_TRUNC), 0666);
    return fd < 0 ? -errno : fd;
}
HOB_TASK(open_to_write, const char *, bool)

int output_open(struct output *out, const char *path, bool keep) {
    struct stat st;
    bool standard = strcmp(path, "-") == 0;
    *out = (struct output){.name = standard ? "standard output" : path, .is_standard = standard};
    /* A FIFO's opening waits for its reader. */
    out->fd = standard ? STDOUT_FILENO : hob_to_thread_or_leave(open_to_write, path, keep);
    if (out->fd < 0) return out->fd;
    if (fstat(out->fd, &st) < 0) return -errno;
    out->is_file = S_ISREG(st.st_mode);
    out->is_terminal = isatty(out->fd);
    out->text = open_memstream(&out->data, &out->size);
    return out->text ? 0 : -ENOMEM;
}

/* One write, of as much as goes. A pipe with room takes PIPE_BUF bytes for sure; more could hold
 * the loop up, since the descriptor is not ours to make non-blocking: others share it. */
static ssize_t write_some(struct output *out, char *data, size_t n) {
    if (out->is_file) {
        struct iovec iov = {data, n};
        return hob_pwritev(out->fd, &iov, 1, -1);
    }
    HOB_TRY(hob_poll(out->fd, POLLOUT));
    ssize_t sent = write(out->fd, data, n < PIPE_BUF ? n : PIPE_BUF);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return sent < 0 ? -errno : sent;
}

int output_flush(struct output *out) {
    out->sent = 0;
    if (fflush(out->text) != 0) return -ENOMEM;
    size_t size = (size_t)ftello(out->text);
    rewind(out->text); /* the next lines overwrite these */
    while (out->sent < size) {
        ssize_t n = write_some(out, out->data + out->sent, size - out->sent);
        if (n < 0) return (int)n;
        out->sent += (size_t)n;
    }
    return 0;
}

int output_close(struct output *out) {
    int rc = 0;
    if (out->text) fclose(out->text);
    free(out->data);
    if (out->fd > STDERR_FILENO && close(out->fd) < 0) rc = -errno;
    out->text = NULL;
    out->data = NULL;
    out->fd = -1;
    return rc;
}
