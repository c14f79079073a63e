/* fetch.c - `hob fetch`: many URLs at once.
 *
 * One task reads the list of URLs and starts one task for each, at most `concurrency` at a time: a
 * semaphore counts them. Each of those makes its request and puts the result into a queue. One task
 * takes the results out and writes them; one more draws the progress. So nothing here needs a
 * callback or a lock, and memory depends on the concurrency, not on the length of the list. */
#include "fetch.h"

#include <errno.h>
#include <hob/download.h>
#include <hob/file.h>
#include <hob/har.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"
#include "outcome.h"
#include "output.h"
#include "progress.h"
#include "save.h"
#include "tool.h"

enum {
    RESULTS_WAITING = 64,       /* for the writer; then the requests wait for it */
    LINES_AT_ONCE = 256,        /* results that are written together, */
    BYTES_AT_ONCE = 65536,      /* about so many bytes at most */
    DESCRIPTORS_KEPT_FREE = 32, /* for the loop, name lookups, files */
    FAILURES_SHOWN = 20
};

struct fetch {
    struct fetch_options options;
    struct input input;
    struct output output;
    struct progress progress;
    struct tally tally;
    struct hob_client *client;
    struct hob_har *har;
    const char *data; /* the body of each request */
    char *file;       /* what was read for it */
    size_t data_size;
    const char *folder;         /* for bodies, or NULL */
    struct url_set fetched;     /* by an earlier run */
    struct hob_tls *tls;        /* NULL: the client's own */
    struct hob_sem room;        /* for requests */
    struct hob_queue *results;  /* of struct result */
    struct hob_scope *requests; /* what the writer ends when nobody reads */
    struct hob_event unneeded;  /* there may be connections that nobody will ask for */
    uint64_t spawned, begun;    /* requests: tasks; those of them that have run */
    bool all_started;           /* no URL is left that has not been */
    bool unread;                /* nobody reads the results any more (hob fetch | head -1) */
    unsigned failures_shown;
    int input_error, output_error; /* negative codes */
    double elapsed;                /* seconds */
};

#define say(f, ...) progress_say(&(f)->progress, "hob fetch", __VA_ARGS__)

/* ---- one URL ---- */

/* What is known of it when its request has ended. While that waits, this is what its task's stack
 * holds; the rest of a result, with room for a message, only exists when it is delivered. */
struct answer {
    int status;
    uint64_t bytes;
    char *file;
    struct hob_phases phases;
};

static int count_bytes(void *arg, int64_t done, int64_t total) {
    (void)total;
    *(uint64_t *)arg = (uint64_t)done;
    return 0;
}

/* The body of a good answer into its file. Not inlined: the others do without the room for a path
 * on their stacks, which is a page of memory for each. */
static __attribute__((noinline)) int save(struct fetch *f, const char *url, struct answer *a,
                                          struct hob_response *response) {
    char path[SAVE_PATH_MAX];
    if (!save_path(f->folder, url, path)) return -ENAMETOOLONG;
    a->file = strdup(path);
    int64_t n = a->file
                    ? hob_response_save(response, path, .progress = count_bytes, .arg = &a->bytes)
                    : -ENOMEM;
    if (n >= 0) return 0;
    free(a->file);
    a->file = NULL;
    return (int)n;
}

/* The request, and the body read to its end. */
static int get(struct fetch *f, const char *url, struct answer *a) {
    static char sink[65536]; /* of all tasks: nobody looks at it */
    struct hob_response *response HOB_RESPONSE_GUARD = NULL;
    const struct fetch_options *o = &f->options;
    HOB_TRY(hob_client_request(f->client, o->method, url, &response, .headers = o->headers,
                               .body = f->data, .body_size = f->data_size, .phases = &a->phases));
    a->status = hob_response_status(response);
    ssize_t n = 0;
    if (f->folder && a->status >= 200 && a->status < 300)
        n = save(f, url, a, response);
    else
        while ((n = hob_response_read(response, sink, sizeof sink)) > 0) a->bytes += (uint64_t)n;
    hob_response_phases(response, &a->phases);
    if (n == 0 && f->options.fail && a->status >= 400)
        return hob_fail(HOB_E_HTTP_STATUS, "status %d %s", a->status, hob_http_phrase(a->status));
    return (int)n;
}

/* Are results written, and can they be? */
static bool has_results(const struct fetch *f) {
    return !f->output_error && (!f->folder || f->options.json);
}

/* Failures are told on standard error as well, unless the results are on the screen already; all of
 * them only where there are no results to find them among. */
