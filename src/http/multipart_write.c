/* http/multipart_write.c - a request's body out of parts (RFC 7578; names as HTML says, "multipart/
 * form-data encoding algorithm").
 *
 * It is read by whoever sends it, and made while that happens: a part's head, its content from
 * where that comes, its end. What lies in memory is put together up to the room that there is;
 * before a source that may wait, what there is goes out. */
#include "http/multipart_write.h"

#include <hob/error.h>
#include <hob/file.h>
#include <hob/generator.h>
#include <hob/hob.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "http/scan.h"
#include "task/fdwait.h"

enum { HEAD, CONTENT, TAIL, OVER };
enum { HEAD_MAX = 65536 };

struct hob__parts_out {
    const struct hob_part *parts, *at;
    int64_t size; /* of the whole; -1: not known */
    uint8_t state;
    struct hob__buffer text; /* a head or an end, to be handed out */
    uint64_t done;           /* of the content */
    int64_t *sizes;          /* of the contents; -1: not known */
    struct hob_file *file;
    struct hob_slice piece; /* the generator's */
    char boundary[40];
    char type[80];
};

static bool waits(const struct hob_part *p) { return p->read || p->generator; }

/* ---- heads ---- */

static int put(struct hob__buffer *b, const char *text, size_t n) {
    int rc = hob__buffer_append(b, text, n, HEAD_MAX);
    return rc == HOB_E_LIMIT ? HOB_E_HTTP_HEADERS_TOO_LARGE : rc;
}

static int put_text(struct hob__buffer *b, const char *text) { return put(b, text, strlen(text)); }

/* ; name="..." */
static int put_name(struct hob__buffer *b, const char *what, const char *name) {
    int rc = put_text(b, what);
    for (const char *p = name; rc == 0 && *p; p++) {
        const char *as = *p == '"' ? "%22" : *p == '\r' ? "%0D" : *p == '\n' ? "%0A" : NULL;
        rc = as ? put(b, as, 3) : put(b, p, 1);
    }
    return rc < 0 ? rc : put(b, "\"", 1);
}

static const char *filename(const struct hob_part *p) {
    if (p->filename || !p->path) return p->filename;
    const char *slash = strrchr(p->path, '/');
    return slash ? slash + 1 : p->path;
}

static int put_head(struct hob__parts_out *o, struct hob__buffer *b, const struct hob_part *p) {
    const char *file = filename(p), *type = p->type;
    if (!type && file) type = "application/octet-stream";
    if (type && *hob__scan_value(type, type + strlen(type)))
        return hob_fail(HOB_E_HTTP_ILLEGAL, "the part \"%.64s\": a type that headers cannot have",
                        p->name);
    int rc = put_text(b, "--");
    if (rc == 0) rc = put_text(b, o->boundary);
    if (rc == 0) rc = put_text(b, "\r\nContent-Disposition: form-data");
    if (rc == 0) rc = put_name(b, "; name=\"", p->name);
    if (rc == 0 && file) rc = put_name(b, "; filename=\"", file);
    if (rc == 0 && type) rc = put_text(b, "\r\nContent-Type: ");
    if (rc == 0 && type) rc = put_text(b, type);
    return rc < 0 ? rc : put_text(b, "\r\n\r\n");
}

static int put_last(struct hob__parts_out *o, struct hob__buffer *b) {
    int rc = put_text(b, "--");
    if (rc == 0) rc = put_text(b, o->boundary);
    return rc < 0 ? rc : put_text(b, "--\r\n");
}

/* ---- how large it is ---- */

static int size_of(const struct hob_part *p, int64_t *size) {
    struct stat st;
    *size = p->value ? (int64_t)strlen(p->value) : (int64_t)p->size;
    if ((p->value != NULL) + (p->path != NULL) + (p->data != NULL) + (p->read != NULL) +
            (p->generator != NULL) >
        1)
        return hob_fail(HOB_E_HTTP_BODY, "the part \"%.64s\" has several contents", p->name);
    if (waits(p) && p->size == 0) *size = -1;
    if (!p->path) return 0;
    int rc = hob_stat(p->path, &st);
    if (rc < 0) return rc;
    if (!S_ISREG(st.st_mode))
        return hob_fail(HOB_E_HTTP_BODY, "%s is no regular file, whose size could be announced",
                        p->path);
    *size = st.st_size;
    return 0;
}

static int measure(struct hob__parts_out *o) {
    for (const struct hob_part *p = o->parts; p->name; p++) {
        int64_t *size = &o->sizes[p - o->parts];
        int rc = size_of(p, size);
        if (rc == 0) rc = put_head(o, &o->text, p);
        if (rc < 0) return rc;
        int64_t head = (int64_t)hob__buffer_size(&o->text) + 2;
        o->text.start = o->text.end = 0;
        o->size = *size < 0 || o->size < 0 ? -1 : o->size + head + *size;
    }
    int rc = put_last(o, &o->text);
    if (o->size >= 0) o->size += (int64_t)hob__buffer_size(&o->text);
    return rc;
}

