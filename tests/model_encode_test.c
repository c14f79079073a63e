/* model_encode_test.c - structs to JSON and back; structs that are checked, compared and shown:
 * also those that no text has ever made. */
#include "model_test.h"

#include "base/memory.h"

#include <math.h>

static struct hob_problems wrong;
static struct hob_arena memory;

#define DECODE(model, out, text)                                                                   \
    (hob_arena_reset(&memory),                                                                     \
     hob_model_decode(model, out, text, strlen(text), &memory, .problems = &wrong))
/* That is what the struct is written as. */
#define WRITTEN(model, in, wanted, ...)                                                            \
    do {                                                                                           \
        char *written;                                                                             \
        size_t written_size;                                                                       \
        CHECK_EQ(hob_model_encode(model, in, &written, &written_size, __VA_ARGS__), 0);            \
        CHECK_STR(written, wanted);                                                                \
        CHECK_EQ(written_size, strlen(written));                                                   \
        hob_json_text_free(written);                                                               \
    } while (0)
#define UNWRITABLE(model, in, words)                                                               \
    do {                                                                                           \
        char *written;                                                                             \
        size_t written_size;                                                                       \
        CHECK_EQ(hob_model_encode(model, in, &written, &written_size, .indent = 0), HOB_E_MODEL);  \
        CHECK(written == NULL && written_size == 0);                                               \
        CHECK_HAS(hob_error()->message, words);                                                    \
    } while (0)

TEST(there_and_back) {
    struct all v, again;
    CHECK_EQ(DECODE(all, &v, ALL_TEXT), 0);
    char *text, *second;
    size_t n;
    CHECK_EQ(hob_model_encode(all, &v, &text, &n), 0);
    static const char wanted[] = ALL_TEXT;
    const char *escape = strstr(wanted, "\\u00e4");
    CHECK_EQ(n, sizeof wanted - 1 - 4);
    size_t before = (size_t)(escape - wanted);
    CHECK(memcmp(text, wanted, before) == 0 && memcmp(text + before, "\xC3\xA4", 2) == 0);
    CHECK_STR(text + before + 2, escape + 6);
    HOB_ARENA(other);
    CHECK_EQ(hob_model_decode(all, &again, text, n, &other), 0);
    CHECK_EQ(hob_model_equal(all, &v, &again), 1);
    CHECK_EQ(hob_model_encode(all, &again, &second, NULL), 0);
    CHECK_STR(second, text);
    CHECK_EQ(hob_model_validate(all, &again, &other, &wrong), 0);
    hob_json_text_free(text);
    hob_json_text_free(second);
}

TEST(laid_out) {
    struct part parts[2] = {{(char *)"a\"b", 1}, {(char *)"", -2}};
    WRITTEN(part, &parts[0], "{\n  \"name\": \"a\\\"b\",\n  \"weight\": 1\n}\n", .indent = 2,
            .newline = true);
    char *text;
    size_t n;
    CHECK_EQ(hob_model_encode_array(part, parts, 2, &text, &n), 0);
    CHECK_STR(text, "[{\"name\":\"a\\\"b\",\"weight\":1},{\"name\":\"\",\"weight\":-2}]");
    hob_json_text_free(text);
    CHECK_EQ(hob_model_encode_array(part, parts, 1, &text, &n, .indent = 1), 0);
    CHECK_STR(text, "[\n {\n  \"name\": \"a\\\"b\",\n  \"weight\": 1\n }\n]");
    hob_json_text_free(text);
    CHECK_EQ(hob_model_encode_array(part, parts, 0, &text, &n, .indent = 1), 0);
    CHECK_STR(text, "[]");
    hob_json_text_free(text);
}

struct opt {
    int64_t *a;
    char *b;
    struct part *c;
    int d;
    char **list;
    size_t n;
    struct part e;
    enum hob_presence a_is, d_is;
};
HOB_MODEL(opt, struct opt, HOB_FIELD(a, HOB_PRESENCE(a_is)), HOB_FIELD(b, .optional = true),
          HOB_NESTED(c, part), HOB_FIELD(d, .optional = true, HOB_PRESENCE(d_is)),
          HOB_ARRAY(list, n, .optional = true), HOB_NESTED(e, part, .optional = true))

