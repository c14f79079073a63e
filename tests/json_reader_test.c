/* json_reader_test.c - JSON in pieces: whatever the pieces, the reader says what the parser says of
 * the whole: the same values, the same errors in the same words, at the same places. */
#include "any.h"
#include "json_pieces.h"

/* ---- against the parser ---- */

static void as_the_parser(const char *text, size_t n) {
    struct hob_json_doc *doc;
    char words[600] = "";
    int rc = hob_json_parse(text, n, &doc);
    if (rc < 0) snprintf(words, sizeof words, "%s", hob_error()->message);
    in_all_ways(events, text, n, plain);
    if (whole.rc == HOB_E_JSON_INCOMPLETE) {
        CHECK_EQ(rc, HOB_E_JSON);
        whole.rc = rc;
    }
    CHECK_EQ(whole.rc, rc);
    CHECK_STR(whole.words, words);
    /* as one tree */
    struct hob_json_reader *r;
    const struct hob_json *v;
    CHECK_EQ(hob_json_reader_new(&r), 0);
    CHECK_EQ(hob_json_feed(r, text, n), 0);
    int e = hob_json_read_tree(r, &v);
    if (e == HOB_JSON_MORE) {
        CHECK_EQ(hob_json_end(r), 0);
        e = hob_json_read_tree(r, &v);
    }
    if (rc == 0) {
        char *a, *b;
        CHECK_EQ(e, HOB_JSON_VALUE);
        CHECK_EQ(hob_json_write(hob_json_root(doc), &a, NULL), 0);
        CHECK_EQ(hob_json_write(v, &b, NULL), 0);
        CHECK_STR(b, a);
        hob_json_text_free(a);
        hob_json_text_free(b);
    } else if (e < 0) { /* or it is what comes behind the value that is wrong */
        CHECK_STR(hob_error()->message, words);
    }
    hob_json_reader_free(r);
    hob_json_free(doc);
}

