/* json_records_test.c - a reader's values one after the other: skipped, as trees, as records of an
 * array or as lines; and what goes wrong outside of the text: a source that fails, a cancel,
 * memory.
 */
#include "json_pieces.h"

#include "base/memory.h"

/* ---- skipping, trees, records ---- */

static int next(struct hob_json_reader *r, struct hob_json *v, const char **text) {
    for (;;) {
        int e = hob_json_read(r, v);
        if (e != HOB_JSON_MORE) return e;
        if (!**text) {
            CHECK_EQ(hob_json_end(r), 0);
        } else {
            CHECK_EQ(hob_json_feed(r, edge_copy((*text)++, 1), 1), 0);
        }
    }
}

static int skip(struct hob_json_reader *r, const char **text) {
    int rc;
    while ((rc = hob_json_skip(r)) == HOB_JSON_MORE) {
        struct hob_json v;
        CHECK_EQ(hob_json_read(r, &v), -EINVAL); /* first this one to its end */
        CHECK_EQ(hob_json_feed(r, edge_copy((*text)++, 1), 1), 0);
    }
    return rc;
}

TEST(values_are_skipped) {
    const char *text = "{\"a\": [1,[2,{\"x\":3}]], \"b\": 4, \"c\": {\"d\": \"]\"}, \"e\": 5}";
    HOB_JSON_READER(r);
    struct hob_json v;
    CHECK_EQ(hob_json_reader_new(&r), 0);
    CHECK_EQ(hob_json_skip(r), 0); /* nothing has begun */
    CHECK_EQ(next(r, &v, &text), HOB_JSON_BEGIN_OBJECT);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_NAME);
    CHECK_EQ(skip(r, &text), 0);
    CHECK_EQ(skip(r, &text), 0); /* nothing left of it */
    CHECK_EQ(next(r, &v, &text), HOB_JSON_NAME);
    CHECK_STR(v.of.text, "b");
    CHECK_EQ(skip(r, &text), 0);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_NAME);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_BEGIN_OBJECT);
    CHECK_EQ(skip(r, &text), 0);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_NAME);
    CHECK_STR(v.of.text, "e");
    CHECK_EQ(next(r, &v, &text), HOB_JSON_VALUE);
    CHECK_EQ(skip(r, &text), 0);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_END_OBJECT);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_END);
    /* wrong is wrong, skipped or not */
    hob_json_reader_reset(r);
    text = "[[1,]]";
    CHECK_EQ(next(r, &v, &text), HOB_JSON_BEGIN_ARRAY);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_BEGIN_ARRAY);
    CHECK_EQ(skip(r, &text), HOB_E_JSON);
    CHECK_HAS(hob_error()->message, "column 5 (byte 4): expected a value, found ']'");
}

static void tree_is(struct hob_json_reader *r, const char **text, const char *wanted) {
    const struct hob_json *v;
    int e;
    char *out;
    while ((e = hob_json_read_tree(r, &v)) == HOB_JSON_MORE) {
        CHECK_EQ(**text ? hob_json_feed(r, edge_copy(*text, 1), 1) : hob_json_end(r), 0);
        *text += **text != 0;
    }
    CHECK_EQ(e, HOB_JSON_VALUE);
    CHECK_EQ(hob_json_write(v, &out, NULL), 0);
    CHECK_STR(out, wanted);
    hob_json_text_free(out);
}

TEST(values_as_trees_between_events) {
    const char *text = "{\"a\": [1,[2,{\"x\":3}]], \"b\": \"\\n\\\"\", \"c\": [{\"d\": \"]\"}, 7], "
                       "\"e\": -1.5}";
    HOB_JSON_READER(r);
    struct hob_json v;
    const struct hob_json *tree;
    CHECK_EQ(hob_json_reader_new(&r), 0);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_BEGIN_OBJECT);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_NAME);
    tree_is(r, &text, "[1,[2,{\"x\":3}]]"); /* behind a name */
    CHECK_EQ(next(r, &v, &text), HOB_JSON_NAME);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_VALUE);
    tree_is(r, &text, "\"\\n\\\"\""); /* that very value */
    CHECK_EQ(next(r, &v, &text), HOB_JSON_NAME);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_BEGIN_ARRAY);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_BEGIN_OBJECT);
    tree_is(r, &text, "{\"d\":\"]\"}"); /* a container that has begun */
    CHECK_EQ(hob_json_read_tree(r, &tree), -EINVAL);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_VALUE);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_END_ARRAY);
    CHECK_EQ(hob_json_read_tree(r, &tree), -EINVAL);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_NAME);
    tree_is(r, &text, "-1.5");
    CHECK_EQ(next(r, &v, &text), HOB_JSON_END_OBJECT);
    CHECK_EQ(next(r, &v, &text), HOB_JSON_END);
    hob_json_reader_reset(r);
    text = " [true] ";
    tree_is(r, &text, "[true]"); /* all of it */
    CHECK_EQ(next(r, &v, &text), HOB_JSON_END);
}

