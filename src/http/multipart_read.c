/* http/multipart_read.c - the parts of a body that comes: the parser over a source of bytes.
 *
 * One buffer holds what has come and was not used; the parser needs at most a head, or a boundary,
 * in one piece. A part's headers are copied out of it and become strings there. */
#include <hob/error.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/multipart.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "http/client/client.h"
#include "http/media.h"
#include "http/multipart.h"
#include "http/server/server.h"

enum { PIECE = 16384, FIELDS = 16, TEXT = 1024 };

struct hob_multipart {
    struct hob__parts parser;
    ssize_t (*read)(void *arg, void *buf, size_t n);
    void *arg;
    struct hob_request *req; /* whose body it is, or NULL */
    struct hob__buffer in;
    struct hob_slice piece; /* of the part: parsed, and not handed out yet */
    struct hob__buffer head, value;
    struct hob__h1_field fields[FIELDS];
    uint32_t field_count;
    size_t parts, max_parts;
    int error;
    bool in_part, form, ended;
    char name[TEXT], filename[TEXT];
};

/* ---- opening ---- */

int hob__multipart_open(const char *content_type, ssize_t (*read)(void *, void *, size_t),
                        void *arg, struct hob_multipart **out,
                        struct hob_multipart_options options) {
    char boundary[HOB__BOUNDARY_MAX + 1];
    *out = NULL;
    if (!content_type || !hob__media_is(content_type, "multipart/"))
        return hob_fail(HOB_E_MULTIPART, "the body is %.80s, and not multipart",
                        content_type ? content_type : "of no type");
    struct hob_multipart *m = hob__alloc_zero(sizeof *m);
    if (!m) return hob_fail(-ENOMEM, "no memory for a multipart body");
    int n = hob__media_param(content_type, "boundary", boundary, sizeof boundary);
    size_t max_head = options.max_head ? options.max_head : 8192;
    if (max_head > 1 << 20) max_head = 1 << 20;
    if (n < 0 || n > HOB__BOUNDARY_MAX ||
        hob__parts_init(&m->parser, boundary, (size_t)n, (uint32_t)max_head) < 0) {
        hob__free(m);
        return hob_fail(HOB_E_MULTIPART, "no boundary in \"Content-Type: %.120s\"", content_type);
    }
    m->read = read;
    m->arg = arg;
    m->form = hob__media_is(content_type, "multipart/form-data");
    m->max_parts = options.max_parts ? options.max_parts : 1000;
    *out = m;
    return 0;
}

static ssize_t read_request(void *req, void *buf, size_t n) {
    return hob_request_read(req, buf, n);
}
static ssize_t read_response(void *res, void *buf, size_t n) {
    return hob_response_read(res, buf, n);
}

int hob__request_multipart(struct hob_request *req, struct hob_multipart **out,
                           struct hob_multipart_options options) {
    const char *type = hob_request_header(req, "content-type");
    *out = NULL;
    int rc;
    if (type && hob__media_is(type, "multipart/") && !hob__media_is(type, "multipart/form-data"))
        rc = hob_fail(HOB_E_MULTIPART, "the body is %.80s, and not multipart/form-data", type);
    else
        rc = hob__multipart_open(type, read_request, req, out, options);
    if (rc == HOB_E_MULTIPART) hob__request_blame(req, rc);
    if (*out) (*out)->req = req;
    return rc;
}

int hob__response_multipart(struct hob_response *res, struct hob_multipart **out,
                            struct hob_multipart_options options) {
    return hob__multipart_open(hob_response_header(res, "content-type"), read_response, res, out,
                               options);
}

void hob_multipart_close(struct hob_multipart *m) {
    if (!m) return;
    hob__buffer_free(&m->in);
    hob__buffer_free(&m->head);
    hob__buffer_free(&m->value);
    hob__free(m);
}

/* ---- events ---- */

