/* io/watch/watch.c - being told of changes in the file system. Trees are in tree.c.
 *
 * The kernel's records are read into one buffer and handed out where they lie. A rename comes as
 * two records with the same cookie, mostly one behind the other, but others may come in between,
 * and the second may not have been there yet when the first was read: then the buffer is filled up
 * once more, after a short wait. A record that was handed out early, with its other half, has its
 * mask cleared.
 *
 * Watches are known by the kernel's numbers, which only go up: the array is sorted. */
#include "io/watch/watch.h"

#include <hob/error.h>
#include <hob/spawn.h>
#include <hob/task.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "task/wait.h"

enum { OTHER_HALF_MS = 10 };

int hob_watch_open(struct hob_watch **out) {
    struct hob__backend *b = hob__backend_current(__func__);
    struct hob_watch *w = hob__alloc(sizeof *w);
    if (!w) return -ENOMEM;
    memset(w, 0, offsetof(struct hob_watch, records));
    w->backend = b;
    int fd = b->ops->files->watch_open(b);
    w->fd = fd < 0 ? NULL : hob__fd_open(b, fd);
    if (!w->fd) {
        if (fd >= 0) b->ops->files->close(b, fd);
        hob__free(w);
        return fd < 0 ? hob_fail(fd, "cannot watch files (fs.inotify.max_user_instances?)")
                      : -ENOMEM;
    }
    *out = w;
    return 0;
}

void hob_watch_close(struct hob_watch *w) {
    if (!w) return;
    if (w->busy) hob__misuse(__func__, "a task waits for its next event");
    if (w->tree) hob__tree_free(w);
    int fd = w->fd->fd;
    hob__fd_close(w->backend, w->fd);
    hob__file_close_slowly(w->backend, fd); /* some 10 ms, until no processor uses a watch */
    for (size_t i = 0; i < w->count; i++) hob__free(w->watched[i].path);
    hob__free(w->watched);
    hob__free(w->old_path);
    hob__free(w);
}

/* ---- watches ---- */

