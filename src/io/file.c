/* io/file.c - positional file I/O through completions. */
#include <hob/net.h>

#include "task/fdwait.h"
#include "task/wait.h"

static ssize_t run(enum hob__op_code code, int fd, const struct iovec *iov, int count,
                   int64_t offset, const char *func) {
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    struct hob__op op = {.code = code, .fd = fd, .iov = iov, .iov_count = count, .offset = offset};
    return hob__op_run(&op, func + sizeof "hob_" - 1);
}

ssize_t hob_preadv(int fd, const struct iovec *iov, int count, int64_t offset) {
    return run(HOB__OP_PREADV, fd, iov, count, offset, __func__);
}

ssize_t hob_pwritev(int fd, const struct iovec *iov, int count, int64_t offset) {
    return run(HOB__OP_PWRITEV, fd, iov, count, offset, __func__);
}
