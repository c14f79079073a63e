/* io/file/rw.c - reading and writing files, at the position and elsewhere. */
#include <hob/task.h>
#include <string.h>

#include "io/file/file.h"

static size_t buffered(const struct hob_file *f) { return hob__buffer_size(&f->ahead); }

/* What was read ahead may not be true any more. */
static void forget_ahead(struct hob_file *f) { f->ahead.start = f->ahead.end = 0; }

/* ---- reading ---- */

static __attribute__((noinline, cold)) ssize_t read_fail(struct hob_file *f, ssize_t rc,
                                                         const char *func) {
    if (rc == -ESPIPE)
        return hob__fail(false, -ESPIPE, func, __FILE__, __LINE__,
                         "'%s' has no positions (a pipe, a terminal): hob_stream_open() reads it",
                         f->path);
    return hob__file_fail((int)rc, func, "read", f->path);
}

static __attribute__((noinline)) ssize_t read_ahead(struct hob_file *f, void *buf, size_t n) {
    size_t ready = buffered(f), take = n < ready ? n : ready;
    memcpy(buf, hob__buffer_bytes(&f->ahead), take);
    hob__buffer_take(&f->ahead, take);
    f->pos += (int64_t)take;
    return (ssize_t)take;
}

static inline ssize_t read_some(struct hob_file *f, void *buf, size_t n, const char *func) {
    if (HOB__UNLIKELY(buffered(f) > 0)) return read_ahead(f, buf, n);
    ssize_t got = n > 0 ? hob__file_get(f, buf, n, f->pos) : 0;
    if (HOB__UNLIKELY(got < 0)) return read_fail(f, got, func);
    f->pos += got;
    return got;
}

ssize_t hob_file_read(struct hob_file *f, void *buf, size_t n) {
    int rc = hob__file_enter(f, true, __func__);
    if (HOB__UNLIKELY(rc < 0)) return rc;
    ssize_t got = read_some(f, buf, n, __func__);
    hob__file_leave_call(f, true);
    return got;
}

ssize_t hob_file_read_exactly(struct hob_file *f, void *buf, size_t n) {
    int rc = hob__file_enter(f, true, __func__);
    if (rc < 0) return rc;
    size_t at = 0;
    ssize_t got = 0;
    while (at < n) {
        if (at > 0 && (got = hob__io_point(__func__)) < 0) break;
        got = read_some(f, (char *)buf + at, n - at, __func__);
        if (got == 0)
            got = hob_fail(HOB_E_EOF, "the file '%s' ended after %zu of %zu bytes", f->path, at, n);
        if (got < 0) break;
        at += (size_t)got;
    }
    hob__file_leave_call(f, true);
    return got < 0 ? got : (ssize_t)n;
}

ssize_t hob_file_pread(struct hob_file *f, void *buf, size_t n, int64_t offset) {
    int rc = hob__file_enter(f, false, __func__);
    if (rc < 0) return rc;
    /* -1 would be the descriptor's own position. */
    ssize_t got = offset < 0 ? -EINVAL : n > 0 ? hob__file_get(f, buf, n, offset) : 0;
    hob__file_leave_call(f, false);
    return got < 0 ? read_fail(f, got, __func__) : got;
}

/* ---- writing ---- */

static ssize_t write_fail(struct hob_file *f, ssize_t rc, size_t done, size_t n, const char *func) {
    if (rc == -ECANCELED) return rc;
    if (rc == -ESPIPE) return read_fail(f, rc, func);
    return hob__fail(false, (int)rc, func, __FILE__, __LINE__,
                     "cannot write '%s': %s (%zu of %zu bytes were written)", f->path,
                     hob_strerror((int)rc), done, n);
}

/* *offset moves with what was written; -1: at the end, wherever that is. */
static ssize_t write_all(struct hob_file *f, const void *buf, size_t n, int64_t *offset,
                         const char *func) {
    size_t at = 0;
    while (at < n) {
        ssize_t put = at > 0 ? hob__io_point(func) : 0;
        if (put == 0) put = hob__file_put(f, (const char *)buf + at, n - at, *offset);
        if (put == 0) put = -EIO; /* a file takes something, or says why not */
        if (put < 0) return write_fail(f, put, at, n, func);
        at += (size_t)put;
        if (*offset >= 0) *offset += put;
    }
    return (ssize_t)n;
}

