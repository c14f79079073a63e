/* serve.c - `hob serve`: a folder's files over HTTP, by processes that a parent looks after. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <hob/access_log.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/http_metrics.h>
#include <hob/prefork.h>
#include <hob/static.h>
#include <hob/thread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

enum { WORKERS_MAX = 256, CACHE_TEXT = 40, METRICS_CONNECTIONS = 100 };
static const double GRACE = 10; /* seconds that requests in progress have at the end */

static const char help[] =
    "Usage: hob serve [OPTION...] [FOLDER]\n"
    "\n"
    "Serves a folder's files (default: the one you are in) over HTTP/1.1, and with a\n"
    "certificate over https and HTTP/2.\n"
    "\n"
    "  -l, --listen ADDRESS  where to listen: 127.0.0.1:8000 (the default), :80, [::1]:8000,\n"
    "                        unix:/run/hob.sock; port 0 is any free one\n"
    "      --cert FILE       speaks https, with this certificate (PEM)\n"
    "      --key FILE        its key; default: it is in the certificate's file\n"
    "  -w, --workers N       processes (default 1; 0: one for each processor)\n"
    "      --index NAME      what stands for a folder (default index.html)\n"
    "      --no-listings     a folder without it is 403, instead of a page of its names\n"
    "      --no-compress     files are sent as they are; else text goes out in br, zstd or gzip\n"
    "                        to those who accept it: from a.css.br beside a.css, or compressed\n"
    "                        once and kept in memory\n"
    "      --hidden          serves names that begin with a dot, too\n"
    "      --max-age SECONDS browsers may keep files so long without asking (Cache-Control)\n"
    "      --log FILE        a line for each request; - is standard output (the default)\n"
    "      --log-format NAME common, combined (the default) or json\n"
    "      --metrics ADDRESS listens there, too, with the counts of all workers for Prometheus,\n"
    "                        at /metrics (by http, whatever else it speaks)\n"
    "      --trusted LIST    proxies whose X-Forwarded-For counts: addresses, networks, \"unix\"\n"
    "  -q, --quiet           no log\n"
    "  -h, --help            this text\n"
    "      --version         the version\n"
    "\n"
    "What lies outside the folder cannot be reached, by no path and no symbolic link. It says\n"
    "where it listens as soon as all workers serve. Ctrl-C or SIGTERM closes idle connections\n"
    "at once and gives requests in progress 10 seconds; a second one ends at once. SIGHUP\n"
    "exchanges the workers one after another without losing a request (a new certificate, a\n"
    "moved log). Exit status: 0 when it was stopped, 1 when it could not serve, 2 for wrong\n"
    "usage.\n";

struct serve_options {
    const char *folder, *address, *cert, *key, *index, *log, *trusted, *metrics;
    struct hob_http_metrics *counts; /* of all workers; NULL: nobody asks */
    size_t workers, max_age;
    enum hob_log_format format;
    bool no_listings, no_compress, hidden, has_max_age, quiet;
};

static int handle(struct hob_request *req, void *files) {
    return hob_static_respond(files, req, NULL);
}

/* ---- a worker ---- */

static int open_log(struct hob_scope *s, const struct serve_options *o,
                    struct hob_access_log **log) {
    *log = NULL;
    if (o->quiet) return 0;
    return hob_access_log_open(s, log, .path = o->log, .format = o->format);
}

static void close_files(void *files) { hob_static_close(files); }

static int show_metrics(struct hob_request *req, void *counts) {
    if (strcmp(hob_request_path(req), "/metrics") == 0)
        return hob_http_metrics_handler(req, counts);
    return hob_respond_text(req, 404, "text/plain", "the metrics are at /metrics\n");
}

static void close_listener(void *listener) { hob_listener_close(listener); }

static int serve_metrics(struct hob_listener *listener, struct hob_http_metrics *counts) {
    HOB_TRY(hob_check()); /* the main server has failed: this one would say that it is ready */
    return hob_http_serve(listener, show_metrics, counts,
                          (struct hob_http_options){.max_connections = METRICS_CONNECTIONS});
}
HOB_TASK(serve_metrics, struct hob_listener *, struct hob_http_metrics *)

/* It begins when the main server has: hob_prefork_ready() is for that one to say. */
static int begin_metrics(struct hob_scope *s, const struct serve_options *o) {
    struct hob_listener *listener;
    if (!o->counts) return 0;
    HOB_TRY(hob_prefork_also(&listener));
    HOB_TRY(hob_defer(s, close_listener, listener));
    return hob_spawn(s, serve_metrics, listener, o->counts) ? 0 : -ENOMEM;
}

