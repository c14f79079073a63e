/* json_test.c - JSON texts to trees: the grammar of RFC 8259, production by production and byte by
 * byte, through the fast parser and through the judge that names its mistakes. */
#include "any.h"
#include "test.h"
#include <hob/error.h>
#include <hob/json.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "data/write.h"

static char why[600];

/* Parsed in both ways and judged; all three must agree. The text ends at an unreadable page. */
static int parse_n(const char *text, size_t n, struct hob_json_options o,
                   struct hob_json_doc **doc) {
    size_t page = 4096, room = (n + page) / page * page + page;
    char *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    CHECK_EQ(mprotect(map + room, page, PROT_NONE), 0);
    char *at = map + room - n;
    memcpy(at, text, n);
    CHECK_EQ(mprotect(map, room, PROT_READ), 0);

    int rc = hob_json_parse_with(at, n, o, doc);
    why[0] = 0;
    if (rc < 0) snprintf(why, sizeof why, "%s", hob_error() ? hob_error()->message : "");
    struct hob_json_doc *borrowed;
    o.borrow = true;
    CHECK_EQ(hob_json_parse_with(at, n, o, &borrowed), rc);
    if (rc == 0) { /* both trees say the same */
        char *a, *b;
        CHECK_EQ(hob_json_write(hob_json_root(*doc), &a, NULL), 0);
        CHECK_EQ(hob_json_write(hob_json_root(borrowed), &b, NULL), 0);
        CHECK_STR(a, b);
        hob_json_text_free(a);
        hob_json_text_free(b);
    }
    hob_json_free(borrowed);
    if (o.duplicates != HOB_JSON_REJECT && !o.big_double)
        CHECK_EQ(hob_json_check(at, n, o.depth), rc);
    munmap(map, room + page);
    return rc;
}

static int parse(const char *text, size_t n) {
    struct hob_json_doc *doc;
    int rc = parse_n(text, n, (struct hob_json_options){0}, &doc);
    hob_json_free(doc);
    return rc;
}

#define ACCEPTS(text) CHECK_EQ(parse(text, sizeof text - 1), 0)
#define REFUSES(text, words)                                                                       \
    do {                                                                                           \
        CHECK_EQ(parse(text, sizeof text - 1), HOB_E_JSON);                                        \
        CHECK_HAS(why, words);                                                                     \
    } while (0)

/* What the text is once it is read and written again, in every way that there is. */
static void same(const char *text, const char *wanted) {
    struct hob_json_doc *doc;
    char *out;
    size_t n;
    bool ascii = true;
    for (const char *p = wanted; *p; p++) ascii &= (uint8_t)*p < 0x80;
    CHECK_EQ(parse_n(text, strlen(text), (struct hob_json_options){0}, &doc), 0);
    CHECK_EQ(hob_json_write(hob_json_root(doc), &out, &n), 0);
    CHECK_STR(out, wanted);
    CHECK_EQ(n, strlen(out));
    hob_json_text_free(out);
    const struct hob__json_way *way;
    for (size_t i = 0; (way = hob__json_way_at(i)); i++) {
        struct hob__json_writer w = {0};
        CHECK_EQ(way->write(hob_json_root(doc), &w), 0);
        CHECK_EQ(w.size, n);
        CHECK(memcmp(w.text, wanted, n) == 0);
        hob_json_text_free(w.text);
    }
    if (ascii) { /* by the writer for all options */
        CHECK_EQ(hob_json_write(hob_json_root(doc), &out, &n, .ascii = true), 0);
        CHECK_STR(out, wanted);
        hob_json_text_free(out);
    }
    hob_json_free(doc);
}

/* Strings are copied in pieces, which write over what comes behind them. */
TEST(strings_of_every_length_beside_everything) {
    static char text[8000], x[700];
    memset(x, 'x', sizeof x);
    for (int n = 0; n < 600; n++) {
        snprintf(text, sizeof text,
                 "{\"%.*s\":\"%.*s\",\"%.*s\":-%d,\"%.*s\":%d.5,\"%.*s\":[],\"%.*s\":{},\"%.*s\":["
                 "\"%.*s\",null,\"%.*s\",[[\"%.*s\"]],\"%.*s\"],\"%.*s\":{\"\":\"%.*s\"}}",
                 n, x, n, x, n, x, n + 1, n, x, n, n, x, n, x, n, x, n, x, n, x, n, x, n, x, n, x,
                 n, x);
        same(text, text);
    }
}

