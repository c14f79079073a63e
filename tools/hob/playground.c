/* playground.c - `hob playground`: a server to try clients against. The routes are in routes.c. */
#include <getopt.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "routes.h"
#include "tool.h"

enum { LISTEN_MAX = 16 };
static const double GRACE = 5; /* seconds that requests in progress have after Ctrl-C */

static const char help[] =
    "Usage: hob playground [--listen ADDRESS]...\n"
    "\n"
    "A small HTTP server to try clients against.\n"
    "\n"
    "  -l, --listen ADDRESS  where to listen: 127.0.0.1:8000 (the default), [::1]:8000,\n"
    "                        unix:/run/hob.sock; port 0 is any free one; may be repeated\n"
    "  -h, --help            this text\n"
    "\n"
    "Routes:\n" ROUTES_HELP "\n"
    "It says where it listens as soon as it does. The limit of open files is raised as\n"
    "far as it goes. Ctrl-C (or SIGTERM) closes idle connections at once and gives requests\n"
    "in progress 5 seconds to end; a second Ctrl-C ends at once. Exit status: 0 when it was\n"
    "stopped and every request had ended, 1 when it could not listen, 2 for wrong usage.\n";

static int serve(struct hob_listener *listener, size_t connections) {
    return hob_http_serve(listener, routes_answer, NULL,
                          (struct hob_http_options){.max_connections = connections});
}
HOB_TASK(serve, struct hob_listener *, size_t)

/* SIGTERM does what Ctrl-C does. */
static int stop_on_term(struct hob_scope *servers) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return -errno;
    int rc = hob_poll(fd, POLLIN);
    close(fd);
    if (rc >= 0) hob_stop(servers, GRACE);
    return rc < 0 ? rc : 0;
}
HOB_TASK(stop_on_term, struct hob_scope *)

static int listen_at(const char *address, struct hob_listener **out) {
    int rc = hob_listen(address, out);
    if (rc < 0) {
        const struct hob_error *e = hob_error();
        fprintf(stderr, "hob playground: cannot listen on %s: %s\n", address,
                e && e->code == rc ? e->message : hob_strerror(rc));
        return rc;
    }
    const char *bound = hob_listener_address(*out);
    printf("listening on %s%s\n", strncmp(bound, "unix:", 5) == 0 ? "" : "http://", bound);
    fflush(stdout);
    return 0;
}

static void close_listener(void *listener) { hob_listener_close(listener); }

static int serve_all(const char *const *addresses, int count) {
    size_t connections = raise_file_limit();
    HOB_SCOPE(s);
    hob_spawn_daemon(s, stop_on_term, s);
    for (int i = 0; i < count; i++) {
        struct hob_listener *listener;
        if (listen_at(addresses[i], &listener) < 0) return EXIT_FAILED;
        HOB_TRY(hob_defer(s, close_listener, listener));
        hob_spawn(s, serve, listener, connections);
    }
    return hob_join(s);
}

static int app(int argc, char **argv) {
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *addresses[LISTEN_MAX] = {"127.0.0.1:8000"};
    int count = 0, option;
    while ((option = getopt_long(argc, argv, "l:h", options, NULL)) != -1) {
        if (option == 'h') return print_text(help);
        if (option != 'l') {
            fprintf(stderr, "'%s --help' says more.\n", argv[0]); /* getopt has said what */
            return EXIT_USAGE;
        }
        if (count == LISTEN_MAX) return usage_error(argv[0], "at most %d addresses", LISTEN_MAX);
        addresses[count++] = optarg;
    }
    if (optind < argc) return usage_error(argv[0], "what is '%s'?", argv[optind]);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL); /* for stop_on_term */
    hob_set_grace(GRACE);
    return serve_all(addresses, count ? count : 1);
}

const struct command playground_command = {"playground", "a small HTTP server to try clients on",
                                           help, app};
