/* loop/sim/files.h - a host's file system: what its programs see (the cache), and what would be
 * left if the power went now (the disk).
 *
 * Content. A file is a row of pages of eight sectors. A write goes to the page and marks its
 * sectors dirty, keeping what the disk has of them (`old`). fsync makes all of them clean; so does
 * the kernel's own writing back, at random times, for some of them. In a crash each dirty sector is
 * what it was or what it became; the length, too, is what it was, what it became, or something
 * between.
 *
 * Names. A folder has a table that is seen (`now`) and one on the disk (`disk`). What is done to
 * names stands in a journal of changes until it is committed; a rename is one change. In a crash
 * some of the changes have happened, others have not, in the order of one of four file systems
 * (enum hob__sim_journal).
 *
 * A node lives while somebody names it: a folder's tables, a change, an open descriptor. */
#ifndef HOB_LOOP_SIM_FILES_H
#define HOB_LOOP_SIM_FILES_H

#include "loop/sim/sim.h"

enum {
    HOB__SIM_PAGE = 4096,
    HOB__SIM_SECTOR = 512,
    HOB__SIM_SECTORS = HOB__SIM_PAGE / HOB__SIM_SECTOR
};
#define HOB__SIM_FILE_MAX INT64_C(0x40000000) /* bytes; more is -EFBIG */
enum { HOB__SIM_UID = 1000, HOB__SIM_UMASK = 022 };

/* Which of the changes of names that nobody has synced a crash may leave undone. */
enum hob__sim_journal {
    HOB__SIM_JOURNAL_ONE,     /* all behind some point; an fsync of anything commits all (ext4) */
    HOB__SIM_JOURNAL_STRICT,  /* the same, but an fsync commits no more than it has to */
    HOB__SIM_JOURNAL_FOLDERS, /* for each folder, all behind some point */
    HOB__SIM_JOURNAL_NONE,    /* any; changes of folders themselves keep their order */
    HOB__SIM_JOURNALS
};

struct hob__sim_page {
    char *now;     /* NULL: zeroes */
    char *old;     /* what the disk has of the dirty and the lost sectors; NULL: zeroes */
    uint8_t dirty; /* a bit for each sector */
    uint8_t lost;  /* an fsync failed on it: it is not written any more, and is not on the disk */
};

struct hob__sim_node;

struct hob__sim_name {
    uint64_t key; /* a hash: the folder's order, and the position of getdents() */
    char *text;
    struct hob__sim_node *node;
};
struct hob__sim_names {
    struct hob__sim_name *all; /* by key */
    size_t count, room;
};

struct hob__sim_node {
    struct hob__sim_fs *fs;
    struct hob_list link; /* in fs->nodes */
    uint64_t inode;
    unsigned refs, links, opens;
    uint32_t mode, disk_mode;
    uint32_t device;          /* S_IFCHR: its minor number, of the memory devices */
    int64_t changed, touched; /* ns since 1970: the content, anything */
    /* Where it stands; of several names one of them. NULL: removed (or that name is). */
    struct hob__sim_node *parent;
    char *name;
    /* S_IFREG */
    struct hob__sim_page *pages;
    size_t page_count;
    int64_t size, disk_size;
    int64_t cut; /* the shortest that it has been since disk_size held; INT64_MAX: never shorter */
    /* S_IFLNK */
    char *target;
    /* S_IFDIR */
    struct hob__sim_names now, disk;
    bool mark;
};

/* One change of names: `gone` leaves `from`, `name` in `to` becomes node. Either may be missing. */
struct hob__sim_change {
    struct hob__sim_change *next;
    struct hob__sim_node *from, *to, *node;
    char *gone, *name;
    bool folder; /* node is one */
    bool keep;   /* to be committed now */
};

