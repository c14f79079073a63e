/* json_edit_test.c - copies, equality, pointers' tokens, JSON Patch (RFC 6902, each rule and each
 * kind of example in its appendix A), Merge Patch (RFC 7386), and what differs between two. */
#include "any.h"
#include "test.h"

#include "base/memory.h"

#include <hob/error.h>
#include <hob/json_edit.h>

static struct hob_json_doc *parse(const char *text) {
    struct hob_json_doc *doc;
    if (hob_json_parse(text, strlen(text), &doc) < 0) FAIL("%s: %s", text, hob_error()->message);
    return doc;
}

static void is(const struct hob_json *v, const char *wanted) {
    char *text;
    CHECK_EQ(hob_json_write(v, &text, NULL), 0);
    CHECK_STR(text, wanted);
    hob_json_text_free(text);
}

/* ---- copies ---- */

TEST(copies_live_by_themselves) {
    struct hob_json_doc *doc = parse("{\"a\":[1,2.5,\"x\\u0000y\",{\"b\":[]}],\"c\":\"\"}"), *copy;
    CHECK_EQ(hob_json_copy(hob_json_get(hob_json_root(doc), "a"), &copy), 0);
    hob_json_free(doc);
    is(hob_json_root(copy), "[1,2.5,\"x\\u0000y\",{\"b\":[]}]");
    CHECK_EQ(hob_json_string(hob_json_at(hob_json_root(copy), 2), "")[3], 0);
    CHECK_EQ(hob_json_reparse("[1]", 3, copy), 0); /* a document like any other */
    hob_json_free(copy);
    CHECK_EQ(hob_json_copy(NULL, &copy), HOB_E_JSON_TYPE);
    CHECK(copy == NULL);
    /* of a document that borrows */
    const char text[] = "[\"abc\",\"\\n\"]";
    CHECK_EQ(hob_json_parse(text, sizeof text - 1, &doc, .borrow = true), 0);
    CHECK_EQ(hob_json_copy(hob_json_root(doc), &copy), 0);
    hob_json_free(doc);
    CHECK_STR(hob_json_string(hob_json_at(hob_json_root(copy), 0), ""), "abc");
    hob_json_free(copy);
}

/* ---- equality ---- */

static void equal(const char *a, const char *b, int wanted) {
    struct hob_json_doc *x = parse(a), *y = parse(b);
    if (hob_json_equal(hob_json_root(x), hob_json_root(y)) != wanted ||
        hob_json_equal(hob_json_root(y), hob_json_root(x)) != wanted)
        FAIL("%s and %s: not %d", a, b, wanted);
    hob_json_free(x);
    hob_json_free(y);
}

TEST(equality) {
    equal("null", "null", 1);
    equal("null", "false", 0);
    equal("true", "false", 0);
    equal("1", "1.0", 1);
    equal("10", "1e1", 1);
    equal("0", "-0", 1);
    equal("1", "1.5", 0);
    equal("9007199254740993", "9007199254740992.0", 0); /* not by way of a double */
    equal("9007199254740992", "9007199254740992.0", 1);
    equal("18446744073709551615", "18446744073709551616.0", 0);
    equal("18446744073709549568", "18446744073709549568.0", 1);
    equal("9223372036854775807", "9223372036854775808", 0);
    equal("9223372036854775807", "9223372036854775808.0", 0);
    equal("-9223372036854775808", "-9223372036854775808.0", 1);
    equal("-1", "18446744073709551615", 0);
    equal("1", "\"1\"", 0);
    equal("\"a\"", "\"\\u0061\"", 1);
    equal("\"a\"", "\"a\\u0000\"", 0);
    equal("[]", "{}", 0);
    equal("[1,2]", "[1,2]", 1);
    equal("[1,2]", "[2,1]", 0);
    equal("[1,2]", "[1,2,3]", 0);
    equal("{\"a\":1,\"b\":[{\"c\":2,\"d\":3}]}", "{\"b\":[{\"d\":3,\"c\":2.0}],\"a\":1}", 1);
    equal("{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", 0);
    equal("{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", 0);
    equal("{\"a\":1,\"b\":2}", "{\"a\":1}", 0);
    equal("{\"a\":{}}", "{\"a\":[]}", 0);
    CHECK_EQ(hob_json_equal(NULL, NULL), 1);
    struct hob_json_doc *doc = parse("null");
    CHECK_EQ(hob_json_equal(NULL, hob_json_root(doc)), 0);
    hob_json_free(doc);
}

