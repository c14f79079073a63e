/* loop/sim/files_data.c - content of files: pages, what of them the disk has, and what a crash
 * makes of it. Bytes of a page behind the file's end are zero. */
#include "loop/sim/files.h"

static void free_page(struct hob__sim_node *n, struct hob__sim_page *p) {
    if (p->now) n->fs->pages--;
    hob__sim_free(p->now);
    hob__sim_free(p->old);
    *p = (struct hob__sim_page){0};
}

void hob__sim_data_free(struct hob__sim_node *n) {
    for (size_t i = 0; i < n->page_count; i++) free_page(n, &n->pages[i]);
    hob__sim_free(n->pages);
    n->pages = NULL;
    n->page_count = 0;
}

size_t hob__sim_data_read(const struct hob__sim_node *n, void *buf, size_t count, int64_t at) {
    if (at >= n->size) return 0;
    if (count > (uint64_t)(n->size - at)) count = (size_t)(n->size - at);
    for (size_t done = 0; done < count;) {
        size_t page = (size_t)(at + (int64_t)done) / HOB__SIM_PAGE;
        size_t from = (size_t)(at + (int64_t)done) % HOB__SIM_PAGE;
        size_t k = HOB__SIM_PAGE - from < count - done ? HOB__SIM_PAGE - from : count - done;
        const char *now = page < n->page_count ? n->pages[page].now : NULL;
        if (now)
            memcpy((char *)buf + done, now + from, k);
        else
            memset((char *)buf + done, 0, k);
        done += k;
    }
    return count;
}

/* ---- writing ---- */

/* Before sectors from..to - 1 change: what the disk has of them is kept. */
static void make_dirty(struct hob__sim_page *p, unsigned from, unsigned to) {
    for (unsigned s = from; s < to; s++) {
        uint8_t bit = (uint8_t)(1u << s);
        size_t at = (size_t)s * HOB__SIM_SECTOR;
        if (!((p->dirty | p->lost) & bit) && (p->now || p->old)) {
            if (!p->old) p->old = hob__sim_alloc(HOB__SIM_PAGE);
            if (p->now)
                memcpy(p->old + at, p->now + at, HOB__SIM_SECTOR);
            else
                memset(p->old + at, 0, HOB__SIM_SECTOR);
        }
        p->dirty |= bit;
        p->lost &= (uint8_t)~bit;
    }
}

static struct hob__sim_page *page_of(struct hob__sim_node *n, size_t i) {
    if (i >= n->page_count) {
        size_t count = n->page_count ? n->page_count : 4;
        while (count <= i) count *= 2;
        n->pages = hob__sim_realloc(n->pages, count * sizeof *n->pages);
        memset(n->pages + n->page_count, 0, (count - n->page_count) * sizeof *n->pages);
        n->page_count = count;
    }
    return &n->pages[i];
}

/* What was removed takes room until that is committed, which is done before the disk is full. */
static bool is_full(struct hob__sim_fs *fs) {
    if (!fs->pages_max || fs->pages < fs->pages_max) return false;
    hob__sim_journal_commit(fs);
    return fs->pages >= fs->pages_max;
}

ssize_t hob__sim_data_write(struct hob__sim_node *n, const void *buf, size_t count, int64_t at) {
    struct hob__sim_fs *fs = n->fs;
    if (count == 0) return 0;
    if (at >= HOB__SIM_FILE_MAX) return -EFBIG;
    if (count > (uint64_t)(HOB__SIM_FILE_MAX - at)) count = (size_t)(HOB__SIM_FILE_MAX - at);
    size_t done = 0;
    while (done < count) {
        size_t where = (size_t)at + done, from = where % HOB__SIM_PAGE;
        size_t k = HOB__SIM_PAGE - from < count - done ? HOB__SIM_PAGE - from : count - done;
        struct hob__sim_page *p = page_of(n, where / HOB__SIM_PAGE);
        if (!p->now && is_full(fs)) break;
        make_dirty(p, (unsigned)(from / HOB__SIM_SECTOR),
                   (unsigned)((from + k + HOB__SIM_SECTOR - 1) / HOB__SIM_SECTOR));
        if (!p->now) {
            p->now = hob__sim_alloc(HOB__SIM_PAGE);
            fs->pages++;
        }
        memcpy(p->now + from, (const char *)buf + done, k);
        done += k;
    }
    if (done == 0) return -ENOSPC;
    if (at + (int64_t)done > n->size) n->size = at + (int64_t)done;
    return (ssize_t)done;
}

/* What is seen behind `size` is zero. */
static void cut_pages(struct hob__sim_node *n, int64_t size) {
    for (size_t i = (size_t)size / HOB__SIM_PAGE; i < n->page_count; i++) {
        struct hob__sim_page *p = &n->pages[i];
        size_t from = (int64_t)i * HOB__SIM_PAGE < size ? (size_t)size % HOB__SIM_PAGE : 0;
        if (!p->now) continue;
        make_dirty(p, (unsigned)(from / HOB__SIM_SECTOR), HOB__SIM_SECTORS);
        if (from > 0) {
            memset(p->now + from, 0, HOB__SIM_PAGE - from);
        } else {
            hob__sim_free(p->now);
            p->now = NULL;
            n->fs->pages--;
        }
    }
}

void hob__sim_data_resize(struct hob__sim_node *n, int64_t size) {
    if (size < n->size) cut_pages(n, size);
    if (size < n->disk_size && size < n->cut) n->cut = size;
    n->size = size;
}

/* ---- the disk ---- */