static void show_failure(struct fetch *f, struct result *r) {
    if (f->options.quiet) return;
    if (has_results(f) && (f->output.is_terminal || f->failures_shown > FAILURES_SHOWN)) return;
    r->told = !has_results(f) || f->failures_shown < FAILURES_SHOWN;
    if (r->told)
        say(f, "%.500s: %s (%s)", r->url, failure_name(r->failure), r->message);
    else
        say(f, "further failures are not shown here; they are among the results");
    f->failures_shown++;
}

/* A result that is there is delivered, even if everything has been cancelled meanwhile. */
static void deliver(struct fetch *f, struct result *r) {
    tally_add(&f->tally, r);
    if (r->failure != FAILURE_NONE) show_failure(f, r);
    if (hob_shielded(hob_queue_put(f->results, r)) < 0) result_free(r);
}

/* Not inlined: see struct answer. */
static __attribute__((noinline)) void conclude(struct fetch *f, char *url, const struct answer *a,
                                               double seconds, int rc) {
    struct result r = {.url = url,
                       .status = a->status,
                       .bytes = a->bytes,
                       .file = a->file,
                       .seconds = seconds,
                       .phases = a->phases};
    if (rc < 0) result_failed(&r, rc);
    if (rc == -ETIMEDOUT && seconds >= f->options.timeout) /* ours, not the system's */
        snprintf(r.message, sizeof r.message, "not complete after %g s", f->options.timeout);
    deliver(f, &r);
}

static int fetch_one(struct fetch *f, char *url) {
    struct answer a = {0};
    uint64_t began = hob_now();
    f->begun++;
    int rc = hob_within(f->options.timeout, get(f, url, &a));
    if (rc == -ECANCELED) {
        free(url);
        free(a.file);
        return rc;
    }
    conclude(f, url, &a, (double)(hob_now() - began) / 1e9, rc);
    hob_sem_release(&f->room);
    if (f->all_started) hob_event_set(&f->unneeded);
    return 0;
}
HOB_TASK(fetch_one, struct fetch *, char *)

/* Towards the end each answer leaves a connection that nobody waits for. They are closed while
 * others still wait for their answers, not when all are there; a few at a time, behind whatever is
 * ready, and none while requests are still to be sent. */
static int close_unneeded(struct fetch *f) {
    enum { CLOSED_AT_ONCE = 8 };
    struct hob_client_info info;
    for (;;) {
        HOB_TRY(hob_event_wait(&f->unneeded));
        hob_event_clear(&f->unneeded);
        do {
            HOB_TRY(hob_yield_now());
            hob_client_info(f->client, &info);
            if (f->begun < f->spawned || info.waiting > 0) break;
        } while (hob_client_close_idle(f->client, CLOSED_AT_ONCE) > 0);
    }
}
HOB_TASK(close_unneeded, struct fetch *)

/* ---- all URLs ---- */

/* Has an earlier run fetched it? */
static bool is_fetched(struct fetch *f, const char *url) {
    char path[SAVE_PATH_MAX];
    if (!f->options.resume) return false;
    if (f->folder) return save_path(f->folder, url, path) && access(path, F_OK) == 0;
    return url_set_has(&f->fetched, url);
}

/* A line of the input that is too long to be a URL. */
static void refuse_line(struct fetch *f, char *beginning) {
    struct result r = {.url = beginning};
    result_failed(&r, HOB_E_URL);
    snprintf(r.message, sizeof r.message, "line %llu of %s is longer than %d bytes",
             (unsigned long long)f->input.line, f->input.name, INPUT_LINE_MAX);
    deliver(f, &r);
    hob_sem_release(&f->room);
}

static int fetch_all(struct fetch *f) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    f->requests = s;
    uint64_t started = 0;
    for (;; started++) {
        char *url;
        if (hob_sem_acquire(&f->room) < 0) break;
        int rc = input_next(&f->input, &url);
        if (rc == 1 && is_fetched(f, url)) {
            f->tally.skipped++;
            if (f->tally.total) f->tally.total--;
            started--;
            free(url);
            hob_sem_release(&f->room);
        } else if (rc == 1) {
            if (hob_spawn(s, fetch_one, f, url))
                f->spawned++;
            else
                free(url);
        } else if (rc == -EMSGSIZE) {
            refuse_line(f, url);
        } else {
            if (rc < 0 && rc != -ECANCELED) f->input_error = rc;
            break;
        }
    }
    f->all_started = true;
    if (!f->tally.total && !hob_cancelled()) f->tally.total = started; /* now it is known */
    int rc = hob_join(s);
    f->requests = NULL;
    return rc;
}

/* How many there are, for the progress: looked up while the first ones are fetched already. */
static int count_urls(struct fetch *f) {
    int64_t count = input_count(&f->input);
    if (count > 0 && (uint64_t)count > f->tally.skipped)
        f->tally.total = (uint64_t)count - f->tally.skipped;
    return 0;
}
HOB_TASK(count_urls, struct fetch *)