ssize_t hob_file_write(struct hob_file *f, const void *buf, size_t n) {
    int rc = hob__file_enter(f, true, __func__);
    if (rc < 0) return rc;
    forget_ahead(f);
    int64_t end = -1;
    ssize_t put = write_all(f, buf, n, f->append ? &end : &f->pos, __func__);
    /* The kernel's position is behind the last append, ours in no other case. */
    if (f->append && n > 0) {
        end = f->backend->ops->files->position(f->backend, f->fd);
        if (end > f->pos) f->pos = end;
    }
    hob__file_leave_call(f, true);
    return put;
}

ssize_t hob_file_pwrite(struct hob_file *f, const void *buf, size_t n, int64_t offset) {
    int rc = hob__file_enter(f, false, __func__);
    if (rc < 0) return rc;
    if (!f->busy) forget_ahead(f);
    ssize_t put = offset < 0 ? write_fail(f, -EINVAL, 0, n, __func__)
                             : write_all(f, buf, n, &offset, __func__);
    hob__file_leave_call(f, false);
    return put;
}

/* ---- the position and the length ---- */

int64_t hob_file_tell(const struct hob_file *f) { return f->pos; }

static int stat_file(struct hob_file *f, struct stat *st, const char *func) {
    int rc = hob__stat_at(f->fd, "", AT_EMPTY_PATH, st);
    return rc < 0 ? hob__file_fail(rc, func, "ask for the state of", f->path) : 0;
}

int hob_file_stat(struct hob_file *f, struct stat *st) {
    int rc = hob__file_enter(f, false, __func__);
    if (rc < 0) return rc;
    rc = stat_file(f, st, __func__);
    hob__file_leave_call(f, false);
    return rc;
}

int64_t hob_file_size(struct hob_file *f) {
    struct stat st;
    int rc = hob__file_enter(f, false, __func__);
    if (rc < 0) return rc;
    rc = stat_file(f, &st, __func__);
    hob__file_leave_call(f, false);
    return rc < 0 ? rc : st.st_size;
}

int64_t hob_file_seek(struct hob_file *f, int64_t offset, int whence) {
    int64_t from = 0;
    if (whence == SEEK_END) {
        from = hob_file_size(f);
        if (from < 0) return from;
    }
    int rc = hob__file_enter(f, true, __func__);
    if (rc < 0) return rc;
    if (whence == SEEK_CUR) from = f->pos;
    int64_t to;
    if ((whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) ||
        __builtin_add_overflow(from, offset, &to) || to < 0) {
        hob__file_leave_call(f, true);
        return hob_fail(-EINVAL, "no position in '%s': %lld from %d", f->path, (long long)offset,
                        whence);
    }
    int64_t forward = to - f->pos;
    if (forward >= 0 && (uint64_t)forward <= buffered(f))
        hob__buffer_take(&f->ahead, (size_t)forward);
    else
        forget_ahead(f);
    f->pos = to;
    hob__file_leave_call(f, true);
    return to;
}

struct truncating {
    struct hob__op op;
    struct hob_file *file;
    int64_t size;
};

static int truncate_job(struct hob__op *op) {
    struct truncating *t = (struct truncating *)op;
    return t->file->backend->ops->files->ftruncate(t->file->backend, t->file->fd, t->size);
}

int hob_file_truncate(struct hob_file *f, int64_t size) {
    int rc = hob__file_enter(f, true, __func__);
    if (rc < 0) return rc;
    forget_ahead(f);
    f->heavy = true;
    struct truncating t = {.file = f, .size = size};
    rc = hob__file_job(&t.op, truncate_job, "truncate");
    hob__file_leave_call(f, true);
    return rc < 0 ? hob__file_fail(rc, __func__, "truncate", f->path) : 0;
}

int hob__file_sync(struct hob_file *f, bool data_only, const char *func) {
    int rc = hob__file_enter(f, false, func);
    if (rc < 0) return rc;
    struct hob__op op = {.code = HOB__OP_FSYNC, .fd = f->fd, .flags = data_only};
    rc = (int)hob__op_run(&op, "fsync");
    hob__file_leave_call(f, false);
    return rc < 0 ? hob__file_fail(rc, func, "sync", f->path) : 0;
}

int hob_file_sync(struct hob_file *f) { return hob__file_sync(f, false, __func__); }
int hob_file_datasync(struct hob_file *f) { return hob__file_sync(f, true, __func__); }
