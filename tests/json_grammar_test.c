/* json_grammar_test.c - the parser, in every way that this processor can go and with its text
 * copied and borrowed, hob_json_check(), the reader's events and the models' decoder against a
 * naive reading of RFC 8259's productions: each byte at each place of texts that use all of them,
 * at the edge of a page; and texts from a generator, written again.
 */
#include "any.h"
#include "test.h"
#include <hob/json.h>
#include <hob/json_reader.h>
#include <hob/model.h>
#include <sys/mman.h>

#include "data/number.h"
#include "data/way.h"

/* ---- RFC 8259, production by production. Each takes what it describes from s and says whether it
 * was there ---- */

struct text {
    const uint8_t *p, *end;
};

static int peek(const struct text *s) { return s->p < s->end ? *s->p : -1; }
static bool take(struct text *s, int c) { return peek(s) == c && s->p++; }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }

static void ws(struct text *s) {
    while (take(s, ' ') || take(s, '\t') || take(s, '\n') || take(s, '\r')) {}
}
static bool word(struct text *s, const char *w) {
    while (*w)
        if (!take(s, *w++)) return false;
    return true;
}
static bool digits(struct text *s) { /* 1*DIGIT */
    if (!is_digit(peek(s))) return false;
    while (is_digit(peek(s))) s->p++;
    return true;
}
static bool number(struct text *s) { /* [ minus ] int [ frac ] [ exp ] */
    take(s, '-');
    if (!take(s, '0') && !digits(s)) return false;
    if (take(s, '.') && !digits(s)) return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+')) take(s, '-');
        return digits(s);
    }
    return true;
}
static int hex4(struct text *s) {
    int v = 0;
    for (int i = 0; i < 4; i++, s->p++) {
        int c = peek(s) | 0x20;
        if (is_digit(peek(s)))
            v = v * 16 + peek(s) - '0';
        else if (peek(s) >= 0 && c >= 'a' && c <= 'f')
            v = v * 16 + c - 'a' + 10;
        else
            return -1;
    }
    return v;
}
static bool escape(struct text *s) { /* behind the backslash */
    int c = peek(s);
    if (c < 0) return false;
    s->p++;
    if (c != 'u') return c && strchr("\"\\/bfnrt", c) != NULL;
    int high = hex4(s);
    if (high < 0xD800 || high > 0xDFFF) return high >= 0;
    if (high > 0xDBFF || !take(s, '\\') || !take(s, 'u')) return false;
    int low = hex4(s);
    return low >= 0xDC00 && low <= 0xDFFF;
}
static bool character(struct text *s) { /* unescaped, and RFC 3629 */
    int c = peek(s), low = 0x80, high = 0xBF;
    if (c < 0x20 || c == '"') return false;
    s->p++;
    if (c == '\\') return escape(s);
    if (c < 0x80) return true;
    if (c < 0xC2 || c > 0xF4) return false;
    if (c == 0xE0) low = 0xA0;
    if (c == 0xED) high = 0x9F;
    if (c == 0xF0) low = 0x90;
    if (c == 0xF4) high = 0x8F;
    for (int more = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3; more > 0; more--) {
        if (peek(s) < low || peek(s) > high) return false;
        s->p++;
        low = 0x80;
        high = 0xBF;
    }
    return true;
}
static bool string(struct text *s) {
    if (!take(s, '"')) return false;
    while (!take(s, '"'))
        if (!character(s)) return false;
    return true;
}
static bool value(struct text *s);
static bool member(struct text *s) {
    ws(s);
    if (!string(s)) return false;
    ws(s);
    return take(s, ':') && value(s);
}
static bool container(struct text *s, char end, bool (*item)(struct text *)) {
    ws(s);
    if (take(s, end)) return true;
    do
        if (!item(s)) return false;
    while (take(s, ','));
    return take(s, end);
}
static bool value(struct text *s) { /* with the white space around it */
    ws(s);
    bool ok = take(s, '{')     ? container(s, '}', member)
              : take(s, '[')   ? container(s, ']', value)
              : peek(s) == '"' ? string(s)
              : peek(s) == 't' ? word(s, "true")
              : peek(s) == 'f' ? word(s, "false")
              : peek(s) == 'n' ? word(s, "null")
                               : number(s);
    if (ok) ws(s);
    return ok;
}
static bool is_json(const uint8_t *text, size_t n) {
    struct text s = {text, text + n};
    return value(&s) && s.p == s.end;
}

/* ---- the parser ---- */

enum { MOST = 4096 };
static uint8_t *edge; /* before it MOST bytes, behind it none */

