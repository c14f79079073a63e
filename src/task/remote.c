/* task/remote.c - waits that another thread ends; remote.h tells the protocol. */
#include "task/remote.h"

#include "base/crew.h"
#include "base/list.h"
#include "task/task.h"

/* In the loop's thread. */
static void deliver(void *arg) {
    struct hob__remote *r = arg;
    r->delivered = true;
    hob__wake(&r->waiter, 0); /* false: a cancel has woken it, but it has not run yet */
}

static int sleep_on(struct hob__remote *r, const char *what, const void *object, unsigned flags) {
    r->loop->outside++;
    int rc = hob__wait_on(NULL, &r->waiter, what, object, flags);
    r->loop->outside--;
    return rc;
}

static int wait_in_task(pthread_mutex_t *lock, struct hob__remote *r, const char *what,
                        const void *object, unsigned flags) {
    r->waiter = (struct hob_waiter){.task = hob__loop_task(r->loop)};
    r->post = (struct hob__post){.fn = deliver, .arg = r};
    pthread_mutex_unlock(lock);
    int rc = sleep_on(r, what, object, flags);
    if (HOB__LIKELY(r->delivered)) return r->result;
    pthread_mutex_lock(lock);
    bool served = r->served;
    if (!served) hob__list_remove(&r->link);
    pthread_mutex_unlock(lock);
    if (!served) return rc;
    while (!r->delivered) sleep_on(r, what, object, HOB__WAIT_MASKED);
    return r->result;
}

static int wait_in_thread(pthread_mutex_t *lock, struct hob__remote *r, uint64_t deadline) {
    pthread_cond_t cond;
    hob__cond_init(&cond);
    r->cond = &cond;
    bool in_time = true;
    while (!r->served && in_time) in_time = hob__cond_wait(&cond, lock, deadline);
    bool served = r->served;
    if (!served) hob__list_remove(&r->link);
    pthread_mutex_unlock(lock);
    pthread_cond_destroy(&cond);
    return served ? r->result : -ETIMEDOUT;
}

int hob__remote_wait(pthread_mutex_t *lock, struct hob_list *line, struct hob__remote *r,
                     const char *what, const void *object, unsigned flags, uint64_t deadline) {
    r->served = r->delivered = false;
    r->loop = hob__loop;
    hob__list_append(line, &r->link);
    if (!r->loop) return wait_in_thread(lock, r, deadline);
    if (!hob__loop_task(r->loop))
        hob__misuse(what, "would wait in a loop's thread outside its tasks");
    return wait_in_task(lock, r, what, object, flags);
}

struct hob__remote *hob__remote_first(const struct hob_list *line) {
    return hob__list_empty(line) ? NULL : hob__container(line->next, struct hob__remote, link);
}

void hob__remote_serve(struct hob__remote *r, int result) {
    hob__list_remove(&r->link);
    r->result = result;
    r->served = true;
    if (!r->loop)
        pthread_cond_signal(r->cond);
    else if (r->loop == hob__loop)
        deliver(r);
    else
        hob__post_own(r->loop, &r->post);
}

void hob__remote_serve_all(struct hob_list *line, int result) {
    struct hob__remote *r;
    while ((r = hob__remote_first(line))) hob__remote_serve(r, result);
}
