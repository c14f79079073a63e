/* http/client/save.c - a body into a file: what comes is gathered, so that small pieces do not each
 * cost a write. */
#include "http/client/save.h"

#include <hob/error.h>
#include <hob/hob.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { HELD = 256 << 10 };

int hob__sink_open(struct hob__sink *s) {
    s->held = hob__alloc(HELD);
    return s->held ? 0 : hob_fail(-ENOMEM, "no memory for a download");
}

void hob__sink_close(struct hob__sink *s) { hob__free(s->held); }

static int flush(struct hob__sink *s) {
    size_t n = s->held_size;
    s->held_size = 0;
    if (n == 0) return 0;
    ssize_t rc = hob_file_pwrite(s->file, s->held, n, s->done - (int64_t)n);
    if (rc < 0) s->done -= (int64_t)n;
    return rc < 0 ? (int)rc : 0;
}

static int tell(struct hob__sink *s) {
    return s->progress ? s->progress(s->arg, s->done, s->total) : 0;
}

static int take(struct hob__sink *s, struct hob_response *res) {
    int rc = tell(s);
    while (rc >= 0) {
        if (s->held_size == HELD) rc = flush(s);
        if (rc < 0) break;
        ssize_t got = hob_response_read(res, s->held + s->held_size, HELD - s->held_size);
        if (got <= 0) return (int)got;
        if (s->max && s->done + got > s->max)
            return hob_fail(HOB_E_LIMIT, "%s: more than %lld bytes", hob_response_url(res),
                            (long long)s->max);
        s->held_size += (size_t)got;
        s->done += got;
        rc = tell(s);
    }
    return rc;
}

int hob__sink_take(struct hob__sink *s, struct hob_response *res) {
    int rc = take(s, res);
    /* In a cancelled task, too: what has come is not to be asked for again. */
    int written = hob_shielded(flush(s));
    return rc < 0 ? rc : written;
}

int64_t hob__response_save(struct hob_response *res, const char *path,
                           struct hob_save_options options) {
    HOB_FILE(file);
    struct hob__sink sink = {.progress = options.progress,
                             .arg = options.arg,
                             .max = options.max,
                             .total = hob_response_size(res)};
    HOB_TRY(hob_open_replacing(path, &file));
    HOB_TRY(hob__sink_open(&sink));
    sink.file = file;
    int rc = hob__sink_take(&sink, res);
    hob__sink_close(&sink);
    if (rc == 0) rc = hob_file_commit(file);
    return rc < 0 ? rc : sink.done;
}
