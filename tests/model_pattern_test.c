/* model_pattern_test.c - patterns of strings: found or not, in UTF-8, within a bound of steps, with
 * every allocation failing. Nothing of it without PCRE2: it says so then. */
#include "model_test.h"

#include "base/memory.h"
#include "data/model/model.h"

static struct hob_problems wrong;
static struct hob_arena memory;

#define DECODE(model, out, text)                                                                   \
    (hob_arena_reset(&memory),                                                                     \
     hob_model_decode(model, out, text, strlen(text), &memory, .problems = &wrong))

struct item {
    char *code, *evil;
    char **tags;
    size_t ntags;
};
HOB_MODEL(item, struct item, HOB_FIELD(code, .pattern = "^[A-Z]{2}-\\d+$"),
          HOB_FIELD(evil, .optional = true, .pattern = "^(a+)+$"),
          HOB_ARRAY(tags, ntags, .optional = true, .pattern = "^\\p{L}.$"))
HOB_MODEL(broken, struct part, HOB_FIELD(name, .pattern = "a(b"), HOB_FIELD(weight))

static bool skipped(void) {
    const char *why;
    size_t at;
    struct hob__pattern *p = hob__pattern_make("a", &why, &at);
    if (!p) printf("skipped: %s\n", why);
    hob__pattern_free(p);
    return !p;
}

TEST(patterns) {
    struct item i;
    if (skipped()) return;
    CHECK_EQ(DECODE(item, &i, "{\"code\":\"AB-12\",\"tags\":[\"\xC3\xA4\xE2\x82\xAC\",\"xy\"]}"),
             0);
    CHECK_EQ(DECODE(item, &i, "{\"code\":\"AB-12\\n\",\"tags\":[\"xyz\",\"1x\"]}"), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 3);
    HAS("/code", "expected a match of ^[A-Z]{2}-\\d+$");
    HAS("/tags/0", "expected a match");
    HAS("/tags/1", "expected a match");
}

/* In a task, whose stack is small. */
static int backtracking(void) {
    static char text[20000] = "{\"code\":\"AB-1\",\"evil\":\"";
    struct item i;
    memset(text + strlen(text), 'a', 10000);
    strcat(text, "b\"}");
    CHECK_EQ(DECODE(item, &i, text), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("/evil", "takes too long to match with its pattern");
    strcpy(strchr(text, 'b'), "\"}");
    DECODE(item, &i, text); /* either way: no crash */
    hob_arena_free(&memory);
    return 0;
}
HOB_TASK(backtracking)

TEST(patterns_that_backtrack_without_end) {
    if (skipped()) return;
    CHECK_EQ(hob_run(backtracking), 0);
}

TEST(pattern_that_is_none) {
    struct part p;
    if (skipped()) return;
    CHECK_DIES(DECODE(broken, &p, "{}"),
               "broken, field 'name': the pattern 'a(b': missing closing parenthesis (byte 3)");
}

TEST(nth_allocation_fails) {
    struct item i;
    if (skipped()) return;
    long tries = 0;
    for (int rc = -1; rc < 0; tries++) {
        hob__alloc_fail_at(tries + 1);
        rc = DECODE(item, &i, "{\"code\":\"AB-12\",\"tags\":[\"ab\"]}");
        hob__alloc_fail_at(0);
        if (rc < 0) CHECK_EQ(rc, -ENOMEM);
        hob_arena_free(&memory);
    }
    CHECK(tries > 10);
    long live = hob__alloc_live();
    CHECK_EQ(DECODE(item, &i, "{\"code\":\"AB-12\",\"tags\":[\"ab\"]}"), 0);
    hob_arena_free(&memory);
    CHECK_EQ(hob__alloc_live(), live);
}

TEST_MAIN()