TEST(what_is_not_there_is_left_out) {
    struct opt v = {0};
    int64_t five = 5;
    char *empty = NULL;
    WRITTEN(opt, &v, "{}", .indent = 2);
    v = (struct opt){.a = &five, .a_is = HOB_PRESENT, .b = (char *)"", .d_is = HOB_PRESENT};
    WRITTEN(opt, &v, "{\"a\":5,\"b\":\"\",\"d\":0}", .indent = 0);
    v = (struct opt){.a_is = HOB_PRESENT, .d_is = HOB_NULL, .list = &empty};
    WRITTEN(opt, &v, "{\"a\":null,\"d\":null,\"list\":[]}", .indent = 0);
    v = (struct opt){.a = &five}; /* HOB_ABSENT */
    WRITTEN(opt, &v, "{}", .indent = 0);
    v = (struct opt){.e.weight = 1};
    UNWRITABLE(opt, &v, "/e/name: is missing");
    v = (struct opt){.list = &empty, .n = 1};
    UNWRITABLE(opt, &v, "/list/0: is missing");
    v = (struct opt){.n = 1};
    UNWRITABLE(opt, &v, "/list: is missing");
}

TEST(what_cannot_be_written) {
    struct all v;
    CHECK_EQ(DECODE(all, &v, ALL_TEXT), 0);
    struct all w = v;
    w.d = INFINITY;
    UNWRITABLE(all, &w, "/d: is not a finite number");
    w = v;
    w.f = NAN;
    UNWRITABLE(all, &w, "/f: is not a finite number");
    w = v;
    w.string = (char *)"\xC3";
    UNWRITABLE(all, &w, "/string: is not UTF-8");
    w = v;
    w.string = NULL;
    UNWRITABLE(all, &w, "/string: is missing");
    w = v;
    memset(w.chars, 'x', sizeof w.chars); /* without its NUL */
    char *text;
    CHECK_EQ(hob_model_encode(all, &w, &text, NULL), 0);
    CHECK_HAS(text, "\"chars\":\"xxxxxxxx\"");
    hob_json_text_free(text);
    w = v;
    w.color = (enum color)5;
    UNWRITABLE(all, &w, "/color: is none of the choices");
    w = v;
    w.time.us = INT64_MAX;
    UNWRITABLE(all, &w, "/time: is not between the years 0 and 9999");
    w = v;
    w.raw = (struct hob_raw){"[1,]", 4};
    UNWRITABLE(all, &w, "/raw: is not JSON");
    w.raw = (struct hob_raw){" ", 1};
    UNWRITABLE(all, &w, "/raw: is not JSON");
    w.raw = (struct hob_raw){NULL, 0};
    UNWRITABLE(all, &w, "/raw: is missing");
    w = v;
    w.nfew = 5; /* of four */
    UNWRITABLE(all, &w, "/few: is missing");
    w = v;
    w.parts = NULL;
    UNWRITABLE(all, &w, "/parts: is missing");
}

struct node {
    int v;
    struct node *next;
};
HOB_MODEL(node, struct node, HOB_FIELD(v, .optional = true), HOB_NESTED(next, node))

