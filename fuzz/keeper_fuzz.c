/* keeper_fuzz.c - the errors that a worker process sends of itself: whatever comes instead, what is
 * made of it lies inside what came; and what a worker packs comes out as it was. */
#include "world.h"

#include "io/process/call.c"

static const uint8_t *bytes;
static size_t size;

static unsigned depth(const struct hob_error *e) {
    unsigned n = 0;
    for (; e; e = e->cause) {
        CHECK(strlen(e->message) + strlen(e->func) + strlen(e->file) + strlen(e->task) <= size);
        n++;
    }
    return n;
}

/* The errors of a text, as a worker would have packed them: how many bytes. */
static size_t pack(char *out, const char *text, uint32_t count) {
    size_t at = 0, n = strlen(text);
    for (uint32_t i = 0; i < count; i++) {
        struct hob__keeper_error head = {-(int)i - 1, (int)i, (uint32_t)(n - i % (n + 1) + 4 + 3)};
        memcpy(out + at, &head, sizeof head);
        at += sizeof head;
        at += (size_t)sprintf(out + at, "%s", text + i % (n + 1)) + 1;
        at += (size_t)sprintf(out + at, "f") + 1;
        at += (size_t)sprintf(out + at, "c") + 1;
        at += (size_t)sprintf(out + at, "t") + 1;
    }
    return at;
}

static int scenario(void) {
    char text[64], packed[8 * 160];
    /* Anything. */
    for (uint32_t count = 0; count < 20; count += 3) {
        struct hob_error *e = unpack(edge_copy(bytes, size), size, count);
        CHECK(depth(e) <= count);
        hob__error_unref(e);
    }
    /* What was packed. */
    snprintf(text, sizeof text, "%.*s", (int)(size < 63 ? size : 63), (const char *)bytes);
    uint32_t count = size % 8;
    size_t n = pack(packed, text, count), whole = size;
    struct hob_error *e = unpack(edge_copy(packed, n), n, count);
    const struct hob_error *at = e;
    size = n;
    CHECK(depth(e) == count);
    for (uint32_t i = 0; i < count; i++, at = at->cause)
        CHECK(at->code == -(int)i - 1 && strcmp(at->message, text + i % (strlen(text) + 1)) == 0 &&
              strcmp(at->task, "t") == 0 && at->line == (int)i);
    hob__error_unref(e);
    /* And cut short: fewer of them. */
    if (n > 0) {
        e = unpack(edge_copy(packed, n - 1), n - 1, count);
        CHECK(depth(e) == count - 1);
        hob__error_unref(e);
    }
    size = whole;
    return 0;
}
HOB_TASK(scenario)

FUZZ(data, n) {
    if (n > 2048) return;
    bytes = data, size = n;
    CHECK(world_run(scenario) == 0);
}
