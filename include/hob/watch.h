/* hob/watch.h - being told of changes in the file system (inotify): files that come, go, change,
 * are renamed.
 *
 *   struct hob_watch *w;
 *   HOB_TRY(hob_watch_open(&w));
 *   HOB_TRY(hob_watch_add(w, "conf.d", HOB_WATCH_ALL));
 *   while ((rc = hob_watch_next(w, &event)) > 0) ...
 *
 * A folder's watch tells of the names in it, not of what is in folders below: hob_watch_tree() is
 * for those. To follow a file that others replace (as editors and hob_write_file() do) watch its
 * folder: a file's own watch ends with the file. Network file systems tell only of what this
 * machine does. */
#ifndef HOB_WATCH_H
#define HOB_WATCH_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_watch;

enum hob_watch_what {
    HOB_WATCH_CREATED = 1,
    HOB_WATCH_REMOVED = 2,
    HOB_WATCH_CHANGED = 4,     /* written to, or cut; for each time */
    HOB_WATCH_WRITTEN = 8,     /* closed by one who could write: probably complete now */
    HOB_WATCH_ATTRIBUTES = 16, /* mode, owner, times, number of links */
    HOB_WATCH_MOVED = 32, /* renamed from `from` to `name`, or into or out of what is watched */
    HOB_WATCH_ALL = 63,
    /* Told without being asked for: */
    HOB_WATCH_MOVED_IN = 64,   /* to `name`, from where nobody watches */
    HOB_WATCH_MOVED_OUT = 128, /* `name` went where nobody watches */
    HOB_WATCH_SELF_MOVED =
        256,              /* the watched file or folder itself was renamed; the watch goes on */
    HOB_WATCH_GONE = 512, /* it was removed, or its file system unmounted: the last word of `id` */
    HOB_WATCH_OVERFLOW = 1024, /* events were lost, since nobody took them in time (the kernel keeps
                                  fs.inotify.max_queued_events): look again at everything that is
                                  watched */
    HOB_WATCH_UNSEEN = 2048    /* in a tree: the folder `name` cannot be watched, event.error says
                                  why; what happens in it is not told */
};

struct hob_watch_event {
    enum hob_watch_what what;
    int id;           /* as hob_watch_add() returned it; -1: HOB_WATCH_OVERFLOW */
    const char *path; /* as it was given to hob_watch_add(); "" for -1 */
    const char *name; /* in that folder; "" = what is watched itself */
    const char *from; /* HOB_WATCH_MOVED: the name before; else NULL */
    int from_id;      /* HOB_WATCH_MOVED: the watch of the folder that it was in; else -1 */
    bool is_folder;
    bool found; /* HOB_WATCH_CREATED in a tree: it was there when its folder, a new one, was first
                   looked into. It may be complete already: no HOB_WATCH_WRITTEN need follow */
    int error;  /* HOB_WATCH_UNSEEN: -EACCES, -ENAMETOOLONG ...; else 0 */
};

/* A handle for single files and folders, which hob_watch_add() adds.
 * 0 and *out; -EMFILE (also when fs.inotify.max_user_instances is reached), -ENOMEM. Does not wait.
 */
HOB_API int hob_watch_open(struct hob_watch **out);
/* Watches a file or a folder from now on; what: HOB_WATCH_* that can be asked for. An id >= 0; the
 * same one, with `what` as it is now, if this file or folder is watched already. -ENOENT, -EACCES,
 * -ENOSPC (fs.inotify.max_user_watches is reached). Cancellation point. */
HOB_API int hob_watch_add(struct hob_watch *w, const char *path, unsigned what);
/* Ends a watch; nothing of it is told any more. 0, or -EINVAL when there is none of this id. Does
 * not wait. */
HOB_API int hob_watch_remove(struct hob_watch *w, int id);
/* A handle that follows one folder and all below it, symbolic links not. Folders that come are
 * watched as well, and what they hold by then, however deep, is told as HOB_WATCH_CREATED (whether
 * that was asked for or not): once, be it found or told by the kernel, unless a single new folder
 * holds more than 65,536 names, or is renamed while it is looked into. Folders that go, or are
 * renamed out of the tree, are let go of. What is there when the call returns is not told.
 *
 * Events: `id` is 0, `path` the folder as given here (relative to where the program was then),
 * `name` and `from` are paths in it. The folder itself removed or renamed, or a folder above it
 * renamed: HOB_WATCH_GONE, then the end. HOB_WATCH_OVERFLOW comes once all folders that are there
 * then are watched, so that what the caller finds and what is told afterwards leave no gap.
 *
 * Each folder takes one of fs.inotify.max_user_watches and about 200 bytes. 0 and *out;
 * -ENOENT, -ENOTDIR, -EACCES (a folder below that cannot be read is HOB_WATCH_UNSEEN instead),
 * -ENOSPC (max_user_watches is reached), -EMFILE, -ENOMEM: nothing is watched. While it looks into
 * folders it needs three descriptors more. Cancellation point. */
HOB_API int hob_watch_tree(const char *path, unsigned what, struct hob_watch **out);
/* Waits for the next event, in the order in which they happened: 1 and *event, whose strings are
 * valid until the next call on w; 0: the tree has gone, and that was told; or an error, after which
 * one may go on: -ENOSPC, a new folder of a tree is not watched, since max_user_watches is reached
 * (once for each; hob_error() names it); -EMFILE, -ENOMEM: nothing is lost, try again. The two
 * halves of a rename are told as one; when the second does not come within 10 ms, it is
 * HOB_WATCH_MOVED_OUT. Cancelled, it has taken nothing. One task at a time (else misuse).
 * Cancellation point. */
HOB_API int hob_watch_next(struct hob_watch *w, struct hob_watch_event *event);
/* Closes and frees; NULL is allowed. Waits for the kernel to let go of all watches (some 10 ms); no
 * cancel cuts that short. A task that waits on it: misuse. */
HOB_API void hob_watch_close(struct hob_watch *w);

#ifdef __cplusplus
}
#endif
#endif