int hob__parts_out_open(struct hob__parts_out **out, const struct hob_part *parts, int64_t *size,
                        bool *once, const char **type) {
    static const char hex[] = "0123456789abcdef";
    struct hob__backend *b = hob__backend_current("hob_client_request");
    uint8_t random[16];
    size_t count = 0;
    *once = false;
    for (; parts[count].name; count++) *once = *once || waits(&parts[count]);
    struct hob__parts_out *o = *out = hob__alloc_zero(sizeof *o);
    if (o) o->sizes = hob__alloc(count * sizeof *o->sizes + 1);
    if (!o || !o->sizes) return hob_fail(-ENOMEM, "no memory for a body of parts");
    b->ops->random(b, random, sizeof random);
    memcpy(o->boundary, "hob-", 4);
    for (size_t i = 0; i < 2 * sizeof random; i++)
        o->boundary[4 + i] = hex[random[i / 2] >> 4 * (i & 1) & 15];
    snprintf(o->type, sizeof o->type, "multipart/form-data; boundary=%s", o->boundary);
    o->parts = parts;
    *type = o->type;
    int rc = measure(o);
    *size = o->size;
    hob__parts_out_begin(o);
    return rc;
}

void hob__parts_out_begin(struct hob__parts_out *o) {
    o->at = o->parts;
    o->state = HEAD;
    o->done = 0;
    o->text.start = o->text.end = 0;
    hob_file_close(o->file);
    o->file = NULL;
}

void hob__parts_out_close(struct hob__parts_out *o) {
    if (!o) return;
    hob_file_close(o->file);
    hob__buffer_free(&o->text);
    hob__free(o->sizes);
    hob__free(o);
}

/* ---- contents ---- */

static ssize_t read_memory(struct hob__parts_out *o, void *buf, size_t n) {
    const struct hob_part *p = o->at;
    const char *bytes = p->value ? p->value : p->data;
    size_t size = p->value ? strlen(p->value) : p->data ? p->size : 0;
    size_t left = size - (size_t)o->done;
    if (n > left) n = left;
    if (n) memcpy(buf, bytes + o->done, n);
    return (ssize_t)n;
}

static ssize_t read_file(struct hob__parts_out *o, void *buf, size_t n) {
    if (!o->file) {
        int rc = hob_open(o->at->path, "r", &o->file);
        if (rc < 0) return rc;
    }
    uint64_t left = (uint64_t)o->sizes[o->at - o->parts] - o->done;
    if (n > left) n = (size_t)left;
    return n == 0 ? 0 : hob_file_pread(o->file, buf, n, (int64_t)o->done);
}

ssize_t hob__slices_read(struct hob_generator *g, struct hob_slice *piece, void *buf, size_t n) {
    while (piece->size == 0) {
        int rc = hob__next(g, piece);
        if (rc <= 0) return rc;
    }
    if (n > piece->size) n = piece->size;
    memcpy(buf, piece->at, n);
    piece->at += n;
    piece->size -= n;
    return (ssize_t)n;
}

static ssize_t read_content(struct hob__parts_out *o, void *buf, size_t n) {
    const struct hob_part *p = o->at;
    int64_t size = o->sizes[p - o->parts];
    ssize_t got = p->path        ? read_file(o, buf, n)
                  : p->read      ? p->read(p->arg, buf, n)
                  : p->generator ? hob__slices_read(p->generator, &o->piece, buf, n)
                                 : read_memory(o, buf, n);
    if (got < 0) return got;
    uint64_t left = (uint64_t)size - o->done;
    if (size >= 0 && ((uint64_t)got > left || (got == 0 && left > 0)))
        return hob_fail(HOB_E_HTTP_SIZE,
                        "the part \"%.64s\" is %s the %lld bytes that were "
                        "announced",
                        p->name, got ? "more than" : "less than", (long long)size);
    o->done += (uint64_t)got;
    return got;
}

/* ---- all of it ---- */

/* Makes the text of the state, and goes on to the one behind it. */
static int make_text(struct hob__parts_out *o) {
    o->text.start = o->text.end = 0;
    switch (o->state) {
    case HEAD:
        o->state = o->at->name ? CONTENT : OVER;
        o->done = 0;
        return o->at->name ? put_head(o, &o->text, o->at) : put_last(o, &o->text);
    case TAIL:
        o->state = HEAD;
        o->at++;
        hob_file_close(o->file);
        o->file = NULL;
        return put_text(&o->text, "\r\n");
    default:
        return 0;
    }
}

ssize_t hob__parts_out_read(struct hob__parts_out *o, void *buf, size_t n) {
    size_t at = 0;
    while (at < n) {
        size_t there = hob__buffer_size(&o->text);
        if (there) {
            if (there > n - at) there = n - at;
            memcpy((char *)buf + at, hob__buffer_bytes(&o->text), there);
            hob__buffer_take(&o->text, there);
            at += there;
        } else if (o->state == CONTENT) {
            if (at > 0 && waits(o->at)) break;
            ssize_t got = read_content(o, (char *)buf + at, n - at);
            if (got < 0) return got;
            if (got == 0) o->state = TAIL;
            at += (size_t)got;
            if (got > 0 && waits(o->at)) break;
        } else if (o->state == OVER) {
            break;
        } else {
            int rc = make_text(o);
            if (rc < 0) return rc;
        }
    }
    return (ssize_t)at;
}
