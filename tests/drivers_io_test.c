/* drivers_io_test.c - the drivers over datagrams, names, processes, files and a server with several
 * connections: whatever is cancelled, and whatever allocation fails, every byte, descriptor, child
 * and temporary file is gone afterwards, and no datagram got lost. */
#include "drivers.h"

#include "dns.h"
#include "process.h"

#include <hob/file.h>
#include <hob/serve.h>
#include <hob/udp.h>
#include <sys/prctl.h>

/* ---- datagrams ---- */

enum { DATAGRAMS = 24 };
static struct {
    struct hob_udp *to, *from;
    unsigned sent, received;
} udp;

static void note(const struct hob_datagram *d) {
    unsigned number;
    CHECK_EQ(d->size, sizeof number);
    memcpy(&number, d->data, sizeof number);
    CHECK_EQ(number, udp.received);
    udp.received++;
}
static int receive_one(void) {
    unsigned number;
    struct hob_datagram d = {.data = &number, .room = sizeof number};
    d.size = (size_t)HOB_TRY(hob_udp_recv(udp.to, &number, sizeof number, NULL));
    note(&d);
    return 1;
}
static int receive_batch(void) {
    unsigned number[3];
    struct hob_datagram d[3] = {{.data = &number[0], .room = sizeof number[0]},
                                {.data = &number[1], .room = sizeof number[0]},
                                {.data = &number[2], .room = sizeof number[0]}};
    int n = HOB_TRY(hob_udp_recv_many(udp.to, d, 3));
    for (int i = 0; i < n; i++) note(&d[i]);
    return n;
}
static int send_all(void) {
    while (udp.sent < DATAGRAMS) {
        unsigned number[3] = {udp.sent, udp.sent + 1, udp.sent + 2};
        if (udp.sent % 2 == 0) {
            HOB_TRY(hob_udp_send(udp.from, number, sizeof number[0], NULL));
            udp.sent++;
        } else {
            struct hob_datagram d[3];
            for (int i = 0; i < 3; i++)
                d[i] = (struct hob_datagram){.data = &number[i], .size = sizeof number[i]};
            udp.sent += (unsigned)HOB_TRY(hob_udp_send_many(udp.from, d, 3));
        }
        HOB_TRY(hob_sleep(0));
    }
    return 0;
}
/* Cancelled on its own it does not let the receiver wait for what will not come. */
static int sends_datagrams(void) {
    int rc = send_all();
    if (rc < 0) CHECK_EQ(hob_shielded(send_all()), 0);
    return rc;
}
HOB_TASK(sends_datagrams)

static int exchange(void) {
    char address[HOB_ADDRESS_TEXT];
    struct hob_address bound;
    HOB_TRY(hob_udp_open("127.0.0.1:0", (struct hob_udp_options){0}, &udp.to));
    HOB_TRY(hob_udp_address(udp.to, &bound));
    HOB_TRY(hob_udp_connect(hob_address_format(&bound, address, sizeof address),
                            (struct hob_udp_options){0}, &udp.from));
    HOB_SCOPE(s);
    hob_spawn(s, sends_datagrams);
    while (udp.received < DATAGRAMS) HOB_TRY(udp.received < 9 ? receive_one() : receive_batch());
    return hob_join(s);
}
static int datagrams(void) {
    memset(&udp, 0, sizeof udp);
    int rc = exchange();
    while (udp.to && udp.received < udp.sent) CHECK(hob_shielded(receive_one()) >= 0);
    hob_udp_close(udp.to);
    hob_udp_close(udp.from);
    return rc;
}
static void check_datagrams(void) { CHECK_EQ(udp.received, udp.sent); }
DRIVE(datagrams, datagrams, check_datagrams)

/* ---- names: the server is another process, which nothing here disturbs, but in a simulated world,
 * where it is in the same loop, and cancelled and out of memory like all others; without c-ares the
 * system's resolver would ask its own ---- */

#ifdef HAVE_CARES

static char dns_servers[32], hosts_file[64];

static int serves_names(int fd) {
    HOB_SCOPE(s);
    start_server(s, (struct hob_dns_options){0});
    CHECK_EQ(write(fd, server.servers, sizeof server.servers), sizeof server.servers);
    return hob_sleep(1000);
}
HOB_TASK(serves_names, int)

