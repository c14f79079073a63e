/* http/server/static.h - the inside of hob/static.h. */
#ifndef HOB_HTTP_STATIC_PRIVATE_H
#define HOB_HTTP_STATIC_PRIVATE_H

#include <hob/file.h>
#include <hob/static.h>

#include "base/list.h"
#include "http/pack.h"

enum { HOB__STATIC_PATH = 4096, HOB__ETAG_SIZE = 64 };

struct hob_static {
    struct hob_file *folder;
    struct hob_static_options options;
    char *index, *cache_control;
    struct hob_type *types;
    struct hob__packed *newest, *oldest; /* what has been compressed */
    size_t packed_bytes;
};

/* ---- static_packed.c: files that have been compressed, the last that was asked for first ---- */
struct hob__packed {
    struct hob__packed *newer, *older;
    char *data;
    size_t size;
    enum hob__packing packing;
    unsigned users; /* requests that send it: it is not dropped meanwhile */
    bool dropped;
    char etag[HOB__ETAG_SIZE];
    char path[];
};
/* f, of that size and tag, packed as p: *out, to be given back with hob__packed_release(), or NULL
 * when that makes it no smaller. 0 or an error. Waits. */
int hob__packed_get(struct hob_static *s, struct hob_file *f, const char *path, const char *etag,
                    size_t size, enum hob__packing p, struct hob__packed **out);
void hob__packed_release(struct hob_static *s, struct hob__packed *e);
void hob__packed_drop_all(struct hob_static *s);

/* ---- static_list.c ---- */
/* The page with the names in an open folder; path is what the client calls it, decoded. */
int hob__static_list(struct hob_static *s, struct hob_request *req, struct hob_file *folder,
                     const char *path);
#endif
