/* io/file/file.c - files: opening, closing, and what every call on one has in common.
 *
 * The position is the file's own, in user space: reads and writes name their offset, so that a seek
 * costs nothing, a read-ahead buffer disturbs nobody, and a call that was cut short by a cancel has
 * moved it by what was done. */
#include "io/file/file.h"

#include <hob/task.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "io/fail.h"
#include "task/task.h"

int hob__file_fail(int code, const char *func, const char *verb, const char *path) {
    if (code == -ECANCELED) return code;
    return hob__fail(false, code, func, __FILE__, __LINE__, "cannot %s '%s'", verb, path);
}

/* Never a result. */
enum { NOT_RUN = INT_MIN };

static int run_job(struct hob__op *op, int (*work)(struct hob__op *op), const char *what) {
    op->code = HOB__OP_WORK;
    op->fd = -1;
    op->work = work;
    op->result = NOT_RUN;
    return (int)hob__op_run(op, what);
}

int hob__file_job(struct hob__op *op, int (*work)(struct hob__op *op), const char *what) {
    return run_job(op, work, what);
}

int hob__file_cleanup(struct hob__op *op, int (*work)(struct hob__op *op), const char *what) {
    int rc = hob_self() ? run_job(op, work, what) : work(op);
    return rc < 0 && op->result == NOT_RUN ? work(op) : rc;
}

/* ---- records ---- */

/* The loop keeps the record that was freed last, as a file often takes less time than a malloc()
 * and free() with cold caches: 4 % of opening, reading and closing one of 4 KiB. */
enum { RECORD = 256 }; /* bytes at least, so that most paths fit into another's record */

struct spare {
    struct hob__loop_data data;
    struct hob_file *file;
};

static void drop_spare(struct hob__loop_data *d) {
    struct spare *s = (struct spare *)(void *)d; /* its first member */
    hob__free(s->file);
    hob__free(s);
}

static inline struct spare *spare_of(const struct hob_loop *loop) {
    return loop ? (struct spare *)(void *)loop->data[HOB__LOOP_FILES] : NULL;
}

static inline struct hob_file *record_new(size_t n) {
    struct spare *s = spare_of(hob__loop);
    struct hob_file *f = HOB__LIKELY(s != NULL) ? s->file : NULL;
    if (HOB__UNLIKELY(!f || n > RECORD)) return hob__alloc(n > RECORD ? n : RECORD);
    s->file = NULL;
    return f;
}

/* The first time in a loop that a record is freed. */
static __attribute__((noinline)) void spare_open(struct hob_file *f) {
    struct spare *s = hob__loop ? hob__alloc(sizeof *s) : NULL;
    if (!s) {
        hob__free(f);
        return;
    }
    *s = (struct spare){{drop_spare}, f};
    hob__loop_data_set(HOB__LOOP_FILES, &s->data);
}

void hob__file_free(struct hob_file *f) {
    struct spare *s = spare_of(hob__loop);
    /* AddressSanitizer sees the use of a closed file only when its memory is given back. */
    if (HOB__ASAN || !f || !f->kept || (s && s->file))
        hob__free(f);
    else if (HOB__LIKELY(s != NULL))
        s->file = f;
    else
        spare_open(f);
}

/* ---- open and close ---- */

struct hob_file *hob__file_blank(struct hob__backend *b, const char *path, int flags) {
    size_t n = strlen(path) + 1;
    struct hob_file *f = record_new(sizeof *f + n);
    if (HOB__UNLIKELY(!f)) return NULL;
    /* Field by field: the compilers' own way to clear so much costs more than the rest of this. */
    f->backend = b;
    f->kept = sizeof *f + n <= RECORD;
    f->fd = -1;
    f->running = 0;
    f->busy = f->heavy = false;
    f->append = (flags & O_APPEND) != 0;
    f->pos = 0;
    f->ahead.data = NULL;
    f->ahead.start = f->ahead.end = f->ahead.cap = 0;
    f->ahead.borrowed = false;
    f->line_limit = HOB_LINE_LIMIT;
    f->replacing = NULL;
    memcpy(f->path, path, n);
    return f;
}

