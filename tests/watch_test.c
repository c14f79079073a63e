/* watch_test.c - being told of changes: each kind, renames as one, what vanishes, what overflows.
 */
#include "files.h"

/* The next event is this one. */
static void told(struct hob_watch *w, int id, enum hob_watch_what what, const char *name) {
    struct hob_watch_event e;
    int rc = hob_within(10.0, hob_watch_next(w, &e));
    if (rc != 1) FAIL("no event, where %d of '%s' was to come: %s", what, name, hob_strerror(rc));
    if (e.what != what || strcmp(e.name, name) != 0)
        FAIL("event %d of '%s', not %d of '%s'", e.what, e.name, what, name);
    CHECK_EQ(e.id, id);
}

static void silent(struct hob_watch *w) {
    struct hob_watch_event e;
    CHECK_EQ(hob_within(0.05, hob_watch_next(w, &e)), -ETIMEDOUT);
}

FILE_TEST(kinds) {
    struct hob_watch *w;
    HOB_TRY(hob_watch_open(&w));
    int id = hob_watch_add(w, folder, HOB_WATCH_ALL);
    CHECK(id >= 0);
    silent(w);
    put("a", "some");
    told(w, id, HOB_WATCH_CREATED, "a");
    told(w, id, HOB_WATCH_CHANGED, "a");
    told(w, id, HOB_WATCH_WRITTEN, "a");
    CHECK_EQ(sys_chmod(in("a"), 0600), 0);
    told(w, id, HOB_WATCH_ATTRIBUTES, "a");
    CHECK_EQ(sys_mkdir(in("d"), 0700), 0);
    struct hob_watch_event e;
    CHECK_EQ(hob_watch_next(w, &e), 1);
    CHECK_EQ(e.what, HOB_WATCH_CREATED);
    CHECK(e.is_folder);
    CHECK_STR(e.path, folder);
    CHECK_EQ(sys_rmdir(in("d")), 0);
    told(w, id, HOB_WATCH_REMOVED, "d");
    CHECK_EQ(sys_unlink(in("a")), 0);
    told(w, id, HOB_WATCH_REMOVED, "a");
    silent(w);
    /* The same folder again: the same watch, with other wishes. */
    CHECK_EQ(hob_watch_add(w, folder, HOB_WATCH_REMOVED), id);
    put("a", "some");
    CHECK_EQ(sys_unlink(in("a")), 0);
    told(w, id, HOB_WATCH_REMOVED, "a");
    CHECK_EQ(hob_watch_add(w, folder, 0), -EINVAL);
    CHECK_EQ(hob_watch_add(w, folder, HOB_WATCH_GONE), -EINVAL);
    CHECK_EQ(hob_watch_add(w, in("none"), HOB_WATCH_ALL), -ENOENT);
    CHECK_HAS(hob_error()->message, in("none"));
    CHECK_EQ(hob_watch_remove(w, id), 0);
    CHECK_EQ(hob_watch_remove(w, id), -EINVAL);
    put("a", "some");
    silent(w);
    hob_watch_close(w);
    hob_watch_close(NULL);
    return 0;
}

FILE_TEST(renames) {
    struct hob_watch *w;
    struct hob_watch_event e;
    CHECK_EQ(sys_mkdir(in("x"), 0700), 0);
    CHECK_EQ(sys_mkdir(in("y"), 0700), 0);
    CHECK_EQ(sys_mkdir(in("z"), 0700), 0);
    put("x/a", "");
    HOB_TRY(hob_watch_open(&w));
    int x = hob_watch_add(w, in("x"), HOB_WATCH_MOVED | HOB_WATCH_CREATED);
    int y = hob_watch_add(w, in("y"), HOB_WATCH_MOVED);
    CHECK(x >= 0 && y > x);
    CHECK_EQ(hob_rename(in("x/a"), in("x/b")), 0);
    put("x/c", "");
    CHECK_EQ(hob_watch_next(w, &e), 1);
    CHECK_EQ(e.what, HOB_WATCH_MOVED);
    CHECK_STR(e.from, "a");
    CHECK_STR(e.name, "b");
    CHECK(e.id == x && e.from_id == x);
    told(w, x, HOB_WATCH_CREATED, "c");
    CHECK_EQ(hob_rename(in("x/b"), in("y/b2")), 0);
    CHECK_EQ(hob_watch_next(w, &e), 1);
    CHECK_EQ(e.what, HOB_WATCH_MOVED);
    CHECK_STR(e.from, "b");
    CHECK_STR(e.name, "b2");
    CHECK_STR(e.path, in("y"));
    CHECK(e.id == y && e.from_id == x);
    CHECK_EQ(hob_rename(in("y/b2"), in("z/b3")), 0);
    told(w, y, HOB_WATCH_MOVED_OUT, "b2");
    CHECK_EQ(hob_rename(in("z/b3"), in("y/b4")), 0);
    told(w, y, HOB_WATCH_MOVED_IN, "b4");
    /* The folder itself. */
    CHECK_EQ(hob_rename(in("x"), in("x2")), 0);
    told(w, x, HOB_WATCH_SELF_MOVED, "");
    put("x2/d", "");
    told(w, x, HOB_WATCH_CREATED, "d");
    /* Half of a rename whose watch was taken back. */
    CHECK_EQ(hob_rename(in("x2/d"), in("y/d")), 0);
    CHECK_EQ(hob_watch_remove(w, x), 0);
    told(w, y, HOB_WATCH_MOVED_IN, "d");
    silent(w);
    hob_watch_close(w);
    return 0;
}

