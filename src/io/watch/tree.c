/* io/watch/tree.c - a folder and all below it: what of the kernel's records is told, and what they
 * do to the folders that are watched. See watch.h. */
#include "io/watch/watch.h"

#include <hob/task.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "task/wait.h"

/* ---- events ---- */

static int blank(const struct hob__tree *t, struct hob_watch_event *event,
                 enum hob_watch_what what) {
    *event = (struct hob_watch_event){.what = what, .path = t->path, .name = "", .from_id = -1};
    return 1;
}

static int tell_gone(struct hob_watch *w, struct hob_watch_event *event) {
    struct hob__tree *t = w->tree;
    int rc = hob__tree_let_go(w, t->root);
    if (rc < 0) return rc;
    t->root = NULL;
    hob__found_expire(&t->found, UINT64_MAX);
    t->ended = true;
    return blank(t, event, HOB_WATCH_GONE);
}

static int tell_trouble(struct hob__tree *t, struct hob_watch_event *event) {
    struct hob__trouble *trouble = hob__container(t->trouble.next, struct hob__trouble, link);
    int code = trouble->code;
    size_t size = strlen(trouble->name) + 1;
    if (size > t->name.room) {
        char *text = hob__realloc(t->name.text, size);
        if (!text) return -ENOMEM;
        t->name = (struct hob__path){text, size};
    }
    memcpy(t->name.text, trouble->name, size);
    hob__list_remove(&trouble->link);
    hob__free(trouble);
    if (code == -ENOSPC)
        return hob__fail(false, code, "hob_watch_next", __FILE__, __LINE__,
                         "cannot watch '%s/%s': fs.inotify.max_user_watches is reached", t->path,
                         t->name.text);
    blank(t, event, HOB_WATCH_UNSEEN);
    event->name = t->name.text;
    event->is_folder = true;
    event->error = code;
    return 1;
}

/* The names that were found and not told yet. 1, 0 or an error. */
static int tell_found(struct hob__tree *t, struct hob_watch_event *event) {
    while (t->at < t->ready) {
        const struct hob__dirent *r = (const struct hob__dirent *)(const void *)(t->names + t->at);
        bool told = r->offset == HOB__LOOK_NEW;
        if (told && hob__node_path(t->listed, r->name, &t->name) < 0) return -ENOMEM;
        t->at += r->size;
        if (!told) continue;
        blank(t, event, HOB_WATCH_CREATED);
        event->name = t->name.text;
        event->is_folder = r->type == DT_DIR;
        event->found = true;
        return 1;
    }
    return 0;
}

/* ---- looking at the whole tree ---- */

static bool looking(const struct hob__tree *t) { return t->listed || !hob__list_empty(&t->due); }

static int look_at_all(struct hob_watch *w) {
    while (!w->tree->root || looking(w->tree)) {
        int rc = hob__look(w, NULL, NULL, false);
        if (rc == 0) rc = hob__io_point("hob_watch_next");
        if (rc < 0) return rc;
    }
    return 0;
}

/* Lets go of the folders that were not seen. */
static void drop_unseen(struct hob_watch *w) {
    const struct hob__nodes *nodes = &w->tree->nodes;
    for (size_t i = 0; nodes->by_id && i <= nodes->mask; i++) {
        struct hob__node *n = nodes->by_id[i];
        while (n) {
            if (n->round == w->tree->round) {
                n = n->next_by_id;
            } else {
                hob__tree_drop(w, n);
                n = nodes->by_id ? nodes->by_id[i] : NULL;
            }
        }
    }
}

static void begin_round(struct hob__tree *t) {
    t->quiet = true;
    t->round++;
    hob__look_at(t, t->root, false);
}

