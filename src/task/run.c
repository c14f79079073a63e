/* task/run.c - making a loop, running the main task in it, and taking it down; Ctrl-C; main(). */
#include "task/task.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "task/capture.h"
#include "task/fdwait.h"

enum { MAIN_STACK = 256 << 10, TASK_STACK = 64 << 10, SLOW_MS = 100 };
enum { SIZE_NEVER = 1 << 30, SLOW_NEVER = 1 << 30 };

struct hob_loop *hob__loops;
pthread_mutex_t hob__loops_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- Ctrl-C ---- */

static struct hob_loop *_Atomic interrupted_loop;
/* The SIGINT or SIGTERM that stopped the last run in this thread; 0 = none. */
static __thread int was_interrupted;
static _Atomic int interrupt_signal;

/* The first one of this run, and when it came. */
static _Atomic int first_signal;
static _Atomic uint64_t first_at;

static bool is_echo(int sig) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec, never = 0;
    int none = 0;
    atomic_compare_exchange_strong(&first_at, &never, now);
    atomic_compare_exchange_strong(&first_signal, &none, sig);
    return sig == SIGTERM && atomic_load(&first_signal) == SIGTERM &&
           now < atomic_load(&first_at) + HOB__ECHO_NS;
}

/* Handlers at work: they may run in another thread than the loop's, while that one ends. */
static _Atomic int interrupting;

static void on_interrupt(int sig) {
    int kept_errno = errno;
    atomic_fetch_add(&interrupting, 1);
    struct hob_loop *loop = atomic_load(&interrupted_loop);
    bool echo = is_echo(sig);
    atomic_store(&interrupt_signal, sig);
    if (!loop || (atomic_fetch_add(&loop->interrupts, 1) > 0 && !echo)) {
        /* The second one: at once, even when a task never lets go. */
        signal(sig, SIG_DFL);
        raise(sig);
    } else {
        loop->backend.ops->wake(&loop->backend);
    }
    atomic_fetch_sub(&interrupting, 1);
    errno = kept_errno;
}

/* Only a signal that nobody else has taken. */
static bool catch_one(int sig) {
    struct sigaction now;
    if (sigaction(sig, NULL, &now) < 0 || (now.sa_flags & SA_SIGINFO) || now.sa_handler != SIG_DFL)
        return false;
    struct sigaction ours = {.sa_handler = on_interrupt,
                             .sa_flags = hob__san_onstack() | SA_RESTART};
    sigemptyset(&ours.sa_mask);
    sigaction(sig, &ours, NULL);
    return true;
}

static bool catch_interrupts(struct hob_loop *loop, const struct hob_options *o) {
    if (syscall(SYS_gettid) != getpid()) return false;
    struct hob_loop *none = NULL;
    if (!atomic_compare_exchange_strong(&interrupted_loop, &none, loop)) return false;
    atomic_store(&first_at, 0);
    atomic_store(&first_signal, 0);
    bool interrupts = !o->no_interrupt && catch_one(SIGINT);
    bool terminates = o->terminate && catch_one(SIGTERM);
    if (!interrupts && !terminates) atomic_store(&interrupted_loop, NULL);
    return interrupts || terminates;
}

/* One that a hob_signal has taken meanwhile is given back to on_interrupt(), which then finds no
 * loop and does what is the default. */
static void release_one(int sig) {
    struct sigaction now;
    if (sigaction(sig, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
        now.sa_handler == on_interrupt)
        signal(sig, SIG_DFL);
}

static void release_interrupts(void) {
    release_one(SIGINT);
    release_one(SIGTERM);
    atomic_store(&interrupted_loop, NULL);
    while (atomic_load(&interrupting) > 0) sched_yield();
}

/* ---- options ---- */

/* Digits with a point, whatever the program's locale; -1 when there are none. */
static double parse_number(const char *text, const char **end) {
    double n = 0, scale = 1;
    bool any = false, fraction = false;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !fraction); text++) {
        if (*text == '.') {
            fraction = true;
            continue;
        }
        any = true;
        n = n * 10 + (*text - '0');
        if (fraction) scale *= 10;
    }
    *end = text;
    return any ? n / scale : -1;
}

/* The environment's variable, a number of `unit`, if it is set: 1. 0 when it is not; -EINVAL and a
 * record that says so when it is no such number. */
static int from_environment(const char *name, const char *unit, bool size, double *value) {
    const char *text = getenv(name);
    if (!text || !*text) return 0;
    const char *end;
    double n = parse_number(text, &end);
    if (size && (*end == 'k' || *end == 'K'))
        n *= 1 << 10, end++;
    else if (size && (*end == 'm' || *end == 'M'))
        n *= 1 << 20, end++;
    if (n < 0 || *end)
        return hob_fail(-EINVAL, "the environment's %s=%s is not a number of %s", name, text, unit);
    *value = n;
    return 1;
}

