/* http/server/static.c - files over HTTP: see hob/static.h. */
#include "http/server/static.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <hob/hob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "http/conditional.h"
#include "http/date.h"

enum {
    SMALL = 16384, /* a file up to this size goes out with its head */
    PACK_MIN = 256 /* below that packing gains nothing */
};

/* What is to be sent. */
struct answer {
    struct hob_static *files;
    struct hob_request *req;
    struct hob_file *file;
    const char *path; /* below the folder, decoded */
    const char *type;
    const char *coding; /* Content-Encoding, or NULL */
    bool varies;        /* on Accept-Encoding */
    int64_t size, modified;
    char etag[HOB__ETAG_SIZE], changed[HOB__DATE_SIZE];
};

/* ---- the folder ---- */

/* The list; the names in it stay the caller's. */
static int copy_types(struct hob_static *s, const struct hob_type *types) {
    size_t n = 0;
    while (types && types[n].extension) n++;
    s->types = n ? hob__alloc_zero((n + 1) * sizeof *types) : NULL;
    if (s->types) memcpy(s->types, types, n * sizeof *types);
    return n && !s->types ? -ENOMEM : 0;
}

int hob__static_open(struct hob_static **out, const char *folder,
                     struct hob_static_options options) {
    struct hob_static *s = hob__alloc_zero(sizeof *s);
    if (!s) return -ENOMEM;
    s->options = options;
    if (!s->options.compress_max) s->options.compress_max = 1 << 20;
    if (!s->options.compress_memory) s->options.compress_memory = 32 << 20;
    s->index = hob__strdup(options.index ? options.index : "index.html");
    if (options.cache_control) s->cache_control = hob__strdup(options.cache_control);
    int rc = s->index && (s->cache_control || !options.cache_control) ? 0 : -ENOMEM;
    if (rc == 0) rc = copy_types(s, options.types);
    if (rc == 0) rc = hob_open_flags(folder, O_RDONLY | O_DIRECTORY, 0, &s->folder);
    if (rc < 0) {
        hob_static_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void hob_static_close(struct hob_static *s) {
    if (!s) return;
    hob__packed_drop_all(s);
    hob_file_close(s->folder);
    hob__free(s->index);
    hob__free(s->cache_control);
    hob__free(s->types);
    hob__free(s);
}

/* ---- paths ---- */

/* "/a%20b/" as "a b/"; "." for the folder itself. 0; 400: malformed; 404: no such thing may be. */
static int decode_path(const struct hob_static *s, const char *path, char out[HOB__STATIC_PATH]) {
    size_t n = strlen(path);
    if (*path != '/') return 400;
    if (n >= HOB__STATIC_PATH) return 404;
    int length = hob_url_decode(path, n, false, out);
    if (length < 0) return 400;
    if (memchr(out, 0, (size_t)length)) return 400;
    out[length] = 0;
    for (const char *name = out; *name; name += strcspn(name, "/")) {
        name += strspn(name, "/");
        size_t size = strcspn(name, "/");
        if (name[0] != '.') continue;
        if (size <= 2 && (size < 2 || name[1] == '.')) return 404; /* "." and ".." */
        bool known = name == out + 1 && size == 11 && memcmp(name, ".well-known", 11) == 0;
        if (!s->options.hidden && !known) return 404;
    }
    size_t slashes = strspn(out, "/");
    memmove(out, out + slashes, (size_t)length - slashes + 1);
    if (!*out) memcpy(out, ".", 2);
    return 0;
}

/* The status for an error of opening; 0: it is no answer, but an error. */
static int status_of(int rc) {
    switch (rc) {
    case -ENOENT:
    case -ENOTDIR:
    case -EXDEV:
    case -ELOOP:
    case -ENAMETOOLONG:
    case -ENXIO:
        return 404;
    case -EACCES:
    case -EPERM:
        return 403;
    case -EMFILE:
    case -ENFILE:
        return 503;
    default:
        return 0;
    }
}

/* ---- answers without a file ---- */

static int respond_status(struct hob_request *req, int status) {
    char text[64];
    snprintf(text, sizeof text, "%d %s\n", status, hob_http_phrase(status));
    return hob_respond_text(req, status, "text/plain; charset=utf-8", text);
}

static int respond_other_method(struct hob_request *req) {
    bool asks = strcmp(hob_request_method(req), "OPTIONS") == 0;
    return hob_respond(req, asks ? 204 : 405, HOB_HEADERS({"Allow", "GET, HEAD, OPTIONS"}), NULL,
                       0);
}

/* To the folder's own name, on this host: "/a" becomes "/a/", "//a" must not become another host.
 */
static int respond_slash(struct hob_request *req) {
    const char *path = hob_request_path(req), *query = hob_request_query(req);
    char location[HOB__STATIC_PATH + 16];
    while (path[0] == '/' && path[1] == '/') path++;
    int n = snprintf(location, sizeof location, "%s/%s%s", path, *query ? "?" : "", query);
    if (n >= (int)sizeof location) return respond_status(req, 414);
    return hob_respond(req, 301, HOB_HEADERS({"Location", location}), NULL, 0);
}

/* ---- a file's headers ---- */

static const char *type_of(const struct hob_static *s, const char *path) {
    const char *dot = strrchr(path, '.');
    for (const struct hob_type *t = s->types; dot && t && t->extension; t++)
        if (strcasecmp(dot + 1, t->extension) == 0) return t->type;
    return hob_type_of(path);
}

static void describe(struct answer *a, const struct stat *st) {
    a->size = st->st_size;
    a->modified = st->st_mtim.tv_sec;
    snprintf(a->etag, sizeof a->etag, "\"%llx-%llx\"",
             (unsigned long long)st->st_mtim.tv_sec * 1000000000u +
                 (unsigned long long)st->st_mtim.tv_nsec,
             (unsigned long long)st->st_size);
    hob__http_date(a->modified, a->changed);
}

/* The tag of another representation. */
static void set_coding(struct answer *a, const char *coding) {
    size_t n = strlen(a->etag);
    a->coding = coding;
    snprintf(a->etag + n - 1, sizeof a->etag - n + 1, "-%s\"", coding);
}

enum { HEADERS = 12 };

static void put(struct hob_header h[HEADERS], const char *name, const char *value) {
    size_t n = 0;
    while (h[n].name) n++;
    h[n] = (struct hob_header){name, value};
    h[n + 1] = (struct hob_header){NULL, NULL};
}

/* Those that 200, 206 and 304 have (RFC 9110, 15.4.5). */
static void put_common(const struct answer *a, struct hob_header h[HEADERS]) {
    put(h, "ETag", a->etag);
    put(h, "Last-Modified", a->changed);
    if (a->varies) put(h, "Vary", "Accept-Encoding");
    if (a->files->cache_control) put(h, "Cache-Control", a->files->cache_control);
}

/* ---- bodies ---- */

static int send_small(struct answer *a, const struct hob_header *headers) {
    char bytes[SMALL];
    size_t have = 0;
    while ((int64_t)have < a->size) {
        ssize_t n = hob_file_pread(a->file, bytes + have, (size_t)a->size - have, (int64_t)have);
        if (n < 0) return (int)n;
        if (n == 0) return hob_fail(HOB_E_HTTP_SIZE, "%s has shrunk while it was read", a->path);
        have += (size_t)n;
    }
    return hob_respond(a->req, 200, headers, bytes, have);
}

static int send_whole(struct answer *a) {
    struct hob_header h[HEADERS] = {{"Content-Type", a->type}};
    put_common(a, h);
    put(h, "Accept-Ranges", "bytes");
    if (a->coding) put(h, "Content-Encoding", a->coding);
    if (a->size <= SMALL) return send_small(a, h);
    int rc = hob_respond_begin(a->req, 200, h, a->size);
    if (rc >= 0) rc = hob_respond_write_file(a->req, hob_file_fd(a->file), 0, a->size);
    return rc < 0 ? rc : hob_respond_end(a->req);
}

static int send_part(struct answer *a, const struct hob__range *r) {
    char where[80];
    struct hob_header h[HEADERS] = {{"Content-Type", a->type}};
    snprintf(where, sizeof where, "bytes %lld-%lld/%lld", (long long)r->from,
             (long long)(r->from + r->size - 1), (long long)a->size);
    put_common(a, h);
    put(h, "Content-Range", where);
    if (a->coding) put(h, "Content-Encoding", a->coding);
    int rc = hob_respond_begin(a->req, 206, h, r->size);
    if (rc >= 0) rc = hob_respond_write_file(a->req, hob_file_fd(a->file), r->from, r->size);
    return rc < 0 ? rc : hob_respond_end(a->req);
}

/* multipart/byteranges (RFC 9110, 14.6). The boundary is of the file's tag and the clock: nobody
 * who writes a file can put it there. */
static int send_parts(struct answer *a, const struct hob__range *r, int count) {
    char type[128], heads[HOB__RANGES][320], last[96];
    char boundary[HOB__ETAG_SIZE + 24];
    int64_t total = 0;
    size_t n = 0;
    for (const char *p = a->etag; *p; p++)
        if (isalnum((unsigned char)*p) || *p == '-') boundary[n++] = *p;
    snprintf(boundary + n, sizeof boundary - n, "-%llx", (unsigned long long)hob_now());
    for (int i = 0; i < count; i++) {
        int size =
            snprintf(heads[i], sizeof heads[i],
                     "%s--%s\r\nContent-Type: %s\r\nContent-Range: bytes %lld-%lld/%lld\r\n\r\n",
                     i ? "\r\n" : "", boundary, a->type, (long long)r[i].from,
                     (long long)(r[i].from + r[i].size - 1), (long long)a->size);
        total += size + r[i].size;
    }
    total += snprintf(last, sizeof last, "\r\n--%s--\r\n", boundary);
    snprintf(type, sizeof type, "multipart/byteranges; boundary=%s", boundary);
    struct hob_header h[HEADERS] = {{"Content-Type", type}};
    put_common(a, h);
    if (a->coding) put(h, "Content-Encoding", a->coding);
    int rc = hob_respond_begin(a->req, 206, h, total);
    for (int i = 0; i < count && rc >= 0; i++) {
        rc = hob_respond_write(a->req, heads[i], strlen(heads[i]));
        if (rc >= 0)
            rc = hob_respond_write_file(a->req, hob_file_fd(a->file), r[i].from, r[i].size);
    }
    if (rc >= 0) rc = hob_respond_write(a->req, last, strlen(last));
    return rc < 0 ? rc : hob_respond_end(a->req);
}

static int send_no_part(struct answer *a) {
    char where[48];
    snprintf(where, sizeof where, "bytes */%lld", (long long)a->size);
    return hob_respond(a->req, 416, HOB_HEADERS({"Content-Range", where}), NULL, 0);
}

/* ---- packed ---- */

/* A file beside it that holds the same packed, and is not older: takes its place. 1, 0, or an
 * error. */
static int use_neighbour(struct answer *a, enum hob__packing p) {
    char path[HOB__STATIC_PATH + 8];
    struct hob_file *packed;
    struct stat st;
    snprintf(path, sizeof path, "%s%s", a->path, hob__packing_suffix(p));
    int rc = hob_open_below(a->files->folder, path, &packed);
    if (rc < 0) return status_of(rc) ? 0 : rc;
    rc = hob_file_stat(packed, &st);
    if (rc < 0 || !S_ISREG(st.st_mode) || st.st_mtim.tv_sec < a->modified) {
        hob_file_close(packed);
        return rc < 0 ? rc : 0;
    }
    hob_file_close(a->file);
    a->file = packed;
    describe(a, &st);
    set_coding(a, hob__packing_name(p));
    return 1;
}

static int send_packed(struct answer *a, struct hob__packed *e) {
    struct hob_header h[HEADERS] = {{"Content-Type", a->type}};
    put_common(a, h);
    put(h, "Content-Encoding", a->coding);
    int rc = hob_respond(a->req, 200, h, e->data, e->size);
    hob__packed_release(a->files, e);
    return rc;
}

static bool to_pack(const struct answer *a) {
    return a->files->options.compress && a->size >= PACK_MIN &&
           a->size <= (int64_t)a->files->options.compress_max && hob__packable(a->type);
}

/* ---- the whole ---- */

static struct hob__conditions conditions_of(const struct hob_request *req) {
    return (struct hob__conditions){
        hob_request_header(req, "if-match"), hob_request_header(req, "if-none-match"),
        hob_request_header(req, "if-modified-since"),
        hob_request_header(req, "if-unmodified-since"), hob_request_header(req, "if-range")};
}

/* 200 or 206, of what the conditions let through; *done: it has been answered. */
static int judge(struct answer *a, const struct hob__conditions *c, bool *done) {
    struct hob_header h[HEADERS] = {{0}};
    int status = hob__conditions_judge(c, &(struct hob__validators){a->etag, a->modified});
    *done = status != 200;
    if (status == 200) return 0;
    if (status == 412) return respond_status(a->req, 412);
    put_common(a, h);
    return hob_respond(a->req, 304, h, NULL, 0);
}

static int send_file(struct answer *a) {
    const char *range = hob_request_header(a->req, "range");
    struct hob__conditions c = conditions_of(a->req);
    struct hob__range ranges[HOB__RANGES];
    bool done;
    int rc = judge(a, &c, &done);
    if (rc < 0 || done) return rc;
    if (!range || strcmp(hob_request_method(a->req), "GET") != 0 ||
        !hob__conditions_range(&c, &(struct hob__validators){a->etag, a->modified}))
        return send_whole(a);
    int count = hob__ranges_parse(range, a->size, ranges);
    if (count < 0) return send_no_part(a);
    if (count == 0) return send_whole(a);
    return count == 1 ? send_part(a, ranges) : send_parts(a, ranges, count);
}

static int send_packed_or_not(struct answer *a, enum hob__packing p) {
    struct hob__packed *e;
    struct hob__conditions c = conditions_of(a->req);
    bool done;
    int rc = hob__packed_get(a->files, a->file, a->path, a->etag, (size_t)a->size, p, &e);
    if (rc < 0) return rc;
    if (!e) return send_file(a);
    set_coding(a, hob__packing_name(p));
    rc = judge(a, &c, &done);
    if (rc >= 0 && !done) return send_packed(a, e);
    hob__packed_release(a->files, e);
    return rc;
}

/* In the way that the client likes best, and of several that it likes as much in the one that costs
 * least (RFC 9110, 12.5.3). */
static int send_best(struct answer *a) {
    bool beside = !a->files->options.no_precompressed && hob__packable(a->type);
    bool packs = to_pack(a), whole = !hob_request_header(a->req, "range");
    struct hob__wishes wishes = {.plain = 0};
    a->varies = beside || packs;
    if (a->varies) wishes = hob__packings_wanted(hob_request_header(a->req, "accept-encoding"));
    for (unsigned q = UINT_MAX; (q = hob__next_wish(&wishes, q)) > 0;) {
        for (unsigned p = 0; p < HOB__PACKINGS && beside; p++) {
            int rc = wishes.packed[p] == q ? use_neighbour(a, p) : 0;
            if (rc < 0) return rc;
            if (rc == 1) return send_file(a);
        }
        for (unsigned p = 0; p < HOB__PACKINGS && packs && whole; p++)
            if (wishes.packed[p] == q && hob__packing_built(p)) return send_packed_or_not(a, p);
    }
    return send_file(a);
}

/* Opens what stands for a folder, in its place; 404: there is nothing. */
static int open_index(struct answer *a, char path[HOB__STATIC_PATH], struct stat *st) {
    char index[HOB__STATIC_PATH];
    struct hob_file *file;
    const char *folder = strcmp(path, ".") == 0 ? "" : path;
    int n = snprintf(index, sizeof index, "%s%s", folder, a->files->index);
    if (!*a->files->index || n >= (int)sizeof index) return 404;
    int rc = hob_open_below(a->files->folder, index, &file);
    if (rc < 0) return status_of(rc) ? 404 : rc;
    rc = hob_file_stat(file, st);
    if (rc < 0 || !S_ISREG(st->st_mode)) {
        hob_file_close(file);
        return rc < 0 ? rc : 404;
    }
    hob_file_close(a->file);
    a->file = file;
    memcpy(path, index, (size_t)n + 1);
    return 0;
}

static int respond_folder(struct answer *a, char path[HOB__STATIC_PATH], struct stat *st) {
    size_t n = strlen(path);
    bool top = strcmp(path, ".") == 0;
    if (!top && path[n - 1] != '/') return respond_slash(a->req);
    int rc = open_index(a, path, st);
    if (rc < 0) return rc;
    if (rc == 404 && !a->files->options.listings) return respond_status(a->req, 403);
    if (rc == 404) {
        char title[HOB__STATIC_PATH + 1];
        snprintf(title, sizeof title, "/%s", top ? "" : path);
        return hob__static_list(a->files, a->req, a->file, title);
    }
    a->type = type_of(a->files, path);
    describe(a, st);
    return send_best(a);
}

static int respond_opened(struct answer *a, char path[HOB__STATIC_PATH]) {
    struct stat st;
    int rc = hob_file_stat(a->file, &st);
    if (rc < 0) return rc;
    if (S_ISDIR(st.st_mode)) return respond_folder(a, path, &st);
    if (!S_ISREG(st.st_mode) || path[strlen(path) - 1] == '/') return respond_status(a->req, 404);
    a->type = type_of(a->files, path);
    describe(a, &st);
    return send_best(a);
}

int hob_static_respond(struct hob_static *s, struct hob_request *req, const char *path) {
    const char *method = hob_request_method(req);
    char name[HOB__STATIC_PATH];
    struct answer a = {.files = s, .req = req, .path = name};
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) return respond_other_method(req);
    int status = decode_path(s, path ? path : hob_request_path(req), name);
    if (status) return respond_status(req, status);
    int rc = hob_open_below(s->folder, name, &a.file);
    if (rc < 0) {
        status = status_of(rc);
        return status ? respond_status(req, status) : rc;
    }
    rc = respond_opened(&a, name);
    hob_file_close(a.file);
    return rc;
}
