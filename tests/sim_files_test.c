/* sim_files_test.c - the simulated file system: it does what a simple model says, whatever is asked
 * of it in whatever order; a crash at any point leaves old or new of what hob_write_file() writes,
 * and a log that recovers; and a writer that leaves one fsync out is found out. */
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/sim.h>
#include <hob/watch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- content against a model: one array of bytes ---- */

enum { MOST = 20000 };

struct model {
    size_t size;
    char bytes[MOST];
};

static void check_content(struct hob_file *f, const struct model *m) {
    char back[MOST + 1];
    size_t got = 0;
    for (ssize_t n = 1; n > 0; got += (size_t)n) {
        n = hob_file_pread(f, back + got, sizeof back - got, (int64_t)got);
        HOB_SIM_CHECK(n >= 0);
    }
    HOB_SIM_CHECK(got == m->size && memcmp(back, m->bytes, got) == 0);
    HOB_SIM_CHECK(hob_file_size(f) == (int64_t)m->size);
}

static void write_some(struct hob_file *f, struct model *m) {
    char what[5000];
    size_t n = hob_sim_random(hob_sim_random(2) ? 20 : sizeof what);
    size_t at = hob_sim_random(MOST - sizeof what);
    memset(what, 'a' + (int)hob_sim_random(26), sizeof what);
    HOB_SIM_CHECK(hob_file_pwrite(f, what, n, (int64_t)at) == (ssize_t)n);
    memcpy(m->bytes + at, what, n);
    if (n > 0 && at + n > m->size) m->size = at + n;
}

static void cut_or_lengthen(struct hob_file *f, struct model *m) {
    size_t n = hob_sim_random(MOST);
    HOB_SIM_CHECK(hob_file_truncate(f, (int64_t)n) == 0);
    if (n < m->size) memset(m->bytes + n, 0, m->size - n);
    m->size = n;
}

HOB_SIM_TEST(content_is_as_the_model_says) {
    static struct model m;
    HOB_FILE(f);
    memset(&m, 0, sizeof m);
    HOB_TRY(hob_open("/f", "w+", &f));
    for (int i = 0; i < 30; i++) {
        uint64_t what = hob_sim_random(10);
        if (what < 6)
            write_some(f, &m);
        else if (what < 8)
            cut_or_lengthen(f, &m);
        else
            HOB_TRY(hob_file_sync(f));
        if (hob_sim_random(3) == 0) check_content(f, &m);
    }
    check_content(f, &m);
    return 0;
}

/* ---- names against a model: two folders of six names each, which say the content or nothing ----
 */

enum { FOLDERS = 2, NAMES = 6, TASKS = 3 };

static int held[FOLDERS][NAMES]; /* 0: no such name; else the number that its file holds */
static int numbers;

static const char *path_of(char *to, unsigned i) {
    snprintf(to, 32, "/d%u/n%u", i / NAMES, i % NAMES);
    return to;
}
static int *model_of(unsigned i) { return &held[i / NAMES][i % NAMES]; }

static void check_name(unsigned i) {
    char path[32], text[16], *bytes;
    size_t n;
    int rc = hob_read_file(path_of(path, i), &bytes, &n, 100);
    HOB_SIM_CHECK(*model_of(i) ? rc == 0 : rc == -ENOENT);
    if (rc < 0) return;
    snprintf(text, sizeof text, "%d", *model_of(i));
    HOB_SIM_CHECK(strcmp(bytes, text) == 0);
    hob_file_free(bytes);
}

static int make(unsigned i) {
    char path[32], text[16];
    int number = ++numbers;
    snprintf(text, sizeof text, "%d", number);
    HOB_TRY(hob_write_file(path_of(path, i), text, strlen(text)));
    *model_of(i) = number;
    return 0;
}

static int rename_or_link(unsigned i, unsigned j, bool link) {
    char from[32], to[32];
    int expect = !*model_of(i) ? -ENOENT : link && *model_of(j) ? -EEXIST : 0;
    bool same = *model_of(i) == *model_of(j); /* two names of one file, or the same name */
    int rc = link ? hob_link(path_of(from, i), path_of(to, j))
                  : hob_rename(path_of(from, i), path_of(to, j));
    HOB_SIM_CHECK(rc == expect);
    if (rc < 0) return 0;
    *model_of(j) = *model_of(i);
    if (!link && !same) *model_of(i) = 0;
    return 0;
}

