/* model_test.c - JSON straight into structs: every type of field, what is missing, null, of another
 * type or out of range, what is there twice or unknown; problems with their paths and places; texts
 * that are no JSON; memory. */
#include "model_test.h"

#include "base/memory.h"

static struct hob_problems wrong;
static struct hob_arena memory;

/* The text lies at an unreadable page; `memory` is as it was before. */
#define DECODE(model, out, text, ...)                                                              \
    decode_at_edge_##model(out, text, strlen(text),                                                \
                           (struct hob_decode_options){.problems = &wrong, __VA_ARGS__})
#define DECODER(model, type)                                                                       \
    __attribute__((unused)) static int decode_at_edge_##model(                                     \
        type *out, const char *text, size_t n, struct hob_decode_options o) {                      \
        struct edge e = edge_begin(text, n);                                                       \
        hob_arena_reset(&memory);                                                                  \
        memset(out, 0xA5, sizeof *out);                                                            \
        int rc = hob_model_decode_with(&model##_model, out, e.at, n, &memory, o);                  \
        edge_end(&e);                                                                              \
        return rc;                                                                                 \
    }
DECODER(all, struct all)
DECODER(part, struct part)

TEST(every_type) {
    struct all v;
    CHECK_EQ(DECODE(all, &v, ALL_TEXT), 0);
    CHECK(v.flag && v.i8 == -128 && v.i16 == -32768 && v.i32 == INT32_MIN && v.i64 == INT64_MIN);
    CHECK(v.u8 == 255 && v.u16 == 65535 && v.u32 == UINT32_MAX && v.u64 == UINT64_MAX);
    CHECK(v.f == 0.5f && v.d == -1.5e300);
    CHECK_STR(v.string, "a\xC3\xA4\n");
    CHECK_STR(v.constant, "c");
    CHECK_STR(v.chars, "1234567");
    CHECK_EQ(v.slice.size, 3);
    CHECK(memcmp(v.slice.at, "a\0b", 4) == 0);
    CHECK_EQ(v.bytes.size, 4);
    CHECK(memcmp(v.bytes.at, "\0\1\2\xFF", 4) == 0);
    CHECK_EQ(v.time.us, INT64_C(1769860800250000));
    for (int i = 0; i < 16; i++) CHECK_EQ(v.uuid.bytes[i], i * 0x11);
    CHECK_STR(v.raw.at, "{\"x\":[1,null]}");
    CHECK_EQ(v.raw.size, 14);
    CHECK_EQ(v.color, GREEN);
    CHECK_EQ(*v.maybe, 5);
    CHECK_EQ(v.when->us, 1000000);
    CHECK_STR(v.part.name, "p");
    CHECK_STR(v.other->name, "o");
    CHECK_EQ(v.other->weight, 2);
    CHECK_STR(v.two[1].name, "u");
    CHECK_EQ(v.nparts, 1);
    CHECK_EQ(v.parts[0].weight, 5);
    CHECK_EQ(v.nsome, 1);
    CHECK_EQ(v.some[0].weight, 6);
    CHECK_EQ(v.some[1].weight, 0);
    CHECK(v.point[0] == 1 && v.point[1] == 2.5 && v.point[2] == -3);
    CHECK_EQ(v.ntags, 2);
    CHECK_STR(v.tags[0], "x");
    CHECK_STR(v.tags[1], "");
    CHECK_STR(v.pair[1], "r");
    CHECK_EQ(v.nfew, 2);
    CHECK_EQ(v.few[1], 2);
    CHECK_EQ(v.npalette, 2);
    CHECK_EQ(v.palette[1], BLUE);
    CHECK_EQ(v.note_is, HOB_NULL);
    CHECK(v.note == NULL && v.has_size && v.size == 3);
    CHECK_EQ(wrong.count, 0);
    hob_arena_free(&memory);
}

TEST(in_any_order_and_with_any_white_space) {
    struct part p;
    CHECK_EQ(
        DECODE(part, &p,
               " {\r\n\t\"weight\" : 3 ,\n \"unknown\" : [ { \"a\" : [ ] } , -1e5 , \"\\\"\" ],"
               "                                        \"name\"\n:\n\"n\" } \n"),
        0);
    CHECK_STR(p.name, "n");
    CHECK_EQ(p.weight, 3);
    CHECK_EQ(DECODE(part, &p, "{\"\\u0077eight\":4,\"n\\u0061me\":\"escaped\"}"), 0);
    CHECK_STR(p.name, "escaped");
    CHECK_EQ(p.weight, 4);
    CHECK_EQ(
        DECODE(part, &p, "{\"nam\":1,\"names\":2,\"name\":\"n\",\"\":3,\"weigh\":5,\"weight\":6}"),
        0);
    CHECK_EQ(p.weight, 6);
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
DECODER(opt, struct opt)

TEST(absent_and_null) {
    struct opt v;
    CHECK_EQ(DECODE(opt, &v, "{}"), 0);
    CHECK(!v.a && !v.b && !v.c && !v.list && v.n == 0 && v.d == 0 && !v.e.name);
    CHECK_EQ(v.a_is, HOB_ABSENT);
    CHECK_EQ(v.d_is, HOB_ABSENT);
    CHECK_EQ(
        DECODE(opt, &v, "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"list\":null,\"e\":null}"),
        0);
    CHECK(!v.a && !v.b && !v.c && !v.list && v.n == 0 && v.d == 0 && !v.e.name);
    CHECK_EQ(v.a_is, HOB_NULL);
    CHECK_EQ(v.d_is, HOB_NULL);
    CHECK_EQ(DECODE(opt, &v, "{\"a\":0,\"d\":0,\"list\":[]}"), 0);
    CHECK(v.a && *v.a == 0 && v.list != NULL && v.n == 0);
    CHECK_EQ(v.a_is, HOB_PRESENT);
    CHECK_EQ(v.d_is, HOB_PRESENT);
    /* null where it may not be */
    struct part p;
    CHECK_EQ(DECODE(part, &p, "{\"name\":null,\"weight\":1}"), HOB_E_MODEL);
    HAS("/name", "expected a string, found null");
    CHECK_EQ(wrong.count, 1);
    CHECK_EQ(DECODE(opt, &v, "{\"list\":[null]}"), HOB_E_MODEL);
    HAS("/list/0", "expected a string, found null");
    CHECK_EQ(DECODE(opt, &v, "{\"a\":nul}"), HOB_E_JSON);
    CHECK_EQ(DECODE(opt, &v, "{\"a\":nulll}"), HOB_E_JSON);
}

TEST(all_that_is_missing) {
    struct all v;
    CHECK_EQ(DECODE(all, &v, "\n {}"), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 29);
    HAS("/flag", "is missing");
    HAS("/const", "is missing");
    HAS("/palette", "is missing");
    CHECK_EQ(wrong.items[0].line, 2);
    CHECK_EQ(wrong.items[0].column, 2);
    CHECK_HAS(hob_error()->message, "line 2, column 2, /flag: is missing (and 28 more)");
    CHECK_EQ(decode_at_edge_all(&v, "\n {}", 4, (struct hob_decode_options){0}), HOB_E_MODEL);
    CHECK_HAS(hob_error()->message, "/flag: is missing (and 28 more)");
}

TEST(wrong_types_with_their_places) {
    struct all v;
    const char *text =
        "{\"flag\":1,\"i8\":\"x\",\n\"d\":true,\"string\":5,\"time\":\"yesterday\",\n"
        "  \"part\":[1,{}],\"tags\":{\"a\":1},\"color\":\"mauve\",\"maybe\":[],\n"
        "\"point\":[1,\"2\",3],\"two\":[{\"name\":\"a\",\"weight\":{}},7],\"uuid\":1,"
        "\"bytes\":\"A===\"}";
    CHECK_EQ(DECODE(all, &v, text), HOB_E_MODEL);
    HAS("/flag", "expected a boolean, found 1");
    HAS("/i8", "expected an integer from -128 to 127, found a string");
    HAS("/d", "expected a number, found a boolean");
    HAS("/string", "expected a string, found 5");
    HAS("/time", "expected a date and time (RFC 3339), found \"yesterday\"");
    HAS("/part", "expected an object, found an array");
    HAS("/tags", "expected an array, found an object");
    HAS("/color", "expected one of \"red\", \"green\", \"blue\", found \"mauve\"");
    HAS("/maybe", "found an array");
    HAS("/point/1", "expected a number, found a string");
    HAS("/two/0/weight", "to 2147483647, found an object");
    HAS("/two/1", "expected an object, found 7");
    HAS("/uuid", "expected a UUID, found 1");
    HAS("/bytes", "expected a string of base64, found \"A===\"");
    HAS("/i64", "is missing");
    for (size_t i = 0; i < wrong.count; i++) {
        if (strcmp(wrong.items[i].path, "/d") == 0) {
            CHECK_EQ(wrong.items[i].line, 2);
            CHECK_EQ(wrong.items[i].column, 5);
        }
        if (strcmp(wrong.items[i].path, "/two/1") == 0) {
            CHECK_EQ(wrong.items[i].line, 4);
            CHECK_EQ(wrong.items[i].column, 51);
        }
    }
    CHECK(v.point[0] == 1 && v.point[1] == 0 && v.point[2] == 3); /* what could be read */
    struct part p;
    CHECK_EQ(DECODE(part, &p, "[]"), HOB_E_MODEL);
    HAS("", "expected an object, found an array");
    CHECK_EQ(DECODE(part, &p, "null"), HOB_E_MODEL);
    HAS("", "expected an object, found null");
    CHECK_EQ(DECODE(part, &p, "{\"name\":\"a\\u0000b\",\"weight\":1}"), HOB_E_MODEL);
    HAS("/name", "a NUL in the string");
    CHECK_EQ(DECODE(part, &p, "{\"name\":{},\"weight\":[[[]]]}"), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 2);
}

/* For each integer: its least and greatest value, and one beyond. */
TEST(ranges_of_integers) {
    static const struct {
        const char *name, *least, *less, *most, *more;
    } all[] = {{"i8", "-128", "-129", "127", "128"},
               {"i16", "-32768", "-32769", "32767", "32768"},
               {"i32", "-2147483648", "-2147483649", "2147483647", "2147483648"},
               {"i64", "-9223372036854775808", "-9223372036854775809", "9223372036854775807",
                "9223372036854775808"},
               {"u8", "0", "-1", "255", "256"},
               {"u16", "0", "-1", "65535", "65536"},
               {"u32", "0", "-1", "4294967295", "4294967296"},
               {"u64", "0", "-1", "18446744073709551615", "18446744073709551616"}};
    struct all v;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *values[] = {all[i].least, all[i].most, all[i].less, all[i].more, "1.5",
                                "1e30",       "2.0",       "1e1",       "-0",        "-0.0"};
        for (size_t k = 0; k < 10; k++) {
            char text[100], path[10];
            snprintf(text, sizeof text, "{\"%s\":%s}", all[i].name, values[k]);
            snprintf(path, sizeof path, "/%s", all[i].name);
            CHECK_EQ(DECODE(all, &v, text), HOB_E_MODEL); /* the others are missing */
            bool refused = false;
            for (size_t j = 0; j < wrong.count; j++)
                refused |= strcmp(wrong.items[j].path, path) == 0;
            if (refused != (k >= 2 && k < 6)) FAIL("%s: %d", text, refused);
        }
    }
    struct part p;
    CHECK_EQ(DECODE(part, &p, "{\"name\":\"\",\"weight\":1e400}"), HOB_E_JSON_RANGE);
    CHECK_EQ(DECODE(part, &p, "{\"name\":\"\",\"weight\":1,\"x\":1e400}"), HOB_E_JSON_RANGE);
    CHECK_EQ(DECODE(part, &p, "{\"name\":\"\",\"weight\":1,\"x\":123456789012345678901234567890}"),
             0);
}

TEST(floats_and_chars) {
    struct all v;
    CHECK_EQ(DECODE(all, &v, "{\"f\":1e39,\"chars\":\"12345678\"}"), HOB_E_MODEL);
    HAS("/f", "expected a number in the range of a float, found 1e39");
    HAS("/chars", "expected at most 7 bytes, found 8");
    CHECK_EQ(DECODE(all, &v, "{\"f\":7,\"d\":18446744073709551615,\"chars\":\"a\\u0000\"}"),
             HOB_E_MODEL);
    CHECK(v.f == 7 && v.d == 18446744073709551615.0);
    HAS("/chars", "a NUL");
}

TEST(arrays_of_fixed_size) {
    struct all v;
    CHECK_EQ(DECODE(all, &v,
                    "{\"point\":[1,2],\"two\":[],\"some\":[{},{},{},{}],\"few\":[1,2,3,4,5],"
                    "\"pair\":[\"a\",\"b\",\"c\"]}"),
             HOB_E_MODEL);
    HAS("/point", "expected 3 items, found 2");
    HAS("/two", "expected 2 items, found 0");
    HAS("/some", "expected at most 3 items, found 4");
    HAS("/few", "expected at most 4 items, found 5");
    HAS("/pair", "expected 2 items, found 3");
    CHECK_EQ(v.nfew, 4);
    CHECK_EQ(v.few[3], 4);
    CHECK_EQ(v.nsome, 3);
}

TEST(unknown_and_twice) {
    struct part p;
    const char *text = "{\"name\":\"a\",\"x/~y\":1,\"weight\":1,\"name\":\"b\"}";
    CHECK_EQ(DECODE(part, &p, text), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("/name", "is there twice");
    CHECK_EQ(DECODE(part, &p, text, .last_wins = true), 0);
    CHECK_STR(p.name, "b");
    CHECK_EQ(DECODE(part, &p, text, .last_wins = true, .refuse_unknown = true), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("/x~1~0y", "is not known");
    struct opt o;
    CHECK_EQ(DECODE(opt, &o, "{\"list\":[\"a\",\"b\"],\"list\":null,\"a\":1,\"a\":null}",
                    .last_wins = true),
             0);
    CHECK(o.n == 0 && o.list == NULL && o.a == NULL && o.a_is == HOB_NULL);
    CHECK_EQ(DECODE(opt, &o, "{\"e\":{\"name\":\"x\",\"weight\":1},\"e\":{\"name\":\"y\"}}",
                    .last_wins = true),
             HOB_E_MODEL);
    HAS("/e/weight", "is missing");
    CHECK_EQ(o.e.weight, 0);
}

TEST(arrays_as_the_whole) {
    HOB_ARENA(a);
    struct part *parts;
    size_t n;
    const char text[] = "[{\"name\":\"a\",\"weight\":1},{\"name\":\"b\",\"weight\":2}]";
    CHECK_EQ(hob_model_decode_array(part, &parts, &n, text, sizeof text - 1, &a), 0);
    CHECK_EQ(n, 2);
    CHECK_STR(parts[1].name, "b");
    CHECK_EQ(hob_model_decode_array(part, &parts, &n, "[]", 2, &a), 0);
    CHECK(n == 0 && parts != NULL);
    CHECK_EQ(hob_model_decode_array(part, &parts, &n, "{}", 2, &a), HOB_E_MODEL);
    CHECK_HAS(hob_error()->message, "the whole: expected an array, found an object");
    CHECK(n == 0 && parts == NULL);
    CHECK_EQ(hob_model_decode_array(part, &parts, &n, "[{}", 3, &a), HOB_E_JSON);
    CHECK(n == 0 && parts == NULL);
}

TEST(many_records_in_one_arena) {
    enum { N = 20000 };
    HOB_ARENA(a);
    char *text = malloc(N * 64), *p = text;
    *p++ = '[';
    for (int i = 0; i < N; i++)
        p += sprintf(p, "%s{\"name\":\"record number %d\",\"weight\":%d}", i ? "," : "", i, i);
    *p++ = ']';
    for (int round = 0; round < 3; round++) {
        struct part *parts;
        size_t n;
        CHECK_EQ(hob_model_decode_array(part, &parts, &n, text, (size_t)(p - text), &a), 0);
        CHECK_EQ(n, N);
        for (int i = 0; i < N; i++) {
            char name[40];
            snprintf(name, sizeof name, "record number %d", i);
            CHECK_STR(parts[i].name, name);
            CHECK_EQ(parts[i].weight, i);
        }
        hob_arena_reset(&a);
    }
    /* and no more memory than allowed */
    struct hob_arena small = {.limit = 100000};
    struct part *parts;
    size_t n;
    CHECK_EQ(hob_model_decode_array(part, &parts, &n, text, (size_t)(p - text), &small), -ENOMEM);
    CHECK(parts == NULL && n == 0);
    hob_arena_free(&small);
    free(text);
}

/* Arrays in arrays, through structs that are nothing but their one field. */
struct point {
    double xy[2];
};
HOB_WRAPPER(point, struct point, HOB_FIELD(xy))
struct line {
    struct point *points;
    size_t n;
};
HOB_WRAPPER(line, struct line, HOB_NESTED_ARRAY(points, n, point, .min_items = 2))
struct shape {
    struct line *lines;
    size_t n;
    struct line outline;
};
HOB_MODEL(shape, struct shape, HOB_NESTED_ARRAY(lines, n, line),
          HOB_NESTED(outline, line, .optional = true))
DECODER(shape, struct shape)

TEST(wrappers) {
    struct shape s;
    CHECK_EQ(DECODE(shape, &s, "{\"lines\":[[[1,2],[3,4]],[[5,6],[7,8],[9,10]]],\"outline\":null}"),
             0);
    CHECK_EQ(s.n, 2);
    CHECK_EQ(s.lines[1].n, 3);
    CHECK(s.lines[1].points[2].xy[1] == 10);
    CHECK_EQ(
        DECODE(shape, &s, "{\"lines\":[[[1,2]],[[5,6],[7,\"8\"],[9]],{}],\"outline\":[1,[2,2]]}"),
        HOB_E_MODEL);
    HAS("/lines/0", "expected at least 2 items, found 1");
    HAS("/lines/1/1/1", "expected a number, found a string");
    HAS("/lines/1/2", "expected 2 items, found 1");
    HAS("/lines/2", "expected an array, found an object");
    HAS("/outline/0", "expected an array, found 1");
}

struct node {
    int v;
    struct node *next, *children;
    size_t n;
};
HOB_MODEL(node, struct node, HOB_FIELD(v, .optional = true), HOB_NESTED(next, node),
          HOB_NESTED_ARRAY(children, n, node, .optional = true))
DECODER(node, struct node)

/* At the depth that is allowed, on a stack of a task's size. */
static int deep_values(void) {
    static char text[200000];
    struct node v;
    for (int depth = 1023; depth <= 1025; depth++) {
        char *p = text;
        for (int i = 0; i < depth; i++) p += sprintf(p, i == depth - 1 ? "{" : "{\"next\":");
        for (int i = 0; i < depth; i++) *p++ = '}';
        *p = 0;
        CHECK_EQ(DECODE(node, &v, text), depth <= 1024 ? 0 : HOB_E_LIMIT);
    }
    for (int depth = 1023; depth <= 1025; depth++) { /* in what nobody knows */
        char *p = text + sprintf(text, "{\"x\":");
        for (int i = 1; i < depth; i++) *p++ = '[';
        for (int i = 1; i < depth; i++) *p++ = ']';
        strcpy(p, "}");
        CHECK_EQ(DECODE(node, &v, text), depth <= 1024 ? 0 : HOB_E_LIMIT);
    }
    CHECK_EQ(DECODE(node, &v, "{\"next\":{\"next\":{}}}", .depth = 3), 0);
    CHECK_EQ(DECODE(node, &v, "{\"next\":{\"next\":{\"x\":[]}}}", .depth = 3), HOB_E_LIMIT);
    CHECK_EQ(DECODE(node, &v, "{}", .depth = 1025), -EINVAL);
    /* a problem at the bottom: its path is cut */
    char *p = text;
    for (int i = 0; i < 1000; i++) p += sprintf(p, "{\"children\":[");
    p += sprintf(p, "true");
    for (int i = 0; i < 1000; i++) p += sprintf(p, "]}");
    CHECK_EQ(DECODE(node, &v, text, .depth = 1024), HOB_E_LIMIT);
    p = text;
    for (int i = 0; i < 500; i++) p += sprintf(p, "{\"children\":[");
    p += sprintf(p, "true");
    for (int i = 0; i < 500; i++) p += sprintf(p, "]}");
    CHECK_EQ(DECODE(node, &v, text), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    CHECK_HAS(wrong.items[0].path, "/children/0/children/0");
    hob_arena_free(&memory);
    return 0;
}
HOB_TASK(deep_values)
TEST(deep) { CHECK_EQ(hob_run(deep_values), 0); }

struct man {
    struct dog *dog;
};
struct dog {
    struct man *master;
    int age;
};
HOB_MODEL_LATER(dog, struct dog)
HOB_MODEL(man, struct man, HOB_NESTED(dog, dog))
HOB_MODEL(dog, struct dog, HOB_NESTED(master, man), HOB_FIELD(age))
DECODER(man, struct man)

TEST(two_that_hold_each_other) {
    struct man m;
    CHECK_EQ(DECODE(man, &m, "{\"dog\":{\"age\":3,\"master\":{\"dog\":{\"age\":4}}}}"), 0);
    CHECK_EQ(m.dog->master->dog->age, 4);
}

TEST(problems_have_a_bound) {
    HOB_ARENA(a);
    static char text[4000] = "[";
    struct part *parts;
    size_t n;
    struct hob_problems p;
    for (int i = 0; i < 150; i++) strcat(text, i ? ",{}" : "{}");
    strcat(text, "]");
    CHECK_EQ(hob_model_decode_array(part, &parts, &n, text, strlen(text), &a, .problems = &p),
             HOB_E_MODEL);
    CHECK_EQ(p.count, HOB_PROBLEMS);
    CHECK_EQ(p.more, 200);
    CHECK_EQ(n, 150);
    CHECK_STR(p.items[99].path, "/49/weight");
    CHECK_HAS(hob_error()->message, "(and 299 more)");
}

/* What is JSON is decided as hob_json_check() does: the text cut everywhere, with every byte
 * changed. */
TEST(what_is_no_json) {
    static const char text[] = ALL_TEXT;
    static const char bytes[] = "\"\\{}[]:, \n\t1-.eE+antfu\x01\x1F\x7F\xC3\x80\xFF";
    size_t n = sizeof text - 1;
    char copy[sizeof text];
    struct all v;
    struct part p;
    for (size_t i = 0; i < n; i++) {
        int rc = decode_at_edge_all(&v, text, i, (struct hob_decode_options){0});
        CHECK_EQ(rc, HOB_E_JSON);
        CHECK_HAS(hob_error()->message, "expected");
        rc = decode_at_edge_part(&p, text, i, (struct hob_decode_options){0});
        CHECK_EQ(rc, HOB_E_JSON);
        CHECK(p.name == NULL && p.weight == 0);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof bytes - 1; k++) {
            memcpy(copy, text, n);
            copy[i] = bytes[k];
            int judged = hob_json_check(copy, n, 0);
            int rc = decode_at_edge_all(&v, copy, n, (struct hob_decode_options){0});
            int other = decode_at_edge_part(&p, copy, n, (struct hob_decode_options){0});
            if (judged == HOB_E_JSON_RANGE) continue; /* integers beyond 64 bits are JSON here */
            if ((rc != 0 && rc != HOB_E_MODEL ? rc : 0) != judged ||
                (other != HOB_E_MODEL ? other : 0) != judged)
                FAIL("byte %zu as %02x: %d, %d, %d\n%s", i, (uint8_t)bytes[k], judged, rc, other,
                     copy);
        }
}

TEST(nth_allocation_fails) {
    struct all v;
    struct node deep;
    static char text[20000];
    char *p = text;
    for (int i = 0; i < 100; i++) p += sprintf(p, "{\"children\":[");
    for (int i = 0; i < 100; i++) p += sprintf(p, "]}");
    struct hob_arena a = {0};
    CHECK_EQ(hob_model_decode(all, &v, ALL_TEXT, strlen(ALL_TEXT), &a), 0); /* the plans */
    hob_arena_free(&a);
    long live = hob__alloc_live(), tries = 0;
    for (int rc = -1; rc < 0; tries++) {
        struct hob_problems problems;
        hob__alloc_fail_at(tries + 1);
        rc = hob_model_decode(all, &v, ALL_TEXT, strlen(ALL_TEXT), &a);
        if (rc == 0) rc = hob_model_decode(node, &deep, text, strlen(text), &a);
        if (rc == 0)
            rc = hob_model_decode(part, &v.part, "{}", 2, &a, .problems = &problems) +
                 (HOB_E_MODEL == -ENOMEM);
        if (rc == HOB_E_MODEL) rc = 0;
        if (rc < 0) CHECK_EQ(rc, -ENOMEM);
        hob__alloc_fail_at(0);
        hob_arena_free(&a);
    }
    CHECK(tries > 3);
    CHECK(hob__alloc_live() - live <= 1); /* the plan of node */
}

TEST(arenas) {
    struct hob_arena a = {0};
    char *p = hob_arena_copy(&a, "abc", 3);
    CHECK_STR(p, "abc");
    for (size_t n = 0; n < 100000; n = n * 2 + 1) {
        char *q = hob_arena_alloc(&a, n);
        CHECK((uintptr_t)q % 16 == 0);
        memset(q, 1, n);
    }
    CHECK_STR(p, "abc");
    hob_arena_reset(&a);
    size_t held = a.held;
    p = hob_arena_alloc(&a, 1000);
    CHECK(p != NULL && a.held == held); /* memory that was there */
    CHECK(hob_arena_alloc(&a, SIZE_MAX) == NULL);
    CHECK(hob_arena_copy(&a, "", SIZE_MAX) == NULL);
    hob_arena_free(&a);
    a.limit = 10000;
    CHECK(hob_arena_alloc(&a, 9000) != NULL);
    CHECK(hob_arena_alloc(&a, 9000) == NULL);
    hob_arena_free(&a);
    CHECK_EQ(a.limit, 10000);
    CHECK(hob_arena_alloc(&a, 9000) != NULL);
    hob_arena_free(&a);
    hob_arena_free(&a);
}

TEST_MAIN()
