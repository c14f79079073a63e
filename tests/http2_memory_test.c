/* http2_memory_test.c - the store of blocks behind HTTP/2: whatever is taken, resized and given
 * back in whatever order, nobody's bytes are another's, and what is kept has its bound. */
#include "test.h"

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "http/h2/inside.h"

enum { BLOCKS = 300, STEPS = 15000 };

static unsigned char *block[BLOCKS];
static size_t size[BLOCKS];
static uint32_t dice;

static uint32_t roll(uint32_t n) {
    dice = dice * 1664525 + 1013904223;
    return (dice >> 8) % n;
}
static size_t roll_size(void) { return roll(40) ? roll(1400) : roll(20000); }

static void look(int i) {
    for (size_t k = 0; k < size[i]; k++)
        if (block[i][k] != (unsigned char)(i + 1)) FAIL("%d: byte %zu", i, k);
}

static int shuffled(void) {
    CHECK(hob__h2_memory());
    CHECK(hob__h2_memory()); /* there is one already */
    nghttp2_mem m = hob__h2_mem();
    for (int step = 0; step < STEPS; step++) {
        int i = (int)roll(BLOCKS);
        size_t n = roll_size();
        if (block[i] && roll(2)) {
            look(i);
            m.free(block[i], m.mem_user_data);
            block[i] = NULL;
            continue;
        }
        if (block[i]) {
            size_t kept = size[i] < n ? size[i] : n;
            block[i] = m.realloc(block[i], n, m.mem_user_data);
            CHECK(block[i] != NULL);
            size[i] = kept;
            look(i);
        } else if (roll(2)) {
            block[i] = m.calloc(n, 1, m.mem_user_data);
            CHECK(block[i] != NULL);
            for (size_t k = 0; k < n; k++)
                if (block[i][k]) FAIL("byte %zu is not 0", k);
        } else {
            block[i] = m.malloc(n, m.mem_user_data);
            CHECK(block[i] != NULL);
        }
        CHECK_EQ((uintptr_t)block[i] % 16, 0);
        size[i] = n;
        memset(block[i], i + 1, n);
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (block[i]) look(i);
        m.free(block[i], m.mem_user_data);
        block[i] = NULL;
    }
    return 0;
}
HOB_TASK(shuffled)

TEST(blocks_in_any_order) {
    dice = 7;
    CHECK_EQ(hob_run(shuffled), 0);
}

TEST(blocks_in_any_order_and_counted) {
    hob__alloc_fail_at(0);
    long live = hob__alloc_live();
    dice = 8;
    CHECK_EQ(hob_run(shuffled), 0);
    CHECK_EQ(hob__alloc_live(), live);
}

static int too_large(void) {
    CHECK(hob__h2_memory());
    nghttp2_mem m = hob__h2_mem();
    CHECK(m.malloc(SIZE_MAX, m.mem_user_data) == NULL);
    CHECK(m.malloc(SIZE_MAX - 8, m.mem_user_data) == NULL);
    CHECK(m.calloc(SIZE_MAX / 2, 3, m.mem_user_data) == NULL);
    char *p = m.realloc(NULL, 0, m.mem_user_data);
    CHECK(p != NULL);
    CHECK(m.realloc(p, SIZE_MAX, m.mem_user_data) == NULL);
    p = m.realloc(p, 5000, m.mem_user_data);
    CHECK(p != NULL);
    CHECK(m.realloc(p, SIZE_MAX - 8, m.mem_user_data) == NULL);
    m.free(p, m.mem_user_data);
    m.free(NULL, m.mem_user_data);
    return 0;
}
HOB_TASK(too_large)

TEST(sizes_that_nobody_has) { CHECK_EQ(hob_run(too_large), 0); }

/* The heap gets back what goes beyond the bound: counted by an allocator of the test's own. */
static long held;
static void *count_realloc(void *arg, void *p, size_t n) {
    (void)arg;
    if (!p) held++;
    return realloc(p, n);
}
static void count_free(void *arg, void *p) {
    (void)arg;
    if (p) held--;
    free(p);
}

static int many(void) {
    static void *p[1000];
    CHECK(hob__h2_memory());
    long before = held;
    for (int i = 0; i < 1000; i++) CHECK((p[i] = hob__h2_alloc(1000)) != NULL);
    CHECK_EQ(held, before + 1000);
    for (int i = 0; i < 1000; i++) hob__h2_release(p[i]);
    if (HOB__ASAN)
        CHECK_EQ(held, before);
    else
        CHECK_EQ(held, before + 64); /* of 1024 bytes: 64 KiB */
    void *again = hob__h2_alloc(1024), *other = hob__h2_alloc(1025);
    if (!HOB__ASAN) CHECK_EQ(held, before + 65);
    hob__h2_release(other);
    hob__h2_release(again);
    CHECK_EQ(held, before + (HOB__ASAN ? 0 : 64));
    return 0;
}
HOB_TASK(many)

TEST(what_is_kept_has_its_bound) {
    const struct hob_allocator counted = {.realloc = count_realloc, .free = count_free};
    hob_set_allocator(&counted);
    CHECK_EQ(hob_run(many), 0);
    CHECK_EQ(held, 0);
    hob_set_allocator(NULL);
}

TEST_MAIN()