/* Where id is, or would be. */
static size_t find(const struct hob_watch *w, int id) {
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->watched[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct hob__watched *look_up(const struct hob_watch *w, int id) {
    size_t i = find(w, id);
    return i < w->count && w->watched[i].id == id ? &w->watched[i] : NULL;
}

static char *take_out(struct hob_watch *w, struct hob__watched *at) {
    char *path = at->path;
    size_t behind = (size_t)(w->watched + w->count - (at + 1));
    memmove(at, at + 1, behind * sizeof *at);
    w->count--;
    return path;
}

struct adding {
    struct hob__op op;
    struct hob_watch *w;
    const char *path;
    uint32_t events;
};

static int add_job(struct hob__op *op) {
    struct adding *j = (struct adding *)op;
    struct hob__backend *b = j->w->backend;
    return b->ops->files->watch_add(b, j->w->fd->fd, j->path, j->events);
}

uint32_t hob__watch_events(unsigned what) {
    uint32_t events = IN_MOVE_SELF;
    if (what & HOB_WATCH_CREATED) events |= IN_CREATE;
    if (what & HOB_WATCH_REMOVED) events |= IN_DELETE;
    if (what & HOB_WATCH_CHANGED) events |= IN_MODIFY;
    if (what & HOB_WATCH_WRITTEN) events |= IN_CLOSE_WRITE;
    if (what & HOB_WATCH_ATTRIBUTES) events |= IN_ATTRIB;
    if (what & HOB_WATCH_MOVED) events |= IN_MOVED_FROM | IN_MOVED_TO;
    return events;
}

static int make_room(struct hob_watch *w) {
    if (w->count < w->room) return 0;
    size_t room = w->room ? 2 * w->room : 8;
    struct hob__watched *more = hob__realloc(w->watched, room * sizeof *more);
    if (!more) return -ENOMEM;
    w->watched = more;
    w->room = room;
    return 0;
}

int hob__watch_what_check(unsigned what, const char *path) {
    if (what != 0 && !(what & ~(unsigned)HOB_WATCH_ALL)) return 0;
    return hob_fail(-EINVAL, "nothing, or more than HOB_WATCH_ALL, to be told of '%s'", path);
}

int hob_watch_add(struct hob_watch *w, const char *path, unsigned what) {
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    if (w->tree) return hob_fail(-EINVAL, "this watch follows the tree '%s'", w->tree->path);
    rc = hob__watch_what_check(what, path);
    if (rc < 0) return rc;
    struct adding j = {.w = w, .path = path, .events = hob__watch_events(what)};
    char *copy = hob__strdup(path);
    rc = copy ? hob__file_job(&j.op, add_job, "watch_add") : -ENOMEM;
    /* Other tasks may have added some meanwhile. */
    if (rc >= 0 && !look_up(w, rc)) {
        if (make_room(w) == 0) {
            size_t i = find(w, rc);
            memmove(w->watched + i + 1, w->watched + i, (w->count - i) * sizeof *w->watched);
            w->watched[i] = (struct hob__watched){rc, copy};
            w->count++;
            return rc;
        }
        w->backend->ops->files->watch_remove(w->backend, w->fd->fd, rc);
        rc = -ENOMEM;
    }
    hob__free(copy);
    if (rc == -ENOSPC)
        return hob_fail(rc, "cannot watch '%s': fs.inotify.max_user_watches is reached", path);
    return rc < 0 ? hob__file_fail(rc, __func__, "watch", path) : rc;
}

int hob_watch_remove(struct hob_watch *w, int id) {
    struct hob__watched *at = look_up(w, id);
    if (!at) return hob_fail(-EINVAL, "there is no watch %d", id);
    w->backend->ops->files->watch_remove(w->backend, w->fd->fd, id);
    hob__free(take_out(w, at));
    return 0;
}

/* ---- events ---- */

static struct inotify_event *record(struct hob_watch *w, size_t at) {
    return (struct inotify_event *)(void *)(w->records + at);
}

static size_t size_of(const struct inotify_event *e) { return sizeof *e + e->len; }

/* Reads what is there behind what is in the buffer. 0, -EAGAIN or an error. */
static int read_more(struct hob_watch *w) {
    memmove(w->records, w->records + w->at, w->end - w->at);
    w->end -= w->at;
    w->at = 0;
    ssize_t n = w->backend->ops->files->watch_read(w->backend, w->fd->fd, w->records + w->end,
                                                   sizeof w->records - w->end);
    if (n > 0) w->end += (size_t)n;
    if (n == -EAGAIN) w->fd->ready &= (uint8_t)~HOB__READ;
    return n < 0 ? (int)n : 0;
}

static int wait_for_more(struct hob_watch *w) {
    for (;;) {
        int rc = read_more(w);
        if (rc != -EAGAIN) return rc;
        rc = hob__fd_wait(w->fd, HOB__READ, "watch", HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    }
}

/* The record that says where e, the first one, was renamed to; NULL: it is not there. */
static struct inotify_event *other_half(struct hob_watch *w) {
    const struct inotify_event *first = record(w, w->at);
    for (size_t at = w->at + size_of(first); at < w->end; at += size_of(record(w, at))) {
        struct inotify_event *e = record(w, at);
        if ((e->mask & IN_MOVED_TO) && e->cookie == first->cookie) return e;
    }
    return NULL;
}

static int await_other_half(struct hob_watch *w) {
    if (sizeof w->records - w->end + w->at < sizeof(struct inotify_event) + NAME_MAX + 1) return 0;
    int rc = hob_within(OTHER_HALF_MS / 1000.0, wait_for_more(w));
    return rc == -ETIMEDOUT ? 0 : rc;
}

enum hob_watch_what hob__watch_what(uint32_t mask) {
    if (mask & IN_CREATE) return HOB_WATCH_CREATED;
    if (mask & IN_DELETE) return HOB_WATCH_REMOVED;
    if (mask & IN_MODIFY) return HOB_WATCH_CHANGED;
    if (mask & IN_CLOSE_WRITE) return HOB_WATCH_WRITTEN;
    if (mask & IN_ATTRIB) return HOB_WATCH_ATTRIBUTES;
    if (mask & IN_MOVED_TO) return HOB_WATCH_MOVED_IN;
    if (mask & IN_MOVED_FROM) return HOB_WATCH_MOVED_OUT;
    if (mask & IN_MOVE_SELF) return HOB_WATCH_SELF_MOVED;
    if (mask & IN_IGNORED) return HOB_WATCH_GONE;
    return (enum hob_watch_what)0; /* IN_UNMOUNT: IN_IGNORED follows */
}

/* Both halves as one; false when one of them is in a folder that is not watched any more. */
static bool tell_move(struct hob_watch *w, const struct inotify_event *e, struct inotify_event *to,
                      struct hob_watch_event *event) {
    const struct hob__watched *from = look_up(w, e->wd), *at = look_up(w, to->wd);
    if (!from || !at) return false;
    event->what = HOB_WATCH_MOVED;
    event->id = at->id;
    event->path = at->path;
    event->name = hob__record_name(to);
    event->from = hob__record_name(e);
    event->from_id = from->id;
    event->is_folder = (to->mask & IN_ISDIR) != 0;
    to->mask = 0;
    return true;
}

/* A record of single watches. False when it is nothing to be told. */
static bool tell(struct hob_watch *w, const struct inotify_event *e, struct inotify_event *to,
                 struct hob_watch_event *event) {
    *event = (struct hob_watch_event){.id = -1, .path = "", .name = "", .from_id = -1};
    if (to && tell_move(w, e, to, event)) return true;
    event->what = e->mask & IN_Q_OVERFLOW ? HOB_WATCH_OVERFLOW : hob__watch_what(e->mask);
    if (event->what == HOB_WATCH_OVERFLOW) return true;
    struct hob__watched *at = look_up(w, e->wd);
    if (!at || !event->what) return false;
    event->id = at->id;
    event->path = at->path;
    event->name = hob__record_name(e);
    event->is_folder = (e->mask & IN_ISDIR) != 0;
    if (event->what == HOB_WATCH_GONE) {
        hob__free(w->old_path);
        w->old_path = take_out(w, at);
    }
    return true;
}

/* Deals with the first record in the buffer: 1 and *event, 0: it is nothing to be told, or an
 * error: it is still there. */
static int take_record(struct hob_watch *w, struct hob_watch_event *event) {
    const struct inotify_event *e = record(w, w->at);
    struct inotify_event *to = e->mask & IN_MOVED_FROM ? other_half(w) : NULL;
    if (e->mask & IN_MOVED_FROM && !to) {
        int rc = await_other_half(w);
        if (rc < 0) return rc;
        e = record(w, w->at); /* it may have been moved */
        to = other_half(w);
    }
    int rc = w->tree ? hob__tree_tell(w, e, to, event) : tell(w, e, to, event);
    if (rc < 0) return rc;
    size_t size = size_of(e);
    w->at += size;
    w->consumed += size;
    return rc;
}

static int next_event(struct hob_watch *w, struct hob_watch_event *event) {
    for (;;) {
        int rc = w->tree ? hob__tree_pending(w, event) : 0;
        if (rc != 0) return rc;
        if (w->tree && w->tree->ended) return 0;
        if (w->at == w->end) {
            rc = read_more(w);
            if (rc == -EAGAIN && w->tree) {
                rc = hob__tree_idle(w, event);
                if (rc != 0) return rc;
                rc = -EAGAIN;
            }
            if (rc == -EAGAIN) rc = wait_for_more(w);
            if (rc < 0) return rc;
        }
        rc = take_record(w, event);
        if (rc != 0) return rc;
    }
}

int hob_watch_next(struct hob_watch *w, struct hob_watch_event *event) {
    if (w->busy) hob__misuse(__func__, "two tasks wait for the events of one watch");
    w->busy = true;
    int rc = hob__io_point(__func__);
    if (rc == 0) rc = next_event(w, event);
    w->busy = false;
    if (rc >= 0 || rc == -ECANCELED) return rc;
    if (rc == -ENOSPC) return rc; /* a folder of the tree, which hob_error() names */
    if (w->tree) return hob_fail(rc, "cannot read the events of the tree '%s'", w->tree->path);
    return hob_fail(rc, "cannot read the events of '%s'%s",
                    w->count ? w->watched[0].path : "(nothing)", w->count > 1 ? " ..." : "");
}
