/* hob_away.c - channel_2: an item to another loop and one back; to_thread, to_process: a call there
 * that returns at once; cpu_threads, cpu_processes: four calls of one second of CPU time each.
 * Wall time. */
#include "away.h"
#include <hob/channel.h>
#include <hob/hob.h>
#include <hob/process_pool.h>
#include <hob/thread.h>

static int echo(struct hob_channel *in, struct hob_channel *out) {
    long x;
    int rc;
    while ((rc = hob_channel_recv(in, &x)) == 0) HOB_TRY(hob_channel_send(out, &x));
    return rc == HOB_E_CLOSED ? 0 : rc;
}

static int ping(struct hob_channel *in, struct hob_channel *out) {
    long x = 1;
    AWAY_MEASURE("channel_2", AWAY_ROUNDS, {
        HOB_TRY(hob_channel_send(out, &x));
        HOB_TRY(hob_channel_recv(in, &x));
    });
    hob_channel_close(out);
    return 0;
}

static int worker(struct hob_channel *a, struct hob_channel *b) {
    bench_pin(hob_worker_index() != 0);
    return hob_worker_index() == 0 ? ping(a, b) : echo(b, a);
}
HOB_TASK(worker, struct hob_channel *, struct hob_channel *)

static int channels(void) {
    struct hob_channel *a, *b;
    HOB_TRY(hob_channel_open(&a, sizeof(long), 1));
    HOB_TRY(hob_channel_open(&b, sizeof(long), 1));
    HOB_TRY(hob_run_workers(2, worker, a, b));
    hob_channel_free(a);
    hob_channel_free(b);
    return 0;
}

static int at_once(int x) { return x; }
HOB_TASK(at_once, int)
HOB_TASK(burn, int)
static int in_thread(int x) { return hob_to_cpu(burn, x); }
HOB_TASK(in_thread, int)
static int in_process(int x) { return hob_to_process(burn, x); }
HOB_TASK(in_process, int)

static int threads(void) {
    HOB_SCOPE(s);
    for (int i = 0; i < AWAY_JOBS; i++) hob_spawn(s, in_thread, i);
    return hob_join(s);
}

static int processes(void) {
    HOB_SCOPE(s);
    for (int i = 0; i < AWAY_JOBS; i++) hob_spawn(s, in_process, i);
    return hob_join(s);
}

static int app(void) {
    HOB_TRY(hob_to_process(at_once, 1)); /* its keeper is made while the program is small */
    HOB_TRY(channels());
    AWAY_MEASURE("to_thread", AWAY_ROUNDS, HOB_TRY(hob_to_thread(at_once, 1)));
    AWAY_MEASURE("to_process", AWAY_ROUNDS, HOB_TRY(hob_to_process(at_once, 1)));
    uint64_t began = bench_wall();
    HOB_TRY(threads());
    bench_result("cpu_threads", (double)(bench_wall() - began) * 1e-9, "s");
    began = bench_wall();
    HOB_TRY(processes());
    bench_result("cpu_processes", (double)(bench_wall() - began) * 1e-9, "s");
    return 0;
}
HOB_TASK(app)

int main(void) {
    int rc = hob_run(app);
    if (rc < 0) BENCH_FAIL("away: %s", hob_strerror(rc));
    return 0;
}