/* A cancel takes nothing; every other error is final. */
static int spoil(struct hob_multipart *m, int rc) {
    if (rc == -ECANCELED) return rc;
    switch (rc) {
    case HOB_E_MULTIPART:
        hob_fail(rc, "part %zu: malformed", m->parts);
        break;
    case HOB_E_HTTP_HEADERS_TOO_LARGE:
        hob_fail(rc, "part %zu: its headers go on beyond %u bytes", m->parts, m->parser.max_head);
        break;
    case HOB_E_HTTP_CUT:
        if (m->ended) hob_fail(rc, "the body ends inside part %zu", m->parts);
        break;
    default:
        break;
    }
    if (m->req) hob__request_blame(m->req, rc);
    return m->error = rc;
}

static int fill(struct hob_multipart *m) {
    int rc = hob__buffer_reserve(&m->in, PIECE, (size_t)m->parser.max_head + 2 * PIECE);
    if (rc < 0) return rc;
    ssize_t got = m->read(m->arg, hob__buffer_tail(&m->in), hob__buffer_room(&m->in));
    if (got < 0) return (int)got;
    m->ended = got == 0;
    if (got == 0) return HOB_E_HTTP_CUT;
    hob__buffer_put(&m->in, (size_t)got);
    return 0;
}

/* The next event but HOB__PART_NEED, or an error. */
static int event(struct hob_multipart *m) {
    for (;;) {
        size_t used = 0;
        const char *bytes = m->in.data ? hob__buffer_bytes(&m->in) : "";
        int rc = hob__parts_next(&m->parser, bytes, hob__buffer_size(&m->in), &used, &m->piece);
        if (rc < 0) return rc;
        if (used) hob__buffer_take(&m->in, used);
        if (rc != HOB__PART_NEED) return rc;
        rc = fill(m);
        if (rc < 0) return rc;
    }
}

/* ---- parts ---- */

/* The headers of the part, as strings of their own. */
static int take_head(struct hob_multipart *m) {
    size_t n = m->piece.size;
    m->head.start = m->head.end = 0;
    m->value.start = m->value.end = 0;
    m->field_count = 0;
    int rc = hob__buffer_reserve(&m->head, n + 1, SIZE_MAX);
    if (rc < 0) return rc;
    char *bytes = hob__buffer_tail(&m->head);
    memcpy(bytes, m->piece.at, n);
    uint32_t count = hob__h1_split(bytes, n, 0, m->fields, FIELDS);
    if (count > FIELDS) return HOB_E_HTTP_HEADERS_TOO_LARGE;
    for (uint32_t i = 0; i < count; i++) {
        bytes[m->fields[i].name + m->fields[i].name_size] = 0;
        bytes[m->fields[i].value + m->fields[i].value_size] = 0;
    }
    m->field_count = count;
    hob__buffer_put(&m->head, n);
    return 0;
}

/* What browsers make of a quotation mark in a name. The other two stay as they are: nobody wants a
 * line's end in a name. */
static void unescape(char *text) {
    char *to = text;
    for (const char *p = text; *p; p++) {
        bool quote = p[0] == '%' && p[1] == '2' && p[2] == '2';
        *to++ = quote ? '"' : *p;
        if (quote) p += 2;
    }
    *to = 0;
}

/* 0, or HOB_E_MULTIPART: a form's part must have a name. */
static int take_names(struct hob_multipart *m, struct hob_multipart_part *part) {
    const char *said = hob_multipart_header(m, "content-disposition");
    const char *type = hob_multipart_header(m, "content-type");
    int name = said ? hob__media_param(said, "name", m->name, TEXT) : -ENOENT;
    int file = said ? hob__media_param(said, "filename", m->filename, TEXT) : -ENOENT;
    if (m->form && (!said || !hob__media_is(said, "form-data") || name < 0)) return HOB_E_MULTIPART;
    if (name == -EINVAL || file == -EINVAL || name >= TEXT || file >= TEXT) return HOB_E_MULTIPART;
    if (name < 0) m->name[0] = 0;
    unescape(m->name);
    if (file >= 0) unescape(m->filename);
    *part = (struct hob_multipart_part){m->name, file >= 0 ? m->filename : NULL,
                                        type ? type : "text/plain"};
    return 0;
}