/* In a task's small stack, as deep as can be. */
static int deep_task(const struct hob_json *a, const struct hob_json *b) {
    struct hob_json_doc *doc;
    CHECK_EQ(hob_json_equal(a, b), 0);
    CHECK_EQ(hob_json_equal(a, a), 1);
    HOB_TRY(hob_json_diff_merge(a, a, &doc));
    hob_json_free(doc);
    HOB_TRY(hob_json_merge(a, b, &doc));
    hob_json_free(doc);
    return 0;
}
HOB_TASK(deep_task, const struct hob_json *, const struct hob_json *)

TEST(values_as_deep_as_can_be) {
    enum { DEEP = 1024 };
    static char text[DEEP * 8];
    for (int kind = 0; kind < 2; kind++) {
        struct hob_json_doc *doc[2];
        for (int k = 0; k < 2; k++) {
            size_t n = 0;
            for (int i = 0; i < DEEP - 1; i++)
                n += (size_t)sprintf(text + n, "%s", kind ? "{\"a\":" : "[");
            n += (size_t)sprintf(text + n, "[%d]", k);
            for (int i = 0; i < DEEP - 1; i++) text[n++] = kind ? '}' : ']';
            text[n] = 0;
            doc[k] = parse(text);
        }
        CHECK_EQ(hob_run(deep_task, hob_json_root(doc[0]), hob_json_root(doc[1])), 0);
        hob_json_free(doc[0]);
        hob_json_free(doc[1]);
    }
}

/* ---- reference tokens ---- */

TEST(tokens) {
    char out[20];
    CHECK_EQ(hob_json_pointer_escape("a/b~c", 5, out, sizeof out), 7);
    CHECK_STR(out, "a~1b~0c");
    CHECK_EQ(hob_json_pointer_escape("a/b~c", 5, out, 4), 7);
    CHECK_STR(out, "a~1");
    CHECK_EQ(hob_json_pointer_escape("", 0, out, 1), 0);
    CHECK_STR(out, "");
    CHECK_EQ(hob_json_pointer_escape("ab", 2, NULL, 0), 2);
    CHECK_EQ(hob_json_pointer_unescape("a~1b~0c", 7, out, sizeof out), 5);
    CHECK_STR(out, "a/b~c");
    CHECK_EQ(hob_json_pointer_unescape("~01", 3, out, sizeof out), 2);
    CHECK_STR(out, "~1");
    CHECK_EQ(hob_json_pointer_unescape("~", 1, out, sizeof out), -EINVAL);
    CHECK_EQ(hob_json_pointer_unescape("~2", 2, out, sizeof out), -EINVAL);
    CHECK_EQ(hob_json_pointer_unescape("a/b", 3, out, sizeof out), -EINVAL);
    CHECK_EQ(hob_json_pointer_unescape("abc", 3, out, 4), 3);
    CHECK_EQ(hob_json_pointer_unescape("abc", 3, out, 3), -ENAMETOOLONG);
    CHECK_EQ(hob_json_pointer_unescape("", 0, out, 0), -ENAMETOOLONG);
    strcpy(out, "~1~0");
    CHECK_EQ(hob_json_pointer_unescape(out, 4, out, sizeof out), 2); /* in place */
    CHECK_STR(out, "/~");
}

/* ---- JSON Patch ---- */

static char why[600];

