/* io/process/process.c - the handle of a child: starting it, waiting for its end, ending it.
 *
 * The pidfd becomes readable when the child ends, and stays so; whoever waits asks the kernel then,
 * and the first one takes the status for all. Everything that can fail is done before the start, so
 * that a child that runs has a handle.
 *
 * A child that leads a group is looked at without being reaped: as long as its zombie is there, no
 * other group gets its number, and the group can be signalled. Closing the handle reaps it. */
#include "io/process/process.h"

#include <hob/error.h>
#include <hob/spawn.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/fail.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/task.h"
#include "task/wait.h"

/* ---- starting ---- */

/* "cannot run 'x': ..." with what is known of the step. */
static int say_failure(const char *name, int rc, const struct hob_process_failure *f,
                       const struct hob__start *s) {
    const char *why = hob_strerror(rc);
    switch (f->step) {
    case HOB_STEP_OPEN:
        return hob_fail(rc, "cannot run '%s': cannot open '%s': %s", name, f->path, why);
    case HOB_STEP_TERMINAL:
        return hob_fail(rc, "cannot run '%s': its terminal: %s", name, why);
    case HOB_STEP_GROUP:
        return hob_fail(rc, "cannot run '%s': a session or group of its own: %s", name, why);
    case HOB_STEP_DESCRIPTORS:
        return hob_fail(rc, "cannot run '%s': its descriptors: %s", name, why);
    case HOB_STEP_USER:
        return hob_fail(rc, "cannot run '%s': becoming user %u, group %u: %s", name,
                        (unsigned)s->uid, (unsigned)s->gid, why);
    case HOB_STEP_DIRECTORY:
        return hob_fail(rc, "cannot run '%s': its directory '%s': %s", name, f->path, why);
    case HOB_STEP_EXEC:
        for (int i = 0; rc == -ENOENT && s->paths[i]; i++)
            if ((!s->cwd || s->paths[i][0] == '/') && access(s->paths[i], F_OK) == 0)
                return hob_fail(rc, "cannot run '%s': its interpreter does not exist", s->paths[i]);
        if (rc == -ENOENT && s->paths[1])
            return hob_fail(rc, "cannot run '%s': no directory of the PATH has it", name);
        return hob_fail(rc, "cannot run '%s': %s", f->path, why);
    default:
        return hob_fail(rc, "cannot run '%s': %s", name, why);
    }
}

static int check_options(const char *const *argv, const struct hob_process_options *o) {
    if (!argv || !argv[0] || !argv[0][0]) return hob_fail(-EINVAL, "no program to run");
    if (o->detached && (o->death_signal || o->terminal))
        return hob_fail(-EINVAL, "a detached process has no death signal and no terminal");
    if (o->stop_signal < 0 || o->stop_signal > SIGRTMAX || o->death_signal < 0 ||
        o->death_signal > SIGRTMAX)
        return hob_fail(-EINVAL, "there is no such signal");
    for (size_t i = 0; i < o->fd_count; i++) {
        if (o->fds[i].as < 3 || o->fds[i].fd < 0)
            return hob_fail(-EINVAL, "descriptor %d as %d: further ones are 3 or more",
                            o->fds[i].fd, o->fds[i].as);
        for (size_t k = 0; k < i; k++)
            if (o->fds[k].as == o->fds[i].as)
                return hob_fail(-EINVAL, "two descriptors as %d", o->fds[i].as);
    }
    return 0;
}

/* The list of places in their order; its memory is the caller's to free. False without any. */
static bool list_places(struct hob__start *s, const struct hob__process_ends *e,
                        const struct hob_process_options *o) {
    s->fds = hob__alloc((o->fd_count + 3) * sizeof *s->fds);
    if (!s->fds) return false;
    int n = 0;
    for (int i = 0; i < 3; i++)
        if (e->child[i] >= 0) s->fds[n++] = (struct hob__start_fd){e->child[i], i, -1};
    for (size_t i = 0; i < o->fd_count; i++) {
        int k = n++;
        for (; k > 0 && s->fds[k - 1].to > o->fds[i].as; k--) s->fds[k] = s->fds[k - 1];
        s->fds[k] = (struct hob__start_fd){o->fds[i].fd, o->fds[i].as, -1};
    }
    s->fd_count = n;
    return true;
}

static void describe(struct hob__start *s, const struct hob_process_options *o,
                     const struct hob__process_ends *e) {
    s->cwd = o->cwd;
    s->group = o->group;
    s->session = o->session || o->terminal;
    s->detached = o->detached;
    s->keep_ignored = o->keep_ignored;
    s->death_signal = o->death_signal;
    s->as_user = o->as_user;
    s->uid = o->uid;
    s->gid = o->gid;
    s->groups = o->groups;
    s->group_count = o->group_count;
    /* The controlling terminal is set through whichever standard descriptor it is. */
    for (int i = 2; o->terminal && i >= 0; i--)
        if (e->child[i] == e->terminal_fd) s->terminal = true, s->terminal_fd = i;
}

