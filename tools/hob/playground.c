/* playground.c - `hob playground`: a server to try clients against. The routes are in playground/.
 */
#include <getopt.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <string.h>

#include "playground/routes.h"
#include "tool.h"

enum { LISTEN_MAX = 16 };
static const double GRACE = 5; /* seconds that requests in progress have after Ctrl-C */

static const char help[] =
    "Usage: hob playground [OPTION...]\n"
    "\n"
    "A small HTTP server to try clients against.\n"
    "\n"
    "  -l, --listen ADDRESS  where to listen: 127.0.0.1:8000 (the default), [::1]:8000,\n"
    "                        unix:/run/hob.sock; port 0 is any free one; may be repeated\n"
    "      --cert FILE       speaks https, with this certificate (PEM)\n"
    "      --key FILE        its key; default: it is in the certificate's file\n"
    "  -h, --help            this text\n"
    "      --version         the version\n"
    "\n"
    "Routes:\n" ROUTES_HELP "\n"
    "It says where it listens as soon as it does. The limit of open files is raised as\n"
    "far as it goes. Ctrl-C (or SIGTERM) closes idle connections at once and gives requests\n"
    "in progress 5 seconds to end; a second one ends at once. Exit status: 0 when it was\n"
    "stopped and every request had ended, 1 when it could not listen, 2 for wrong usage.\n";

struct playground {
    const char *addresses[LISTEN_MAX];
    int count;
    const char *cert, *key;
    struct hob_tls *tls; /* NULL: plain http */
};

static int serve(struct hob_listener *listener, size_t connections, struct hob_tls *tls) {
    return hob_http_serve(listener, routes_answer, NULL,
                          (struct hob_http_options){.max_connections = connections, .tls = tls});
}
HOB_TASK(serve, struct hob_listener *, size_t, struct hob_tls *)

static int listen_at(const char *address, struct hob_listener **out) {
    int rc = hob_listen(address, out);
    if (rc >= 0) return rc;
    const struct hob_error *e = hob_error();
    if (e && e->code == rc) /* says at which address, too */
        fprintf(stderr, "hob playground: %s\n", e->message);
    else
        fprintf(stderr, "hob playground: listening on %s: %s\n", address, hob_strerror(rc));
    return rc;
}

static void say_listening(const char *bound, const char *scheme) {
    printf("listening on %s%s\n", strncmp(bound, "unix:", 5) == 0 ? "" : scheme, bound);
    fflush(stdout);
}

static void close_listener(void *listener) { hob_listener_close(listener); }

static int serve_all(const struct playground *p) {
    size_t connections = raise_file_limit();
    struct hob_listener *listeners[LISTEN_MAX];
    HOB_SCOPE(s);
    for (int i = 0; i < p->count; i++) {
        int rc = listen_at(p->addresses[i], &listeners[i]);
        if (rc < 0) return rc == HOB_E_ADDRESS ? EXIT_USAGE : EXIT_FAILED;
        HOB_TRY(hob_defer(s, close_listener, listeners[i]));
    }
    for (int i = 0; i < p->count; i++) { /* not before it is certain that it serves */
        say_listening(hob_listener_address(listeners[i]), p->tls ? "https://" : "http://");
        hob_spawn(s, serve, listeners[i], connections, p->tls);
    }
    return hob_join(s);
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct playground *p) {
    enum { CERT = 256, KEY, VERSION };
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'}, {"cert", required_argument, NULL, CERT},
        {"key", required_argument, NULL, KEY},    {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, VERSION},  {0}};
    int option;
    while ((option = getopt_long(argc, argv, "l:h", options, NULL)) != -1) {
        switch (option) {
        case 'l':
            if (p->count == LISTEN_MAX)
                return usage_error(argv[0], "at most %d addresses", LISTEN_MAX);
            p->addresses[p->count++] = optarg;
            break;
        case CERT:
            p->cert = optarg;
            break;
        case KEY:
            p->key = optarg;
            break;
        case 'h':
            return print_text(help);
        case VERSION:
            return print_text("hob " HOB_VERSION "\n");
        default:
            fprintf(stderr, "'%s --help' says more.\n", argv[0]); /* getopt has said what */
            return EXIT_USAGE;
        }
    }
    if (optind < argc) return usage_error(argv[0], "what is '%s'?", argv[optind]);
    if (p->key && !p->cert) return usage_error(argv[0], "a --key needs a --cert");
    if (p->count == 0) p->addresses[p->count++] = "127.0.0.1:8000";
    return -1;
}

static int app(int argc, char **argv) {
    struct playground p = {0};
    int status = parse_options(argc, argv, &p);
    if (status >= 0) return status;
    if (!make_tls(argv[0], p.cert, p.key, NULL, false, &p.tls)) return EXIT_USAGE;
    hob_set_grace(GRACE);
    status = serve_all(&p);
    drop_tls(p.tls);
    return status;
}

const struct command playground_command = {.name = "playground",
                                           .summary = "a small HTTP server to try clients on",
                                           .help = help,
                                           .app = app,
                                           .terminate = true};
