/* process_pool - functions in other processes: work over all CPUs, and a crash that is an error.
 *
 * The pool is opened first of all, while there is little to copy. */
#include <hob/hob.h>
#include <hob/process_pool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count_primes(int from, int below) {
    int count = 0;
    for (int n = from; n < below; n++) {
        int d = 2;
        while (d * d <= n && n % d != 0) d++;
        if (n >= 2 && d * d > n) count++;
    }
    return count;
}
HOB_TASK(count_primes, int, int)

static struct hob_process_call in(struct hob_process_pool *pool) {
    struct hob_process_call call;
    memset(&call, 0, sizeof call); /* the defaults */
    call.pool = pool;
    return call;
}

static int count_there(struct hob_process_pool *pool, int from, int below) {
    return hob_to_process_with(in(pool), count_primes, from, below);
}
HOB_TASK(count_there, struct hob_process_pool *, int, int)

/* Bytes go there and come back. */
static int turn_round(void) {
    size_t n;
    const char *text = (const char *)hob_process_call_input(&n);
    while (n-- > 0) HOB_TRY(hob_process_call_output(text + n, 1));
    return 0;
}
HOB_TASK(turn_round)

static int crash(void) { abort(); }
HOB_TASK(crash)

static void close_pool(void *pool) { hob_process_pool_close((struct hob_process_pool *)pool); }

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "process_pool takes no arguments");
    struct hob_process_pool *pool;
    struct hob_process_pool_options options = {0, 0, 0};
    HOB_TRY(hob_process_pool_open(&pool, options));
    HOB_SCOPE(s);
    HOB_TRY(hob_defer(s, close_pool, pool));

    int parts = 8, primes = 0;
    {
        HOB_SCOPE(work);
        for (int i = 0; i < parts; i++)
            hob_spawn(work, count_there, pool, i * 300000, (i + 1) * 300000);
        struct hob_task *t;
        while (HOB_TRY(hob_next_done(work, &t)) > 0) primes += hob_task_result(t);
        HOB_TRY(hob_join(work));
    }
    printf("%d primes below %d\n", primes, parts * 300000);

    char turned[32] = "";
    struct hob_process_call call = in(pool);
    call.input = "stressed";
    call.input_size = strlen("stressed");
    call.output = turned;
    call.output_max = sizeof turned - 1;
    HOB_TRY(hob_to_process_with(call, turn_round));
    printf("stressed, turned round: %s\n", turned);

    int rc = hob_to_process_with(call, crash);
    printf("a crash: %s\n", rc == HOB_E_CRASHED ? hob_error()->message : hob_strerror(rc));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