static int unlink_one(unsigned i) {
    char path[32];
    int rc = hob_unlink(path_of(path, i));
    HOB_SIM_CHECK(rc == (*model_of(i) ? 0 : -ENOENT));
    *model_of(i) = 0;
    return 0;
}

static int check_folder(unsigned d) {
    char path[32];
    unsigned seen = 0, there = 0;
    snprintf(path, sizeof path, "/d%u", d);
    HOB_EACH(struct hob_entry *, e, hob_scandir, path) {
        unsigned bit = 1u << (e->name[1] - '0');
        HOB_SIM_CHECK(!(seen & bit) && e->type == DT_REG);
        seen |= bit;
    }
    for (unsigned i = 0; i < NAMES; i++)
        if (held[d][i]) there |= 1u << i;
    HOB_SIM_CHECK(seen == there);
    return 0;
}

HOB_SIM_TEST(names_are_as_the_model_says) {
    memset(held, 0, sizeof held);
    numbers = 0;
    HOB_TRY(hob_mkdir("/d0", 0700));
    HOB_TRY(hob_mkdir("/d1", 0700));
    for (int i = 0; i < 40; i++) {
        unsigned a = (unsigned)hob_sim_random(FOLDERS * NAMES);
        unsigned b = (unsigned)hob_sim_random(FOLDERS * NAMES);
        uint64_t what = hob_sim_random(10);
        if (what < 4)
            HOB_TRY(make(a));
        else if (what < 7)
            HOB_TRY(rename_or_link(a, b, what == 6));
        else if (what < 8)
            HOB_TRY(unlink_one(a));
        check_name(a);
        check_name(b);
        HOB_TRY(check_folder(a / NAMES));
    }
    for (unsigned i = 0; i < FOLDERS * NAMES; i++) check_name(i);
    HOB_TRY(hob_remove_all("/d0"));
    HOB_TRY(hob_remove_all("/d1"));
    HOB_SIM_CHECK(hob_exists("/d0") == 0 && hob_exists("/d1") == 0);
    return 0;
}

/* Folders by their own rules. */
HOB_SIM_TEST(folders) {
    char where[100];
    struct stat st;
    HOB_TRY(hob_mkdir_all("/a/b/c", 0755));
    HOB_SIM_CHECK(hob_rmdir("/a/b") == -ENOTEMPTY && hob_unlink("/a/b") == -EISDIR);
    HOB_SIM_CHECK(hob_rename("/a", "/a/b/x") == -EINVAL);
    HOB_SIM_CHECK(hob_rename("/a/b/c", "/a") == -ENOTEMPTY);
    HOB_SIM_CHECK(hob_stat("/a", &st) == 0 && st.st_nlink == 3 && S_ISDIR(st.st_mode));
    HOB_SIM_CHECK(hob_symlink("b/c", "/a/l") == 0 && hob_exists("/a/l/../../b") == 1);
    HOB_SIM_CHECK(hob_readlink("/a/l", where, sizeof where) == 3 && strcmp(where, "b/c") == 0);
    HOB_TRY(hob_write_file("/a/l/f", "x", 1));
    HOB_SIM_CHECK(hob_exists("/a/b/c/f") == 1);
    HOB_SIM_CHECK(hob_symlink("self", "/self") == 0 && hob_exists("/self/x") == -ELOOP);
    HOB_SIM_CHECK(hob_mkdir("/a/b/c/f/x", 0700) == -ENOTDIR);
    HOB_TRY(hob_chmod("/a/b", 0));
    HOB_SIM_CHECK(hob_exists("/a/b/c") == -EACCES);
    HOB_TRY(hob_chmod("/a/b", 0700));
    HOB_TRY(hob_rename("/a/b", "/moved"));
    HOB_SIM_CHECK(hob_stat("/a", &st) == 0 && st.st_nlink == 2);
    HOB_SIM_CHECK(hob_exists("/moved/c/../c/f") == 1 && hob_exists("/a/b") == 0);
    int n = 0;
    HOB_EACH(struct hob_entry *, e, hob_walk, "/moved") n += e->depth;
    HOB_SIM_CHECK(n == 3);
    return 0;
}

