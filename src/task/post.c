/* task/post.c - from outside into the loop: posts from other threads, and holds that keep the loop
 * there for them.
 *
 * A poster pushes and then wakes the backend; the loop empties the inbox after every wait(). The
 * backend's wake() sees to it that the wait() that is under way, or the next one, returns. */
#include "task/post.h"

#include "base/memory.h"
#include "task/task.h"

struct hob_loop *hob_loop_current(void) {
    return hob__loop;
}

/* With post_lock held. */
static void push(struct hob_loop *loop, struct hob__post *p) {
    p->next = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&loop->inbox, &p->next, p)) continue;
    loop->backend.ops->wake(&loop->backend);
}

/* Those that own their record are bounded by that; the others by HOB_POSTS_MAX. */
static int push_unless_closed(struct hob_loop *loop, struct hob__post *p) {
    int rc = 0;
    pthread_mutex_lock(&loop->post_lock);
    if (atomic_load(&loop->closed))
        rc = HOB_E_CLOSED;
    else if (p->owned && atomic_load(&loop->posts) >= HOB_POSTS_MAX)
        rc = -EAGAIN;
    if (rc == 0 && p->owned) atomic_fetch_add(&loop->posts, 1);
    if (rc == 0) push(loop, p);
    pthread_mutex_unlock(&loop->post_lock);
    return rc;
}

int hob_loop_post(struct hob_loop *loop, void (*fn)(void *arg), void *arg) {
    if (HOB__UNLIKELY(!loop)) hob__misuse(__func__, "the loop is NULL");
    struct hob__post *p = hob__alloc(sizeof *p);
    if (!p) return -ENOMEM;
    *p = (struct hob__post){.fn = fn, .arg = arg, .owned = true};
    int rc = push_unless_closed(loop, p);
    if (rc < 0) hob__free(p);
    return rc;
}

int hob__post_held(struct hob_loop *loop, struct hob__post *p) {
    p->owned = false;
    return push_unless_closed(loop, p);
}

void hob__post_own(struct hob_loop *loop, struct hob__post *p) {
    p->owned = false;
    pthread_mutex_lock(&loop->post_lock);
    push(loop, p);
    pthread_mutex_unlock(&loop->post_lock);
}

void hob__inbox_run(struct hob_loop *loop) {
    if (!atomic_load_explicit(&loop->inbox, memory_order_relaxed)) return;
    struct hob__post *p = atomic_exchange(&loop->inbox, NULL), *in_order = NULL;
    while (p) {
        struct hob__post *next = p->next;
        p->next = in_order;
        in_order = p;
        p = next;
    }
    while (in_order) {
        p = in_order;
        in_order = p->next;
        bool owned = p->owned;
        if (owned) atomic_fetch_sub(&loop->posts, 1);
        p->fn(p->arg);
        if (owned) hob__free(p);
    }
}

void hob__inbox_close(struct hob_loop *loop) {
    pthread_mutex_lock(&loop->post_lock);
    atomic_store(&loop->closed, true);
    pthread_mutex_unlock(&loop->post_lock);
    hob__inbox_run(loop);
}

void hob__inbox_end(struct hob_loop *loop) {
    hob__inbox_close(loop);
    pthread_mutex_lock(&loop->post_lock);
    loop->gone = true;
    pthread_mutex_unlock(&loop->post_lock);
}

void hob__loop_unref(struct hob_loop *loop) {
    if (atomic_fetch_sub(&loop->refs, 1) > 1) return;
    pthread_mutex_destroy(&loop->post_lock);
    hob__free(loop);
}

void hob_loop_hold(struct hob_loop *loop) {
    if (HOB__UNLIKELY(!loop)) hob__misuse(__func__, "the loop is NULL");
    atomic_fetch_add(&loop->refs, 1);
    atomic_fetch_add(&loop->holds, 1);
}

void hob_loop_release(struct hob_loop *loop) {
    if (HOB__UNLIKELY(!loop)) hob__misuse(__func__, "the loop is NULL");
    pthread_mutex_lock(&loop->post_lock);
    int left = atomic_fetch_sub(&loop->holds, 1) - 1;
    /* A loop that only waited for posts has to look again; one that takes none any more too, as
     * long as tasks run in it. */
    if (left == 0 && !loop->gone) loop->backend.ops->wake(&loop->backend);
    pthread_mutex_unlock(&loop->post_lock);
    if (left < 0) hob__misuse(__func__, "released more often than held");
    hob__loop_unref(loop);
}
