/* drivers_test.c - each scenario is run many times: with a cancel at its 1st, 2nd, ... last
 * cancellation point (of the task at the point, and of the whole program), and with its 1st, 2nd,
 * ... allocation failing. Whatever happens, the run ends, nothing that the scenario counts is lost,
 * and every byte and descriptor comes back. */
#include "drivers.h"

#include <fcntl.h>
#include <hob/file.h>
#include <hob/http.h>
#include <hob/net.h>
#include <hob/serve.h>
#include <hob/watch.h>

/* ---- scopes within scopes ---- */

static int cleaned, opened;
static void clean(void *arg) {
    (void)arg;
    cleaned++;
}
static int naps(int n) {
    for (int i = 0; i < n; i++) HOB_TRY(hob_sleep(0));
    return n;
}
HOB_TASK(naps, int)

static int nested(int depth) {
    HOB_SCOPE(s);
    HOB_TRY(hob_defer(s, clean, NULL));
    opened++;
    hob_spawn_named(s, "napper", naps, 2);
    hob_spawn_daemon(s, naps, 1000);
    if (depth > 0) HOB_TRY(nested(depth - 1));
    HOB_TRY(hob_yield_now());
    return hob_join(s);
}
static int nested_scopes(void) {
    opened = cleaned = 0;
    return nested(4);
}
static void check_nested(void) { CHECK_EQ(opened, cleaned); }
DRIVE(scopes_within_scopes, nested_scopes, check_nested)

/* ---- errors, collect, results, race, wait, next_done ---- */

static int fails_after(int n, int code) {
    HOB_TRY(naps(n));
    return code < 0 ? hob_fail(code, "after %d", n) : code;
}
HOB_TASK(fails_after, int, int)

static int outcomes(void) {
    {
        HOB_SCOPE(s);
        hob_spawn(s, fails_after, 3, 0);
        hob_spawn(s, fails_after, 1, -EIO);
        int rc = hob_join(s);
        if (rc != -EIO) return rc;
        if (hob_scope_errors(s)) CHECK_EQ(hob_scope_errors(s)->code, -EIO);
    }
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        struct hob_task *t[3];
        for (int i = 0; i < 3; i++) t[i] = hob_spawn(s, fails_after, i, i == 1 ? -EPIPE : i);
        for (int i = 0; i < 3; i++)
            if (!t[i]) return -ENOMEM;
        HOB_TRY(hob_wait(t, 3, HOB_FIRST_DONE));
        HOB_TRY(hob_wait(t, 3, HOB_FIRST_ERROR));
        struct hob_task *done;
        int seen = 0, rc;
        while ((rc = hob_next_done(s, &done)) > 0) seen++;
        if (rc < 0) return rc;
        CHECK_EQ(seen, 3);
        HOB_TRY(hob_join(s));
    }
    {
        HOB_SCOPE(s);
        hob_spawn(s, fails_after, 1, -EIO);
        hob_spawn(s, fails_after, 2, 77);
        hob_spawn(s, fails_after, 100, 78);
        int rc = HOB_TRY(hob_race(s, NULL));
        CHECK(rc == 77 || rc == 78); /* 78 when the other one was cancelled */
    }
    return 0;
}
DRIVE(errors_and_outcomes, outcomes, NULL)

/* ---- start, background, locals, within ---- */

static int dropped;
static void drop(void *value) {
    (void)value;
    dropped++;
}
static struct hob_local user = HOB_LOCAL("user", drop);
static int sets;

static int starts_late(void) {
    HOB_TRY(hob_sleep(0));
    if (hob_local_set(&user, (void *)2) == 0) sets++;
    hob_started();
    return naps(2);
}
HOB_TASK(starts_late)

static int mixture(void) {
    sets = dropped = 0;
    HOB_TRY(hob_local_set(&user, (void *)1));
    sets++;
    HOB_SCOPE(s);
    HOB_TRY(hob_start(s, starts_late));
    CHECK_EQ((long)hob_local_get(&user), 1);
    HOB_TRY(hob_background(naps, 1000));
    HOB_TRY(hob_within(5.0, naps(2)));
    HOB_TRY(hob_shielded(naps(1)));
    return hob_join(s);
}
static void check_locals(void) { CHECK_EQ(sets, dropped); }
DRIVE(start_background_locals_within, mixture, check_locals)