/* A file lives as long as somebody has it open. */
HOB_SIM_TEST(unlinked_files_stay_readable) {
    char buf[8] = "";
    HOB_FILE(f);
    HOB_FILE(nameless);
    HOB_TRY(hob_open("/f", "w+", &f));
    HOB_TRY(hob_file_write(f, "still", 5));
    HOB_TRY(hob_unlink("/f"));
    HOB_TRY(hob_write_file("/f", "other", 5));
    HOB_SIM_CHECK(hob_file_pread(f, buf, 1, 4) == 1 && buf[0] == 'l');
    HOB_TRY(hob_open_temp(NULL, &nameless));
    HOB_TRY(hob_file_write(nameless, "abc", 3));
    HOB_SIM_CHECK(hob_file_size(nameless) == 3);
    HOB_EACH(struct hob_entry *, e, hob_scandir, "/tmp")
    HOB_SIM_FAIL("%s", e->name);
    return 0;
}

HOB_SIM_TEST(a_full_disk) {
    static char bytes[100000];
    hob_sim_disk(NULL, .size = 60000);
    HOB_TRY(hob_write_file("/a", "old", 3));
    HOB_SIM_CHECK(hob_write_file("/a", bytes, sizeof bytes) == -ENOSPC);
    char *back;
    size_t n;
    HOB_TRY(hob_read_file("/a", &back, &n, 10));
    HOB_SIM_CHECK(n == 3 && strcmp(back, "old") == 0);
    hob_file_free(back);
    HOB_FILE(f);
    HOB_TRY(hob_open("/b", "w", &f));
    HOB_SIM_CHECK(hob_file_write(f, bytes, sizeof bytes) == -ENOSPC);
    HOB_SIM_CHECK(hob_file_tell(f) == hob_file_size(f) && hob_file_tell(f) > 50000);
    HOB_TRY(hob_unlink("/b"));
    HOB_SIM_CHECK(hob_write_file("/a", bytes, 10000) == -ENOSPC); /* f still holds it */
    hob_file_close(f);
    f = NULL;
    HOB_TRY(hob_write_file("/a", bytes, 10000));
    int names = 0;
    HOB_EACH(struct hob_entry *, e, hob_scandir, "/") names += e->type == DT_REG;
    HOB_SIM_CHECK(names == 1); /* no temporary is left */
    return 0;
}

/* ---- a crash at any point of a replacement ---- */

enum way { SOUND, NO_FSYNC, NO_FOLDER_SYNC, IN_PLACE };

static int attempted, acknowledged; /* versions */
static bool violated;               /* by a way that is not sound */

enum { VERSION_MOST = 6000 };

static size_t version(int v, char *bytes) {
    size_t n = (size_t)(v * 977) % (VERSION_MOST - 16) + 16;
    snprintf(bytes, 16, "%015d", v);
    for (size_t i = 16; i < n; i++) bytes[i] = (char)(v * 31 + (int)i);
    return n;
}

static int sync_folder(const char *path) {
    HOB_FILE(d);
    HOB_TRY(hob_open_flags(path, O_RDONLY | O_DIRECTORY, 0, &d));
    return hob_file_sync(d);
}

static int write_unsoundly(const char *path, const char *bytes, size_t n, enum way way) {
    const char *name = way == IN_PLACE ? path : "/temporary";
    {
        HOB_FILE(f);
        HOB_TRY(hob_open(name, "w", &f));
        HOB_TRY(hob_file_write(f, bytes, n));
        if (way != NO_FSYNC) HOB_TRY(hob_file_sync(f));
    }
    if (way != IN_PLACE) HOB_TRY(hob_rename(name, path));
    return way == NO_FOLDER_SYNC ? 0 : sync_folder("/");
}

