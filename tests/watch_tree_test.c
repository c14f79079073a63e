/* watch_tree_test.c - a tree that is watched: what comes, goes and moves in it, however fast
 * another process does that; what is no longer in it is let go of; limits. */
#include <errno.h>
#include <sched.h>

#include "files.h"

/* The kernel's watches of all inotify descriptors of this process. */
static int count_watches(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fdinfo");
    CHECK(d != NULL);
    for (struct dirent *e; (e = readdir(d));) {
        char path[300], line[512];
        snprintf(path, sizeof path, "/proc/self/fdinfo/%s", e->d_name);
        FILE *f = fopen(path, "r");
        while (f && fgets(line, sizeof line, f)) n += strncmp(line, "inotify wd:", 11) == 0;
        if (f) fclose(f);
    }
    closedir(d);
    return n;
}

static const char *top = folder; /* what is watched */

static void next(struct hob_watch *w, struct hob_watch_event *e) {
    int rc = hob_within(20.0, hob_watch_next(w, e));
    if (rc != 1) FAIL("no event: %s", hob_strerror(rc));
    if (e->what != HOB_WATCH_OVERFLOW) {
        CHECK_EQ(e->id, 0);
        CHECK_STR(e->path, top);
    }
}

static void told(struct hob_watch *w, enum hob_watch_what what, const char *name) {
    struct hob_watch_event e;
    next(w, &e);
    if (e.what != what || strcmp(e.name, name) != 0)
        FAIL("event %d of '%s', not %d of '%s'", e.what, e.name, what, name);
}

static void silent(struct hob_watch *w) {
    struct hob_watch_event e;
    int rc = hob_within(0.05, hob_watch_next(w, &e));
    if (rc != -ETIMEDOUT) FAIL("event %d of '%s'", rc == 1 ? (int)e.what : rc, e.name);
}

static void make(const char *name) { CHECK_EQ(mkdir(in(name), 0700), 0); }
static void rename_in(const char *from, const char *to) { CHECK_EQ(rename(in(from), in(to)), 0); }

FILE_TEST(what_is_told) {
    struct hob_watch *w;
    struct hob_watch_event e;
    make("a");
    make("a/b");
    put("a/b/old", "");
    HOB_TRY(hob_watch_tree(folder, HOB_WATCH_ALL, &w));
    CHECK_EQ(count_watches(), 3);
    silent(w);
    put("a/b/f", "x");
    told(w, HOB_WATCH_CREATED, "a/b/f");
    told(w, HOB_WATCH_CHANGED, "a/b/f");
    told(w, HOB_WATCH_WRITTEN, "a/b/f");
    CHECK_EQ(chmod(in("a/b"), 0750), 0);
    next(w, &e);
    CHECK_EQ(e.what, HOB_WATCH_ATTRIBUTES);
    CHECK_STR(e.name, "a/b");
    CHECK(e.is_folder);
    CHECK_EQ(chmod(folder, 0750), 0);
    told(w, HOB_WATCH_ATTRIBUTES, "");
    make("c");
    next(w, &e);
    CHECK(e.what == HOB_WATCH_CREATED && e.is_folder && !e.found);
    put("c/g", "");
    told(w, HOB_WATCH_CREATED, "c/g");
    told(w, HOB_WATCH_WRITTEN, "c/g");
    CHECK_EQ(unlink(in("c/g")), 0);
    told(w, HOB_WATCH_REMOVED, "c/g");
    CHECK_EQ(rmdir(in("c")), 0);
    told(w, HOB_WATCH_REMOVED, "c");
    CHECK_EQ(count_watches(), 3);
    silent(w);
    CHECK_EQ(hob_watch_add(w, folder, HOB_WATCH_ALL), -EINVAL);
    CHECK_HAS(hob_error()->message, folder);
    CHECK_EQ(hob_watch_remove(w, 0), -EINVAL);
    hob_watch_close(w);
    CHECK_EQ(hob_watch_tree(folder, 0, &w), -EINVAL);
    CHECK_EQ(hob_watch_tree(folder, HOB_WATCH_GONE, &w), -EINVAL);
    CHECK_EQ(hob_watch_tree(in("none"), HOB_WATCH_ALL, &w), -ENOENT);
    CHECK_HAS(hob_error()->message, in("none"));
    CHECK_EQ(hob_watch_tree(in("a/b/f"), HOB_WATCH_ALL, &w), -ENOTDIR);
    return 0;
}

