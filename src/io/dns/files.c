/* io/dns/files.c - the two files that the resolver reads, and whether they have changed. They are
 * small, local and nearly always in the page cache, and every program on the system waits for them
 * where it looks a name up; so they are read in place. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/dns/dns.h"
#include "loop/internal.h"

bool hob__file_changed(const char *path, struct hob__file_mark *mark) {
    struct stat st;
    struct hob__file_mark now = {.there = stat(path, &st) == 0};
    if (now.there) {
        now.device = st.st_dev;
        now.inode = st.st_ino;
        now.size = (uint64_t)st.st_size;
        now.changed_ns =
            (uint64_t)st.st_ctim.tv_sec * UINT64_C(1000000000) + (uint64_t)st.st_ctim.tv_nsec;
    }
    bool same = now.there == mark->there && now.device == mark->device &&
                now.inode == mark->inode && now.size == mark->size &&
                now.changed_ns == mark->changed_ns;
    *mark = now;
    return !same;
}

char *hob__file_text(const char *path, size_t max, size_t *size, int *rc) {
    *rc = 0;
    int fd = HOB__RETRY(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (fd < 0) return NULL;
    struct stat st;
    char *text = NULL;
    /* A FIFO or a device is not read: it might never end. */
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        size_t room = (uint64_t)st.st_size < max ? (size_t)st.st_size : max, n = 0;
        text = hob__alloc(room + 1);
        if (!text) *rc = -ENOMEM;
        while (text && n < room) {
            /* Only real loops read them: a simulated world has names of its own. */
            ssize_t got = HOB__RETRY(read(fd, text + n, room - n));
            if (got <= 0) break; /* it is shorter by now */
            n += (size_t)got;
        }
        if (text) text[n] = 0;
        *size = n;
    }
    close(fd);
    return text;
}
