/* files.h - the frame of the tests of files: FILE_TEST(name) { ...; return 0; } runs in a task,
 * with a folder of its own, after which descriptors and bytes are as before.
 *
 * sys_mkdir() and the like are the system's own calls, so that Hob's are not only checked against
 * themselves. In a simulated file system (HOB_BACKEND=sim HOB_SIM=files), which the system cannot
 * reach, they are Hob's; simulated() is for what only a real system has. */
#ifndef HOB_TEST_FILES_H
#define HOB_TEST_FILES_H
#include "no_watchdog.h"
#include "test.h"

#include <fcntl.h>
#include <hob/file.h>
#include <hob/watch.h>

#include "base/memory.h"

static char folder[64];

static const char *in(const char *name) {
    static char paths[8][300];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static bool simulated(void) {
    const char *backend = getenv("HOB_BACKEND"), *how = getenv("HOB_SIM");
    return backend && strcmp(backend, "sim") == 0 && how && strstr(how, "files");
}

#define SYS(name, params, ...)                                                                     \
    __attribute__((unused)) static int sys_##name params {                                         \
        return simulated() ? hob_##name(__VA_ARGS__) : name(__VA_ARGS__);                          \
    }
SYS(mkdir, (const char *path, mode_t mode), path, mode)
SYS(symlink, (const char *target, const char *path), target, path)
SYS(chmod, (const char *path, mode_t mode), path, mode)
SYS(rename, (const char *from, const char *to), from, to)
SYS(unlink, (const char *path), path)
SYS(rmdir, (const char *path), path)
SYS(stat, (const char *path, struct stat *st), path, st)
SYS(lstat, (const char *path, struct stat *st), path, st)

static int tidy(int (*body)(void)) {
    snprintf(folder, sizeof folder, TEST_PATH "-XXXXXX", (int)getpid(), "files");
    CHECK(simulated() ? hob_mkdir(folder, 0700) == 0 : mkdtemp(folder) != NULL);
    int fds = count_fds();
    hob__alloc_fail_at(0);
    long live = hob__alloc_live();
    int rc = body();
    hob_error_clear();
    CHECK_EQ(count_fds(), fds);
    CHECK_EQ(hob__alloc_live(), live);
    CHECK_EQ(hob_remove_all(folder), 0);
    return rc;
}

#define FILE_TEST(name)                                                                            \
    static int body_##name(void);                                                                  \
    TASK_TEST(name) {                                                                              \
        HOB_TRY(warm_up());                                                                        \
        return tidy(body_##name);                                                                  \
    }                                                                                              \
    static int body_##name(void)

static int idle(void) { return hob_yield_now(); }
HOB_TASK(idle)

/* What a loop makes at its first use (threads, records of tasks) is no leak. */
static int warm_up(void) {
    char buf[8];
    struct hob_watch *w;
    struct hob_file *f;
    HOB_TRY(hob_watch_open(&w));
    hob_watch_close(w);
    HOB_TRY(hob_open("/dev/null", "r", &f));
    hob_file_close(f);
    HOB_SCOPE(s);
    for (int i = 0; i < 20; i++) hob_spawn(s, idle);
    HOB_TRY(hob_join(s));
    CHECK(hob_readlink("/proc/self/exe/no", buf, sizeof buf) < 0);
    hob_error_clear();
    return 0;
}

__attribute__((unused)) static void put(const char *name, const char *text) {
    if (simulated()) {
        HOB_FILE(f);
        CHECK_EQ(hob_open_flags(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0644, &f), 0);
        CHECK_EQ(hob_file_write(f, text, strlen(text)), strlen(text));
        return;
    }
    int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

__attribute__((unused)) static void holds(const char *name, const char *text) {
    char *bytes;
    size_t n;
    CHECK_EQ(hob_read_file(in(name), &bytes, &n, 1 << 20), 0);
    CHECK_EQ(n, strlen(text));
    CHECK_STR(bytes, text);
    hob_file_free(bytes);
}

/* How many events the kernel keeps for one watch. */
__attribute__((unused)) static long queue_limit(void) {
    char *text;
    size_t n;
    CHECK_EQ(hob_read_file("/proc/sys/fs/inotify/max_queued_events", &text, &n, 100), 0);
    long most = atol(text);
    hob_file_free(text);
    return most;
}

#endif
