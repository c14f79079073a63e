/* io/process/process.h - the inside of a process's handle. */
#ifndef HOB_IO_PROCESS_H
#define HOB_IO_PROCESS_H

#include <hob/process.h>

#include "loop/backend.h"
#include "loop/process.h"

struct hob_process {
    struct hob__backend *backend;
    struct hob__fd *end; /* the pidfd: readable when it has ended */
    pid_t pid;
    bool leads;    /* a process group */
    bool detached; /* not the program's child */
    bool ended;    /* status says how */
    bool reaped; /* a leader stays a zombie until it is closed: its group's number stays its own */
    unsigned users; /* tasks in a call on it */
    int result;     /* what a wait returns, when it has ended */
    int stop_signal;
    double grace;
    struct hob_process_status status;
    struct hob_stream *in, *out, *err, *terminal;
    char name[]; /* the word that it was started with */
};

/* ---- start.c ---- */

/* What becomes the child's 0, 1, 2, and what remains with the program. */
struct hob__process_ends {
    int child[3];  /* -1: inherited */
    bool owned[3]; /* to be closed after the start */
    struct hob_stream *ours[3];
    struct hob_process *from; /* HOB_IO_FROM */
    struct hob_stream *terminal;
    int terminal_fd; /* the child's side; -1: none */
    bool said;       /* hob_fail() has been called */
};

/* Opens what the options ask for. 0 or an error, with failure->step set; hob__process_ends_close()
 * is to be called in any case: it closes the child's ends, and the program's too if `all`. */
int hob__process_ends_open(struct hob__backend *b, const struct hob_process_options *o,
                           struct hob__process_ends *e, struct hob_process_failure *failure);
void hob__process_ends_close(struct hob__backend *b, struct hob__process_ends *e, bool all);

/* The child's environment, and the files that its program may be, in one block each: NULL without
 * memory. */
const char *const *hob__process_environment(const struct hob_process_options *o);
const char *const *hob__process_paths(const char *program, const char *const *env);

/* ---- pty.c ---- */

/* A pseudo-terminal: the program's side and the child's, both close-on-exec. 0 or -errno. */
int hob__pty_open(unsigned short rows, unsigned short columns, int *ours, int *child);
int hob__pty_resize(int fd, unsigned short rows, unsigned short columns);

#endif