static void start_name_server(void) {
    int fd[2];
    if (dns_servers[0]) return;
    CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
    fflush(NULL);
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(hob_run(serves_names, fd[1]) < 0);
    }
    close(fd[1]);
    CHECK_EQ(read(fd[0], dns_servers, sizeof dns_servers), sizeof dns_servers);
    close(fd[0]);
}

static void write_hosts_file(void) {
    snprintf(hosts_file, sizeof hosts_file, TEST_PATH, (int)getpid(), "hosts");
    FILE *f = fopen(hosts_file, "w");
    fputs("192.0.2.99 listed.test\n", f);
    fclose(f);
}

static int resolves(const char *host, int n) {
    struct hob_found found[4];
    int rc = hob_resolve(host, AF_INET, found, 4);
    if (rc >= 0) CHECK_EQ(rc, n);
    return rc;
}
HOB_TASK(resolves, const char *, int)

static int names(void) {
    struct hob_dns_options o = {.servers = dns_servers,
                                .hosts = hosts_file,
                                .resolv_conf = "/dev/null",
                                .timeout = 5,
                                .attempts = drawn ? 2 : 1};
    HOB_TRY(hob_dns_configure(&o));
    HOB_TRY(resolves("192.0.2.7", 1));
    HOB_TRY(resolves("listed.test", 1));
    HOB_TRY(resolves("chain.test", 1));
    {
        HOB_SCOPE(s); /* several that ask for one name, of whom any may be cancelled */
        for (int i = 0; i < 3; i++) hob_spawn(s, resolves, "host.test", 2);
        hob_spawn(s, resolves, "v4only.test", 1);
        HOB_TRY(hob_join(s));
    }
    HOB_TRY(resolves("host.test", 2)); /* from the cache */
    int rc = resolves("nx.test", 0);
    return rc == HOB_E_NAME ? 0 : rc;
}
/* With a seed, some questions get no answer; each is asked twice. */
static int loses_some(struct message *m, struct sockaddr_in *to) {
    (void)m, (void)to;
    return drawn && draw(6) == 0 ? 0 : -1;
}
static int names_and_server(void) {
    HOB_SCOPE(s);
    server_hook = loses_some;
    int rc = try_start_server(s, (struct hob_dns_options){0});
    snprintf(dns_servers, sizeof dns_servers, "%s", server.servers);
    if (rc >= 0) rc = names();
    stop_server(s);
    return rc;
}
TEST(names) {
    bool simulated = strcmp(getenv("HOB_BACKEND") ?: "", "sim") == 0;
    if (!simulated) start_name_server();
    write_hosts_file();
    drive(&(struct scenario){simulated ? names_and_server : names, NULL});
    unlink(hosts_file);
}

/* A read of it that was interrupted ended it: who stood in its rest was unknown. */
static int is_listed(void) {
    HOB_TRY(hob_dns_configure(&(struct hob_dns_options){.hosts = hosts_file}));
    return resolves("listed.test", 1);
}
HOB_TASK(is_listed)
TEST(a_hosts_file_is_whole_whatever_signals_come) {
    write_hosts_file();
    for (uint64_t seed = 1; seed <= 50; seed++) {
        interrupt_begin(seed);
        int rc = hob_run(is_listed);
        interrupt_end();
        CHECK_EQ(rc, 1);
    }
    if (!HOB__TSAN) CHECK(atomic_load(&strikes.interrupted) > 0);
    unlink(hosts_file);
}

#endif

/* ---- processes ---- */

static void check_children(void) { CHECK(childless()); }

static int talks_to_cat(void) {
    static char input[30000];
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("cat"), .in = HOB_IO_PIPE, .out = HOB_IO_PIPE,
                              .err = HOB_IO_PIPE));
    struct hob_process_result r = {0};
    int rc = hob_process_communicate(p, input, sizeof input, &r, 0);
    if (rc >= 0) {
        CHECK_EQ(rc, 0);
        CHECK_EQ(r.out_size, sizeof input);
        CHECK_EQ(r.err_size, 0);
    }
    hob_process_result_free(&r);
    return rc;
}
DRIVE(communicate, talks_to_cat, check_children)

