/* http/server/access_log.c - lines gather in one of two buffers while a task writes the other. */
#include "http/server/access_log.h"

#include <fcntl.h>
#include <hob/error.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/stream.h>
#include <hob/sync.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "http/server/server.h"
#include "task/fdwait.h"
#include "task/report.h"

struct hob_access_log {
    struct hob_access_log_options options;
    char *path;
    struct hob_file *file;     /* a regular one, or */
    struct hob_stream *stream; /* a pipe, a terminal */
    struct hob_mutex writing;
    struct hob_event something, much; /* there is a line; half of the room is used */
    char *filling, *other;
    size_t used, size;
    size_t at, end;          /* of `other`: what is to be written yet */
    uint64_t dropped, lines; /* lines: in `filling` */
    uint64_t told_at;        /* when it was last said that lines are dropped; 0: never */
};

/* ---- where it goes ---- */

static const char *name_of(const struct hob_access_log *log) {
    return log->path ? log->path : "on standard output";
}

static int open_target(struct hob_access_log *log, struct hob_file **file,
                       struct hob_stream **stream) {
    struct stat st;
    *file = NULL;
    *stream = NULL;
    if (log->path) {
        int rc = hob_stat(log->path, &st);
        if (rc < 0 && rc != -ENOENT) return rc;
        if (rc == -ENOENT || S_ISREG(st.st_mode)) return hob_open(log->path, "a", file);
    }
    int fd = log->path ? open(log->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK)
                       : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return hob_fail(-errno, "the access log %s: %s", name_of(log), hob_strerror(-errno));
    int rc = hob_stream_open(fd, stream);
    if (rc < 0) close(fd);
    return rc;
}

/* Whole lines, as many as a pipe takes all or none of, so that those of several processes do not
 * mix, and a cancelled write has written nothing. At least one. */
static size_t piece_of(const char *text, size_t n) {
    if (n <= PIPE_BUF) return n;
    const char *end = memrchr(text, '\n', PIPE_BUF);
    if (!end) end = memchr(text + PIPE_BUF, '\n', n - PIPE_BUF);
    return end ? (size_t)(end - text) + 1 : n;
}

/* What is left in `other`. 0 or an error: what was not written is still there. */
static int write_out(struct hob_access_log *log) {
    while (log->at < log->end) {
        const char *text = log->other + log->at;
        size_t left = log->end - log->at, n = log->file ? left : piece_of(text, left);
        ssize_t rc =
            log->file ? hob_file_write(log->file, text, n) : hob_write(log->stream, text, n);
        if (rc < 0) return (int)rc;
        log->at += n;
    }
    return 0;
}

static void drop_left(struct hob_access_log *log) {
    for (; log->at < log->end; log->at++) log->dropped += log->other[log->at] == '\n';
}

static void close_target(struct hob_file *file, struct hob_stream *stream) {
    if (file) hob_file_close(file);
    hob_close(stream);
}

/* ---- the task that writes ---- */

/* What has gathered. Cancelled, it is kept for the next time. */
static int write_gathered(struct hob_access_log *log) {
    HOB_TRY(hob_mutex_lock(&log->writing));
    int rc = write_out(log);
    if (rc == 0) {
        char *text = log->filling;
        log->filling = log->other;
        log->other = text;
        log->at = 0;
        log->end = log->used;
        log->used = log->lines = 0;
        hob_event_clear(&log->something);
        hob_event_clear(&log->much);
        rc = write_out(log);
    }
    if (rc < 0 && rc != -ECANCELED) drop_left(log);
    hob_mutex_unlock(&log->writing);
    return rc;
}

/* At most once a minute. rc: 0: more of them come than are taken. */
static void tell_lost(struct hob_access_log *log, int rc) {
    static const uint64_t minute = 60ull * 1000000000;
    uint64_t now = hob_now();
    if (log->told_at && now - log->told_at < minute) return;
    log->told_at = now;
    char text[320];
    snprintf(text, sizeof text, "hob: the access log %.160s: %.60s; lines lost so far: %llu\n",
             name_of(log), rc < 0 ? hob_strerror(rc) : "nobody takes its lines",
             (unsigned long long)log->dropped);
    hob__report(HOB_REPORT_NOTE, text);
}

