/* io/watch/watch.h - the inside of watches: what a handle that follows single folders and one that
 * follows a tree have in common, and the tree.
 *
 * A tree (tree.c) has a node for each folder in it, each with a watch of the kernel's. The
 * names of nodes are as of the record that was taken last, so they may be behind the disk; looking
 * into a folder (look.c) is ahead of the records. Three rules keep that from losing anything:
 *
 * 1. A folder is listed after its watch is there. What was found is told as created, and remembered
 *    (found.c) until all records that were in the queue at that time are taken: those that
 *    tell of the same name again are dropped.
 * 2. What is found at a node's path counts only if it is the node's own folder: asking for its
 * watch gives the node's number. Else names have moved on, and a record that says so is still to
 * come.
 * 3. A rename that happened before we last looked (its record was in the queue then) may have
 * hidden folders from us: all below it is looked at again.
 *
 * All work on the tree is done in a worker thread, while the one task that may use the handle waits
 * for it; so nothing needs a lock. */
#ifndef HOB_IO_WATCH_H
#define HOB_IO_WATCH_H

#include <hob/watch.h>
#include <sys/inotify.h>

#include "base/list.h"
#include "io/file/file.h"
#include "task/fdwait.h"

enum { HOB__WATCH_RECORDS = 16 << 10, HOB__WATCH_NAMES = 32 << 10, HOB__WATCH_FOUND = 1 << 16 };

struct hob__watched {
    int id;
    char *path;
};

struct hob_watch {
    struct hob__backend *backend;
    struct hob__fd *fd;
    struct hob__tree *tree; /* NULL: single watches */
    struct hob__watched *watched;
    size_t count, room;
    bool busy;
    char *old_path;    /* of a watch that has ended: its last event still shows it */
    uint64_t consumed; /* bytes of records taken so far */
    size_t at, end;
    _Alignas(8) char records[HOB__WATCH_RECORDS];
};

/* Of the kernel, for what hob_watch_add() is asked for. */
uint32_t hob__watch_events(unsigned what);
/* 0, or -EINVAL with its words. */
int hob__watch_what_check(unsigned what, const char *path);
enum hob_watch_what hob__watch_what(uint32_t mask);

static inline const char *hob__record_name(const struct inotify_event *e) {
    return e->len ? e->name : "";
}

/* ---- nodes.c: the folders ---- */

struct hob__node {
    struct hob__node *next_by_id, *next_by_name;
    struct hob__node *parent; /* NULL: the top */
    struct hob_list children, sibling;
    struct hob_list due; /* in tree.due: is to be listed */
    char *name;          /* in its parent */
    int id;
    unsigned round; /* of looking at the whole tree, in which it was seen last */
    bool tell;      /* when it is listed: all that is in it, not only folders nobody knew */
};

/* A path that grows. */
struct hob__path {
    char *text;
    size_t room;
};

struct hob__nodes {
    struct hob__node **by_id, **by_name;
    size_t count, mask;
};

struct hob__node *hob__node_of(const struct hob__nodes *t, int id);
struct hob__node *hob__node_child(const struct hob__nodes *t, const struct hob__node *parent,
                                  const char *name);
/* NULL without memory. */
struct hob__node *hob__node_add(struct hob__nodes *t, struct hob__node *parent, const char *name,
                                int id);
/* 0, or -ENOMEM: it is where it was. */
int hob__node_move(struct hob__nodes *t, struct hob__node *n, struct hob__node *parent,
                   const char *name);
/* Of a node without children. */
void hob__node_free(struct hob__nodes *t, struct hob__node *n);
/* Is `above` the node, or one of the folders it is in? */
bool hob__node_is_in(const struct hob__node *n, const struct hob__node *above);
/* p->text: the path of `name` (NULL: of the node itself) in the tree; 0 or -ENOMEM. */
int hob__node_path(const struct hob__node *n, const char *name, struct hob__path *p);

/* ---- found.c: names that were told before their record came ---- */

struct hob__found {
    struct hob__found_name **buckets;
    struct hob_list order; /* by `until` */
    size_t count;
};

/* The folder's name was found, and its record may be among those up to `until`. Without memory, or
 * when HOB__WATCH_FOUND names are known, it is not remembered: its record is told as well. */
void hob__found_add(struct hob__found *f, int id, const char *name, uint64_t until);
/* Forgets the name: true if it was known. */
bool hob__found_take(struct hob__found *f, int id, const char *name);
/* Forgets what was found before position `at` was queued. */
void hob__found_expire(struct hob__found *f, uint64_t at);

/* ---- look.c: looking into folders ---- */

struct hob__trouble {
    struct hob_list link;
    int code;
    char name[];
};

struct hob__tree {
    char *path; /* as it was given */
    char *top;  /* the same, absolute: a chdir() does not matter */
    unsigned what;
    uint32_t events;
    struct hob__nodes nodes;
    struct hob__node *root;  /* NULL: it has gone */
    struct hob_list due;     /* nodes to be listed */
    struct hob_list trouble; /* folders that cannot be watched, not told yet */
    struct hob__found found;
    uint64_t looked; /* the position behind what was queued when we last looked */
    unsigned round;
    uint64_t until; /* the same for the names below */
    bool opening;   /* an error ends it */
    bool quiet;     /* the whole tree is being looked at, and nothing told */
    bool lost;      /* the top is not where it was */
    bool ended;     /* HOB_WATCH_GONE has been told */
    struct hob__path name, from, scratch;
    /* The folder that is being listed. */
    struct hob__node *listed; /* NULL: none */
    int fd;
    size_t at, ready, end; /* names [at, ready) are to be told */
    _Alignas(8) char names[HOB__WATCH_NAMES];
};

/* In hob__dirent.offset of the names: is it to be told? */
enum { HOB__LOOK_KNOWN, HOB__LOOK_NEW };

/* Watches the folder `name` of `parent` (NULL: only goes on), and lists what is due, until there
 * are names to be told or nothing is due (or, when quiet, until it has worked long enough for one
 * go). again: if the folder is known, what is below is due to be checked. A folder that cannot be
 * watched is in tree.trouble then. 0; or an error after which the same call may be made again
 * (-EMFILE, -ENOMEM ...). */
int hob__look(struct hob_watch *w, struct hob__node *parent, const char *name, bool again);
/* It is to be listed. */
void hob__look_at(struct hob__tree *t, struct hob__node *n, bool tell);
/* Lets go of a folder and of all in it, at once: 2 microseconds for each. */
void hob__tree_drop(struct hob_watch *w, struct hob__node *n);
/* The same, in a worker if there is much in it: 0, or an error: nothing is done. */
int hob__tree_let_go(struct hob_watch *w, struct hob__node *n);
/* Frees all nodes; their watches end with the descriptor. */
void hob__tree_forget(struct hob_watch *w);

/* ---- tree.c: telling ---- */

/* What is to be told before the next record is: 1 and *event, 0, or an error. */
int hob__tree_pending(struct hob_watch *w, struct hob_watch_event *event);
/* The record at w->at, with its other half (NULL: none): 1 and *event, 0: nothing to be told, or an
 * error: the record is not dealt with. */
int hob__tree_tell(struct hob_watch *w, const struct inotify_event *e, struct inotify_event *to,
                   struct hob_watch_event *event);
/* Nothing is queued: is that because the top has been moved away? Then as hob__tree_pending(). */
int hob__tree_idle(struct hob_watch *w, struct hob_watch_event *event);
void hob__tree_free(struct hob_watch *w);

#endif
