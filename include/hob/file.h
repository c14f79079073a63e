/* hob/file.h - files: open, read, write, lines; whole files at once; names in folders; temporary
 * files. hob/watch.h tells of changes.
 *
 * A path is relative to the working directory and must stay valid while the call waits. What the
 * kernel can do without a disk (read a cached page, open a name it remembers) is done at once, for
 * the price of the system call; everything else happens on io_uring or in worker threads, while
 * other tasks run. Every call that waits is a cancellation point: cancelled before it began, it has
 * done nothing. The kernel works on the buffers and names while a call waits, so a cancel that
 * comes meanwhile is seen afterwards: what was done is reported, never dropped. A call that need
 * not wait may let other tasks run all the same. Errors are the system's; hob_error() says of which
 * path. */
#ifndef HOB_FILE_H
#define HOB_FILE_H
#pragma GCC system_header

#include <dirent.h> /* DT_REG, DT_DIR ... */
#include <fcntl.h>  /* O_RDONLY ... */
#include <hob/base.h>
#include <hob/generator.h>
#include <hob/line.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- an open file: a descriptor, a position of its own, and a buffer for lines. It belongs to the
 * loop it was opened in. Calls at the position (read, write, line, seek) are for one task at a time
 * (else misuse); hob_file_pread() and _pwrite() are for any number. ---- */

struct hob_file;

/* Opens as fopen() and Python's open() do: "r" reads, "w" empties or creates, "a" appends or
 * creates, "x" creates what must not exist yet; with a "+" reads and writes. New files get the mode
 * 0666 without the umask. Never made anybody's controlling terminal, closed on exec; a FIFO is
 * opened without waiting for its other end. 0 and *out, or -ENOENT, -EACCES, -EISDIR, -EMFILE ...,
 * -EINVAL (another mode). */
HOB_API int hob_open(const char *path, const char *mode, struct hob_file **out);
/* The same with open(2)'s O_ flags and mode, for what the letters cannot say. */
HOB_API int hob_open_flags(const char *path, int flags, mode_t mode, struct hob_file **out);
/* Opens for reading what lies below an open folder (hob_open_flags(path, O_RDONLY | O_DIRECTORY, 0,
 * &folder)), by a relative path: a file or a folder. Neither ".." nor a symbolic link nor anybody
 * who moves things meanwhile leads out of the folder: -EXDEV. On kernels before 5.6 no symbolic
 * link is followed at all: -ELOOP. */
HOB_API int hob_open_below(struct hob_file *folder, const char *path, struct hob_file **out);
/* Closes and frees; NULL is allowed. What was only read is closed at once; after writes, and for
 * temporary files, it waits for the close (which may have to write or free much), and no cancel
 * cuts that short. 0, or the error that the close reported (-EIO, -EDQUOT): the file is gone all
 * the same. A task in a call on it: misuse. */
HOB_API int hob_file_close(struct hob_file *f);
/* HOB_FILE(f); declares `struct hob_file *f = NULL`, closed when the block is left. */
#define HOB_FILE(f) struct hob_file *f __attribute__((cleanup(hob__file_leave))) = NULL
/* The descriptor, for fcntl and the like; its own position is not used. */
HOB_API int hob_file_fd(const struct hob_file *f);
/* The path that it was opened by. */
HOB_API const char *hob_file_path(const struct hob_file *f);

/* Up to n bytes at the position; 0 = the end. It may be less than asked for anywhere. What has no
 * positions (a pipe, a terminal): -ESPIPE; hob_stream_open() is for those. */
HOB_API ssize_t hob_file_read(struct hob_file *f, void *buf, size_t n);
/* All n bytes, or HOB_E_EOF; the position is behind what was read then. */
HOB_API ssize_t hob_file_read_exactly(struct hob_file *f, void *buf, size_t n);
/* Writes all n bytes at the position, or at the end in a file opened with "a" (then in one piece,
 * if n is at most 1 MiB: parallel writers do not mix). n or an error (-ENOSPC, -EFBIG ...), a
 * cancel in between too: the position is behind what was written. */