static void make_edge(void) {
    uint8_t *map = mmap(NULL, 2 * MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    edge = map + MOST;
    CHECK_EQ(mprotect(edge, MOST, PROT_NONE), 0);
}

static struct hob_json_doc *doc;

/* As events, from a reader: 0 or its error. */
static int read_events(const uint8_t *text, size_t n) {
    static struct hob_json_reader *r;
    struct hob_json v;
    int e;
    if (!r) CHECK_EQ(hob_json_reader_new(&r), 0);
    hob_json_reader_reset(r);
    CHECK_EQ(hob_json_feed(r, text, n), 0);
    while ((e = hob_json_read(r, &v)) > HOB_JSON_END || e == HOB_JSON_MORE)
        if (e == HOB_JSON_MORE) CHECK_EQ(hob_json_end(r), 0);
    return e == HOB_JSON_END ? 0 : e == HOB_E_JSON_INCOMPLETE ? HOB_E_JSON : e;
}

/* As what a model has no shape for. */
struct shapeless {
    struct hob_raw raw;
};
HOB_WRAPPER(shapeless, struct shapeless, HOB_FIELD(raw))
static int decode_raw(const uint8_t *text, size_t n) {
    static struct hob_arena memory;
    struct shapeless s;
    hob_arena_reset(&memory);
    return hob_model_decode(shapeless, &s, text, n, &memory);
}

static void judged_by_others(const char *way, const uint8_t *text, size_t n, bool right,
                             bool numbers_fit) {
    static const char *const names[] = {"check", "reader", "model"};
    int rc[] = {hob_json_check(text, n, 0), read_events(text, n), decode_raw(text, n)};
    for (int k = 0; k < 3; k++)
        if (rc[k] != (right ? 0 : HOB_E_JSON) && (rc[k] != HOB_E_JSON_RANGE || numbers_fit))
            FAIL("%s, %s: %d for %.*s", way, names[k], rc[k], (int)n, (const char *)text);
}

/* It says of the text what the grammar says, and leaves it as it is. */
static void judged(const uint8_t *text, size_t n, bool numbers_fit) {
    uint8_t *at = edge - n;
    memcpy(at, text, n);
    bool right = is_json(text, n), slow = getenv("TEST_SLOW");
    const struct hob__json_way *way;
    for (size_t i = 0; (way = hob__json_way_at(i)); i++) {
        hob__json_way_take(way);
        if (i == 0 || !slow) judged_by_others(way->name, at, n, right, numbers_fit);
        for (int borrow = 0; borrow < 2; borrow++) {
            int rc = hob_json_reparse(at, n, doc, .borrow = borrow);
            if (rc == HOB_E_JSON_RANGE && !numbers_fit) continue;
            if (rc != (right ? 0 : HOB_E_JSON) || memcmp(at, text, n) != 0)
                FAIL("%s: %d for %.*s", way->name, rc, (int)n, (const char *)text);
        }
    }
}

static const char *const samples[] = {
    "{\"a\":[1,-0.5e+10,true,false,null,\"x\"],\"b\":{}}",
    " [ ] ",
    "\t{ \"k\" : 0 ,\r\n\"\" : [ [ ] , { } ] }\n",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"",
    "[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\",\"\xE0\xA0\x80\xED\x9F\xBF\xF4\x8F\xBF\xBF\"]",
    "-12.75E-2",
    "[0,-1,10,123456789,1.5,0.25,1e9,-0]",
    /* across the edge of a block of 64 bytes */
    ("[                                                          "
     "{\"\\\\\":\"\\\\\\\"\",\"a\":-1.5}]"),
};

TEST(every_byte_at_every_place_of_every_production) {
    make_edge();
    CHECK_EQ(hob_json_parse("0", 1, &doc), 0);
    int step = TEST_ASAN || getenv("TEST_SLOW") ? 7 : 1; /* one of so many bytes from 80 on */
    for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
        size_t n = strlen(samples[k]);
        uint8_t text[200];
        CHECK(is_json((const uint8_t *)samples[k], n));
        for (size_t at = 0; at <= n; at++) {
            judged((const uint8_t *)samples[k], at, true); /* cut there */
            for (int c = 0; c < 256; c += c < 128 ? 1 : step) {
                memcpy(text, samples[k], n);
                if (at < n) {
                    text[at] = (uint8_t)c; /* instead */
                    judged(text, n, false);
                }
                memcpy(text + at + 1, samples[k] + at, n - at);
                text[at] = (uint8_t)c; /* between */
                judged(text, n + 1, false);
            }
            if (at == n) break;
            memcpy(text, samples[k], at);
            memcpy(text + at, samples[k] + at + 1, n - at - 1); /* without */
            judged(text, n - 1, true);
        }
    }
    hob_json_free(doc);
}

/* What number_usual.h leaves to others begins and ends everywhere: digits of every count before and
 * behind a point, at the end of what may be read. */
TEST(numbers_of_every_length_at_the_edge) {
    make_edge();
    CHECK_EQ(hob_json_parse("0", 1, &doc), 0);
    char text[200];
    for (int before = 0; before < 24; before++) {
        for (int behind = -1; behind < 28; behind++) {
            for (int rest = 0; rest < 60; rest += 7) {
                size_t n = (size_t)sprintf(text, "[%s", rest & 1 ? "-" : "");
                for (int i = 0; i < before; i++) text[n++] = (char)('1' + (i + rest) % 9);
                if (behind >= 0) text[n++] = '.';
                for (int i = 0; i < behind; i++) text[n++] = (char)('0' + (i + rest) % 10);
                text[n++] = ']';
                memset(text + n, ' ', (size_t)rest);
                n += (size_t)rest;
                judged((const uint8_t *)text, n, false);
                if (before == 0 || behind < 1) continue;
                double wanted = strtod(text + 1, NULL);
                if (hob_json_double(hob_json_at(hob_json_root(doc), 0), 0) != wanted)
                    FAIL("%s", text);
            }
        }
    }
    hob_json_free(doc);
}

