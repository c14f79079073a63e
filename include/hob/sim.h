/* hob/sim.h - tests in a simulated world (libhob-sim): several hosts, a network between them, and
 * all of it in one thread, by a virtual clock, from one seed.
 *
 *   HOB_SIM_TEST(a_server_answers) {
 *       struct hob_sim_host *server = hob_sim_host("server", serve, 8000);
 *       struct hob_sim_host *client = hob_sim_host("client", ask, hob_sim_address(server));
 *       hob_sim_link(server, client, .delay = 0.05, .loss = 0.01);
 *       hob_sleep(2);
 *       hob_sim_partition(server, client);
 *       hob_sleep(10);
 *       hob_sim_heal(server, client);
 *       HOB_SIM_CHECK(hob_sim_wait(client) == 0);
 *       return 0;
 *   }
 *   HOB_SIM_MAIN()
 *
 * The program runs each test with many seeds; a seed decides all that chance decides in the real
 * world: delays, who runs first, how many bytes a read gives, which calls fail. A run that fails
 * prints a line HOB_SIM=seed:N; with that in the environment exactly the same happens again.
 * docs/simulation.md teaches it. */
#ifndef HOB_SIM_H
#define HOB_SIM_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/spawn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A machine. Valid until the run ends. */
struct hob_sim_host;

/* ---- tests ---- */

/* HOB_SIM_TEST(name) { ...; return 0; } defines a test: int name(void). It runs as the main task of
 * a host of its own, "test", and may do whatever a task may. It fails when it returns a negative
 * code, by HOB_SIM_CHECK, by a host's error that nobody asked for (hob_sim_wait), by a descriptor
 * left open, and when nothing can ever happen again. Hosts that still run when it returns are
 * cancelled. */