/* In a task, whose stack is small; and in a ring. */
static int deep_values(void) {
    static struct node nodes[1025], other[1025];
    char *text, buf[100];
    struct node back;
    size_t n;
    for (int i = 0; i < 1023; i++) nodes[i].next = &nodes[i + 1], other[i].next = &other[i + 1];
    CHECK_EQ(hob_model_encode(node, &nodes[0], &text, &n, .indent = 1), 0);
    CHECK_EQ(hob_model_decode(node, &back, text, n, &memory), 0);
    CHECK_EQ(hob_model_equal(node, &nodes[0], &back), 1);
    hob_json_text_free(text);
    CHECK_EQ(hob_model_validate(node, &nodes[0], &memory, NULL), 0);
    other[1023].v = 1;
    CHECK_EQ(hob_model_equal(node, &nodes[0], &other[0]), 0);
    nodes[1023].next = &nodes[1024];
    CHECK_EQ(hob_model_encode(node, &nodes[0], &text, &n), HOB_E_LIMIT);
    CHECK_EQ(hob_model_validate(node, &nodes[0], &memory, NULL), HOB_E_LIMIT);
    nodes[5].next = &nodes[5];
    CHECK_EQ(hob_model_encode(node, &nodes[0], &text, &n), HOB_E_LIMIT);
    CHECK_EQ(hob_model_equal(node, &nodes[0], &nodes[0]), HOB_E_LIMIT);
    n = hob_model_format(node, &nodes[0], buf, sizeof buf);
    CHECK(n > 5000 && strlen(buf) == 99);
    hob_arena_free(&memory);
    return 0;
}
HOB_TASK(deep_values)
TEST(deep) { CHECK_EQ(hob_run(deep_values), 0); }

/* ---- checking ---- */

struct account {
    int id;
    char *email, *password;
    char **tags;
    size_t ntags;
    struct part part, *parts;
    size_t nparts;
    double *score;
};
static const char *weight_of_one(const void *value) {
    return ((const struct part *)value)->weight == 1 ? NULL : "does not weigh 1";
}
static const char *id_and_tags(const void *whole) {
    const struct account *a = whole;
    return (size_t)a->id > a->ntags ? NULL : "more tags than the id allows";
}
HOB_MODEL(account, struct account, HOB_FIELD(id, HOB_MIN(1)), HOB_FIELD(email, .format = "email"),
          HOB_FIELD(password, .optional = true, .secret = true, .min_length = 8),
          HOB_ARRAY(tags, ntags, .optional = true, .min_length = 1, .max_items = 3, .unique = true),
          HOB_NESTED(part, part, .optional = true, .check = weight_of_one),
          HOB_NESTED_ARRAY(parts, nparts, part, .optional = true, .secret = true),
          HOB_FIELD(score, HOB_BELOW(1)), HOB_CHECK(id_and_tags))