/* ---- results ---- */

/* A result on its way out, until it is known that it went. */
struct line {
    char *url;
    size_t end; /* where it ends in what is written together */
    enum failure failure;
    bool told;
};

/* Nobody reads standard output any more: everything ends, quietly. Any other error: what is left is
 * fetched, and each result that is lost has failed, as a body that cannot be saved has. */
static void stop_writing(struct fetch *f, int rc) {
    f->output_error = rc;
    f->unread = rc == -EPIPE && f->output.is_standard;
    if (f->unread && f->requests) hob_scope_cancel(f->requests);
    if (!f->unread) say(f, "cannot write %s: %s", f->output.name, hob_strerror(rc));
}

/* It could not be written: so it is told here, if it has not been. */
static void lose(struct fetch *f, const struct line *line) {
    bool fetched = line->failure == FAILURE_NONE;
    if (f->unread) return; /* nobody wants to know */
    if (fetched) tally_lose(&f->tally);
    if (line->told || f->options.quiet) return;
    say(f, "%.500s: %s%snot written (%s)", line->url, fetched ? "" : failure_name(line->failure),
        fetched ? "" : ", ", hob_strerror(f->output_error));
}

/* Takes as many results as there are, and fit, and writes them together. */
static void write_lines(struct fetch *f, struct result *r) {
    struct line lines[LINES_AT_ONCE];
    size_t n = 0;
    do {
        result_print(f->output.text, r);
        lines[n++] = (struct line){r->url, (size_t)ftello(f->output.text), r->failure, r->told};
        free(r->file);
    } while (n < LINES_AT_ONCE && lines[n - 1].end < BYTES_AT_ONCE &&
             hob_queue_try_get(f->results, r) == 0);
    if (f->output.is_terminal) progress_hide(&f->progress);
    int rc = output_flush(&f->output);
    if (rc < 0) stop_writing(f, rc);
    for (size_t i = 0; i < n; i++) {
        if (lines[i].end > f->output.sent) lose(f, &lines[i]);
        free(lines[i].url);
    }
}

/* Writes results until the queue is closed and empty. */
static int write_results(struct fetch *f) {
    HOB_SCOPE(s, .shield = true); /* Ctrl-C ends the requests; what they brought is still written */
    struct result r;
    while (hob_queue_get(f->results, &r) == 0) {
        if (has_results(f)) {
            write_lines(f, &r);
            continue;
        }
        struct line line = {.url = r.url, .failure = r.failure, .told = r.told};
        if (f->output_error) lose(f, &line);
        result_free(&r);
    }
    return 0;
}
HOB_TASK(write_results, struct fetch *)

HOB_TASK(progress_run, struct progress *)

/* ---- the whole ---- */

/* Every request needs a descriptor. */
static void fit_concurrency(struct fetch *f) {
    struct fetch_options *o = &f->options;
    if (!o->input && o->url_count < o->concurrency) o->concurrency = o->url_count;
    size_t limit = raise_file_limit(), used = count_open_files() + DESCRIPTORS_KEPT_FREE;
    size_t fits = limit > used ? limit - used : 1;
    if (o->concurrency <= fits) return;
    if (!o->quiet)
        say(f, "%zu at once instead of %zu: only %zu files may be open (ulimit -n)", fits,
            o->concurrency, limit);
    o->concurrency = fits;
}

/* Passwords that others may read are used, and told of. */
static void look_at_netrc(struct fetch *f) {
    const char *name = f->options.netrc, *home = getenv("HOME");
    char usual[512];
    struct stat st;
    if (!name || f->options.quiet) return;
    if (!*name) name = getenv("NETRC");
    snprintf(usual, sizeof usual, "%s/.netrc", home ? home : "");
    if (!name) name = usual;
    if (stat(name, &st) == 0 && (st.st_mode & 077))
        say(f, "%s can be read by others (chmod 600)", name);
}

/* -d: the text, or a file's bytes. */
static int read_data(struct fetch *f) {
    enum { LIMIT = 1 << 30 };
    f->data = f->options.data;
    if (!f->data) return 0;
    f->data_size = strlen(f->data);
    if (*f->data != '@') return 0;
    const char *name = f->data + 1;
    int rc = hob_read_file(name, &f->file, &f->data_size, LIMIT);
    f->data = f->file;
    if (rc < 0) say(f, "cannot read %s: %s", name, hob_strerror(rc));
    return rc;
}