static int serve(struct hob_listener *listener, const struct serve_options *o) {
    struct hob_static *files;
    struct hob_access_log *log;
    struct hob_tls *tls;
    char cache[CACHE_TEXT];
    snprintf(cache, sizeof cache, "max-age=%zu", o->max_age);
    raise_file_limit();
    if (!make_tls("hob serve", o->cert, o->key, NULL, false, &tls))
        return hob_fail(-EINVAL, "there is no certificate to serve with");
    HOB_SCOPE(s);
    int rc = hob_static_open(&files, o->folder, .index = o->index, .listings = !o->no_listings,
                             .hidden = o->hidden, .compress = !o->no_compress,
                             .no_precompressed = o->no_compress,
                             .cache_control = o->has_max_age ? cache : NULL);
    if (rc >= 0) rc = hob_defer(s, close_files, files);
    if (rc >= 0) rc = open_log(s, o, &log);
    if (rc >= 0) rc = begin_metrics(s, o);
    if (rc >= 0)
        rc = hob_http_serve(listener, handle, files,
                            (struct hob_http_options){.max_connections = raise_file_limit(),
                                                      .tls = tls,
                                                      .trusted = o->trusted,
                                                      .access_log = log,
                                                      .metrics = o->counts});
    if (rc < 0) hob_scope_cancel(s); /* else the metrics would be served on, without the folder */
    int joined = hob_join(s);
    drop_tls(tls);
    return rc < 0 ? rc : joined;
}
HOB_TASK(serve, struct hob_listener *, const struct serve_options *)

/* ---- the parent ---- */

static const char *scheme = "http://";

static void say_listening(const char *address) {
    printf("listening on %s%s\n", strncmp(address, "unix:", 5) == 0 ? "" : scheme, address);
    fflush(stdout);
}

static void say_metrics(const char *address) {
    bool local = strncmp(address, "unix:", 5) == 0;
    printf("metrics on %s%s%s\n", local ? "" : "http://", address, local ? "" : "/metrics");
    fflush(stdout);
}

