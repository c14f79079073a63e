/* io/process/keeper.h - what a process pool, its keeper and its workers say to each other.
 *
 * The pool tells the keeper over the control socket: make a worker, and here is its socket; kill a
 * worker. With a worker it speaks over that worker's socket; the keeper keeps a duplicate of the
 * worker's end, and when it has reaped the worker it says there how it ended, behind whatever the
 * worker had said, and closes. So whoever reads learns everything from one socket, in order. All
 * sockets are SOCK_SEQPACKET: a message arrives whole or not at all, and begins with its kind.
 *
 * When the program ends, however, the control socket does: the keeper kills its workers and goes.
 * When the keeper ends, its workers are killed by the kernel. */
#ifndef HOB_IO_KEEPER_H
#define HOB_IO_KEEPER_H

#include <hob/task.h>
#include <sys/types.h>

enum hob__keeper_kind {
    HOB__KEEPER_MAKE = 1, /* to the keeper, with the worker's socket */
    HOB__KEEPER_KILL,
    HOB__KEEPER_CALL,  /* to a worker, with the arguments behind it; DATA follows */
    HOB__KEEPER_DATA,  /* kind, then bytes: input or output */
    HOB__KEEPER_REPLY, /* from a worker, with the error behind it; DATA follows */
    HOB__KEEPER_ENDED, /* from the keeper: the worker's wait status */
    HOB__KEEPER_FAILED /* from the keeper: no worker; the errno */
};

enum {
    HOB__KEEPER_WORKERS = 1024,
    HOB__KEEPER_ARGS = 16 << 10,
    HOB__KEEPER_MESSAGE = 32 << 10 /* the largest message */
};

struct hob__keeper_order { /* MAKE, KILL */
    uint32_t kind, id;
};

struct hob__keeper_call {
    uint32_t kind, args_size;
    uint64_t input_size, output_max;
    const struct hob__spawn_site *site; /* static: the same in every copy of the program */
};

struct hob__keeper_reply {
    uint32_t kind;
    int32_t result;
    uint64_t output_size;
    uint32_t errors; /* records behind it, each caused by the next */
};

/* Behind it: message, func, file, task, each with its NUL. */
struct hob__keeper_error {
    int32_t code, line;
    uint32_t size; /* of the strings */
};

struct hob__keeper_end { /* ENDED, FAILED */
    uint32_t kind;
    int32_t status;
};

/* The keeper's life, in the forked child: does not return. */
void hob__keeper_run(int control, size_t memory) __attribute__((noreturn));
/* A worker's life. Closes nothing but what it was not given; does not return. */
void hob__keeper_work(int fd) __attribute__((noreturn));

/* This process is a keeper or a worker: descriptors that are noted in the memory it has inherited
 * are not its own. */
extern bool hob__keeper_child;

#endif
