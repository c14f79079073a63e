/* io/file/lines.c - lines out of a read-ahead buffer.
 *
 * The buffer holds the file's bytes from the position on. It begins with 64 KiB, from which most
 * lines are handed out where they lie; it grows, by doubling, only for a line that does not fit. */
#include <hob/task.h>
#include <string.h>

#include "base/memory.h"
#include "io/file/file.h"

enum { AHEAD = 64 << 10 };

void hob_file_line_limit(struct hob_file *f, size_t bytes) {
    f->line_limit = bytes > AHEAD ? bytes : AHEAD;
}

/* Reads more behind what is there. 0 at the end, HOB_E_LIMIT. One byte is kept for the last NUL. */
static ssize_t fill(struct hob_file *f) {
    struct hob__buffer *b = &f->ahead;
    size_t have = hob__buffer_size(b);
    if (have > f->line_limit) return HOB_E_LIMIT;
    size_t most = f->line_limit < SIZE_MAX - 2 ? f->line_limit + 2 : SIZE_MAX;
    size_t more = have == 0 ? AHEAD : have + 1 < b->cap ? b->cap - have : have;
    if (more > most - have) more = most - have;
    int rc = hob__buffer_reserve(b, more, most);
    if (rc < 0) return rc;
    ssize_t got =
        hob__file_get(f, hob__buffer_tail(b), hob__buffer_room(b) - 1, f->pos + (int64_t)have);
    if (got > 0) hob__buffer_put(b, (size_t)got);
    return got;
}

/* The next line, all of which may have to be read first. */
static __attribute__((noinline)) int find_line(struct hob_file *f, struct hob_line *line) {
    size_t looked = hob__buffer_size(&f->ahead);
    for (;;) {
        ssize_t got = fill(f);
        if (got == HOB_E_LIMIT)
            return hob_fail(HOB_E_LIMIT, "a line of '%s' is longer than %zu bytes", f->path,
                            f->line_limit);
        if (got < 0) return hob__file_fail((int)got, "hob_file_line", "read", f->path);
        char *text = hob__buffer_bytes(&f->ahead);
        size_t size = hob__buffer_size(&f->ahead);
        if (size == 0) return 0;
        char *end = memchr(text + looked, '\n', size - looked);
        if (!end && got > 0 && size <= f->line_limit) {
            looked = size;
            int rc = hob__io_point("hob_file_line");
            if (rc < 0) return rc;
            continue;
        }
        if (!end && got > 0) continue; /* fill() says that it is too long */
        line->text = text;
        line->n = end ? (size_t)(end - text) : size;
        text[line->n] = 0;
        hob__buffer_take(&f->ahead, line->n + (end != NULL));
        f->pos += (int64_t)line->n + (end != NULL);
        return 1;
    }
}

int hob_file_line(struct hob_file *f, struct hob_line *line) {
    int rc = hob__file_enter(f, true, __func__);
    if (HOB__UNLIKELY(rc < 0)) return rc;
    struct hob__buffer *b = &f->ahead;
    size_t size = hob__buffer_size(b);
    char *text = size ? hob__buffer_bytes(b) : NULL;
    char *end = text ? memchr(text, '\n', size) : NULL;
    if (HOB__LIKELY(end != NULL)) {
        *end = 0;
        line->text = text;
        line->n = (size_t)(end - text);
        b->start += line->n + 1; /* not _take(): a line's bytes stay where they are */
        f->pos += (int64_t)line->n + 1;
        rc = 1;
    } else {
        rc = find_line(f, line);
    }
    hob__file_leave_call(f, true);
    return rc;
}

int hob__next_file_line(void *file, struct hob_line *line) { return hob_file_line(file, line); }