/* Items of an array somewhere inside. */
TEST(records_between_events) {
    HOB_JSON_READER(r);
    const char text[] = "{\"n\": 3, \"items\": [{\"id\":1}, 2 ,[]], \"end\": true}";
    struct hob_json v;
    const struct hob_json *item;
    CHECK_EQ(hob_json_reader_new(&r), 0);
    CHECK_EQ(hob_json_feed(r, text, sizeof text - 1), 0);
    CHECK_EQ(hob_json_read(r, &v), HOB_JSON_BEGIN_OBJECT);
    CHECK_EQ(hob_json_read_item(r, &item), -EINVAL);
    do CHECK(hob_json_read(r, &v) > HOB_JSON_MORE);
    while (hob_json_type(&v) != HOB_JSON_ARRAY);
    CHECK_EQ(hob_json_read_item(r, &item), HOB_JSON_VALUE);
    CHECK_EQ(hob_json_int(hob_json_get(item, "id"), 0), 1);
    CHECK_EQ(hob_json_read_item(r, &item), HOB_JSON_VALUE);
    CHECK_EQ(hob_json_int(item, 0), 2);
    CHECK_EQ(hob_json_read_item(r, &item), HOB_JSON_VALUE);
    CHECK_EQ(hob_json_type(item), HOB_JSON_ARRAY);
    CHECK_EQ(hob_json_read_item(r, &item), HOB_JSON_END);
    CHECK_EQ(hob_json_read(r, &v), HOB_JSON_NAME);
    CHECK_STR(v.of.text, "end");
    CHECK_EQ(hob_json_feed(r, text, 1), 0); /* all of the piece is in the reader */
    CHECK_EQ(hob_json_feed(r, text, 1), -EINVAL);
    CHECK_EQ(hob_json_end(r), -EINVAL);
}

TEST(records_of_an_array) {
    in_all_ways(items, TEXT(" [ {\"a\":[]} , \"x\\n\",\n3, null ] \n"), plain);
    CHECK_STR(whole.text, "@1:4:3 {\"a\":[]} @1:15:14 \"x\\n\" @2:1:21 3 @2:4:24 null ");
    CHECK_EQ(whole.rc, 0);
    in_all_ways(items, TEXT("[]"), plain);
    CHECK_STR(whole.text, "");
    CHECK_EQ(whole.rc, 0);
    in_all_ways(items, TEXT("[1,{\"a\":1}"), plain);
    CHECK_EQ(whole.rc, HOB_E_JSON_INCOMPLETE);
    CHECK_STR(whole.words, "line 1, column 11 (byte 10): expected ',' or ']', found the end of the "
                           "text");
    in_all_ways(items, TEXT("[{\"a\":1"), plain);
    CHECK_EQ(whole.rc, HOB_E_JSON_INCOMPLETE);
    CHECK_HAS(whole.words, "expected ',' or '}', found the end of the text");
    in_all_ways(items, TEXT("[1] 2"), plain);
    CHECK_EQ(whole.rc, HOB_E_JSON);
    CHECK_HAS(whole.words, "expected the end of the text, found '2'");
    in_all_ways(items, TEXT("\n{\"a\":1}"), plain);
    CHECK_EQ(whole.rc, HOB_E_JSON_TYPE);
    CHECK_HAS(whole.words, "line 2, column 1 (byte 1): an object where an array of records");
    in_all_ways(items, TEXT("[{\"a\":1},\n{\"b\" 1}]"), plain);
    CHECK_EQ(whole.rc, HOB_E_JSON);
    CHECK_HAS(whole.words, "line 2, column 6 (byte 15): expected ':' after the name, found '1'");
    in_all_ways(items, TEXT("[{\"a\":1,\"a\":2}]"),
                (struct hob_json_reader_options){.duplicates = HOB_JSON_REJECT});
    CHECK_EQ(whole.rc, HOB_E_JSON_DUPLICATE);
    CHECK_HAS(whole.words, "line 1, column 9 (byte 8): expected a name that the object does not "
                           "have yet, found \"a\" twice");
    in_all_ways(items, TEXT("[{\"a\":18446744073709551616}]"),
                (struct hob_json_reader_options){.big_double = true, .borrow = true});
    CHECK_STR(whole.text, "@1:2:1 {\"a\":1.8446744073709552e19} ");
}

