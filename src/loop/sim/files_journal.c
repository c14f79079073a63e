/* loop/sim/files_journal.c - changes of names: seen at once, on the disk after a commit, and in a
 * crash perhaps. */
#include "loop/sim/files.h"

static char *copy_of(const char *text) {
    if (!text) return NULL;
    size_t n = strlen(text) + 1;
    return memcpy(hob__sim_alloc(n), text, n);
}

static struct hob__sim_node *kept(struct hob__sim_node *n) {
    if (n) hob__sim_node_keep(n);
    return n;
}

static void free_change(struct hob__sim_change *c) {
    struct hob__sim_node *nodes[] = {c->from, c->to, c->node};
    hob__sim_free(c->gone);
    hob__sim_free(c->name);
    hob__sim_free(c);
    for (int i = 0; i < 3; i++)
        if (nodes[i]) hob__sim_node_drop(nodes[i]);
}

void hob__sim_change(struct hob__sim_fs *fs, struct hob__sim_node *from, const char *gone,
                     struct hob__sim_node *to, const char *name, struct hob__sim_node *node) {
    struct hob__sim_change *c = hob__sim_alloc(sizeof *c);
    *c = (struct hob__sim_change){.from = kept(from),
                                  .to = kept(to),
                                  .node = kept(node),
                                  .gone = copy_of(gone),
                                  .name = copy_of(name)};
    const struct hob__sim_node *subject = node;
    if (!subject && from) subject = hob__sim_names_find(fs, &from->now, gone);
    c->folder = subject && hob__sim_is_folder(subject);
    *fs->last_change = c;
    fs->last_change = &c->next;
    if (from) {
        hob__sim_names_set(fs, &from->now, gone, NULL);
        hob__sim_node_touch(from, true);
    }
    if (to) {
        hob__sim_names_set(fs, &to->now, name, node);
        hob__sim_node_touch(to, true);
    }
}

/* ---- committing ---- */

static void commit(struct hob__sim_fs *fs, const struct hob__sim_change *c) {
    if (c->from) hob__sim_names_set(fs, &c->from->disk, c->gone, NULL);
    if (c->to) hob__sim_names_set(fs, &c->to->disk, c->name, c->node);
}

/* Those that are to be kept are committed; the others stay (or, drop, are forgotten). */
static void commit_kept(struct hob__sim_fs *fs, bool drop) {
    struct hob__sim_change **at = &fs->changes, *c;
    while ((c = *at) != NULL) {
        if (!c->keep && !drop) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        if (c->keep) commit(fs, c);
        free_change(c);
    }
    fs->last_change = at;
}

static void unmark(struct hob__sim_fs *fs) {
    for (struct hob_list *l = fs->nodes.next; l != &fs->nodes; l = l->next)
        hob__container(l, struct hob__sim_node, link)->mark = false;
}

/* With a change come all before it in its folders: from the last one backwards. */
static void keep_needed(struct hob__sim_change *c) {
    if (!c) return;
    keep_needed(c->next);
    if (!(c->from && c->from->mark) && !(c->to && c->to->mark)) return;
    c->keep = true;
    if (c->from) c->from->mark = true;
    if (c->to) c->to->mark = true;
}

void hob__sim_journal_sync(struct hob__sim_fs *fs, struct hob__sim_node *n) {
    struct hob__sim_change *last = NULL;
    if (!fs->changes) return;
    switch (fs->journal) {
    case HOB__SIM_JOURNAL_ONE:
        hob__sim_journal_commit(fs);
        return;
    case HOB__SIM_JOURNAL_STRICT:
        for (struct hob__sim_change *c = fs->changes; c; c = c->next)
            if (c->from == n || c->to == n) last = c;
        for (struct hob__sim_change *c = fs->changes; last; c = c->next) {
            c->keep = true;
            if (c == last) break;
        }
        break;
    case HOB__SIM_JOURNAL_FOLDERS:
        unmark(fs);
        n->mark = true;
        keep_needed(fs->changes);
        break;
    default:
        for (struct hob__sim_change *c = fs->changes; c; c = c->next)
            c->keep = c->from == n || c->to == n;
    }
    commit_kept(fs, false);
}

