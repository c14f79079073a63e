/* interleave.h - runs the threads of a small scenario in every order, and in every way in which C11
 * lets them see each other's memory.
 *
 * A test includes this header, then the source files under test. Their atomic operations, locks,
 * condition variables, threads, sleeps and system calls of io_uring are thereby calls of the
 * checker, which stops the calling thread (a fiber of the test) before each and tries all that can
 * happen next: which thread goes on, and what it then finds. What is between two such calls runs as
 * it was compiled.
 *
 *     struct scenario s = {"name", setup, end, {first, second}};
 *     explore(&s, NULL);         looks at every state once: true, or false with a trace printed
 *     explore(&s, &mutation);    the same with one operation of the source weakened or left out
 *
 * A state is all memory that the threads share and their stacks, kept as a copy, so that the
 * checker can go back; a state that was seen before (a hash of it) is not looked at again. It ends
 * with an error at a wrong(), at a use of freed memory, and when all threads wait for ever.
 *
 * Memory. Each atomic object keeps its history of values. A load may find any value that is not
 * older than the last one that its thread has seen, by itself or by an acquire of what was
 * released to it; a sequentially consistent load none that is older than the last sequentially
 * consistent store to the object. So a store that is not sequentially consistent may be seen late,
 * as if it waited in a store buffer, and weaker machines than x86 are covered. Read-modify-writes
 * find the last value. plain_write() and plain_read() stand for memory without atomics: reading
 * what was not released to the reader is an error. The other plain memory of the files under test
 * is taken as seen by all at once; compare-exchanges do not fail without a reason; condition
 * variables do not wake without one (a deadlock would go unseen). */
#ifndef HOB_INTERLEAVE_H
#define HOB_INTERLEAVE_H
#include "interleave_explore.h"

/* ---- what the files under test call ---- */

#define HOB__VALUE(p) __typeof__((void)0, *(p))
#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_store_explicit
#undef atomic_exchange
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_compare_exchange_weak
#define atomic_load_explicit(p, order)                                                             \
    ((HOB__VALUE(p))do_load((const void *)(p), sizeof *(p), order, __func__))
#define atomic_load(p) atomic_load_explicit(p, memory_order_seq_cst)
#define atomic_store_explicit(p, v, order)                                                         \
    do_store((void *)(p), sizeof *(p), (uint64_t)(v), order, __func__)
#define atomic_store(p, v) atomic_store_explicit(p, v, memory_order_seq_cst)
#define HOB__CHANGE(p, how, v, expected)                                                           \
    do_rmw((void *)(p), sizeof *(p), how, (uint64_t)(v), expected, memory_order_seq_cst, __func__)
#define atomic_exchange(p, v)                                                                      \
    __extension__({                                                                                \
        HOB__VALUE(p) was_ = (HOB__VALUE(p))HOB__CHANGE(p, EXCHANGE, v, NULL);                     \
        was_;                                                                                      \
    })
#define atomic_fetch_add(p, v)                                                                     \
    __extension__({                                                                                \
        HOB__VALUE(p) was_ = (HOB__VALUE(p))HOB__CHANGE(p, ADD, v, NULL);                          \
        was_;                                                                                      \
    })
#define atomic_fetch_sub(p, v) atomic_fetch_add(p, -(int64_t)(v))
#define atomic_compare_exchange_weak(p, expected, v) (HOB__CHANGE(p, COMPARE, v, expected) != 0)

static int nothing_to_do(const void *p, const void *q) { return (void)p, (void)q, 0; }
#define pthread_mutex_init(m, a) nothing_to_do(m, a)
#define pthread_mutex_destroy(m) nothing_to_do(m, NULL)
#define pthread_mutex_lock(m) do_lock(m, __func__)
#define pthread_mutex_unlock(m) do_unlock(m, __func__)
#define pthread_cond_init(c, a) nothing_to_do(c, a)
#define pthread_cond_destroy(c) nothing_to_do(c, NULL)
#define pthread_cond_wait(c, m) do_wait(c, m, false, __func__)
#define pthread_cond_timedwait(c, m, until)                                                        \
    (nothing_to_do(until, NULL), do_wait(c, m, true, __func__))
#define pthread_cond_signal(c) do_signal(c, false, __func__)
#define pthread_cond_broadcast(c) do_signal(c, true, __func__)
#define pthread_create(t, attr, start, arg) do_create(t, start, arg)
#define pthread_join(t, result) do_join(t, __func__)
#define pthread_detach(t) nothing_to_do(NULL, NULL)
#define pthread_self() ((pthread_t)w.current)
#define pthread_once(once, fn) nothing_to_do(once, (const void *)(uintptr_t)(fn))
#define pthread_setspecific(key, p) nothing_to_do(p, NULL)
#define pthread_setname_np(t, name) nothing_to_do(name, NULL)
#define pthread_sigmask(how, set, old) nothing_to_do(set, old)
#define clock_gettime(clock, t) nothing_to_do(memset(t, 0, sizeof *(t)), NULL)

#define eventfd(n, flags) do_eventfd()
#define epoll_create1(flags) do_eventfd()
#define epoll_ctl(epfd, op, fd, event) (nothing_to_do(event, NULL), do_epoll_ctl(epfd, fd))
#define epoll_wait(epfd, events, n, timeout) ((void)(timeout), do_sleep(epfd, __func__))
#define write(fd, from, n) (nothing_to_do(from, NULL), do_write(fd, __func__))
#define syscall(number, ...) do_syscall(__func__, number, __VA_ARGS__)
#define mmap(at, size, access, flags, fd, offset) do_mmap(size, fd, offset)
#define munmap(p, size) nothing_to_do(p, NULL)
#define madvise(p, size, advice) nothing_to_do(p, NULL)
#define hob__alloc(n) do_alloc(n)
#define hob__alloc_zero(n) do_alloc(n)
#define hob__free(p) do_free(p, (p) ? sizeof *(p) : 0)
#endif
