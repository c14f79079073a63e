/* io/process/pool.c - the program's side of a process pool: its workers, who is next, and what
 * became of one. io/process/keeper.h tells who speaks with whom.
 *
 * The lock guards the list of idle workers and the line of callers. A worker in a call belongs to
 * its caller alone. One that is given back goes to the first in line; one that is lost makes room
 * for another, which the first in line makes itself. */
#include "io/process/pool.h"
#include "io/fail.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crew.h"
#include "base/forks.h"
#include "base/list.h"
#include "base/memory.h"
#include "task/fdwait.h"
#include "task/loopdata.h"

/* ---- the keeper ---- */

struct forking {
    int control[2]; /* ours, the keeper's */
    size_t memory;
    pid_t pid;
    int error;
};

/* In a thread of its own, so that the child has that thread's stack, and no task's and no loop. */
static void *fork_keeper(void *arg) {
    struct forking *f = arg;
    f->pid = fork();
    if (f->pid == 0) hob__keeper_run(f->control[1], f->memory);
    f->error = errno;
    return NULL;
}

/* With the lock held. 0 or -errno. */
static int open_keeper(struct hob_process_pool *p) {
    struct forking f = {.memory = p->memory};
    pthread_t thread;
    sigset_t before;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f.control) < 0)
        return hob_fail(-errno, "cannot make a process pool's socket");
    hob__block_signals(&before, 0);
    int rc = pthread_create(&thread, NULL, fork_keeper, &f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        pthread_join(thread, NULL);
        if (f.pid < 0) rc = f.error;
    }
    close(f.control[1]);
    if (rc != 0) {
        close(f.control[0]);
        return hob_fail(-rc, "cannot fork a process pool's keeper");
    }
    p->control = f.control[0];
    p->keeper = f.pid;
    return 0;
}

/* With the lock held: the keeper kills its workers and ends. */
static void close_keeper(struct hob_process_pool *p) {
    if (!p->keeper) return;
    close(p->control);
    while (waitpid(p->keeper, NULL, 0) < 0 && errno == EINTR) continue;
    p->keeper = 0;
}

/* With the lock held. 0 or -errno. By the system itself: the keeper is a real process, and serves
 * every loop that uses the pool. */