/* A folder that comes with all in it; a link is a name like any other. */
FILE_TEST(what_new_folders_hold) {
    struct hob_watch *w;
    struct hob_watch_event e;
    make("tree");
    make("away");
    make("away/x");
    put("away/x/f", "");
    CHECK_EQ(symlink(in("away"), in("tree/link")), 0);
    char path[300];
    snprintf(path, sizeof path, "%s", in("tree"));
    top = path;
    HOB_TRY(hob_watch_tree(top, HOB_WATCH_WRITTEN, &w)); /* no more is asked for */
    CHECK_EQ(count_watches(), 1);
    CHECK_EQ(symlink(in("away"), in("tree/link2")), 0);
    rename_in("away/x", "tree/y");
    next(w, &e);
    CHECK(e.what == HOB_WATCH_CREATED && e.found && !e.is_folder);
    CHECK_STR(e.name, "y/f");
    put("away/unseen", "");
    silent(w);
    CHECK_EQ(count_watches(), 2);
    put("tree/y/g", "");
    told(w, HOB_WATCH_WRITTEN, "y/g");
    /* A folder that a link takes the place of, before it is looked into. */
    make("tree/z");
    CHECK_EQ(rmdir(in("tree/z")), 0);
    CHECK_EQ(symlink(in("away"), in("tree/z")), 0);
    silent(w);
    CHECK_EQ(count_watches(), 2);
    hob_watch_close(w);
    return 0;
}

FILE_TEST(renamed_folders) {
    struct hob_watch *w;
    struct hob_watch_event e;
    char path[300];
    make("t");
    make("out");
    make("t/a");
    make("t/a/b");
    make("t/q");
    snprintf(path, sizeof path, "%s", in("t"));
    top = path;
    HOB_TRY(hob_watch_tree(top, HOB_WATCH_ALL & ~HOB_WATCH_ATTRIBUTES, &w));
    CHECK_EQ(count_watches(), 4);
    rename_in("t/a", "t/q/c");
    next(w, &e);
    CHECK(e.what == HOB_WATCH_MOVED && e.is_folder && e.from_id == 0);
    CHECK_STR(e.from, "a");
    CHECK_STR(e.name, "q/c");
    put("t/q/c/b/f", "");
    told(w, HOB_WATCH_CREATED, "q/c/b/f");
    told(w, HOB_WATCH_WRITTEN, "q/c/b/f");
    /* Over an empty one. */
    make("t/e");
    told(w, HOB_WATCH_CREATED, "e");
    CHECK_EQ(count_watches(), 5);
    rename_in("t/q/c", "t/e");
    told(w, HOB_WATCH_MOVED, "e");
    CHECK_EQ(count_watches(), 4);
    put("t/e/g", "");
    told(w, HOB_WATCH_CREATED, "e/g");
    told(w, HOB_WATCH_WRITTEN, "e/g");
    /* Out, where nothing is told any more, and in again under another name. */
    rename_in("t/e", "out/e");
    told(w, HOB_WATCH_MOVED_OUT, "e");
    CHECK_EQ(count_watches(), 2);
    put("out/e/h", "");
    silent(w);
    rename_in("out/e", "t/r");
    told(w, HOB_WATCH_MOVED_IN, "r");
    bool seen[4] = {false};
    const char *names[4] = {"r/g", "r/h", "r/b", "r/b/f"};
    for (int i = 0; i < 4; i++) {
        next(w, &e);
        CHECK(e.what == HOB_WATCH_CREATED && e.found);
        for (int k = 0; k < 4; k++)
            if (strcmp(e.name, names[k]) == 0) seen[k] = true;
    }
    CHECK(seen[0] && seen[1] && seen[2] && seen[3]);
    CHECK_EQ(count_watches(), 4);
    put("t/r/b/i", "");
    told(w, HOB_WATCH_CREATED, "r/b/i");
    told(w, HOB_WATCH_WRITTEN, "r/b/i");
    silent(w);
    hob_watch_close(w);
    return 0;
}