static void check_version(enum way way) {
    char *bytes, expected[VERSION_MOST];
    size_t n;
    int rc = hob_read_file("/state", &bytes, &n, VERSION_MOST);
    if (hob_sim_crashed() || rc == -ECANCELED) { /* ECANCELED: the test is over */
        if (rc == 0) hob_file_free(bytes);
        return;
    }
    bool ok = rc == -ENOENT && acknowledged == 0;
    if (rc == 0) {
        int v = n >= 16 ? atoi(bytes) : -1;
        ok = v >= acknowledged && v <= attempted && v > 0 && version(v, expected) == n &&
             memcmp(bytes, expected, n) == 0;
        hob_sim_log("version %d of %zu bytes, %d acknowledged, of %d", v, n, acknowledged,
                    attempted);
        hob_file_free(bytes);
    } else {
        hob_sim_log("no version: %d; %d acknowledged", rc, acknowledged);
    }
    if (way == SOUND) HOB_SIM_CHECK(ok);
    if (!ok) violated = true;
}

/* The host: finds what is there, and goes on. */
static int replaces(enum way way) {
    check_version(way);
    for (;;) {
        char bytes[VERSION_MOST];
        if (hob_sim_crashed()) return -EIO;
        size_t n = version(++attempted, bytes);
        HOB_TRY(way == SOUND ? hob_write_file("/state", bytes, n)
                             : write_unsoundly("/state", bytes, n, way));
        acknowledged = attempted;
        HOB_TRY(hob_sleep(0.001));
    }
}
HOB_TASK(replaces, enum way)

static int crashes(struct hob_sim_host *h, uint64_t call, enum way way) {
    hob_sim_crash_at_call(h, call);
    HOB_SIM_CHECK(hob_sim_wait(h) == -ECONNRESET);
    return hob_sim_restart(h, replaces, way);
}

/* One call after the other: longer than a replacement is. */
HOB_SIM_TEST(replacing_survives_a_crash_at_every_point) {
    struct hob_sim_host *h = hob_sim_host("writer", replaces, SOUND);
    for (uint64_t call = 1; call <= 24; call++) HOB_TRY(crashes(h, call, SOUND));
    HOB_SIM_CHECK(acknowledged > 0);
    return 0;
}

/* At any moment, not only between calls. */
HOB_SIM_TEST(replacing_survives_a_crash_at_any_time) {
    struct hob_sim_host *h = hob_sim_host("writer", replaces, SOUND);
    for (int i = 0; i < 20; i++) {
        HOB_TRY(hob_sleep(hob_sim_uniform() * 0.005));
        hob_sim_crash(h);
        HOB_TRY(hob_sim_restart(h, replaces, SOUND));
    }
    return 0;
}

/* The same test finds what is not sound, with any seed. */
static int is_found_out(enum way way) {
    struct hob_sim_host *h = hob_sim_host("writer", replaces, way);
    for (int i = 0; i < 300 && !violated; i++) HOB_TRY(crashes(h, 1 + hob_sim_random(16), way));
    HOB_SIM_CHECK(violated);
    return 0;
}
HOB_SIM_TEST(without_fsync_a_crash_is_seen) { return is_found_out(NO_FSYNC); }
HOB_SIM_TEST(without_fsync_of_the_folder_a_crash_is_seen) { return is_found_out(NO_FOLDER_SYNC); }
HOB_SIM_TEST(writing_in_place_a_crash_is_seen) { return is_found_out(IN_PLACE); }

/* ---- a disk with errors ---- */

/* What a call says has been done has been; what it refuses has left the old file. */
static int replaces_badly(void) {
    check_version(SOUND);
    for (;;) {
        char bytes[VERSION_MOST];
        if (hob_sim_crashed()) return -EIO;
        size_t n = version(++attempted, bytes);
        int rc = hob_write_file("/state", bytes, n);
        if (hob_sim_crashed() || rc == -ECANCELED) return -EIO;
        HOB_SIM_CHECK(rc == 0 || rc == -EIO);
        if (rc == 0) acknowledged = attempted;
        HOB_TRY(hob_sleep(0.001));
    }
}
HOB_TASK(replaces_badly)

HOB_SIM_TEST(replacing_on_a_failing_disk) {
    struct hob_sim_host *h = hob_sim_host("writer", replaces_badly);
    hob_sim_disk(h, .write_errors = 0.1, .sync_errors = 0.3);
    for (int i = 0; i < 20; i++) {
        HOB_TRY(hob_sleep(hob_sim_uniform() * 0.01));
        hob_sim_crash(h);
        HOB_TRY(hob_sim_restart(h, replaces_badly));
    }
    return 0;
}

