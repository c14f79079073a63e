/* wire_fuzz.c - one side of an HTTP/1.1 connection: heads and bodies that come in any pieces, read
 * in any sizes, are the same as when they come at once; the head stays where it is. */
#include "world.h"

#include "http/wire.h"

struct seen {
    uint64_t hash;
    int messages, rc;
};

static struct world_source source;
static struct seen seen;
static unsigned kind;
static uint32_t sizes; /* 0: everything at once */

static void add(const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) seen.hash = (seen.hash ^ at[i]) * 1099511628211u;
}

static uint64_t sum(struct hob_slice s) {
    uint64_t n = s.size;
    for (size_t i = 0; i < s.size; i++) n = n * 31 + (unsigned char)s.at[i];
    return n;
}

/* Up to the head: 1; 0 at the end; an error. */
static int head(struct hob__wire *w, struct hob_slice *block) {
    for (;;) {
        int rc = hob__wire_event(w, block);
        if (rc == HOB__H1_INTERIM) add(block->at, block->size);
        if (rc < 0 || rc == HOB__H1_HEAD) return rc < 0 ? rc : 1;
        if (rc == HOB__H1_INTERIM) continue;
        CHECK(rc == HOB__H1_NEED);
        ssize_t got = hob__wire_fill(w, 0, false);
        if (got < 0) return (int)got;
        if (got == 0) return hob__h1_eof(&w->h1, hob__buffer_size(&w->in));
    }
}

static int body(struct hob__wire *w) {
    uint64_t total = 0;
    for (;;) {
        size_t n = sizes ? 1 + fuzz_next(&sizes) % (1u << fuzz_next(&sizes) % 13) : 100000;
        char *buf = edge_room(n);
        ssize_t got = hob__wire_read(w, buf, n);
        if (got <= 0) {
            add(&total, sizeof total);
            return (int)got;
        }
        CHECK((size_t)got <= n);
        add(buf, (size_t)got);
        total += (uint64_t)got;
    }
}

static int body_at_once(struct hob__wire *w) {
    struct hob__buffer b = {0};
    int rc = hob__wire_read_all(w, &b, 1 << 20);
    if (rc == 0) CHECK(b.data[b.end] == 0);
    uint64_t total = hob__buffer_size(&b);
    if (total) add(hob__buffer_bytes(&b), total);
    add(&total, sizeof total);
    hob__buffer_free(&b);
    return rc;
}

static int scenario(void) {
    static char storage[600];
    static const struct hob__h1_limits tight = {.line = 60, .block = 200, .fields = 6};
    struct hob_stream *s = source_open(&source);
    struct hob__wire w;
    struct hob__h1_field fields[4];
    struct hob_slice block;
    hob__wire_init(&w, s, kind & 1, kind & 2 ? &tight : NULL, kind & 4 ? storage : NULL,
                   sizeof storage);
    w.stall = 10;
    for (;;) {
        hob__wire_next(&w, fields, 4);
        w.h1.head_request = kind & 8;
        seen.rc = head(&w, &block);
        if (seen.rc != 1) break;
        uint64_t before = sum(block);
        add(block.at, block.size);
        seen.messages++;
        if (w.h1.flags & HOB__H1_NO_BODY && w.h1.status == 101) break;
        seen.rc = kind & 16 ? body_at_once(&w) : body(&w);
        CHECK(sum(block) == before);
        CHECK(hob__buffer_validate(&w.in));
        if (seen.rc < 0) break;
    }
    hob__wire_free(&w);
    hob_close(s);
    return 0;
}
HOB_TASK(scenario)

static struct seen run(const uint8_t *data, size_t n, uint32_t cut, uint32_t reads) {
    seen = (struct seen){14695981039346656037u, 0, 0};
    source = (struct world_source){.at = data, .left = n, .cut = cut, .most = 1u << cut % 11};
    sizes = reads;
    CHECK(world_run(scenario) == 0);
    return seen;
}

/* What is parsed, how it is cut, how it is read; the bytes. */
FUZZ(data, n) {
    if (n < 3 || n > 20000) return;
    kind = data[0];
    const uint8_t *text = (const uint8_t *)edge_kept(data + 3, n - 3);
    struct seen whole = run(text, n - 3, 0, 0);
    text = (const uint8_t *)edge_kept(data + 3, n - 3);
    struct seen pieces = run(text, n - 3, data[1] | 0x100u, data[2]);
    CHECK(whole.rc == pieces.rc && whole.messages == pieces.messages);
    /* Of a body that ends in an error a part may have been handed out. */
    if (whole.rc >= 0) CHECK(whole.hash == pieces.hash);
}
