/* json_builder_test.c - JSON written value by value is what a tree would be written as; what would
 * not be JSON is an error, which stays. */
#include "test.h"

#include "../fuzz/fuzz.h"
#include "base/memory.h"

#include <hob/error.h>
#include <hob/json_builder.h>
#include <math.h>

/* Everything once. */
static void all_kinds(struct hob_json_builder *b) {
    hob_json_begin_object(b);
    hob_json_name(b, "i");
    hob_json_put_int(b, INT64_MIN);
    hob_json_name(b, "u");
    hob_json_put_uint(b, UINT64_MAX);
    hob_json_name(b, "d");
    hob_json_begin_array(b);
    hob_json_put_double(b, 0.1);
    hob_json_put_double(b, -0.0);
    hob_json_put_double(b, 1e300);
    hob_json_end_array(b);
    hob_json_name(b, "s\"");
    hob_json_put_string(b, "a\n\xC3\xA4\xF0\x9F\x98\x80");
    hob_json_name_n(b, "n\0l", 3);
    hob_json_put_string_n(b, "\0", 1);
    hob_json_name(b, "");
    hob_json_put_null(b);
    hob_json_name(b, "empty");
    hob_json_begin_array(b);
    hob_json_begin_object(b);
    hob_json_end_object(b);
    hob_json_begin_array(b);
    hob_json_end_array(b);
    hob_json_put_bool(b, true);
    hob_json_put_bool(b, false);
    hob_json_end_array(b);
    hob_json_end_object(b);
}

static const char all_of_them[] =
    "{\"i\":-9223372036854775808,\"u\":18446744073709551615,\"d\":[0.1,-0.0,1e300],\"s\\\"\":"
    "\"a\\n\xC3\xA4\xF0\x9F\x98\x80\",\"n\\u0000l\":\"\\u0000\",\"\":null,\"empty\":[{},[],true,"
    "false]}";

TEST(every_kind_of_value) {
    HOB_JSON_BUILDER(b);
    struct hob_slice text;
    CHECK_EQ(hob_json_builder_new(&b), 0);
    for (int i = 0; i < 3; i++) {
        all_kinds(b);
        CHECK_EQ(hob_json_finish(b, &text), 0);
        CHECK_STR(text.at, all_of_them);
        CHECK_EQ(text.size, sizeof all_of_them - 1);
        hob_json_builder_reset(b);
    }
}

/* The same values, laid out by the builder, and by the writer of trees. */
TEST(as_a_tree_is_written) {
    for (unsigned indent = 0; indent < 4; indent++)
        for (int ascii = 0; ascii < 2; ascii++) {
            HOB_JSON_BUILDER(b);
            struct hob_slice text;
            struct hob_json_doc *doc;
            char *wanted;
            CHECK_EQ(hob_json_builder_new(&b, .indent = indent, .ascii = ascii), 0);
            all_kinds(b);
            CHECK_EQ(hob_json_finish(b, &text), 0);
            CHECK_EQ(hob_json_parse(text.at, text.size, &doc), 0);
            CHECK_EQ(
                hob_json_write(hob_json_root(doc), &wanted, NULL, .indent = indent, .ascii = ascii),
                0);
            CHECK_STR(text.at, wanted);
            /* a tree inside of others */
            hob_json_builder_reset(b);
            hob_json_begin_array(b);
            hob_json_put_int(b, 1);
            hob_json_put_value(b, hob_json_root(doc));
            hob_json_put_raw(b, "[ 2 ]", 5);
            hob_json_end_array(b);
            CHECK_EQ(hob_json_finish(b, &text), 0);
            hob_json_text_free(wanted);
            hob_json_free(doc);
            CHECK_EQ(hob_json_parse(text.at, text.size, &doc), 0);
            CHECK_EQ(
                hob_json_write(hob_json_root(doc), &wanted, NULL, .indent = indent, .ascii = ascii),
                0);
            char *raw = strstr(text.at, "[ 2 ]");
            CHECK(raw != NULL);
            CHECK_EQ(strncmp(text.at, wanted, (size_t)(raw - text.at)), 0);
            hob_json_text_free(wanted);
            hob_json_free(doc);
        }
}

/* ---- strings longer than a piece ---- */

struct sink {
    char *text;
    size_t n, room, largest;
    int fail_at;
};

