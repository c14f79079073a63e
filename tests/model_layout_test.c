/* model_layout_test.c - many records in one text, in which the decoder goes by how the last one was
 * laid out (data/model/decode.h): what it makes of each is what it makes of the record alone, in a
 * text so short that it goes by nothing. Records of one layout, with members that are missing,
 * doubled, in another order, unknown, null or of another type, and white space where there was
 * none; each way that this processor can go, right before an unreadable page. And texts with a byte
 * changed, or cut: what is JSON there is what hob_json_check() says. */
#include "any.h"
#include "model_test.h"

#include "data/model/model.h"
#include "data/tree.h"

struct spot {
    double xy[2];
};
HOB_WRAPPER(spot, struct spot, HOB_FIELD(xy))
struct marked {
    double xyz[3];
    int mark;
};
HOB_WRAPPER(marked, struct marked, HOB_FIELD(xyz))
struct inner {
    int32_t a;
    bool b;
    char *c;
};
HOB_MODEL(inner, struct inner, HOB_FIELD(a), HOB_FIELD(b), HOB_FIELD(c, .optional = true))
struct record {
    int64_t id, *maybe;
    char *name;
    struct hob_slice slice;
    double d, *score;
    bool yes;
    int32_t i;
    uint8_t small;
    struct hob_time t;
    char **tags, *pair[2], code[6];
    int few[3];
    struct spot *spots;
    struct marked *marks;
    struct inner in, *ins;
    struct hob_raw raw;
    size_t ntags, nfew, nspots, nmarks, nins;
};
HOB_MODEL(record, struct record, HOB_FIELD(id), HOB_FIELD(maybe), HOB_FIELD(name),
          HOB_FIELD(slice, .optional = true), HOB_FIELD(d), HOB_FIELD(score), HOB_FIELD(yes),
          HOB_FIELD(i, .optional = true), HOB_FIELD(small, .optional = true, HOB_MAX(200)),
          HOB_FIELD(t), HOB_ARRAY(tags, ntags), HOB_FIELD(pair, .optional = true),
          HOB_FIELD(code, .optional = true), HOB_ARRAY(few, nfew, .optional = true),
          HOB_NESTED_ARRAY(spots, nspots, spot, .optional = true),
          HOB_NESTED_ARRAY(marks, nmarks, marked, .optional = true), HOB_NESTED(in, inner),
          HOB_NESTED_ARRAY(ins, nins, inner, .optional = true), HOB_FIELD(raw, .optional = true))

enum { RECORDS = 12, ALONE = 500, TEXT = RECORDS * (ALONE + 8) };

/* ---- texts ---- */

struct text {
    char at[1 << 16];
    size_t n;
};

static void put(struct text *t, const char *s) {
    size_t n = strlen(s);
    memcpy(t->at + t->n, s, n);
    t->n += n;
}

/* White space, as the layout has it there, or now and then another. */
static unsigned layout;
static void space(struct text *t, unsigned depth, bool colon) {
    static const char *const others[] = {"", " ", "\n", "\t ", "  \r\n"};
    if (any(60) == 0)
        put(t, others[any(5)]);
    else if (layout == 1 && colon)
        put(t, " ");
    else if (layout == 2 && !colon)
        for (put(t, "\n"); depth > 0; depth--) put(t, "  ");
    else if (layout == 3)
        for (put(t, "\n"); depth > 0; depth--) put(t, "          ");
}

static void digits(struct text *t, unsigned most) {
    char d[2] = {(char)('1' + any(9)), 0};
    for (unsigned n = 1 + any(most); n > 0; n--, *d = (char)('0' + any(10))) put(t, d);
}

static void number(struct text *t, bool whole) {
    if (any(4) == 0) put(t, "-");
    if (any(8) == 0)
        put(t, "0");
    else
        digits(t, any(6) == 0 ? 20 : 8);
    if (whole) return;
    put(t, ".");
    digits(t, any(6) == 0 ? 24 : 17);
    if (any(20) == 0) put(t, any(2) ? "e-3" : "E7");
}