/* An fsync that succeeds after one that failed says nothing about what the first one lost. */
static bool lost;
static struct hob_sim_host *truster;

static int trusts_the_second_fsync(void) {
    HOB_FILE(f);
    char bytes[4096], back[4096];
    memset(bytes, 'x', sizeof bytes);
    if (acknowledged > 0) {
        HOB_TRY(hob_open("/once", "r", &f));
        ssize_t n = hob_file_pread(f, back, sizeof back, 0);
        lost |= n != (ssize_t)sizeof back || memcmp(back, bytes, sizeof back) != 0;
    }
    for (;;) {
        HOB_FILE(g);
        HOB_TRY(hob_open("/once", "w", &g));
        HOB_TRY(hob_file_write(g, bytes, sizeof bytes));
        hob_sim_disk(truster, .sync_errors = 1);
        int rc = hob_file_sync(g);
        HOB_SIM_CHECK(rc == -EIO);
        hob_sim_disk(truster, .sync_errors = 0);
        HOB_TRY(hob_file_sync(g));
        HOB_TRY(sync_folder("/"));
        acknowledged++;
        HOB_TRY(hob_sleep(1));
    }
}
HOB_TASK(trusts_the_second_fsync)

HOB_SIM_TEST(a_second_fsync_does_not_make_good_the_first) {
    truster = hob_sim_host("writer", trusts_the_second_fsync);
    for (int i = 0; i < 20 && !lost; i++) {
        HOB_TRY(hob_sleep(0.5));
        hob_sim_crash(truster);
        HOB_TRY(hob_sim_restart(truster, trusts_the_second_fsync));
        HOB_TRY(hob_sleep(0.1));
    }
    HOB_SIM_CHECK(lost);
    return 0;
}

/* ---- everything that the library does with files: with errors, and cancelled at any time; the
 * runner counts descriptors, and no temporary may be left ---- */

static int goes_through_lines(const char *path) {
    HOB_FILE(f);
    HOB_TRY(hob_open(path, "r", &f));
    HOB_EACH_LINE(line, f) HOB_SIM_CHECK(line.n == 15);
    return 0;
}

static int uses_temporaries(void) {
    HOB_SCOPE(s);
    struct hob_file *f;
    const char *dir;
    HOB_TRY(hob_temp_dir(s, "/tmp", &dir));
    HOB_TRY(hob_temp_file(s, dir, &f));
    HOB_TRY(hob_file_write(f, "x", 1));
    {
        HOB_FILE(nameless);
        HOB_TRY(hob_open_temp(dir, &nameless));
        HOB_TRY(hob_file_write(nameless, "y", 1));
    }
    return hob_join(s);
}

static int makes_a_tree(void) {
    char path[40];
    HOB_TRY(hob_mkdir_all("/t/a/b/c", 0755));
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "/t/a/%d", i);
        HOB_TRY(hob_append_file(path, "0123456789abcde\n", 16));
    }
    int n = 0;
    HOB_EACH(struct hob_entry *, e, hob_walk, "/t") n += e->depth;
    HOB_SIM_CHECK(n <= 24);
    return hob_remove_all("/t");
}

static int replaces_in_pieces(const char *bytes, size_t n) {
    HOB_FILE(f);
    HOB_TRY(hob_open_replacing("/state", &f));
    for (size_t at = 0; at < n;) {
        size_t k = n - at < 1000 ? n - at : 1000;
        HOB_TRY(hob_file_write(f, bytes + at, k));
        at += k;
    }
    return hob_file_commit(f);
}

static int one_of_many(uint64_t which) {
    char bytes[VERSION_MOST];
    size_t n = version(++attempted, bytes);
    switch (which) {
    case 0:
        return hob_write_file("/state", bytes, n);
    case 1:
        return replaces_in_pieces(bytes, n);
    case 2:
        return hob_copy_file("/state", "/copy") < 0 ? -EIO : 0;
    case 3:
        return uses_temporaries();
    case 4:
        return makes_a_tree();
    case 5:
        return hob_append_file("/lines", "0123456789abcde\n", 16);
    default:
        return goes_through_lines("/lines");
    }
}