/* Its end: removed, renamed, or a folder above it renamed. */
FILE_TEST(the_top_goes) {
    struct hob_watch *w;
    struct hob_watch_event e;
    for (int how = 0; how < 3; how++) {
        make("up");
        make("up/t");
        make("up/t/a");
        HOB_TRY(hob_watch_tree(in("up/t"), HOB_WATCH_ALL, &w));
        if (how == 0) {
            CHECK_EQ(hob_remove_all(in("up/t")), 0);
            CHECK_EQ(hob_within(20.0, hob_watch_next(w, &e)), 1);
            CHECK_EQ(e.what, HOB_WATCH_REMOVED);
            CHECK_STR(e.name, "a");
        } else if (how == 1) {
            rename_in("up/t", "up/s");
        } else {
            rename_in("up", "down");
            make("down/t/b");
            CHECK_EQ(hob_within(20.0, hob_watch_next(w, &e)), 1);
            CHECK_EQ(e.what, HOB_WATCH_CREATED);
            CHECK_STR(e.name, "b");
        }
        do CHECK_EQ(hob_within(20.0, hob_watch_next(w, &e)), 1);
        while (e.what == HOB_WATCH_ATTRIBUTES);
        CHECK_EQ(e.what, HOB_WATCH_GONE);
        CHECK_EQ(count_watches(), 0);
        CHECK_EQ(hob_watch_next(w, &e), 0);
        CHECK_EQ(hob_watch_next(w, &e), 0);
        hob_watch_close(w);
        CHECK_EQ(hob_remove_all(in("up")), 0);
    }
    return 0;
}

/* A relative path is of where the program was then. */
FILE_TEST(chdir_does_not_matter) {
    struct hob_watch *w;
    struct hob_watch_event e;
    make("t");
    CHECK_EQ(chdir(folder), 0);
    HOB_TRY(hob_watch_tree("t", HOB_WATCH_CREATED, &w));
    CHECK_EQ(chdir("/"), 0);
    for (int i = 0; i < 2; i++) {
        make(i ? "t/a/b" : "t/a");
        CHECK_EQ(hob_within(20.0, hob_watch_next(w, &e)), 1);
        CHECK_STR(e.path, "t");
        CHECK_STR(e.name, i ? "a/b" : "a");
    }
    hob_watch_close(w);
    return 0;
}

/* ---- while another process is at it ---- */

/* Runs work() in a process of its own. */
static pid_t start(void (*work)(void)) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        work();
        _exit(0);
    }
    return pid;
}

static bool ended(pid_t pid) {
    int status;
    pid_t got = waitpid(pid, &status, WNOHANG);
    if (got == pid) CHECK_EQ(status, 0);
    return got == pid;
}

static void create(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0) close(fd);
}

enum { TREES = 40, DEPTH = 12 };
/* mkdir -p, with files at each level. */
static void make_deep_trees(void) {
    for (int i = 0; i < TREES; i++) {
        char path[300];
        int n = snprintf(path, sizeof path, "%s/t%d", folder, i);
        for (int depth = 0; depth < DEPTH; depth++) {
            if (mkdir(path, 0700) < 0) _exit(1);
            for (int k = 0; k < 3; k++) {
                snprintf(path + n, sizeof path - (size_t)n, "/f%d", k);
                create(path);
            }
            n += snprintf(path + n, sizeof path - (size_t)n, "/d");
        }
    }
}