static void string(struct text *t) {
    static const char *const odd[] = {"\\n",          "\\u00e4",        "\xC3\xA4", "\\\"",
                                      "\xE2\x82\xAC", "\\ud83d\\ude00", "\\/"};
    put(t, "\"");
    for (unsigned n = any(8) ? any(12) : 20 + any(60); n > 0; n--) {
        char c[2] = {(char)('a' + any(26)), 0};
        put(t, any(30) ? c : odd[any(7)]);
    }
    if (any(80) == 0) put(t, "\\u0000");
    put(t, "\"");
}

static void any_value(struct text *t, unsigned depth) {
    switch (any(depth > 3 ? 5 : 7)) {
    case 0:
        put(t, any(2) ? "null" : "true");
        break;
    case 1:
        string(t);
        break;
    case 2:
        number(t, true);
        break;
    case 3:
        number(t, false);
        break;
    case 4:
        put(t, any(2) ? "[]" : "{}");
        break;
    case 5:
        put(t, "[");
        any_value(t, depth + 1);
        space(t, depth, false);
        put(t, ",");
        any_value(t, depth + 1);
        put(t, "]");
        break;
    default:
        put(t, "{\"x\":");
        any_value(t, depth + 1);
        put(t, "}");
    }
}

static void value(struct text *t, char kind, unsigned depth);

static void list(struct text *t, char kind, unsigned n, unsigned depth) {
    put(t, "[");
    for (unsigned i = 0; i < n; i++) {
        if (i) put(t, ",");
        space(t, depth + 1, false);
        value(t, kind, depth + 1);
    }
    if (n || any(2)) space(t, depth, false);
    put(t, "]");
}

/* Members "nk,..." of a name and a kind of value. */
static void object(struct text *t, const char *const *members, unsigned depth) {
    bool first = true;
    put(t, "{");
    for (const char *const *m = members; *m; m++) {
        char name[24];
        const char *colon = strchr(*m, ':');
        snprintf(name, sizeof name, "\"%.*s\"", (int)(colon - *m), *m);
        if (any(25) == 0) continue;
        unsigned times = 1 + (any(150) == 0);
        bool unknown = any(12) == 0;
        for (unsigned k = 0; k < times + unknown; k++) {
            if (!first) put(t, ",");
            first = false;
            space(t, depth + 1, false);
            if (k == times) snprintf(name, sizeof name, "\"other%u\"", any(4) ? 1 : any(100));
            if (any(200) == 0) snprintf(name, sizeof name, "\"i\\u0064\"");
            put(t, name);
            put(t, ":");
            space(t, 0, true);
            value(t, k == times ? '?' : colon[1], depth + 1);
        }
    }
    space(t, depth, false);
    put(t, "}");
}

static void value(struct text *t, char kind, unsigned depth) {
    static const char *const times[] = {
        "\"2026-01-31T12:00:00Z\"", "\"1999-12-31T23:59:60Z\"", "\"2024-02-29T01:02:03.5+01:00\"",
        "\"2026-02-30T00:00:00Z\"", "\"0000-01-01T00:00:00Z\"", "\"2026x01-31T12:00:00Z\""};
    static const char *const inner[] = {"a:i", "b:b", "c:s", NULL};
    if (any(40) == 0) kind = "?nids"[any(5)];
    switch (kind) {
    case 'i':
        number(t, true);
        break;
    case 'd':
        number(t, false);
        break;
    case 's':
        string(t);
        break;
    case 'b':
        put(t, any(2) ? "true" : "false");
        break;
    case 'n':
        put(t, "null");
        break;
    case 'm':
        put(t, any(3) ? "12" : "null");
        break;
    case 't':
        put(t, times[any(4) ? 0 : any(6)]);
        break;
    case 'S':
        list(t, 's', any(20) ? any(4) : 9, depth);
        break;
    case 'I':
        list(t, 'i', any(4), depth);
        break;
    case '2':
        list(t, 's', any(20) ? 2 : any(4), depth);
        break;
    case 'p':
        list(t, 'd', any(20) ? 2 : any(4), depth);
        break;
    case 'q':
        list(t, 'd', any(20) ? 3 : any(4), depth);
        break;
    case 'P':
        list(t, 'p', any(4), depth);
        break;
    case 'Q':
        list(t, 'q', any(3), depth);
        break;
    case 'o':
        object(t, inner, depth);
        break;
    case 'O':
        list(t, 'o', any(3), depth);
        break;
    default:
        any_value(t, depth);
    }
}