static int output_and_pipes(void) {
    struct hob_process_result r = {0};
    int rc = hob_process_output(&r, SH("echo out; echo err >&2; exit 3"));
    if (rc >= 0) {
        CHECK_EQ(rc, 3);
        CHECK_STR(r.out, "out\n");
        CHECK_STR(r.err, "err\n");
    }
    hob_process_result_free(&r);
    HOB_TRY(rc);
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("read x; echo got $x; exec sleep 1000"), .in = HOB_IO_PIPE,
                              .out = HOB_IO_PIPE, .group = true));
    struct hob_slice line;
    HOB_TRY(hob_write(hob_process_in(p), "a line\n", 7));
    HOB_TRY(hob_read_line(hob_process_out(p), 0, &line));
    CHECK_STR(line.at, "got a line");
    rc = hob_process_stop(p, 10);
    return rc == HOB_E_KILLED ? 0 : rc;
}
DRIVE(output_and_stop, output_and_pipes, check_children)

/* ---- files ---- */

static char place[64];
static char path_in[4][100];

static int count_names(void) {
    DIR *d = opendir(place);
    int n = -2;
    CHECK(d != NULL);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static int writes_and_reads(void) {
    char buf[64];
    struct stat st;
    HOB_FILE(f);
    HOB_TRY(hob_open(path_in[0], "w+", &f));
    HOB_TRY(hob_file_write(f, "one\ntwo\nthree\n", 14));
    HOB_TRY(hob_file_pwrite(f, "TWO", 3, 4));
    HOB_TRY(hob_file_datasync(f));
    CHECK_EQ(HOB_TRY(hob_file_seek(f, 4, SEEK_SET)), 4);
    int lines = 0;
    HOB_EACH_LINE(line, f) CHECK_STR(line.text, lines++ ? "three" : "TWO");
    CHECK_EQ(lines, 2);
    CHECK(HOB_TRY(hob_file_pread(f, buf, 3, 0)) >= 1); /* it may be less than asked for */
    HOB_TRY(hob_file_truncate(f, 8));
    CHECK_EQ(HOB_TRY(hob_file_size(f)), 8);
    HOB_TRY(hob_file_seek(f, 0, SEEK_SET));
    CHECK_EQ(HOB_TRY(hob_file_read_exactly(f, buf, 8)), 8);
    CHECK(memcmp(buf, "one\nTWO\n", 8) == 0);
    HOB_TRY(hob_file_stat(f, &st));
    HOB_TRY(hob_rename(path_in[0], path_in[1]));
    HOB_TRY(hob_stat(path_in[1], &st));
    return hob_unlink(path_in[1]);
}

/* A whole file is the old or the new one, at any time. */
static int replaces(void) {
    HOB_TRY(hob_write_file(path_in[2], "new", 3));
    HOB_FILE(f);
    HOB_TRY(hob_open_replacing(path_in[3], &f));
    HOB_TRY(hob_file_write(f, "n", 1));
    HOB_TRY(hob_file_write(f, "ew", 2));
    return hob_file_commit(f);
}

static void put_old(const char *path) {
    FILE *f = fopen(path, "w");
    CHECK(f && fputs("old", f) >= 0 && fclose(f) == 0);
}
static bool is_new(const char *path) {
    char text[8] = "";
    FILE *f = fopen(path, "r");
    CHECK(f && fgets(text, sizeof text, f));
    fclose(f);
    if (strcmp(text, "old") != 0) CHECK_STR(text, "new");
    return text[0] == 'n';
}

static int files_result = -2; /* it did not begin */
static int all_files(void) {
    for (int i = 0; i < 2; i++) unlink(path_in[i]);
    for (int i = 2; i < 4; i++) put_old(path_in[i]);
    files_result = -1;
    HOB_TRY(writes_and_reads());
    HOB_TRY(replaces());
    return files_result = 0;
}
static void check_files(void) {
    if (files_result == -2) return;
    bool first = is_new(path_in[2]), second = is_new(path_in[3]);
    if (files_result == 0) CHECK(first && second);
    for (int i = 0; i < 4; i++) unlink(path_in[i]);
    CHECK_EQ(count_names(), 0); /* no temporaries */
    files_result = -2;
}
TEST(positions_lines_and_replacements) {
    snprintf(place, sizeof place, TEST_PATH "-XXXXXX", (int)getpid(), "files");
    CHECK(mkdtemp(place) != NULL);
    for (int i = 0; i < 4; i++) snprintf(path_in[i], sizeof path_in[i], "%s/%d", place, i);
    drive(&(struct scenario){all_files, check_files});
    CHECK_EQ(rmdir(place), 0);
}

/* ---- what is said on a pipe that takes it in pieces, between signals ---- */

static int fails_aside(void) { return hob_fail(-EDOM, "the %s of this report", "very last words"); }
HOB_TASK(fails_aside)
static int leaves_a_report(void) {
    hob_background(fails_aside);
    return hob_sleep(0.001);
}
HOB_TASK(leaves_a_report)
TEST(an_interrupted_report_is_whole) {
    int struck = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        char said[4096];
        int status = RUN_CHILD(said, {
            interrupt_begin(seed);
            hob_run(leaves_a_report);
            interrupt_end();
            _exit(atomic_load(&strikes.interrupted) > 0 && atomic_load(&strikes.shortened) > 0);
        });
        CHECK(WIFEXITED(status));
        struck += WEXITSTATUS(status);
        CHECK_HAS(said, "the very last words of this report");
        CHECK_HAS(said, "drivers_io_test.c:");
    }
    if (!HOB__TSAN) CHECK(struck > 0);
}

