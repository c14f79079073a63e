/* io/process/start.c - what a child is given, made before it starts: its descriptors, its
 * environment, the files that its program may be. */
#include <fcntl.h>
#include <hob/error.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/process/process.h"
#include "io/stream.h"
#include "loop/internal.h"

/* ---- descriptors ---- */

static int open_file(const char *path, int flags) {
    /* Not to hang at a FIFO; a child expects a blocking descriptor. */
    int fd = HOB__RETRY(open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666));
    if (fd < 0) return fd;
    int now = fcntl(fd, F_GETFL);
    if (now >= 0) fcntl(fd, F_SETFL, now & ~O_NONBLOCK);
    return fd;
}

static int open_for(int i, const struct hob_io *io) {
    if (io->kind == HOB__IO_NULL) return open_file("/dev/null", O_RDWR);
    if (i == 0) return open_file(io->path, O_RDONLY);
    return open_file(io->path,
                     O_WRONLY | O_CREAT | (io->kind == HOB__IO_APPEND ? O_APPEND : O_TRUNC));
}

static int open_pipe(struct hob__backend *b, struct hob__process_ends *e, int i) {
    int ends[2];
    int rc = b->ops->sys->pipe(b, ends);
    if (rc < 0) return rc;
    e->child[i] = ends[i == 0 ? 0 : 1];
    e->owned[i] = true;
    rc = hob_stream_open(ends[i == 0 ? 1 : 0], &e->ours[i]);
    if (rc < 0) b->ops->sys->close(b, ends[i == 0 ? 1 : 0]);
    return rc;
}

static int refuse(struct hob__process_ends *e, const char *why) {
    e->said = true;
    return hob_fail(-EINVAL, "%s", why);
}

/* What the other process writes: its pipe's end goes to the child, blocking as children expect. */
static int take_from(struct hob__backend *b, struct hob__process_ends *e,
                     struct hob_process *from) {
    if (!from || !from->out || from->out->reads || hob__stream_early(from->out) > 0)
        return refuse(e, "HOB_IO_FROM: no pipe, or some of it has been read");
    e->from = from;
    e->child[0] = from->out->fd->fd;
    int rc = b->ops->sys->set_nonblock(b, e->child[0], false);
    return rc < 0 ? rc : 0;
}

static int open_one(struct hob__backend *b, struct hob__process_ends *e, int i,
                    const struct hob_io *io, struct hob_process_failure *failure) {
    switch (io->kind) {
    case HOB__IO_INHERIT:
        e->child[i] = e->terminal_fd;
        return 0;
    case HOB__IO_NULL:
    case HOB__IO_FILE:
    case HOB__IO_APPEND:
        failure->step = HOB_STEP_OPEN;
        snprintf(failure->path, sizeof failure->path, "%s", io->path ? io->path : "/dev/null");
        if (!io->path && io->kind != HOB__IO_NULL) return -EFAULT;
        e->child[i] = open_for(i, io);
        if (e->child[i] < 0) return e->child[i];
        e->owned[i] = true;
        failure->step = HOB_STEP_PREPARE;
        failure->path[0] = 0;
        return 0;
    case HOB__IO_PIPE:
        return open_pipe(b, e, i);
    case HOB__IO_FD:
        e->child[i] = io->fd;
        return io->fd < 0 || fcntl(io->fd, F_GETFD) < 0 ? -EBADF : 0;
    case HOB__IO_MERGE:
        if (i != 2) return refuse(e, "HOB_IO_MERGE is for .err");
        e->child[2] = e->child[1] >= 0 ? e->child[1] : 1;
        return 0;
    case HOB__IO_FROM:
        if (i != 0) return refuse(e, "HOB_IO_FROM is for .in");
        return take_from(b, e, io->process);
    }
    return -EINVAL;
}

static int open_terminal(struct hob__process_ends *e, const struct hob_process_options *o,
                         struct hob__backend *b) {
    int ours;
    int rc = hob__pty_open(o->rows, o->columns, &ours, &e->terminal_fd);
    if (rc < 0) return rc;
    rc = hob_stream_open(ours, &e->terminal);
    if (rc < 0) b->ops->sys->close(b, ours);
    return rc;
}