/* ---- a generator: the same value twice, as it is written by others and as it is written here ----
 */

static char loose[1 << 16], tight[1 << 16];
static size_t loose_size, tight_size;

static void both(const char *a, const char *b) {
    loose_size += (size_t)sprintf(loose + loose_size, "%s", a);
    tight_size += (size_t)sprintf(tight + tight_size, "%s", b);
}

static void space(void) {
    for (unsigned i = any(4) ? 0 : any(70); i > 0; i--) loose[loose_size++] = " \t\r\n"[any(4)];
}

static void some_string(void) {
    static const char *const characters[][3] = {
        {"a", "\\u0061", "a"},
        {"\\\"", "\\u0022", "\\\""},
        {"\\\\", "\\u005C", "\\\\"},
        {"/", "\\/", "/"},
        {"\\n", "\\u000a", "\\n"},
        {"\\u0001", "\\u0001", "\\u0001"},
        {"\xC3\xA4", "\\u00E4", "\xC3\xA4"},
        {"\xF0\x9F\x98\x80", "\\ud83d\\uDE00", "\xF0\x9F\x98\x80"},
        {"plain text", "plain text", "plain text"}};
    both("\"", "\"");
    for (unsigned i = any(3) ? any(12) : any(60); i > 0; i--) {
        unsigned k = any(4) ? 0 : any(sizeof characters / sizeof *characters);
        both(characters[k][any(4) ? 0 : 1], characters[k][2]);
    }
    both("\"", "\"");
}

static void some_number(void) {
    char a[64], b[64];
    uint64_t bits = (uint64_t)any(UINT32_MAX) << 33 ^ (uint64_t)any(UINT32_MAX) << 2 ^ any(4);
    double d = any(2) ? (double)(int64_t)(bits >> any(60)) / (any(2) ? 100 : 4096) : 0;
    if (d == 0) memcpy(&d, &bits, sizeof d);
    if (any(3) == 0 || d - d != 0) {
        snprintf(a, sizeof a, "%lld", (long long)((int64_t)bits >> any(64)));
        both(a, a);
        return;
    }
    snprintf(a, sizeof a, any(2) ? "%.17g" : "%.16e", d);
    d = strtod(a, NULL);
    if (!strpbrk(a, ".e")) strcat(a, "e0");
    b[hob__json_write_double(d, b)] = 0;
    both(a, b);
}

static void some_value(unsigned depth) {
    static const char *const words[] = {"true", "false", "null"};
    unsigned kind = any(depth > 12 ? 4 : 6);
    space();
    if (kind == 0) {
        unsigned k = any(3);
        both(words[k], words[k]);
    } else if (kind == 1) {
        some_string();
    } else if (kind <= 3) {
        some_number();
    } else {
        both(kind == 4 ? "[" : "{", kind == 4 ? "[" : "{");
        space();
        for (unsigned i = any(depth ? 5 : 40), n = i; i > 0; i--) {
            if (i < n) both(",", ",");
            if (kind == 5) {
                space();
                some_string();
                space();
                both(":", ":");
            }
            some_value(depth + 1);
        }
        both(kind == 4 ? "]" : "}", kind == 4 ? "]" : "}");
    }
    space();
}

TEST(generated_texts_are_written_as_they_are_meant) {
    uint8_t *text =
        mmap(NULL, 2 * sizeof loose, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(text != MAP_FAILED);
    uint8_t *end = text + sizeof loose;
    CHECK_EQ(mprotect(end, sizeof loose, PROT_NONE), 0);
    CHECK_EQ(hob_json_parse("0", 1, &doc), 0);
    for (int round = getenv("TEST_SLOW") ? 300 : 3000; round > 0; round--) {
        seed = (uint64_t)round;
        loose_size = tight_size = 0;
        some_value(0);
        tight[tight_size] = 0;
        CHECK(loose_size < sizeof loose / 2);
        memcpy(end - loose_size, loose, loose_size);
        const struct hob__json_way *way;
        for (size_t i = 0; (way = hob__json_way_at(i)); i++) {
            hob__json_way_take(way);
            for (int borrow = 0; borrow < 2; borrow++) {
                char *out;
                size_t n;
                CHECK_EQ(hob_json_reparse(end - loose_size, loose_size, doc, .borrow = borrow), 0);
                CHECK_EQ(hob_json_write(hob_json_root(doc), &out, &n), 0);
                if (n != tight_size || memcmp(out, tight, n) != 0)
                    FAIL("%s, round %d:\n%s\n%s", way->name, round, out, tight);
                hob_json_text_free(out);
            }
        }
    }
    hob_json_free(doc);
}

TEST_MAIN()