static void record(struct text *t) {
    static const char *const members[] = {"id:i",    "name:s", "slice:s", "d:d",    "yes:b",
                                          "i:i",     "t:t",    "maybe:m", "tags:S", "score:d",
                                          "small:i", "pair:2", "code:s",  "few:I",  "spots:P",
                                          "marks:Q", "in:o",   "ins:O",   "raw:?",  NULL};
    const char *some[24];
    unsigned n = 0;
    /* Not all of them, so that a record is short; the same ones for all of a text. */
    uint64_t mask = seed;
    static uint64_t chosen;
    if (layout & 8) chosen = mask;
    layout &= 7;
    for (const char *const *m = members; *m; m++)
        if (chosen >> (20 + (m - members)) & 1) some[n++] = *m;
    some[n] = NULL;
    if (n > 1 && any(20) == 0) {
        const char *last = some[n - 1];
        some[n - 1] = some[0];
        some[0] = last;
    }
    for (unsigned tries = 1;; tries++) {
        t->n = 0;
        object(t, some, 1);
        if (t->n < ALONE) return;
        if (tries % 8 == 0 && n > 1) some[--n] = NULL;
    }
}

/* ---- the test ---- */

static struct hob_arena memory, alone_memory;
static struct hob_problems wrong, alone_wrong;

/* For models integers beyond 64 bits are JSON. */
static int judge(const char *text, size_t n) {
    return hob__json_check((const uint8_t *)text, n,
                           &(struct hob_json_options){.big_double = true});
}

static void check_problems(size_t i, size_t *at) {
    for (size_t k = 0; k < alone_wrong.count; k++, ++*at) {
        char path[600];
        snprintf(path, sizeof path, "/%zu%s", i, alone_wrong.items[k].path);
        CHECK(*at < wrong.count);
        CHECK_STR(wrong.items[*at].path, path);
        CHECK_STR(wrong.items[*at].message, alone_wrong.items[k].message);
    }
}

static void check_text(const struct text *records, const char *text, size_t n, bool last_wins,
                       bool refuse) {
    struct edge e = edge_begin(text, n);
    struct record *all;
    size_t count, at = 0;
    hob_arena_reset(&memory);
    int rc = hob_model_decode_array(record, &all, &count, e.at, n, &memory, .problems = &wrong,
                                    .last_wins = last_wins, .refuse_unknown = refuse);
    CHECK_EQ(judge(e.at, n), 0);
    if (rc != HOB_E_MODEL) CHECK_EQ(rc, 0);
    CHECK_EQ(count, RECORDS);
    for (size_t i = 0; i < RECORDS; i++) {
        struct edge one = edge_begin(records[i].at, records[i].n);
        struct record r;
        hob_arena_reset(&alone_memory);
        int alone = hob_model_decode(record, &r, one.at, records[i].n, &alone_memory,
                                     .problems = &alone_wrong, .last_wins = last_wins,
                                     .refuse_unknown = refuse);
        if (wrong.more == 0) check_problems(i, &at);
        if (alone == 0) CHECK_EQ(hob_model_equal(record, &r, &all[i]), 1);
        edge_end(&one);
    }
    if (wrong.more == 0) CHECK_EQ(at, wrong.count);
    edge_end(&e);
}

