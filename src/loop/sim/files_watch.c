/* loop/sim/files_watch.c - inotify(7) on the simulated files: who watches what, and the queue of
 * records. */
#include <stddef.h>
#include <sys/inotify.h>

#include "loop/sim/files.h"

enum { QUEUE_MAX = 16384 }; /* records, as fs.inotify.max_queued_events */

struct record {
    struct record *next;
    struct inotify_event event; /* its name behind it */
};

struct inotify {
    struct hob__sim_end end;
    struct hob_list watches;
    struct record *first, **last;
    unsigned count;
    size_t bytes;
    int next_id;
};

struct watch {
    struct hob_list of_fs, of_inotify;
    struct inotify *inotify;
    struct hob__sim_node *node;
    uint32_t events;
    int id;
};

/* ---- the queue ---- */

static size_t size_of(const struct inotify_event *e) { return sizeof *e + e->len; }

/* Is it what was said last? Then once is enough, as in the kernel. */
static bool said(const struct inotify *i, int id, uint32_t mask, uint32_t cookie,
                 const char *name) {
    if (i->count == 0) return false;
    const struct record *r = hob__container(i->last, struct record, next);
    const struct inotify_event *e = &r->event;
    return e->wd == id && e->mask == mask && e->cookie == cookie &&
           strcmp(e->len ? e->name : "", name ? name : "") == 0;
}

static void say(struct inotify *i, int id, uint32_t mask, uint32_t cookie, const char *name) {
    if (said(i, id, mask, cookie, name)) return;
    if (i->count >= QUEUE_MAX) {
        if (i->count > QUEUE_MAX) return;
        id = -1;
        mask = IN_Q_OVERFLOW;
        name = NULL;
    }
    size_t n = name ? (strlen(name) + 1 + 15) & ~(size_t)15 : 0;
    struct record *r = hob__sim_alloc(sizeof *r + n);
    r->event.wd = id;
    r->event.mask = mask;
    r->event.cookie = cookie;
    r->event.len = (uint32_t)n;
    if (name) memcpy((char *)(&r->event + 1), name, strlen(name));
    *i->last = r;
    i->last = &r->next;
    i->count++;
    i->bytes += size_of(&r->event);
    hob__sim_raise(&i->end, HOB__READ);
}

static struct record *take(struct inotify *i) {
    struct record *r = i->first;
    i->first = r->next;
    if (!i->first) i->last = &i->first;
    i->count--;
    i->bytes -= size_of(&r->event);
    return r;
}

/* ---- watches ---- */

static void end_watch(struct watch *x, bool tell) {
    if (tell) say(x->inotify, x->id, IN_IGNORED, 0, NULL);
    hob__list_remove(&x->of_fs);
    hob__list_remove(&x->of_inotify);
    hob__sim_node_drop(x->node);
    hob__sim_free(x);
}

static void tell_one(struct watch *x, const struct hob__sim_node *n, const char *name,
                     uint32_t events, uint32_t cookie) {
    if (x->node == n && x->events & events) say(x->inotify, x->id, events, cookie, name);
}

void hob__sim_watch_tell(struct hob__sim_node *folder, const char *name, struct hob__sim_node *node,
                         uint32_t events, uint32_t cookie) {
    struct hob__sim_fs *fs = folder ? folder->fs : node->fs;
    for (struct hob_list *l = fs->watches.next; l != &fs->watches; l = l->next) {
        struct watch *x = hob__container(l, struct watch, of_fs);
        if (folder) tell_one(x, folder, name, events, cookie);
        if (node) tell_one(x, node, NULL, events, cookie);
    }
}

void hob__sim_watch_node(struct hob__sim_node *n, uint32_t events) {
    if (hob__sim_is_folder(n)) events |= IN_ISDIR;
    hob__sim_watch_tell(n->parent, n->name, n, events, 0);
}