FILE_TEST(what_vanishes) {
    struct hob_watch *w;
    CHECK_EQ(sys_mkdir(in("d"), 0700), 0);
    put("f", "");
    HOB_TRY(hob_watch_open(&w));
    int d = hob_watch_add(w, in("d"), HOB_WATCH_ALL),
        f = hob_watch_add(w, in("f"), HOB_WATCH_CHANGED);
    CHECK_EQ(hob_append_file(in("f"), "x", 1), 0);
    told(w, f, HOB_WATCH_CHANGED, "");
    CHECK_EQ(sys_rmdir(in("d")), 0);
    told(w, d, HOB_WATCH_GONE, "");
    CHECK_EQ(hob_watch_remove(w, d), -EINVAL);
    CHECK_EQ(sys_unlink(in("f")), 0);
    struct hob_watch_event e;
    CHECK_EQ(hob_watch_next(w, &e), 1);
    CHECK_EQ(e.what, HOB_WATCH_GONE);
    CHECK_EQ(e.id, f);
    CHECK_STR(e.path, in("f"));
    silent(w);
    hob_watch_close(w);
    return 0;
}

/* More than the kernel keeps: told, not lost in silence. */
FILE_TEST(overflow) {
    if (simulated()) return 0; /* the limit is not for the system to tell */
    long most = queue_limit();
    if (most > 100000) return 0;
    struct hob_watch *w;
    HOB_TRY(hob_watch_open(&w));
    CHECK(hob_watch_add(w, folder, HOB_WATCH_ATTRIBUTES) >= 0);
    put("a", "");
    put("b", "");
    for (long i = 0; i < most / 2 + 10; i++) /* not the same twice in a row: those are merged */
        if (sys_chmod(in("a"), 0600) < 0 || sys_chmod(in("b"), 0600) < 0) return -errno;
    struct hob_watch_event e;
    long count = 0;
    do {
        CHECK_EQ(hob_watch_next(w, &e), 1);
        if (++count > most + 1) FAIL("no overflow");
    } while (e.what != HOB_WATCH_OVERFLOW);
    CHECK_EQ(e.id, -1);
    hob_watch_close(w);
    return 0;
}

static int waits(struct hob_watch *w) {
    struct hob_watch_event e;
    return hob_watch_next(w, &e);
}
HOB_TASK(waits, struct hob_watch *)

static int next_is(struct hob_watch *w, enum hob_watch_what what) {
    struct hob_watch_event e;
    int rc = hob_watch_next(w, &e);
    return rc < 0 ? rc : e.what == what;
}

/* A cancelled wait has taken nothing: the event goes to the next one. */
FILE_TEST(cancelled) {
    struct hob_watch *w;
    HOB_TRY(hob_watch_open(&w));
    int id = hob_watch_add(w, folder, HOB_WATCH_MOVED | HOB_WATCH_CREATED);
    CHECK_EQ(sys_mkdir(in("d"), 0700), 0);
    told(w, id, HOB_WATCH_CREATED, "d");
    for (int i = 0; i < 3; i++) {
        put("a", "");
        told(w, id, HOB_WATCH_CREATED, "a");
        HOB_SCOPE(s);
        struct hob_task *t = hob_spawn(s, waits, w);
        HOB_TRY(hob_yield_now());
        if (i == 1)
            CHECK_EQ(sys_rename(in("a"), in("d/a")), 0); /* it waits for the other half then */
        if (i == 2) CHECK_EQ(sys_rename(in("a"), in("b")), 0);
        if (i > 0) HOB_TRY(hob_sleep(0.001));
        hob_scope_cancel(s);
        HOB_TRY(hob_shielded(hob_join(s)));
        bool took = hob_task_result(t) == 1; /* on a busy machine it may have come first */
        if (i == 0) CHECK(!took);
        if (i == 1 && !took) CHECK_EQ(hob_shielded(next_is(w, HOB_WATCH_MOVED_OUT)), 1);
        if (i == 2 && !took) CHECK_EQ(hob_shielded(next_is(w, HOB_WATCH_MOVED)), 1);
        if (i == 0) CHECK_EQ(sys_unlink(in("a")), 0);
    }
    hob_watch_close(w);
    return 0;
}

static int app_close(void) {
    struct hob_watch *w;
    HOB_TRY(hob_watch_open(&w));
    HOB_SCOPE(s);
    hob_spawn(s, waits, w);
    HOB_TRY(hob_yield_now());
    hob_watch_close(w);
    return 0;
}
HOB_TASK(app_close)
TEST(closing_under_a_waiter_is_misuse) {
    CHECK_DIES(hob_run(app_close), "waits for its next event");
}

TEST_MAIN()