/* A set of names, as long as these tests need. */
enum { SLOTS = 1 << 15 };
static char *slots[SLOTS];
static size_t members;
static char **slot_of(const char *name) {
    uint32_t h = 5381;
    for (const char *p = name; *p; p++) h = h * 33 + (unsigned char)*p;
    while (slots[h % SLOTS] && strcmp(slots[h % SLOTS], name) != 0) h++;
    return &slots[h % SLOTS];
}
static bool put_in(const char *name) {
    char **slot = slot_of(name);
    if (*slot) return false;
    *slot = strdup(name);
    CHECK(++members < SLOTS / 2);
    return true;
}

/* Every name in the tree; each must be in the set. */
static size_t count_tree(bool in_set, size_t *folders) {
    size_t n = 0;
    *folders = 1;
    HOB_EACH(struct hob_entry *, e, hob_walk, folder) {
        n++;
        *folders += e->type == DT_DIR;
        const char *name = e->path + strlen(folder) + 1;
        if (in_set && !*slot_of(name)) FAIL("not told: %s", name);
    }
    return n;
}

/* Nothing is missed, nothing told twice. */
FILE_TEST(deep_trees_made_quickly) {
    struct hob_watch *w;
    struct hob_watch_event e;
    HOB_TRY(hob_watch_tree(folder, HOB_WATCH_CREATED, &w));
    pid_t pid = start(make_deep_trees);
    const size_t all = (size_t)TREES * DEPTH * 4;
    while (members < all) {
        next(w, &e);
        CHECK_EQ(e.what, HOB_WATCH_CREATED);
        if (!put_in(e.name)) FAIL("told twice: %s", e.name);
    }
    while (!ended(pid)) HOB_TRY(hob_sleep(0.001));
    silent(w);
    size_t folders;
    CHECK_EQ(count_tree(true, &folders), all);
    CHECK_EQ(count_watches(), folders);
    hob_watch_close(w);
    return 0;
}

static unsigned seed;
static unsigned draw(unsigned n) {
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}
static const char *some_path(char *path, size_t size) {
    int n = snprintf(path, size, "%s", folder);
    for (unsigned depth = 1 + draw(4); depth > 0; depth--)
        n += snprintf(path + n, size - (size_t)n, "/%u", draw(4));
    return path;
}
/* Makes, renames and removes at random: also over each other, out of the tree and back. */
static void shuffle(void) {
    char a[300], b[300];
    for (int i = 0; i < 4000; i++) {
        some_path(a, sizeof a);
        some_path(b, sizeof b);
        switch (draw(8)) {
        case 0:
            rmdir(a);
            break;
        case 1:
            unlink(a);
            break;
        case 2:
        case 3:
            rename(a, b);
            break;
        case 4:
            snprintf(b, sizeof b, "%s-out/%u", folder, draw(3));
            if (draw(2))
                rename(a, b);
            else
                rename(b, a);
            break;
        case 5:
            create(a);
            break;
        default:
            mkdir(a, 0700);
        }
    }
}

/* When it is quiet again every folder is watched, under its right name, and nothing else is. */
static void all_are_watched(struct hob_watch *w) {
    struct hob_watch_event e;
    size_t folders, probes = 0;
    count_tree(false, &folders);
    CHECK_EQ(count_watches(), folders);
    char probe[600];
    snprintf(probe, sizeof probe, "%s/probe", folder);
    create(probe);
    told(w, HOB_WATCH_CREATED, "probe");
    HOB_SCOPE(s);
    HOB_GEN(walk, hob_walk, folder);
    struct hob_entry *entry;
    while (hob_next(walk, &entry) == 1) {
        if (entry->type != DT_DIR) continue;
        snprintf(probe, sizeof probe, "%s/probe", entry->path);
        entry->skip = false;
        create(probe);
        told(w, HOB_WATCH_CREATED, probe + strlen(folder) + 1);
        probes++;
    }
    CHECK_EQ(probes + 1, folders);
    CHECK_EQ(hob_join(s), 0);
    for (;;) {
        if (hob_within(0.05, hob_watch_next(w, &e)) == -ETIMEDOUT) break;
    }
}