static int ready(struct hob_multipart *m) {
    int rc = hob_check();
    return rc < 0 ? rc : m->error;
}

int hob_multipart_next(struct hob_multipart *m, struct hob_multipart_part *part) {
    int rc = ready(m);
    if (rc < 0) return rc;
    for (;;) {
        rc = event(m);
        if (rc < 0) return spoil(m, rc);
        if (rc == HOB__PART_END) m->in_part = false;
        if (rc == HOB__PART_LAST) return 0;
        if (rc != HOB__PART_HEAD) continue;
        m->in_part = true;
        if (++m->parts > m->max_parts) {
            hob_fail(HOB_E_MULTIPART_PARTS, "the body has more than %zu parts", m->max_parts);
            return spoil(m, HOB_E_MULTIPART_PARTS);
        }
        rc = take_head(m);
        m->piece.size = 0;
        if (rc == 0) rc = take_names(m, part);
        return rc < 0 ? spoil(m, rc) : 1;
    }
}

const char *hob_multipart_header(const struct hob_multipart *m, const char *name) {
    const char *bytes = m->head.data;
    for (uint32_t i = 0; i < m->field_count; i++)
        if (strcasecmp(bytes + m->fields[i].name, name) == 0) return bytes + m->fields[i].value;
    return NULL;
}

/* ---- content ---- */

static ssize_t read_part(void *multipart, void *buf, size_t n) {
    struct hob_multipart *m = multipart;
    while (m->piece.size == 0) {
        if (!m->in_part) return 0;
        int rc = event(m);
        if (rc < 0) return rc;
        if (rc != HOB__PART_DATA) m->piece.size = 0;
        if (rc == HOB__PART_END) m->in_part = false;
    }
    if (n > m->piece.size) n = m->piece.size;
    memcpy(buf, m->piece.at, n);
    m->piece.at += n;
    m->piece.size -= n;
    return (ssize_t)n;
}

ssize_t hob_multipart_read(struct hob_multipart *m, void *buf, size_t n) {
    int rc = ready(m);
    if (rc < 0) return rc;
    if (n == 0) return 0;
    ssize_t got = read_part(m, buf, n);
    return got < 0 ? spoil(m, (int)got) : got;
}

int hob_multipart_value(struct hob_multipart *m, size_t max, struct hob_slice *value) {
    int rc = ready(m);
    if (rc < 0) return rc;
    rc = hob__read_whole(read_part, m, 0, &m->value, max);
    if (rc == HOB_E_HTTP_BODY_TOO_LARGE)
        rc = hob_fail(HOB_E_LIMIT, "part %zu: more than %zu bytes", m->parts, max);
    if (rc < 0) return spoil(m, rc);
    *value = (struct hob_slice){hob__buffer_bytes(&m->value), hob__buffer_size(&m->value)};
    return 0;
}

static int64_t copy_part(struct hob_multipart *m, struct hob_file *to, char *buf, int64_t max) {
    for (int64_t done = 0;;) {
        ssize_t got = hob_multipart_read(m, buf, PIECE);
        if (got <= 0) return got < 0 ? got : done;
        done += got;
        if (done > max) {
            hob_fail(HOB_E_LIMIT, "part %zu: more than %lld bytes", m->parts, (long long)max);
            return spoil(m, HOB_E_LIMIT);
        }
        ssize_t put = hob_file_write(to, buf, (size_t)got);
        if (put < 0) return put;
    }
}

int64_t hob_multipart_save(struct hob_multipart *m, const char *path, int64_t max) {
    HOB_FILE(file);
    HOB_TRY(hob_open_replacing(path, &file));
    char *buf = hob__alloc(PIECE);
    if (!buf) return -ENOMEM;
    int64_t n = copy_part(m, file, buf, max);
    hob__free(buf);
    int rc = n < 0 ? (int)n : hob_file_commit(file);
    return rc < 0 ? rc : n;
}
