/* json_lines.c - see json_lines.h. */
#include "json_lines.h"

#include <errno.h>
#include <hob/hob.h>
#include <string.h>
#include <unistd.h>

int json_lines(const char *text, size_t n, int (*see)(void *arg, const struct hob_json *line),
               void *arg) {
    for (const char *at = text, *end = text + n, *stop;
         at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
        struct hob_json_doc *doc;
        if (stop == at) continue;
        HOB_TRY(hob_json_parse(at, (size_t)(stop - at), &doc));
        int rc = see(arg, hob_json_root(doc));
        hob_json_free(doc);
        if (rc < 0) return rc;
    }
    return 0;
}

int json_lines_mend(int fd, const char *text, size_t n) {
    const char *end = n ? memrchr(text, '\n', n) : NULL;
    size_t whole = end ? (size_t)(end + 1 - text) : 0;
    return whole != n && ftruncate(fd, (off_t)whole) < 0 ? -errno : 0;
}