static int shuffled(bool slowly) {
    struct hob_watch *w;
    struct hob_watch_event e;
    char outside[300];
    snprintf(outside, sizeof outside, "%s-out", folder);
    CHECK_EQ(mkdir(outside, 0700), 0);
    int rounds = getenv("TEST_SLOW") ? 1 : TEST_ROUNDS(4, 2);
    for (int round = 0; round < rounds; round++) {
        seed = (unsigned)round + 1 + 100 * slowly;
        HOB_TRY(hob_watch_tree(folder, HOB_WATCH_CREATED | HOB_WATCH_MOVED, &w));
        pid_t pid = start(shuffle);
        bool more = true;
        while (more) {
            more = !ended(pid);
            while (hob_within(more ? 0.001 : 0.1, hob_watch_next(w, &e)) == 1) {
                CHECK(e.what != HOB_WATCH_GONE && e.what != HOB_WATCH_UNSEEN);
                if (slowly && draw(50) == 0) HOB_TRY(hob_sleep(0.001));
            }
        }
        all_are_watched(w);
        hob_watch_close(w);
        HOB_EACH(struct hob_entry *, entry, hob_scandir, folder) hob_remove_all(entry->path);
    }
    CHECK_EQ(hob_remove_all(outside), 0);
    return 0;
}

FILE_TEST(folders_renamed_at_random) { return shuffled(false); }
FILE_TEST(folders_renamed_at_random_and_looked_at_late) { return shuffled(true); }

/* ---- limits ---- */

/* More than the kernel keeps: one event says so, and what was missed is watched. */
FILE_TEST(overflow) {
    long most = queue_limit();
    if (most > 100000) return 0;
    struct hob_watch *w;
    struct hob_watch_event e;
    make("a");
    make("a/gone");
    HOB_TRY(hob_watch_tree(folder, HOB_WATCH_CREATED | HOB_WATCH_ATTRIBUTES, &w));
    put("x", "");
    put("y", "");
    for (long i = 0; i < most / 2 + 10; i++) /* not the same twice in a row: those are merged */
        if (chmod(in("x"), 0600) < 0 || chmod(in("y"), 0600) < 0) return -errno;
    make("a/b");
    make("a/b/c");
    CHECK_EQ(rmdir(in("a/gone")), 0);
    long count = 0;
    do {
        CHECK_EQ(hob_watch_next(w, &e), 1);
        if (++count > most + 3) FAIL("no overflow");
    } while (e.what != HOB_WATCH_OVERFLOW);
    CHECK(e.id == -1 && e.path[0] == 0);
    CHECK_EQ(count_watches(), 4); /* the top, a, a/b, a/b/c */
    put("a/b/c/f", "");
    told(w, HOB_WATCH_CREATED, "a/b/c/f");
    silent(w);
    hob_watch_close(w);
    return 0;
}

/* A folder that may not be read is told of, and the rest goes on. */
static int unreadable(void) {
    struct hob_watch *w;
    struct hob_watch_event e;
    HOB_TRY(hob_watch_tree(folder, HOB_WATCH_CREATED, &w));
    next(w, &e);
    CHECK_EQ(e.what, HOB_WATCH_UNSEEN);
    CHECK_EQ(e.error, -EACCES);
    CHECK_STR(e.name, "locked");
    silent(w);
    CHECK_EQ(mkdir(in("b"), 0300), 0);
    told(w, HOB_WATCH_CREATED, "b");
    told(w, HOB_WATCH_UNSEEN, "b");
    make("c");
    told(w, HOB_WATCH_CREATED, "c");
    put("c/f", "");
    told(w, HOB_WATCH_CREATED, "c/f");
    silent(w);
    hob_watch_close(w);
    return 0;
}
HOB_TASK(unreadable)
TEST(a_folder_that_may_not_be_read) {
    snprintf(folder, sizeof folder, TEST_PATH "-XXXXXX", (int)getpid(), "files");
    CHECK(mkdtemp(folder) != NULL);
    if (getuid() == 0) CHECK(chown(folder, 65534, 65534) == 0 && setuid(65534) == 0);
    CHECK_EQ(mkdir(in("locked"), 0), 0);
    CHECK_EQ(hob_run(unreadable), 0);
    CHECK_EQ(rmdir(in("locked")), 0);
    CHECK_EQ(rmdir(in("b")), 0);
    CHECK_EQ(unlink(in("c/f")), 0);
    CHECK_EQ(rmdir(in("c")), 0);
    CHECK_EQ(rmdir(folder), 0);
}

