/* watch_fuzz.c - inotify's records, in whatever portions and at whatever times: each is told once,
 * in its order, of the watch that it is for; two halves of a rename are told as one or as two,
 * never lost; watches come and go meanwhile. */
#include <poll.h>

#include "world.h"

#include "io/watch/watch.h"

enum { RECORDS = 200, PATHS = 6 };

struct record {
    int wd;
    uint32_t mask, cookie;
    char name[80];
    uint32_t len;
    bool done; /* told, or passed over */
};
static struct record records[RECORDS];
static int count, given, told; /* those that the kernel has given; those before `told` are done */
static struct hob__fd *watched;
static uint32_t cut;

/* The kernel's numbers: of each path that is watched; 0 otherwise. */
static int ids[PATHS], next_id;
static const char *const paths[PATHS] = {"/a", "/b", "/b/c", "d", "", "/very/long/name/of/a/path"};
static int known[PATHS * 50]; /* what the handle should know: a number's path + 1; 0: nothing */

static int path_of(int wd) {
    return wd > 0 && wd < (int)(sizeof known / sizeof *known) ? known[wd] - 1 : -1;
}

/* ---- the kernel ---- */

static int fake_open(struct hob__backend *b) {
    (void)b;
    return 90;
}
static int fake_close(struct hob__backend *b, int fd) {
    (void)b;
    CHECK(fd == 90);
    return 0;
}
static int fake_add(struct hob__backend *b, int fd, const char *path, uint32_t events) {
    (void)b;
    CHECK(fd == 90 && events);
    for (int i = 0; i < PATHS; i++) {
        if (strcmp(path, paths[i]) != 0) continue;
        if (ids[i] == 0 && next_id + 1 == (int)(sizeof known / sizeof *known)) return -ENOSPC;
        if (ids[i] == 0) ids[i] = ++next_id;
        return ids[i];
    }
    return -ENOENT;
}
static int fake_remove(struct hob__backend *b, int fd, int id) {
    (void)b, (void)fd;
    for (int i = 0; i < PATHS; i++)
        if (ids[i] == id) ids[i] = 0;
    return 0;
}
static ssize_t fake_read(struct hob__backend *b, int fd, void *buf, size_t n) {
    (void)b, (void)fd;
    char *at = buf, *end = at + n;
    unsigned portion = cut ? fuzz_next(&cut) % 4 : RECORDS;
    while (given < count && portion-- > 0) {
        const struct record *r = &records[given];
        struct inotify_event e = {r->wd, r->mask, r->cookie, r->len};
        if ((size_t)(end - at) < sizeof e + e.len) break;
        memcpy(at, &e, sizeof e);
        memset(at + sizeof e, 0, e.len);
        if (e.len) strcpy(at + sizeof e, r->name);
        at += sizeof e + e.len;
        given++;
    }
    return at > (char *)buf ? at - (char *)buf : -EAGAIN;
}
static bool idle(struct hob__backend *b) {
    if (!watched || !watched->armed || (watched->ready & HOB__READ) || given == count) return false;
    if (cut && fuzz_next(&cut) % 3 == 0) return false; /* not yet */
    hob__fd_event(b, watched, POLLIN);
    return true;
}

/* ---- what should be told ---- */

static bool may_be_told(const struct record *r) {
    if (r->mask & IN_Q_OVERFLOW) return true;
    return path_of(r->wd) >= 0 && hob__watch_what(r->mask) != 0;
}

static struct record *next_record(void) {
    while (told < given && (records[told].done || !may_be_told(&records[told]))) told++;
    return told < given ? &records[told++] : NULL;
}

/* The half that belongs to it: the first one behind it. */
static struct record *other_half(const struct record *r) {
    for (struct record *to = (struct record *)(uintptr_t)r + 1; to < records + given; to++)
        if (!to->done && (to->mask & IN_MOVED_TO) && to->cookie == r->cookie) return to;
    return NULL;
}