static int check_log(const char *command, const struct serve_options *o) {
    if (o->quiet || !o->log || strcmp(o->log, "-") == 0) return EXIT_OK;
    int fd = open(o->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
    bool no_reader = fd < 0 && errno == ENXIO; /* of a named pipe, which may still come */
    if (fd < 0 && !no_reader) {
        fprintf(stderr, "%s: the log %s: %s\n", command, o->log, strerror(errno));
        return EXIT_USAGE;
    }
    if (fd >= 0) close(fd);
    return EXIT_OK;
}

/* What would stop every worker is said once, here. */
static int check(const char *command, const struct serve_options *o) {
    struct stat st;
    struct hob_tls *tls;
    bool there = stat(o->folder, &st) == 0;
    if (!there || !S_ISDIR(st.st_mode)) {
        fprintf(stderr, "%s: %s: %s\n", command, o->folder,
                there ? "not a folder" : "there is no such folder");
        return EXIT_USAGE;
    }
    if (access(o->folder, R_OK | X_OK) < 0) {
        fprintf(stderr, "%s: %s: no right to read it\n", command, o->folder);
        return EXIT_USAGE;
    }
    if (hob_http_check_trusted(o->trusted) < 0) {
        fprintf(stderr, "%s: --trusted: %s\n", command, hob_error()->message);
        return EXIT_USAGE;
    }
    if (!make_tls(command, o->cert, o->key, NULL, false, &tls)) return EXIT_USAGE;
    drop_tls(tls);
    return check_log(command, o);
}

static int run(const char *command, struct serve_options *o) {
    if (o->metrics && hob_http_metrics_new(&o->counts) < 0) {
        fprintf(stderr, "%s: no memory for the metrics\n", command);
        return EXIT_FAILED;
    }
    int rc = hob_prefork(o->address,
                         ((struct hob_prefork_options){
                             .count = (unsigned)(o->workers ? o->workers : (size_t)hob_cpu_count()),
                             .grace = GRACE,
                             .listening = say_listening,
                             .also = o->metrics,
                             .also_listening = say_metrics,
                             .loop = {.slow_ms = 10000}}),
                         serve, (const struct serve_options *)o);
    hob_http_metrics_free(o->counts);
    if (rc >= 0) return EXIT_OK;
    const struct hob_error *e = hob_error();
    if (rc == -ECANCELED)
        fprintf(stderr, "%s: ended at once, by a second signal\n", command);
    else
        fprintf(stderr, "%s: %s\n", command, e && e->code == rc ? e->message : hob_strerror(rc));
    return rc == HOB_E_ADDRESS ? EXIT_USAGE : EXIT_FAILED;
}

/* ---- options ---- */

static bool log_format(const char *name, enum hob_log_format *out) {
    static const char *const names[] = {"common", "combined", "json"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *out = (enum hob_log_format)i;
        return true;
    }
    return false;
}

enum {
    CERT = 256,
    KEY,
    INDEX,
    NO_LISTINGS,
    NO_COMPRESS,
    HIDDEN,
    MAX_AGE,
    LOG,
    LOG_FORMAT,
    METRICS,
    TRUSTED,
    VERSION
};

static int take_option(const char *command, int option, char *value, struct serve_options *o) {
    switch (option) {
    case 'l':
        o->address = value;
        return 0;
    case CERT:
        o->cert = value;
        return 0;
    case KEY:
        o->key = value;
        return 0;
    case 'w':
        if (parse_count(value, 0, WORKERS_MAX, &o->workers)) return 0;
        return usage_error(command, "--workers is a number from 0 to %d, not '%s'", WORKERS_MAX,
                           value);
    case INDEX:
        if (*value && !strchr(value, '/') && strcmp(value, ".") != 0 && strcmp(value, "..") != 0) {
            o->index = value;
            return 0;
        }
        return usage_error(command, "--index is a name, not '%s'", value);
    case NO_LISTINGS:
        o->no_listings = true;
        return 0;
    case NO_COMPRESS:
        o->no_compress = true;
        return 0;
    case HIDDEN:
        o->hidden = true;
        return 0;
    case MAX_AGE:
        o->has_max_age = true;
        if (parse_count(value, 0, 1u << 31, &o->max_age)) return 0;
        return usage_error(command, "--max-age is a number of seconds, not '%s'", value);
    case LOG:
        o->log = value;
        return 0;
    case LOG_FORMAT:
        if (log_format(value, &o->format)) return 0;
        return usage_error(command, "--log-format is common, combined or json, not '%s'", value);
    case METRICS:
        o->metrics = value;
        return 0;
    case TRUSTED:
        o->trusted = value;
        return 0;
    case 'q':
        o->quiet = true;
        return 0;
    default:
        fprintf(stderr, "'%s --help' says more.\n", command); /* getopt has said what */
        return EXIT_USAGE;
    }
}

static int start(int argc, char **argv) {
    static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                            {"cert", required_argument, NULL, CERT},
                                            {"key", required_argument, NULL, KEY},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"index", required_argument, NULL, INDEX},
                                            {"no-listings", no_argument, NULL, NO_LISTINGS},
                                            {"no-compress", no_argument, NULL, NO_COMPRESS},
                                            {"hidden", no_argument, NULL, HIDDEN},
                                            {"max-age", required_argument, NULL, MAX_AGE},
                                            {"log", required_argument, NULL, LOG},
                                            {"log-format", required_argument, NULL, LOG_FORMAT},
                                            {"metrics", required_argument, NULL, METRICS},
                                            {"trusted", required_argument, NULL, TRUSTED},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, VERSION},
                                            {0}};
    struct serve_options o = {.folder = ".",
                              .address = "127.0.0.1:8000",
                              .index = "index.html",
                              .workers = 1,
                              .format = HOB_LOG_COMBINED};
    int option;
    while ((option = getopt_long(argc, argv, "l:w:qh", options, NULL)) != -1) {
        if (option == 'h') return print_text(help);
        if (option == VERSION) return print_text("hob " HOB_VERSION "\n");
        int status = take_option(argv[0], option, optarg, &o);
        if (status) return status;
    }
    if (argc - optind > 1)
        return usage_error(argv[0], "one folder is enough, not '%s'", argv[optind + 1]);
    if (optind < argc) o.folder = argv[optind];
    if (o.key && !o.cert) return usage_error(argv[0], "a --key needs a --cert");
    int status = check(argv[0], &o);
    if (status) return status;
    if (o.cert) scheme = "https://";
    return run(argv[0], &o);
}

const struct command serve_command = {
    .name = "serve", .summary = "serves a folder's files, by HTTP", .help = help, .start = start};
