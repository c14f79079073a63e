/* io/file/whole.c - files as a whole: reading, replacing, appending. */
#include <hob/task.h>
#include <string.h>

#include "base/memory.h"
#include "io/file/file.h"

/* Files that say they are empty (in /proc) may not be. */
enum { FIRST_GUESS = 4096 };

static int too_long(const struct hob_file *f, size_t limit) {
    return hob__fail(false, HOB_E_LIMIT, "hob_read_file", __FILE__, __LINE__,
                     "'%s' is longer than %zu bytes", f->path, limit);
}

/* Makes room for at least one more byte, and the NUL. */
static int grow(char **bytes, size_t *room, size_t limit) {
    size_t more =
        *room < limit / 2 ? *room * 2 : limit + 1; /* one more shows that it is too long */
    char *p = more < SIZE_MAX ? hob__realloc(*bytes, more + 1) : NULL;
    if (!p) return -ENOMEM;
    *bytes = p;
    *room = more;
    return 0;
}

static int read_whole(struct hob_file *f, char **bytes, size_t *n, size_t limit) {
    struct stat st;
    int rc = hob_file_stat(f, &st);
    if (rc < 0) return rc;
    if (S_ISDIR(st.st_mode)) return hob__file_fail(-EISDIR, "hob_read_file", "read", f->path);
    int64_t size = st.st_size;
    if ((uint64_t)size > limit) return too_long(f, limit);
    size_t room = size > 0 ? (size_t)size : FIRST_GUESS, at = 0;
    *bytes = hob__alloc(room + 1);
    if (!*bytes) return -ENOMEM;
    for (;;) {
        ssize_t got = hob_file_read(f, *bytes + at, room - at);
        if (got < 0) return (int)got;
        at += (size_t)got;
        if (at > limit) return too_long(f, limit);
        /* What it held when its size was asked for is an answer. */
        if (got == 0 || (int64_t)at == size) break;
        if (at < room) continue;
        rc = grow(bytes, &room, limit);
        if (rc < 0) return rc;
    }
    (*bytes)[at] = 0;
    *n = at;
    return 0;
}

int hob_read_file(const char *path, char **bytes, size_t *n, size_t limit) {
    HOB_FILE(f);
    HOB_TRY(hob_open(path, "r", &f));
    char *read = NULL;
    int rc = read_whole(f, &read, n, limit);
    if (rc < 0)
        hob__free(read);
    else
        *bytes = read;
    return rc;
}

void hob_file_free(char *bytes) { hob__free(bytes); }

int hob_write_file(const char *path, const void *bytes, size_t n) {
    HOB_FILE(f);
    HOB_TRY(hob__replace_open(path, 0666, __func__, &f));
    HOB_TRY(hob_file_write(f, bytes, n));
    return hob_file_commit(f);
}

int hob_append_file(const char *path, const void *bytes, size_t n) {
    HOB_FILE(f);
    HOB_TRY(hob_open(path, "a", &f));
    HOB_TRY(hob_file_write(f, bytes, n));
    struct hob_file *written = f;
    f = NULL;
    return hob_file_close(written);
}