static int many(int *failures) {
    for (int i = 0; i < 20; i++) {
        int rc = one_of_many(hob_sim_random(7));
        if (rc == -ECANCELED) return rc;
        *failures += rc < 0;
    }
    return 0;
}
HOB_TASK(many, int *)

/* removals_may_fail: a folder that cannot be read cannot be emptied. */
static int nothing_is_left(bool removals_may_fail) {
    char expected[VERSION_MOST], *bytes;
    size_t n;
    hob_sim_disk(NULL, .size = 0);
    HOB_EACH(struct hob_entry *, e, hob_walk, "/") {
        if (strcmp(e->name, "t") == 0) e->skip = true; /* a tree that was being made */
        if (strstr(e->name, "hob-") == e->name && removals_may_fail) continue;
        if (strstr(e->name, "hob-")) HOB_SIM_FAIL("%s is left", e->path);
    }
    static const char *const names[] = {"/state", "/copy"};
    for (int i = 0; i < 2; i++) {
        if (hob_read_file(names[i], &bytes, &n, VERSION_MOST) < 0) continue;
        int v = atoi(bytes);
        HOB_SIM_CHECK(v > 0 && v <= attempted && version(v, expected) == n);
        HOB_SIM_CHECK(memcmp(bytes, expected, n) == 0);
        hob_file_free(bytes);
    }
    return 0;
}

HOB_SIM_TEST(errors_leave_nothing_behind) {
    int failures = 0;
    hob_sim_disk(NULL, .read_errors = 0.05, .write_errors = 0.05, .sync_errors = 0.1);
    HOB_SCOPE(s);
    for (int i = 0; i < 2; i++) hob_spawn(s, many, &failures);
    HOB_TRY(hob_join(s));
    return nothing_is_left(true);
}

HOB_SIM_TEST(cancels_leave_nothing_behind) {
    int failures = 0;
    for (int i = 0; i < 10; i++) {
        HOB_SCOPE(s);
        for (int j = 0; j < 2; j++) hob_spawn(s, many, &failures);
        HOB_TRY(hob_sleep(hob_sim_uniform() * 0.01));
        hob_scope_cancel(s);
        HOB_TRY(hob_shielded(hob_join(s)));
    }
    return nothing_is_left(false);
}

/* ---- watches ---- */

HOB_SIM_TEST(watches) {
    struct hob_watch *w;
    struct hob_watch_event e;
    HOB_TRY(hob_mkdir("/d", 0700));
    HOB_TRY(hob_watch_open(&w));
    HOB_SIM_CHECK(hob_watch_add(w, "/d", HOB_WATCH_ALL & ~HOB_WATCH_ATTRIBUTES) >= 0);
    HOB_TRY(hob_append_file("/d/a", "x", 1));
    HOB_TRY(hob_rename("/d/a", "/d/b"));
    HOB_TRY(hob_unlink("/d/b"));
    static const unsigned what[] = {HOB_WATCH_CREATED, HOB_WATCH_CHANGED, HOB_WATCH_WRITTEN,
                                    HOB_WATCH_MOVED, HOB_WATCH_REMOVED};
    for (int i = 0; i < 5; i++) {
        HOB_SIM_CHECK(hob_within(1.0, hob_watch_next(w, &e)) == 1);
        HOB_SIM_CHECK(e.what == what[i]);
        HOB_SIM_CHECK(strcmp(e.name, i < 3 ? "a" : "b") == 0);
    }
    HOB_SIM_CHECK(hob_within(1.0, hob_watch_next(w, &e)) == -ETIMEDOUT);
    hob_watch_close(w);
    return 0;
}

/* Fewer seeds where a run takes long: under valgrind and qemu, with sanitizers. */
int main(int argc, char **argv) {
    char seeds[] = "--seeds", few[] = "2", some[] = "5";
    char *slowly[] = {argv[0], seeds, getenv("TEST_SLOW") ? few : some, NULL};
    bool slow = getenv("TEST_SLOW") || getenv("ASAN_OPTIONS") || getenv("TSAN_OPTIONS");
    return slow && argc == 1 ? hob_sim_main(3, slowly) : hob_sim_main(argc, argv);
}