TEST(values_one_behind_the_other) {
    struct hob_json_reader_options o = {.many = true};
    in_all_ways(items, TEXT(" 1 2\n{}{\"a\":1}[3]\"x\"\"y\" true \n[]"), o);
    CHECK_STR(whole.text,
              "@1:2:1 1 @1:4:3 2 @2:1:5 {} @2:3:7 {\"a\":1} @2:10:14 [3] @2:13:17 \"x\" "
              "@2:16:20 \"y\" @2:20:24 true @3:1:30 [] ");
    CHECK_EQ(whole.rc, 0);
    in_all_ways(items, TEXT(" \n"), o);
    CHECK_EQ(whole.rc, 0);
    in_all_ways(events, TEXT("1 [2]"), o);
    CHECK_STR(whole.text, "@1:1:0 1@1:3:2 [ @1:4:3 2@1:5:4 ] @1:5:4 ");
    CHECK_EQ(whole.rc, 0);
    in_all_ways(items, TEXT("1true"), o);
    CHECK_EQ(whole.rc, HOB_E_JSON);
    CHECK_HAS(whole.words, "expected white space, or the end, found 't'");
    in_all_ways(items, TEXT("1 ]"), o);
    CHECK_EQ(whole.rc, HOB_E_JSON);
    in_all_ways(items, TEXT("{} {"), o);
    CHECK_EQ(whole.rc, HOB_E_JSON_INCOMPLETE);
}

/* ---- lines ---- */

TEST(lines) {
    struct hob_json_reader_options o = {.lines = true};
    in_all_ways(items, TEXT("{\"a\":1}\n\r\n  \n[2]\r\n \"x\" \n3"), o);
    CHECK_STR(whole.text, "@1:1:0 {\"a\":1} @4:1:13 [2] @5:1:18 \"x\" @6:1:24 3 ");
    CHECK_EQ(whole.rc, 0);
    in_all_ways(items, TEXT(""), o);
    CHECK_STR(whole.text, "");
    in_all_ways(items, TEXT("\n\n"), o);
    CHECK_EQ(whole.rc, 0);
    /* a bad line is an error, and the next one is read all the same */
    in_all_ways(items, TEXT("1\n{\"a\":\n2\n3 4\n\"\xC3\xA4\" x\n5\n[1,"), o);
    CHECK_STR(whole.text,
              "@1:1:0 1 @2:6:7 ! line 2, column 6 (byte 7): expected a value, found the end of the "
              "line ! @3:1:8 2 @4:3:12 ! line 4, column 3 (byte 12): expected the end of the text, "
              "found '4' ! @5:5:19 ! line 5, column 5 (byte 19): expected the end of the text, "
              "found 'x' ! @6:1:21 5 @7:4:26 ! line 7, column 4 (byte 26): expected a value, found "
              "the end of the text ! ");
    CHECK_EQ(whole.rc, 0);
    /* one that is too long is dropped to its end */
    o.limit = 6;
    in_all_ways(items, TEXT("1\n[1,2]\n[1,2,3]\n2\n[1 2,3,4,5,6]\n\"12345678901\"\n3"), o);
    CHECK_STR(
        whole.text,
        "@1:1:0 1 @2:1:2 [1,2] @3:1:8 ! line 3 (byte 8): a line longer than the limit, 6 "
        "bytes ! @4:1:16 2 @5:4:21 ! line 5, column 4 (byte 21): expected ',' or ']', found "
        "'2' ! @6:1:32 ! line 6 (byte 32): a line longer than the limit, 6 bytes ! @7:1:46 3 ");
}

static struct heard bad;
static void hear_bad(void *arg, int code, const char *words) {
    CHECK(arg == &bad);
    say(&bad, "%s: %s\n",
        code == HOB_E_LIMIT  ? "limit"
        : code == HOB_E_JSON ? "json"
                             : "other",
        words);
}

TEST(bad_lines_are_told_of_and_skipped) {
    struct hob_json_reader_options o = {
        .lines = true, .bad = hear_bad, .bad_arg = &bad, .limit = 19};
    in_all_ways(items, TEXT("1\nno\n2\n{\"a\":1,\"too long\":3}\n3\n[1,"), o);
    CHECK_STR(whole.text, "@1:1:0 1 @3:1:5 2 @5:1:28 3 ");
    CHECK_EQ(whole.rc, 0);
    bad.text[bad.n = strlen("json: line 2, column 1 (byte 2): expected a value (true, false, "
                            "null), found 'n'\n"
                            "limit: line 4 (byte 7): a line longer than the limit, 19 bytes\n"
                            "other: line 6, column 4 (byte 33): expected a value, found the end "
                            "of the text\n")] = 0;
    CHECK_STR(bad.text,
              "json: line 2, column 1 (byte 2): expected a value (true, false, null), found 'n'\n"
              "limit: line 4 (byte 7): a line longer than the limit, 19 bytes\n"
              "other: line 6, column 4 (byte 33): expected a value, found the end of the text\n");
    HOB_JSON_READER(r);
    struct hob_json v;
    const struct hob_json *tree;
    CHECK_EQ(hob_json_reader_new_with(o, &r), 0);
    CHECK_EQ(hob_json_read(r, &v), -EINVAL);
    CHECK_EQ(hob_json_read_tree(r, &tree), -EINVAL);
}

