/* model_check_test.c - what is right for a field: bounds, lengths, patterns, formats, items,
 * functions; all that is wrong is said at once. */
#include "model_test.h"

#include "data/model/model.h"

static struct hob_problems wrong;
static struct hob_arena memory;

#define DECODE(model, out, text)                                                                   \
    (hob_arena_reset(&memory),                                                                     \
     hob_model_decode(model, out, text, strlen(text), &memory, .problems = &wrong))

struct numbers {
    int a, b;
    uint64_t big;
    int64_t exact, third;
    double d, open, step;
    float f;
};
HOB_MODEL(numbers, struct numbers, HOB_FIELD(a, HOB_MIN(1), HOB_MAX(10)),
          HOB_FIELD(b, HOB_ABOVE(-0.5), HOB_BELOW(2.5)),
          HOB_FIELD(big, HOB_MAX(18446744073709551614.0)),
          HOB_FIELD(exact, HOB_MAX(9007199254740993)), HOB_FIELD(third, .multiple_of = 3),
          HOB_FIELD(d, HOB_MIN(0.25)), HOB_FIELD(open, HOB_ABOVE(0), HOB_BELOW(1)),
          HOB_FIELD(step, .multiple_of = 0.1), HOB_FIELD(f, HOB_MAX(INT64_MAX)))

TEST(bounds_of_numbers) {
    struct numbers n;
    CHECK_EQ(DECODE(numbers, &n,
                    "{\"a\":1,\"b\":0,\"big\":18446744073709549568,\"exact\":9007199254740993,"
                    "\"third\":-6,\"d\":0.25,\"open\":0.5,\"step\":0.3,\"f\":1}"),
             0);
    CHECK_EQ(DECODE(numbers, &n,
                    "{\"a\":10,\"b\":2,\"big\":0,\"exact\":-9223372036854775808,\"third\":0,"
                    "\"d\":1e300,\"open\":0.001,\"step\":7.7,\"f\":9e18}"),
             0);
    CHECK_EQ(
        DECODE(numbers, &n,
               "{\"a\":0,\"b\":-1,\"big\":5,\"exact\":9007199254740994,\"third\":4,\"d\":0.2499,"
               "\"open\":0,\"step\":0.35,\"f\":1e19}"),
        HOB_E_MODEL);
    CHECK_EQ(wrong.count, 8);
    HAS("/a", "expected at least 1, found 0");
    HAS("/b", "expected more than -0.5, found -1");
    HAS("/exact", "expected at most 9007199254740993, found 9007199254740994");
    HAS("/third", "expected a multiple of 3, found 4");
    HAS("/d", "expected at least 0.25, found 0.2499");
    HAS("/open", "expected more than 0, found 0");
    HAS("/step", "expected a multiple of 0.1, found 0.35");
    HAS("/f", "expected at most ");
    CHECK_EQ(DECODE(numbers, &n,
                    "{\"a\":11,\"b\":3,\"big\":1,\"exact\":1,\"third\":3,\"d\":1,\"open\":1,"
                    "\"step\":1,\"f\":0}"),
             HOB_E_MODEL);
    CHECK_EQ(wrong.count, 3);
    HAS("/a", "expected at most 10, found 11");
    HAS("/b", "expected less than 2.5, found 3");
    HAS("/open", "expected less than 1, found 1");
}

static const char *is_even(const void *value) { return *(const int *)value % 2 ? "is odd" : NULL; }
static const char *no_digits(const void *value) {
    return strpbrk(*(char *const *)value, "0123456789") ? "has digits" : NULL;
}
struct texts {
    char *name, chars[10], *sure;
    struct hob_slice slice;
    struct hob_bytes bytes;
    int *even;
};
static const char *same_length(const void *whole) {
    const struct texts *t = whole;
    return strlen(t->name) == strlen(t->chars) ? NULL : "name and chars differ in length";
}
HOB_MODEL(texts, struct texts, HOB_FIELD(name, .min_length = 2, .max_length = 4),
          HOB_FIELD(chars, .min_length = 1), HOB_FIELD(sure, .optional = true, .check = no_digits),
          HOB_FIELD(slice, .optional = true, .max_length = 3),
          HOB_FIELD(bytes, .optional = true, .max_length = 2), HOB_FIELD(even, .check = is_even),
          HOB_CHECK(same_length))