TEST(values_of_every_kind) {
    same("null", "null");
    same(" true\t", "true");
    same("\r\n false \n", "false");
    same("0", "0");
    same("-1", "-1");
    same("\"\"", "\"\"");
    same("[]", "[]");
    same("{}", "{}");
    same("[ 1 , \"a\" , null , [ ] , { } ]", "[1,\"a\",null,[],{}]");
    same("{ \"a\" : { \"b\" : [ 1 , { \"c\" : 2 } ] } , \"d\" : 3 }",
         "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":3}");
}

TEST(texts_that_are_none) {
    REFUSES("", "line 1, column 1 (byte 0): expected a value, found the end of the text");
    REFUSES("  ", "expected a value, found the end of the text");
    REFUSES("[", "expected a value");
    REFUSES("]", "expected a value, found ']'");
    REFUSES("[1", "expected ',' or ']', found the end of the text");
    REFUSES("[1,", "expected a value");
    REFUSES("[1,]", "expected a value, found ']'");
    REFUSES("[,1]", "expected a value, found ','");
    REFUSES("[1 2]", "expected ',' or ']', found '2'");
    REFUSES("[1}", "expected ',' or ']', found '}'");
    REFUSES("{", "expected a name in quotes");
    REFUSES("{1:2}", "expected a name in quotes, found '1'");
    REFUSES("{\"a\"}", "expected ':' after the name, found '}'");
    REFUSES("{\"a\" 1}", "expected ':' after the name, found '1'");
    REFUSES("{\"a\":}", "expected a value, found '}'");
    REFUSES("{\"a\":1,}", "expected a name in quotes, found '}'");
    REFUSES("{\"a\":1]", "expected ',' or '}', found ']'");
    REFUSES("{\"a\":1 \"b\":2}", "expected ',' or '}', found '\"'");
    REFUSES("{,}", "expected a name in quotes");
    REFUSES("1 2", "expected the end of the text, found '2'");
    REFUSES("[] []", "expected the end of the text, found '['");
    REFUSES("\"a\" \"b\"", "expected the end of the text");
    REFUSES("\"a\"\"b\"", "expected the end of the text");
    REFUSES("[1]]", "expected the end of the text");
    REFUSES("{}}", "expected the end of the text");
    REFUSES("'a'", "expected a value");
    REFUSES("\xEF\xBB\xBF[]", "expected a value, found the byte ef");
    REFUSES("// a\n1", "expected a value, found '/'");
    REFUSES("[1]\f", "expected the end of the text, found the byte 0c");
    REFUSES("[1\v]", "found the byte 0b");
    REFUSES("\f", "found the byte 0c");
    REFUSES("[\x1a 1]", "found the byte 1a");
    REFUSES("[1,\n  2,\n  \"\xC3\xA4\xC3\xB6\" x]",
            "line 3, column 8 (byte 18): expected ',' or ']', "
            "found 'x'");
}

TEST(literals_are_whole_words) {
    REFUSES("tru", "expected a value (true, false, null)");
    REFUSES("truE", "expected a value (true, false, null)");
    REFUSES("nul", "(true, false, null)");
    REFUSES("fals", "(true, false, null)");
    REFUSES("truefalse", "expected the end of the text, found 'f'");
    REFUSES("nulll", "expected the end of the text, found 'l'");
    REFUSES("True", "expected a value, found 'T'");
    REFUSES("NaN", "expected a value");
    REFUSES("Infinity", "expected a value");
    REFUSES("true\"a\"", "expected the end of the text");
    REFUSES("[null\\]", "found '\\'");
}

TEST(numbers_by_the_grammar) {
    ACCEPTS("-0");
    ACCEPTS("0.0");
    ACCEPTS("1e5");
    ACCEPTS("1E+5");
    ACCEPTS("1e-05");
    ACCEPTS("-0.1e00");
    REFUSES("-", "expected a number");
    REFUSES("+1", "expected a value, found '+'");
    REFUSES(".5", "expected a value, found '.'");
    REFUSES("1.", "expected a number");
    REFUSES("1.e5", "expected a number");
    REFUSES("1e", "expected a number");
    REFUSES("1e+", "expected a number");
    REFUSES("01", "expected the end of the text, found '1'");
    REFUSES("-01", "found '1'");
    REFUSES("00", "found '0'");
    REFUSES("1.2.3", "found '.'");
    REFUSES("1e5.2", "found '.'");
    REFUSES("1a", "found 'a'");
    REFUSES("0x10", "found 'x'");
    REFUSES("--1", "expected a number");
    REFUSES("[1_000]", "found '_'");
    REFUSES("1\"a\"", "found '\"'");
}