/* ---- `fill`, and what goes wrong outside of the text ---- */

struct source {
    const char *text;
    size_t left, piece;
    int calls, fail_every;
};

static ssize_t fill(void *arg, void *buf, size_t n) {
    struct source *s = arg;
    CHECK(n >= 1024);
    if (s->fail_every && ++s->calls % s->fail_every == 0) return -EINTR;
    if (n > s->piece) n = s->piece;
    if (n > s->left) n = s->left;
    memcpy(buf, s->text, n);
    s->text += n;
    s->left -= n;
    return (ssize_t)n;
}

static int count_items(struct hob_json_reader *r, int *count) {
    HOB_EACH_JSON(v, r) {
        CHECK(hob_json_type(v) != HOB_JSON_NONE);
        ++*count;
    }
    return 0;
}

TEST(a_failed_fill_loses_nothing) {
    static const char text[] = "[{\"a\":[1,2]}, \"b\\n\", 12, [], true ]";
    for (int every = 2; every < 6; every++) {
        struct source s = {text, sizeof text - 1, 1, 0, every};
        HOB_JSON_READER(r);
        int rc, count = 0, failures = 0;
        CHECK_EQ(hob_json_reader_new(&r, .fill = fill, .fill_arg = &s), 0);
        while ((rc = count_items(r, &count)) == -EINTR) failures++;
        CHECK_EQ(rc, 0);
        CHECK_EQ(count, 5);
        CHECK(failures > 5);
        CHECK_EQ(hob_json_feed(r, "1", 1), -EINVAL);
    }
}

static int points;
static int point(void) { return ++points % 2 ? -ECANCELED : 0; }

TEST(a_point_comes_before_everything) {
    struct source s = {TEXT("[1,2,3]"), 100, 0, 0};
    HOB_JSON_READER(r);
    int rc, count = 0, cancels = 0;
    CHECK_EQ(hob_json_reader_new(&r, .fill = fill, .fill_arg = &s, .point = point), 0);
    while ((rc = count_items(r, &count)) == -ECANCELED) cancels++;
    CHECK_EQ(rc, 0);
    CHECK_EQ(count, 3);
    CHECK_EQ(cancels, 4);
}

TEST(what_is_behind_the_text) {
    struct source s = {TEXT("[1] GET"), 100, 0, 0};
    HOB_JSON_READER(r);
    struct hob_json v;
    CHECK_EQ(hob_json_reader_new(&r, .fill = fill, .fill_arg = &s), 0);
    for (int i = 0; i < 3; i++) CHECK(hob_json_read(r, &v) > HOB_JSON_MORE);
    struct hob_slice rest = hob_json_reader_rest(r);
    CHECK_EQ(rest.size, 4);
    CHECK(memcmp(rest.at, " GET", 4) == 0);
    CHECK_EQ(hob_json_read(r, &v), HOB_E_JSON);
}

/* Without memory a call may be made again; nothing is lost. */
TEST(every_allocation_fails_once) {
    static char text[200000];
    size_t size = 0;
    memcpy(text, "[1,\"x\",{\"a\":\"", size = 13);
    memset(text + size, 'y', 100000);
    size += 100000;
    memcpy(text + size, "\\n\"}, true]", 11);
    size += 11;
    bool more = true;
    for (long n = 1; more; n++) {
        long live = hob__alloc_live();
        struct source s = {text, size, 50000, 0, 0};
        struct hob_json_reader *r;
        int rc, count = 0, failures = 0;
        hob__alloc_fail_at(n);
        while ((rc = hob_json_reader_new(&r, .fill = fill, .fill_arg = &s)) == -ENOMEM) failures++;
        CHECK_EQ(rc, 0);
        while ((rc = count_items(r, &count)) == -ENOMEM) failures++;
        CHECK_EQ(rc, 0);
        CHECK_EQ(count, 4);
        more = hob__alloc_count() >= n;
        CHECK(failures == more || failures == 0); /* the error's own record needs memory, too */
        hob__alloc_fail_at(0);
        hob_json_reader_free(r);
        hob_error_clear();
        CHECK_EQ(hob__alloc_live(), live);
    }
    hob_json_reader_free(NULL);
}

TEST_MAIN()
