/* loop/sim/clock.c - the C library's clock, while code of others runs that lives by it (c-ares'
 * time- outs): clock_gettime() of the whole program is this one, since a library's own comes before
 * libc's. It says the world's time in a thread that was lent it, and what the kernel says
 * everywhere else. */
#include <dlfcn.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "loop/sim/sim.h"

static __thread const struct hob__sim *lent_by;
static int (*libc_clock)(clockid_t clock, struct timespec *t);

void hob__sim_lend_clock(struct hob__backend *b, bool lent) {
    lent_by = lent ? hob__sim_world(b) : NULL;
}

__attribute__((constructor)) static void enter(void) {
    *(void **)&libc_clock = dlsym(RTLD_NEXT, "clock_gettime");
}

/* Also called by what begins before the sanitizers do. */
__attribute__((visibility("default"), no_sanitize("thread", "address", "undefined"))) int
clock_gettime(clockid_t clock, struct timespec *t) {
    if (HOB__UNLIKELY(lent_by != NULL) && clock == CLOCK_MONOTONIC) {
        t->tv_sec = (time_t)(lent_by->now / 1000000000u);
        t->tv_nsec = (long)(lent_by->now % 1000000000u);
        return 0;
    }
    if (HOB__LIKELY(libc_clock != NULL)) return libc_clock(clock, t);
    return (int)syscall(SYS_clock_gettime, clock, t);
}