TEST(checked) {
    HOB_ARENA(a);
    char *tags[] = {(char *)"a", (char *)"", (char *)"a", (char *)"b"};
    double score = 1;
    struct account v = {.id = 1, .email = (char *)"a@b"};
    CHECK_EQ(hob_model_validate(account, &v, &a, &wrong), 0);
    CHECK_EQ(wrong.count, 0);
    v = (struct account){.email = (char *)"a@",
                         .password = (char *)"short",
                         .tags = tags,
                         .ntags = 3,
                         .part = {NULL, 2},
                         .score = &score};
    CHECK_EQ(hob_model_validate(account, &v, &a, &wrong), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 8);
    HAS("/id", "expected at least 1, found 0");
    HAS("/email", "expected the format email");
    HAS("/password", "expected at least 8 characters, found 5");
    HAS("/tags/1", "expected at least 1 characters");
    HAS("/tags/2", "an item is there twice");
    HAS("/part/name", "is missing");
    HAS("/part", "does not weigh 1");
    HAS("/score", "expected less than 1, found 1");
    CHECK_EQ(wrong.items[0].line, 0);
    CHECK_HAS(hob_error()->message, "/id: expected at least 1, found 0 (and 7 more)");
    tags[1] = (char *)"c", tags[2] = (char *)"d";
    v = (struct account){.id = 3, .email = (char *)"a@b", .tags = tags, .ntags = 4};
    CHECK_EQ(hob_model_validate(account, &v, &a, &wrong), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("/tags", "expected at most 3 items, found 4");
    v.ntags = 3;
    CHECK_EQ(hob_model_validate(account, &v, &a, NULL), HOB_E_MODEL);
    CHECK_HAS(hob_error()->message, "the whole: more tags than the id allows");
}

TEST(the_same) {
    struct all v, w;
    struct part other;
    CHECK_EQ(DECODE(all, &v, ALL_TEXT), 0);
    w = v;
    other = *v.other;
    w.other = &other;
    CHECK_EQ(hob_model_equal(all, &v, &w), 1);
    other.weight++;
    CHECK_EQ(hob_model_equal(all, &v, &w), 0);
    w = v;
    w.d = -0.0, v.d = 0.0;
    CHECK_EQ(hob_model_equal(all, &v, &w), 1);
    w.note_is = HOB_ABSENT;
    CHECK_EQ(hob_model_equal(all, &v, &w), 0);
    w = v;
    w.ntags = 1;
    CHECK_EQ(hob_model_equal(all, &v, &w), 0);
    w = v;
    w.maybe = NULL;
    CHECK_EQ(hob_model_equal(all, &v, &w), 0);
    w = v;
    w.chars[0] = 'x';
    CHECK_EQ(hob_model_equal(all, &v, &w), 0);
    w = v;
    w.string = NULL;
    CHECK_EQ(hob_model_equal(all, &v, &w), 0);
    CHECK_EQ(hob_model_equal(all, &w, &w), 1);
}

TEST(shown) {
    char buf[2000];
    struct account v = {.id = 7,
                        .email = (char *)"a\"\n\xFF\xC3\xA4",
                        .password = (char *)"secret",
                        .parts = &(struct part){(char *)"hidden", 1},
                        .nparts = 1,
                        .part = {NULL, 2},
                        .score = &(double){0.1}};
    const char wanted[] = "account{id: 7, email: \"a\\\"\\n\\xff\xC3\xA4\", password: ***, "
                          "part: {name: null, weight: 2}, parts: ***, score: 0.10000000000000001}";
    CHECK_EQ(hob_model_format(account, &v, buf, sizeof buf), sizeof wanted - 1);
    CHECK_STR(buf, wanted);
    for (size_t room = 0; room < sizeof wanted; room++) {
        memset(buf, 'x', sizeof buf);
        CHECK_EQ(hob_model_format(account, &v, buf, room), sizeof wanted - 1);
        if (room == 0) continue;
        CHECK_EQ(strlen(buf), room - 1);
        CHECK(memcmp(buf, wanted, room - 1) == 0 && buf[room] == 'x');
    }
    struct all all;
    CHECK_EQ(DECODE(all, &all, ALL_TEXT), 0);
    all.time.us = INT64_MAX;
    all.color = (enum color)9;
    all.d = NAN;
    hob_model_format(all, &all, buf, sizeof buf);
    CHECK_HAS(buf, "d: nan, ");
    CHECK_HAS(buf, "bytes: <000102ff>, time: 9223372036854775807 us, uuid: 00112233-");
    CHECK_HAS(buf, "raw: {\"x\":[1,null]}, color: 9, maybe: 5, when: 1970-01-01T00:00:01Z");
    CHECK_HAS(buf, "two: [{name: \"t\", weight: 3}, {name");
    CHECK_HAS(buf, "note: null, size: 3}");
}

TEST(nth_allocation_fails) {
    struct all v;
    char *text;
    static struct node nodes[100];
    for (int i = 0; i < 99; i++) nodes[i].next = &nodes[i + 1];
    CHECK_EQ(DECODE(all, &v, ALL_TEXT), 0);
    CHECK_EQ(hob_model_validate(node, &nodes[0], &memory, NULL), 0);
    hob_fail(-EINVAL, "there is a record from here on");
    long live = hob__alloc_live(), tries = 0;
    for (int rc = -1; rc < 0; tries++) {
        hob__alloc_fail_at(tries + 1);
        rc = hob_model_encode(all, &v, &text, NULL);
        if (rc == 0) hob_json_text_free(text);
        if (rc == 0 && (rc = hob_model_encode(node, &nodes[0], &text, NULL)) == 0)
            hob_json_text_free(text);
        if (rc == 0) rc = hob_model_equal(node, &nodes[0], &nodes[0]) - 1;
        if (rc == 0) rc = hob_model_validate(node, &nodes[0], &memory, &wrong);
        if (rc < 0) CHECK(rc == -ENOMEM || rc == -ENOMEM - 1);
        hob__alloc_fail_at(0);
        CHECK_EQ(hob__alloc_live(), live);
    }
    CHECK(tries > 5);
}

TEST_MAIN()