TEST(strings_and_their_escapes) {
    same("\"\\u0041\\n\\/\\\\\\\"\"", "\"A\\n/\\\\\\\"\"");
    same("\"\\u00e4\\u20AC\\ud83d\\ude00\"", "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    same("\"\\u0000\\u001f\\b\\f\\r\\t\"", "\"\\u0000\\u001f\\b\\f\\r\\t\"");
    same("\"\x7f\"", "\"\x7f\"");
    same("[\"\\\\\",\"\\\\\\\\\",\"a\\\\\"]", "[\"\\\\\",\"\\\\\\\\\",\"a\\\\\"]");
    REFUSES("\"abc", "expected this string to end with a quote");
    REFUSES("\"abc\\\"", "expected this string to end with a quote");
    REFUSES("\"a\nb\"", "expected this control character to be escaped, found the byte 0a");
    REFUSES("\"a\tb\"", "control character");
    REFUSES("\"\\x\"", "expected an escape sequence");
    REFUSES("\"\\u12\"", "expected an escape sequence");
    REFUSES("\"\\u12g4\"", "expected an escape sequence");
    REFUSES("\"\\ud83d\"", "expected an escape sequence");
    REFUSES("\"\\ud83dx\"", "expected an escape sequence");
    REFUSES("\"\\ud83d\\u0041\"", "expected an escape sequence");
    REFUSES("\"\\ude00\"", "expected an escape sequence");
    REFUSES("\"\\U0041\"", "expected an escape sequence");
    REFUSES("[\"\\", "");
}

/* Every byte, alone, in a string, after a backslash, and between values: accepted exactly when the
 * grammar says so. */
TEST(every_byte_at_every_place) {
    for (int c = 0; c < 256; c++) {
        char alone[] = {(char)c}, string[] = {'"', 'a', (char)c, 'b', '"'};
        char escaped[] = {'"', '\\', (char)c, '"'}, between[] = {'[', '1', (char)c, '2', ']'};
        char before[] = {(char)c, '1'}, after[] = {'1', (char)c};
        bool space = c && strchr(" \t\r\n", c), digit = c >= '0' && c <= '9';
        CHECK_EQ(parse(alone, 1) == 0, digit);
        CHECK_EQ(parse(string, 5) == 0, c >= 0x20 && c < 0x80 && c != '"'); /* \b is an escape */
        CHECK_EQ(parse(escaped, 4) == 0, c && strchr("\"\\/bfnrt", c));
        CHECK_EQ(parse(between, 5) == 0, digit || (c && strchr(",.eE", c)));
        CHECK_EQ(parse(before, 2) == 0, space || (digit && c != '0') || c == '-');
        CHECK_EQ(parse(after, 2) == 0, space || digit);
    }
}

/* All sequences of up to four bytes from the edges of what UTF-8 allows, against RFC 3629's table.
 */
static bool utf8_by_the_table(const uint8_t *s, size_t n) {
    for (size_t i = 0; i < n;) {
        uint8_t c = s[i], low = 0x80, high = 0xBF;
        size_t more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        if ((c >= 0x80 && c < 0xC2) || c > 0xF4 || i + more >= n) return false;
        if (c == 0xE0) low = 0xA0;
        if (c == 0xED) high = 0x9F;
        if (c == 0xF0) low = 0x90;
        if (c == 0xF4) high = 0x8F;
        for (size_t k = 1; k <= more; k++) {
            if (s[i + k] < low || s[i + k] > high) return false;
            low = 0x80;
            high = 0xBF;
        }
        i += 1 + more;
    }
    return true;
}

