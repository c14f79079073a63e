/* http/client/outgoing.c - the bodies that a request can have: what they are, how they are read. */
#include "http/client/outgoing.h"

#include <hob/error.h>
#include <hob/file.h>
#include <hob/generator.h>
#include <hob/hob.h>
#include <hob/model.h>
#include <hob/stream.h>
#include <string.h>

#include "base/memory.h"
#include "http/multipart_write.h"

/* ---- the sources ---- */

static ssize_t read_bytes(struct hob__outgoing *o, void *buf, size_t n) {
    size_t left = (size_t)o->size - (size_t)o->done;
    if (n > left) n = left;
    memcpy(buf, (const char *)o->bytes + o->done, n);
    return (ssize_t)n;
}

static ssize_t read_function(struct hob__outgoing *o, void *buf, size_t n) {
    return o->options->read_body(o->options->arg, buf, n);
}

static ssize_t read_stream(struct hob__outgoing *o, void *buf, size_t n) {
    return hob_read(o->options->body_stream, buf, n);
}

static ssize_t read_file(struct hob__outgoing *o, void *buf, size_t n) {
    struct iovec iov = {buf, n};
    return hob_preadv(o->fd, &iov, 1, o->offset + (int64_t)o->done);
}

static ssize_t read_generator(struct hob__outgoing *o, void *buf, size_t n) {
    return hob__slices_read(o->options->body_generator, &o->piece, buf, n);
}

static ssize_t read_parts(struct hob__outgoing *o, void *buf, size_t n) {
    return hob__parts_out_read(o->parts, buf, n);
}

/* ---- which one it is ---- */

static int take_parts(struct hob__outgoing *o, const struct hob_fetch_options *options) {
    o->read = read_parts;
    return hob__parts_out_open(&o->parts, options->multipart, &o->size, &o->once, &o->type);
}

static int take_json(struct hob__outgoing *o, const struct hob_fetch_options *options) {
    size_t n;
    o->type = "application/json";
    if (options->json) {
        o->bytes = options->json;
        o->size = (int64_t)strlen(options->json);
        return 0;
    }
    int rc = hob_model_encode_with(options->json_model, options->json_value, &o->made, &n,
                                   (struct hob_encode_options){0});
    if (rc < 0) return rc;
    o->bytes = o->made;
    o->size = (int64_t)n;
    return 0;
}

static int take_form(struct hob__outgoing *o, const struct hob_fetch_options *options) {
    o->made = hob__params_encode(options->form, true);
    if (!o->made) return hob_fail(-ENOMEM, "no memory for a form");
    o->bytes = o->made;
    o->size = (int64_t)strlen(o->made);
    o->type = "application/x-www-form-urlencoded";
    return 0;
}

static int measure_file(struct hob__outgoing *o, const struct stat *st) {
    const struct hob_fetch_options *options = o->options;
    const char *name = options->body_file ? options->body_file : "the descriptor";
    if (!S_ISREG(st->st_mode))
        return hob_fail(HOB_E_HTTP_BODY, "%s is no regular file, whose size could be announced",
                        name);
    o->offset = options->body_offset;
    int64_t there = st->st_size - o->offset, wanted = (int64_t)options->body_size;
    if (o->offset < 0 || there < 0 || wanted < 0 || wanted > there)
        return hob_fail(HOB_E_HTTP_SIZE, "%s has %lld bytes, which do not reach to what is wanted",
                        name, (long long)st->st_size);
    o->size = wanted ? wanted : there;
    return 0;
}

/* Not opened yet: a request may wait long for its connection, with thousands of others. */
static int take_file(struct hob__outgoing *o, const struct hob_fetch_options *options) {
    struct stat st;
    o->read = read_file;
    if (options->body_file) {
        HOB_TRY(hob_stat(options->body_file, &st));
        return measure_file(o, &st);
    }
    o->fd = *options->body_fd;
    if (fstat(o->fd, &st) < 0)
        return hob_fail(-errno, "the descriptor %d, which is to be sent", o->fd);
    return measure_file(o, &st);
}

static int open_file(struct hob__outgoing *o) {
    struct stat st;
    HOB_TRY(hob_open(o->options->body_file, "r", &o->file));
    HOB_TRY(hob_file_stat(o->file, &st));
    o->fd = hob_file_fd(o->file);
    return measure_file(o, &st);
}

static int count_bodies(const struct hob_fetch_options *options) {
    return (options->body != NULL) + (options->form != NULL) + (options->json != NULL) +
           (options->json_model != NULL) + (options->multipart != NULL) +
           (options->body_file != NULL) + (options->body_fd != NULL) +
           (options->body_stream != NULL) + (options->body_generator != NULL) +
           (options->read_body != NULL);
}

int hob__outgoing_open(struct hob__outgoing *o, const struct hob_fetch_options *options,
                       uint64_t deadline) {
    *o = (struct hob__outgoing){.options = options, .fd = -1, .deadline = deadline, .size = -1};
    int bodies = count_bodies(options);
    if (bodies > 1) return hob_fail(HOB_E_HTTP_BODY, "a request has %d bodies", bodies);
    if (bodies == 0 && options->body_size)
        return hob_fail(HOB_E_HTTP_BODY, "a body of %zu bytes is announced, but there is none",
                        options->body_size);
    o->present = bodies > 0 && !(options->body && options->body_size == 0);
    if (!o->present) return 0;
    o->read = read_bytes;
    if (options->json || options->json_model) return take_json(o, options);
    if (options->form) return take_form(o, options);
    if (options->multipart) return take_parts(o, options);
    if (options->body_file || options->body_fd) return take_file(o, options);
    if (options->body_size) o->size = (int64_t)options->body_size;
    o->bytes = options->body;
    o->once = !options->body;
    if (options->body_stream) o->read = read_stream;
    if (options->body_generator) o->read = read_generator;
    if (options->read_body) o->read = read_function;
    return 0;
}

int hob__outgoing_begin(struct hob__outgoing *o) {
    if (hob__outgoing_spent(o)) return hob_fail(HOB_E_HTTP_STATE, "the body cannot be sent twice");
    o->done = 0;
    if (o->parts) hob__parts_out_begin(o->parts);
    return o->options->body_file && !o->file ? open_file(o) : 0;
}

static ssize_t read_in_time(struct hob__outgoing *o, void *buf, size_t n) {
    if (o->bytes || !o->deadline) return o->read(o, buf, n);
    HOB_SCOPE(s, .deadline = o->deadline);
    return hob__scope_result(s, (int)o->read(o, buf, n));
}

ssize_t hob__outgoing_read(struct hob__outgoing *o, void *buf, size_t n) {
    if (n > 1 << 30) n = 1 << 30;
    uint64_t left = (uint64_t)o->size - o->done;
    bool known = o->size >= 0;
    /* These are asked once more behind the announced end: they may have more. */
    bool asks = o->options->read_body || o->options->body_generator;
    if (known && !asks && n > left) n = (size_t)left;
    if (n == 0) return 0;
    o->used = true;
    ssize_t got = read_in_time(o, buf, n);
    if (got < 0) return got;
    if (known && ((uint64_t)got > left || (got == 0 && left > 0)))
        return hob_fail(HOB_E_HTTP_SIZE, "the body is %s the %lld bytes that were announced",
                        got ? "more than" : "less than", (long long)o->size);
    o->done += (uint64_t)got;
    return got;
}

void hob__outgoing_close(struct hob__outgoing *o) {
    hob_file_close(o->file);
    hob__parts_out_close(o->parts);
    hob__free(o->made);
}
