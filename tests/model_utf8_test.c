/* model_utf8_test.c - texts longer than what the decoder looks at ahead for UTF-8
 * (data/model/decode.h): characters over its edges are read, and a wrong byte is found wherever it
 * stands: in strings that are kept, passed over, short, long, in names, in what is kept as it is.
 */
#include "any.h"
#include "model_test.h"

#include "../fuzz/fuzz.h"
#include "data/model/decode.h"

struct entry {
    int64_t id;
    char *word, **words, code[40];
    struct hob_slice text;
    struct hob_raw raw;
    size_t nwords;
};
HOB_MODEL(entry, struct entry, HOB_FIELD(id), HOB_FIELD(word), HOB_ARRAY(words, nwords),
          HOB_FIELD(code), HOB_FIELD(text), HOB_FIELD(raw))

enum { LEAST = 3 * HOB__UTF8_AHEAD, ROOM = LEAST + 2000 };

static const char *const characters[] = {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "a"};

/* So many characters: a byte of one is where the text must not be cut. */
static size_t put_string(char *to, unsigned count) {
    size_t n = 0;
    to[n++] = '"';
    while (count--) n += (size_t)sprintf(to + n, "%s", characters[any(4)]);
    to[n++] = '"';
    return n;
}

static size_t make(char *text) {
    size_t n = 0;
    text[n++] = '[';
    for (unsigned i = 0; n < LEAST; i++) {
        n += (size_t)sprintf(text + n, "%s{\"id\":%u,\"word\":", i ? "," : "", i);
        n += put_string(text + n, any(9));
        n += (size_t)sprintf(text + n, ",\"words\":[");
        for (unsigned k = 0, some = any(4); k < some; k++) {
            if (k) text[n++] = ',';
            n += put_string(text + n, any(9));
        }
        n += (size_t)sprintf(text + n, "],\"code\":");
        n += put_string(text + n, any(9));
        n += (size_t)sprintf(text + n, ",\"none\":");
        n += put_string(text + n, any(3) ? any(9) : any(40));
        n += (size_t)sprintf(text + n, ",\"%s\":[1,", characters[any(8) ? 0 : any(4)]);
        n += put_string(text + n, any(20));
        n += (size_t)sprintf(text + n, "],\"text\":");
        n += put_string(text + n, any(20) ? any(30) : any(200));
        n += (size_t)sprintf(text + n, ",\"raw\":{\"x\":");
        n += put_string(text + n, any(9));
        n += (size_t)sprintf(text + n, "}}");
    }
    text[n++] = ']';
    return n;
}

static int decode(const char *text, size_t n, struct entry **all, size_t *count) {
    static struct hob_arena memory;
    hob_arena_reset(&memory);
    return hob_model_decode_array(entry, all, count, text, n, &memory);
}

static void as_the_tree(const char *text, size_t n) {
    struct hob_json_doc *doc;
    struct entry *all;
    size_t count, i = 0;
    CHECK_EQ(hob_json_parse(text, n, &doc), 0);
    CHECK_EQ(decode(text, n, &all, &count), 0);
    HOB_JSON_EACH(one, hob_json_root(doc)) {
        CHECK_STR(all[i].word, hob_json_string(hob_json_get(one, "word"), NULL));
        CHECK_STR(all[i].code, hob_json_string(hob_json_get(one, "code"), NULL));
        CHECK_STR(all[i].text.at, hob_json_string(hob_json_get(one, "text"), NULL));
        CHECK_EQ(all[i].nwords, hob_json_size(hob_json_get(one, "words")));
        i++;
    }
    CHECK_EQ(count, i);
    hob_json_free(doc);
}

static void in_every_way(void (*run)(const char *text, size_t n)) {
    const struct hob__json_way *way, *best = hob__json_way();
    static char text[ROOM + 100];
    for (size_t k = 0; (way = hob__json_way_at(k)); k++) {
        hob__json_way_take(way);
        for (seed = 1; seed < 9; seed++) {
            size_t n = make(text);
            CHECK(n < ROOM);
            struct edge e = edge_begin(text, n);
            run(e.at, n);
            edge_end(&e);
        }
    }
    hob__json_way_take(best);
}

TEST(characters_over_every_edge) { in_every_way(as_the_tree); }

static void broken(const char *right, size_t n) {
    static const char wrong[] = "\xFF\x80\xC3\xE2\xF4\xED";
    static char text[ROOM];
    struct entry *all;
    size_t count;
    memcpy(text, right, n);
    for (unsigned i = 0; i < 60; i++) {
        /* somewhere, and at the edges of what is looked at together */
        size_t at = i % 2 ? any((unsigned)n) : HOB__UTF8_AHEAD * (1 + any(3)) + any(600);
        if (at >= n) continue;
        char was = text[at];
        text[at] = wrong[any(sizeof wrong - 1)];
        int judged = hob_json_check(text, n, 0), rc = decode(text, n, &all, &count);
        char words[300];
        if (judged < 0) snprintf(words, sizeof words, "%s", hob_error()->message);
        CHECK_EQ(rc == HOB_E_MODEL ? 0 : rc, judged);
        if (judged < 0) CHECK_STR(hob_error()->message, words);
        text[at] = was;
    }
}

TEST(wrong_bytes_anywhere) { in_every_way(broken); }

/* More of what only goes on than is looked at together. */
TEST(nothing_but_continuations) {
    static char text[6 * HOB__UTF8_AHEAD];
    struct entry *all;
    size_t count;
    memset(text, '\x80', sizeof text);
    CHECK_EQ(decode(text, sizeof text, &all, &count), HOB_E_JSON);
    memcpy(text, "[{\"id\":1,\"word\":\"\"", 18);
    CHECK_EQ(decode(text, sizeof text, &all, &count), HOB_E_JSON);
    text[18] = ',';
    CHECK_EQ(decode(text, sizeof text, &all, &count), HOB_E_JSON);
    memcpy(text + 17, "\xF4", 1);
    text[sizeof text - 1] = '"';
    CHECK_EQ(decode(text, sizeof text, &all, &count), HOB_E_JSON);
}

TEST_MAIN()
