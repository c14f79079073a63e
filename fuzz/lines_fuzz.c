/* lines_fuzz.c - lines of a file, read ahead in whatever pieces, up to a limit, between other calls
 * at the position, against a naive splitter. */
#include "world.h"

#include "io/file/file.h"

enum { AHEAD = 64 << 10 };

static uint8_t text[4 * AHEAD];
static size_t size;
static struct fuzz_input ops;
static uint32_t cut;
static unsigned most;

/* The file's bytes, in pieces. */
static ssize_t perform(struct hob__op *op) {
    if (op->code != HOB__OP_PREADV || op->iov_count != 1) return -EINVAL;
    size_t at = (size_t)op->offset, n = op->iov->iov_len;
    size_t piece = cut ? 1 + fuzz_next(&cut) % most : n;
    if (n > piece) n = piece;
    if (at >= size) return 0;
    if (n > size - at) n = size - at;
    memcpy(op->iov->iov_base, text + at, n);
    world.late = cut && fuzz_next(&cut) % 4 == 0;
    return (ssize_t)n;
}

static int nothing(struct hob__backend *b, int fd) {
    (void)b, (void)fd;
    return 0;
}

/* One line; the limit counts the bytes without the end. False: there is none, or it is too long. */
static bool line(struct hob_file *f, size_t limit) {
    struct hob_line got;
    size_t at = (size_t)f->pos, n = 0;
    while (at + n < size && text[at + n] != '\n') n++;
    int rc = hob_file_line(f, &got);
    if (at >= size) {
        CHECK(rc == 0);
        return false;
    }
    if (n > limit) {
        CHECK(rc == HOB_E_LIMIT && (size_t)f->pos == at);
        return false;
    }
    CHECK(rc == 1 && got.n == n && got.text[n] == 0 && memcmp(got.text, text + at, n) == 0);
    CHECK((size_t)f->pos == at + n + (at + n < size));
    memset(got.text, 'x', n + 1); /* it is the caller's to write in */
    return true;
}

static void bytes(struct hob_file *f, size_t n) {
    size_t at = (size_t)f->pos;
    char *buf = edge_room(n);
    ssize_t rc = hob_file_read(f, buf, n);
    CHECK(rc >= 0 && (size_t)rc <= n && (rc > 0 || n == 0 || at >= size));
    CHECK(memcmp(buf, text + at, (size_t)rc) == 0 && f->pos == (int64_t)at + rc);
}

static int scenario(void) {
    struct hob_file *f = hob__file_blank(&hob__loop->backend, "text", 0);
    CHECK(f != NULL);
    size_t limit = f->line_limit;
    if (fuzz_byte(&ops) & 1) {
        limit = AHEAD + fuzz_byte(&ops) * 100u;
        hob_file_line_limit(f, limit);
    }
    for (int i = 0; i < 100 && ops.left > 0; i++) {
        unsigned op = fuzz_byte(&ops);
        if (op % 8 == 0)
            bytes(f, op);
        else if (op % 8 == 1 && size > 0)
            CHECK(hob_file_seek(f, (int64_t)(fuzz_u32(&ops) % size), SEEK_SET) >= 0);
        else if (!line(f, limit))
            break;
    }
    while (line(f, limit)) continue;
    hob_file_close(f);
    return 0;
}
HOB_TASK(scenario)

/* Cuts and calls (32 bytes); then runs of the text: so often, these bytes. */
FUZZ(data, n) {
    static struct hob__files files;
    if (n < 34 || n > 2000) return;
    files = hob__files_linux;
    files.close = nothing;
    world_ops.files = &files;
    world.perform = perform;
    world.late = false;
    cut = data[0];
    most = 1u << data[1] % 18;
    ops = (struct fuzz_input){data + 2, 32};
    struct fuzz_input in = {data + 34, n - 34};
    size = fuzz_runs(&in, text, sizeof text);
    CHECK(world_run(scenario) == 0);
}