/* ---- a queue between workers ---- */

static int put_in, got_out, left_in;
static void close_queue(void *q) { hob_queue_close(q); }
static int produces(struct hob_queue *q, int n) {
    HOB_DEFER(close_queue, q);
    for (int i = 0; i < n; i++) {
        HOB_TRY(hob_queue_put(q, &i));
        put_in++;
    }
    return 0;
}
HOB_TASK(produces, struct hob_queue *, int)
static int consumes(struct hob_queue *q) {
    int item, rc;
    while ((rc = hob_queue_get(q, &item)) == 0) {
        got_out++;
        hob_queue_task_done(q);
        HOB_TRY(hob_yield_now());
    }
    return rc == HOB_E_CLOSED ? 0 : rc;
}
HOB_TASK(consumes, struct hob_queue *)

static int queue_of_workers(void) {
    put_in = got_out = left_in = 0;
    HOB_QUEUE(q, int, 3);
    int rc;
    {
        HOB_SCOPE(s);
        for (int i = 0; i < 3; i++) hob_spawn(s, consumes, q);
        hob_spawn(s, produces, q, 12);
        rc = hob_queue_join(q);
        if (rc >= 0) rc = hob_join(s);
    }
    left_in = (int)hob_queue_count(q);
    return rc;
}
static void check_queue(void) { CHECK_EQ(put_in, got_out + left_in); }
DRIVE(queue_workers, queue_of_workers, check_queue)

/* ---- locks ---- */

static struct hob_mutex mutex;
static struct hob_cond cond;
static struct hob_sem sem = HOB_SEM_BOUNDED(2);
static int inside, turn;

static int is_my_turn(void *arg) { return turn >= *(int *)arg; }
static int locks(int me) {
    HOB_WITH(hob_sem, &sem);
    CHECK(++inside <= 2);
    HOB_DEFER(clean, NULL);
    int rc = hob_sleep(0);
    inside--;
    if (rc < 0) return rc;
    HOB_WITH(hob_mutex, &mutex);
    turn++;
    hob_cond_notify_all(&cond, &mutex);
    return hob_cond_wait_for(&cond, &mutex, is_my_turn, &me);
}
HOB_TASK(locks, int)

static int locking(void) {
    turn = inside = 0;
    HOB_SCOPE(s);
    for (int i = 0; i < 5; i++) hob_spawn(s, locks, i);
    return hob_join(s);
}
static void check_locks(void) {
    CHECK(!hob_mutex_locked(&mutex));
    CHECK_EQ(sem.free, 2);
    CHECK(!sem.waiters.first && !mutex.waiters.first && !cond.waiters.first);
    CHECK_EQ(inside, 0);
}
DRIVE(locks_and_conditions, locking, check_locks)

/* ---- barrier, event, future, stop ---- */

static struct hob_barrier barrier = HOB_BARRIER(3);
static struct hob_event event;
static struct hob_future future;
static int through;

/* Nobody is to wait for one that has been cancelled. */
static int gives_up(int rc) {
    hob_barrier_abort(&barrier);
    hob_event_set(&event);
    hob_future_cancel(&future);
    return rc;
}

static int meets(void) {
    int rc = hob_barrier_wait(&barrier);
    if (rc == 0) hob_event_set(&event);
    if (rc >= 0) rc = hob_event_wait(&event);
    if (rc >= 0) rc = hob_future_wait(&future, NULL);
    if (rc < 0) return gives_up(rc);
    CHECK_EQ(rc, 5);
    through++;
    return hob_stopping() ? 0 : naps(2);
}
HOB_TASK(meets)

static int meeting(void) {
    hob_barrier_reset(&barrier);
    event = (struct hob_event){0};
    future = (struct hob_future){0};
    through = 0;
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, meets);
    int rc = hob_event_wait(&event);
    if (rc < 0) return gives_up(rc);
    hob_future_set(&future, 5, NULL);
    hob_stop(s, 10);
    HOB_TRY(hob_join(s));
    return through == 3 ? 0 : -ECANCELED;
}
static void check_meeting(void) {
    CHECK_EQ(barrier.arrived, 0);
    CHECK(!barrier.waiters.first && !event.waiters.first && !future.waiters.first);
}
DRIVE(barrier_event_future_stop, meeting, check_meeting)