static struct hob_process *make_handle(struct hob__backend *b, const char *name,
                                       const struct hob_process_options *o) {
    size_t n = strlen(name) + 1;
    struct hob_process *p = hob__alloc_zero(sizeof *p + n);
    if (!p) return NULL;
    p->end = hob__fd_open(b, -1);
    if (!p->end) {
        hob__free(p);
        return NULL;
    }
    p->backend = b;
    p->leads = (o->group || o->session || o->terminal) && !o->detached;
    p->detached = o->detached;
    p->stop_signal = o->stop_signal ? o->stop_signal : SIGTERM;
    p->grace = o->grace;
    p->status = (struct hob_process_status){.running = true, .code = -1};
    memcpy(p->name, name, n);
    return p;
}

static void note_failure(struct hob_process_failure *f, const struct hob__start *s) {
    f->step = s->failed;
    const char *path = s->failed == HOB_STEP_DIRECTORY ? s->cwd
                       : s->failed == HOB_STEP_EXEC    ? s->paths[s->path_failed]
                                                       : "";
    snprintf(f->path, sizeof f->path, "%s", path);
}

/* With its descriptors made: 0, or the error with f filled. */
static int start(struct hob__backend *b, struct hob__start *s, const struct hob_process_options *o,
                 const struct hob__process_ends *e, struct hob_process_failure *f) {
    describe(s, o, e);
    s->env = hob__process_environment(o);
    s->paths = s->env ? hob__process_paths(o->program ? o->program : s->argv[0], s->env) : NULL;
    if (!s->paths || !list_places(s, e, o)) return -ENOMEM;
    int rc = b->ops->sys->start(b, s);
    if (rc < 0) note_failure(f, s);
    return rc;
}

static int spawn(struct hob__backend *b, struct hob_process **out, const char *const *argv,
                 const struct hob_process_options *o, struct hob_process_failure *f) {
    struct hob__start s = {.argv = argv};
    struct hob__process_ends e = {.child = {-1, -1, -1}, .terminal_fd = -1};
    f->step = HOB_STEP_PREPARE;
    struct hob_process *p = make_handle(b, argv[0], o);
    int rc = p ? hob__process_ends_open(b, o, &e, f) : -ENOMEM;
    if (rc >= 0) rc = start(b, &s, o, &e, f);
    hob__process_ends_close(b, &e, rc < 0);
    if (rc >= 0) {
        p->end->fd = p->end->watched = s.pidfd;
        p->pid = s.pid;
        p->in = e.ours[0];
        p->out = e.ours[1];
        p->err = e.ours[2];
        p->terminal = e.terminal;
        *out = p;
    } else {
        f->code = rc;
        if (!e.said) say_failure(argv[0], rc, f, &s);
        if (p) hob__fd_close(b, p->end);
        hob__free(p);
    }
    hob__free(s.fds);
    hob__free((void *)s.paths);
    hob__free((void *)s.env);
    return rc < 0 ? rc : 0;
}

static int spawn_checked(struct hob_process **out, const char *const *argv,
                         const struct hob_process_options *o, const char *func) {
    struct hob__backend *b = hob__backend_current(func);
    struct hob_process_failure unwanted, *f = o->failure ? o->failure : &unwanted;
    *out = NULL;
    *f = (struct hob_process_failure){.step = HOB_STEP_NONE};
    int rc = hob__io_point(func);
    if (rc >= 0) rc = check_options(argv, o);
    if (rc >= 0) return spawn(b, out, argv, o, f);
    f->code = rc;
    return rc;
}

int hob__process_spawn(struct hob_process **out, const char *const *argv,
                       struct hob_process_options options) {
    return spawn_checked(out, argv, &options, "hob_process_spawn");
}

int hob__process_shell(struct hob_process **out, const char *line,
                       struct hob_process_options options) {
    const char *argv[] = {"/bin/sh", "-c", line, NULL};
    return spawn_checked(out, argv, &options, "hob_process_shell");
}

/* ---- its end ---- */

static int say_end(const struct hob_process *p) {
    if (p->result == HOB_E_KILLED)
        return hob_fail(p->result, "'%s' (process %d) was ended by signal %d (%s)%s", p->name,
                        (int)p->pid, p->status.signal, strsignal(p->status.signal),
                        p->status.core ? ", core dumped" : "");
    if (p->result == HOB_E_STATUS_LOST)
        return hob_fail(p->result, "'%s' (process %d) has ended, but its status is not known",
                        p->name, (int)p->pid);
    return p->result;
}

/* True when it has ended; p->status and p->result say how. */
static bool has_ended(struct hob_process *p, bool last_time) {
    if (p->ended) return true;
    int rc = p->backend->ops->sys->reap(p->backend, p->end->fd, p->leads, &p->status);
    if (rc == 0 || (rc == -EAGAIN && !last_time)) return false;
    p->ended = true;
    p->reaped = rc != 1 || !p->leads;
    p->status.running = false;
    p->result = rc != 1 ? HOB_E_STATUS_LOST : p->status.signal ? HOB_E_KILLED : p->status.code;
    return true;
}

