/* multipart_fuzz.c - multipart bodies: however they are cut, the events are the same; no more is
 * kept back than a head or a boundary; a naive second reading, of the whole text, finds the same
 * parts; and values with parameters, whose reading never depends on what stands behind them. */
#include <hob/multipart.h>

#include "fuzz.h"
#include "http/media.h"
#include "http/multipart.h"

enum { MAX_HEAD = 100 };

struct seen {
    char text[1 << 16]; /* what was seen, as a text */
    size_t n;
    int rc;
};

static void add(struct seen *s, const void *bytes, size_t n) {
    CHECK(s->n + n <= sizeof s->text);
    if (n) memcpy(s->text + s->n, bytes, n);
    s->n += n;
}

static void parse(struct seen *s, const char *boundary, const uint8_t *data, size_t n,
                  uint32_t cut) {
    struct hob__parts p;
    size_t start = 0, end = 0;
    s->n = 0;
    CHECK(hob__parts_init(&p, boundary, strlen(boundary), MAX_HEAD) == 0);
    for (;;) {
        size_t used = 0;
        struct hob_slice piece = {NULL, 0};
        s->rc =
            hob__parts_next(&p, edge_copy(data + start, end - start), end - start, &used, &piece);
        if (s->rc < 0) return;
        CHECK(used <= end - start);
        if (s->rc == HOB__PART_HEAD) add(s, "<", 1);
        if (s->rc == HOB__PART_HEAD || s->rc == HOB__PART_DATA) {
            CHECK(piece.size <= used || s->rc == HOB__PART_HEAD);
            add(s, piece.at, piece.size);
        }
        if (s->rc == HOB__PART_HEAD) add(s, ":", 1);
        if (s->rc == HOB__PART_END) add(s, ">", 1);
        start += used;
        if (s->rc == HOB__PART_LAST) return;
        if (s->rc != HOB__PART_NEED) continue;
        CHECK(end - start <= MAX_HEAD + 4 || end - start <= p.delimiter_size + 66);
        if (end == n) return;
        size_t more = cut ? 1 + fuzz_next(&cut) % 9 : n;
        end = n - end < more ? n : end + more;
    }
}

/* The same, of a body that was read whole and without error. */
static void naive(struct seen *s, const char *boundary, const char *text, size_t n) {
    char delimiter[80];
    size_t d = (size_t)snprintf(delimiter, sizeof delimiter, "\r\n--%s", boundary);
    s->n = 0;
    const char *end = text + n, *at;
    if (n >= d - 2 && memcmp(text, delimiter + 2, d - 2) == 0) {
        at = text + d - 2;
    } else {
        at = memmem(text, n, delimiter, d);
        CHECK(at != NULL);
        at += d;
    }
    while (end - at >= 2 && memcmp(at, "--", 2) != 0) {
        const char *line = memmem(at, (size_t)(end - at), "\r\n", 2);
        CHECK(line != NULL);
        const char *head = line + 2, *body;
        if (memcmp(head, "\r\n", 2) == 0) {
            body = head + 2;
            add(s, "<:", 2);
        } else {
            const char *stop = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
            CHECK(stop != NULL);
            add(s, "<", 1);
            add(s, head, (size_t)(stop + 2 - head));
            add(s, ":", 1);
            body = stop + 4;
        }
        const char *next = memmem(body, (size_t)(end - body), delimiter, d);
        CHECK(next != NULL);
        add(s, body, (size_t)(next - body));
        add(s, ">", 1);
        at = next + d;
    }
}

static void parameters(const char *text) {
    static const char *const names[] = {"name", "filename", "boundary"};
    for (int i = 0; i < 3; i++) {
        char few[8], many[4096];
        int rc = hob__media_param(text, names[i], many, sizeof many);
        CHECK(rc >= 0 || rc == -ENOENT || rc == -EINVAL);
        CHECK(hob__media_param(text, names[i], few, sizeof few) == rc);
        if (rc < 0) continue;
        CHECK((size_t)rc == strlen(many) && (size_t)rc <= strlen(text));
        CHECK(strncmp(few, many, sizeof few - 1) == 0);
    }
}

FUZZ(data, n) {
    static const char *const boundaries[] = {"b", "xYz", "--", "0123456789abcdefghijklmnop"};
    static struct seen whole, pieces, other;
    if (n < 2 || n > 4096) return;
    const char *boundary = boundaries[data[0] % 4];
    parse(&whole, boundary, data + 2, n - 2, 0);
    parse(&pieces, boundary, data + 2, n - 2, data[1] | 0x100u);
    CHECK(whole.rc == pieces.rc);
    /* Of a part that ends in an error some bytes may not have been seen. */
    if (whole.rc >= 0) CHECK(whole.n == pieces.n && memcmp(whole.text, pieces.text, whole.n) == 0);
    if (whole.rc == HOB__PART_LAST) {
        naive(&other, boundary, edge_kept(data + 2, n - 2), n - 2);
        CHECK(whole.n == other.n && memcmp(whole.text, other.text, whole.n) == 0);
    }
    parameters(edge_kept_string(data + 2, n - 2));
}
