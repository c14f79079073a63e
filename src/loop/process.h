/* loop/process.h - starting a child process, as the backend's door has it: everything that the
 * child needs is made beforehand, so that the child itself allocates nothing and decides nothing.
 */
#ifndef HOB_LOOP_PROCESS_H
#define HOB_LOOP_PROCESS_H

#include <hob/process.h>

struct hob__start_fd {
    int from, to;
    int moved; /* the child's: where `from` is kept while the places are filled */
};

struct hob__start {
    const char *const *argv, *const *env;
    const char *const *paths; /* of the program: tried in this order, ended by NULL */
    const char *cwd;          /* NULL: the same */
    struct hob__start_fd
        *fds; /* in the order of `to`; 0, 1, 2 stay as they are if not among them */
    int fd_count;
    bool group, session,
        terminal; /* terminal: its descriptor 0, 1 or 2 becomes the controlling one */
    int terminal_fd;
    bool detached, keep_ignored, as_user;
    int death_signal;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t group_count;

    /* what came of it */
    pid_t pid;
    int pidfd; /* close-on-exec; the caller's */
    enum hob_process_step failed;
    int path_failed; /* HOB_STEP_EXEC: which of the paths */

    /* start()'s own */
    volatile bool shared; /* the child has run in this memory */
    int error;
    int report_fd;
    pid_t parent;
    char *second_stack;
};

#endif
