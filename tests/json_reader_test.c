/* json_reader_test.c - JSON in pieces: whatever the pieces, the reader says what the parser says of
 * the whole: the same values, the same errors in the same words, at the same places. */
#include "test.h"

#include "../fuzz/fuzz.h"
#include "base/memory.h"
#include "data/index.h"
#include "data/span.h"

#include <hob/error.h>
#include <hob/json_reader.h>
#include <stdarg.h>

/* ---- a text, read with cuts, as a line of events ---- */

enum { WHOLE, ONES, TWO }; /* in one piece; byte by byte; in two pieces */

struct cuts {
    int how;
    size_t first;
};

struct heard {
    char text[60000];
    size_t n;
    int rc;
    char words[600];
};

static void say(struct heard *h, const char *format, ...) HOB_PRINTF(2, 3);
static void say(struct heard *h, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    h->n += (size_t)vsnprintf(h->text + h->n, sizeof h->text - h->n, format, ap);
    va_end(ap);
    CHECK(h->n < sizeof h->text);
}

static void say_value(struct heard *h, const struct hob_json *v) {
    char *text;
    CHECK_EQ(hob_json_write(v, &text, NULL), 0);
    say(h, "%s", text);
    hob_json_text_free(text);
}

static void say_place(struct heard *h, struct hob_json_reader *r) {
    struct hob_json_place p = hob_json_reader_place(r);
    say(h, "@%llu:%llu:%llu ", (unsigned long long)p.line, (unsigned long long)p.column,
        (unsigned long long)p.byte);
}

/* The next piece; each lies before an unreadable page, and is spoilt when it is used up. */
static char *piece_now;
static size_t piece_size, fed;
static void feed(struct hob_json_reader *r, const char *text, size_t n, struct cuts c) {
    if (piece_now) memset(piece_now, 'x', piece_size);
    piece_now = NULL;
    if (fed == n) {
        CHECK_EQ(hob_json_end(r), 0);
        fed++;
        return;
    }
    CHECK(fed < n);
    piece_size = c.how == ONES ? 1 : c.how == TWO && fed == 0 && c.first ? c.first : n - fed;
    piece_now = edge_copy(text + fed, piece_size);
    CHECK_EQ(hob_json_feed(r, piece_now, piece_size), 0);
    fed += piece_size;
}

static void ended(struct heard *h, struct hob_json_reader *r, int rc) {
    h->rc = rc;
    if (rc < 0) snprintf(h->words, sizeof h->words, "%s", hob_error()->message);
    say_place(h, r);
    if (rc < 0) { /* and again */
        struct hob_json v;
        CHECK_EQ(hob_json_read(r, &v), rc);
        CHECK_STR(hob_error()->message, h->words);
    }
}

static void events(struct hob_json_reader *r, struct heard *h, const char *text, size_t n,
                   struct cuts c) {
    static const char *const words[] = {"", "", "{ ", "} ", "[ ", "] "};
    h->n = fed = 0;
    h->words[0] = h->text[0] = 0;
    for (;;) {
        struct hob_json v;
        int e = hob_json_read(r, &v);
        if (e == HOB_JSON_MORE) {
            feed(r, text, n, c);
            continue;
        }
        if (e <= 0) {
            ended(h, r, e);
            return;
        }
        say_place(h, r);
        say(h, "%s", e < HOB_JSON_NAME ? words[e] : e == HOB_JSON_NAME ? "name " : "");
        if (e >= HOB_JSON_NAME) say_value(h, &v);
        if (hob_json_type(&v) == HOB_JSON_STRING) CHECK(v.of.text[hob_json_size(&v)] == 0);
    }
}