static void check_broken(char *text, size_t n) {
    struct record *all;
    size_t count;
    for (int i = 0; i < 40; i++) {
        size_t at = any((unsigned)n), cut = i % 2 ? n : at;
        char was = text[at];
        static const char bytes[] = "\"\\{}[]:,0-.eE \n\x01\xC3tx\x7F";
        if (i % 2) text[at] = bytes[any(sizeof bytes)];
        struct edge e = edge_begin(text, cut);
        hob_arena_reset(&memory);
        int rc = hob_model_decode_array(record, &all, &count, e.at, cut, &memory);
        int judged = judge(e.at, cut);
        CHECK(rc == 0 || rc == HOB_E_MODEL ? judged == 0 : rc == judged);
        edge_end(&e);
        text[at] = was;
    }
}

TEST(together_as_alone) {
    static struct text records[RECORDS], all;
    const struct hob__json_way *way, *best = hob__json_way();
    for (unsigned round = 0; round < TEST_ROUNDS(400, 4); round++) {
        seed = round * UINT64_C(0x9E3779B97F4A7C15);
        layout = any(4) | 8;
        all.n = 0;
        put(&all, "[");
        for (size_t i = 0; i < RECORDS; i++) {
            record(&records[i]);
            if (i) put(&all, ",");
            space(&all, 1, false);
            memcpy(all.at + all.n, records[i].at, records[i].n);
            all.n += records[i].n;
        }
        put(&all, "]");
        for (size_t k = 0; (way = hob__json_way_at(k)); k++) {
            hob__json_way_take(way);
            check_text(records, all.at, all.n, round % 3 == 0, round % 5 == 0);
            check_broken(all.at, all.n);
        }
    }
    hob__json_way_take(best);
    hob_arena_free(&memory);
    hob_arena_free(&alone_memory);
}

/* ---- numbers ---- */

struct numbers {
    int64_t l;
    int32_t i;
    double d, xy[2], *more;
    size_t count;
};
HOB_MODEL(numbers, struct numbers, HOB_FIELD(l), HOB_FIELD(i), HOB_FIELD(d), HOB_FIELD(xy),
          HOB_ARRAY(more, count))

static void put_number(struct text *t, unsigned whole, unsigned fraction) {
    put(t, any(3) ? "" : "-");
    for (unsigned i = 0; i < whole; i++)
        put(t, (char[]){(char)(i || any(9) == 0 ? '0' + any(10) : '1' + any(9)), 0});
    if (whole > 1 && t->at[t->n - whole] == '0') t->at[t->n - whole] = '7';
    if (fraction) put(t, ".");
    for (unsigned i = 0; i < fraction; i++) put(t, (char[]){(char)('0' + any(10)), 0});
}

/* Of every count of digits, in each of the ways that a decoder has for them, as the tree has them.
 */