static void check(const struct hob_watch_event *e) {
    struct record *r = next_record();
    CHECK(r != NULL);
    r->done = true;
    if (e->what == HOB_WATCH_MOVED) {
        struct record *to = other_half(r);
        CHECK((r->mask & IN_MOVED_FROM) && to && path_of(to->wd) >= 0);
        CHECK(e->id == to->wd && strcmp(e->path, paths[path_of(to->wd)]) == 0);
        CHECK(strcmp(e->name, to->len ? to->name : "") == 0 && e->from_id == r->wd);
        CHECK(strcmp(e->from, r->len ? r->name : "") == 0);
        CHECK(e->is_folder == ((to->mask & IN_ISDIR) != 0));
        to->done = true;
        return;
    }
    /* Both lay there, and both folders are known: that would be one event. */
    struct record *to = (r->mask & IN_MOVED_FROM) ? other_half(r) : NULL;
    if (to && !cut && !(r->mask & IN_Q_OVERFLOW)) CHECK(path_of(to->wd) < 0);
    CHECK(e->from == NULL && e->from_id == -1);
    if (r->mask & IN_Q_OVERFLOW) {
        CHECK(e->what == HOB_WATCH_OVERFLOW && e->id == -1 && !*e->path && !*e->name);
        return;
    }
    CHECK(e->what == hob__watch_what(r->mask) && e->id == r->wd);
    CHECK(strcmp(e->path, paths[path_of(r->wd)]) == 0);
    CHECK(strcmp(e->name, r->len ? r->name : "") == 0);
    CHECK(e->is_folder == ((r->mask & IN_ISDIR) != 0));
    if (e->what == HOB_WATCH_GONE) known[r->wd] = 0;
}

static struct fuzz_input ops;

static void add(struct hob_watch *w, int i) {
    int id = hob_watch_add(w, paths[i], HOB_WATCH_ALL);
    CHECK(id > 0 || id == -ENOSPC);
    if (id > 0) known[id] = i + 1;
}

static int scenario(void) {
    struct hob_watch *w;
    struct hob_watch_event e;
    CHECK(hob_watch_open(&w) == 0);
    watched = w->fd;
    add(w, 0);
    add(w, 1);
    for (;;) {
        unsigned op = fuzz_byte(&ops);
        if (op % 16 == 1) add(w, (int)(op / 16) % PATHS);
        if (op % 16 == 2) {
            int id = 1 + (int)(op / 16), rc = hob_watch_remove(w, id);
            CHECK(rc == (path_of(id) >= 0 ? 0 : -EINVAL));
            known[id] = 0;
        }
        int before = given, rc = hob_within(100.0, hob_watch_next(w, &e));
        if (rc == -ETIMEDOUT) {
            struct record *r = next_record();
            if (r) { /* one that came with the deadline still waits for its other half: next time */
                CHECK(given > before && (r->mask & IN_MOVED_FROM));
                told = (int)(r - records);
                continue;
            }
            if (given == count) break;
            continue;
        }
        CHECK(rc == 1);
        check(&e);
    }
    hob_watch_close(w);
    return 0;
}
HOB_TASK(scenario)

static void make_records(struct fuzz_input *in) {
    static const uint32_t masks[] = {IN_CREATE,
                                     IN_DELETE,
                                     IN_MODIFY,
                                     IN_CLOSE_WRITE,
                                     IN_MOVED_FROM,
                                     IN_MOVED_TO,
                                     IN_MOVED_FROM,
                                     IN_MOVED_TO,
                                     IN_ATTRIB,
                                     IN_IGNORED,
                                     IN_MOVE_SELF,
                                     IN_Q_OVERFLOW,
                                     IN_UNMOUNT,
                                     IN_CREATE | IN_ISDIR,
                                     IN_MOVED_FROM | IN_ISDIR,
                                     IN_MOVED_TO | IN_ISDIR};
    for (count = 0; in->left > 0 && count < RECORDS; count++) {
        struct record *r = &records[count];
        unsigned kind = fuzz_byte(in), more = fuzz_byte(in);
        *r = (struct record){.wd = (int)(kind / 16) - 1, .mask = masks[kind % 16]};
        if (r->mask & (IN_MOVED_FROM | IN_MOVED_TO)) r->cookie = 1 + more % 4;
        if (more & 128) continue; /* without a name: of the watched file itself */
        snprintf(r->name, sizeof r->name, "%.*s", (int)(more / 4 % 32), fuzz_string(in, 70));
        r->len = (uint32_t)(strlen(r->name) + 16) & ~15u;
        if (more & 64) r->len += 16 * (more % 16);
    }
}

FUZZ(data, n) {
    static struct hob__files files;
    if (n < 34 || n > 2000) return;
    files = hob__files_linux;
    files.close = fake_close;
    files.watch_open = fake_open;
    files.watch_add = fake_add;
    files.watch_remove = fake_remove;
    files.watch_read = fake_read;
    world_ops.files = &files;
    world.idle = idle;
    world.late = data[0] & 1;
    cut = data[1];
    ops = (struct fuzz_input){data + 2, 32};
    struct fuzz_input in = {data + 34, n - 34};
    make_records(&in);
    given = told = next_id = 0;
    watched = NULL;
    memset(ids, 0, sizeof ids);
    memset(known, 0, sizeof known);
    CHECK(world_run(scenario) == 0);
}