struct hob__sim_fs {
    struct hob__sim_host *host;
    struct hob__sim_node *root;
    struct hob_list nodes;
    struct hob_list watches; /* files_watch.c */
    uint64_t next_inode, salt;
    struct hob__sim_change *changes, **last_change;
    enum hob__sim_journal journal;
    bool stale; /* after a crash, sectors that were never written hold what was there before */
    uint64_t pages, pages_max; /* in use; 0: no limit */
    uint32_t cached;           /* how often an attempt need not go to the disk */
    uint32_t write_back;       /* how often a call makes the kernel write something back */
    uint32_t read_error, write_error, sync_error;
    uint64_t slow_ns;  /* what offloaded work takes at most */
    uint64_t crash_in; /* calls until the power goes; 0: it does not */
    void (*crash)(struct hob__sim_host *h);
    uint32_t cookie; /* of renames, for watches */
};

/* A descriptor of a file or folder. */
struct hob__sim_file {
    struct hob__sim_end end;
    struct hob__sim_node *node;
    int flags;
    int64_t position;
    uint64_t key; /* of the next name for getdents() */
    bool wrote;
};
extern const struct hob__sim_kind hob__sim_file_kind;

static inline bool hob__sim_is_folder(const struct hob__sim_node *n) {
    return (n->mode & 0170000) == 0040000;
}
static inline uint64_t hob__sim_files_draw(struct hob__sim_fs *fs, uint64_t n) {
    return hob__sim_below(fs->host->world, HOB__SIM_FILES, n);
}
static inline bool hob__sim_files_chance(struct hob__sim_fs *fs, uint32_t p) {
    return hob__sim_chance(fs->host->world, HOB__SIM_FILES, p);
}
/* ---- files.c ---- */
/* The host's, which is made at the first need. */
struct hob__sim_fs *hob__sim_host_fs(struct hob__sim_host *h);
/* Of the host whose loop b is; NULL: its files are the real ones. */
struct hob__sim_fs *hob__sim_fs_of(struct hob__backend *b);
/* A call on files begins: a job's lets others run first. 0; -EIO: the machine has crashed. */
int hob__sim_files_enter(struct hob__backend *b);

/* ---- files_node.c ---- */
struct hob__sim_node *hob__sim_node_new(struct hob__sim_fs *fs, uint32_t mode);
void hob__sim_node_keep(struct hob__sim_node *n);
void hob__sim_node_drop(struct hob__sim_node *n);
void hob__sim_node_touch(struct hob__sim_node *n, bool content);
/* It stands there now (parent NULL: nowhere). */
void hob__sim_node_place(struct hob__sim_node *n, struct hob__sim_node *parent, const char *name);
/* NULL: there is none. */
struct hob__sim_node *hob__sim_names_find(const struct hob__sim_fs *fs,
                                          const struct hob__sim_names *t, const char *name);
/* What was there is let go. node NULL: nothing is to be there. */
void hob__sim_names_set(const struct hob__sim_fs *fs, struct hob__sim_names *t, const char *name,
                        struct hob__sim_node *node);
void hob__sim_names_clear(struct hob__sim_names *t);
/* The first whose key is at least that. */
size_t hob__sim_names_from(const struct hob__sim_names *t, uint64_t key);

/* ---- files_data.c: content ---- */
size_t hob__sim_data_read(const struct hob__sim_node *n, void *buf, size_t count, int64_t at);
/* How many; fewer when the disk is full; -ENOSPC, -EFBIG. */
ssize_t hob__sim_data_write(struct hob__sim_node *n, const void *buf, size_t count, int64_t at);
void hob__sim_data_resize(struct hob__sim_node *n, int64_t size);
void hob__sim_data_free(struct hob__sim_node *n);
/* All of it is on the disk. */
void hob__sim_data_sync(struct hob__sim_node *n);
/* An fsync that failed: some is on the disk, the rest will never be. */
void hob__sim_data_sync_fails(struct hob__sim_node *n);
/* The kernel writes some of it back. */
void hob__sim_data_write_back(struct hob__sim_node *n);
/* The power has gone: the node is what the disk has. */
void hob__sim_data_crash(struct hob__sim_node *n);