void hob__sim_watch_gone(struct hob__sim_node *n) {
    struct hob__sim_fs *fs = n->fs;
    for (struct hob_list *l = fs->watches.next, *next; l != &fs->watches; l = next) {
        struct watch *x = hob__container(l, struct watch, of_fs);
        next = l->next;
        if (x->node != n) continue;
        if (x->events & IN_DELETE_SELF) say(x->inotify, x->id, IN_DELETE_SELF, 0, NULL);
        end_watch(x, true);
    }
}

/* ---- the calls ---- */

static unsigned inotify_level(struct hob__sim_end *e) {
    return ((struct inotify *)e)->count > 0 ? HOB__READ : 0;
}

static void inotify_close(struct hob__sim_end *e, bool crashed) {
    struct inotify *i = (struct inotify *)e;
    (void)crashed;
    while (!hob__list_empty(&i->watches))
        end_watch(hob__container(i->watches.next, struct watch, of_inotify), false);
    while (i->count > 0) hob__sim_free(take(i));
    hob__sim_free(i);
}

static const struct hob__sim_kind inotify_kind = {
    .name = "inotify", .level = inotify_level, .close = inotify_close};

int hob__sim_watch_open(struct hob__sim_fs *fs) {
    struct inotify *i = hob__sim_alloc(sizeof *i);
    hob__sim_end_init(&i->end, &inotify_kind, fs->host);
    hob__list_init(&i->watches);
    i->last = &i->first;
    i->next_id = 1;
    int fd = hob__sim_end_open(&i->end);
    if (fd < 0) hob__sim_end_close(&i->end, true);
    return fd;
}

static struct inotify *inotify_of(struct hob__sim_end *e) {
    return e->kind == &inotify_kind ? (struct inotify *)e : NULL;
}

int hob__sim_watch_add(struct hob__sim_end *e, struct hob__sim_node *n, uint32_t events) {
    struct inotify *i = inotify_of(e);
    if (!i) return -EINVAL;
    if (events & IN_ONLYDIR && !hob__sim_is_folder(n)) return -ENOTDIR;
    if (!hob__sim_may(n, 4)) return -EACCES;
    struct watch *x;
    for (struct hob_list *l = i->watches.next; l != &i->watches; l = l->next) {
        x = hob__container(l, struct watch, of_inotify);
        if (x->node != n) continue;
        x->events = events & IN_MASK_ADD ? x->events | events : events;
        return x->id;
    }
    x = hob__sim_alloc(sizeof *x);
    x->inotify = i;
    x->node = n;
    x->events = events;
    x->id = i->next_id++;
    hob__sim_node_keep(n);
    hob__list_append(&n->fs->watches, &x->of_fs);
    hob__list_append(&i->watches, &x->of_inotify);
    return x->id;
}

int hob__sim_watch_remove(struct hob__sim_end *e, int id) {
    struct inotify *i = inotify_of(e);
    if (!i) return -EINVAL;
    for (struct hob_list *l = i->watches.next; l != &i->watches; l = l->next) {
        struct watch *x = hob__container(l, struct watch, of_inotify);
        if (x->id == id) return end_watch(x, true), 0;
    }
    return -EINVAL;
}

ssize_t hob__sim_watch_read(struct hob__sim_end *e, void *buf, size_t n) {
    struct inotify *i = inotify_of(e);
    if (!i) return -EINVAL;
    if (i->count == 0) return -EAGAIN;
    size_t done = 0;
    while (i->count > 0 && size_of(&i->first->event) <= n - done) {
        struct record *r = take(i);
        memcpy((char *)buf + done, &r->event, size_of(&r->event));
        done += size_of(&r->event);
        hob__sim_free(r);
    }
    return done ? (ssize_t)done : -EINVAL;
}

int hob__sim_watch_queued(struct hob__sim_end *e) {
    const struct inotify *i = inotify_of(e);
    return i ? (int)i->bytes : -EINVAL;
}