/* ---- streams ---- */

/* Bytes that were written by the client (of a call that failed: at most) and read by the server. */
static size_t sent, tried, arrived;
static bool accepted;

static int echoes(struct hob_listener **l) {
    struct hob_stream *c;
    int rc = hob_accept(*l, &c);
    if (rc < 0) { /* cancelled: whoever is in the backlog is not to wait for ever */
        hob_listener_close(*l);
        *l = NULL;
        return rc;
    }
    accepted = true;
    char buf[64];
    ssize_t n, more;
    while ((n = hob_read(c, buf, sizeof buf)) > 0) {
        arrived += (size_t)n;
        n = hob_write(c, buf, (size_t)n);
        if (n < 0) break;
    }
    if (n < 0) { /* what the client has sent is there all the same */
        hob_shielded(hob_shutdown(c));
        while ((more = hob_shielded(hob_read(c, buf, sizeof buf))) > 0) arrived += (size_t)more;
    }
    hob_close(c);
    return (int)n;
}
HOB_TASK(echoes, struct hob_listener **)

static int talk(struct hob_stream *c) {
    char buf[6];
    tried = 5;
    sent += (size_t)HOB_TRY(hob_write(c, "hello", 5));
    HOB_TRY(hob_read_exactly(c, buf, 5));
    CHECK(memcmp(buf, "hello", 5) == 0);
    struct iovec two[] = {{(void *)"ab", 2}, {(void *)"cd", 2}};
    tried = 9;
    sent += (size_t)HOB_TRY(hob_writev(c, two, 2));
    HOB_TRY(hob_read_exactly(c, buf, 4));
    CHECK(memcmp(buf, "abcd", 4) == 0);
    HOB_TRY(hob_shutdown(c));
    return (int)HOB_TRY(hob_read(c, buf, 1));
}

static int talks_to(const char *address) {
    struct hob_stream *c;
    HOB_TRY(hob_connect(address, &c));
    int rc = talk(c);
    hob_close(c);
    return rc;
}

static int listen_and_talk(const char *where) {
    struct hob_listener *l;
    sent = tried = arrived = 0;
    accepted = false;
    HOB_TRY(hob_listen(where, &l));
    int rc;
    {
        HOB_SCOPE(s);
        char address[128];
        snprintf(address, sizeof address, "%s", hob_listener_address(l));
        hob_spawn(s, echoes, &l);
        rc = talks_to(address);
        if (rc >= 0) rc = hob_join(s);
    }
    hob_listener_close(l);
    return rc >= 0 && arrived != 9 ? -ECANCELED : rc;
}
static int tcp_streams(void) { return listen_and_talk("127.0.0.1:0"); }
static int unix_streams(void) {
    char where[64];
    snprintf(where, sizeof where, "unix:@hob-drivers-test-%d", (int)getpid());
    return listen_and_talk(where);
}
static void check_bytes(void) {
    if (accepted) CHECK(arrived >= sent);
    CHECK(arrived <= tried);
}
DRIVE(tcp_echo, tcp_streams, check_bytes)
DRIVE(unix_echo, unix_streams, check_bytes)

/* ---- servers ---- */

static int answers(struct hob_stream *c) {
    char buf[64];
    ssize_t n;
    while ((n = hob_read_idle(c, buf, sizeof buf)) > 0 && (n = hob_write(c, buf, (size_t)n)) > 0)
        continue;
    return (int)n;
}
HOB_TASK(answers, struct hob_stream *)

static int serves(struct hob_listener **l) {
    int rc = hob_serve_with(*l, ((struct hob_serve_options){.max_connections = 1}), answers);
    if (rc < 0) { /* who is in the backlog is not to wait for ever */
        hob_listener_close(*l);
        *l = NULL;
    }
    return rc;
}
HOB_TASK(serves, struct hob_listener **)

/* Two clients, of whom the second waits for the first one's end; then a stop. */
static int server_and_clients(void) {
    struct hob_listener *l;
    char address[128];
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc;
    {
        HOB_SCOPE(s);
        snprintf(address, sizeof address, "%s", hob_listener_address(l));
        hob_spawn(s, serves, &l);
        rc = talks_to(address);
        if (rc >= 0) rc = talks_to(address);
        hob_stop(s, 10);
        if (rc >= 0) rc = hob_join(s);
    }
    hob_listener_close(l);
    return rc;
}
DRIVE(serving_at_a_limit, server_and_clients, NULL)

