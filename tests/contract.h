/* contract.h - what the tests of the contract share: a log of what happened, small tasks. */
#ifndef HOB_TEST_CONTRACT_H
#define HOB_TEST_CONTRACT_H
#include "test.h"

#include <fcntl.h>
#include <hob/file.h>
#include <hob/net.h>
#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "base/memory.h"

static const struct hob__place elsewhere = {"f", "f.c", 1};

static int log_at;
static char log_text[1024];
static void note(const char *what) {
    log_at += snprintf(log_text + log_at, sizeof log_text - (size_t)log_at, "%s ", what);
}

static int sleeper(double seconds, int result) {
    int rc = hob_sleep(seconds);
    if (rc < 0) return rc;
    return result < 0 ? hob_fail(result, "sleeper") : result;
}
HOB_TASK(sleeper, double, int)

static int noting(const char *name, double seconds, int result) {
    int rc = hob_sleep(seconds);
    note(name);
    return rc < 0 ? rc : result;
}
HOB_TASK(noting, const char *, double, int)

static int at_once(int result) { return result; }
HOB_TASK(at_once, int)

static double seconds_since(uint64_t t0) { return (double)(hob_now() - t0) / 1e9; }

#endif
