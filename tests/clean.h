/* clean.h - a test of which nothing is left: neither descriptors nor the library's memory. */
#ifndef HOB_TESTS_CLEAN_H
#define HOB_TESTS_CLEAN_H
#include "test.h"
#include <base/memory.h>

/* As TASK_TEST(). */
#define CLEAN_TEST(name)                                                                           \
    static int task_##name(void);                                                                  \
    HOB_TASK(task_##name)                                                                          \
    TEST(name) {                                                                                   \
        int fds = count_fds();                                                                     \
        hob__alloc_fail_at(0); /* counts from here on */                                           \
        long live = hob__alloc_live();                                                             \
        CHECK_EQ(hob_run(task_##name), 0);                                                         \
        hob_error_clear();                                                                         \
        CHECK_EQ(hob__alloc_live(), live);                                                         \
        CHECK_EQ(count_fds(), fds);                                                                \
    }                                                                                              \
    static int task_##name(void)
#endif