/* ---- HTTP ---- */

static int handled, answered;

static int echoes_the_body(struct hob_request *req, void *arg) {
    (void)arg;
    const char *body;
    size_t n;
    HOB_TRY(hob_request_body(req, &body, &n));
    handled++;
    return n ? hob_respond(req, 200, NULL, body, n)
             : hob_respond_text(req, 200, "text/plain", hob_request_target(req));
}

static int serves_http(struct hob_listener **l) {
    int rc = hob_http_serve(*l, echoes_the_body, NULL, (struct hob_http_options){0});
    if (rc < 0) {
        hob_listener_close(*l);
        *l = NULL;
    }
    return rc;
}
HOB_TASK(serves_http, struct hob_listener **)

/* The status, and a right answer counts. */
static int asks(struct hob_client *c, const char *url, const char *text, const char *wanted) {
    struct hob_body body;
    int rc =
        text ? hob_post(c, url, "text/plain", text, strlen(text), &body) : hob_get(c, url, &body);
    if (rc == 200) {
        CHECK_EQ(body.size, strlen(wanted));
        CHECK_STR(body.data, wanted);
        answered++;
    }
    hob_body_free(&body);
    return rc;
}

static int asks_all(const char *url) {
    HOB_CLIENT(c);
    HOB_TRY(asks(c, url, NULL, "/path"));
    HOB_TRY(asks(c, url, "some bytes", "some bytes"));
    return asks(c, url, NULL, "/path");
}

static int http_client_and_server(void) {
    struct hob_listener *l;
    char url[160];
    handled = answered = 0;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc;
    {
        HOB_SCOPE(s);
        snprintf(url, sizeof url, "http://%s/path", hob_listener_address(l));
        hob_spawn(s, serves_http, &l);
        rc = asks_all(url);
        hob_stop(s, 10);
        if (rc >= 0) rc = hob_join(s);
    }
    hob_listener_close(l);
    return rc >= 0 && answered != 3 ? -ECANCELED : rc;
}
static void check_answers(void) { CHECK(answered <= handled); }
DRIVE(http_client_and_server, http_client_and_server, check_answers)

/* ---- files and foreign descriptors ---- */

static int file_and_pipe(void) {
    char path[] = "/tmp/hob-drivers-XXXXXX", buf[16] = {0};
    int fd = mkstemp(path);
    unlink(path);
    struct iovec out = {(void *)"some text", 9}, in = {buf, 9};
    int rc = (int)hob_pwritev(fd, &out, 1, 0);
    int wrote = rc;
    if (rc >= 0) rc = (int)hob_preadv(fd, &in, 1, 0);
    if (rc >= 0) CHECK(rc >= 1 && rc <= wrote && memcmp(buf, "some text", (size_t)rc) == 0);
    close(fd);
    if (rc < 0) return rc;
    int p[2];
    if (pipe(p) < 0) return -errno;
    rc = hob_within(0.002, hob_poll(p[0], 1));
    if (rc == -ETIMEDOUT) rc = hob_poll(p[1], 4);
    close(p[0]);
    close(p[1]);
    return rc;
}
DRIVE(file_and_foreign_descriptor, file_and_pipe, NULL)

/* ---- files ---- */

static char tree[64]; /* "": not made */
static char tree_file[80], tree_copy[80];

static int count_names(const char *path) {
    int n = 0;
    HOB_EACH(struct hob_entry *, e, hob_scandir, path) n += e->depth;
    return n;
}

static int use_files(void) {
    char *bytes;
    size_t n;
    struct hob_line line;
    HOB_TRY(hob_write_file(tree_file, "new\nlines\n", 10));
    HOB_TRY(hob_append_file(tree_file, "more\n", 5));
    HOB_TRY(hob_copy_file(tree_file, tree_copy));
    HOB_TRY(hob_read_file(tree_copy, &bytes, &n, 1000));
    hob_file_free(bytes);
    CHECK_EQ(n, 15);
    HOB_FILE(f);
    HOB_TRY(hob_open(tree_file, "r+", &f));
    HOB_TRY(hob_file_line(f, &line));
    HOB_TRY(hob_file_write(f, "L", 1));
    HOB_SCOPE(s);
    struct hob_file *temporary;
    const char *folder;
    HOB_TRY(hob_temp_dir(s, tree, &folder));
    HOB_TRY(hob_temp_file(s, folder, &temporary));
    HOB_TRY(hob_unlink(tree_copy));
    return hob_join(s);
}