/* What is given, the environment above it, the defaults below. 0 or -EINVAL. */
static int settle(struct hob_options *o) {
    const char *backend = getenv("HOB_BACKEND");
    if (backend && *backend) o->backend = backend;
    double n;
    if (HOB_TRY(from_environment("HOB_STACK_SIZE", "bytes (65536, 64k, 1m)", true, &n)))
        o->stack_size = n < SIZE_NEVER ? (size_t)n : SIZE_NEVER;
    if (!o->stack_size) o->stack_size = TASK_STACK;
    if (!o->main_stack_size) o->main_stack_size = MAIN_STACK;
    if (o->main_stack_size < o->stack_size) o->main_stack_size = o->stack_size;
    if (HOB_TRY(from_environment("HOB_GRACE", "seconds", false, &n))) o->grace = n;
    if (!o->slow_ms) o->slow_ms = SLOW_MS;
    if (HOB_TRY(from_environment("HOB_SLOW_MS", "milliseconds", false, &n)))
        o->slow_ms = n < SLOW_NEVER ? (unsigned)n : 0;
    return 0;
}

void hob_set_grace(double seconds) {
    if (!hob__loop) hob__misuse(__func__, "no loop is running in this thread");
    hob__loop->grace = seconds;
}

void hob__grace_default(double seconds) {
    if (hob__loop->grace == 0) hob__loop->grace = seconds;
}

/* ---- the loop ---- */

/* Set while a loop runs in the thread. */
static pthread_key_t inside;

/* The child of a fork has no loop: it runs one of its own if it wants to. The task that forked must
 * not return into the parent's; hob__task_finish() sees that its region is gone. */
static void forked(void) {
    struct hob_task *t = hob_self();
    if (t) t->region = NULL;
    pthread_setspecific(inside, NULL);
    hob__loop = NULL;
    hob__loops = NULL;
    pthread_mutex_init(&hob__loops_lock, NULL);
    atomic_store(&interrupting, 0);
    if (atomic_exchange(&interrupted_loop, NULL)) signal(SIGINT, SIG_DFL);
    hob__reports_forked();
    hob__watchdog_forked();
}

static const struct hob__stack *running_stack(void) {
    struct hob_task *t = hob_self();
    return t ? t->stack : NULL;
}

static void note(const char *text) { hob__report(HOB_REPORT_NOTE, text); }

/* In a thread that ends inside hob_run(). */
static void ended(void *loop) {
    (void)loop;
    hob__misuse("pthread_exit", "a thread must not end while its loop runs");
}

static void once(void) {
    pthread_key_create(&inside, ended);
    hob__fiber_on_note(note);
    pthread_atfork(NULL, NULL, forked);
    hob__overflow_describe(hob__describe_task, running_stack);
}

/* Several loops take turns in this thread (simulation): which of them it is now. */
static void switched(struct hob__backend *b, bool back) {
    hob__loop = back ? b->above : NULL; /* `inside` stays: some loop always runs */
}

static int open_loop(struct hob_loop *loop, struct hob_options *o) {
    atomic_init(&loop->refs, 1);
    pthread_mutex_init(&loop->post_lock, NULL);
    loop->backend.above = loop;
    loop->backend.on_ready = hob__fd_ready;
    loop->backend.on_switch = switched;
    int rc = hob__backend_open(&loop->backend, o->backend);
    if (rc < 0)
        return hob_fail(rc, "cannot open the loop's backend%s%s: %s", o->backend ? " " : "",
                        o->backend ? o->backend : "", loop->backend.why);
    loop->turn_began = loop->backend.ops->now(&loop->backend);
    hob__wheel_init(&loop->wheel, loop->turn_began);
    hob__stacks_init(&loop->stacks);
    loop->ordered = loop->backend.ops->choose != NULL;
    loop->slice_length = loop->ordered ? 0 : 16;
    loop->stack_class = hob__stack_class(o->stack_size);
    loop->grace = o->grace;
    /* Nothing is slow in a simulated world. */
    if (loop->ordered) o->slow_ms = 0;
    loop->slow_ms = o->slow_ms;
    loop->thread = pthread_self();
    loop->tid = (pid_t)syscall(SYS_gettid);
    loop->errno_at = &errno;
    static const struct hob__place place = {__func__, __FILE__, __LINE__};
    hob__scope_init(&loop->root, NULL, NULL, "loop", &place);
    loop->root.on_error = HOB_DISCARD;
    loop->root.region.attention = hob__point_hook ? HOB__ATT_HOOK : 0;
    loop->oom_error = hob__error_new(-ENOMEM, "", "", 0, "", NULL, "out of memory");
    rc = loop->oom_error ? hob__overflow_thread_init() : -ENOMEM;
    if (rc < 0) {
        hob__error_unref(loop->oom_error);
        hob__stacks_destroy(&loop->stacks);
        hob__backend_close(&loop->backend);
    }
    return rc;
}

struct hob__loop_data *hob__loop_data(enum hob__loop_key key) {
    return hob__loop->data[key];
}
void hob__loop_data_set(enum hob__loop_key key, struct hob__loop_data *d) {
    hob__loop->data[key] = d;
}