HOB_API ssize_t hob_file_write(struct hob_file *f, const void *buf, size_t n);
/* The same at an offset of the caller's; the position stays. After an error of _pwrite() it is
 * unknown how much was written. */
HOB_API ssize_t hob_file_pread(struct hob_file *f, void *buf, size_t n, int64_t offset);
HOB_API ssize_t hob_file_pwrite(struct hob_file *f, const void *buf, size_t n, int64_t offset);

/* Moves the position, as lseek(): SEEK_SET, SEEK_CUR, SEEK_END. The new one, or -EINVAL. */
HOB_API int64_t hob_file_seek(struct hob_file *f, int64_t offset, int whence);
/* The position. Does not wait. */
HOB_API int64_t hob_file_tell(const struct hob_file *f);
/* How long the file is, in bytes. */
HOB_API int64_t hob_file_size(struct hob_file *f);
/* All of fstat(). */
HOB_API int hob_file_stat(struct hob_file *f, struct stat *st);
/* Cuts or lengthens (with zeroes) the file; the position stays. */
HOB_API int hob_file_truncate(struct hob_file *f, int64_t size);
/* Waits until what was written has reached the disk: fsync(), fdatasync(). */
HOB_API int hob_file_sync(struct hob_file *f);
HOB_API int hob_file_datasync(struct hob_file *f);

/* ---- lines, out of a read-ahead buffer: a line costs no system call ---- */

enum { HOB_LINE_LIMIT = 1 << 20 }; /* bytes of the longest line, unless told otherwise */

/* The next line: 1 and *line, 0 at the end, or an error. The last one need not end with '\n'. A
 * line longer than the limit: HOB_E_LIMIT, and the position stays at its beginning. */
HOB_API int hob_file_line(struct hob_file *f, struct hob_line *line);
/* Another limit for hob_file_line(): the file's buffer is at most so long (and at least 64 KiB). */
HOB_API void hob_file_line_limit(struct hob_file *f, size_t bytes);
/* HOB_EACH_LINE(line, f) puts(line.text); - a loop over the lines that are left: hob/line.h. */

/* ---- whole files ---- */

/* Reads a file whole: 0, *bytes (with a NUL behind the *n bytes; give it to hob_file_free()). More
 * than limit bytes: HOB_E_LIMIT, and no more memory than that is used. */
HOB_API int hob_read_file(const char *path, char **bytes, size_t *n, size_t limit);
HOB_API void hob_file_free(char *bytes); /* NULL is allowed */

/* Writes a file whole, atomically: whoever opens the path, also after a crash or a power cut, finds
 * all of the old content or all of the new. (A temporary file ".hob-..." in the same folder, fsync,
 * rename, fsync of the folder.) Mode and, where permitted, owner of a file that is there are kept,
 * other attributes (ACLs, hard links) not; a symbolic link stays, what it leads to is replaced. On
 * any error, a cancel too, the temporary is removed and the old file is as it was. A file that the
 * caller may not write to is not replaced (-EACCES); what is no regular file neither (-EISDIR,
 * -EINVAL). 0 or an error. */
HOB_API int hob_write_file(const char *path, const void *bytes, size_t n);
/* The same for content that comes in pieces: *out is a new file to write to, which takes the path's
 * place with hob_file_commit(). Closed without that, it vanishes. */
HOB_API int hob_open_replacing(const char *path, struct hob_file **out);
HOB_API int hob_file_commit(struct hob_file *f);
/* Appends to a file, creating it if it is not there: in one piece up to 1 MiB. */
HOB_API int hob_append_file(const char *path, const void *bytes, size_t n);
/* Copies a file's content and mode, atomically as hob_write_file() writes; in the kernel, sharing
 * blocks where the file system can. How many bytes, or an error. */
HOB_API int64_t hob_copy_file(const char *from, const char *to);

/* ---- names. 0, or an error as the system call of that name gives it. ---- */

