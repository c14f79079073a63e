/* http2_fuzz.c - a connection of HTTP/2, either side: whatever the peer sends, and however it is
 * cut, it ends, nothing is left, and the same heads and bodies come out. The first byte of the
 * input says which side, the second and third how it is cut; what follows is the peer's. */
#include "world.h"

#include "http/h2/inside.h"

struct seen {
    uint64_t hash;
    int heads;
};

static struct world_source source;
static struct seen seen;
static unsigned kind;
static bool spoken; /* this side has */

static void add(const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) seen.hash = (seen.hash ^ at[i]) * 1099511628211u;
}

static ssize_t swallow(struct hob_stream *s, const struct iovec *iov, int count) {
    ssize_t n = 0;
    (void)s;
    spoken = true;
    for (int i = 0; i < count; i++) n += (ssize_t)iov[i].iov_len;
    return n;
}
/* The peer answers nobody who has said nothing. */
static ssize_t receive(struct hob_stream *s, void *buf, size_t n) {
    return spoken ? source_recv(s, buf, n) : -EAGAIN;
}
static const struct hob__transport peer = {
    .name = "peer", .recv = receive, .send = swallow, .wait = source_wait, .close = source_close};

/* A head as it was unpacked: strings that fill their block, within the limits. */
static void look_at(const struct hob__h2 *h2, const struct hob__h2_stream *st) {
    struct hob__h1_field fields[64];
    size_t size = hob__buffer_size(&st->head);
    if (size == 0) return;
    CHECK(size <= h2->options.limits.block + 300u);
    const char *block = hob__buffer_bytes(&st->head);
    CHECK(block[size - 1] == 0);
    uint32_t n = hob__h2_split(block + st->fields_at, size - st->fields_at, fields, 64);
    CHECK(n == st->field_count);
    CHECK(n <= h2->options.limits.fields + 2u); /* Host and Upgrade may have been added */
    for (uint32_t i = 0; i < n && i < 64; i++)
        CHECK(fields[i].value + fields[i].value_size < size - st->fields_at);
    add(block, size);
    seen.heads++;
}

/* ---- a server: each request is answered as soon as its head is there ---- */

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1,             \
            sizeof(value) - 1, 0                                                                   \
    }

static int on_request(struct hob__h2 *h2, struct hob__h2_stream *st) {
    nghttp2_nv list[] = {FIELD(":status", "200"), FIELD("server", "fuzz")};
    look_at(h2, st);
    int rc = hob__h2_answer(st, list, 2, NULL, 0, false, NULL);
    hob__h2_close(st, rc == 0 ? HOB__H2_NO_ERROR : HOB__H2_INTERNAL);
    return -1;
}
static void on_gone(struct hob__h2 *h2, struct hob__h2_stream *st) { (void)h2, (void)st; }
static void on_change(struct hob__h2 *h2) { (void)h2; }
static const struct hob__h2_owner owner = {
    .changed = on_change, .request = on_request, .gone = on_gone};

/* ---- a client: three requests, of which one has a body ---- */

static int run_connection(struct hob__h2 *h2) {
    hob__h2_run(h2);
    return 0;
}
HOB_TASK(run_connection, struct hob__h2 *)

static struct hob__h2_stream *ask(struct hob__h2 *h2, bool body) {
    static const char text[] = "POST /path HTTP/1.1\r\nHost: here\r\n\r\n";
    struct hob__buffer head = {0};
    struct hob__h2_stream *st;
    CHECK(hob__buffer_append(&head, text, sizeof text - 1, SIZE_MAX) == 0);
    h2->active++;
    CHECK(hob__h2_request(h2, &head, "http", body, &st) == 0);
    hob__buffer_free(&head);
    return st;
}

static void hear(struct hob__h2 *h2, struct hob__h2_stream *st) {
    char buf[1000];
    ssize_t got;
    uint64_t total = 0;
    if (hob__h2_wait_head(st, 0) == 0) {
        CHECK(st->status >= 200 && st->status != 101);
        look_at(h2, st);
        while ((got = hob__h2_read(st, buf, sizeof buf, 0)) > 0) {
            CHECK((size_t)got <= sizeof buf);
            total += (uint64_t)got;
        }
        if (got == 0 && st->content_length > 0) CHECK((uint64_t)st->content_length == total);
    }
    hob__h2_close(st, HOB__H2_CANCEL);
}

static int scenario(void) {
    struct hob_stream *s = hob__stream_make(&hob__loop->backend, -1, &peer, "the peer");
    CHECK(s != NULL);
    s->state = &source;
    hob__stream_update(s);
    struct hob__h2_options options = {.server = kind & 1,
                                      .owner = &owner,
                                      .limits = {.line = 200, .block = 600, .fields = 20},
                                      .window = 2000,
                                      .max_streams = 10,
                                      .idle = 5,
                                      .stall = 10};
    struct hob__h2 *h2;
    if (hob__h2_new(&h2, s, options) == 0) {
        HOB_SCOPE(scope);
        struct hob__h2_stream *st[3];
        for (int i = 0; i < 3 && !options.server; i++) st[i] = ask(h2, i == 2);
        hob_spawn(scope, run_connection, h2);
        for (int i = 0; i < 3 && !options.server; i++) hear(h2, st[i]);
        if (!options.server) hob__h2_end(h2);
        hob_join(scope);
        hob__h2_free(h2);
    }
    hob_close(s);
    return 0;
}
HOB_TASK(scenario)

static struct seen run(const uint8_t *data, size_t n, uint32_t cut) {
    seen = (struct seen){14695981039346656037u, 0};
    source = (struct world_source){.at = data, .left = n, .cut = cut, .most = 1u << cut % 11};
    spoken = false;
    CHECK(world_run(scenario) == 0);
    return seen;
}

FUZZ(data, n) {
    if (n < 3 || n > 20000) return;
    kind = data[0];
    uint32_t cut = 1 + data[1] * 256u + data[2];
    struct seen whole = run(data + 3, n - 3, 0), pieces = run(data + 3, n - 3, cut);
    CHECK(whole.heads == pieces.heads);
    CHECK(whole.hash == pieces.hash);
}