TEST(texts_and_functions) {
    struct texts t;
    CHECK_EQ(
        DECODE(texts, &t, "{\"name\":\"\xC3\xA4\xC3\xB6\",\"chars\":\"abcd\",\"bytes\":\"AAA=\"}"),
        0);
    CHECK_EQ(DECODE(texts, &t, "{\"name\":\"ab\",\"chars\":\"a\"}"), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("", "name and chars differ in length");
    CHECK_EQ(DECODE(texts, &t,
                    "{\"name\":\"\xC3\xA4\",\"chars\":\"\",\"sure\":\"a1\",\"slice\":\"abcd\","
                    "\"bytes\":\"AAAA\",\"even\":3}"),
             HOB_E_MODEL);
    CHECK_EQ(wrong.count, 6); /* the whole is not looked at then */
    HAS("/name", "expected at least 2 characters, found 1");
    HAS("/chars", "expected at least 1 characters, found 0");
    HAS("/sure", "has digits");
    HAS("/slice", "expected at most 3 characters, found 4");
    HAS("/bytes", "expected at most 2 bytes, found 3");
    HAS("/even", "is odd");
    CHECK_EQ(
        DECODE(texts, &t, "{\"name\":\"12345\",\"chars\":\"12345\",\"sure\":null,\"even\":null}"),
        HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("/name", "expected at most 4 characters, found 5");
}

struct lists {
    int *a, b[30];
    size_t na, nb;
    char **names;
    size_t nnames;
    struct part *parts;
    size_t nparts;
};
HOB_MODEL(lists, struct lists,
          HOB_ARRAY(a, na, HOB_MIN(0), .min_items = 1, .max_items = 3, .unique = true),
          HOB_ARRAY(b, nb, .optional = true, .unique = true),
          HOB_ARRAY(names, nnames, .optional = true, .min_length = 1, .unique = true),
          HOB_NESTED_ARRAY(parts, nparts, part, .optional = true, .max_items = 1))

TEST(items) {
    struct lists l;
    CHECK_EQ(DECODE(lists, &l, "{\"a\":[1,2,3],\"names\":[\"a\",\"b\",\"ab\"]}"), 0);
    CHECK_EQ(DECODE(lists, &l, "{\"a\":[]}"), HOB_E_MODEL);
    HAS("/a", "expected at least 1 items, found 0");
    CHECK_EQ(DECODE(lists, &l,
                    "{\"a\":[1,-2,3,4,5],\"names\":[\"a\",\"\",\"a\",\"\"],\"parts\":["
                    "{\"name\":\"a\",\"weight\":1},{\"oh\":[1]}]}"),
             HOB_E_MODEL);
    CHECK_EQ(wrong.count, 6);
    HAS("/a", "expected at most 3 items, found 5");
    HAS("/a/1", "expected at least 0, found -2");
    HAS("/names/1", "expected at least 1 characters, found 0");
    HAS("/names/2", "an item is there twice");
    HAS("/parts", "expected at most 1 items, found 2");
    CHECK_EQ(l.na, 3);
    CHECK_EQ(l.nparts, 1);
    CHECK_EQ(DECODE(lists, &l,
                    "{\"a\":[1],\"b\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,5,3]}"),
             HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("/b/19", "an item is there twice");
}

/* Each format: what it takes, then what it does not. */
static void formats(const char *name, const char *const *right, const char *const *wrongs) {
    enum hob__format f = hob__format_named(name);
    CHECK(f != HOB__NO_FORMAT);
    for (; *right; right++)
        if (!hob__format_right(f, *right, strlen(*right))) FAIL("%s refuses %s", name, *right);
    for (; *wrongs; wrongs++)
        if (hob__format_right(f, *wrongs, strlen(*wrongs))) FAIL("%s takes %s", name, *wrongs);
    CHECK(!hob__format_right(f, "1\0", 2));
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(formats_of_strings) {
    formats("email", LIST("a@b", "ada.l@example.org", "x+y_z@a-b.co", "!#$%@1.2"),
            LIST("", "@", "a@", "@b", "a", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b_c", "a@-b",
                 "a@b.", "\xC3\xA4@b", "a@b@",
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b"));
    formats("uri",
            LIST("http://a", "urn:x:y", "a+b-c.1:/x", "http://[::1]:80/a?b#c", "mailto:a@b",
                 "x:%41", "http://a/%C3%A4"),
            LIST("", ":", "a", "/x", "//a/b", "1a:b", "http://a b", "x:%4", "x:%zz", "x:#a#b",
                 "x:[a]", "http://a/[b]", "x:\xC3\xA4", "x:<y>"));
    formats("date-time",
            LIST("2026-01-31T12:00:00Z", "1985-04-12t23:20:50.52z", "1996-12-19T16:39:57-08:00",
                 "1990-12-31T23:59:60Z", "1990-12-31T15:59:60-08:00", "0000-02-29T00:00:00+23:59"),
            LIST("", "2026-01-31", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00",
                 "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
                 "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z",
                 "2026-01-31T12:00:60Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+24:00",
                 "2026-01-31T12:00:00+0100", "2026-01-31T12:00:00Z ", "20x6-01-31T12:00:00Z",
                 "2:26-01-31T12:00:00Z", "2026-0/-31T12:00:00Z", "2026-01-3:T12:00:00Z",
                 "2026-01-31T1:00:000Z", "2026-01-31T12:0x:00Z", "2026-01-31T12:00:0-Z",
                 "2026-02-30T12:00:00Z", "2026-1-31T12:00:00Z", "+026-01-31T12:00:00Z"));
    formats("date", LIST("2024-02-29", "2000-02-29", "9999-12-31"),
            LIST("", "2023-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "2024-1-1",
                 "2024-01-01T"));
    formats("time", LIST("12:00:00Z", "23:59:60Z", "00:00:00.000001+01:30"),
            LIST("", "12:00:00", "12:00Z", "25:00:00Z", "12:00:60Z"));
    formats("uuid", LIST("00112233-4455-6677-8899-aAbBcCdDeEfF"),
            LIST("", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeef",
                 "00112233-4455-6677-8899-aabbccddeefg", "00112233-4455-6677-8899_aabbccddeeff"));
    formats("ipv4", LIST("0.0.0.0", "255.255.255.255"),
            LIST("", "1.2.3", "256.1.1.1", "1.2.3.4.5", "1.2.3.4 ", "::1"));
    formats("ipv6", LIST("::", "::1", "2001:db8::1", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8"),
            LIST("", ":", "1:2:3:4:5:6:7", "1::2::3", "g::", "::1%eth0", "1.2.3.4",
                 "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"));
    formats("hostname", LIST("a", "example.org", "a-b.c1", "1.2"),
            LIST("", ".", "a.", ".a", "a..b", "-a", "a-", "a-.b", "a_b", "a b", "\xC3\xA4",
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    CHECK_EQ(hob__format_named("phone"), HOB__NO_FORMAT);
}

/* Points in time, there and back, over all years; and those that have no text. */
TEST(times) {
    char text[HOB__SCALAR_ROOM];
    for (int64_t day = -719528; day <= 2932896; day += 13) {
        struct hob_time t = {day * INT64_C(86400000000) + (day & 0xFFFFF) * 82345}, back;
        if ((day & 0xFFFFF) * 82345 >= INT64_C(86400000000)) t.us = day * INT64_C(86400000000);
        size_t n = hob__time_write(t, text);
        CHECK(n >= 20 && n <= 27);
        CHECK(hob__time_read(text, n, &back));
        CHECK_EQ(back.us, t.us);
    }
    static const struct {
        int64_t us;
        const char *text;
    } some[] = {{0, "1970-01-01T00:00:00Z"},
                {-1, "1969-12-31T23:59:59.999999Z"},
                {INT64_C(951782400000000), "2000-02-29T00:00:00Z"},
                {INT64_C(-62167219200000000), "0000-01-01T00:00:00Z"},
                {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
                {1500, "1970-01-01T00:00:00.001500Z"},
                {5000, "1970-01-01T00:00:00.005Z"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        text[hob__time_write((struct hob_time){some[i].us}, text)] = 0;
        CHECK_STR(text, some[i].text);
    }
    CHECK_EQ(hob__time_write((struct hob_time){INT64_C(-62167219200000001)}, text), 0);
    CHECK_EQ(hob__time_write((struct hob_time){INT64_C(253402300800000000)}, text), 0);
    CHECK_EQ(hob__time_write((struct hob_time){INT64_MIN}, text), 0);
    struct hob_time t;
    CHECK(hob__time_read("1970-01-01T01:00:00.1234567+01:00", 33, &t));
    CHECK_EQ(t.us, 123456);
    CHECK(hob__time_read("1990-12-31T23:59:60Z", 20, &t));
    CHECK_EQ(t.us, INT64_C(662688000000000));
}

TEST(base64) {
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xFF\xFE\xFB", "//77"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[20] = "";
        uint8_t bytes[20] = "";
        size_t n;
        hob__base64_write((const uint8_t *)pairs[i][0], strlen(pairs[i][0]), text);
        CHECK_STR(text, pairs[i][1]);
        CHECK(hob__base64_read(text, strlen(text), bytes, &n));
        CHECK_EQ(n, strlen(pairs[i][0]));
        CHECK(memcmp(bytes, pairs[i][0], n) == 0);
    }
    static const char *const wrongs[] = {
        "Z",        "Zg",     "Zg=",  "Z===", "====", "Zh==", "Zm9=",
        "Zg==Zg==", "Zm9v\n", "Z=g=", "Zm-v", "Zm_v", "=Zg="};
    uint8_t bytes[20];
    size_t n;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++)
        if (hob__base64_read(wrongs[i], strlen(wrongs[i]), bytes, &n)) FAIL("takes %s", wrongs[i]);
}

/* ---- what cannot be seen before the model is used ---- */

HOB_MODEL(phone, struct part, HOB_FIELD(name, .format = "phone"), HOB_FIELD(weight))
HOB_MODEL(double_name, struct part, HOB_FIELD(name), HOB_FIELD(weight, .name = "name"))
HOB_MODEL(quoted, struct part, HOB_FIELD(name, .name = "a\"b"), HOB_FIELD(weight))
HOB_MODEL(latin1, struct part, HOB_FIELD(name, .name = "\xE4"), HOB_FIELD(weight))

TEST(models_that_cannot_be_right) {
    struct part p;
    CHECK_DIES(hob_model_decode(part, &p, "{}", 2, NULL), "the arena is NULL");
    CHECK_DIES(DECODE(phone, &p, "{}"), "phone, field 'name': there is no format 'phone'");
    CHECK_DIES(DECODE(double_name, &p, "{}"), "field 'name': there are two of that name");
    CHECK_DIES(DECODE(quoted, &p, "{}"), "a name that JSON would have to escape");
    CHECK_DIES(DECODE(latin1, &p, "{}"), "the name is not UTF-8");
}

TEST_MAIN()