static int write_lines(struct hob_access_log *log) {
    for (;;) {
        HOB_TRY(hob_event_wait(&log->something));
        int rc = hob_within(log->options.interval, hob_event_wait(&log->much));
        if (rc < 0 && rc != -ETIMEDOUT) return rc;
        rc = write_gathered(log);
        if (rc == -ECANCELED && hob_cancelled()) return rc;
        /* A full disk: the lines are lost and counted; the server goes on. */
        if (rc < 0) tell_lost(log, rc);
        if (rc < 0) HOB_TRY(hob_sleep(1));
        hob_error_clear();
    }
}
HOB_TASK(write_lines, struct hob_access_log *)

static void end(void *arg) {
    struct hob_access_log *log = arg;
    int rc;
    {
        HOB_SCOPE(s, .shield = true, .deadline = hob_after(2));
        rc = write_gathered(log);
        close_target(log->file, log->stream);
    }
    drop_left(log);
    log->dropped += log->lines; /* behind those */
    if (log->dropped && !log->told_at) tell_lost(log, rc == -ECANCELED ? 0 : rc);
    if (rc < 0) hob_error_clear(); /* any other error belongs to who ends the scope */
    hob__free(log->filling);
    hob__free(log->other);
    hob__free(log->path);
    hob__free(log);
}

static int start(struct hob_scope *s, struct hob_access_log *log) {
    log->filling = hob__alloc(log->size);
    log->other = hob__alloc(log->size);
    if (!log->filling || !log->other) return -ENOMEM;
    if (log->options.path && strcmp(log->options.path, "-") != 0 &&
        !(log->path = hob__strdup(log->options.path)))
        return -ENOMEM;
    HOB_TRY(open_target(log, &log->file, &log->stream));
    return hob_defer(s, end, log);
}

int hob__access_log_open(struct hob_scope *s, struct hob_access_log **out,
                         struct hob_access_log_options options) {
    struct hob_access_log *log = hob__alloc_zero(sizeof *log);
    if (!log) return -ENOMEM;
    log->options = options;
    if (!(log->options.interval > 0)) log->options.interval = 0.1;
    log->size = options.buffer ? options.buffer / 2 : 512 << 10;
    if (log->size < HOB__LOG_LINE) log->size = HOB__LOG_LINE;
    int rc = start(s, log);
    if (rc < 0) {
        end(log);
        return rc;
    }
    /* From here on it is the scope's. */
    if (!hob_spawn_daemon(s, write_lines, log)) return hob_cancelled() ? -ECANCELED : -ENOMEM;
    *out = log;
    return 0;
}

int hob_access_log_reopen(struct hob_access_log *log) {
    struct hob_file *file;
    struct hob_stream *stream;
    if (!log->path) return hob_check();
    HOB_TRY(open_target(log, &file, &stream));
    int rc = write_gathered(log);
    if (rc == -ECANCELED) {
        close_target(file, stream);
        return rc;
    }
    struct hob_file *old_file = log->file;
    struct hob_stream *old_stream = log->stream;
    log->file = file;
    log->stream = stream;
    close_target(old_file, old_stream);
    return 0;
}

uint64_t hob_access_log_dropped(const struct hob_access_log *log) { return log->dropped; }

void hob__access_log_add(struct hob_access_log *log, const struct hob_request *req) {
    struct hob__backend *b = hob__backend_current("hob_http_serve");
    if (log->size - log->used < HOB__LOG_LINE) {
        char line[HOB__LOG_LINE];
        size_t n =
            hob__access_line(line, log->options.format, req, b->ops->wall(b), b->ops->now(b));
        if (n > log->size - log->used) {
            log->dropped++;
            tell_lost(log, 0);
            return;
        }
        memcpy(log->filling + log->used, line, n);
        log->used += n;
    } else {
        log->used += hob__access_line(log->filling + log->used, log->options.format, req,
                                      b->ops->wall(b), b->ops->now(b));
    }
    log->lines++;
    if (log->lines == 1) hob_event_set(&log->something);
    if (log->used > log->size / 2) hob_event_set(&log->much);
}