int hob__process_ends_open(struct hob__backend *b, const struct hob_process_options *o,
                           struct hob__process_ends *e, struct hob_process_failure *failure) {
    const struct hob_io *io[] = {&o->in, &o->out, &o->err};
    *e = (struct hob__process_ends){.child = {-1, -1, -1}, .terminal_fd = -1};
    if (o->terminal) {
        failure->step = HOB_STEP_TERMINAL;
        int rc = open_terminal(e, o, b);
        if (rc < 0) return rc;
    }
    failure->step = HOB_STEP_PREPARE;
    for (int i = 0; i < 3; i++) {
        int rc = open_one(b, e, i, io[i], failure);
        if (rc < 0) return rc;
    }
    return 0;
}

void hob__process_ends_close(struct hob__backend *b, struct hob__process_ends *e, bool all) {
    const struct hob__sys *sys = b->ops->sys;
    for (int i = 0; i < 3; i++) {
        if (e->owned[i] && e->child[i] >= 0) sys->close(b, e->child[i]);
        if (all) hob_close(e->ours[i]);
    }
    if (e->terminal_fd >= 0) sys->close(b, e->terminal_fd);
    if (all) hob_close(e->terminal);
    if (!e->from) return;
    if (all) {
        sys->set_nonblock(b, e->child[0], true); /* still the program's */
    } else {
        hob_close(e->from->out);
        e->from->out = NULL;
    }
}

/* ---- environment ---- */

static size_t count_words(const char *const *words) {
    size_t n = 0;
    while (words && words[n]) n++;
    return n;
}

static bool same_name(const char *a, const char *b) {
    size_t n = strcspn(a, "=");
    return strcspn(b, "=") == n && memcmp(a, b, n) == 0;
}

/* Is it said again behind the first `from` of the words? */
static bool is_named(const char *variable, const char *const *words, size_t from) {
    for (size_t i = from; words && words[i]; i++)
        if (same_name(variable, words[i])) return true;
    return false;
}

const char *const *hob__process_environment(const struct hob_process_options *o) {
    const char *const *base = o->env ? o->env : (const char *const *)environ;
    size_t kept = 0, added = count_words(o->add_env), own = count_words(base);
    const char **env = hob__alloc((own + added + 1) * sizeof *env);
    if (!env) return NULL;
    for (size_t i = 0; i < own; i++)
        if (!is_named(base[i], o->add_env, 0)) env[kept++] = base[i];
    for (size_t i = 0; i < added; i++)
        if (strchr(o->add_env[i], '=') && !is_named(o->add_env[i], o->add_env, i + 1))
            env[kept++] = o->add_env[i];
    env[kept] = NULL;
    return env;
}

/* ---- the program's file ---- */

static const char *path_of(const char *const *env) {
    for (size_t i = 0; env[i]; i++)
        if (strncmp(env[i], "PATH=", 5) == 0) return env[i] + 5;
    return "/usr/local/bin:/usr/bin:/bin";
}

/* A pointer for each directory and the texts behind them. An empty directory is the current one. */
const char *const *hob__process_paths(const char *program, const char *const *env) {
    const char *path = strchr(program, '/') ? "" : path_of(env);
    size_t directories = 1, name = strlen(program);
    for (const char *p = path; *p; p++) directories += *p == ':';
    const char **list =
        hob__alloc((directories + 1) * sizeof *list + strlen(path) + 1 + directories * (name + 2));
    if (!list) return NULL;
    char *text = (char *)(list + directories + 1);
    for (size_t i = 0; i < directories; i++) {
        size_t n = strcspn(path, ":");
        list[i] = text;
        memcpy(text, path, n);
        text += n;
        if (n > 0) *text++ = '/';
        memcpy(text, program, name + 1);
        text += name + 1;
        path += n + (path[n] == ':');
    }
    list[directories] = NULL;
    return list;
}