static void index_all(const uint8_t *text, size_t n, int64_t wanted, const uint32_t *places) {
    static uint32_t out[1024];
    static uint8_t copy[1024];
    const struct hob__json_way *way;
    for (size_t k = 0; (way = hob__json_way_at(k)); k++) {
        memset(copy, 1, sizeof copy);
        int64_t got = way->index(text, n, out, copy);
        if (got != wanted) FAIL("%s: %lld places", way->name, (long long)got);
        for (int64_t i = 0; i < got; i++) CHECK_EQ(out[i], places[i]);
        CHECK(memcmp(copy, text, n) == 0);
        for (size_t i = 0; i < HOB__JSON_BLOCK; i++) CHECK_EQ(copy[n + i], 0);
        CHECK_EQ(copy[n + HOB__JSON_BLOCK], 1);
    }
}

TEST(utf8_as_in_the_standard) {
    static const uint8_t edges[] = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                    0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
                                    0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF};
    enum { N = sizeof edges };
    static uint32_t out[300];
    uint8_t text[160];
    for (unsigned code = 0; code < N * N * N * N; code++) {
        uint8_t s[4] = {edges[code % N], edges[code / N % N], edges[code / N / N % N],
                        edges[code / N / N / N]};
        /* over the edges of registers and blocks */
        size_t at = code % 3 == 0 ? 30 : code % 3 == 1 ? 62 : 14;
        memset(text, 'x', sizeof text);
        text[0] = '"';
        memcpy(text + at, s, 4);
        text[at + 4] = '"';
        bool valid = utf8_by_the_table(s, 4);
        size_t bad = 0;
        CHECK_EQ(hob__utf8_valid(text, at + 5, &bad), valid);
        if (!valid) CHECK(bad >= at && bad < at + 4);
        const struct hob__json_way *way;
        for (size_t k = 0; (way = hob__json_way_at(k)); k++)
            if (way->utf8(text, at + 5) != valid ||
                (way->index(text, at + 5, out, NULL) > 0) != valid)
                FAIL("%s: %u", way->name, code);
    }
}

/* The fast first passes against the plain one, on texts of their own alphabet at every length. */
TEST(all_first_passes_see_the_same) {
    static const char alphabet[] = "\"\"\\\\{}[]:, \n\t1ax\x01\f\x1a\xC3\xA4";
    static uint32_t places[1024];
    for (int round = 0; round < 60000; round++) {
        uint8_t text[300];
        size_t n = (size_t)round % 290;
        any_text(text, n, alphabet, sizeof alphabet - 1);
        int64_t wanted = hob__json_index_plain(text, n, places, NULL);
        index_all(text, n, wanted, places);
    }
}

TEST(containers_as_deep_as_allowed) {
    enum { DEEP = 1024 };
    static char text[2 * DEEP + 20];
    struct hob_json_doc *doc;
    memset(text, '[', DEEP);
    memset(text + DEEP, ']', DEEP);
    CHECK_EQ(parse(text, 2 * DEEP), 0);
    memset(text, '[', DEEP + 1);
    memset(text + DEEP + 1, ']', DEEP + 1);
    CHECK_EQ(parse(text, 2 * DEEP + 2), HOB_E_LIMIT);
    CHECK_HAS(why, "column 1025");
    struct hob_json_options o = {.depth = 2};
    CHECK_EQ(parse_n("[{}]", 4, o, &doc), 0);
    hob_json_free(doc);
    CHECK_EQ(parse_n("[{\"a\":[]}]", 10, o, &doc), HOB_E_LIMIT);
    CHECK(doc == NULL);
    o.depth = 1025;
    CHECK_EQ(hob_json_parse_with("1", 1, o, &doc), -EINVAL);
}

