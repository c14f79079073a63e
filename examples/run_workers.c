/* run_workers - a loop on each of two CPUs, sharing nothing but two channels.
 *
 * The first loop hands out numbers, the second one answers. Ctrl-C would end both. */
#include <hob/channel.h>
#include <hob/hob.h>
#include <hob/thread.h>
#include <stdio.h>

enum { NUMBERS = 100 };

static int ask(struct hob_channel *questions) {
    for (int i = 1; i <= NUMBERS; i++) HOB_TRY(hob_channel_send(questions, &i));
    hob_channel_close(questions);
    return 0;
}
HOB_TASK(ask, struct hob_channel *)

static int first(struct hob_channel *questions, struct hob_channel *answers) {
    HOB_SCOPE(s);
    hob_spawn(s, ask, questions);
    long sum = 0, square;
    int rc, count = 0;
    while ((rc = hob_channel_recv(answers, &square)) == 0) {
        sum += square;
        count++;
    }
    if (rc != HOB_E_CLOSED) return rc;
    printf("%d answers; the squares' sum is %ld\n", count, sum);
    return hob_join(s);
}

static int second(struct hob_channel *questions, struct hob_channel *answers) {
    int n, rc;
    while ((rc = hob_channel_recv(questions, &n)) == 0) {
        long square = (long)n * n;
        HOB_TRY(hob_channel_send(answers, &square));
    }
    hob_channel_close(answers);
    return rc == HOB_E_CLOSED ? 0 : rc;
}

static int worker(struct hob_channel *questions, struct hob_channel *answers) {
    return hob_worker_index() == 0 ? first(questions, answers) : second(questions, answers);
}
HOB_TASK(worker, struct hob_channel *, struct hob_channel *)

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "run_workers takes no arguments");
    struct hob_channel *questions, *answers;
    HOB_TRY(hob_channel_open(&questions, sizeof(int), 10));
    int rc = hob_channel_open(&answers, sizeof(long), 10);
    if (rc == 0) rc = hob_run_workers(2, worker, questions, answers);
    hob_channel_free(answers);
    hob_channel_free(questions);
    return rc;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
