/* scandir_fuzz.c - folders: whatever names and types the kernel gives, in whatever portions,
 * walking gives each name of each folder once, with its path, and leaves no descriptor open. */
#include <dirent.h>

#include "world.h"

#include "io/file/file.h"

/* A tree that the input describes: an entry is a name, a type, and the folder that it is in. */
enum { ENTRIES = 40, FOLDERS = 12 };
struct entry {
    char name[256];
    uint8_t type; /* as it is */
    bool hidden;  /* the kernel says DT_UNKNOWN */
    int in;       /* folder */
    int folder;   /* its own, if it is one; -1 */
    bool seen;
};
static struct entry entries[ENTRIES];
static int entry_count, folder_count, parent_entry[FOLDERS];
static int open_folders, next_at[1000];
static int fd_folder[1000], fd_count;
static uint32_t cut;
static bool dots[1000];

static int entry_named(int folder, const char *name) {
    for (int i = 0; i < entry_count; i++)
        if (entries[i].in == folder && strcmp(entries[i].name, name) == 0) return i;
    return -1;
}

static ssize_t perform(struct hob__op *op) {
    if (op->code != HOB__OP_OPENAT) return -EINVAL;
    int folder = 0;
    if (op->fd != AT_FDCWD) {
        int i = entry_named(fd_folder[op->fd - 100], op->path);
        if (i < 0) return -ENOENT;
        if (entries[i].folder < 0) return -ENOTDIR;
        folder = entries[i].folder;
    }
    if (cut && fuzz_next(&cut) % 16 == 0) return -EACCES;
    if (fd_count == 1000) return -EMFILE;
    open_folders++;
    fd_folder[fd_count] = folder;
    next_at[fd_count] = 0;
    dots[fd_count] = false;
    return 100 + fd_count++;
}

static size_t put(char *at, const char *name, uint8_t type) {
    struct hob__dirent *r = (struct hob__dirent *)(void *)at;
    size_t n = strlen(name) + 1;
    *r = (struct hob__dirent){.inode = n,
                              .type = type,
                              .size =
                                  (uint16_t)((offsetof(struct hob__dirent, name) + n + 7) & ~7u)};
    memcpy(r->name, name, n);
    return r->size;
}

static ssize_t fake_getdents(struct hob__backend *b, int fd, void *buf, size_t n) {
    (void)b;
    char *at = buf;
    int k = fd - 100, portion = cut ? 1 + (int)(fuzz_next(&cut) % 4) : ENTRIES;
    if (!dots[k]) {
        dots[k] = true;
        at += put(at, ".", DT_DIR);
        at += put(at, "..", DT_UNKNOWN);
    }
    for (int *i = &next_at[k]; *i < entry_count && portion > 0; ++*i) {
        const struct entry *e = &entries[*i];
        if (e->in != fd_folder[k]) continue;
        CHECK((size_t)(at - (char *)buf) + 300 < n);
        at += put(at, e->name, e->hidden ? DT_UNKNOWN : e->type);
        portion--;
    }
    return at - (char *)buf;
}

static int fake_stat(struct hob__backend *b, int fd, const char *name, struct stat *st, int flags) {
    (void)b, (void)flags;
    int i = entry_named(fd_folder[fd - 100], name);
    if (i < 0) return strcmp(name, "..") == 0 ? -EACCES : -ENOENT;
    *st = (struct stat){.st_mode = DTTOIF(entries[i].type)};
    return 0;
}

static int fake_close(struct hob__backend *b, int fd) {
    (void)b, (void)fd;
    open_folders--;
    return 0;
}

static void path_of(int i, char *out, const char *top) {
    char above[16384];
    if (entries[i].in == 0)
        strcpy(above, top);
    else
        path_of(parent_entry[entries[i].in], above, top);
    size_t n = strlen(above);
    sprintf(out, "%s%s%s", above, n && above[n - 1] != '/' ? "/" : "", entries[i].name);
}

static char top[64];
static bool walks;
static unsigned leave_after, refused;

static int see(const struct hob_entry *e) {
    char want[16384];
    int found = -1;
    if (e->error) { /* of a folder that was given before */
        refused++;
        return 0;
    }
    for (int i = 0; i < entry_count && found < 0; i++) {
        if (entries[i].seen || strcmp(entries[i].name, e->name) != 0) continue;
        path_of(i, want, top);
        if (strcmp(want, e->path) == 0) found = i;
    }
    CHECK(found >= 0 && entries[found].type == e->type && e->error == 0);
    CHECK(e->path + strlen(e->path) - strlen(e->name) == e->name);
    entries[found].seen = true;
    return found;
}

static int scenario(void) {
    unsigned n = 0;
    if (walks) HOB_EACH(struct hob_entry *, e, hob_walk, top) {
            see(e);
            if (++n == leave_after) return 0;
        }
    else
        HOB_EACH(struct hob_entry *, e, hob_scandir, top) {
            see(e);
            if (++n == leave_after) return 0;
        }
    return 1;
}
HOB_TASK(scenario)

static void make_tree(struct fuzz_input *in) {
    static const uint8_t types[] = {DT_REG,  DT_DIR, DT_LNK, DT_FIFO,
                                    DT_SOCK, DT_CHR, DT_BLK, DT_DIR};
    entry_count = 0;
    folder_count = 1;
    while (in->left > 0 && entry_count < ENTRIES) {
        struct entry *e = &entries[entry_count];
        unsigned kind = fuzz_byte(in);
        *e = (struct entry){.type = types[kind % 8], .hidden = kind & 8, .folder = -1};
        e->in = (int)(kind / 16) % folder_count;
        strcpy(e->name, fuzz_string(in, 255));
        if (!e->name[0] || strchr(e->name, '/') || hob__is_dots(e->name)) continue;
        if (entry_named(e->in, e->name) >= 0) continue;
        if (e->type == DT_DIR && folder_count < FOLDERS) {
            parent_entry[folder_count] = entry_count;
            e->folder = folder_count++;
        } else if (e->type == DT_DIR) {
            e->type = DT_REG;
        }
        entry_count++;
    }
}

FUZZ(data, n) {
    static struct hob__files files;
    struct fuzz_input in = {data, n};
    if (n > 3000) return;
    files = hob__files_linux;
    files.getdents = fake_getdents;
    files.fstatat = fake_stat;
    files.close = fake_close;
    world_ops.files = &files;
    world.perform = perform;
    unsigned kind = fuzz_byte(&in);
    cut = fuzz_byte(&in);
    leave_after = kind & 1 ? fuzz_byte(&in) : 0;
    walks = kind & 2;
    world.late = kind & 4;
    strcpy(top, fuzz_string(&in, 60));
    make_tree(&in);
    open_folders = fd_count = 0;
    refused = 0;
    int rc = world_run(scenario);
    CHECK(rc >= 0 || (rc == -EACCES && cut)); /* the folder itself */
    CHECK(open_folders == 0);
    if (rc != 1 || (walks && cut)) return;
    for (int i = 0; i < entry_count; i++) CHECK(entries[i].seen == (walks || entries[i].in == 0));
    CHECK(refused == 0);
}