static int patch(const char *before, const char *operations, const char *after) {
    struct hob_json_doc *v = parse(before), *p = parse(operations), *doc;
    int rc = hob_json_patch(hob_json_root(v), hob_json_root(p), &doc);
    why[0] = 0;
    if (rc < 0) {
        CHECK(doc == NULL);
        snprintf(why, sizeof why, "%s", hob_error()->message);
    }
    char *text;
    CHECK_EQ(hob_json_write(hob_json_root(v), &text, NULL), 0);
    hob_json_free(v);
    hob_json_free(p);
    if (rc == 0) {
        if (after) is(hob_json_root(doc), after);
        hob_json_free(doc);
    }
    hob_json_text_free(text);
    return rc;
}

#define PATCHED(before, operations, after)                                                         \
    do {                                                                                           \
        int rc = patch(before, operations, after);                                                 \
        if (rc < 0) FAIL("%s: %s", operations, why);                                               \
    } while (0)
#define REFUSED(before, operations, code, words)                                                   \
    do {                                                                                           \
        CHECK_EQ(patch(before, operations, NULL), code);                                           \
        CHECK_HAS(why, words);                                                                     \
    } while (0)

TEST(adding) {
    PATCHED("{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":\"x\"}]",
            "{\"a\":1,\"b\":\"x\"}");
    PATCHED("{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":[2]}]", "{\"a\":[2]}");
    PATCHED("{\"l\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/l/1\",\"value\":2}]", "{\"l\":[1,2,3]}");
    PATCHED("[1]", "[{\"op\":\"add\",\"path\":\"/1\",\"value\":2}]", "[1,2]");
    PATCHED("[1]", "[{\"op\":\"add\",\"path\":\"/0\",\"value\":0}]", "[0,1]");
    PATCHED("[1]", "[{\"op\":\"add\",\"path\":\"/-\",\"value\":[\"b\",{}]}]", "[1,[\"b\",{}]]");
    PATCHED("[]", "[{\"op\":\"add\",\"path\":\"/-\",\"value\":1}]", "[1]");
    PATCHED("{}", "[{\"op\":\"add\",\"path\":\"\",\"value\":null}]", "null");
    PATCHED("{}", "[{\"op\":\"add\",\"path\":\"/\",\"value\":1}]", "{\"\":1}");
    PATCHED("{\"a\":1}",
            "[{\"op\":\"add\",\"path\":\"/o\",\"value\":{\"deep\":{}}},"
            "{\"op\":\"add\",\"path\":\"/o/deep/er\",\"value\":true}]",
            "{\"a\":1,\"o\":{\"deep\":{\"er\":true}}}");
    PATCHED("{}", "[{\"op\":\"add\",\"path\":\"/a~1b~0c\",\"value\":1}]", "{\"a/b~c\":1}");
    /* what an operation does not need is ignored */
    PATCHED("{}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1,\"from\":7,\"why\":\"x\"}]",
            "{\"a\":1}");
    REFUSED("{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b/c\",\"value\":1}]", HOB_E_JSON_PATCH,
            "operation 0 (add '/b/c'): there is nothing it could be put into");
    REFUSED("{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a/c\",\"value\":1}]", HOB_E_JSON_PATCH,
            "put into");
    REFUSED("[1]", "[{\"op\":\"add\",\"path\":\"/2\",\"value\":1}]", HOB_E_JSON_PATCH, "no index");
    REFUSED("[1]", "[{\"op\":\"add\",\"path\":\"/00\",\"value\":1}]", HOB_E_JSON_PATCH, "no index");
    REFUSED("[1]", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1}]", HOB_E_JSON_PATCH, "no index");
    REFUSED("[1]", "[{\"op\":\"add\",\"path\":\"/-1\",\"value\":1}]", HOB_E_JSON_PATCH, "no index");
    REFUSED("[1]", "[{\"op\":\"add\",\"path\":\"/18446744073709551617\",\"value\":1}]",
            HOB_E_JSON_PATCH, "no index");
}

