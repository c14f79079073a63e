/* process.h - what the tests of processes share: counting descriptors, blocks and children before
 * and after. */
#ifndef HOB_TEST_PROCESS_H
#define HOB_TEST_PROCESS_H
#include "test.h"

#include <fcntl.h>
#include <hob/process.h>
#include <hob/stream.h>

#include "base/memory.h"

#define SH(line) HOB_ARGS("/bin/sh", "-c", (line))

/* Neither children nor zombies. */
__attribute__((unused)) static bool childless(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* The test as a task; afterwards every block, descriptor and child is gone. */
#define PROCESS_TEST(name)                                                                         \
    static int body_##name(void);                                                                  \
    HOB_TASK(body_##name)                                                                          \
    TEST(name) {                                                                                   \
        int fds = count_fds();                                                                     \
        long live = hob__alloc_live();                                                             \
        CHECK_EQ(hob_run(body_##name), 0);                                                         \
        hob_error_clear();                                                                         \
        CHECK_EQ(hob__alloc_live() - live, 0);                                                     \
        CHECK_EQ(count_fds(), fds);                                                                \
        CHECK(childless());                                                                        \
    }                                                                                              \
    static int body_##name(void)

/* Is there such a process, other than as a zombie? */
__attribute__((unused)) static bool lives(pid_t pid) {
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    const char *state = n > 0 ? strrchr(text, ')') : NULL;
    return state && state[2] != 'Z' && state[2] != 'X';
}

/* Waits until it does not live any more: processes that are not ours. */
__attribute__((unused)) static int gone(pid_t pid) {
    while (lives(pid)) HOB_TRY(hob_sleep(0.005));
    return 0;
}
#endif
