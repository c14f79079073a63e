/* The door to the heap: a user's allocator gets every block, and the n-th allocation fails on
 * demand, once. */
#include "base/memory.h"
#include "test.h"

static int calls, frees;
static void *count_realloc(void *arg, void *p, size_t n) {
    CHECK(arg == &calls);
    CHECK(n > 0);
    calls++;
    return realloc(p, n);
}
static void count_free(void *arg, void *p) {
    CHECK(arg == &calls);
    frees++;
    free(p);
}

TEST(user_allocator) {
    struct hob_allocator a = {count_realloc, count_free, &calls};
    hob_set_allocator(&a);
    char *p = hob__alloc(10);
    p = hob__realloc(p, 100000);
    char *z = hob__alloc_zero(1000);
    for (int i = 0; i < 1000; i++) CHECK_EQ(z[i], 0);
    char *s = hob__strdup("pot");
    CHECK_STR(s, "pot");
    CHECK_EQ(calls, 4);
    hob__free(p);
    hob__free(z);
    hob__free(s);
    hob__free(NULL);
    CHECK_EQ(frees, 3);
    hob_set_allocator(NULL);
    hob__free(hob__alloc(1));
    CHECK_EQ(frees, 3);
    CHECK_EQ(calls, 4);
}

TEST(empty_blocks) {
    void *p = hob__alloc(0), *z = hob__alloc_zero(0);
    CHECK(p && z && p != z);
    CHECK((p = hob__realloc(p, 0)) != NULL);
    hob__free(p);
    hob__free(z);
}

TEST(nth_fails) {
    long before = hob__alloc_live();
    hob__alloc_fail_at(3);
    void *a = hob__alloc(1), *b = hob__alloc_zero(1);
    CHECK(a && b);
    CHECK(!hob__realloc(a, 100));
    CHECK_EQ(hob__alloc_count(), 3);
    CHECK((a = hob__realloc(a, 100)) != NULL);
    CHECK_EQ(hob__alloc_live() - before, 2);
    hob__alloc_fail_at(1);
    CHECK(!hob__map(4096));
    char *m = hob__map(4096);
    CHECK(m && m[4095] == 0);
    hob__alloc_fail_at(1);
    CHECK(!hob__strdup("x"));
    hob__alloc_fail_at(0);
    CHECK_EQ(hob__alloc_live() - before, 3);
    hob__unmap(m, 4096);
    hob__unmap(NULL, 0);
    hob__free(a);
    hob__free(b);
    CHECK_EQ(hob__alloc_live(), before);
}

TEST(out_of_memory) {
    CHECK(!hob__map((size_t)1 << 60));
    CHECK(!hob__map(0));
}

TEST_MAIN()