TEST(remove_and_replace) {
    PATCHED("{\"a\":1,\"b\":2}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{\"b\":2}");
    PATCHED("{\"l\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/l/1\"}]", "{\"l\":[1,3]}");
    PATCHED("{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", "{\"a\":[]}");
    REFUSED("{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", HOB_E_JSON_PATCH,
            "operation 0 (remove '/b'): there is nothing at that place");
    REFUSED("[1]", "[{\"op\":\"remove\",\"path\":\"/-\"}]", HOB_E_JSON_PATCH, "nothing at");
    REFUSED("[1]", "[{\"op\":\"remove\",\"path\":\"/1\"}]", HOB_E_JSON_PATCH, "nothing at");
    REFUSED("[1]", "[{\"op\":\"remove\",\"path\":\"\"}]", HOB_E_JSON_PATCH, "whole document");
    PATCHED("{\"a\":1,\"b\":2}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":{\"x\":[]}}]",
            "{\"a\":{\"x\":[]},\"b\":2}");
    PATCHED("[1,2]", "[{\"op\":\"replace\",\"path\":\"/1\",\"value\":3}]", "[1,3]");
    PATCHED("[1,2]", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{}}]", "{}");
    REFUSED("{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", HOB_E_JSON_PATCH,
            "nothing at");
    REFUSED("[]", "[{\"op\":\"replace\",\"path\":\"/-\",\"value\":1}]", HOB_E_JSON_PATCH,
            "nothing at");
    /* a name that is there twice: both go */
    PATCHED("{\"a\":1,\"b\":2,\"a\":3}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{\"b\":2}");
}

TEST(move_and_copy) {
    PATCHED("{\"a\":{\"x\":1,\"y\":2},\"b\":{\"z\":3}}",
            "[{\"op\":\"move\",\"from\":\"/a/x\",\"path\":\"/b/w\"}]",
            "{\"a\":{\"y\":2},\"b\":{\"z\":3,\"w\":1}}");
    PATCHED("[0,1,2,3]", "[{\"op\":\"move\",\"from\":\"/1\",\"path\":\"/3\"}]", "[0,2,3,1]");
    PATCHED("[0,1,2,3]", "[{\"op\":\"move\",\"from\":\"/3\",\"path\":\"/0\"}]", "[3,0,1,2]");
    PATCHED("[0,1]", "[{\"op\":\"move\",\"from\":\"/0\",\"path\":\"/-\"}]", "[1,0]");
    PATCHED("{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"\"}]", "{\"b\":1}");
    PATCHED("{\"a\":1,\"b\":2}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a\"}]",
            "{\"a\":1,\"b\":2}");
    PATCHED("{\"a\":1,\"ab\":2}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/ab\"}]",
            "{\"ab\":1}");
    REFUSED("{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/c\"}]",
            HOB_E_JSON_PATCH, "moved into itself");
    REFUSED("{\"a\":1}", "[{\"op\":\"move\",\"from\":\"\",\"path\":\"/a\"}]", HOB_E_JSON_PATCH,
            "moved into itself");
    REFUSED("{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/c\"}]", HOB_E_JSON_PATCH,
            "nothing at");
    REFUSED("{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/b\"}]", HOB_E_JSON_PATCH,
            "nothing at");
    REFUSED("{\"a\":1}", "[{\"op\":\"move\",\"path\":\"/b\"}]", HOB_E_JSON_PATCH, "lacks a string");
    PATCHED("{\"a\":[1,{\"b\":2}]}",
            "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"},"
            "{\"op\":\"replace\",\"path\":\"/c/1/b\",\"value\":3},"
            "{\"op\":\"copy\",\"from\":\"/c\",\"path\":\"/c/-\"},"
            "{\"op\":\"add\",\"path\":\"/c/2/-\",\"value\":4}]",
            "{\"a\":[1,{\"b\":2}],\"c\":[1,{\"b\":3},[1,{\"b\":3},4]]}");
    PATCHED("{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"\",\"path\":\"/self\"}]",
            "{\"a\":1,\"self\":{\"a\":1}}");
    REFUSED("{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/b\",\"path\":\"/c\"}]", HOB_E_JSON_PATCH,
            "nothing at");
}

