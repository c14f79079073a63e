/* http_workers_test.c - what comes on many connections at once is answered by one worker, and each
 * handler finds a task of its own all the same; handlers that wait hold nobody; connections of
 * HTTP/2 that wait for their next request hold no task, and are told of their end. */
#include "http_test.h"

enum { MANY = 40 };

static struct {
    int served, waiting, most_tasks;
    uint64_t ids[MANY];
} seen;
static struct hob_event go;
static struct hob_local left_behind = HOB_LOCAL("left behind", NULL);

static int count_task(struct hob_task *t, void *n) {
    (void)t;
    ++*(int *)n;
    return 0;
}

static int tasks(void) {
    int n = 0;
    hob_tasks(count_task, &n);
    return n;
}

static int handler(struct hob_request *req, void *arg) {
    (void)arg;
    const char *path = hob_request_path(req);
    CHECK(!hob_local_get(&left_behind));
    CHECK(!hob_error());
    CHECK_EQ(errno, 0);
    CHECK(!hob_cancelled());
    if (tasks() > seen.most_tasks) seen.most_tasks = tasks();
    if (seen.served < MANY) seen.ids[seen.served] = hob_task_id(hob_self());
    seen.served++;
    if (strcmp(path, "/wait") == 0) {
        seen.waiting++;
        HOB_TRY(hob_event_wait(&go));
        seen.waiting--;
    }
    int rc = hob_respond_text(req, 200, "text/plain", "Hello");
    CHECK_EQ(hob_local_set(&left_behind, &seen), 0);
    hob_fail(-EIO, "left behind");
    errno = EIO;
    if (strcmp(path, "/cancel") == 0) hob_cancel(hob_self());
    if (strcmp(path, "/fail") == 0) return -EIO;
    return rc;
}

#define SERVED(s, l, ...)                                                                          \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    hob_set_report(fail_at_deadlock, NULL);                                                        \
    memset(&seen, 0, sizeof seen);                                                                 \
    go = (struct hob_event){0};                                                                    \
    hob_spawn(s, hob_http_serve, l, handler, NULL, (struct hob_http_options){__VA_ARGS__})

static int end(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static void connect_all(struct hob_listener *l, struct hob_stream **c, int n) {
    for (int i = 0; i < n; i++) CHECK_EQ(hob_connect(hob_listener_address(l), &c[i]), 0);
    CHECK_EQ(hob_sleep(0.05), 0); /* they are parked */
}

/* Without waiting in between: the server finds all of them at once. */
static void ask_all(struct hob_stream **c, int n, const char *first, const char *others) {
    char text[128];
    for (int i = 0; i < n; i++) {
        int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                            i == 0 ? first : others);
        CHECK_EQ(hob_write(c[i], text, (size_t)size), size);
    }
}

static void hear(struct hob_stream *c) {
    char text[1024];
    size_t n = 0;
    while (!memmem(text, n, "Hello", 5)) {
        ssize_t got = hob_read(c, text + n, sizeof text - n);
        CHECK(got > 0);
        n += (size_t)got;
    }
}

static void close_all(struct hob_stream **c, int n) {
    for (int i = 0; i < n; i++) hob_close(c[i]);
}

TASK_TEST(one_worker_answers_all_that_came_at_once) {
    struct hob_stream *c[MANY];
    SERVED(s, l);
    connect_all(l, c, MANY);
    int before = tasks();
    ask_all(c, MANY, "/", "/");
    for (int i = 0; i < MANY; i++) hear(c[i]);
    CHECK_EQ(seen.served, MANY);
    CHECK(seen.most_tasks <= before + 3);
    for (int i = 0; i < MANY; i++)
        for (int j = 0; j < i; j++) CHECK(seen.ids[i] != seen.ids[j]);
    CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(tasks(), before);
    close_all(c, MANY);
    return end(s, l);
}

TASK_TEST(a_handler_that_waits_holds_nobody) {
    struct hob_stream *c[MANY];
    SERVED(s, l);
    connect_all(l, c, MANY);
    for (int round = 0; round < 3; round++) {
        ask_all(c, MANY, "/wait", "/");
        for (int i = 1; i < MANY; i++) hear(c[i]);
        CHECK_EQ(seen.waiting, 1);
        hob_event_set(&go);
        hear(c[0]);
        go = (struct hob_event){0};
    }
    ask_all(c, MANY, "/wait", "/wait");
    while (seen.waiting < MANY) CHECK_EQ(hob_sleep(0.01), 0);
    hob_event_set(&go);
    for (int i = 0; i < MANY; i++) hear(c[i]);
    close_all(c, MANY);
    return end(s, l);
}

/* What one handler does to its task, the next one does not feel. */
TASK_TEST(a_handler_that_is_cancelled_or_fails_ends_alone) {
    static const char *const paths[] = {"/cancel", "/fail"};
    struct hob_stream *c[MANY];
    for (size_t i = 0; i < 2; i++) {
        SERVED(s, l);
        connect_all(l, c, MANY);
        ask_all(c, MANY, paths[i], "/");
        for (int k = 1; k < MANY; k++) hear(c[k]);
        CHECK_EQ(seen.served, MANY);
        close_all(c, MANY);
        end(s, l);
    }
    return 0;
}

TASK_TEST(a_stop_answers_what_has_come) {
    struct hob_stream *c[MANY];
    SERVED(s, l);
    connect_all(l, c, MANY);
    ask_all(c, MANY, "/", "/");
    hob_stop(s, 10);
    for (int i = 0; i < MANY; i++) hear(c[i]);
    close_all(c, MANY);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