/* Sleeps until it has ended. 0 or an error. */
static int await_end(struct hob_process *p) {
    hob__check_same_loop(&p->end->readers, "hob_process_wait");
    p->users++;
    int rc = 0;
    for (unsigned tries = 0; rc >= 0 && !has_ended(p, tries > 100); tries++) {
        if (p->backend->ops->sys->poll(p->backend, p->end->fd, POLLIN) > 0)
            rc = hob_sleep(0.001); /* it is being reaped by somebody else: ask again */
        else
            rc = hob__fd_wait(p->end, HOB__READ, "process", HOB__WAIT_PLAIN);
    }
    p->users--;
    return rc < 0 ? rc : 0;
}

int hob_process_wait(struct hob_process *p) {
    int rc = hob__io_point(__func__);
    if (rc == 0) rc = await_end(p);
    return rc < 0 ? rc : say_end(p);
}

void hob_process_status(struct hob_process *p, struct hob_process_status *status) {
    has_ended(p, false);
    *status = p->status;
}

static int kill_it(struct hob_process *p, bool group, int signal) {
    if (!group && has_ended(p, false)) return -ESRCH;
    return p->backend->ops->sys->kill(p->backend, p->end->fd, p->pid, group, signal);
}

int hob_process_kill(struct hob_process *p, int signal) {
    int rc = kill_it(p, false, signal);
    return hob__said(rc, "cannot send signal %d to '%s' (process %d): %s", signal, p->name,
                     (int)p->pid, rc == -ESRCH ? "it has ended" : hob_strerror(rc));
}

int hob_process_kill_group(struct hob_process *p, int signal) {
    if (!p->leads) return hob_fail(-EINVAL, "'%s' leads no process group", p->name);
    int rc = kill_it(p, true, signal);
    return hob__said(rc, "cannot send signal %d to the group of '%s' (process %d): %s", signal,
                     p->name, (int)p->pid, rc == -ESRCH ? "it has ended" : hob_strerror(rc));
}

/* On the way to an end that comes anyhow: an error is no one's. */
static void kill_all(struct hob_process *p, int signal) { kill_it(p, p->leads, signal); }

int hob_process_stop(struct hob_process *p, double grace) {
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    if (has_ended(p, false)) return say_end(p);
    kill_all(p, p->stop_signal);
    rc = hob_within(grace, await_end(p));
    if (rc == -ETIMEDOUT) {
        kill_all(p, SIGKILL);
        rc = await_end(p);
    }
    return rc < 0 ? rc : say_end(p);
}

/* ---- the handle ---- */

/* Kills it and waits: the end is certain. */
static void end_it(struct hob_process *p) {
    if (p->grace > 0 && !has_ended(p, false)) {
        kill_all(p, p->stop_signal);
        hob_shielded(hob_within(p->grace, await_end(p)));
    }
    kill_all(p, SIGKILL); /* a leader that has ended: what is left of its group */
    while (!has_ended(p, false)) {
        if (hob_shielded(await_end(p)) >= 0) continue;
        /* It cannot be watched. A real process: a simulated world has none. */
        struct pollfd end = {.fd = p->end->fd, .events = POLLIN};
        poll(&end, 1, -1);
    }
    struct hob_process_status unwanted;
    if (!p->reaped) p->backend->ops->sys->reap(p->backend, p->end->fd, false, &unwanted);
}

void hob_process_close(struct hob_process *p) {
    if (!p) return;
    if (p->users > 0) hob__misuse(__func__, "a task waits for '%s'", p->name);
    struct hob__backend *b = hob__backend_current(__func__);
    if (b != p->backend) hob__misuse(__func__, "'%s' belongs to another loop", p->name);
    hob_close(p->in);
    hob_close(p->out);
    hob_close(p->err);
    hob_close(p->terminal);
    p->in = p->out = p->err = p->terminal = NULL;
    struct hob_error *kept = hob__error_keep();
    if (!p->detached) end_it(p);
    hob__error_restore(kept);
    int fd = p->end->fd;
    hob__fd_close(b, p->end);
    b->ops->sys->close(b, fd);
    hob__free(p);
}

pid_t hob_process_pid(const struct hob_process *p) { return p->pid; }
struct hob_stream *hob_process_in(const struct hob_process *p) {
    return p->in;
}
struct hob_stream *hob_process_out(const struct hob_process *p) {
    return p->out;
}
struct hob_stream *hob_process_err(const struct hob_process *p) {
    return p->err;
}
struct hob_stream *hob_process_terminal(const struct hob_process *p) {
    return p->terminal;
}

int hob_process_resize(struct hob_process *p, unsigned short rows, unsigned short columns) {
    if (!p->terminal) return hob_fail(-EINVAL, "'%s' has no terminal", p->name);
    int rc = hob__pty_resize(hob_stream_fd(p->terminal), rows, columns);
    return hob__said(rc, "cannot resize the terminal of '%s' to %u rows, %u columns: %s", p->name,
                     rows, columns, hob_strerror(rc));
}