void hob__sim_journal_commit(struct hob__sim_fs *fs) {
    for (struct hob__sim_change *c = fs->changes; c; c = c->next) c->keep = true;
    commit_kept(fs, false);
}

void hob__sim_journal_write_back(struct hob__sim_fs *fs) {
    if (!fs->changes) return;
    if (fs->journal == HOB__SIM_JOURNAL_FOLDERS || fs->journal == HOB__SIM_JOURNAL_NONE) {
        const struct hob__sim_change *c = fs->changes;
        hob__sim_journal_sync(fs, c->to ? c->to : c->from);
        return;
    }
    for (struct hob__sim_change *c = fs->changes; c && hob__sim_files_draw(fs, 4); c = c->next)
        c->keep = true;
    commit_kept(fs, false);
}

void hob__sim_journal_drop(struct hob__sim_fs *fs) {
    for (struct hob__sim_change *c = fs->changes; c; c = c->next) c->keep = false;
    commit_kept(fs, true);
}

/* ---- a crash ---- */

static void choose_survivors(struct hob__sim_fs *fs) {
    bool folders_end = false, stopped = false;
    uint64_t count = 0, most = 0;
    for (const struct hob__sim_change *c = fs->changes; c; c = c->next) most++;
    most = hob__sim_files_draw(fs, most + 1);
    bool all = hob__sim_files_draw(fs, 4) == 0;
    unmark(fs);
    for (struct hob__sim_change *c = fs->changes; c; c = c->next) {
        switch (fs->journal) {
        case HOB__SIM_JOURNAL_FOLDERS:
            stopped = (c->from && c->from->mark) || (c->to && c->to->mark) ||
                      (!all && hob__sim_files_draw(fs, 3) == 0);
            if (stopped && c->from) c->from->mark = true;
            if (stopped && c->to) c->to->mark = true;
            c->keep = !stopped;
            break;
        case HOB__SIM_JOURNAL_NONE:
            c->keep = !(c->folder && folders_end) && (all || hob__sim_files_draw(fs, 2));
            if (c->folder && !c->keep) folders_end = true;
            break;
        default:
            c->keep = all || count++ < most;
        }
    }
}

/* What a folder of the disk holds is what is seen now. */
static void see_disk(struct hob__sim_node *n) {
    hob__sim_names_clear(&n->now);
    n->links = 2;
    for (size_t i = 0; i < n->disk.count; i++)
        hob__sim_names_set(n->fs, &n->now, n->disk.all[i].text, n->disk.all[i].node);
}

static void count_links(struct hob__sim_node *n) {
    for (size_t i = 0; i < n->now.count; i++) {
        struct hob__sim_node *child = n->now.all[i].node;
        hob__sim_node_place(child, n, n->now.all[i].text);
        if (hob__sim_is_folder(child)) {
            n->links++;
        } else {
            child->links++;
        }
    }
}

void hob__sim_journal_crash(struct hob__sim_fs *fs) {
    choose_survivors(fs);
    commit_kept(fs, true);
    struct hob_list *l, *next;
    for (l = fs->nodes.next; l != &fs->nodes; l = l->next) {
        struct hob__sim_node *n = hob__container(l, struct hob__sim_node, link);
        hob__sim_node_keep(n);
        n->links = 0;
        hob__sim_node_place(n, NULL, NULL);
    }
    for (l = fs->nodes.next; l != &fs->nodes; l = l->next) {
        struct hob__sim_node *n = hob__container(l, struct hob__sim_node, link);
        if (hob__sim_is_folder(n)) see_disk(n);
    }
    for (l = fs->nodes.next; l != &fs->nodes; l = next) {
        struct hob__sim_node *n = hob__container(l, struct hob__sim_node, link);
        next = l->next;
        hob__sim_node_drop(n);
    }
    fs->root->parent = fs->root;
    for (l = fs->nodes.next; l != &fs->nodes; l = l->next) {
        struct hob__sim_node *n = hob__container(l, struct hob__sim_node, link);
        if (hob__sim_is_folder(n)) count_links(n);
    }
}