/* At most 4 watches. */
static int at_the_limit(void) {
    struct hob_watch *w;
    struct hob_watch_event e;
    int fds = count_fds();
    make("a");
    make("a/b");
    make("a/b/c");
    make("a/b/c/d");
    CHECK_EQ(hob_watch_tree(folder, HOB_WATCH_CREATED, &w), -ENOSPC);
    CHECK_HAS(hob_error()->message, "max_user_watches is reached after 4 folders");
    hob_error_clear();
    CHECK_EQ(count_fds(), fds);
    CHECK_EQ(rmdir(in("a/b/c/d")), 0);
    HOB_TRY(hob_watch_tree(folder, HOB_WATCH_CREATED, &w));
    make("a/e");
    told(w, HOB_WATCH_CREATED, "a/e");
    CHECK_EQ(hob_watch_next(w, &e), -ENOSPC);
    CHECK_HAS(hob_error()->message, "a/e': fs.inotify.max_user_watches is reached");
    hob_error_clear();
    put("a/b/f", "");
    told(w, HOB_WATCH_CREATED, "a/b/f");
    /* One goes: there is room again. */
    CHECK_EQ(rmdir(in("a/b/c")), 0);
    make("a/g");
    told(w, HOB_WATCH_CREATED, "a/g");
    put("a/g/h", "");
    told(w, HOB_WATCH_CREATED, "a/g/h");
    silent(w);
    hob_watch_close(w);
    return 0;
}
HOB_TASK(at_the_limit)
TEST(more_folders_than_the_system_watches) {
    /* The limit can be lowered for a namespace of users; where that may not be made, no test. */
    snprintf(folder, sizeof folder, TEST_PATH "-XXXXXX", (int)getpid(), "files");
    CHECK(mkdtemp(folder) != NULL);
    if (unshare(CLONE_NEWUSER) == 0) {
        int fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY);
        if (fd >= 0 && write(fd, "4", 1) == 1) CHECK_EQ(hob_run(at_the_limit), 0);
        if (fd >= 0) close(fd);
    }
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK_EQ(system(command), 0);
}

/* ---- being cancelled ---- */

static int waits(struct hob_watch *w, int *names) {
    struct hob_watch_event e;
    for (;;) {
        HOB_TRY(hob_watch_next(w, &e));
        ++*names;
    }
}
HOB_TASK(waits, struct hob_watch *, int *)

/* Whenever it is cancelled, the next one goes on where it was. */
FILE_TEST(cancelled) {
    struct hob_watch *w;
    HOB_TRY(hob_watch_tree(folder, HOB_WATCH_CREATED, &w));
    pid_t pid = start(make_deep_trees);
    const int all = TREES * DEPTH * 4;
    int names = 0;
    for (int i = 0; names < all; i++) {
        HOB_SCOPE(s);
        hob_spawn(s, waits, w, &names);
        HOB_TRY(hob_sleep(i % 7 / 10000.0));
        hob_scope_cancel(s);
        HOB_TRY(hob_shielded(hob_join(s)));
        hob_uncancel();
    }
    CHECK_EQ(names, all);
    while (!ended(pid)) HOB_TRY(hob_sleep(0.001));
    silent(w);
    hob_watch_close(w);
    return 0;
}

TEST_MAIN()