static ssize_t sink(void *arg, const void *bytes, size_t n) {
    struct sink *s = arg;
    if (s->fail_at && --s->fail_at == 0) return hob_fail(-EPIPE, "nobody listens");
    CHECK(s->n + n < s->room);
    memcpy(s->text + s->n, bytes, n);
    s->n += n;
    s->text[s->n] = 0;
    if (n > s->largest) s->largest = n;
    return (ssize_t)n;
}

TEST(long_strings) {
    enum { ROOM = 1 << 19 };
    char *text = malloc(ROOM), *out = malloc(ROOM);
    for (size_t n = 8190; n < 80000; n = n < 8195 ? n + 1 : n * 2 + 1)
        for (int kind = 0; kind < 6; kind++) {
            static const char *const letters[] = {
                "a", "\n", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\""};
            size_t size = 0, step = strlen(letters[kind]);
            while (size + step <= n) {
                memcpy(text + size, letters[kind], step);
                size += step;
            }
            for (int sinks = 0; sinks < 2; sinks++) {
                HOB_JSON_BUILDER(b);
                struct sink s = {out, 0, ROOM, 0, 0};
                struct hob_slice got;
                struct hob_json_doc *doc;
                CHECK_EQ(hob_json_builder_new(&b, .sink = sinks ? sink : NULL, .sink_arg = &s,
                                              .ascii = kind == 4),
                         0);
                hob_json_begin_array(b);
                hob_json_put_string_n(b, text, size);
                hob_json_put_string(b, "x");
                hob_json_end_array(b);
                CHECK_EQ(hob_json_finish(b, &got), 0);
                if (sinks) got = (struct hob_slice){s.text, s.n};
                CHECK(!sinks || s.largest < 80 << 10);
                CHECK_EQ(hob_json_parse(got.at, got.size, &doc), 0);
                const struct hob_json *v = hob_json_at(hob_json_root(doc), 0);
                CHECK_EQ(hob_json_size(v), size);
                CHECK(memcmp(hob_json_string(v, ""), text, size) == 0);
                CHECK_STR(hob_json_string(hob_json_at(hob_json_root(doc), 1), ""), "x");
                hob_json_free(doc);
            }
        }
    free(text);
    free(out);
}

/* Right before an unreadable page, of all lengths. */
TEST(strings_at_the_end_of_memory) {
    for (size_t n = 0; n < 300; n++) {
        HOB_JSON_BUILDER(b);
        struct hob_slice text;
        struct hob_json_doc *doc;
        char *string = edge_room(n);
        memset(string, 'x', n);
        if (n > 3) memcpy(string + n - 3, n % 2 ? "\xE2\x82\xAC" : "\n\"a", 3);
        CHECK_EQ(hob_json_builder_new(&b, .ascii = n % 3 == 0), 0);
        hob_json_begin_object(b);
        hob_json_name_n(b, string, n);
        hob_json_put_string_n(b, string, n);
        hob_json_end_object(b);
        CHECK_EQ(hob_json_finish(b, &text), 0);
        const char *raw = edge_copy(text.at, text.size);
        CHECK_EQ(hob_json_parse(raw, text.size, &doc), 0);
        const struct hob_json *v = hob_json_get_n(hob_json_root(doc), string, n);
        CHECK_EQ(hob_json_size(v), n);
        CHECK(n == 0 || memcmp(hob_json_string(v, ""), string, n) == 0);
        hob_json_builder_reset(b);
        CHECK_EQ(hob_json_put_raw(b, raw, text.size), 0);
        hob_json_free(doc);
    }
}

/* ---- what would not be JSON ---- */

static struct hob_json_builder *new_builder(void) {
    static struct hob_json_builder *b;
    hob_json_builder_free(b);
    CHECK_EQ(hob_json_builder_new(&b), 0);
    return b;
}

#define WRONG(call, code, words)                                                                   \
    do {                                                                                           \
        CHECK_EQ((call), (code));                                                                  \
        CHECK_HAS(hob_error()->message, words);                                                    \
        CHECK_EQ(hob_json_put_int(b, 1), (code)); /* it stays */                                   \
        CHECK_EQ(hob_json_begin_array(b), (code));                                                 \
        CHECK_EQ(hob_json_name(b, "x"), (code));                                                   \
        CHECK_EQ(hob_json_end_object(b), (code));                                                  \
        CHECK_EQ(hob_json_put_double(b, NAN), (code));                                             \
        CHECK_EQ(hob_json_put_value(b, NULL), (code));                                             \
        CHECK_EQ(hob_json_put_raw(b, "x", 1), (code));                                             \
        CHECK_EQ(hob_json_builder_flush(b), (code));                                               \
        struct hob_slice text;                                                                     \
        CHECK_EQ(hob_json_finish(b, &text), (code));                                               \
        CHECK_HAS(hob_error()->message, words);                                                    \
        CHECK_EQ(text.size, 0);                                                                    \
    } while (0)

