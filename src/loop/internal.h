/* loop/internal.h - what the backends share among themselves. */
#ifndef HOB_LOOP_INTERNAL_H
#define HOB_LOOP_INTERNAL_H

#include "backend.h"
#include <sys/epoll.h>

/* backend.c: sleeping and waking, for backends that sleep in the kernel. */

/* Makes b->wake_fd. 0 or -errno. */
int hob__waker_open(struct hob__backend *b);
void hob__waker_close(struct hob__backend *b);
/* backend_ops.wake */
void hob__waker_wake(struct hob__backend *b);
/* Announces that the loop is about to sleep: false when it must not, for it has been woken. */
bool hob__sleep_begin(struct hob__backend *b);
/* Ends every wait(), slept or not: takes note of the wake. */
void hob__sleep_end(struct hob__backend *b);
/* b->why = "what: the errno's text"; returns err, which is negative. */
int hob__why(struct hob__backend *b, const char *what, int err);
/* It does not know the newer system calls. */
bool hob__on_valgrind(void);

/* fd.c */

/* Events of poll() or epoll (the same values) for f, which is alive: sets its bits, tells the layer
 * above. */
void hob__fd_event(struct hob__backend *b, struct hob__fd *f, unsigned events);
/* Gives all slabs back. */
void hob__fd_close_all(struct hob__backend *b);

/* A pointer and 16 bits of generation in the 64 bits that the kernel carries for us. User addresses
 * have at most 48 bits, unless a mapping asks for more by its hint. */
static inline uint64_t hob__pack(const void *p, uint32_t gen) {
    return (uint64_t)(uintptr_t)p | (uint64_t)(gen & 0xffff) << 48;
}
static inline void *hob__unpack(uint64_t data) {
    return (void *)(uintptr_t)(data & ((UINT64_C(1) << 48) - 1));
}
static inline bool hob__same_gen(uint64_t data, uint32_t gen) {
    return data >> 48 == (gen & 0xffff);
}

/* epoll.c: an epoll instance as a set of records; uring.c uses one for its surplus. */

int hob__epoll_add(int epfd, struct hob__fd *f);
void hob__epoll_remove(int epfd, struct hob__fd *f);
/* Sleeps at most timeout_ns (UINT64_MAX: for ever). The number of events, or -errno. *no_pwait2 is
 * set where the kernel counts milliseconds alone. */
int hob__epoll_sleep(int epfd, struct epoll_event *events, int room, uint64_t timeout_ns,
                     bool *no_pwait2);
/* Delivers n events; how many of them concerned a living record. */
int hob__epoll_deliver(struct hob__backend *b, const struct epoll_event *events, int n);

/* sys_linux.c */

/* The call's result, repeated while a signal interrupts it. */
#define HOB__RETRY(call)                                                                           \
    __extension__({                                                                                \
        __typeof__(call) retry_rc;                                                                 \
        do retry_rc = (call);                                                                      \
        while (retry_rc < 0 && errno == EINTR);                                                    \
        retry_rc < 0 ? -errno : retry_rc;                                                          \
    })

uint64_t hob__linux_now(struct hob__backend *b);
int64_t hob__linux_wall(struct hob__backend *b);
void hob__linux_pause(struct hob__backend *b, long ns);
void hob__linux_random(struct hob__backend *b, void *buf, size_t n);

/* op_linux.c */

/* backend_ops.attempt */
ssize_t hob__linux_attempt(struct hob__backend *b, struct hob__op *op);
/* process_linux.c: hob__sys.start, .reap, .kill */
int hob__linux_start(struct hob__backend *b, struct hob__start *s);
int hob__linux_reap(struct hob__backend *b, int pidfd, bool keep, struct hob_process_status *st);
int hob__linux_kill(struct hob__backend *b, int pidfd, pid_t pid, bool group, int sig);
/* Does the op in this thread, however long it takes: its result. */
ssize_t hob__linux_perform(struct hob__op *op);

#endif
