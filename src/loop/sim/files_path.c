/* loop/sim/files_path.c - from a path to a node, as path_resolution(7) says. The working directory
 * of every program is "/". */
#include <sys/stat.h>

#include "loop/sim/files.h"

enum { PATH_SIZE = 4096, NAME_SIZE = 255, LINKS = 40 };

struct walk {
    struct hob__sim_fs *fs;
    struct hob__sim_node *at;
    unsigned links;
    char path[PATH_SIZE];
    const char *rest;
};

/* The path becomes what the link says, and what is behind it. */
static int follow_link(struct walk *w, const struct hob__sim_node *link) {
    if (++w->links > LINKS) return -ELOOP;
    size_t n = strlen(link->target), rest = strlen(w->rest);
    if (n + rest + 1 > sizeof w->path) return -ENAMETOOLONG;
    memmove(w->path + n, w->rest, rest + 1);
    memcpy(w->path, link->target, n);
    w->rest = w->path;
    if (w->path[0] == '/') w->at = w->fs->root;
    return 0;
}

/* Takes the next name. -ENAMETOOLONG; 0: there is none; 1. */
static int take_name(struct walk *w, char *name) {
    while (*w->rest == '/') w->rest++;
    size_t n = strcspn(w->rest, "/");
    if (n > NAME_SIZE) return -ENAMETOOLONG;
    memcpy(name, w->rest, n);
    name[n] = 0;
    w->rest += n;
    return n > 0;
}

static bool at_end(const struct walk *w) { return w->rest[strspn(w->rest, "/")] == 0; }

/* One name. 1: it was the last one. */
static int step(struct walk *w, bool follow_last, struct hob__sim_found *out) {
    struct hob__sim_node *folder = w->at, *node;
    int rc = take_name(w, out->name);
    if (rc < 0) return rc;
    if (!hob__sim_is_folder(folder)) return -ENOTDIR;
    if (!hob__sim_may(folder, 1)) return -EACCES;
    bool dot = rc == 0 || strcmp(out->name, ".") == 0, up = strcmp(out->name, "..") == 0;
    if (rc == 0) strcpy(out->name, ".");
    node = dot ? folder : up ? folder->parent : hob__sim_names_find(w->fs, &folder->now, out->name);
    bool last = at_end(w), slash = last && *w->rest == '/';
    if (node && S_ISLNK(node->mode) && (!last || follow_last || slash)) return follow_link(w, node);
    if (last) {
        if (slash && node && !hob__sim_is_folder(node)) return -ENOTDIR;
        out->folder = folder;
        out->node = node;
        out->slash = slash;
        return 1;
    }
    if (!node) return -ENOENT;
    w->at = node;
    return 0;
}

int hob__sim_find(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path, int follow,
                  struct hob__sim_found *out) {
    struct walk w = {.fs = fs, .at = path[0] == '/' || !at ? fs->root : at};
    size_t n = strlen(path);
    if (n == 0) return -ENOENT;
    if (n >= sizeof w.path) return -ENAMETOOLONG;
    memcpy(w.path, path, n + 1);
    w.rest = w.path;
    if (follow < 0) w.links = LINKS;
    int rc;
    do rc = step(&w, follow > 0, out);
    while (rc == 0);
    return rc < 0 ? rc : 0;
}