static void close_loop(struct hob_loop *loop) {
    for (int key = HOB__LOOP_KEYS; key-- > 0;)
        if (loop->data[key]) loop->data[key]->drop(loop->data[key]);
    hob__wheel_remove(&loop->wheel, &loop->root.timer);
    hob__backend_close(&loop->backend);
    hob__overflow_thread_exit();
    hob__stacks_destroy(&loop->stacks);
    hob__records_destroy(loop);
    hob__free(loop->ring);
    hob__error_unref(loop->oom_error);
}

static void list_loop(struct hob_loop *loop, bool in) {
    pthread_mutex_lock(&hob__loops_lock);
    if (in) {
        loop->next_loop = hob__loops;
        hob__loops = loop;
    } else {
        struct hob_loop **p = &hob__loops;
        while (*p && *p != loop) p = &(*p)->next_loop;
        if (*p) *p = loop->next_loop;
    }
    pthread_mutex_unlock(&hob__loops_lock);
}

/* Runs the main task to its end; its error record is kept for after the loop. */
static int run_main(struct hob_loop *loop, const struct hob__spawn_site *site, const void *args,
                    const struct hob_options *o, struct hob_error **error) {
    struct hob_task *t = hob__task_new(
        loop, &loop->root, site, &(struct hob_spawn_options){.stack_size = o->main_stack_size});
    if (!t) {
        hob__inbox_end(loop);
        return -ENOMEM;
    }
    memcpy(t->head.args, args, site->args_size);
    loop->main = t;
    hob__schedule(loop);
    hob__inbox_close(loop);
    hob__schedule(loop);  /* what the last posts have started */
    hob__inbox_end(loop); /* whoever woke the last of these has let go */
    int rc = t->result;
    if (rc == -ECANCELED && loop->deadlocked) {
        rc = HOB_E_DEADLOCK;
    } else if (t->error) {
        *error = hob__error_ref(t->error);
    }
    hob__task_free(loop, t);
    return rc;
}

int hob__run(const struct hob_options *options, const struct hob__spawn_site *site,
             const void *args) {
    static pthread_once_t once_control = PTHREAD_ONCE_INIT;
    if (hob__loop)
        return hob_fail(HOB_E_RUNNING, "hob_run() inside a running loop (just call the function)");
    pthread_once(&once_control, once);
    hob_error_clear();
    struct hob_options o = options ? *options : (struct hob_options){0};
    HOB_TRY(settle(&o));
    struct hob_loop *loop = hob__alloc_zero(sizeof *loop);
    if (!loop) return -ENOMEM;
    int rc = open_loop(loop, &o);
    if (rc < 0) {
        hob__loop_unref(loop);
        return rc;
    }
    hob__loop = loop;
    pthread_setspecific(inside, loop);
    list_loop(loop, true);
    bool catches = catch_interrupts(loop, &o);
    hob__debug_begin(loop);
    bool blocked = false;
    if (o.slow_ms) {
        hob__watchdog_add();
        blocked = hob__capture_admit();
    }
    struct hob_error *error = NULL;
    rc = run_main(loop, site, args, &o, &error);
    if (o.slow_ms) {
        hob__watchdog_remove(loop);
        hob__capture_readmit(blocked);
    }
    hob__debug_end(loop);
    if (catches) release_interrupts();
    list_loop(loop, false);
    bool interrupted = atomic_load(&loop->interrupts) > 0;
    close_loop(loop);
    hob__loop = NULL;
    pthread_setspecific(inside, NULL);
    hob__loop_unref(loop);
    hob__error_set(error);
    was_interrupted = interrupted ? atomic_load(&interrupt_signal) : 0;
    return rc;
}

/* ---- main ---- */

struct main_args {
    int (*app)(int argc, char **argv);
    int argc;
    char **argv;
};

static int run_app(void *args) {
    struct main_args *a = args;
    return a->app(a->argc, a->argv);
}

/* exit() would drop what does not go out (a full disk) without a word. */
static bool output_written(const char *program) {
    errno = 0;
    bool failed = fflush(stdout) != 0;
    int code = errno;
    if (!failed && !ferror(stdout)) return true;
    /* An error before the last flush has left no errno. */
    fprintf(stderr, "%s: standard output could not be written%s%s\n", program, code ? ": " : "",
            code ? strerror(code) : "");
    return false;
}

int hob__main(struct hob_options options, int (*app)(int argc, char **argv), int argc, char **argv,
              const char *name, const char *func, const char *file, int line) {
    const struct hob__spawn_site site = {
        name, run_app, sizeof(struct main_args), {func, file, line}, NULL};
    struct main_args args = {app, argc, argv};
    int rc = hob__run(&options, &site, &args);
    if (rc >= 0 && !output_written(argc > 0 && argv[0] ? argv[0] : "hob")) return 1;
    if (rc >= 0) return rc < 255 ? rc : 255; /* more does not fit; 256 must not become 0 */
    if ((rc == -ECANCELED || rc == HOB_E_STOPPING) && was_interrupted) {
        fflush(NULL);
        signal(was_interrupted, SIG_DFL);
        raise(was_interrupted);
    }
    char text[2048];
    const struct hob_error *e = hob_error();
    if (e && e->code == rc)
        hob_error_format(e, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s", hob_strerror(rc));
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", argc > 0 && argv[0] ? argv[0] : "hob", text);
    return 1;
}
