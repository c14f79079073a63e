/* file_tree_test.c - names and folders: asking, making, moving, removing; scanning and walking;
 * atomic replacement and copies; temporary files. */
#include "files.h"

#include <sys/resource.h>

static int count_in(const char *path) {
    int n = 0;
    HOB_EACH(struct hob_entry *, e, hob_scandir, path) n += e->type != DT_UNKNOWN;
    return n;
}

FILE_TEST(names) {
    struct stat st;
    char buf[100];
    put("a", "some");
    CHECK_EQ(hob_stat(in("a"), &st), 0);
    struct stat same;
    CHECK_EQ(sys_stat(in("a"), &same), 0);
    CHECK_EQ(st.st_ino, same.st_ino);
    CHECK_EQ(st.st_dev, same.st_dev);
    CHECK_EQ(st.st_mode, same.st_mode);
    CHECK_EQ(st.st_size, 4);
    CHECK_EQ(st.st_nlink, 1);
    CHECK_EQ(st.st_uid, same.st_uid);
    CHECK_EQ(st.st_blocks, same.st_blocks);
    CHECK_EQ(st.st_mtim.tv_nsec, same.st_mtim.tv_nsec);
    CHECK_EQ(hob_stat(in("none"), &st), -ENOENT);
    CHECK_HAS(hob_error()->message, in("none"));
    CHECK_EQ(hob_exists(in("a")), 1);
    CHECK_EQ(hob_exists(in("none")), 0);
    CHECK_EQ(hob_exists(in("a/below")), 0);
    CHECK_EQ(hob_symlink("nowhere", in("link")), 0);
    CHECK_EQ(hob_exists(in("link")), 0);
    CHECK_EQ(hob_lstat(in("link"), &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(hob_readlink(in("link"), buf, sizeof buf), 7);
    CHECK_STR(buf, "nowhere");
    CHECK_EQ(hob_readlink(in("link"), buf, 8), 7);
    CHECK_EQ(hob_readlink(in("link"), buf, 7), -ENAMETOOLONG);
    CHECK_EQ(hob_readlink(in("a"), buf, 7), -EINVAL);
    CHECK_EQ(hob_symlink("x", in("link")), -EEXIST);
    CHECK_EQ(hob_link(in("a"), in("b")), 0);
    CHECK_EQ(hob_link(in("a"), in("b")), -EEXIST);
    CHECK_HAS(hob_error()->message, "b'");
    CHECK_EQ(hob_rename_new(in("a"), in("b")), -EEXIST);
    CHECK_EQ(hob_rename_new(in("a"), in("c")), 0);
    CHECK_EQ(hob_rename(in("none"), in("c")), -ENOENT);
    CHECK_EQ(hob_unlink(in("b")), 0);
    CHECK_EQ(hob_unlink(in("b")), -ENOENT);
    CHECK_EQ(hob_chmod(in("c"), 0600), 0);
    CHECK_EQ(hob_stat(in("c"), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0600);
    CHECK_EQ(hob_chmod(in("none"), 0600), -ENOENT);
    CHECK_EQ(hob_mkdir(in("d"), 0700), 0);
    CHECK_EQ(hob_mkdir(in("d"), 0700), -EEXIST);
    CHECK_EQ(hob_unlink(in("d")), -EISDIR);
    CHECK_EQ(hob_rmdir(in("d")), 0);
    CHECK_EQ(hob_rmdir(in("c")), -ENOTDIR);
    return 0;
}

FILE_TEST(mkdir_all) {
    CHECK_EQ(hob_mkdir_all(in("a/b//c/d/"), 0755), 0);
    CHECK_EQ(hob_mkdir_all(in("a/b/c/d"), 0755), 0);
    CHECK_EQ(hob_exists(in("a/b/c/d")), 1);
    CHECK_EQ(hob_mkdir_all("/", 0755), 0);
    put("file", "x");
    CHECK_EQ(hob_mkdir_all(in("file"), 0755), -EEXIST);
    CHECK_EQ(hob_mkdir_all(in("file/x/y"), 0755), -ENOTDIR);
    CHECK_EQ(hob_mkdir_all("", 0755), -ENOENT);
    struct stat st;
    mode_t before = umask(0);
    CHECK_EQ(hob_mkdir_all(in("p/q"), 0500), 0); /* parents must let their maker in */
    umask(before);
    CHECK_EQ(sys_stat(in("p"), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0700);
    CHECK_EQ(sys_stat(in("p/q"), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0500);
    return 0;
}

FILE_TEST(scandir) {
    enum { N = 3000 }; /* several buffers of names */
    static unsigned char seen[N];
    memset(seen, 0, sizeof seen);
    char name[64];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "a-name-that-is-long-enough-for-it-%05d", i);
        if (i % 2)
            put(name, "");
        else
            CHECK_EQ(sys_mkdir(in(name), 0700), 0);
    }
    HOB_EACH(struct hob_entry *, e, hob_scandir, folder) {
        int i = atoi(e->name + strlen(e->name) - 5);
        CHECK_EQ(e->type, i % 2 ? DT_REG : DT_DIR);
        CHECK_STR(e->path, in(e->name));
        CHECK_EQ(e->depth, 1);
        CHECK(e->inode != 0);
        seen[i]++;
        HOB_TRY(hob_yield_now()); /* the entry stays as it is meanwhile */
        CHECK_STR(e->path, in(e->name));
    }
    for (int i = 0; i < N; i++) CHECK_EQ(seen[i], 1);
    HOB_EACH(struct hob_entry *, e, hob_scandir, folder) {
        (void)e;
        break; /* leaving early leaks nothing */
    }
    HOB_GEN(g, hob_scandir, in("none"));
    struct hob_entry *e;
    CHECK_EQ(hob_next(g, &e), -ENOENT);
    CHECK_HAS(hob_error()->message, in("none"));
    CHECK_EQ(hob_next(g, &e), 0);
    return 0;
}

FILE_TEST(walk) {
    CHECK_EQ(hob_mkdir_all(in("a/b/c"), 0755), 0);
    CHECK_EQ(hob_mkdir_all(in("skipped/below"), 0755), 0);
    put("a/one", "");
    put("a/b/two", "");
    put("a/b/c/three", "");
    CHECK_EQ(sys_symlink("..", in("a/up")), 0); /* not followed */
    int count = 0, deepest = 0;
    HOB_EACH(struct hob_entry *, e, hob_walk, folder) {
        count++;
        if (e->depth > deepest) deepest = e->depth;
        if (strcmp(e->name, "skipped") == 0) e->skip = true;
        CHECK(strcmp(e->name, "below") != 0);
        if (strcmp(e->name, "three") == 0) {
            CHECK_EQ(e->depth, 4);
            CHECK_STR(e->path, in("a/b/c/three"));
        }
        CHECK_EQ(e->error, 0);
    }
    CHECK_EQ(count, 8);
    CHECK_EQ(deepest, 4);
    /* A folder that goes away meanwhile. */
    HOB_EACH(struct hob_entry *, e, hob_walk, folder) {
        if (strcmp(e->name, "b") == 0) CHECK_EQ(hob_remove_all(e->path), 0);
        CHECK(strcmp(e->name, "two") != 0);
    }
    return 0;
}

/* Deeper than hob_walk() goes, and than a path can say. */
FILE_TEST(deep) {
    if (simulated()) return 0; /* it has one working directory */
    enum { DEEP = 300 };
    char here[4096], name[61];
    memset(name, 'd', 60);
    name[60] = 0;
    CHECK(getcwd(here, sizeof here) != NULL);
    CHECK_EQ(chdir(folder), 0);
    for (int i = 0; i < DEEP; i++) {
        CHECK_EQ(mkdir(name, 0700), 0);
        CHECK_EQ(chdir(name), 0);
    }
    CHECK_EQ(chdir(here), 0);
    int deepest = 0, told = 0;
    HOB_EACH(struct hob_entry *, e, hob_walk, folder) {
        deepest = e->depth;
        if (e->error == HOB_E_LIMIT) told++;
    }
    CHECK_EQ(deepest, 128);
    CHECK_EQ(told, 1);
    CHECK_EQ(hob_remove_all(in(name)), 0);
    CHECK_EQ(count_in(folder), 0);
    return 0;
}

FILE_TEST(remove_all) {
    char name[64];
    for (int d = 0; d < 5; d++) {
        snprintf(name, sizeof name, "t/%d/x/y", d);
        CHECK_EQ(hob_mkdir_all(in(name), 0755), 0);
        for (int i = 0; i < 300; i++) {
            snprintf(name, sizeof name, "t/%d/x/%d", d, i);
            put(name, "");
        }
    }
    put("kept", "x");
    CHECK_EQ(sys_symlink("../kept", in("t/link")), 0);
    CHECK_EQ(sys_symlink("..", in("t/1/up")), 0);
    CHECK_EQ(hob_remove_all(in("t")), 0);
    CHECK_EQ(hob_exists(in("t")), 0);
    holds("kept", "x");
    CHECK_EQ(hob_remove_all(in("t")), 0);
    CHECK_EQ(hob_remove_all(in("none/below")), 0);
    CHECK_EQ(sys_symlink("nowhere", in("dangling")), 0);
    CHECK_EQ(hob_remove_all(in("dangling")), 0);
    CHECK_EQ(hob_remove_all(in("kept")), 0);
    CHECK_EQ(count_in(folder), 0);
    return 0;
}

/* ---- replacing ---- */

FILE_TEST(replacing) {
    struct stat st;
    CHECK_EQ(hob_write_file(in("a"), "first", 5), 0);
    CHECK_EQ(sys_stat(in("a"), &st), 0);
    mode_t mask = umask(0);
    umask(mask);
    CHECK_EQ(st.st_mode & 07777, 0666 & ~mask);
    CHECK_EQ(sys_chmod(in("a"), 0640), 0);
    if (getuid() == 0 && !simulated()) CHECK_EQ(chown(in("a"), 1, 2), 0);
    CHECK_EQ(hob_write_file(in("a"), "second", 6), 0);
    holds("a", "second");
    CHECK_EQ(sys_stat(in("a"), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0640);
    if (getuid() == 0 && !simulated()) CHECK(st.st_uid == 1 && st.st_gid == 2);
    CHECK_EQ(hob_write_file(in("a"), "", 0), 0);
    holds("a", "");
    /* Links stay, and lead to the new file. */
    CHECK_EQ(sys_mkdir(in("d"), 0755), 0);
    CHECK_EQ(sys_symlink("d/real", in("one")), 0);
    CHECK_EQ(sys_symlink("one", in("two")), 0);
    CHECK_EQ(hob_write_file(in("two"), "linked", 6), 0);
    CHECK_EQ(sys_lstat(in("two"), &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    holds("d/real", "linked");
    CHECK_EQ(sys_symlink("loop", in("loop")), 0);
    CHECK_EQ(hob_write_file(in("loop"), "x", 1), -ELOOP);
    CHECK_EQ(hob_write_file(in("d"), "x", 1), -EISDIR);
    CHECK_EQ(hob_write_file(in("d/"), "x", 1), -EISDIR);
    CHECK_EQ(hob_write_file(in("d/."), "x", 1), -EISDIR);
    CHECK_EQ(hob_write_file("/dev/null", "x", 1), -EINVAL);
    CHECK_EQ(hob_write_file(in("none/x"), "x", 1), -ENOENT);
    CHECK_HAS(hob_error()->message, in("none/x"));
    CHECK_EQ(hob_write_file("", "x", 1), -ENOENT);
    CHECK_EQ(count_in(folder), 5);
    return 0;
}

FILE_TEST(replacing_in_pieces) {
    put("a", "old");
    {
        HOB_FILE(f);
        HOB_TRY(hob_open_replacing(in("a"), &f));
        CHECK_EQ(count_in(folder), 2);
        CHECK_EQ(hob_file_write(f, "new", 3), 3);
        holds("a", "old");
    } /* not committed */
    holds("a", "old");
    CHECK_EQ(count_in(folder), 1);
    HOB_FILE(f);
    HOB_TRY(hob_open_replacing(in("a"), &f));
    CHECK_EQ(hob_file_write(f, "new", 3), 3);
    CHECK_EQ(hob_file_write(f, "er", 2), 2);
    CHECK_EQ(hob_file_commit(f), 0);
    holds("a", "newer");
    CHECK_EQ(count_in(folder), 1);
    return 0;
}

/* The folder is renamed meanwhile: the file goes where its folder went. */
FILE_TEST(replacing_in_a_moved_folder) {
    CHECK_EQ(sys_mkdir(in("d"), 0755), 0);
    put("d/a", "old");
    HOB_FILE(f);
    HOB_TRY(hob_open_replacing(in("d/a"), &f));
    CHECK_EQ(hob_rename(in("d"), in("e")), 0);
    CHECK_EQ(hob_file_write(f, "new", 3), 3);
    CHECK_EQ(hob_file_commit(f), 0);
    holds("e/a", "new");
    CHECK_EQ(count_in(in("e")), 1);
    return 0;
}

static int commit_twice(void) {
    struct hob_file *f;
    HOB_TRY(hob_open("/proc/self/maps", "r", &f));
    return hob_file_commit(f);
}
HOB_TASK(commit_twice)
TEST(committing_what_replaces_nothing_is_misuse) {
    if (simulated()) return;
    CHECK_DIES(hob_run(commit_twice), "hob_open_replacing");
}

FILE_TEST(no_permission) {
    if (simulated()) return 0; /* it has one user */
    put("readable", "x");
    CHECK_EQ(sys_chmod(in("readable"), 0444), 0);
    put("private", "x");
    CHECK_EQ(sys_chmod(in("private"), 0), 0);
    CHECK_EQ(sys_chmod(folder, 0777), 0);
    bool root = getuid() == 0;
    /* Threads that are there keep root's rights: only this one's calls are of the stranger. So in a
     * process of its own. */
    char said[4096];
    int status = RUN_CHILD(said, {
        if (root && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(1);
        int fd = open(in("private"), O_RDONLY);
        _exit(fd >= 0 || errno != EACCES);
    });
    CHECK_EQ(status, 0);
    if (root) return 0; /* the rest below, without a loop that root began */
    char *bytes;
    size_t n;
    CHECK_EQ(hob_read_file(in("private"), &bytes, &n, 10), -EACCES);
    CHECK_HAS(hob_error()->message, in("private"));
    CHECK_EQ(hob_write_file(in("readable"), "y", 1), -EACCES);
    return 0;
}

static char stranger_folder[64];
static int stranger(void) {
    HOB_FILE(f);
    char path[100];
    snprintf(path, sizeof path, "%s/private", stranger_folder);
    CHECK_EQ(hob_open(path, "r", &f), -EACCES);
    CHECK_HAS(hob_error()->message, path);
    snprintf(path, sizeof path, "%s/readable", stranger_folder);
    CHECK_EQ(hob_open(path, "a", &f), -EACCES);
    CHECK_EQ(hob_write_file(path, "y", 1), -EACCES);
    CHECK_EQ(hob_write_file("/hob-not-here", "y", 1), -EACCES);
    CHECK_EQ(hob_mkdir("/hob-not-here", 0700), -EACCES);
    int n = 0;
    HOB_EACH(struct hob_entry *, e, hob_walk, stranger_folder) {
        if (e->error) CHECK_EQ(e->error, -EACCES);
        n += e->error != 0;
    }
    CHECK_EQ(n, 1);
    snprintf(path, sizeof path, "%s/shut", stranger_folder);
    CHECK_EQ(hob_remove_all(path), -EACCES);
    return 0;
}
HOB_TASK(stranger)

TEST(no_permission_for_a_stranger) {
    if (simulated()) return;
    char path[100];
    strcpy(stranger_folder, "/tmp/hob-stranger-XXXXXX");
    CHECK(mkdtemp(stranger_folder) != NULL);
    CHECK_EQ(chmod(stranger_folder, 0777), 0);
    const char *const names[] = {"private", "readable"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", stranger_folder, names[i]);
        int fd = open(path, O_WRONLY | O_CREAT, i ? 0444 : 0);
        CHECK(fd >= 0);
        close(fd);
    }
    snprintf(path, sizeof path, "%s/shut", stranger_folder);
    CHECK_EQ(mkdir(path, 0700), 0);
    if (getuid() == 0) {
        snprintf(path, sizeof path, "%s/shut/x", stranger_folder);
        CHECK_EQ(mkdir(path, 0700), 0);
        pid_t pid = fork();
        if (pid == 0) {
            if (setgid(65534) != 0 || setuid(65534) != 0) _exit(1);
            _exit(hob_run(stranger) != 0);
        }
        int status;
        waitpid(pid, &status, 0);
        CHECK_EQ(status, 0);
    }
    snprintf(path, sizeof path, "rm -rf %s", stranger_folder);
    CHECK_EQ(system(path), 0);
}

static int writes_often(const char *path, size_t n) {
    char *bytes = calloc(1, n);
    int rc = hob_write_file(path, bytes, n);
    free(bytes);
    return rc;
}
HOB_TASK(writes_often, const char *, size_t)

/* Readers never see a half; cancelled writers leave nothing behind. */
FILE_TEST(replacing_under_readers) {
    char path[100];
    snprintf(path, sizeof path, "%s/a", folder);
    enum { SMALL = 1000, LARGE = 3 << 20 };
    HOB_TRY(writes_often(path, SMALL));
    for (int round = 0; round < 6; round++) {
        HOB_SCOPE(s);
        hob_spawn(s, writes_often, path, (size_t)(round % 2 ? SMALL : LARGE));
        for (int i = 0; i < 20; i++) {
            char *bytes;
            size_t n;
            HOB_TRY(hob_read_file(path, &bytes, &n, 1 << 30));
            CHECK(n == SMALL || n == LARGE);
            hob_file_free(bytes);
            HOB_TRY(hob_yield_now());
        }
        if (round > 2) hob_scope_cancel(s);
        HOB_TRY(hob_shielded(hob_join(s)));
        CHECK_EQ(hob_shielded(count_in(folder)), 1);
    }
    return 0;
}

FILE_TEST(copying) {
    enum { N = 3 << 20 };
    char *bytes = malloc(N);
    for (size_t i = 0; i < N; i++) bytes[i] = (char)(i * 31);
    CHECK_EQ(hob_write_file(in("a"), bytes, N), 0);
    CHECK_EQ(sys_chmod(in("a"), 0750), 0);
    CHECK_EQ(hob_copy_file(in("a"), in("b")), N);
    char *copy;
    size_t n;
    struct stat st;
    CHECK_EQ(hob_read_file(in("b"), &copy, &n, N), 0);
    CHECK_EQ(n, N);
    CHECK(memcmp(bytes, copy, N) == 0);
    hob_file_free(copy);
    free(bytes);
    CHECK_EQ(sys_stat(in("b"), &st), 0);
    mode_t mask = umask(0);
    umask(mask);
    CHECK_EQ(st.st_mode & 07777, 0750 & ~mask);
    CHECK_EQ(hob_copy_file(in("b"), in("b")), N); /* onto itself */
    put("small", "");
    CHECK_EQ(hob_copy_file(in("small"), in("b")), 0);
    holds("b", "");
    if (!simulated()) /* it says that it is empty */
        CHECK(hob_copy_file("/proc/self/mountinfo", in("b")) > 0);
    CHECK_EQ(hob_copy_file(in("none"), in("b")), -ENOENT);
    CHECK_EQ(hob_copy_file(folder, in("c")), -EISDIR);
    CHECK_EQ(hob_copy_file(in("small"), in("none/c")), -ENOENT);
    CHECK_EQ(count_in(folder), 3);
    return 0;
}

/* ---- temporary ---- */

FILE_TEST(temporary) {
    char buf[8] = "";
    struct stat st;
    char kept[2][200];
    {
        HOB_SCOPE(s);
        HOB_FILE(nameless);
        CHECK_EQ(hob_open_temp(folder, &nameless), 0);
        CHECK_EQ(hob_file_write(nameless, "abc", 3), 3);
        CHECK_EQ(hob_file_pread(nameless, buf, 3, 0), 3);
        CHECK_STR(buf, "abc");
        CHECK_EQ(count_in(folder), 0);
        struct hob_file *f;
        const char *dir;
        CHECK_EQ(hob_temp_file(s, folder, &f), 0);
        CHECK_EQ(sys_stat(hob_file_path(f), &st), 0);
        CHECK_EQ(st.st_mode & 07777, 0600);
        CHECK_EQ(hob_temp_dir(s, folder, &dir), 0);
        CHECK_EQ(sys_stat(dir, &st), 0);
        CHECK_EQ(st.st_mode & 07777, 0700);
        snprintf(kept[0], sizeof kept[0], "%s/x/y/z", dir);
        CHECK_EQ(hob_mkdir_all(kept[0], 0755), 0);
        CHECK_EQ(count_in(folder), 2);
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_EQ(count_in(folder), 0);
    {
        HOB_SCOPE(s);
        struct hob_file *f;
        const char *dir;
        CHECK_EQ(hob_temp_file(s, in("none"), &f), -ENOENT);
        CHECK_EQ(hob_temp_dir(s, in("none"), &dir), -ENOENT);
        CHECK_HAS(hob_error()->message, in("none"));
        CHECK_EQ(hob_temp_dir(s, folder, &dir), 0);
        CHECK_EQ(hob_temp_file(s, dir, &f), 0);
        hob_scope_cancel(s);
    } /* cancelled, and left without a join: removed all the same */
    CHECK_EQ(count_in(folder), 0);
    HOB_FILE(f);
    CHECK_EQ(setenv("TMPDIR", folder, 1), 0);
    CHECK_EQ(hob_open_temp(NULL, &f), 0);
    unsetenv("TMPDIR");
    CHECK_HAS(hob_file_path(f), folder);
    return 0;
}

/* From now on no descriptor is to be had. */
static struct rlimit take_descriptors(void) {
    struct rlimit old, none;
    int spare = 3;
    while (fcntl(spare, F_GETFD) >= 0) spare++;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = (rlim_t)spare;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    return old;
}

FILE_TEST(no_descriptors) {
    if (simulated()) return 0;
    put("a", "x");
    HOB_FILE(f);
    struct rlimit old = take_descriptors();
    struct stat st;
    int rc = hob_open(in("a"), "r", &f);
    int asked = hob_stat(in("a"), &st);
    int replaced = hob_write_file(in("a"), "y", 1);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    CHECK_EQ(rc, -EMFILE);
    CHECK_EQ(asked, 0); /* it needs none */
    CHECK_EQ(replaced, -EMFILE);
    return 0;
}

static char reported[1000];
static void keep_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* any busy machine brings it */
    CHECK_EQ(kind, HOB_REPORT_ERROR);
    snprintf(reported + strlen(reported), sizeof reported - strlen(reported), "%s", text);
}

/* An empty folder needs none to be removed; one that has to stay is told of. */
FILE_TEST(no_descriptors_for_removing) {
    if (simulated()) return 0;
    char kept[200];
    struct rlimit old;
    CHECK_EQ(hob_mkdir(in("empty"), 0755), 0);
    CHECK_EQ(hob_mkdir_all(in("full/x"), 0755), 0);
    {
        HOB_SCOPE(s);
        const char *empty, *full;
        CHECK_EQ(hob_temp_dir(s, folder, &empty), 0);
        CHECK_EQ(hob_temp_dir(s, folder, &full), 0);
        snprintf(kept, sizeof kept, "%s/x", full);
        CHECK_EQ(hob_mkdir(kept, 0755), 0);
        hob_set_report(keep_report, NULL);
        old = take_descriptors();
        CHECK_EQ(hob_remove_all(in("empty")), 0);
        CHECK_EQ(hob_remove_all(in("full")), -EMFILE);
        CHECK_HAS(hob_error()->message, in("full"));
        CHECK_EQ(hob_join(s), 0);
    }
    hob_set_report(NULL, NULL);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    *strrchr(kept, '/') = 0;
    CHECK_HAS(reported, "Too many open files");
    CHECK_HAS(reported, kept);
    CHECK(strchr(reported, '\n') == strrchr(reported, '\n')); /* of that one alone */
    CHECK_EQ(count_in(folder), 2);
    CHECK_EQ(hob_remove_all(kept), 0);
    CHECK_EQ(hob_remove_all(in("full")), 0);
    return 0;
}

TEST_MAIN()