int hob__tree_pending(struct hob_watch *w, struct hob_watch_event *event) {
    struct hob__tree *t = w->tree;
    int rc;
    if (t->quiet) {
        rc = look_at_all(w);
        if (rc < 0) return rc;
        if (!t->lost) drop_unseen(w);
        t->quiet = false;
        blank(t, event, HOB_WATCH_OVERFLOW);
        event->id = -1;
        event->path = "";
        return 1;
    }
    for (;;) {
        if (!hob__list_empty(&t->trouble)) return tell_trouble(t, event);
        rc = tell_found(t, event);
        if (rc != 0 || !looking(t)) return rc;
        rc = hob__look(w, NULL, NULL, false);
        if (rc < 0) return rc;
    }
}

int hob__tree_idle(struct hob_watch *w, struct hob_watch_event *event) {
    return w->tree->lost && w->tree->root ? tell_gone(w, event) : 0;
}

/* ---- records ---- */

/* A rename inside of the tree. */
static int tell_move(struct hob_watch *w, const struct inotify_event *e, struct hob__node *from,
                     struct inotify_event *to, struct hob__node *at,
                     struct hob_watch_event *event) {
    struct hob__tree *t = w->tree;
    if (hob__node_path(from, hob__record_name(e), &t->from) < 0) return -ENOMEM;
    if (hob__node_path(at, hob__record_name(to), &t->name) < 0) return -ENOMEM;
    if (to->mask & IN_ISDIR) {
        bool look = w->consumed < t->looked;
        struct hob__node *moved = hob__node_child(&t->nodes, from, hob__record_name(e));
        if (moved && !hob__node_is_in(at, moved)) {
            struct hob__node *old = hob__node_child(&t->nodes, at, hob__record_name(to));
            int rc = hob__node_move(&t->nodes, moved, at, hob__record_name(to));
            if (rc < 0) return rc;
            if (old && old != moved) hob__tree_drop(w, old);
        } else {
            look = true;
        }
        int rc = look ? hob__look(w, at, hob__record_name(to), true) : 0;
        if (rc < 0) return rc;
    }
    hob__found_take(&t->found, e->wd, hob__record_name(e));
    hob__found_take(&t->found, to->wd, hob__record_name(to));
    blank(t, event, HOB_WATCH_MOVED);
    event->name = t->name.text;
    event->from = t->from.text;
    event->from_id = 0;
    event->is_folder = (to->mask & IN_ISDIR) != 0;
    to->mask = 0;
    return t->what & HOB_WATCH_MOVED ? 1 : 0;
}

/* The name has come, or gone. 1: it was told already; 0, or an error. */
static int follow(struct hob_watch *w, const struct inotify_event *e, struct hob__node *n) {
    struct hob__tree *t = w->tree;
    const char *name = hob__record_name(e);
    bool came = (e->mask & (IN_CREATE | IN_MOVED_TO)) != 0;
    bool gone = (e->mask & (IN_DELETE | IN_MOVED_FROM)) != 0;
    if (!came && !gone) return 0;
    bool found = hob__found_take(&t->found, n->id, name);
    if (came && found) return 1;
    if (!(e->mask & IN_ISDIR)) return 0;
    if (came) return hob__look(w, n, name, false);
    struct hob__node *child = hob__node_child(&t->nodes, n, name);
    return child ? hob__tree_let_go(w, child) : 0;
}

static bool asked(const struct hob__tree *t, enum hob_watch_what what) {
    if (what == HOB_WATCH_MOVED_IN || what == HOB_WATCH_MOVED_OUT) what = HOB_WATCH_MOVED;
    return (t->what & (unsigned)what) != 0;
}