static void all_clean(struct hob__sim_page *p) {
    hob__sim_free(p->old);
    p->old = NULL;
    p->dirty = p->lost = 0;
}

/* The sectors of `bits` are on the disk now. */
static void written(struct hob__sim_page *p, uint8_t bits) {
    p->dirty &= (uint8_t)~bits;
    if (!p->dirty && !p->lost) all_clean(p);
}

void hob__sim_data_sync(struct hob__sim_node *n) {
    for (size_t i = 0; i < n->page_count; i++) written(&n->pages[i], 0xff);
    n->disk_size = n->size;
    n->cut = INT64_MAX;
    n->disk_mode = n->mode;
}

/* The disk forgets what is behind the cut. */
static void commit_cut(struct hob__sim_node *n) {
    if (n->cut >= n->disk_size) return;
    for (size_t i = (size_t)n->cut / HOB__SIM_PAGE; i < n->page_count; i++) {
        struct hob__sim_page *p = &n->pages[i];
        size_t from = (int64_t)i * HOB__SIM_PAGE < n->cut ? (size_t)n->cut % HOB__SIM_PAGE : 0;
        if (p->old) memset(p->old + from, 0, HOB__SIM_PAGE - from);
    }
    n->disk_size = n->cut;
    n->cut = INT64_MAX;
}

static uint8_t some(struct hob__sim_node *n) { return (uint8_t)hob__sim_files_draw(n->fs, 256); }

/* The length is written when what is in it may be, or may not be. */
static void size_grows(struct hob__sim_node *n) {
    if (n->size <= n->disk_size) return;
    uint64_t more = (uint64_t)(n->size - n->disk_size);
    switch (hob__sim_files_draw(n->fs, 3)) {
    case 0:
        break;
    case 1:
        n->disk_size += (int64_t)hob__sim_files_draw(n->fs, more + 1);
        break;
    default:
        n->disk_size = n->size;
    }
}

void hob__sim_data_write_back(struct hob__sim_node *n) {
    commit_cut(n);
    for (size_t i = 0; i < n->page_count; i++)
        if (n->pages[i].dirty) written(&n->pages[i], some(n));
    size_grows(n);
}

void hob__sim_data_sync_fails(struct hob__sim_node *n) {
    commit_cut(n);
    bool forget = hob__sim_files_draw(n->fs, 2);
    for (size_t i = 0; i < n->page_count; i++) {
        struct hob__sim_page *p = &n->pages[i];
        if (!p->dirty) continue;
        uint8_t bits = some(n);
        p->lost |= (uint8_t)(p->dirty & ~bits);
        p->dirty = 0;
        if (!p->lost) {
            all_clean(p);
        } else if (forget) { /* the page leaves the cache, and what is read again is the disk's */
            for (unsigned s = 0; s < HOB__SIM_SECTORS && p->now; s++) {
                size_t at = (size_t)s * HOB__SIM_SECTOR;
                if (!(p->lost & 1u << s)) continue;
                if (p->old)
                    memcpy(p->now + at, p->old + at, HOB__SIM_SECTOR);
                else
                    memset(p->now + at, 0, HOB__SIM_SECTOR);
            }
        }
    }
}

/* ---- a crash ---- */

/* A sector is what the disk has of it. fresh: that is nothing that was ever written to it. */
static void revert(struct hob__sim_node *n, struct hob__sim_page *p, unsigned s, bool fresh) {
    size_t at = (size_t)s * HOB__SIM_SECTOR;
    if (fresh && n->fs->stale && p->now) {
        uint64_t what = hob__sim_files_draw(n->fs, UINT64_MAX);
        for (size_t i = 0; i < HOB__SIM_SECTOR; i++)
            p->now[at + i] = (char)(what >> 8 * (i % 8)) ^ (char)i;
        return;
    }
    if (!p->now && p->old) {
        p->now = hob__sim_alloc(HOB__SIM_PAGE);
        n->fs->pages++;
    }
    if (p->old)
        memcpy(p->now + at, p->old + at, HOB__SIM_SECTOR);
    else if (p->now)
        memset(p->now + at, 0, HOB__SIM_SECTOR);
}

/* How much of what is dirty was written: none, all, or some of it. */
static uint8_t luck(struct hob__sim_node *n, uint64_t kind) {
    return kind == 0 ? 0 : kind == 1 ? 0xff : some(n);
}

void hob__sim_data_crash(struct hob__sim_node *n) {
    uint64_t kind = hob__sim_files_draw(n->fs, 4);
    bool undone = n->cut < n->disk_size && hob__sim_files_draw(n->fs, 2);
    if (undone)
        kind = 0; /* what came behind the cut came behind it here too */
    else
        commit_cut(n);
    int64_t had = n->disk_size;
    if (!undone) size_grows(n);
    for (size_t i = 0; i < n->page_count; i++) {
        struct hob__sim_page *p = &n->pages[i];
        if (!p->dirty && !p->lost) continue;
        uint8_t back = (uint8_t)((p->dirty & ~luck(n, kind)) | p->lost);
        for (unsigned s = 0; s < HOB__SIM_SECTORS; s++)
            if (back & 1u << s)
                revert(n, p, s, (int64_t)(i * HOB__SIM_PAGE + s * HOB__SIM_SECTOR) >= had);
        all_clean(p);
    }
    n->size = n->disk_size;
    n->cut = INT64_MAX;
    cut_pages(n, n->size);
    for (size_t i = 0; i < n->page_count; i++) all_clean(&n->pages[i]);
    if (hob__sim_files_draw(n->fs, 2)) n->mode = n->disk_mode;
    n->disk_mode = n->mode;
}
