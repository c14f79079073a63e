/* io/process/prefork.c - the parent of worker processes. It runs no loop: it waits for signals,
 * which are blocked, and for the time of what comes next; all it does is fork, signal, and wait for
 * children.
 *
 * A worker's place (struct place) goes STARTING -> SERVING -> ENDING. Each worker has the read end
 * of a pipe's other end: a byte says that it is ready. After a SIGHUP the workers have a new
 * generation; as long as there are serving ones of an older one, one successor at a time is
 * started, and when it is ready, one of the old ones is told to end. */
#include <fcntl.h>
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/thread.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/process/prefork.h"
#include "task/report.h"
#include "task/task.h"

#define SECOND UINT64_C(1000000000)

enum { COUNT_MAX = 256 };
static const double kill_after = 1, shortest_pause = 0.1, longest_pause = 5;

enum state { EMPTY, STARTING, SERVING, ENDING };

struct place {
    enum state state;
    pid_t pid;
    int ready; /* the pipe's end; -1: it has said so */
    unsigned generation;
    uint64_t began, deadline; /* of its start, of its end */
};

struct parent {
    struct hob__prefork *p;
    struct place places[2 * COUNT_MAX];
    unsigned generation, older; /* older: serve, or start, and shall be replaced */
    bool stopping, killed, ever_ready, told;
    int asked_by; /* the signal by which it stops, and when that came */
    uint64_t asked_at;
    int result;
    uint64_t next_start; /* not before that */
    double pause;
    sigset_t signals, before;
};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t from_now(double seconds) {
    return seconds < 1e9 ? now_ns() + (uint64_t)(seconds * 1e9) : UINT64_MAX;
}

static unsigned count(const struct parent *m, enum state state) {
    unsigned n = 0;
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++) n += m->places[i].state == state;
    return n;
}

static void note(const char *what, pid_t pid, const char *how, int number) {
    char text[200];
    snprintf(text, sizeof text, "hob: worker process %d %s %s %d\n", (int)pid, what, how, number);
    hob__report(HOB_REPORT_NOTE, text);
}

/* ---- starting ---- */

static void become_worker(struct parent *m, int ready) {
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++)
        if (m->places[i].state != EMPTY && m->places[i].ready >= 0) close(m->places[i].ready);
    sigprocmask(SIG_SETMASK, &m->before, NULL);
    hob__prefork_work(m->p, ready);
}

static void pause_starts(struct parent *m) {
    m->next_start = from_now(m->pause);
    m->pause = m->pause * 2 < longest_pause ? m->pause * 2 : longest_pause;
}

static int start_worker(struct parent *m) {
    struct place *w = m->places;
    while (w->state != EMPTY) w++; /* there are twice as many places as workers */
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        become_worker(m, ends[1]);
    }
    int rc = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (rc < 0) {
        close(ends[0]);
        return rc;
    }
    *w = (struct place){.state = STARTING,
                        .pid = pid,
                        .ready = ends[0],
                        .generation = m->generation,
                        .began = now_ns(),
                        .deadline = from_now(m->p->options.start_timeout)};
    return 0;
}

static void tell_to_end(struct parent *m, struct place *w) {
    if (w->state == ENDING) return;
    w->state = ENDING;
    w->deadline = from_now(m->p->options.grace + kill_after);
    kill(w->pid, SIGTERM);
}

/* ---- what has happened ---- */

/* What is told is true: a client that comes now is served at once. */
static void tell_listening(struct parent *m) {
    if (m->told || count(m, SERVING) < m->p->options.count) return;
    const struct hob__prefork *p = m->p;
    m->told = true;
    if (p->sockets.address) p->options.listening(p->sockets.address);
    if (p->also.address) p->options.also_listening(p->also.address);
}

static void is_ready(struct parent *m, struct place *w) {
    w->state = SERVING;
    w->deadline = UINT64_MAX;
    m->ever_ready = true;
    tell_listening(m);
    if (w->generation != m->generation) return;
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++) {
        struct place *old = &m->places[i];
        if (old->generation == m->generation || (old->state != SERVING && old->state != STARTING))
            continue;
        tell_to_end(m, old);
        return;
    }
}

