/* http/server/static_packed.c - files compressed on the way, by a thread that computes, and kept in
 * memory as long as there is room: those that were asked for last. */
#include <errno.h>
#include <hob/hob.h>
#include <hob/thread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "http/server/static.h"

struct packing {
    enum hob__packing packing;
    const char *data;
    size_t size;
    char *out;
    long packed;
};

static int pack(struct packing *p) {
    p->packed = hob__pack(p->packing, p->data, p->size, &p->out);
    return p->packed < 0 ? (int)p->packed : 0;
}
HOB_TASK(pack, struct packing *)

static void unlink_entry(struct hob_static *s, struct hob__packed *e) {
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void link_newest(struct hob_static *s, struct hob__packed *e) {
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static void free_entry(struct hob__packed *e) {
    hob__free(e->data);
    hob__free(e);
}

static void drop(struct hob_static *s, struct hob__packed *e) {
    unlink_entry(s, e);
    s->packed_bytes -= e->size;
    e->dropped = true;
    if (e->users == 0) free_entry(e);
}

void hob__packed_drop_all(struct hob_static *s) {
    while (s->newest) drop(s, s->newest);
}

void hob__packed_release(struct hob_static *s, struct hob__packed *e) {
    (void)s;
    if (--e->users == 0 && e->dropped) free_entry(e);
}

static struct hob__packed *find(struct hob_static *s, const char *path, const char *etag,
                                enum hob__packing p) {
    for (struct hob__packed *e = s->newest, *older; e; e = older) {
        older = e->older;
        if (e->packing != p || strcmp(e->path, path) != 0) continue;
        if (strcmp(e->etag, etag) == 0) return e;
        drop(s, e); /* the file is another now */
    }
    return NULL;
}

/* Takes over data, which may be NULL: "no smaller" is worth knowing, too. */
static struct hob__packed *keep(struct hob_static *s, const char *path, const char *etag,
                                enum hob__packing p, char *data, size_t size) {
    size_t n = strlen(path) + 1;
    struct hob__packed *e = hob__alloc_zero(sizeof *e + n);
    if (!e) {
        hob__free(data);
        return NULL;
    }
    e->data = data;
    e->size = size;
    e->packing = p;
    memcpy(e->path, path, n);
    memcpy(e->etag, etag, strlen(etag) + 1);
    s->packed_bytes += size;
    link_newest(s, e);
    while (s->packed_bytes > s->options.compress_memory && s->oldest != e) drop(s, s->oldest);
    return e;
}

static int read_and_pack(struct hob_file *f, size_t size, struct packing *p) {
    char *text = hob__alloc(size + 1);
    if (!text) return -ENOMEM;
    size_t have = 0;
    ssize_t n = 1;
    while (have < size && n > 0) {
        n = hob_file_pread(f, text + have, size - have, (int64_t)have);
        if (n > 0) have += (size_t)n;
    }
    p->data = text;
    p->size = have;
    int rc = n < 0 ? (int)n : have == size ? hob_to_cpu(pack, p) : 0; /* it has shrunk: as it is */
    hob__free(text);
    return rc;
}

int hob__packed_get(struct hob_static *s, struct hob_file *f, const char *path, const char *etag,
                    size_t size, enum hob__packing p, struct hob__packed **out) {
    struct hob__packed *e = find(s, path, etag, p);
    *out = NULL;
    if (!e) {
        struct packing work = {.packing = p};
        int rc = read_and_pack(f, size, &work);
        if (rc < 0) return rc;
        e = find(s, path, etag, p); /* somebody may have been faster */
        if (e)
            hob__free(work.out);
        else
            e = keep(s, path, etag, p, work.out, (size_t)work.packed);
        if (!e) return -ENOMEM;
    } else if (e != s->newest) {
        unlink_entry(s, e);
        link_newest(s, e);
    }
    if (!e->data) return 0;
    e->users++;
    *out = e;
    return 0;
}