TEST(values_out_of_order) {
    struct hob_json_builder *b = new_builder();
    hob_json_begin_object(b);
    WRONG(hob_json_put_int(b, 1), HOB_E_JSON_ORDER, "a value where a name must be");
    b = new_builder();
    hob_json_begin_object(b);
    WRONG(hob_json_begin_array(b), HOB_E_JSON_ORDER, "a value where a name must be");
    b = new_builder();
    WRONG(hob_json_name(b, "first"), HOB_E_JSON_ORDER, "a name outside of an object: first");
    b = new_builder();
    hob_json_begin_array(b);
    WRONG(hob_json_name(b, "x"), HOB_E_JSON_ORDER, "a name outside of an object: x");
    b = new_builder();
    hob_json_begin_object(b);
    hob_json_name(b, "a");
    WRONG(hob_json_name(b, "b"), HOB_E_JSON_ORDER, "a name where a name's value must be: b");
    b = new_builder();
    hob_json_begin_object(b);
    hob_json_name(b, "a");
    WRONG(hob_json_end_object(b), HOB_E_JSON_ORDER, "end of an object where a name's value");
    b = new_builder();
    hob_json_begin_object(b);
    WRONG(hob_json_end_array(b), HOB_E_JSON_ORDER, "the end of an array where an object is open");
    b = new_builder();
    hob_json_begin_array(b);
    WRONG(hob_json_end_object(b), HOB_E_JSON_ORDER, "the end of an object where an array is open");
    b = new_builder();
    WRONG(hob_json_end_array(b), HOB_E_JSON_ORDER, "the end of an array that has not begun");
    b = new_builder();
    hob_json_put_null(b);
    WRONG(hob_json_put_null(b), HOB_E_JSON_ORDER, "a second value where the text has ended");
    b = new_builder();
    WRONG(hob_json_finish(b, NULL), HOB_E_JSON_ORDER, "a text without a value");
    b = new_builder();
    hob_json_begin_array(b);
    WRONG(hob_json_finish(b, NULL), HOB_E_JSON_ORDER, "where 1 container is open");
    b = new_builder();
    for (int i = 0; i < 1024; i++) CHECK_EQ(hob_json_begin_array(b), 0);
    WRONG(hob_json_begin_array(b), HOB_E_LIMIT, "more than 1024 containers");
    hob_json_builder_free(b);
}

TEST(values_that_json_does_not_have) {
    struct hob_json_builder *b = new_builder();
    WRONG(hob_json_put_double(b, NAN), HOB_E_JSON_RANGE, "NaN");
    b = new_builder();
    WRONG(hob_json_put_double(b, -INFINITY), HOB_E_JSON_RANGE, "-infinity");
    b = new_builder();
    WRONG(hob_json_put_string(b, "ab\xFF"), HOB_E_JSON, "not UTF-8 (byte 2 of it)");
    b = new_builder();
    WRONG(hob_json_put_string(b, "\xED\xA0\x80"), HOB_E_JSON, "not UTF-8 (byte 0 of it)");
    b = new_builder();
    hob_json_begin_object(b);
    WRONG(hob_json_name(b, "a\xC3"), HOB_E_JSON, "not UTF-8 (byte 1 of it)");
    b = new_builder();
    WRONG(hob_json_put_raw(b, "[1,]", 4), HOB_E_JSON, "a raw value: line 1, column 4");
    b = new_builder();
    WRONG(hob_json_put_value(b, NULL), HOB_E_JSON_TYPE, "nothing where a value");
    hob_json_builder_free(b);
    CHECK_EQ(hob_json_builder_new(&b, .nan_null = true), 0);
    hob_json_put_double(b, NAN);
    struct hob_slice text;
    CHECK_EQ(hob_json_finish(b, &text), 0);
    CHECK_STR(text.at, "null");
    hob_json_builder_free(b);
    CHECK_EQ(hob_json_builder_new(&b, .lines = true, .indent = 1), -EINVAL);
    CHECK(b == NULL);
}