static void look_at_pipes(struct parent *m) {
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++) {
        struct place *w = &m->places[i];
        char byte;
        if (w->state == EMPTY || w->ready < 0) continue;
        ssize_t got = read(w->ready, &byte, 1);
        if (got < 0) continue;
        close(w->ready);
        w->ready = -1;
        if (got == 1 && w->state == STARTING) is_ready(m, w);
    }
}

static void give_up(struct parent *m, int rc) {
    if (!m->result) m->result = rc;
    m->stopping = *m->p->ends = true;
}

static void has_ended(struct parent *m, struct place *w, int status) {
    bool starting = w->state == STARTING, ending = w->state == ENDING;
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (w->ready >= 0) close(w->ready);
    w->ready = -1;
    w->state = EMPTY;
    if (ending) return;
    if (!well && WIFSIGNALED(status)) note("was ended by", w->pid, "signal", WTERMSIG(status));
    if (!well && !WIFSIGNALED(status))
        note("has ended with", w->pid, "status", WEXITSTATUS(status));
    if (starting && !m->ever_ready) {
        give_up(m, HOB_E_PREFORK);
    } else if (starting && w->generation == m->generation && m->older > 0) {
        /* What was to come is no good: the older ones go on. */
        note("ended before it was ready: the restart is given up in", w->pid, "generation",
             (int)m->generation);
        for (unsigned i = 0; i < 2 * COUNT_MAX; i++) m->places[i].generation = m->generation;
    } else if (now_ns() - w->began < SECOND) {
        if (well) m->pause = shortest_pause; /* a limit of its own: clients wait for the next one */
        pause_starts(m);
    } else {
        m->pause = shortest_pause;
    }
}

static void look_at_children(struct parent *m) {
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++) {
        struct place *w = &m->places[i];
        int status;
        if (w->state != EMPTY && waitpid(w->pid, &status, WNOHANG) == w->pid)
            has_ended(m, w, status);
    }
}

static void look_at_time(struct parent *m) {
    uint64_t now = now_ns();
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++) {
        struct place *w = &m->places[i];
        if (w->state == EMPTY || w->deadline > now) continue;
        note(w->state == STARTING ? "does not get ready, and is killed:"
                                  : "does not end, and is killed:",
             w->pid, "signal", SIGKILL);
        kill(w->pid, SIGKILL);
        w->deadline = UINT64_MAX;
    }
}

/* SIGTERM to the process, and then to its group, as timeout(1) sends it, is one. */
static bool is_echo(const struct parent *m, int sig) {
    return sig == SIGTERM && m->asked_by == SIGTERM && now_ns() < m->asked_at + HOB__ECHO_NS;
}

static void obey(struct parent *m, int sig) {
    if (sig == SIGHUP && !m->stopping && m->ever_ready) m->generation++;
    if (sig != SIGTERM && sig != SIGINT) return;
    *m->p->ends = true;
    if (!m->stopping) {
        m->asked_by = sig;
        m->asked_at = now_ns();
    } else if (!m->killed && !is_echo(m, sig)) {
        m->killed = true;
        give_up(m, -ECANCELED);
        for (unsigned i = 0; i < 2 * COUNT_MAX; i++)
            if (m->places[i].state != EMPTY) kill(m->places[i].pid, SIGKILL);
    }
    m->stopping = true;
}

/* ---- what is to be done ---- */

static void count_older(struct parent *m) {
    m->older = 0;
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++) {
        const struct place *w = &m->places[i];
        if (w->state == SERVING || w->state == STARTING) m->older += w->generation != m->generation;
    }
}

