/* base/forks.c - counts the forks between this process and its ancestors. */
#include "base/forks.h"

#include <pthread.h>

unsigned hob__forks;

static void forked(void) { hob__forks++; }

static void watch(void) { pthread_atfork(NULL, NULL, forked); }

unsigned hob__forks_count(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
    return hob__forks;
}
