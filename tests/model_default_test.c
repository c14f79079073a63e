/* model_default_test.c - fields that have a value when they are not there (HOB_DEFAULT), in JSON,
 * forms, rows and schemas; and copies of structs with all that they point to (hob_model_copy). */
#include "model_test.h"

#include "base/memory.h"

static struct hob_arena memory;
static struct hob_problems wrong;

struct settings {
    int64_t port;
    bool verbose;
    double ratio;
    char *name;
    char code[8];
    enum color color;
    struct hob_time since;
    char **tags;
    int few[3];
    struct part part, *parts;
    int64_t *limit;
    char *note;
    enum hob_presence note_is;
    size_t ntags, nfew, nparts;
};
HOB_MODEL(settings, struct settings, HOB_FIELD(port, HOB_DEFAULT(8080), HOB_MIN(1)),
          HOB_FIELD(verbose, HOB_DEFAULT(true)), HOB_FIELD(ratio, HOB_DEFAULT(0.5)),
          HOB_FIELD(name, .optional = true, HOB_DEFAULT("none \"at\" all")),
          HOB_FIELD(code, HOB_DEFAULT("abc")),
          HOB_FIELD(color, HOB_DEFAULT("green"), .choices = colors),
          HOB_FIELD(since, HOB_DEFAULT("1970-01-01T00:00:01Z")),
          HOB_ARRAY(tags, ntags, HOB_DEFAULT([ "x", "y" ])),
          HOB_ARRAY(few, nfew, HOB_DEFAULT([ 1, 2 ])),
          HOB_NESTED(part, part, HOB_DEFAULT({"name" : "p", "weight" : 3})),
          HOB_NESTED_ARRAY(parts, nparts, part, HOB_DEFAULT([])), HOB_FIELD(limit, HOB_DEFAULT(7)),
          HOB_FIELD(note, .optional = true, HOB_DEFAULT("-"), HOB_PRESENCE(note_is)))

struct outer {
    struct settings one, *many;
    size_t count;
};
HOB_MODEL(outer, struct outer, HOB_NESTED(one, settings, HOB_DEFAULT({"port" : 1})),
          HOB_NESTED_ARRAY(many, count, settings, .optional = true))

static void check_all(const struct settings *s, int64_t port) {
    CHECK(s->port == port && s->verbose && s->ratio == 0.5);
    CHECK_STR(s->name, "none \"at\" all");
    CHECK_STR(s->code, "abc");
    CHECK_EQ(s->color, GREEN);
    CHECK_EQ(s->since.us, 1000000);
    CHECK(s->ntags == 2 && s->nfew == 2 && s->nparts == 0 && s->parts);
    CHECK_STR(s->tags[1], "y");
    CHECK(s->few[0] == 1 && s->few[1] == 2 && s->few[2] == 0);
    CHECK_STR(s->part.name, "p");
    CHECK_EQ(s->part.weight, 3);
    CHECK(s->limit && *s->limit == 7);
    CHECK_STR(s->note, "-");
    CHECK_EQ(s->note_is, HOB_ABSENT);
}

static int decode(struct settings *s, const char *text) {
    hob_arena_reset(&memory);
    memset(s, 0xA5, sizeof *s);
    return hob_model_decode(settings, s, text, strlen(text), &memory, .problems = &wrong);
}

TEST(missing_fields_have_their_values) {
    struct settings a, b;
    CHECK_EQ(decode(&a, "{}"), 0);
    check_all(&a, 8080);
    strcpy(a.tags[0], "!"); /* is the struct's own */
    CHECK_EQ(decode(&b, "{\"port\":5}"), 0);
    check_all(&b, 5);
    CHECK_STR(b.tags[0], "x");
}

TEST(what_is_there_counts) {
    struct settings s;
    CHECK_EQ(decode(&s, "{\"port\":9,\"verbose\":false,\"name\":null,\"tags\":[],\"limit\":null,"
                        "\"note\":\"n\",\"few\":[3]}"),
             0);
    CHECK(s.port == 9 && !s.verbose && !s.name && s.ntags == 0 && !s.limit);
    CHECK(s.nfew == 1 && s.few[0] == 3 && s.few[1] == 0);
    CHECK_STR(s.note, "n");
    CHECK_EQ(s.note_is, HOB_PRESENT);
    CHECK_EQ(decode(&s, "{\"port\":null,\"ratio\":\"x\"}"), HOB_E_MODEL);
    HAS("/port", "expected an integer");
    HAS("/ratio", "expected a number");
    CHECK_EQ(wrong.count, 2);
}

TEST(in_each_other) {
    struct outer o;
    hob_arena_reset(&memory);
    CHECK_EQ(hob_model_decode(outer, &o, "{\"many\":[{},{\"port\":2}]}", 24, &memory), 0);
    check_all(&o.one, 1);
    CHECK_EQ(o.count, 2);
    check_all(&o.many[0], 8080);
    check_all(&o.many[1], 2);
}

TEST(written_and_read_again) {
    struct settings s, again;
    char *text;
    size_t n;
    CHECK_EQ(
        decode(&s, "{\"port\":9,\"verbose\":false,\"ratio\":0.0,\"name\":null,\"limit\":null}"), 0);
    CHECK_EQ(hob_model_encode(settings, &s, &text, &n), 0);
    CHECK(strstr(text, "\"verbose\":false") && strstr(text, "\"name\":null") &&
          strstr(text, "\"limit\":null"));
    CHECK_EQ(hob_model_decode(settings, &again, text, n, &memory, .refuse_unknown = true), 0);
    CHECK_EQ(hob_model_equal(settings, &s, &again), 1);
    CHECK(!again.name && !again.limit && !again.verbose);
    hob_json_text_free(text);
}