/* Where the results go, and the bodies; and what is there already. */
static int open_output(struct fetch *f) {
    const struct fetch_options *o = &f->options;
    int rc = save_folder(o->output);
    if (rc == 1) f->folder = o->output;
    if (rc >= 0) rc = output_open(&f->output, f->folder ? "-" : o->output, o->resume);
    if (rc < 0) {
        if (rc != -ECANCELED) say(f, "cannot write %s: %s", o->output, hob_strerror(rc));
        return rc;
    }
    if (!o->resume || f->folder) return 0;
    rc = save_load_results(&f->output, &f->fetched);
    if (rc < 0) say(f, "cannot go on with %s: it does not hold results", o->output);
    return rc;
}

static int run(struct fetch *f) {
    uint64_t began = hob_now();
    HOB_CLIENT(
        client, .max_connections = f->options.concurrency, .max_per_host = f->options.per_host,
        .rate = f->options.rate, .retries = (unsigned)f->options.retries, .tls = f->tls,
        .proxy = f->options.proxy, .no_proxy = f->options.no_proxy,
        .unix_path = f->options.unix_path, .resolve = f->options.resolve, .pins = f->options.pins,
        .auth = f->options.auth.scheme ? &f->options.auth : NULL, .netrc = f->options.netrc,
        .har = f->har, .connect_timeout = INFINITY, .http2_prior_knowledge = f->options.http2,
        .tls_timeout = INFINITY, .stall_timeout = INFINITY); /* the one deadline is fetch_one's */
    HOB_QUEUE(results, struct result, RESULTS_WAITING);
    HOB_SCOPE(s);
    f->client = client;
    f->results = results;
    f->room = (struct hob_sem)HOB_SEM(f->options.concurrency);
    hob_spawn_daemon(s, progress_run, &f->progress);
    hob_spawn_daemon(s, count_urls, f);
    hob_spawn_daemon(s, close_unneeded, f);
    if (!hob_spawn(s, write_results, f)) return hob_join(s);
    int rc = fetch_all(f);
    hob_queue_close(results);
    int joined = hob_join(s);
    f->elapsed = (double)(hob_now() - began) / 1e9; /* without the closing of the connections */
    return rc < 0 ? rc : joined;
}

/* The exit status, or the error that cut it short (Ctrl-C). */
static int finish(struct fetch *f, int rc) {
    int closed = output_close(&f->output);
    if (f->unread) {
        progress_hide(&f->progress);
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    if (closed < 0 && !f->output_error) stop_writing(f, closed);
    if (f->input_error) say(f, "cannot read %s: %s", f->input.name, hob_strerror(f->input_error));
    progress_hide(&f->progress);
    if (!f->options.quiet)
        tally_print(stderr, &f->tally, f->elapsed, f->options.each, rc == -ECANCELED);
    if (rc < 0) return rc;
    if (f->input_error && !f->output_error) return EXIT_READ;
    return tally_exit_status(&f->tally, f->output_error ? EXIT_WRITE : 0);
}

/* All that is read and written, with what is wrong with it said. */
static int open_files(struct fetch *f, const char *command) {
    const struct fetch_options *o = &f->options;
    int rc = input_open(&f->input, o->urls, o->url_count, o->input);
    if (rc < 0) say(f, "cannot read %s: %s", f->input.name, hob_strerror(rc));
    if (rc >= 0) rc = read_data(f);
    if (rc >= 0) rc = open_output(f);
    if (rc < 0) return rc;
    if (!make_tls(command, o->cert, o->key, o->cacert, o->insecure, &f->tls)) return HOB_E_TLS;
    if (o->har && (rc = hob_har_open(&f->har, o->har)) < 0 && rc != -ECANCELED)
        say(f, "cannot write %s: %s", o->har, hob_strerror(rc));
    return rc;
}

static void close_files(struct fetch *f) {
    int rc = hob_har_close(f->har);
    if (rc < 0) {
        say(f, "cannot write %s: %s", f->options.har, hob_strerror(rc));
        f->output_error = rc;
    }
    drop_tls(f->tls);
    hob_file_free(f->file);
    input_close(&f->input);
    url_set_free(&f->fetched);
}

static int app(int argc, char **argv) {
    struct fetch f = {0};
    int status = fetch_parse_options(argc, argv, &f.options);
    if (status >= 0) return status;
    signal(SIGPIPE, SIG_IGN); /* EPIPE tells */
    progress_init(&f.progress, &f.tally, f.options.quiet);
    int rc = open_files(&f, argv[0]);
    if (rc < 0) {
        close_files(&f);
        output_close(&f.output);
        return rc == -ECANCELED ? rc : EXIT_USAGE;
    }
    fit_concurrency(&f);
    look_at_netrc(&f);
    rc = run(&f);
    close_files(&f);
    return finish(&f, rc);
}

const struct command fetch_command = {
    .name = "fetch", .summary = "fetches many URLs at once", .help = fetch_help, .app = app};