TEST(test_and_all_or_nothing) {
    const char v[] = "{\"a\":{\"x\":[1,\"two\",{\"y\":null,\"z\":1.0}]},\"/\":9,\"~1\":10}";
    PATCHED(v, "[{\"op\":\"test\",\"path\":\"/a/x/2\",\"value\":{\"z\":1,\"y\":null}}]", v);
    PATCHED(v, "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]", v);
    PATCHED(v, "[{\"op\":\"test\",\"path\":\"/~1\",\"value\":9}]", v);
    PATCHED(v,
            "[{\"op\":\"remove\",\"path\":\"/a/x/0\"},"
            "{\"op\":\"test\",\"path\":\"/a\",\"value\":{\"x\":[\"two\",{\"y\":null,\"z\":1}]}}]",
            "{\"a\":{\"x\":[\"two\",{\"y\":null,\"z\":1.0}]},\"/\":9,\"~1\":10}");
    REFUSED(v, "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":\"10\"}]", HOB_E_JSON_TEST,
            "operation 0 (test '/~01'): another value is there");
    REFUSED(v, "[{\"op\":\"test\",\"path\":\"/nowhere\",\"value\":null}]", HOB_E_JSON_TEST,
            "there is nothing");
    REFUSED(v,
            "[{\"op\":\"remove\",\"path\":\"/a\"},{\"op\":\"test\",\"path\":\"/a\",\"value\":1}]",
            HOB_E_JSON_TEST, "operation 1");
    PATCHED("1", "[]", "1");
}

TEST(what_is_no_patch) {
    REFUSED("{}", "{}", HOB_E_JSON_PATCH, "a JSON Patch is an array; this is object");
    REFUSED("{}", "[1]", HOB_E_JSON_PATCH, "not an object");
    REFUSED("{}", "[{}]", HOB_E_JSON_PATCH, "lacks a string");
    REFUSED("{}", "[{\"op\":\"spam\",\"path\":\"/a\"}]", HOB_E_JSON_PATCH, "no operation that");
    REFUSED("{}", "[{\"op\":\"Add\",\"path\":\"/a\",\"value\":1}]", HOB_E_JSON_PATCH,
            "no operation that");
    REFUSED("{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", HOB_E_JSON_PATCH, "lacks its value");
    REFUSED("{}", "[{\"op\":\"add\",\"value\":1}]", HOB_E_JSON_PATCH, "lacks a string");
    REFUSED("{}", "[{\"op\":\"add\",\"path\":7,\"value\":1}]", HOB_E_JSON_PATCH, "lacks a string");
    REFUSED("{}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", HOB_E_JSON_PATCH,
            "not a JSON Pointer");
    REFUSED("{}", "[{\"op\":\"add\",\"path\":\"/a~2\",\"value\":1}]", HOB_E_JSON_PATCH,
            "not a JSON Pointer");
    REFUSED("{}", "[{\"op\":\"add\",\"path\":\"/a~\",\"value\":1}]", HOB_E_JSON_PATCH,
            "not a JSON Pointer");
    REFUSED("{}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1,\"op\":\"remove\"}]",
            HOB_E_JSON_PATCH, "a member twice");
    struct hob_json_doc *doc;
    CHECK_EQ(hob_json_patch(NULL, NULL, &doc), HOB_E_JSON_TYPE);
    REFUSED("{}", "null", HOB_E_JSON_PATCH, "is an array");
}