static void items(struct hob_json_reader *r, struct heard *h, const char *text, size_t n,
                  struct cuts c) {
    h->n = fed = 0;
    h->words[0] = h->text[0] = 0;
    for (;;) {
        const struct hob_json *v;
        int e = hob_json_read_item(r, &v);
        if (e == HOB_JSON_MORE) {
            feed(r, text, n, c);
            continue;
        }
        if (e == HOB_JSON_VALUE) {
            say_place(h, r);
            say_value(h, v);
            say(h, " ");
            continue;
        }
        h->rc = e;
        if (e < 0) snprintf(h->words, sizeof h->words, "%s", hob_error()->message);
        if (e == 0) break;
        say_place(h, r);
        say(h, "! %s ! ", h->words);
        struct hob_json x;
        if (hob_json_read(r, &x) == e) break; /* else a bad line: -EINVAL */
    }
}

typedef void (*reading)(struct hob_json_reader *, struct heard *, const char *, size_t,
                        struct cuts);

static struct heard whole;

/* The text in all ways to cut it in two, and byte by byte: all the same. What was heard is in
 * `whole`. */
static void in_all_ways(reading how, const char *text, size_t n, struct hob_json_reader_options o) {
    static struct heard other;
    struct hob_json_reader *r;
    CHECK_EQ(hob_json_reader_new_with(o, &r), 0);
    how(r, &whole, text, n, (struct cuts){WHOLE, 0});
    for (size_t first = 0; first <= n + 1; first++) {
        hob_json_reader_reset(r);
        how(r, &other, text, n, (struct cuts){first > n ? ONES : TWO, first > n ? 0 : first});
        if (strcmp(other.text, whole.text) != 0 || other.rc != whole.rc ||
            strcmp(other.words, whole.words) != 0)
            FAIL("cut at %zu:\n%s\n%s %s\nis not\n%s\n%s %s\nof %.*s", first, other.text,
                 hob_strerror(other.rc), other.words, whole.text, hob_strerror(whole.rc),
                 whole.words, (int)n, text);
    }
    hob_json_reader_free(r);
}

static const struct hob_json_reader_options plain;

#define TEXT(text) (text), sizeof(text) - 1

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
        "[\n\n  \"\xC3\xA4\\u00e4 long enough for more than sixteen bytes\",\n   {\"n\\u0061me\": "
        "[1]}\n]",
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
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t n = (size_t)round % sizeof text;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = alphabet[(seed >> 33) % (sizeof alphabet - 1)];
        }
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

/* The faster check of UTF-8 against the plain one, on all sequences from the standard's edges. */
TEST(utf8_as_the_parser_checks_it) {
    static const uint8_t edges[] = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                    0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
                                    0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF};
    enum { N = sizeof edges };
    char *text = edge_room(16);
    for (unsigned code = 0; code < N * N * N * N; code++) {
        uint8_t s[4] = {edges[code % N], edges[code / N % N], edges[code / N / N % N],
                        edges[code / N / N / N]};
        size_t at = code % 13;
        memset(text, 'x', 16);
        memcpy(text + at, s, at < 12 ? 4 : 16 - at);
        const uint8_t *bytes = (const uint8_t *)text;
        CHECK_EQ(hob__utf8_string(bytes, 16), hob__utf8_valid(bytes, 16, NULL));
    }
}

/* Where containers end, 64 bytes at a time and byte by byte. */
TEST(spans_wherever_they_are_cut) {
    static const char alphabet[] = "[[]]{}\"\"\\\\xyz,:";
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        char bytes[300] = "[";
        size_t n = 1 + (size_t)round % 290;
        for (size_t i = 1; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = alphabet[(seed >> 33) % (sizeof alphabet - 1)];
        }
        const uint8_t *p = (const uint8_t *)edge_copy(bytes, n), *at = p, *found = NULL;
        struct hob__json_span whole_span = {0}, ones = {0};
        const uint8_t *wanted = hob__json_span(&whole_span, p, p + n);
        while (!found && at < p + n) {
            found = hob__json_span(&ones, at, at + 1);
            at++;
        }
        CHECK(found == wanted);
        if (!wanted) CHECK(memcmp(&whole_span, &ones, sizeof ones) == 0);
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
    CHECK_HAS(whole.words, "in the value at line 1, column 2 (byte 1): an object has the name");
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
