/* io/watch/look.c - looking into the folders of a tree: in worker threads. See watch.h for the
 * rules that it keeps. */
#include <dirent.h>
#include <string.h>

#include "base/memory.h"
#include "io/watch/watch.h"

/* What a cancel waits for at most while the whole tree is looked at. */
enum { QUIET_FOLDERS = 256 };

struct looking {
    struct hob__op op;
    struct hob_watch *w;
    struct hob__node *parent;
    const char *name;
    bool again;
};

static const struct hob__files *files(const struct hob_watch *w) { return w->backend->ops->files; }

/* Behind all records that are there now. */
static uint64_t position(const struct hob_watch *w) {
    int queued = files(w)->watch_queued(w->backend, w->fd->fd);
    return w->consumed + (w->end - w->at) + (queued > 0 ? (uint64_t)queued : 0);
}

/* May it be otherwise the next time, or has it to be told at once? */
static bool passing(const struct hob__tree *t, int code) {
    return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -EAGAIN ||
           (code == -ENOSPC && t->opening);
}

void hob__look_at(struct hob__tree *t, struct hob__node *n, bool tell) {
    n->tell = tell;
    hob__list_remove(&n->due);
    hob__list_append(&t->due, &n->due);
}

static void end_listing(struct hob_watch *w) {
    struct hob__tree *t = w->tree;
    if (!t->listed) return;
    files(w)->close(w->backend, t->fd);
    t->listed = NULL;
    t->at = t->ready = t->end = 0;
}

/* Frees a folder and all in it. */
static void drop(struct hob_watch *w, struct hob__node *n, bool unwatch) {
    struct hob__node *leaf = n;
    for (;;) {
        while (!hob__list_empty(&leaf->children))
            leaf = hob__container(leaf->children.next, struct hob__node, sibling);
        struct hob__node *up = leaf->parent;
        bool last = leaf == n;
        if (w->tree->listed == leaf) end_listing(w);
        if (unwatch) files(w)->watch_remove(w->backend, w->fd->fd, leaf->id);
        hob__node_free(&w->tree->nodes, leaf);
        if (last) return;
        leaf = up;
    }
}

void hob__tree_forget(struct hob_watch *w) { drop(w, w->tree->root, false); }
void hob__tree_drop(struct hob_watch *w, struct hob__node *n) { drop(w, n, true); }

struct dropping {
    struct hob__op op;
    struct hob_watch *w;
    struct hob__node *n;
};

static int drop_job(struct hob__op *op) {
    struct dropping *j = (struct dropping *)op;
    hob__tree_drop(j->w, j->n);
    return 0;
}

int hob__tree_let_go(struct hob_watch *w, struct hob__node *n) {
    if (!hob__list_empty(&n->children)) {
        struct dropping j = {.w = w, .n = n};
        return hob__file_job(&j.op, drop_job, "watch");
    }
    hob__tree_drop(w, n);
    return 0;
}

/* The folder cannot be watched. 0, or the error that ends this look. */
static int refused(struct hob_watch *w, const struct hob__node *parent, const char *name,
                   int code) {
    struct hob__tree *t = w->tree;
    if (passing(t, code)) return code;
    /* It has gone again, or become something else: its records say so. */
    if (code == -ENOENT || code == -ENOTDIR || code == -ELOOP) return 0;
    if (t->quiet && !t->opening) {
        /* All will be looked at by the caller, who meets these by himself; but not the limit. */
        if (code != -ENOSPC || !hob__list_empty(&t->trouble)) return 0;
    }
    if (hob__node_path(parent, name, &t->scratch) < 0) return -ENOMEM;
    size_t size = strlen(t->scratch.text) + 1;
    struct hob__trouble *trouble = hob__alloc(sizeof *trouble + size);
    if (!trouble) return -ENOMEM;
    trouble->code = code;
    memcpy(trouble->name, t->scratch.text, size);
    hob__list_append(&t->trouble, &trouble->link);
    return 0;
}

/* ---- opening ---- */

/* A watch that was asked for only to know whose it is. */
static void undo_watch(struct hob_watch *w, int id) {
    if (id >= 0 && !hob__node_of(&w->tree->nodes, id))
        files(w)->watch_remove(w->backend, w->fd->fd, id);
}

static int open_top(struct hob_watch *w) {
    struct hob__tree *t = w->tree;
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;
    int fd = files(w)->openat(w->backend, AT_FDCWD, t->top, flags, 0);
    int id = fd < 0 ? fd : files(w)->watch_add_folder(w->backend, w->fd->fd, fd, t->events);
    if (id >= 0 && t->opening && !t->root) {
        t->root = hob__node_add(&t->nodes, NULL, "", id);
        if (!t->root) id = -ENOMEM;
    }
    if (id >= 0 && t->root->id == id) return fd;
    undo_watch(w, id);
    if (fd >= 0) files(w)->close(w->backend, fd);
    if (id < 0 && (t->opening || passing(t, id))) return id;
    t->lost = true;
    return -ENOENT;
}

/* The node's own folder; -ENOENT when another is in its place. */
static int open_node(struct hob_watch *w, const struct hob__node *n) {
    struct hob__tree *t = w->tree;
    int top = open_top(w);
    if (top < 0 || n == t->root) return top;
    int fd = hob__node_path(n, NULL, &t->scratch);
    if (fd == 0) fd = files(w)->open_folder(w->backend, top, t->scratch.text);
    files(w)->close(w->backend, top);
    if (fd < 0) return fd;
    int id = files(w)->watch_add_folder(w->backend, w->fd->fd, fd, t->events);
    if (id == n->id) return fd;
    undo_watch(w, id);
    files(w)->close(w->backend, fd);
    return id < 0 ? id : -ENOENT;
}

