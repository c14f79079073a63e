/* loop/sim/files.c - a host's file system: how it begins, what a crash leaves of it, and what
 * happens before each call. */
#include <sys/stat.h>

#include "loop/sim/files.h"

/* ---- a file system ---- */

static void make_device(struct hob__sim_fs *fs, const char *name, uint32_t minor) {
    char path[32] = "/dev/";
    struct hob__sim_found f;
    strcat(path, name);
    if (hob__sim_find(fs, NULL, path, false, &f) < 0) return;
    struct hob__sim_node *n = hob__sim_node_new(fs, S_IFCHR | 0666);
    n->device = minor;
    n->links = 1;
    hob__sim_node_place(n, f.folder, name);
    hob__sim_change(fs, NULL, NULL, f.folder, name, n);
    hob__sim_node_drop(n);
}

static void choose(struct hob__sim_fs *fs) {
    static const double cached[] = {0, 0.5, 0.95, 1}, back[] = {0, 0, 0.02, 0.2};
    fs->salt = hob__sim_files_draw(fs, UINT64_MAX);
    fs->journal = (enum hob__sim_journal)hob__sim_files_draw(fs, HOB__SIM_JOURNALS);
    fs->stale = hob__sim_files_draw(fs, 4) == 0;
    fs->cached = HOB__SIM_P(cached[hob__sim_files_draw(fs, 4)]);
    fs->write_back = HOB__SIM_P(back[hob__sim_files_draw(fs, 4)]);
}

static struct hob__sim_fs *fs_new(struct hob__sim_host *h) {
    struct hob__sim_fs *fs = hob__sim_alloc(sizeof *fs);
    h->files = fs;
    fs->host = h;
    fs->next_inode = 2;
    fs->last_change = &fs->changes;
    hob__list_init(&fs->nodes);
    hob__list_init(&fs->watches);
    choose(fs);
    fs->root = hob__sim_node_new(fs, S_IFDIR | 0755);
    fs->root->links = 2;
    hob__sim_node_place(fs->root, fs->root, "/");
    hob__sim_file_mkdir(fs, NULL, "/dev", 0755);
    hob__sim_file_mkdir(fs, NULL, "/tmp", 01755);
    make_device(fs, "null", 3);
    make_device(fs, "zero", 5);
    make_device(fs, "full", 7);
    hob__sim_journal_commit(fs);
    return fs;
}

struct hob__sim_fs *hob__sim_host_fs(struct hob__sim_host *h) {
    return h->files ? h->files : fs_new(h);
}

struct hob__sim_fs *hob__sim_fs_of(struct hob__backend *b) {
    const struct hob__sim_loop *l = b->state;
    return l->world->real_files ? NULL : hob__sim_host_fs(l->host);
}

void hob__sim_files_crash(struct hob__sim_host *h) {
    static const char *const journals[] = {"one for all", "strict", "for each folder", "none"};
    struct hob__sim_fs *fs = h->files;
    if (!fs) return;
    fs->crash_in = 0;
    HOB__SIM_LOG(h->world, h, "its disk: journal %s%s", journals[fs->journal],
                 fs->stale ? ", old sectors shine through" : "");
    hob__sim_journal_crash(fs);
    for (struct hob_list *l = fs->nodes.next; l != &fs->nodes; l = l->next) {
        struct hob__sim_node *n = hob__container(l, struct hob__sim_node, link);
        if (S_ISREG(n->mode)) hob__sim_data_crash(n);
    }
}

void hob__sim_files_free(struct hob__sim_host *h) {
    struct hob__sim_fs *fs = h->files;
    if (!fs) return;
    hob__sim_journal_drop(fs);
    struct hob_list *l, *next;
    for (l = fs->nodes.next; l != &fs->nodes; l = l->next)
        hob__sim_node_keep(hob__container(l, struct hob__sim_node, link));
    for (l = fs->nodes.next; l != &fs->nodes; l = l->next) {
        struct hob__sim_node *n = hob__container(l, struct hob__sim_node, link);
        hob__sim_names_clear(&n->now);
        hob__sim_names_clear(&n->disk);
    }
    for (l = fs->nodes.next; l != &fs->nodes; l = next) {
        struct hob__sim_node *n = hob__container(l, struct hob__sim_node, link);
        next = l->next;
        hob__sim_node_drop(n);
    }
    hob__sim_node_drop(fs->root);
    hob__sim_free(fs);
    h->files = NULL;
}

/* ---- a call ---- */

int hob__sim_files_enter(struct hob__backend *b) {
    struct hob__sim_loop *l = b->state, *worker = l->world->working;
    struct hob__sim *w = l->world;
    struct hob__sim_fs *fs = l->host->files;
    while (worker) {
        w->working = NULL;
        hob__sim_pass(worker, w->now + 1000 + hob__sim_below(w, HOB__SIM_WORK, 20000));
        w->working = worker;
        if (!hob__sim_interrupted(w)) break;
        HOB__SIM_LOG(w, l->host, "a call on files is interrupted");
    }
    if (!l->ghost && fs && fs->crash_in > 0 && --fs->crash_in == 0) {
        w->working = NULL;
        fs->crash(l->host);
        w->working = worker;
    }
    if (!l->ghost && fs && hob__sim_files_chance(fs, fs->write_back))
        hob__sim_journal_write_back(fs);
    return l->ghost ? -EIO : 0;
}
