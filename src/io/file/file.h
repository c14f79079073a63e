/* io/file/file.h - the inside of files. */
#ifndef HOB_IO_FILE_H
#define HOB_IO_FILE_H

#include <hob/error.h>
#include <hob/file.h>

#include "base/buffer.h"
#include "task/fdwait.h"

/* What a cancel waits for at most: one piece of reading that is done at once, so that it cannot
 * hold the loop; one piece of writing. */
enum { HOB__FILE_READ_PIECE = 256 << 10, HOB__FILE_WRITE_PIECE = 1 << 20 };

struct hob__replacing;

struct hob_file {
    struct hob__backend *backend;
    int fd;
    unsigned running;         /* calls on it */
    bool busy;                /* one of them is at the position */
    bool append;              /* writes go to the end */
    bool heavy;               /* its close may take long: a worker's */
    bool kept;                /* its memory may serve the next file, too */
    int64_t pos;              /* of the first byte of `ahead` */
    struct hob__buffer ahead; /* what was read and not given out yet */
    size_t line_limit;
    struct hob__replacing *replacing; /* hob_open_replacing() */
    char path[];
};

/* hob_fail() in the name of a public function: "cannot VERB 'path'"; code itself when it is a
 * cancel, which needs no words. */
int hob__file_fail(int code, const char *func, const char *verb, const char *path);

/* A file without a descriptor yet; NULL without memory. */
struct hob_file *hob__file_blank(struct hob__backend *b, const char *path, int flags);
/* Gives its memory back. */
void hob__file_free(struct hob_file *f);

void hob__file_misused(const struct hob_file *f, const struct hob__backend *b, const char *func)
    __attribute__((noreturn, cold));
/* Begins and ends a call on f; at_position: of which there is one at a time. 0 or -ECANCELED. */
static inline int hob__file_enter(struct hob_file *f, bool at_position, const char *func) {
    struct hob__backend *b;
    int rc = hob__io_enter(func, &b);
    if (HOB__UNLIKELY(b != f->backend || (at_position && f->busy))) hob__file_misused(f, b, func);
    if (HOB__UNLIKELY(rc < 0)) return rc;
    f->running++;
    f->busy |= at_position;
    return 0;
}
static inline void hob__file_leave_call(struct hob_file *f, bool at_position) {
    f->running--;
    if (at_position) f->busy = false;
}

/* One piece at an offset (-1: the end of a file that appends). */
static inline ssize_t hob__file_get(struct hob_file *f, void *buf, size_t n, int64_t offset) {
    struct iovec iov = {buf, n < HOB__FILE_READ_PIECE ? n : HOB__FILE_READ_PIECE};
    struct hob__op op; /* what the code looks at; clearing the rest would take time */
    op.code = HOB__OP_PREADV;
    op.fd = f->fd;
    op.iov = &iov;
    op.iov_count = 1;
    op.offset = offset;
    return hob__op_run_on(f->backend, &op, "read");
}
ssize_t hob__file_put(struct hob_file *f, const void *buf, size_t n, int64_t offset);

/* fstatat(), at once where that is possible. */
int hob__stat_at(int at, const char *path, int flags, struct stat *st);
int hob__file_sync(struct hob_file *f, bool data_only, const char *func);

/* A job for a worker thread: embeds the op as its first member. Not cut short by a cancel. Its
 * result, or -ENOMEM, -EAGAIN (no thread can be had). */
int hob__file_job(struct hob__op *op, int (*work)(struct hob__op *op), const char *what);
/* The same for clean-ups, which are not left out: without a thread it is done in this one. */
int hob__file_cleanup(struct hob__op *op, int (*work)(struct hob__op *op), const char *what);

/* Closes what may take long to close, in a worker. */
int hob__file_close_slowly(struct hob__backend *b, int fd);

/* What getdents64() writes. */
struct hob__dirent {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};
static inline bool hob__is_dots(const char *name) {
    return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}
/* scan.c: the type of a name in the folder fd, asked for where the file system does not keep
 * it with the name. For a job. */
void hob__dirent_type(struct hob__backend *b, int fd, struct hob__dirent *r);

/* replace.c: as hob_open_replacing(), with the mode that a new file gets. */
int hob__replace_open(const char *path, mode_t mode, const char *func, struct hob_file **out);
/* Removes the temporary. */
void hob__replace_drop(struct hob_file *f);

/* remove.c: removes at most so many names of what is at path. 1 = there is more, 0, or an
 * error. For a job. */
int hob__remove_some(struct hob__backend *b, const char *path, unsigned most);

#endif
