/* io/process/prefork_worker.c - the sockets of workers in several processes, and a worker's life.
 */
#include <fcntl.h>
#include <hob/error.h>
#include <hob/hob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/listen.h"
#include "io/process/prefork.h"
#include "task/fdwait.h"
#include "task/task.h"

static int ready_pipe = -1;

void hob_prefork_ready(void) {
    if (ready_pipe < 0) return;
    ssize_t told = write(ready_pipe, "", 1);
    (void)told; /* the parent may be gone; then this ends soon, too */
    close(ready_pipe);
    ready_pipe = -1;
}

/* ---- in the parent ---- */

/* The listener's sockets, without the listener. */
static int take_sockets(struct hob__prefork_sockets *p, struct hob_listener *l) {
    for (unsigned i = 0; i < l->count; i++) {
        int fd = fcntl(l->sockets[i].fd->fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
            return hob_fail(-errno, "listening on %s: a socket for the worker processes: %s",
                            l->sockets[i].address, hob_strerror(-errno));
        p->fds[p->count++] = fd;
        if (l->sockets[i].file.path[0]) p->file = l->sockets[i].file; /* the listener leaves it */
        l->sockets[i].file.path[0] = 0;
    }
    return 0;
}

static int bind_to(struct hob__prefork_sockets *to, const char *address,
                   struct hob_listen_options options, bool told) {
    struct hob_listener *l;
    HOB_TRY(hob_listen_with(address, options, &l));
    int rc = take_sockets(to, l);
    if (rc == 0 && told && !(to->address = hob__strdup(hob_listener_address(l)))) rc = -ENOMEM;
    hob_listener_close(l);
    return rc;
}

static int listen_once(struct hob__prefork *p, const char *address) {
    const struct hob_prefork_options *o = &p->options;
    HOB_TRY(bind_to(&p->sockets, address, o->listen, o->listening));
    return o->also ? bind_to(&p->also, o->also, o->listen, o->also_listening) : 0;
}
HOB_TASK(listen_once, struct hob__prefork *, const char *)

int hob__prefork_listen(struct hob__prefork *p, const char *address) {
    struct hob_options loop = {.backend = "epoll", .slow_ms = 1000, .no_interrupt = true};
    return hob_run_with(loop, listen_once, p, address);
}

/* A Unix socket's file goes if it is still the one that was made. */
static void close_sockets(struct hob__prefork_sockets *s) {
    struct stat st;
    for (unsigned i = 0; i < s->count; i++) close(s->fds[i]);
    hob__free(s->address);
    if (!s->file.path[0] || lstat(s->file.path, &st) < 0) return;
    if (st.st_dev == s->file.device && st.st_ino == s->file.inode) unlink(s->file.path);
}

void hob__prefork_close(struct hob__prefork *p) {
    close_sockets(&p->sockets);
    close_sockets(&p->also);
}

/* ---- in a worker ---- */

static struct hob__prefork *this_worker;

bool hob__prefork_goes_on(void) { return this_worker && !*this_worker->ends; }

static int listener_of(const struct hob__prefork_sockets *s, struct hob_listener **out) {
    return hob__listener_of(hob__backend_current("hob_prefork"), s->fds, s->count, out);
}

int hob_prefork_also(struct hob_listener **out) {
    *out = NULL;
    if (!this_worker || this_worker->also.count == 0)
        return hob_fail(HOB_E_NO_SOCKET, "there is no second address of hob_prefork()");
    int rc = listener_of(&this_worker->also, out);
    if (rc == 0) this_worker->also.count = 0; /* the sockets are the listener's */
    return rc;
}

static int worker_main(void *arg) {
    struct hob__prefork *p = *(struct hob__prefork **)arg;
    struct hob_listener *listener;
    int rc = listener_of(&p->sockets, &listener);
    if (rc < 0) return rc;
    void *args = hob__alloc(p->site->args_size);
    if (!args) {
        hob_listener_close(listener);
        return -ENOMEM;
    }
    memcpy(args, p->args, p->site->args_size);
    memcpy(args, &listener, sizeof(struct hob_listener *)); /* the first one */
    rc = p->site->run(args);
    hob__free(args);
    hob_listener_close(listener);
    return rc;
}

void hob__prefork_work(struct hob__prefork *p, int ready) {
    const struct hob__spawn_site site = {p->site->name, worker_main, sizeof(struct hob__prefork *),
                                         p->site->place, NULL};
    ready_pipe = ready;
    this_worker = p;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != p->parent) _exit(0); /* it was killed meanwhile */
    /* A terminal tells all of its processes: it is for the parent to pass that on. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    struct hob_options loop = p->options.loop;
    loop.no_interrupt = true;
    loop.terminate = true;
    loop.grace = p->options.grace;
    int rc = hob__run(&loop, &site, &p);
    bool told = rc == -ECANCELED || rc == HOB_E_STOPPING;
    struct hob_error *error = hob__error_take(rc, p->site);
    if (rc < 0 && !told && error) hob__error_report(error, "a worker process ends");
    hob__error_unref(error);
    fflush(NULL);
    _exit(rc >= 0 || told ? 0 : 1);
}