TEST(what_the_parser_says) {
    static const char *const texts[] = {
        /* right */
        "null",
        " true\t",
        "\r\n false \n",
        "0",
        "-1",
        "\"\"",
        "[]",
        "{}",
        "-0",
        "0.0",
        "1E+5",
        "[ 1 , \"a\" , null , [ ] , { } ]",
        "18446744073709551615",
        "1.7976931348623157e308",
        "{ \"a\" : { \"b\" : [ 1 , { \"c\" : 2 } ] } , \"d\" : 3 }",
        "[-0.1e00,1e-05]",
        "\"\\u0041\\n\\/\\\\\\\"\"",
        "\"\\u00e4\\u20AC\\ud83d\\ude00\"",
        "\"\\u0000\\u001f\"",
        "[\"\\\\\",\"\\\\\\\\\",\"a\\\\\"]",
        "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"",
        ("[\n\n  \"\xC3\xA4\\u00e4 long enough for more than sixteen bytes\",\n"
         "   {\"n\\u0061me\": [1]}\n]"),
        /* wrong */
        "",
        "  ",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{",
        "{1:2}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1]",
        "{\"a\":1 \"b\":2}",
        "{,}",
        "1 2",
        "[] []",
        "\"a\" \"b\"",
        "\"a\"\"b\"",
        "[1]]",
        "{}}",
        "'a'",
        "\xEF\xBB\xBF[]",
        "// a\n1",
        "[1]\f",
        "[1\v]",
        "\f",
        "[\x1a 1]",
        "[1,\n  2,\n  \"\xC3\xA4\xC3\xB6\" x]",
        "tru",
        "truE",
        "nul",
        "fals",
        "truefalse",
        "nulll",
        "True",
        "NaN",
        "Infinity",
        "true\"a\"",
        "[null\\]",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "01",
        "-01",
        "00",
        "1.2.3",
        "1e5.2",
        "1a",
        "0x10",
        "--1",
        "[1_000]",
        "1\"a\"",
        "[-",
        "[1.",
        "[1e-",
        "[1.,",
        "[-,",
        "1e999",
        "[1e999]",
        "18446744073709551616",
        "[18446744073709551616",
        "99999999999999999999.",
        "\"abc",
        "\"abc\\\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ude00\"",
        "\"\\U0041\"",
        "[\"\\",
        "[\"\\u",
        "[\"\\u12",
        "[\"\\ud83d\\ude",
        "[\"\\ud83d\\u00",
        "[\"\\ud8",
        "[\"\\ude",
        "[\"\\x",
        "\"\x80\"",
        "\"a\xC3\"",
        "\"\xED\xA0\x80\"",
        "\"\xC3\nb\"",
        "\"\xC3",
        "\"\\ud83d\\ude00\xFF\"",
        "{\"a\":[{\"b\":\"\\n\n",
        "{\"a\":[1,2,{\"b\":tru}]}",
        "[[[[",
        "{\"a\":{\"b\":[",
        "\"a\\",
        "[\"a\\\"",
        "[\\\"a]",
        "[\"a\"\\",
        "{\"\\u0061\" : \"\\n\" ; }",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        as_the_parser(texts[i], strlen(texts[i]));
    as_the_parser("\"\0\"", 3);
    as_the_parser("[1,\0]", 5);
    as_the_parser("\0", 1);
}

/* Texts of the alphabet of mistakes. */
TEST(what_the_parser_says_of_noise) {
    static const char alphabet[] = "\"\"\"\\u12{}[]::,, \n-1e.ax\xC3\xA4tru";
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t n = (size_t)round % sizeof text;
        any_text(text, n, alphabet, sizeof alphabet - 1);
        as_the_parser(text, n);
    }
}

TEST(every_byte_at_every_place) {
    for (int c = 0; c < 256; c++) {
        char alone[] = {(char)c}, string[] = {'"', 'a', (char)c, 'b', '"'};
        char escaped[] = {'"', '\\', (char)c, '"'}, between[] = {'[', '1', (char)c, '2', ']'};
        char name[] = {'{', '"', 'a', '"', (char)c, '1', '}'};
        as_the_parser(alone, 1);
        as_the_parser(string, 5);
        as_the_parser(escaped, 4);
        as_the_parser(between, 5);
        as_the_parser(name, 7);
    }
}

/* Strings of all lengths over the edges of registers, with something special at each place. */
TEST(strings_of_every_length) {
    static const char *const specials[] = {"\\n", "\xC3\xA4", "\\u00e4", "\x01", "\xFF", "\\q"};
    for (size_t n = 0; n < 40; n++)
        for (size_t at = 0; at <= n; at += 1 + n / 8)
            for (size_t k = 0; k < 6; k++) {
                char text[100];
                int size = snprintf(text, sizeof text, "[\"%.*s%s%.*s\",1]", (int)at,
                                    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop", specials[k],
                                    (int)(n - at), "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOP");
                as_the_parser(text, (size_t)size);
            }
}

TEST(containers_as_deep_as_allowed) {
    enum { DEEP = 1024 };
    static char text[2 * DEEP + 2];
    struct hob_json_reader *r;
    struct hob_json v;
    int e, begun = 0;
    memset(text, '[', DEEP + 1);
    CHECK_EQ(hob_json_reader_new(&r), 0);
    CHECK_EQ(hob_json_feed(r, text, DEEP), 0);
    while ((e = hob_json_read(r, &v)) == HOB_JSON_BEGIN_ARRAY) begun++;
    CHECK_EQ(e, HOB_JSON_MORE);
    CHECK_EQ(begun, DEEP);
    CHECK_EQ(hob_json_reader_depth(r), DEEP);
    CHECK_EQ(hob_json_feed(r, text, 1), 0);
    CHECK_EQ(hob_json_read(r, &v), HOB_E_LIMIT);
    CHECK_HAS(hob_error()->message,
              "line 1, column 1025 (byte 1024): expected no further container");
    hob_json_reader_free(r);
    /* of trees, the containers around them count */
    in_all_ways(items, TEXT("[[1],[[2]]]"), (struct hob_json_reader_options){.depth = 2});
    CHECK_EQ(whole.rc, HOB_E_LIMIT);
    CHECK_STR(whole.text, "@1:2:1 [1] @1:7:6 ! line 1, column 7 (byte 6): expected no further "
                          "container in these, found '[' ! ");
    in_all_ways(items, TEXT("[[1]]"), (struct hob_json_reader_options){.depth = 1});
    CHECK_EQ(whole.rc, HOB_E_LIMIT);
    CHECK_EQ(hob_json_reader_new(&r, .depth = 1025), -EINVAL);
    CHECK_EQ(hob_json_reader_new(&r, .limit = (size_t)1 << 31), -EINVAL);
    CHECK(r == NULL);
}

TEST(places_and_events) {
    in_all_ways(events, TEXT("{\"\xC3\xA4\": [1,\n \"b\\u0041\", true], \"\\n\": {}}"), plain);
    CHECK_EQ(whole.rc, 0);
    CHECK_STR(
        whole.text,
        "@1:1:0 { @1:2:1 name \"\xC3\xA4\"@1:7:7 [ @1:8:8 1@2:2:12 \"bA\"@2:13:23 true@2:17:27 ] "
        "@2:20:30 name \"\\n\"@2:26:36 { @2:27:37 } @2:28:38 } @2:28:38 ");
}

/* ---- limits ---- */

TEST(what_is_too_long) {
    struct hob_json_reader_options o = {.limit = 8};
    in_all_ways(events, TEXT("[\"123456\",12345678]"), o);
    CHECK_EQ(whole.rc, 0);
    in_all_ways(events, TEXT("[\"1234567\"]"), o);
    CHECK_EQ(whole.rc, HOB_E_LIMIT);
    CHECK_STR(whole.words, "line 1, column 2 (byte 1): a string longer than the limit, 8 bytes");
    in_all_ways(events, TEXT("{\"a\":123456789}"), o);
    CHECK_EQ(whole.rc, HOB_E_LIMIT);
    CHECK_HAS(whole.words, "(byte 5): a number longer than the limit");
    /* wrong before it is too long; and after */
    in_all_ways(events, TEXT("[\"12\n45678\"]"), o);
    CHECK_EQ(whole.rc, HOB_E_JSON);
    in_all_ways(events, TEXT("[\"12345678\n9\"]"), o);
    CHECK_EQ(whole.rc, HOB_E_LIMIT);
    in_all_ways(events, TEXT("[\"12345\\u00"), o);
    CHECK_EQ(whole.rc, HOB_E_LIMIT);
    in_all_ways(items, TEXT("[[1,2,3],{\"a\":12}]"), o);
    CHECK_EQ(whole.rc, 0);
    in_all_ways(items, TEXT("[[1,2,3],[1,2,3,4]]"), o);
    CHECK_EQ(whole.rc, HOB_E_LIMIT);
    CHECK_STR(whole.words, "line 1, column 10 (byte 9): a value to be read as a tree longer than "
                           "the limit, 8 bytes");
    in_all_ways(items, TEXT("[[1,2,3],[1,2 3,4]]"), o);
    CHECK_EQ(whole.rc, HOB_E_JSON);
    in_all_ways(items, TEXT("[[1,2,3],[1,2,3,4,,5]]"), o);
    CHECK_EQ(whole.rc, HOB_E_LIMIT);
}

/* Everything is found in texts far longer than the buffer, with tokens over its edges. */
TEST(more_than_the_buffer) {
    enum { N = 300000 };
    char *text = malloc(N + 400000);
    size_t n = 0;
    text[n++] = '[';
    int count = 0;
    while (n < N) {
        n += (size_t)sprintf(text + n, "%s{\"id\": %d,\n \"text\": \"", count ? ", " : "", count);
        size_t m = (size_t)count * 7919 % 300;
        if (count % 100 == 99) m += 70000;
        memset(text + n, 'a' + count % 26, m);
        n += m;
        n += (size_t)sprintf(text + n, "\\n\xC3\xA4\"}");
        count++;
    }
    text[n++] = ']';
    static const size_t sizes[] = {1, 7, 4096, 65536, 100000, 1 << 20};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        HOB_JSON_READER(r);
        CHECK_EQ(hob_json_reader_new(&r), 0);
        size_t at = 0;
        int seen = 0;
        for (;;) {
            const struct hob_json *v;
            int e = hob_json_read_item(r, &v);
            if (e == HOB_JSON_MORE) {
                size_t m = sizes[k] < n - at ? sizes[k] : n - at;
                CHECK_EQ(m ? hob_json_feed(r, text + at, m) : hob_json_end(r), 0);
                at += m;
                continue;
            }
            if (e == HOB_JSON_END) break;
            CHECK_EQ(e, HOB_JSON_VALUE);
            CHECK_EQ(hob_json_int(hob_json_get(v, "id"), -1), seen);
            CHECK_EQ(hob_json_reader_place(r).line, (uint64_t)seen + 1);
            size_t m = (size_t)seen * 7919 % 300 + (seen % 100 == 99 ? 70000 : 0);
            CHECK_EQ(hob_json_size(hob_json_get(v, "text")), m + 3);
            seen++;
        }
        CHECK_EQ(seen, count);
    }
    free(text);
}

TEST_MAIN()