TEST(numbers_as_the_tree_reads_them) {
    static struct text t;
    const struct hob__json_way *way, *best = hob__json_way();
    for (unsigned round = 0; round < 500; round++) {
        struct hob_json_doc *doc;
        struct numbers *all;
        size_t count;
        seed = round * UINT64_C(0x9E3779B97F4A7C15) + 1;
        t.n = 0;
        for (unsigned i = 0; i < 40; i++) {
            put(&t, i ? ",{\"l\":" : "[{\"l\":");
            put_number(&t, 1 + any(18), 0);
            put(&t, ",\"i\":");
            put_number(&t, 1 + any(9), 0);
            put(&t, ",\"d\":");
            put_number(&t, 1 + any(20), any(22));
            put(&t, ",\"xy\":[");
            put_number(&t, 1 + any(4), 1 + any(17));
            put(&t, ",");
            put_number(&t, 1 + any(8), any(9));
            put(&t, "],\"more\":[");
            put_number(&t, 1 + any(3), any(20));
            put(&t, "]}");
        }
        put(&t, "]");
        CHECK_EQ(hob_json_parse(t.at, t.n, &doc, .big_double = true), 0);
        for (size_t k = 0; (way = hob__json_way_at(k)); k++) {
            hob__json_way_take(way);
            hob_arena_reset(&memory);
            CHECK_EQ(hob_model_decode_array(numbers, &all, &count, t.at, t.n, &memory), 0);
            CHECK_EQ(count, 40);
            for (size_t i = 0; i < count; i++) {
                const struct hob_json *one = hob_json_at(hob_json_root(doc), i);
                double got[] = {all[i].d, all[i].xy[0], all[i].xy[1], all[i].more[0]};
                const struct hob_json *xy = hob_json_get(one, "xy");
                double wanted[] = {hob_json_double(hob_json_get(one, "d"), 0),
                                   hob_json_double(hob_json_at(xy, 0), 0),
                                   hob_json_double(hob_json_at(xy, 1), 0),
                                   hob_json_double(hob_json_at(hob_json_get(one, "more"), 0), 0)};
                for (int n = 0; n < 4; n++) CHECK(memcmp(&got[n], &wanted[n], sizeof *got) == 0);
                CHECK_EQ(all[i].l, hob_json_int(hob_json_get(one, "l"), 0));
                CHECK_EQ(all[i].i, hob_json_int(hob_json_get(one, "i"), 0));
            }
        }
        hob_json_free(doc);
    }
    hob__json_way_take(best);
    hob_arena_free(&memory);
}

/* ---- items one behind the other ---- */

struct item {
    int32_t a, b;
    char *c;
};
static const char *item_is_odd(const void *whole) {
    return ((const struct item *)whole)->a & 1 ? NULL : "even";
}
HOB_MODEL(item, struct item, HOB_FIELD(a), HOB_FIELD(b, .optional = true),
          HOB_FIELD(c, .optional = true))
HOB_MODEL(odd_item, struct item, HOB_FIELD(a), HOB_FIELD(b, .optional = true),
          HOB_FIELD(c, .optional = true), HOB_CHECK(item_is_odd))
HOB_MODEL(default_item, struct item, HOB_FIELD(a), HOB_FIELD(b, HOB_DEFAULT(5)),
          HOB_FIELD(c, .optional = true))
struct item_list {
    struct item *items, *odd;
    size_t nitems, nodd;
};
HOB_MODEL(item_list, struct item_list, HOB_NESTED_ARRAY(items, nitems, item, .optional = true),
          HOB_NESTED_ARRAY(odd, nodd, item, .optional = true, .check = item_is_odd))

enum { ITEMS = 60 };
static void put_items(struct text *t, bool whole, int step) {
    char item[80];
    put(t, "[");
    for (int i = 0; i < ITEMS; i++) {
        snprintf(item, sizeof item, "%s{\"a\":%d%s}", i ? "," : "", 1 + i * step,
                 whole ? ",\"b\":7,\"c\":\"text\"" : "");
        put(t, item);
    }
    put(t, "]");
}

