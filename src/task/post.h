/* task/post.h - posts without an allocation, for those who have a place for the record. */
#ifndef HOB_TASK_POST_H
#define HOB_TASK_POST_H

#include <hob/base.h>

struct hob__post {
    struct hob__post *next;
    void (*fn)(void *arg);
    void *arg;
    bool owned; /* by the inbox, which frees it */
};

/* hob_loop_post() with the caller's record, which is in use until fn is called. From any thread, as
 * long as a task lives in the loop that does not end before fn has been called: then the loop
 * cannot have ended. */
void hob__post_own(struct hob_loop *loop, struct hob__post *p);
/* The same for whoever holds the loop (hob_loop_hold): 0, or HOB_E_CLOSED when it has ended. */
int hob__post_held(struct hob_loop *loop, struct hob__post *p);

#endif