TEST(names_that_are_there_twice) {
    const char text[] = "{\"a\":1,\"b\":2,\"a\":3}";
    struct hob_json_doc *doc;
    struct hob_json_options o = {.duplicates = HOB_JSON_FIRST};
    CHECK_EQ(parse_n(text, sizeof text - 1, o, &doc), 0);
    CHECK_EQ(hob_json_int(hob_json_get(hob_json_root(doc), "a"), 0), 1);
    CHECK_EQ(hob_json_size(hob_json_root(doc)), 3);
    hob_json_free(doc);
    o.duplicates = HOB_JSON_LAST;
    CHECK_EQ(parse_n(text, sizeof text - 1, o, &doc), 0);
    CHECK_EQ(hob_json_int(hob_json_get(hob_json_root(doc), "a"), 0), 3);
    CHECK_EQ(hob_json_int(hob_json_pointer(hob_json_root(doc), "/a"), 0), 3);
    hob_json_free(doc);
    o.duplicates = HOB_JSON_REJECT;
    CHECK_EQ(parse_n(text, sizeof text - 1, o, &doc), HOB_E_JSON_DUPLICATE);
    CHECK_HAS(why, "\"a\" twice");
    CHECK_EQ(parse_n("{\"a\":{\"a\":1},\"b\":{\"a\":2}}", 25, o, &doc), 0);
    hob_json_free(doc);
    /* many names */
    char many[4000] = "{";
    for (int i = 0; i < 100; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%s\"name %d\":%d", i ? "," : "",
                 i, i);
    strcat(many, "}");
    CHECK_EQ(parse_n(many, strlen(many), o, &doc), 0);
    hob_json_free(doc);
    strcpy(many + strlen(many) - 1, ",\"name 50\":0}");
    CHECK_EQ(parse_n(many, strlen(many), o, &doc), HOB_E_JSON_DUPLICATE);
    CHECK_HAS(why, "\"name 50\" twice");
    /* where it is the second time, whether the names are in the text or had to be unescaped */
    static const char placed[] = "{\n \"x\":[1,{}],\n \"\\u0061\": 1, \"b\":\"\\n\", \"a\":2}";
    for (int borrow = 0; borrow < 2; borrow++) {
        o.borrow = borrow;
        CHECK_EQ(parse_n(placed, sizeof placed - 1, o, &doc), HOB_E_JSON_DUPLICATE);
        CHECK_STR(why, "line 3, column 25 (byte 39): expected a name that the object does not have "
                       "yet, found \"a\" twice");
    }
}

TEST(looking_at_values) {
    const char text[] = "{\"n\":null,\"t\":true,\"f\":false,\"i\":-5,\"u\":18446744073709551615,"
                        "\"d\":2.5,\"w\":3.0,\"s\":\"a\\u0000b\",\"l\":[10,20,30],\"o\":{\"x\":1},"
                        "\"\":0,\"a/b\":1,\"m~n\":2}";
    struct hob_json_doc *doc;
    CHECK_EQ(parse_n(text, sizeof text - 1, (struct hob_json_options){0}, &doc), 0);
    const struct hob_json *v = hob_json_root(doc);
    CHECK_EQ(hob_json_type(v), HOB_JSON_OBJECT);
    CHECK_EQ(hob_json_size(v), 13);
    CHECK_EQ(hob_json_type(hob_json_get(v, "n")), HOB_JSON_NULL);
    CHECK(hob_json_bool(hob_json_get(v, "t"), false));
    CHECK(!hob_json_bool(hob_json_get(v, "f"), true));
    CHECK(hob_json_bool(hob_json_get(v, "i"), true));
    CHECK_EQ(hob_json_int(hob_json_get(v, "i"), 0), -5);
    CHECK_EQ(hob_json_int(hob_json_get(v, "w"), 0), 3);
    CHECK_EQ(hob_json_int(hob_json_get(v, "d"), 7), 7);
    CHECK_EQ(hob_json_int(hob_json_get(v, "u"), 7), 7);
    CHECK(hob_json_double(hob_json_get(v, "d"), 0) == 2.5);
    CHECK(hob_json_double(hob_json_get(v, "i"), 0) == -5);
    CHECK_EQ(hob_json_size(hob_json_get(v, "s")), 3);
    CHECK(memcmp(hob_json_string(hob_json_get(v, "s"), ""), "a\0b", 4) == 0);
    CHECK_STR(hob_json_string(hob_json_get(v, "i"), "no"), "no");
    CHECK_EQ(hob_json_int(hob_json_at(hob_json_get(v, "l"), 2), 0), 30);
    CHECK(hob_json_at(hob_json_get(v, "l"), 3) == NULL);
    CHECK(hob_json_at(v, 0) == NULL && hob_json_get(hob_json_get(v, "l"), "x") == NULL);
    CHECK(hob_json_get(NULL, "x") == NULL && hob_json_type(NULL) == HOB_JSON_NONE);
    CHECK_EQ(hob_json_int(hob_json_get(hob_json_get(v, "missing"), "x"), 9), 9);
    /* pointers */
    CHECK(hob_json_pointer(v, "") == v);
    CHECK_EQ(hob_json_int(hob_json_pointer(v, "/l/1"), 0), 20);
    CHECK_EQ(hob_json_int(hob_json_pointer(v, "/o/x"), 0), 1);
    CHECK_EQ(hob_json_int(hob_json_pointer(v, "/"), 5), 0);
    CHECK_EQ(hob_json_int(hob_json_pointer(v, "/a~1b"), 0), 1);
    CHECK_EQ(hob_json_int(hob_json_pointer(v, "/m~0n"), 0), 2);
    static const char *const nowhere[] = {"l",    "/l/3", "/l/-",     "/l/01", "/l/1/x", "/missing",
                                          "/m~n", "/m~2", "/o/x/y/z", "/l/",   "/n/0"};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        CHECK(hob_json_pointer(v, nowhere[i]) == NULL);
    /* strictly */
    bool b;
    int64_t i;
    uint64_t u;
    double d;
    struct hob_slice s;
    CHECK_EQ(hob_json_to_uint(hob_json_get(v, "u"), &u), 0);
    CHECK(u == UINT64_MAX);
    CHECK_EQ(hob_json_to_uint(hob_json_get(v, "i"), &u), HOB_E_JSON_TYPE);
    CHECK_EQ(hob_json_to_int(hob_json_get(v, "s"), &i), HOB_E_JSON_TYPE);
    CHECK_HAS(hob_error()->message, "string where an integer of 64 bits was expected");
    CHECK_EQ(hob_json_to_double(hob_json_get(v, "nothing"), &d), HOB_E_JSON_TYPE);
    CHECK_HAS(hob_error()->message, "nothing where a number was expected");
    CHECK_EQ(hob_json_to_bool(hob_json_get(v, "n"), &b), HOB_E_JSON_TYPE);
    CHECK_EQ(hob_json_to_string(hob_json_get(v, "s"), &s), 0);
    CHECK_EQ(s.size, 3);
    /* iteration */
    int64_t sum = 0;
    size_t members = 0;
    HOB_JSON_EACH(item, hob_json_get(v, "l")) sum += hob_json_int(item, 0);
    CHECK_EQ(sum, 60);
    HOB_JSON_EACH_MEMBER(name, value, v) {
        CHECK_EQ(hob_json_type(name), HOB_JSON_STRING);
        CHECK(hob_json_type(value) != HOB_JSON_NONE);
        members++;
    }
    CHECK_EQ(members, 13);
    HOB_JSON_EACH(item, v) CHECK(item == NULL);
    HOB_JSON_EACH(item, NULL) CHECK(item == NULL);
    HOB_JSON_EACH_MEMBER(name, value, NULL) CHECK(name == value);
    hob_json_free(doc);
}