static int order(struct hob_process_pool *p, uint32_t kind, uint32_t id, int fd) {
    struct hob__keeper_order o = {kind, id};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } with = {.room = ""};
    struct iovec v = {&o, sizeof o};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = &with;
        m.msg_controllen = sizeof with;
        with.head.cmsg_level = SOL_SOCKET;
        with.head.cmsg_type = SCM_RIGHTS;
        with.head.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&with.head), &fd, sizeof fd);
    }
    ssize_t rc;
    while ((rc = sendmsg(p->control, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR) continue;
    return rc < 0 ? -errno : 0;
}

/* ---- pools ---- */

/* In a forked child, which has no keeper and no workers: their sockets are its parent's. */
static void begin_anew(struct hob_process_pool *p) {
    p->forks = hob__forks;
    pthread_mutex_init(&p->lock, NULL);
    if (p->keeper && !hob__keeper_child) close(p->control);
    p->keeper = 0;
    while (p->idle) {
        struct hob__process *w = p->idle;
        p->idle = w->next;
        if (!hob__keeper_child) close(w->fd);
        hob__free(w);
    }
    p->count = p->idle_count = 0;
    p->waiting = 0;
    p->users = 1;
    hob__list_init(&p->line);
}

static void lock(struct hob_process_pool *p) {
    if (HOB__UNLIKELY(p->forks != hob__forks)) begin_anew(p);
    pthread_mutex_lock(&p->lock);
}

/* With the lock held, which it gives back. */
static void unref(struct hob_process_pool *p) {
    bool last = --p->users == 0;
    pthread_mutex_unlock(&p->lock);
    if (!last) return;
    pthread_mutex_destroy(&p->lock);
    hob__free(p);
}

int hob_process_pool_open(struct hob_process_pool **pool, struct hob_process_pool_options o) {
    *pool = NULL;
    if (o.processes > HOB__KEEPER_WORKERS)
        return hob_fail(-EINVAL, "a pool of %u processes; %d is the most", o.processes,
                        HOB__KEEPER_WORKERS);
    struct hob_process_pool *p = hob__alloc_zero(sizeof *p);
    if (!p) return -ENOMEM;
    pthread_mutex_init(&p->lock, NULL);
    hob__list_init(&p->line);
    p->forks = hob__forks_count();
    p->limit = o.processes ? o.processes : hob_cpu_count();
    if (p->limit > HOB__KEEPER_WORKERS) p->limit = HOB__KEEPER_WORKERS;
    p->calls = o.calls;
    p->memory = o.memory;
    p->users = 1;
    int rc = open_keeper(p);
    if (rc < 0) {
        lock(p);
        unref(p);
        return rc;
    }
    *pool = p;
    return 0;
}

void hob_process_pool_close(struct hob_process_pool *p) {
    if (!p) return;
    lock(p);
    if (p->closed) hob__misuse(__func__, "the pool is closed already");
    p->closed = true;
    while (p->idle) {
        struct hob__process *w = p->idle;
        p->idle = w->next;
        p->count--;
        close(w->fd);
        hob__free(w);
    }
    p->idle_count = 0;
    close_keeper(p);
    hob__remote_serve_all(&p->line, HOB_E_CLOSED);
    unref(p);
}

void hob_process_pool_info(struct hob_process_pool *p, struct hob_process_pool_info *info) {
    lock(p);
    *info = (struct hob_process_pool_info){.processes = p->count,
                                           .max = p->limit,
                                           .idle = p->idle_count,
                                           .waiting = p->waiting,
                                           .done = p->done,
                                           .crashed = p->crashed,
                                           .killed = p->killed};
    pthread_mutex_unlock(&p->lock);
}

/* ---- the default pool, which the loops that have used it hold open ---- */

static struct {
    pthread_mutex_t lock;
    struct hob_process_pool *pool;
    unsigned loops, forks;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock_shared(void) {
    if (shared.forks != hob__forks_count()) { /* the pool of a parent is its own */
        pthread_mutex_init(&shared.lock, NULL);
        shared.loops = 0;
        shared.forks = hob__forks;
        if (shared.pool) {
            lock(shared.pool);
            unref(shared.pool);
        }
        shared.pool = NULL;
    }
    pthread_mutex_lock(&shared.lock);
}

static void loop_ends(struct hob__loop_data *d) {
    lock_shared();
    if (shared.loops > 0 && --shared.loops == 0) {
        hob_process_pool_close(shared.pool);
        shared.pool = NULL;
    }
    pthread_mutex_unlock(&shared.lock);
    hob__free(d);
}

static int default_pool(struct hob_process_pool **pool) {
    struct hob__loop_data *mine = hob__loop_data(HOB__LOOP_PROCESS_POOL);
    lock_shared();
    int rc = 0;
    if (!mine) {
        mine = hob__alloc(sizeof *mine);
        if (!mine) rc = -ENOMEM;
        if (rc == 0 && !shared.pool)
            rc = hob_process_pool_open(&shared.pool, (struct hob_process_pool_options){0});
        if (rc == 0) {
            mine->drop = loop_ends;
            hob__loop_data_set(HOB__LOOP_PROCESS_POOL, mine);
            shared.loops++;
        } else {
            hob__free(mine);
        }
    }
    *pool = shared.pool;
    pthread_mutex_unlock(&shared.lock);
    return rc;
}

/* ---- a worker for a call ---- */

/* -EPIPE, -ECONNRESET: it has gone. */
static int order_worker(struct hob_process_pool *p, uint32_t id, int fd) {
    int rc = order(p, HOB__KEEPER_MAKE, id, fd);
    if (rc == -EPIPE || rc == -ECONNRESET) return rc;
    return hob__said(rc, "cannot ask for a worker process: %s", hob_strerror(rc));
}

/* Asks the keeper for one; whether it could be made shows in the first answer. */
static int make_worker(struct hob_process_pool *p, struct hob__process **out) {
    struct hob__process *w = hob__alloc(sizeof *w);
    int pair[2];
    if (!w) return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        int rc = hob_fail(-errno, "cannot make a worker process's socket");
        hob__free(w);
        return rc;
    }
    fcntl(pair[0], F_SETFL, O_NONBLOCK); /* the other end blocks */
    w->fd = pair[0];
    w->calls = 0;
    lock(p);
    w->id = ++p->next_id;
    int rc = p->closed ? HOB_E_CLOSED : p->keeper ? 0 : open_keeper(p);
    if (rc == 0) rc = order_worker(p, w->id, pair[1]);
    if (rc == -EPIPE || rc == -ECONNRESET) { /* somebody has killed the keeper */
        close_keeper(p);
        rc = open_keeper(p);
        if (rc == 0) rc = order_worker(p, w->id, pair[1]);
        if (rc == -EPIPE || rc == -ECONNRESET)
            rc = hob_fail(-EAGAIN, "a process pool's keeper ends at once");
    }
    pthread_mutex_unlock(&p->lock);
    close(pair[1]);
    if (rc < 0) {
        close(w->fd);
        hob__free(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* With the lock held: one worker less; the first in line may make another. */
static void lost_one(struct hob_process_pool *p) {
    struct hob__remote *r = hob__remote_first(&p->line);
    if (r) {
        r->data = NULL;
        hob__remote_serve(r, 0);
    } else {
        p->count--;
    }
}

/* Has it ended while it was idle? Whatever there is to read says so. */
/* Of a real process, from any loop's thread: pools are shared, and no backend's. */
static bool is_gone(const struct hob__process *w) {
    char byte;
    return recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

static int take_worker(struct hob_process_pool *p, struct hob__process **out) {
    struct hob__process *w = NULL;
    lock(p);
    while (!w && p->idle) {
        w = p->idle;
        p->idle = w->next;
        p->idle_count--;
        if (!is_gone(w)) break;
        close(w->fd);
        hob__free(w);
        p->count--;
        w = NULL;
    }
    if (!w && p->count < p->limit) {
        p->count++;
        pthread_mutex_unlock(&p->lock);
    } else if (!w) {
        struct hob__remote r = {.data = NULL};
        p->waiting++;
        int rc = hob__remote_wait(&p->lock, &p->line, &r, "process pool", NULL, HOB__WAIT_PLAIN,
                                  UINT64_MAX);
        lock(p);
        p->waiting--;
        pthread_mutex_unlock(&p->lock);
        if (rc < 0) return rc;
        w = r.data;
    } else {
        pthread_mutex_unlock(&p->lock);
    }
    *out = w;
    if (w) return 0;
    int rc = make_worker(p, out);
    if (rc < 0) {
        lock(p);
        lost_one(p);
        pthread_mutex_unlock(&p->lock);
    }
    return rc;
}

/* After the call: the worker goes to whoever is next, or, no longer wanted, to its keeper. */
static void give_worker(struct hob_process_pool *p, struct hob__process *w, int rc, bool intact) {
    lock(p);
    if (intact) p->done++;
    if (rc == HOB_E_CRASHED) p->crashed++;
    if (rc == -ECANCELED && !intact) p->killed++;
    bool keep = intact && !p->closed && (p->calls == 0 || ++w->calls < p->calls);
    if (keep) {
        struct hob__remote *r = hob__remote_first(&p->line);
        if (r) {
            r->data = w;
            hob__remote_serve(r, 0);
        } else {
            w->next = p->idle;
            p->idle = w;
            p->idle_count++;
        }
    } else {
        if (!intact && p->keeper) order(p, HOB__KEEPER_KILL, w->id, -1);
        close(w->fd); /* an idle one ends by itself */
        hob__free(w);
        lost_one(p);
    }
    unref(p);
}

int hob__to_process(struct hob_process_call call, const struct hob__spawn_site *site,
                    const void *args) {
    int rc = hob__io_point("hob_to_process");
    if (rc < 0) return rc;
    if (site->args_size > HOB__KEEPER_ARGS)
        return hob_fail(HOB_E_LIMIT, "arguments of %u bytes; %d is the most", site->args_size,
                        HOB__KEEPER_ARGS);
    struct hob_process_pool *p = call.pool;
    if (!p) rc = default_pool(&p);
    if (rc < 0) return rc;
    lock(p);
    if (p->closed) hob__misuse("hob_to_process", "the pool has been closed");
    p->users++;
    pthread_mutex_unlock(&p->lock);
    struct hob__process *w;
    rc = take_worker(p, &w);
    if (rc < 0) {
        lock(p);
        unref(p);
        return rc;
    }
    bool intact = false;
    rc = hob__process_converse(w, &call, site, args, &intact);
    if (!intact && p->closed) rc = hob_fail(HOB_E_CLOSED, "the process pool has been closed");
    give_worker(p, w, rc, intact);
    return rc;
}