TEST(forms_and_rows) {
    struct settings s;
    struct hob_columns columns;
    hob_arena_reset(&memory);
    CHECK_EQ(hob_model_decode_form(settings, &s, "port=7", 6, &memory), 0);
    check_all(&s, 7);
    const char *const names[] = {"port"};
    const struct hob_cell cell = {.kind = HOB_CELL_INT, .of.i = 6};
    CHECK_EQ(hob_model_columns(&settings_model, names, 1, &memory, &columns), 0);
    CHECK_EQ(hob_model_row(settings, &columns, &cell, &s, &memory, NULL), 0);
    check_all(&s, 6);
}

TEST(in_the_schema) {
    char *text;
    CHECK_EQ(hob_model_schema(&settings_model, 0, &text, NULL), 0);
    CHECK(strstr(text, "\"port\":{\"default\":8080,"));
    CHECK(strstr(text, "\"part\":{\"default\":{\"name\""));
    CHECK(!strstr(text, "\"required\":[\"port\""));
    hob_json_text_free(text);
}

struct broken {
    int a;
};
HOB_MODEL(broken, struct broken, HOB_FIELD(a, HOB_MAX(5), HOB_DEFAULT(6)))
TEST(a_value_that_is_not_right_stops_the_program) {
    struct broken b;
    CHECK_DIES(hob_model_decode(broken, &b, "{}", 2, &memory),
               "broken, field 'a': HOB_DEFAULT(6): ");
}

/* ---- copies ---- */

TEST(copies_share_nothing) {
    struct hob_arena first = {0}, second = {0};
    struct all *a = calloc(1, sizeof *a), b;
    CHECK_EQ(hob_model_decode(all, a, ALL_TEXT, strlen(ALL_TEXT), &first), 0);
    CHECK_EQ(hob_model_copy(all, &b, a, &second), 0);
    char *text, *again;
    CHECK_EQ(hob_model_encode(all, a, &text, NULL), 0);
    hob_arena_free(&first);
    memset(a, 0xA5, sizeof *a);
    free(a);
    CHECK_EQ(hob_model_encode(all, &b, &again, NULL), 0);
    CHECK_STR(again, text);
    CHECK_EQ(b.maybe[0], 5);
    hob_json_text_free(text);
    hob_json_text_free(again);
    hob_arena_free(&second);
}

struct chain {
    int n, unknown;
    struct chain *next;
};
HOB_MODEL(chain, struct chain, HOB_FIELD(n), HOB_NESTED(next, chain))

TEST(copies_of_long_chains_in_place) {
    static struct chain links[3000];
    struct chain c;
    for (int i = 0; i < 3000; i++) links[i] = (struct chain){i, -i, i < 999 ? &links[i + 1] : NULL};
    hob_arena_reset(&memory);
    c = links[0];
    CHECK_EQ(hob_model_copy(chain, &c, &c, &memory), 0);
    int n = 0;
    for (struct chain *p = &c; p; p = p->next, n++) {
        CHECK(p->n == n && p->unknown == -n);
        CHECK(p < links || p >= links + 3000);
    }
    CHECK_EQ(n, 1000);
    links[2999].next = &links[0]; /* one that holds itself ends, too */
    for (int i = 0; i < 2999; i++) links[i].next = &links[i + 1];
    CHECK_EQ(hob_model_copy(chain, &c, &links[0], &memory), HOB_E_LIMIT);
    CHECK(c.n == 0 && !c.next);
}

TEST(what_cannot_be_copied) {
    struct settings s, t;
    CHECK_EQ(decode(&s, "{}"), 0);
    s.nfew = 4;
    CHECK_EQ(hob_model_copy(settings, &t, &s, &memory), HOB_E_MODEL);
    s.nfew = 2;
    s.tags = NULL;
    CHECK_EQ(hob_model_copy(settings, &t, &s, &memory), HOB_E_MODEL);
    s.ntags = 0;
    s.note = (char *)1; /* nobody looks at it */
    s.note_is = HOB_NULL;
    CHECK_EQ(hob_model_copy(settings, &t, &s, &memory), 0);
    CHECK(!t.tags && !t.note && t.nfew == 2);
    s.note_is = HOB_ABSENT;
    CHECK_EQ(hob_model_copy(settings, &t, &s, &memory), 0);
    CHECK_STR(t.note, "-");
}

TEST(nth_allocation_fails) {
    struct settings s, t;
    hob_fail(-EINVAL, "there is a record from here on");
    CHECK_EQ(decode(&s, "{}"), 0);
    long live = hob__alloc_live(), tries = 0;
    for (int rc = -1; rc < 0; tries++) {
        struct hob_arena a = {0};
        hob__alloc_fail_at(tries + 1);
        rc = hob_model_copy(settings, &t, &s, &a);
        if (rc == 0) rc = hob_model_decode(settings, &t, "{}", 2, &a);
        hob__alloc_fail_at(0);
        if (rc < 0) CHECK_EQ(rc, -ENOMEM);
        hob_arena_free(&a);
        CHECK_EQ(hob__alloc_live(), live);
    }
    CHECK(tries > 1);
    hob_arena_free(&memory);
}

TEST_MAIN()