static void written(const char *text, struct hob_json_write_options o, const char *wanted) {
    struct hob_json_doc *doc;
    char *out;
    CHECK_EQ(hob_json_parse(text, strlen(text), &doc), 0);
    CHECK_EQ(hob_json_write_with(hob_json_root(doc), o, &out, NULL), 0);
    CHECK_STR(out, wanted);
    hob_json_text_free(out);
    hob_json_free(doc);
}

TEST(written_in_several_ways) {
    const char text[] = "{\"b\":[1,{}],\"a\":{\"y\":[],\"x\":\"\\u00e4\"},\"aa\":null}";
    written(text, (struct hob_json_write_options){.indent = 2},
            "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": {\n    \"y\": [],\n"
            "    \"x\": \"\xC3\xA4\"\n  },\n  \"aa\": null\n}");
    written(text, (struct hob_json_write_options){.sort = true, .newline = true},
            "{\"a\":{\"x\":\"\xC3\xA4\",\"y\":[]},\"aa\":null,\"b\":[1,{}]}\n");
    written(text, (struct hob_json_write_options){.sort = true, .indent = 1},
            "{\n \"a\": {\n  \"x\": \"\xC3\xA4\",\n  \"y\": []\n },\n \"aa\": null,\n \"b\": "
            "[\n  1,\n  {}\n ]\n}");
    written("[\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\\n\"]",
            (struct hob_json_write_options){.ascii = true},
            "[\"\\u00e4\\u20ac\\ud83d\\ude00\x7F\\n\"]");
}

/* Long and short ones among each other: the writer has room for each. */
TEST(strings_longer_than_the_room) {
    enum { MOST = 3000 };
    static char text[4 * MOST + 100];
    for (size_t n = 200; n < MOST; n += n < 600 ? 1 : 97) {
        size_t end = 0;
        text[end++] = '{';
        for (int i = 0; i < 3; i++) {
            text[end++] = '"';
            memset(text + end, 'a' + i, n);
            end += n;
            strcpy(text + end, i < 2 ? "\":[]," : "\":\"x\"}");
            end += strlen(text + end);
        }
        same(text, text);
    }
}

TEST(written_as_deep_as_a_tree_can_be) {
    enum { DEEP = 1024 };
    static char text[12 * DEEP];
    size_t end = 0;
    for (int i = 0; i < DEEP / 2; i++) end += (size_t)sprintf(text + end, "[{\"%d\":", i);
    end += (size_t)sprintf(text + end, "0.5");
    for (int i = 0; i < DEEP / 2; i++) end += (size_t)sprintf(text + end, "}]");
    same(text, text);
    struct hob_json_doc *doc;
    char *out;
    CHECK_EQ(hob_json_parse(text, end, &doc), 0);
    CHECK_EQ(hob_json_write(hob_json_root(doc), &out, NULL, .sort = true), 0);
    CHECK_STR(out, text);
    hob_json_text_free(out);
    hob_json_free(doc);
}

/* Deeper than any that was parsed: what is made of values by hand. */
TEST(written_deeper_than_a_tree_can_be) {
    enum { DEEP = 3000 };
    static struct hob_json v[DEEP];
    for (size_t i = 0; i < DEEP; i++) {
        v[i].head = HOB_JSON_ARRAY | (uint64_t)(i < DEEP - 1) << 8;
        v[i].of.span = DEEP - i;
    }
    char *out;
    size_t n;
    CHECK_EQ(hob_json_write(v, &out, &n), 0);
    CHECK_EQ(n, 2 * DEEP);
    CHECK_EQ(strspn(out, "["), DEEP);
    CHECK_EQ(strspn(out + DEEP, "]"), DEEP);
    hob_json_text_free(out);
}

/* Strings of every length, with something to escape at every place. */
TEST(strings_of_every_length) {
    for (size_t n = 0; n < 70; n++) {
        for (size_t at = 0; at <= n; at++) {
            char text[200] = "[\"", wanted[200];
            size_t end = 2;
            for (size_t i = 0; i < n; i++) {
                if (i == at) text[end++] = '\\';
                text[end++] = i == at ? "\"\\nt"[n % 4] : (char)('a' + i % 26);
            }
            strcpy(text + end, "\",\"tail\"]");
            strcpy(wanted, text);
            same(text, wanted);
        }
    }
}

TEST(a_document_is_used_again) {
    struct hob_json_doc *doc;
    CHECK_EQ(hob_json_parse("[1,2,3]", 7, &doc), 0);
    for (int i = 0; i < 100; i++) {
        char text[64];
        int n = snprintf(text, sizeof text, "{\"i\":%d,\"s\":\"\\n%d\"}", i, i);
        CHECK_EQ(hob_json_reparse(text, (size_t)n, doc, .borrow = i & 1), 0);
        CHECK_EQ(hob_json_int(hob_json_get(hob_json_root(doc), "i"), -1), i);
        CHECK_EQ(hob_json_reparse("[", 1, doc), HOB_E_JSON);
        CHECK(hob_json_root(doc) == NULL);
    }
    hob_json_free(doc);
    hob_json_free(NULL);
}

TEST(every_allocation_fails_once) {
    const char text[] = "{\"name\":[1,2.5,\"\\u0041\",{\"b\":null,\"a\":1}]}";
    bool more = true;
    for (int borrow = 0; borrow < 2; borrow++) {
        more = true;
        for (long n = 1; more; n++) {
            long live = hob__alloc_live();
            hob__alloc_fail_at(n);
            struct hob_json_doc *doc;
            char *out = NULL;
            int rc = hob_json_parse(text, sizeof text - 1, &doc, .borrow = borrow,
                                    .duplicates = HOB_JSON_REJECT);
            if (rc == 0) rc = hob_json_write(hob_json_root(doc), &out, NULL, .sort = true);
            CHECK(rc == 0 || rc == -ENOMEM);
            more = hob__alloc_count() >= n;
            hob__alloc_fail_at(0);
            hob_json_text_free(out);
            hob_json_free(doc);
            hob_error_clear();
            CHECK_EQ(hob__alloc_live(), live);
        }
    }
}

TEST_MAIN()