/* Objects with many members are searched another way. */
TEST(large_objects) {
    static char before[200000], operations[400000], after[200000];
    enum { N = 3000 };
    size_t n = 0, k = 0, m = 0;
    before[n++] = '{';
    operations[k++] = '[';
    after[m++] = '{';
    for (int i = 0; i < N; i++) {
        n += (size_t)sprintf(before + n, "%s\"%d\":%d", i ? "," : "", i * 7919 % N, i);
        if (i % 3)
            m += (size_t)sprintf(after + m, "%s\"%d\":%d", m > 1 ? "," : "", i * 7919 % N,
                                 i % 3 == 1 ? i : -i);
        if (i % 3 != 1)
            k += (size_t)sprintf(operations + k,
                                 i % 3 ? "%s{\"op\":\"replace\",\"path\":\"/%d\",\"value\":%d}"
                                       : "%s{\"op\":\"remove\",\"path\":\"/%d\"}",
                                 k > 1 ? "," : "", i * 7919 % N, -i);
    }
    for (int i = 0; i < N; i++) {
        k += (size_t)sprintf(operations + k, ",{\"op\":\"add\",\"path\":\"/new%d\",\"value\":%d}",
                             i % 500, i);
        if (i >= N - 500) m += (size_t)sprintf(after + m, ",\"new%d\":%d", i % 500, i);
    }
    strcpy(before + n, "}");
    strcpy(operations + k, "]");
    strcpy(after + m, "}");
    PATCHED(before, operations, after);
}

/* A small patch that would make much. */
TEST(what_grows_without_end) {
    static char operations[20000];
    size_t k = (size_t)sprintf(operations, "[{\"op\":\"add\",\"path\":\"/a\",\"value\":\"xxxx\"}");
    for (int i = 0; i < 60; i++)
        k += (size_t)sprintf(operations + k, ",{\"op\":\"copy\",\"from\":\"\",\"path\":\"/b%d\"}",
                             i);
    strcpy(operations + k, "]");
    REFUSED("{}", operations, HOB_E_LIMIT, "too large or too deep");
    /* deeper than any reader would read */
    k = 1;
    for (int i = 0; i < 13; i++)
        k += (size_t)sprintf(operations + k, "%s{\"op\":\"copy\",\"from\":\"\",\"path\":\"/0\"}",
                             i ? "," : "");
    strcpy(operations + k, "]");
    REFUSED("[[[]]]",
            "[{\"op\":\"add\",\"path\":\"/0/0\",\"value\":1},"
            "{\"op\":\"copy\",\"from\":\"/x\",\"path\":\"/0\"}]",
            HOB_E_JSON_PATCH, "nothing at");
    static char deep[4000];
    memset(deep, '[', 1024);
    memset(deep + 1024, ']', 1024);
    REFUSED(deep, "[{\"op\":\"copy\",\"from\":\"\",\"path\":\"/0/0\"}]", HOB_E_LIMIT, "too deep");
    struct hob_json_doc *v = parse("[\"0123456789\"]"), *doc;
    struct hob_json_doc *p = parse("[{\"op\":\"copy\",\"from\":\"/0\",\"path\":\"/-\"}]");
    CHECK_EQ(hob_json_patch(hob_json_root(v), hob_json_root(p), &doc, .limit = 100), HOB_E_LIMIT);
    CHECK_EQ(hob_json_patch(hob_json_root(v), hob_json_root(p), &doc, .limit = 1 << 20), 0);
    hob_json_free(doc);
    hob_json_free(v);
    hob_json_free(p);
}

/* ---- Merge Patch ---- */

static void merged(const char *before, const char *with, const char *after) {
    struct hob_json_doc *v = parse(before), *p = parse(with), *doc;
    CHECK_EQ(hob_json_merge(hob_json_root(v), hob_json_root(p), &doc), 0);
    hob_json_free(v);
    hob_json_free(p);
    is(hob_json_root(doc), after);
    hob_json_free(doc);
}