static void act(struct parent *m) {
    count_older(m);
    if (m->stopping) {
        for (unsigned i = 0; i < 2 * COUNT_MAX; i++)
            if (m->places[i].state != EMPTY) tell_to_end(m, &m->places[i]);
        return;
    }
    for (;;) {
        unsigned starting = count(m, STARTING), serving = count(m, SERVING);
        bool replace = m->older > 0 && starting == 0 && serving >= m->p->options.count;
        if (starting + serving >= m->p->options.count && !replace) return;
        if (count(m, EMPTY) == 0 || now_ns() < m->next_start) return;
        int rc = start_worker(m);
        if (rc < 0 && !m->ever_ready)
            give_up(m, hob_fail(rc, "cannot start a worker process: %s", hob_strerror(rc)));
        if (rc < 0) pause_starts(m);
        if (rc < 0) return;
    }
}

/* Sleeps until a signal, a worker's word, or what comes next. */
static int wait_for_news(struct parent *m, uint64_t until) {
    struct pollfd fds[2 * COUNT_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++)
        if (m->places[i].state != EMPTY && m->places[i].ready >= 0)
            fds[n++] = (struct pollfd){m->places[i].ready, POLLIN, 0};
    uint64_t now = now_ns(), left = until > now ? until - now : 0;
    if (n > 0 && left > SECOND / 50) left = SECOND / 50; /* signals are looked at between polls */
    if (left > 3600 * SECOND) left = 3600 * SECOND;
    if (n > 0) {
        struct timespec t = {(time_t)(left / SECOND), (long)(left % SECOND)};
        ppoll(fds, n, &t, NULL);
        left = 0;
    }
    struct timespec t = {(time_t)(left / SECOND), (long)(left % SECOND)};
    return sigtimedwait(&m->signals, NULL, &t);
}

static uint64_t next_time(const struct parent *m) {
    uint64_t until = UINT64_MAX;
    if (!m->stopping && m->next_start > now_ns()) until = m->next_start;
    for (unsigned i = 0; i < 2 * COUNT_MAX; i++)
        if (m->places[i].state != EMPTY && m->places[i].deadline < until)
            until = m->places[i].deadline;
    return until;
}

static int look_after(struct parent *m) {
    for (;;) {
        act(m);
        if (m->stopping && count(m, EMPTY) == 2 * COUNT_MAX) return m->result;
        int sig = wait_for_news(m, next_time(m));
        if (sig > 0) obey(m, sig);
        look_at_pipes(m);
        look_at_children(m);
        look_at_time(m);
    }
}

static void set_defaults(struct hob_prefork_options *o) {
    if (!o->count) o->count = hob_cpu_count();
    if (o->count > COUNT_MAX) o->count = COUNT_MAX;
    if (o->grace == 0) o->grace = 10;
    if (o->start_timeout == 0) o->start_timeout = 30;
}

/* A word of memory that the workers see, too; NULL without memory. */
static volatile bool *shared_word(void) {
    void *at = mmap(NULL, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

int hob__prefork(const char *address, struct hob_prefork_options options,
                 const struct hob__spawn_site *site, const void *args) {
    if (hob__loop) return hob_fail(HOB_E_RUNNING, "hob_prefork() where a loop runs already");
    struct hob__prefork p = {.options = options, .site = site, .args = args, .parent = getpid()};
    set_defaults(&p.options);
    if (!(p.ends = shared_word())) return -ENOMEM;
    int rc = hob__prefork_listen(&p, address);
    struct parent *m = rc >= 0 ? hob__alloc_zero(sizeof *m) : NULL;
    if (rc >= 0 && !m) rc = -ENOMEM;
    if (m) {
        m->p = &p;
        m->pause = shortest_pause;
        sigemptyset(&m->signals);
        static const int waited[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
        for (unsigned i = 0; i < 4; i++) sigaddset(&m->signals, waited[i]);
        sigprocmask(SIG_BLOCK, &m->signals, &m->before);
        rc = look_after(m);
        if (rc == HOB_E_PREFORK)
            hob_fail(rc, "serving %s: the worker processes end before they are ready", address);
        sigprocmask(SIG_SETMASK, &m->before, NULL);
        hob__free(m);
    }
    hob__prefork_close(&p);
    munmap((void *)(uintptr_t)p.ends, sizeof(bool));
    return rc;
}
