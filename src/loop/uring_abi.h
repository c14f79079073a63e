/* loop/uring_abi.h - io_uring as the kernel defines it: only what Hob uses, so that the build does
 * not depend on the age of the installed kernel headers. The names are the kernel's, under a prefix
 * of our own. Values are fixed for ever; comments name the Linux version where it matters. */
#ifndef HOB_LOOP_URING_ABI_H
#define HOB_LOOP_URING_ABI_H

#include <stdint.h>

/* System call numbers: the same on every architecture since they were allotted together. */
enum { HOB__SYS_URING_SETUP = 425, HOB__SYS_URING_ENTER = 426, HOB__SYS_URING_REGISTER = 427 };

struct hob__sqe {
    uint8_t opcode;
    uint8_t flags;
    uint16_t ioprio;
    int32_t fd;
    uint64_t off;
    uint64_t addr;
    uint32_t len;
    uint32_t op_flags; /* poll32_events, rw_flags, fsync_flags, open_flags, ... */
    uint64_t user_data;
    uint64_t rest[3];
};

struct hob__cqe {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};

struct hob__uring_sq_offsets {
    uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, resv1;
    uint64_t user_addr;
};

struct hob__uring_cq_offsets {
    uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1;
    uint64_t user_addr;
};

struct hob__uring_params {
    uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd;
    uint32_t resv[3];
    struct hob__uring_sq_offsets sq_off;
    struct hob__uring_cq_offsets cq_off;
};

/* The argument of enter() with EXT_ARG. */
struct hob__uring_wait {
    uint64_t sigmask;
    uint32_t sigmask_size;
    uint32_t min_wait_us;
    uint64_t timeout; /* address of a hob__uring_time */
};

struct hob__uring_time {
    int64_t s, ns;
};

/* The argument of REGISTER_RING_FDS. */
struct hob__uring_rsrc_update {
    uint32_t offset, resv;
    uint64_t data;
};

_Static_assert(sizeof(struct hob__sqe) == 64, "sqe");
_Static_assert(sizeof(struct hob__cqe) == 16, "cqe");
_Static_assert(sizeof(struct hob__uring_params) == 120, "params");
_Static_assert(sizeof(struct hob__uring_wait) == 24, "wait");

/* params.flags */
#define HOB__SETUP_CQSIZE (1U << 3)
#define HOB__SETUP_CLAMP (1U << 4)
#define HOB__SETUP_SUBMIT_ALL (1U << 7)     /* 5.18 */
#define HOB__SETUP_COOP_TASKRUN (1U << 8)   /* 5.19 */
#define HOB__SETUP_TASKRUN_FLAG (1U << 9)   /* 5.19 */
#define HOB__SETUP_SINGLE_ISSUER (1U << 12) /* 6.0 */
#define HOB__SETUP_DEFER_TASKRUN (1U << 13) /* 6.1 */
#define HOB__SETUP_NO_SQARRAY (1U << 16)    /* 6.6 */

/* params.features */
#define HOB__FEAT_SINGLE_MMAP (1U << 0)
#define HOB__FEAT_NODROP (1U << 1)
#define HOB__FEAT_RW_CUR_POS (1U << 3)
#define HOB__FEAT_POLL_32BITS (1U << 6)
#define HOB__FEAT_EXT_ARG (1U << 8)
#define HOB__FEAT_RSRC_TAGS (1U << 10)   /* 5.13, as multishot poll is */
#define HOB__FEAT_CQE_SKIP (1U << 11)    /* 5.17 */
#define HOB__FEAT_MIN_TIMEOUT (1U << 15) /* 6.12, as ENTER_ABS_TIMER is */
#define HOB__FEAT_NO_IOWAIT (1U << 17)   /* 6.15 */

/* enter() */
#define HOB__ENTER_GETEVENTS (1U << 0)
#define HOB__ENTER_EXT_ARG (1U << 3)
#define HOB__ENTER_REGISTERED_RING (1U << 4)
#define HOB__ENTER_ABS_TIMER (1U << 5)
#define HOB__ENTER_NO_IOWAIT (1U << 7)

/* The flags word of the submission ring. */
#define HOB__SQ_CQ_OVERFLOW (1U << 1)
#define HOB__SQ_TASKRUN (1U << 2)

/* sqe.flags, cqe.flags, and sqe.len of POLL_ADD */
#define HOB__SQE_CQE_SKIP_SUCCESS (1U << 6)
#define HOB__CQE_MORE (1U << 1)
#define HOB__POLL_ADD_MULTI (1U << 0)

/* register() */
#define HOB__REGISTER_RING_FDS 20U
#define HOB__UNREGISTER_RING_FDS 21U

/* Where mmap() finds the parts. */
#define HOB__OFF_SQ_RING 0
#define HOB__OFF_SQES 0x10000000

/* sqe.opcode */
enum {
    HOB__URING_READV = 1,
    HOB__URING_WRITEV = 2,
    HOB__URING_FSYNC = 3,
    HOB__URING_POLL_ADD = 6,
    HOB__URING_POLL_REMOVE = 7,
    HOB__URING_OPENAT = 18,
    HOB__URING_STATX = 21,
    HOB__URING_RENAMEAT = 35,  /* 5.11 */
    HOB__URING_UNLINKAT = 36,  /* 5.11 */
    HOB__URING_MKDIRAT = 37,   /* 5.15 */
    HOB__URING_SYMLINKAT = 38, /* 5.15 */
    HOB__URING_LINKAT = 39     /* 5.15 */
};

#endif