HOB_API int hob_stat(const char *path, struct stat *st);
HOB_API int hob_lstat(const char *path, struct stat *st);
/* Is there something (a dangling symbolic link is not)? 1, 0, or an error (-EACCES, -ELOOP ...). */
HOB_API int hob_exists(const char *path);
HOB_API int hob_mkdir(const char *path, mode_t mode);
/* With its parents, as mkdir -p; 0 too when it is a folder already. */
HOB_API int hob_mkdir_all(const char *path, mode_t mode);
/* Replaces `to`, if that is there. */
HOB_API int hob_rename(const char *from, const char *to);
/* -EEXIST, if that is there. */
HOB_API int hob_rename_new(const char *from, const char *to);
HOB_API int hob_unlink(const char *path);
HOB_API int hob_rmdir(const char *path);
/* A file, or a folder with all that is in it, as rm -rf: 0 too when nothing is there. Symbolic
 * links are removed, not followed. A cancel is seen every few hundred names; the rest is then still
 * there.
 */
HOB_API int hob_remove_all(const char *path);
HOB_API int hob_link(const char *from, const char *to);
HOB_API int hob_symlink(const char *target, const char *path);
/* What the link says, with a NUL: its length; -ENAMETOOLONG when that needs more than n bytes. */
HOB_API ssize_t hob_readlink(const char *path, char *buf, size_t n);
HOB_API int hob_chmod(const char *path, mode_t mode);

/* ---- folders ---- */

struct hob_entry {
    const char *name;
    const char *path; /* the folder's path, '/', name */
    uint64_t inode;
    int depth;          /* hob_walk(): 1 = in the folder itself */
    unsigned char type; /* DT_REG, DT_DIR, DT_LNK ...; never DT_UNKNOWN, unless it has vanished */
    bool skip;          /* hob_walk(): set it to stay out of this folder */
    int error;          /* hob_walk(): why this folder cannot be read; 0 = none */
};

/* HOB_EACH(struct hob_entry *, e, hob_scandir, "/tmp") puts(e->name); - the names in a folder,
 * without . and .., in the folder's own order; 32 KiB of memory, however many. What e points at is
 * valid until the next one. Names that come and go meanwhile may be given or not. */
HOB_API int hob_scandir(struct hob_generator *gen, const char *path);
/* The same with all that is below: a folder, then what is in it. Symbolic links are not followed.
 * One descriptor and 32 KiB for each level, at most 128 levels (HOB_E_LIMIT). A folder below that
 * cannot be read is given a second time, with e->error, and left out. */
HOB_API int hob_walk(struct hob_generator *gen, const char *path);

/* ---- temporary files, for reading and writing, mode 0600. folder NULL: $TMPDIR, or /tmp. What a
 * scope cannot remove at its end is reported (hob_set_report), with the reason. ---- */

/* Without a name, where the file system can; it is gone when it is closed. */
HOB_API int hob_open_temp(const char *folder, struct hob_file **out);
/* With a name (hob_file_path()): closed and removed when the scope ends. */
HOB_API int hob_temp_file(struct hob_scope *s, const char *folder, struct hob_file **out);
/* A folder of mode 0700; *path belongs to the scope, at whose end it is removed with all in it. */
HOB_API int hob_temp_dir(struct hob_scope *s, const char *folder, const char **path);

/* ---- a descriptor of one's own ---- */

/* Positional I/O through the loop's completions. The number of bytes (may be less than asked for,
 * as preadv and pwritev), or an error. offset -1: the descriptor's own position. On a pipe or a
 * terminal a cancel may never be seen (see hob_poll()). */
HOB_API ssize_t hob_preadv(int fd, const struct iovec *iov, int count, int64_t offset);
HOB_API ssize_t hob_pwritev(int fd, const struct iovec *iov, int count, int64_t offset);

HOB_API void hob__file_leave(struct hob_file **f); /* private */

#ifdef __cplusplus
}
#endif

HOB_GENERATOR(hob_scandir, struct hob_entry *, const char *)
HOB_GENERATOR(hob_walk, struct hob_entry *, const char *)
#endif