int hob__tree_tell(struct hob_watch *w, const struct inotify_event *e, struct inotify_event *to,
                   struct hob_watch_event *event) {
    struct hob__tree *t = w->tree;
    if (!t->root) return 0;
    if (e->mask & IN_Q_OVERFLOW) {
        begin_round(t);
        return 0;
    }
    struct hob__node *n = hob__node_of(&t->nodes, e->wd);
    if (!n) return 0;
    if (e->mask & (IN_IGNORED | IN_MOVE_SELF)) {
        if (n == t->root) return tell_gone(w, event);
        if (e->mask & IN_IGNORED) hob__tree_drop(w, n);
        return 0;
    }
    /* What a folder's own watch says of itself, its parent's says, too. */
    if (e->len == 0 && n != t->root) return 0;
    hob__found_expire(&t->found, w->consumed);
    struct hob__node *at = to ? hob__node_of(&t->nodes, to->wd) : NULL;
    if (at) return tell_move(w, e, n, to, at, event);
    if (hob__node_path(n, e->len ? e->name : NULL, &t->name) < 0) return -ENOMEM;
    int rc = follow(w, e, n);
    if (rc != 0) return rc < 0 ? rc : 0;
    enum hob_watch_what what = hob__watch_what(e->mask);
    if (!asked(t, what)) return 0;
    blank(t, event, what);
    event->name = t->name.text;
    event->is_folder = (e->mask & IN_ISDIR) != 0;
    return 1;
}

/* ---- the handle ---- */

void hob__tree_free(struct hob_watch *w) {
    struct hob__tree *t = w->tree;
    if (t->root) hob__tree_forget(w);
    hob__free(t->nodes.by_id); /* without a node, when the first one failed */
    hob__found_expire(&t->found, UINT64_MAX);
    while (!hob__list_empty(&t->trouble)) {
        struct hob__trouble *trouble = hob__container(t->trouble.next, struct hob__trouble, link);
        hob__list_remove(&trouble->link);
        hob__free(trouble);
    }
    hob__free(t->name.text);
    hob__free(t->from.text);
    hob__free(t->scratch.text);
    hob__free(t->path);
    hob__free(t->top);
    hob__free(t);
}

static int absolute(const char *path, char **out) {
    char here[PATH_MAX] = "";
    if (path[0] != '/' && !getcwd(here, sizeof here)) return -errno;
    size_t size = strlen(here) + strlen(path) + 2;
    *out = hob__alloc(size);
    if (!*out) return -ENOMEM;
    snprintf(*out, size, "%s%s%s", here, here[0] ? "/" : "", path);
    return 0;
}

static int new_tree(const char *path, unsigned what, struct hob__tree **out) {
    struct hob__tree *t = hob__alloc(sizeof *t);
    if (!t) return -ENOMEM;
    memset(t, 0, offsetof(struct hob__tree, names));
    hob__list_init(&t->due);
    hob__list_init(&t->trouble);
    hob__list_init(&t->found.order);
    t->what = what;
    t->events = hob__watch_events(what | HOB_WATCH_CREATED | HOB_WATCH_REMOVED | HOB_WATCH_MOVED) |
                IN_ONLYDIR;
    t->path = hob__strdup(path);
    int rc = t->path ? absolute(path, &t->top) : -ENOMEM;
    if (rc < 0) {
        hob__free(t->path);
        hob__free(t);
        return rc;
    }
    *out = t;
    return 0;
}

static int open_tree(struct hob_watch *w, const char *path, unsigned what) {
    int rc = new_tree(path, what, &w->tree);
    if (rc < 0) return hob__file_fail(rc, "hob_watch_tree", "watch", path);
    struct hob__tree *t = w->tree;
    t->opening = t->quiet = true;
    rc = look_at_all(w);
    t->opening = t->quiet = false;
    if (rc == -ENOSPC)
        return hob__fail(false, rc, "hob_watch_tree", __FILE__, __LINE__,
                         "cannot watch all in '%s': fs.inotify.max_user_watches is reached after "
                         "%zu folders of it",
                         path, t->nodes.count);
    return rc < 0 ? hob__file_fail(rc, "hob_watch_tree", "watch", path) : 0;
}

int hob_watch_tree(const char *path, unsigned what, struct hob_watch **out) {
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    rc = hob__watch_what_check(what, path);
    if (rc < 0) return rc;
    struct hob_watch *w;
    rc = hob_watch_open(&w);
    if (rc < 0) return rc;
    rc = open_tree(w, path, what);
    if (rc < 0) {
        hob_watch_close(w);
        return rc;
    }
    *out = w;
    return 0;
}