/* below: the folder in which all of the path has to lie, or AT_FDCWD. */
static int open_file(int below, const char *path, int flags, mode_t mode, const char *func,
                     struct hob_file **out) {
    struct hob__backend *b;
    int rc = hob__io_enter(func, &b);
    if (HOB__UNLIKELY(rc < 0)) return rc;
    struct hob__op op; /* what the code looks at; clearing the rest would take time */
    op.code = below == AT_FDCWD ? HOB__OP_OPENAT : HOB__OP_OPENBELOW;
    op.fd = below;
    op.path = path;
    op.path2 = NULL;
    /* O_NONBLOCK: a FIFO must not hold up a thread that nothing can call back. Files don't care. */
    op.flags = (uint32_t)(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    op.mode = mode;
    struct hob_file *f = hob__file_blank(b, path, flags);
    if (HOB__UNLIKELY(!f)) return -ENOMEM;
    ssize_t fd = hob__op_run_on(b, &op, "open");
    if (fd == -EAGAIN && !(flags & O_NONBLOCK)) {
        /* Another process holds a lease on it, which the kernel takes back within its time. */
        op.flags &= (uint32_t)~O_NONBLOCK;
        fd = hob__op_run_on(b, &op, "open");
    }
    if (HOB__UNLIKELY(fd < 0)) {
        hob__file_free(f);
        bool reads = (flags & (O_ACCMODE | O_CREAT)) == O_RDONLY;
        return hob__file_fail((int)fd, func, reads ? "open" : "open for writing", path);
    }
    f->fd = (int)fd;
    *out = f;
    return 0;
}

int hob_open_flags(const char *path, int flags, mode_t mode, struct hob_file **out) {
    return open_file(AT_FDCWD, path, flags, mode, __func__, out);
}

/* -1: no such mode. */
static int flags_of(const char *mode) {
    int flags;
    switch (mode[0]) {
    case 'r':
        flags = O_RDONLY;
        break;
    case 'w':
        flags = O_WRONLY | O_CREAT | O_TRUNC;
        break;
    case 'a':
        flags = O_WRONLY | O_CREAT | O_APPEND;
        break;
    case 'x':
        flags = O_WRONLY | O_CREAT | O_EXCL;
        break;
    default:
        return -1;
    }
    if (mode[1] == 0) return flags;
    if (mode[1] != '+' || mode[2] != 0) return -1;
    return (flags & ~O_ACCMODE) | O_RDWR;
}

int hob_open(const char *path, const char *mode, struct hob_file **out) {
    int flags = flags_of(mode);
    if (flags < 0) {
        int rc = hob__io_point(__func__);
        return rc < 0 ? rc : hob_fail(-EINVAL, "'%s' is no mode: r, w, a, x, or one with +", mode);
    }
    return open_file(AT_FDCWD, path, flags, 0666, __func__, out);
}

int hob_open_below(struct hob_file *folder, const char *path, struct hob_file **out) {
    if (!strcmp(path, "..") || !strncmp(path, "../", 3) || *path == '/') { /* whatever the kernel */
        int rc = hob__io_point(__func__);
        return rc < 0 ? rc : hob__file_fail(-EXDEV, __func__, "open", path);
    }
    return open_file(folder->fd, path, O_RDONLY, 0, __func__, out);
}

struct closing {
    struct hob__op op;
    struct hob__backend *backend;
    int fd;
};

static int close_job(struct hob__op *op) {
    struct closing *c = (struct closing *)op;
    return c->backend->ops->files->close(c->backend, c->fd);
}

int hob__file_close_slowly(struct hob__backend *b, int fd) {
    struct closing c = {.backend = b, .fd = fd};
    return hob__file_cleanup(&c.op, close_job, "close");
}

/* func: in whose name an error gets its words; NULL: none. */
static int close_file(struct hob_file *f, const char *func) {
    if (!f) return 0;
    if (f->running > 0)
        hob__misuse("hob_file_close", "a task is in a call on the file '%s'", f->path);
    if (f->replacing) hob__replace_drop(f);
    struct hob__backend *b = f->backend;
    int rc = f->heavy ? hob__file_close_slowly(b, f->fd) : b->ops->files->close(b, f->fd);
    if (rc < 0 && func) hob__file_fail(rc, func, "close", f->path);
    if (f->ahead.data) hob__buffer_free(&f->ahead);
    hob__file_free(f);
    return rc;
}

int hob_file_close(struct hob_file *f) { return close_file(f, __func__); }

/* On the way out: nobody asks how it went, and why the block is left shall be known. */
void hob__file_leave(struct hob_file **f) { close_file(*f, NULL); }

int hob_file_fd(const struct hob_file *f) { return f->fd; }
const char *hob_file_path(const struct hob_file *f) { return f->path; }

/* ---- calls ---- */

void hob__file_misused(const struct hob_file *f, const struct hob__backend *b, const char *func) {
    if (b != f->backend) hob__misuse(func, "the file '%s' belongs to another loop", f->path);
    hob__misuse(func, "two tasks are at the position of the file '%s' at once", f->path);
}

ssize_t hob__file_put(struct hob_file *f, const void *buf, size_t n, int64_t offset) {
    struct iovec iov = {(void *)buf, n < HOB__FILE_WRITE_PIECE ? n : HOB__FILE_WRITE_PIECE};
    struct hob__op op = {
        .code = HOB__OP_PWRITEV, .fd = f->fd, .iov = &iov, .iov_count = 1, .offset = offset};
    f->heavy = true;
    return hob__op_run_on(f->backend, &op, "write");
}

/* ---- descriptors of the caller's ---- */

static ssize_t run(enum hob__op_code code, int fd, const struct iovec *iov, int count,
                   int64_t offset, const char *func) {
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    struct hob__op op = {.code = code, .fd = fd, .iov = iov, .iov_count = count, .offset = offset};
    ssize_t done = hob__op_run(&op, func + sizeof "hob_" - 1);
    return hob__said(done, "cannot %s descriptor %d at %lld: %s",
                     code == HOB__OP_PREADV ? "read from" : "write to", fd, (long long)offset,
                     hob_strerror((int)done));
}

ssize_t hob_preadv(int fd, const struct iovec *iov, int count, int64_t offset) {
    return run(HOB__OP_PREADV, fd, iov, count, offset, __func__);
}

ssize_t hob_pwritev(int fd, const struct iovec *iov, int count, int64_t offset) {
    return run(HOB__OP_PWRITEV, fd, iov, count, offset, __func__);
}