TEST(merge_patches) {
    merged("{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
    merged("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}");
    merged("{\"a\":\"b\"}", "{\"a\":null}", "{}");
    merged("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}");
    merged("{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
    merged("{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}");
    merged("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}");
    merged("{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}");
    merged("[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]");
    merged("{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]");
    merged("{\"a\":\"foo\"}", "null", "null");
    merged("{\"a\":\"foo\"}", "\"bar\"", "\"bar\"");
    merged("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}");
    merged("[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}");
    merged("{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}");
    merged("{\"a\":1}", "{\"a\":{\"b\":null,\"c\":[null,{\"d\":null}]}}",
           "{\"a\":{\"c\":[null,{\"d\":null}]}}");
    merged("{\"t\":\"x\",\"author\":{\"given\":\"A\",\"family\":\"B\"},\"tags\":[1,2]}",
           "{\"t\":\"y\",\"author\":{\"family\":null},\"tags\":[3],\"phone\":\"0\"}",
           "{\"t\":\"y\",\"author\":{\"given\":\"A\"},\"tags\":[3],\"phone\":\"0\"}");
    merged("{\"a\":1,\"a\":2,\"b\":3}", "{\"a\":null}", "{\"b\":3}");
}

/* ---- what differs ---- */

static void differs(const char *from, const char *to, const char *wanted) {
    struct hob_json_doc *a = parse(from), *b = parse(to), *p, *after;
    CHECK_EQ(hob_json_diff(hob_json_root(a), hob_json_root(b), &p), 0);
    if (wanted) is(hob_json_root(p), wanted);
    CHECK_EQ(hob_json_patch(hob_json_root(a), hob_json_root(p), &after), 0);
    CHECK_EQ(hob_json_equal(hob_json_root(after), hob_json_root(b)), 1);
    hob_json_free(after);
    hob_json_free(p);
    int rc = hob_json_diff_merge(hob_json_root(a), hob_json_root(b), &p);
    if (rc == 0) {
        CHECK_EQ(hob_json_merge(hob_json_root(a), hob_json_root(p), &after), 0);
        CHECK_EQ(hob_json_equal(hob_json_root(after), hob_json_root(b)), 1);
        hob_json_free(after);
        hob_json_free(p);
    } else {
        CHECK_EQ(rc, HOB_E_JSON_PATCH);
        CHECK(p == NULL && strstr(to, "null"));
    }
    hob_json_free(a);
    hob_json_free(b);
}

TEST(patches_from_what_differs) {
    differs("1", "1.0", "[]");
    differs("1", "\"x\"", "[{\"op\":\"replace\",\"path\":\"\",\"value\":\"x\"}]");
    differs("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "[]");
    differs("{\"a\":1,\"b\":2}", "{\"b\":3,\"c/d~\":[]}",
            "[{\"op\":\"remove\",\"path\":\"/a\"},{\"op\":\"replace\",\"path\":\"/b\",\"value\":3},"
            "{\"op\":\"add\",\"path\":\"/c~1d~0\",\"value\":[]}]");
    differs("[1,2,3,4]", "[1,3,4]", "[{\"op\":\"remove\",\"path\":\"/1\"}]");
    differs("[1,2]", "[0,1,2]", "[{\"op\":\"add\",\"path\":\"/0\",\"value\":0}]");
    differs("[1,2]", "[1,2,3,4]",
            "[{\"op\":\"add\",\"path\":\"/2\",\"value\":3},"
            "{\"op\":\"add\",\"path\":\"/3\",\"value\":4}]");
    differs("[1,2,3]", "[]",
            "[{\"op\":\"remove\",\"path\":\"/2\"},{\"op\":\"remove\",\"path\":"
            "\"/1\"},{\"op\":\"remove\",\"path\":\"/0\"}]");
    differs("{\"a\":{\"b\":[{\"c\":1},2]}}", "{\"a\":{\"b\":[{\"c\":2},2]}}",
            "[{\"op\":\"replace\",\"path\":\"/a/b/0/c\",\"value\":2}]");
    differs("{\"a\":{}}", "{\"a\":[]}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":[]}]");
    differs("{\"a\":null}", "{\"a\":null}", "[]");
    differs("{\"a\":1}", "{\"a\":null}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":null}]");
    differs("{\"a\":1}", "{\"a\":1,\"b\":{\"c\":null}}", NULL);
    differs("[]", "{\"b\":{\"c\":null}}", NULL);
    differs("[]", "{\"b\":[null,{\"c\":null}]}", NULL);
    differs("{\"a\":{\"x\":1,\"y\":{\"z\":1}}}", "{\"a\":{\"y\":{}},\"b\":[]}", NULL);
    differs("{\"a\":1}", "null", NULL);
    struct hob_json_doc *a = parse("{\"a\":1,\"b\":{\"c\":1,\"d\":2}}");
    struct hob_json_doc *b = parse("{\"b\":{\"c\":1,\"d\":3},\"e\":{}}"), *p;
    CHECK_EQ(hob_json_diff_merge(hob_json_root(a), hob_json_root(b), &p), 0);
    is(hob_json_root(p), "{\"a\":null,\"b\":{\"d\":3},\"e\":{}}");
    hob_json_free(a);
    hob_json_free(b);
    hob_json_free(p);
    CHECK_EQ(hob_json_diff(NULL, NULL, &p), HOB_E_JSON_TYPE);
    CHECK_EQ(hob_json_diff_merge(NULL, NULL, &p), HOB_E_JSON_TYPE);
}

/* Random values, and what differs between them. */
static size_t random_value(char *out, unsigned depth) {
    size_t n = 0;
    unsigned kind = any(depth ? 8 : 5), items = any(5) + (any(20) == 0 ? 20 : 0);
    if (kind < 3) return (size_t)sprintf(out, "%u", any(4));
    if (kind < 5) return (size_t)sprintf(out, "%s", kind == 3 ? "\"a\"" : "null");
    out[n++] = kind == 5 ? '[' : '{';
    for (unsigned i = 0; i < items; i++) {
        if (i) out[n++] = ',';
        if (kind != 5) n += (size_t)sprintf(out + n, "\"%c%u\":", "a/~"[any(3)], i);
        n += random_value(out + n, depth - 1);
    }
    out[n++] = kind == 5 ? ']' : '}';
    return n;
}

TEST(patches_of_random_values) {
    static char a[200000], b[200000];
    for (int round = 0; round < 3000; round++) {
        a[random_value(a, 4)] = 0;
        b[random_value(b, 4)] = 0;
        differs(a, b, NULL);
    }
}

TEST(every_allocation_fails_once) {
    struct hob_json_doc *v = parse("{\"a\":[1,2,{\"b\":1}],\"c\":\"x\",\"d\":{\"z\":1,\"y\":2}}");
    struct hob_json_doc *w = parse("{\"d\":{\"y\":2,\"z\":1.5},\"a\":[1,{\"b\":2}],\"e~\":1}");
    struct hob_json_doc *p = parse("[{\"op\":\"move\",\"from\":\"/a/2\",\"path\":\"/x~1\"},"
                                   "{\"op\":\"add\",\"path\":\"/a/-\",\"value\":3},"
                                   "{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/d/w\"},"
                                   "{\"op\":\"test\",\"path\":\"/d\",\"value\":{\"z\":1,\"y\":2,"
                                   "\"w\":[1,2,3]}}]");
    const struct hob_json *a = hob_json_root(v), *b = hob_json_root(w);
    for (int what = 0; what < 6; what++) {
        bool more = true;
        for (long n = 1; more; n++) {
            long live = hob__alloc_live();
            struct hob_json_doc *doc = NULL;
            hob__alloc_fail_at(n);
            int rc = what == 0   ? hob_json_patch(a, hob_json_root(p), &doc)
                     : what == 1 ? hob_json_merge(a, b, &doc)
                     : what == 2 ? hob_json_diff(a, b, &doc)
                     : what == 3 ? hob_json_diff_merge(a, b, &doc)
                     : what == 4 ? hob_json_copy(a, &doc)
                                 : hob_json_equal(a, b);
            CHECK(rc == 0 || rc == -ENOMEM);
            CHECK(what == 5 || (doc != NULL) == (rc == 0));
            more = hob__alloc_count() >= n;
            hob__alloc_fail_at(0);
            hob_json_free(doc);
            hob_error_clear();
            CHECK_EQ(hob__alloc_live(), live);
        }
    }
    hob_json_free(v);
    hob_json_free(w);
    hob_json_free(p);
}

TEST_MAIN()