/* What is not in an item is zero, or its field's value then, and no item passes unchecked. */
TEST(items_are_whole_behind_each_other) {
    static struct text t;
    struct item *all;
    size_t count;
    const struct hob__json_way *way, *best = hob__json_way();
    for (size_t k = 0; (way = hob__json_way_at(k)); k++) {
        hob__json_way_take(way);
        for (int whole = 1; whole >= 0; whole--) {
            t.n = 0;
            put_items(&t, whole, 1);
            hob_arena_reset(&memory); /* then what was there before lies where the others were */
            CHECK_EQ(hob_model_decode_array(item, &all, &count, t.at, t.n, &memory), 0);
            CHECK_EQ(count, ITEMS);
            for (int i = 0; i < ITEMS; i++)
                CHECK(all[i].a == 1 + i && all[i].b == (whole ? 7 : 0) && !all[i].c == !whole);
            hob_arena_reset(&memory);
            CHECK_EQ(hob_model_decode_array(default_item, &all, &count, t.at, t.n, &memory), 0);
            for (int i = 0; i < ITEMS; i++)
                CHECK(all[i].a == 1 + i && all[i].b == (whole ? 7 : 5) && !all[i].c == !whole);
            hob_arena_reset(&memory);
            CHECK_EQ(hob_model_decode_array(odd_item, &all, &count, t.at, t.n, &memory,
                                            .problems = &wrong),
                     HOB_E_MODEL);
            CHECK_EQ(wrong.count, ITEMS / 2);
            CHECK_STR(wrong.items[3].path, "/7");
        }
        struct item_list list;
        t.n = 0;
        put(&t, "{\"items\":");
        put_items(&t, true, 1);
        put(&t, ",\"odd\":");
        put_items(&t, true, 1);
        put(&t, "}");
        hob_arena_reset(&memory);
        CHECK_EQ(hob_model_decode(item_list, &list, t.at, t.n, &memory, .problems = &wrong),
                 HOB_E_MODEL);
        CHECK_EQ(wrong.count, ITEMS / 2);
        CHECK_STR(wrong.items[0].path, "/odd/1");
    }
    hob__json_way_take(best);
    hob_arena_free(&memory);
}

/* ---- times ---- */

struct moment {
    struct hob_time t;
};
HOB_MODEL(moment, struct moment, HOB_FIELD(t))

/* As hob__time_read() has it, where the others were of the usual form. */
static void check_time(const char *time) {
    enum { BEFORE = 20, BEHIND = 6 };
    static struct text t;
    struct moment *all;
    struct hob_time wanted, usual;
    size_t count;
    const char *other = "2026-12-28T23:59:59Z";
    t.n = 0;
    CHECK(hob__time_read(other, 20, &usual));
    bool right = hob__time_read(time, strlen(time), &wanted);
    for (unsigned i = 0; i <= BEFORE + BEHIND; i++) {
        put(&t, i ? ",{\"t\":\"" : "[{\"t\":\"");
        put(&t, i == BEFORE ? time : other);
        put(&t, "\"}");
    }
    put(&t, "]");
    hob_arena_reset(&memory);
    int rc = hob_model_decode_array(moment, &all, &count, t.at, t.n, &memory);
    if (rc != (right ? 0 : HOB_E_MODEL)) FAIL("%s: %d", time, rc);
    CHECK_EQ(count, BEFORE + BEHIND + 1);
    for (unsigned i = 0; i < count; i++) {
        if (i == BEFORE && !right) continue;
        if (all[i].t.us != (i == BEFORE ? wanted : usual).us) FAIL("%s, the %uth", time, i);
    }
}

TEST(times_in_every_way) {
    const struct hob__json_way *way, *best = hob__json_way();
    char time[40];
    for (size_t k = 0; (way = hob__json_way_at(k)); k++) {
        hob__json_way_take(way);
        for (unsigned at = 0; at < 20; at++) {
            for (int c = ' '; c < 0x80; c++) {
                strcpy(time, "2024-02-29T12:34:56Z");
                if (any(2)) strcpy(time, "1999-11-17T00:00:00Z");
                time[at] = (char)c;
                if (c != '"' && c != '\\') check_time(time);
            }
        }
        for (unsigned round = 0; round < 4000; round++) {
            snprintf(time, sizeof time, "%04u-%02u-%02uT%02u:%02u:%02uZ", any(10000), any(14),
                     any(33), any(25), any(61), any(62));
            check_time(time);
        }
    }
    hob__json_way_take(best);
    hob_arena_free(&memory);
}

TEST_MAIN()