#define HOB_SIM_TEST(name)                                                                         \
    static int name(void);                                                                         \
    HOB_TASK(name)                                                                                 \
    __attribute__((constructor)) static void name##__sim_add(void) {                               \
        static struct hob__sim_test hob__t = {                                                     \
            {#name, name##__HOB_TASK, 0, {#name, __FILE__, __LINE__}, NULL}, 0};                   \
        hob__sim_test_add(&hob__t);                                                                \
    }                                                                                              \
    static int name(void)

/* The program's main(): hob_sim_main(). */
#define HOB_SIM_MAIN()                                                                             \
    int main(int argc, char **argv) { return hob_sim_main(argc, argv); }

/* Runs the tests, each run in a process of its own, each seed twice: two runs of a seed that differ
 * are a failure too (something in the program does not come from the seed). Arguments:
 *
 *   --seeds N      so many seeds for each test (default 100)
 *   --from N       the first one (default 1)
 *   --seconds T    goes on with further seeds until T seconds are over, for each test
 *   --once         runs each seed once
 *   --list         lists the tests
 *   PART ...       only tests whose names contain one of them
 *
 * HOB_SIM=seed:N[,order=fifo|random|last|pct][,faults=none|all][,log|,log=FILE] in the environment:
 * one run, of that seed, in this process. Without the seed, the rest holds for every run. Prints
 * "ok NAME" or "FAIL NAME" and a line "N passed, N failed". The exit status: 0, 1 when one has
 * failed, 2 for wrong arguments. */
HOB_API int hob_sim_main(int argc, char **argv);

/* Ends the run as failed, with file, line and virtual time, unless it is true. */
#define HOB_SIM_CHECK(condition)                                                                   \
    ((condition) ? (void)0 : hob__sim_fail(__FILE__, __LINE__, "not true: %s", #condition))
/* HOB_SIM_FAIL("%d of %d", n, m): ends it as failed. */
#define HOB_SIM_FAIL(...) hob__sim_fail(__FILE__, __LINE__, __VA_ARGS__)

/* ---- hosts ---- */

/* hob_sim_host("server", fn, arguments...): a new machine, whose loop runs fn(arguments...) as its
 * main task, soon. The function has to be a HOB_TASK; the arguments are copied. NULL: there are too
 * many (127). Does not wait. */
#define hob_sim_host(name, fn, ...)                                                                \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__sim_host((name), &hob__site, &hob__args), ##__VA_ARGS__)

/* hob_sim_beside(h, fn, arguments...): a further program on the same machine (NULL: the test's
 * own), with a loop of its own: the same address, ports and Unix sockets, and they crash together.
 * Its handle is like a host's. NULL: there are too many loops (255). Does not wait. */
#define hob_sim_beside(h, fn, ...)                                                                 \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__sim_beside((h), &hob__site, &hob__args), ##__VA_ARGS__)

/* Its address, "10.0.0.2": a name that hob_connect() takes with a port, from any host. */
HOB_API const char *hob_sim_address(const struct hob_sim_host *h);

/* Waits until the host's main task has ended: its result. -ECANCELED when the caller was cancelled;
 * the host goes on. After a crash: -ECONNRESET. Cancellation point. */
HOB_API int hob_sim_wait(struct hob_sim_host *h);

/* The machine loses its power. From this moment nothing that its program does reaches the world,
 * and its peers hear no more of it. What its tasks hold in memory is given back by cancelling them:
 * so clean-up code runs, but its calls fail or are without effect, and it should not touch what
 * tests look at (hob_sim_crashed() tells). Does not wait. */
HOB_API void hob_sim_crash(struct hob_sim_host *h);
/* hob_sim_restart(h, fn, arguments...): starts a crashed or ended host again, with any function.
 * Waits until the tasks of its former life have ended. 0, -EBUSY (it runs), -ECANCELED.
 * Cancellation point. */
#define hob_sim_restart(h, fn, ...)                                                                \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__sim_restart((h), &hob__site, &hob__args), ##__VA_ARGS__)
/* Is the calling task one of a host that has crashed? */
HOB_API bool hob_sim_crashed(void);

/* ---- a host's files ----
 *
 * Each host has a file system of its own, in memory: empty but for /tmp, /dev/null, /dev/zero and
 * /dev/full; its programs run as one plain user who owns everything, in the folder "/". Writes go
 * to a cache. What hob_file_sync() has written, and names whose folder was synced, are on the disk;
 * of all else a crash keeps some: any 512 bytes of a write or none, any length on the way, and
 * names as one of four kinds of journals would (a seed's choice). hob_sim_restart() finds what was
 * left. */

struct hob_sim_disk_options {
    uint64_t size;       /* bytes for contents, in blocks of 4096; 0: no limit (else -ENOSPC) */
    double read_errors;  /* 0 to 1: how often a read fails with -EIO */
    double write_errors; /* a write */
    double sync_errors;  /* a sync: part of what was not written never will be, and the next sync
                            does not say so: as on Linux */
    double latency;      /* seconds, at most, of work that goes to the disk; 0: 0.0002 */
};
/* hob_sim_disk(h, .size = 1 << 20, .sync_errors = 0.1): from now on. NULL: the test's own. */
#define hob_sim_disk(h, ...) hob__sim_disk((h), HOB__OPTIONS(hob_sim_disk_options, __VA_ARGS__))
/* The machine crashes at its n-th call on files from now on, before that is done (n > 0): with n =
 * 1, 2, 3 ... a program is cut off at every point. 0: it does not. */
HOB_API void hob_sim_crash_at_call(struct hob_sim_host *h, uint64_t n);

/* ---- the network between two hosts; NULL: the test's own ---- */

struct hob_sim_link_options {
    double delay;     /* seconds, one way */
    double jitter;    /* up to so much more, anew each time */
    double bandwidth; /* bytes per second; 0: no limit */
    double loss; /* 0 to 1: what gets lost. TCP sends it again after 0.2 s, then twice that ... */
    double duplicate; /* 0 to 1: datagrams that arrive twice */
};
/* hob_sim_link(a, b, .delay = 0.02, .loss = 0.1): both directions between them, from now on. By
 * default a seed chooses between 0.05 and 0.55 ms of delay, and up to 5 ms of jitter. */
#define hob_sim_link(a, b, ...)                                                                    \
    hob__sim_link((a), (b), true, HOB__OPTIONS(hob_sim_link_options, __VA_ARGS__))
/* The direction from a to b alone. */
#define hob_sim_link_one_way(a, b, ...)                                                            \
    hob__sim_link((a), (b), false, HOB__OPTIONS(hob_sim_link_options, __VA_ARGS__))

/* Nothing passes between them any more, until hob_sim_heal(). */
HOB_API void hob_sim_partition(struct hob_sim_host *a, struct hob_sim_host *b);
HOB_API void hob_sim_heal(struct hob_sim_host *a, struct hob_sim_host *b);
/* From a to b: nothing arrives for so many seconds; then all of it at once. */
HOB_API void hob_sim_clog(struct hob_sim_host *a, struct hob_sim_host *b, double seconds);
/* From a to b: `skip` more packets pass, then `count` are lost: datagrams; TCP's connects, pieces
 * of data and ends, which come again by themselves after a while, as above. A pure acknowledgement
 * is none. Anew by each call; count 0: no more. */
HOB_API void hob_sim_drop(struct hob_sim_host *a, struct hob_sim_host *b, unsigned skip,
                          unsigned count);

/* ---- names: what the world's name servers say ---- */

struct hob_sim_name_options {
    double ttl;      /* seconds that the answer may be kept; 0: 60; below 0: none at all */
    double delay;    /* seconds until it comes; 0: anew each time, 1 to 31 ms */
    double delay_v6; /* that of the IPv6 addresses; 0: as delay */
    bool silent;     /* no answer comes: HOB_E_NAME_TEMPORARY once all attempts are over */
    bool broken;     /* the servers cannot tell: HOB_E_NAME_TEMPORARY */
};
/* hob_sim_name("db.example", "10.0.0.2, fd00::2", .ttl = 5): the name has these addresses (at most
 * 16; "": none, HOB_E_NAME), from now on; what a loop keeps of an earlier answer, it keeps. A name
 * that nothing was said of is a host's, if one is called so, else there is no such host. Every
 * lookup of the world's hosts is answered so, unless hob_dns_configure() names a server that is one
 * of these hosts: c-ares asks that one, over the world's network and by its clock. A hosts file is
 * read only if it was named. A seed's faults lose questions and answers. Does not wait. */
#define hob_sim_name(name, addresses, ...)                                                         \
    hob__sim_name((name), (addresses), HOB__OPTIONS(hob_sim_name_options, __VA_ARGS__))

/* ---- chance, for tests: from the seed ---- */

HOB_API uint64_t hob_sim_seed(void);
/* 0 to n - 1; n > 0. */
HOB_API uint64_t hob_sim_random(uint64_t n);
/* 0 <= x < 1. */
HOB_API double hob_sim_uniform(void);
/* A line of the log (HOB_SIM=...,log), with time and host. */
HOB_API void hob_sim_log(const char *fmt, ...) HOB_PRINTF(1, 2);

/* ---- behind the macros. Private. ---- */

struct hob__sim_test {
    struct hob__spawn_site site;
    struct hob__sim_test *next;
};
HOB_API void hob__sim_test_add(struct hob__sim_test *t);
HOB_API void hob__sim_fail(const char *file, int line, const char *fmt, ...) HOB_PRINTF(3, 4)
    __attribute__((noreturn, cold));
HOB_API struct hob_sim_host *hob__sim_host(const char *name, const struct hob__spawn_site *site,
                                           const void *args);
HOB_API struct hob_sim_host *hob__sim_beside(struct hob_sim_host *h,
                                             const struct hob__spawn_site *site, const void *args);
HOB_API int hob__sim_restart(struct hob_sim_host *h, const struct hob__spawn_site *site,
                             const void *args);
HOB_API void hob__sim_disk(struct hob_sim_host *h, struct hob_sim_disk_options options);
HOB_API void hob__sim_name(const char *name, const char *addresses,
                           struct hob_sim_name_options options);
HOB_API void hob__sim_link(struct hob_sim_host *a, struct hob_sim_host *b, bool both,
                           struct hob_sim_link_options options);

#ifdef __cplusplus
}
#endif
#endif
