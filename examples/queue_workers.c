/* queue_workers - a producer, a queue with room for 50 jobs, and five workers.
 *
 * asyncio.Queue(maxsize=50) is HOB_QUEUE(jobs, struct job, 50). The producer is faster, so that the
 * queue fills up and hob_queue_put() makes it wait. Instead of a sentinel for each worker the queue
 * is closed: the next get tells them to go home. */
#include <hob/hob.h>
#include <stdio.h>

enum { JOBS = 200, ROOM = 50, WORKERS = 5 };

struct job {
    int number;
    double seconds;
};

static int times_done[JOBS];

static int work(struct hob_queue *jobs) {
    struct job job;
    int count = 0, rc;
    while ((rc = hob_queue_get(jobs, &job)) == 0) {
        HOB_TRY(hob_sleep(job.seconds));
        times_done[job.number]++;
        count++;
        hob_queue_task_done(jobs);
    }
    printf("%s goes home after %d jobs\n", hob_task_name(hob_self()), count);
    return rc == HOB_E_CLOSED ? 0 : rc;
}
HOB_TASK(work, struct hob_queue *)

static int produce(struct hob_queue *jobs) {
    int waited = 0;
    for (int i = 0; i < JOBS; i++) {
        struct job job = {i, 0.001 * (1 + i % 4)};
        if (hob_queue_count(jobs) == ROOM) waited++;
        HOB_TRY(hob_queue_put(jobs, &job));
    }
    printf("%d jobs are in the queue or done; the producer waited %d times for room\n", JOBS,
           waited);
    return 0;
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    static const char *const names[WORKERS] = {"Ada", "Grace", "Barbara", "Frances", "Radia"};
    HOB_QUEUE(jobs, struct job, ROOM);
    HOB_SCOPE(s);
    for (int i = 0; i < WORKERS; i++) hob_spawn_named(s, names[i], work, jobs);
    HOB_TRY(produce(jobs));
    HOB_TRY(hob_queue_join(jobs)); /* until each of them has been reported done */
    hob_queue_close(jobs);
    HOB_TRY(hob_join(s));
    for (int i = 0; i < JOBS; i++)
        if (times_done[i] != 1) return hob_fail(-EPROTO, "job %d: %d times", i, times_done[i]);
    printf("each of the %d jobs was done once\n", JOBS);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