/* Watches the folder `name` of `parent`, which is open as `at`. again: if it is known, it is due
 * all the same. HOB__LOOK_*, or an error that ends this look. */
static int enter(struct hob_watch *w, int at, struct hob__node *parent, const char *name,
                 bool again) {
    struct hob__tree *t = w->tree;
    int fd = files(w)->open_folder(w->backend, at, name);
    if (fd < 0) return refused(w, parent, name, fd);
    int id = files(w)->watch_add_folder(w->backend, w->fd->fd, fd, t->events);
    files(w)->close(w->backend, fd);
    if (id < 0) return refused(w, parent, name, id);
    struct hob__node *n = hob__node_of(&t->nodes, id);
    struct hob__node *old = hob__node_child(&t->nodes, parent, name);
    if (n && n == old) {
        n->round = t->round;
        if (again) hob__look_at(t, n, t->listed && t->listed->tell);
        return HOB__LOOK_KNOWN;
    }
    /* A mount shows a folder inside of itself. */
    if (n && hob__node_is_in(parent, n)) return HOB__LOOK_KNOWN;
    if (n) {
        int rc = hob__node_move(&t->nodes, n, parent, name);
        if (rc < 0) return rc;
    } else {
        n = hob__node_add(&t->nodes, parent, name, id);
        if (!n) {
            undo_watch(w, id);
            return -ENOMEM;
        }
    }
    if (old) hob__tree_drop(w, old);
    n->round = t->round;
    hob__look_at(t, n, true);
    return HOB__LOOK_NEW;
}

/* ---- listing ---- */

/* Opens the first folder that is due. */
static int begin_listing(struct hob_watch *w) {
    struct hob__tree *t = w->tree;
    struct hob__node *n = hob__container(t->due.next, struct hob__node, due);
    int fd = open_node(w, n), rc = 0;
    if (fd < 0 && n->parent) rc = refused(w, n->parent, n->name, fd);
    if (fd < 0 && !n->parent) rc = passing(t, fd) || t->opening ? fd : 0;
    if (rc < 0) return rc;
    hob__list_remove(&n->due);
    n->round = t->round;
    if (fd < 0) return 0;
    t->listed = n;
    t->fd = fd;
    t->at = t->ready = t->end = 0;
    return 0;
}

/* Names into the buffer, which is empty. */
static void read_names(struct hob_watch *w) {
    struct hob__tree *t = w->tree;
    ssize_t n = files(w)->getdents(w->backend, t->fd, t->names, sizeof t->names);
    if (n <= 0) {
        end_listing(w);
        return;
    }
    t->until = position(w);
    t->at = t->ready = 0;
    t->end = (size_t)n;
}

/* Makes the names that were read ready to be told: those of folders are entered first. */
static int prepare(struct hob_watch *w) {
    struct hob__tree *t = w->tree;
    bool tell = t->listed->tell && !t->quiet;
    while (t->ready < t->end) {
        struct hob__dirent *r = (struct hob__dirent *)(void *)(t->names + t->ready);
        int told = tell ? HOB__LOOK_NEW : HOB__LOOK_KNOWN;
        if (hob__is_dots(r->name)) {
            told = HOB__LOOK_KNOWN;
        } else {
            hob__dirent_type(w->backend, t->fd, r);
            int rc = r->type == DT_DIR ? enter(w, t->fd, t->listed, r->name, true) : told;
            if (rc < 0) return rc;
            if (rc == HOB__LOOK_NEW && !t->quiet) told = rc;
            if (told == HOB__LOOK_NEW) hob__found_add(&t->found, t->listed->id, r->name, t->until);
        }
        r->offset = told;
        t->ready += r->size;
    }
    if (t->quiet) t->at = t->ready;
    return 0;
}

static int list(struct hob_watch *w) {
    struct hob__tree *t = w->tree;
    int folders = 0;
    while (t->at == t->ready) {
        int rc = 0;
        if (t->ready < t->end) {
            rc = prepare(w);
        } else if (t->listed) {
            read_names(w);
        } else {
            if (hob__list_empty(&t->due) || folders++ == QUIET_FOLDERS) return 0;
            rc = begin_listing(w);
        }
        if (rc < 0) return rc;
    }
    return 0;
}

static int look_job(struct hob__op *op) {
    struct looking *j = (struct looking *)op;
    struct hob_watch *w = j->w;
    struct hob__tree *t = w->tree;
    int rc = 0;
    if (!t->root) {
        int fd = open_top(w);
        if (fd < 0) return fd;
        files(w)->close(w->backend, fd);
        hob__look_at(t, t->root, false);
    }
    if (j->parent) {
        int at = open_node(w, j->parent);
        if (at >= 0) {
            rc = enter(w, at, j->parent, j->name, j->again);
            files(w)->close(w->backend, at);
        } else if (passing(t, at)) {
            rc = at;
        }
    }
    if (rc >= 0) {
        rc = list(w);
        if (j->parent) rc = 0; /* that was done; the rest is tried again */
    }
    t->looked = position(w);
    return rc;
}

int hob__look(struct hob_watch *w, struct hob__node *parent, const char *name, bool again) {
    struct looking j = {.w = w, .parent = parent, .name = name, .again = again};
    return hob__file_job(&j.op, look_job, "watch");
}