/* ---- a server with several connections, of which all are open when it stops ---- */

static struct {
    struct hob_event answered; /* everybody has been, or somebody gives up */
    int answers, ends;
} several;

static int answers_lines(struct hob_stream *s) {
    struct hob_slice view, line;
    for (;;) {
        if (HOB_TRY(hob_peek_idle(s, 1, &view)) == 0) return 0;
        if (HOB_TRY(hob_read_line(s, 100, &line)) == 0) return 0;
        HOB_CORK(s);
        HOB_TRY(hob_write(s, line.at, line.size));
        HOB_TRY(hob_write(s, "!\n", 2));
    }
}
HOB_TASK(answers_lines, struct hob_stream *)

static int serves(struct hob_listener **l) {
    int rc = hob_serve(*l, answers_lines);
    hob_listener_close(*l); /* who is in the backlog is not to wait for ever */
    *l = NULL;
    return rc;
}
HOB_TASK(serves, struct hob_listener **)

static int asks_line(struct hob_stream *s) {
    struct hob_slice line;
    HOB_TRY(hob_write(s, "hello\n", 6));
    if (HOB_TRY(hob_read_line(s, 100, &line)) == 0) return -ECANCELED; /* the server was */
    if (line.size < 6) return -ECANCELED; /* in the middle of its answer */
    CHECK_STR(line.at, "hello!");
    if (++several.answers == 3) hob_event_set(&several.answered);
    HOB_TRY(hob_read_line(s, 100, &line)); /* it stops */
    several.ends++;
    return 0;
}
static int is_a_client(const char *address) {
    struct hob_stream *s;
    int rc = hob_connect(address, &s);
    if (rc >= 0) {
        rc = asks_line(s);
        hob_close(s);
    }
    if (rc < 0) hob_event_set(&several.answered);
    return rc == -ECONNRESET || rc == -EPIPE ? -ECANCELED : rc;
}
HOB_TASK(is_a_client, const char *)

static int serving_three(void) {
    struct hob_listener *l;
    char address[128];
    memset(&several, 0, sizeof several);
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    snprintf(address, sizeof address, "%s", hob_listener_address(l));
    int rc, stopped;
    {
        HOB_SCOPE(server_scope);
        hob_spawn(server_scope, serves, &l);
        {
            HOB_SCOPE(clients);
            for (int i = 0; i < 3; i++) hob_spawn(clients, is_a_client, address);
            rc = hob_event_wait(&several.answered);
            hob_stop(server_scope, 10);
            int joined = hob_join(clients);
            if (rc >= 0) rc = joined;
        }
        stopped = hob_join(server_scope);
    }
    hob_listener_close(l);
    if (rc < 0 || stopped < 0) return rc < 0 ? rc : stopped;
    return several.ends == 3 ? 0 : -ECANCELED;
}
static void check_several(void) {
    CHECK(several.ends <= several.answers);
    CHECK(!several.answered.waiters.first);
}
DRIVE(three_connections_and_a_stop, serving_three, check_several)

TEST_MAIN()