/* ---- files_journal.c: changes of names ---- */
/* Makes the change in the tables that are seen, and writes it down. from and to may be NULL. */
void hob__sim_change(struct hob__sim_fs *fs, struct hob__sim_node *from, const char *gone,
                     struct hob__sim_node *to, const char *name, struct hob__sim_node *node);
/* An fsync of n (a folder or a file). */
void hob__sim_journal_sync(struct hob__sim_fs *fs, struct hob__sim_node *n);
/* All of them. */
void hob__sim_journal_commit(struct hob__sim_fs *fs);
/* What the kernel commits by itself now and then. */
void hob__sim_journal_write_back(struct hob__sim_fs *fs);
void hob__sim_journal_crash(struct hob__sim_fs *fs);
void hob__sim_journal_drop(struct hob__sim_fs *fs);

/* ---- files_path.c ---- */
struct hob__sim_found {
    struct hob__sim_node *folder; /* that holds the name */
    struct hob__sim_node *node;   /* NULL: there is none */
    char name[256];               /* ".", "..": of a folder itself */
    bool slash;                   /* one stands at the end */
};
/* 0, or why there is not even a folder for it. follow: 1, a link at the end too; 0, not that one;
 * -1, none at all (-ELOOP). */
int hob__sim_find(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path, int follow,
                  struct hob__sim_found *out);
/* May the program do that (4 read, 2 write, 1 search)? */
static inline bool hob__sim_may(const struct hob__sim_node *n, uint32_t what) {
    return ((n->mode >> 6) & what) == what;
}

/* ---- files_names.c: calls by path. -errno. ---- */
int hob__sim_file_open(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path,
                       int flags, uint32_t mode);
int hob__sim_file_mkdir(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path,
                        uint32_t mode);
int hob__sim_file_symlink(struct hob__sim_fs *fs, const char *target, struct hob__sim_node *at,
                          const char *path);
/* A Unix socket's; *out is kept. */
int hob__sim_file_mksock(struct hob__sim_fs *fs, const char *path, uint32_t mode,
                         struct hob__sim_node **out);
int hob__sim_file_link(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *from,
                       const char *to, int flags);
int hob__sim_file_unlink(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path,
                         int flags);
int hob__sim_file_rename(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *from,
                         const char *to, unsigned flags);

/* ---- files_fd.c: calls on a descriptor. -errno. ---- */
ssize_t hob__sim_file_read(struct hob__sim_file *f, const struct iovec *iov, int count, int64_t at);
ssize_t hob__sim_file_write(struct hob__sim_file *f, const struct iovec *iov, int count,
                            int64_t at);
int hob__sim_file_sync(struct hob__sim_file *f);
int hob__sim_file_truncate(struct hob__sim_file *f, int64_t size);
ssize_t hob__sim_file_getdents(struct hob__sim_file *f, void *buf, size_t n);
ssize_t hob__sim_file_copy(struct hob__sim_file *from, struct hob__sim_file *to, size_t n);
void hob__sim_node_stat(const struct hob__sim_node *n, struct stat *st);

/* ---- files_watch.c: inotify; e: any descriptor ---- */
int hob__sim_watch_open(struct hob__sim_fs *fs);
int hob__sim_watch_add(struct hob__sim_end *e, struct hob__sim_node *n, uint32_t events);
int hob__sim_watch_remove(struct hob__sim_end *e, int id);
ssize_t hob__sim_watch_read(struct hob__sim_end *e, void *buf, size_t n);
int hob__sim_watch_queued(struct hob__sim_end *e);
/* Tells whoever watches the folder of a name (and the node itself, of its own events). */
void hob__sim_watch_tell(struct hob__sim_node *folder, const char *name, struct hob__sim_node *node,
                         uint32_t events, uint32_t cookie);
/* Of something that happened to the node: tells by its name in its folder, too. */
void hob__sim_watch_node(struct hob__sim_node *n, uint32_t events);
/* The node has no name any more: its watches end. */
void hob__sim_watch_gone(struct hob__sim_node *n);
#endif