static void remove_tree(void) {
    unlink(tree_file);
    unlink(tree_copy);
    CHECK_EQ(rmdir(tree), 0);
    tree[0] = 0;
}

static int files(void) {
    if (tree[0]) remove_tree(); /* of the run that warms up */
    snprintf(tree, sizeof tree, TEST_PATH "-XXXXXX", (int)getpid(), "tree");
    CHECK(mkdtemp(tree) != NULL);
    snprintf(tree_file, sizeof tree_file, "%s/file", tree);
    snprintf(tree_copy, sizeof tree_copy, "%s/copy", tree);
    FILE *f = fopen(tree_file, "w");
    CHECK(f && fputs("old", f) >= 0 && fclose(f) == 0);
    return use_files();
}

/* The file is old or new, and beside it is at most the copy: no temporaries. */
static void check_files(void) {
    char text[100] = "";
    if (!tree[0]) return; /* it did not come so far */
    int fd = open(tree_file, O_RDONLY), names = 0;
    CHECK(fd >= 0);
    CHECK(read(fd, text, sizeof text) >= 0);
    close(fd);
    if (strncmp(text, "old", 3) != 0) CHECK(strncmp(text, "new\n", 4) == 0);
    DIR *d = opendir(tree);
    while (readdir(d)) names++;
    closedir(d);
    CHECK(names <= 2 + 2);
    remove_tree();
}
DRIVE(files_and_folders, files, check_files)

static int walking_and_watching(void) {
    struct hob_watch *w;
    struct hob_watch_event e;
    HOB_SCOPE(s);
    const char *folder;
    HOB_TRY(hob_temp_dir(s, NULL, &folder));
    HOB_TRY(hob_watch_open(&w));
    int rc = hob_watch_add(w, folder, HOB_WATCH_ALL);
    char path[200];
    snprintf(path, sizeof path, "%s/a/b", folder);
    if (rc >= 0) rc = hob_mkdir_all(path, 0700);
    if (rc >= 0) rc = hob_watch_next(w, &e);
    hob_watch_close(w);
    if (rc < 0) return rc;
    HOB_TRY(hob_watch_tree(folder, HOB_WATCH_CREATED | HOB_WATCH_MOVED, &w));
    snprintf(path, sizeof path, "%s/c/d/e", folder);
    rc = hob_mkdir_all(path, 0700);
    for (int told = 0; rc >= 0 && told < 3; told++) rc = hob_watch_next(w, &e);
    char renamed[200];
    snprintf(path, sizeof path, "%s/c", folder);
    snprintf(renamed, sizeof renamed, "%s/f", folder);
    if (rc >= 0) rc = hob_rename(path, renamed);
    if (rc >= 0) rc = hob_watch_next(w, &e);
    hob_watch_close(w);
    if (rc < 0) return rc;
    snprintf(path, sizeof path, "%s/a/b", folder);
    HOB_EACH(struct hob_entry *, entry, hob_walk, folder) CHECK(entry->type == DT_DIR);
    HOB_TRY(count_names(folder));
    HOB_TRY(hob_remove_all(path));
    return hob_join(s);
}
DRIVE(folders_and_watches, walking_and_watching, NULL)

/* ---- generators ---- */

static int up_to(struct hob_generator *gen, int n) {
    HOB_DEFER(clean, NULL);
    opened++;
    for (int i = 0; i < n; i++) {
        HOB_TRY(hob_yield(gen, i));
        HOB_TRY(hob_sleep(0));
    }
    return 0;
}
HOB_GENERATOR(up_to, int, int)

static int generators(void) {
    opened = cleaned = 0;
    int sum = 0;
    HOB_EACH(int, x, up_to, 4) {
        sum += x;
        HOB_EACH(int, y, up_to, 10) {
            sum += y;
            if (y == 1) break;
            HOB_TRY(hob_sleep(0));
        }
    }
    CHECK_EQ(sum, 6 + 4);
    return 0;
}
DRIVE(generators_within_generators, generators, check_nested)

TEST_MAIN()