TEST(limits) {
    struct hob_json_builder *b;
    char text[100000];
    memset(text, 'x', sizeof text);
    CHECK_EQ(hob_json_builder_new(&b, .limit = 50000), 0);
    hob_json_begin_array(b);
    for (int i = 0; i < 4; i++) CHECK_EQ(hob_json_put_string_n(b, text, 10000), 0);
    CHECK_EQ(hob_json_put_string_n(b, text, sizeof text), HOB_E_LIMIT);
    CHECK_HAS(hob_error()->message, "more than 50000 bytes of JSON");
    hob_json_builder_free(b);
}

/* ---- lines and sinks ---- */

TEST(lines) {
    HOB_JSON_BUILDER(b);
    struct hob_slice text;
    CHECK_EQ(hob_json_builder_new(&b, .lines = true), 0);
    CHECK_EQ(hob_json_finish(b, &text), 0);
    CHECK_STR(text.at, "");
    hob_json_put_int(b, 1);
    hob_json_begin_array(b);
    hob_json_put_string(b, "a\nb");
    hob_json_end_array(b);
    hob_json_put_raw(b, "{\"x\": 1}", 8);
    CHECK_EQ(hob_json_finish(b, &text), 0);
    CHECK_STR(text.at, "1\n[\"a\\nb\"]\n{\"x\": 1}\n");
    CHECK_EQ(hob_json_put_raw(b, "{\"x\":\n1}", 8), HOB_E_JSON);
}

TEST(a_sink_gets_it_piece_by_piece) {
    enum { ROOM = 1 << 20 };
    struct sink s = {malloc(ROOM), 0, ROOM, 0, 0};
    HOB_JSON_BUILDER(b);
    CHECK_EQ(hob_json_builder_new(&b, .lines = true, .sink = sink, .sink_arg = &s), 0);
    for (int i = 0; i < 20000; i++) {
        hob_json_begin_object(b);
        hob_json_name(b, "id");
        CHECK_EQ(hob_json_put_int(b, i), 0);
        CHECK_EQ(hob_json_end_object(b), 0);
        if (i == 0) {
            CHECK_EQ(s.n, 0);
            CHECK_EQ(hob_json_builder_flush(b), 0);
            CHECK_STR(s.text, "{\"id\":0}\n");
        }
    }
    CHECK_EQ(hob_json_finish(b, NULL), 0);
    CHECK(s.largest < 17 << 10);
    char *at = s.text;
    for (int i = 0; i < 20000; i++) {
        char line[32];
        size_t n = (size_t)snprintf(line, sizeof line, "{\"id\":%d}\n", i);
        CHECK(memcmp(at, line, n) == 0);
        at += n;
    }
    CHECK_EQ(*at, 0);
    free(s.text);
}

TEST(a_sink_that_fails) {
    char text[100000];
    memset(text, 'x', sizeof text);
    for (int at = 1; at < 5; at++) {
        struct sink s = {malloc(1 << 20), 0, 1 << 20, 0, at};
        struct hob_json_builder *b;
        CHECK_EQ(hob_json_builder_new(&b, .sink = sink, .sink_arg = &s), 0);
        CHECK_EQ(hob_json_begin_array(b), 0);
        CHECK_EQ(hob_json_put_string_n(b, text, sizeof text), -EPIPE);
        CHECK_EQ(hob_json_finish(b, NULL), -EPIPE);
        CHECK_HAS(hob_error()->message, "nobody listens");
        hob_json_builder_free(b);
        free(s.text);
    }
}

TEST(every_allocation_fails_once) {
    bool more = true;
    struct hob_json_doc *doc;
    CHECK_EQ(hob_json_parse("{\"a\":[1,2]}", 11, &doc), 0);
    static char text[50000];
    memset(text, 'x', sizeof text);
    for (long n = 1; more; n++) {
        long live = hob__alloc_live();
        struct hob_json_builder *b;
        hob__alloc_fail_at(n);
        int rc = hob_json_builder_new(&b, .indent = 2);
        if (rc == 0) {
            hob_json_begin_array(b);
            hob_json_put_string_n(b, text, sizeof text);
            hob_json_put_value(b, hob_json_root(doc));
            hob_json_put_raw(b, text, 0);
            hob_json_builder_reset(b);
            all_kinds(b);
            rc = hob_json_finish(b, NULL);
        }
        CHECK(rc == 0 || rc == -ENOMEM);
        more = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        hob_json_builder_free(b);
        hob_error_clear();
        CHECK_EQ(hob__alloc_live(), live);
    }
    hob_json_free(doc);
    hob_json_builder_free(NULL);
}

TEST_MAIN()
