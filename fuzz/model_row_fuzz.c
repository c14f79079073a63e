/* model_row_fuzz.c - rows of databases, as texts and as values of other kinds: what becomes a
 * struct is right, and goes through JSON as the same; texts of numbers, times and UUIDs mean what
 * JSON's mean; a pattern that backtracks ends. */
#include "fuzz.h"
#include <hob/error.h>
#include <hob/json.h>
#include <hob/model.h>

#include "data/arena.h"
#include "data/model/model.h"

enum { FIELDS = 13, MOST = 4096 };

static const struct hob_choice kinds[] = {{"small", 1}, {"large", 5}, {0}};
enum kind { SMALL = 1, LARGE = 5 };

struct thing {
    bool b;
    int8_t i;
    int64_t l;
    uint64_t u;
    double d;
    char *s;
    char c[6];
    struct hob_bytes y;
    struct hob_time w;
    struct hob_uuid id;
    struct hob_raw r;
    enum kind k;
    size_t nn;
    int n[3];
};
HOB_MODEL(thing, struct thing, HOB_FIELD(b, .optional = true), HOB_FIELD(i, .optional = true),
          HOB_FIELD(l, .optional = true, HOB_MIN(-1000)), HOB_FIELD(u, .optional = true),
          HOB_FIELD(d, .optional = true), HOB_FIELD(s, .optional = true, .max_length = 100),
          HOB_FIELD(c, .optional = true), HOB_FIELD(y, .optional = true),
          HOB_FIELD(w, .optional = true), HOB_FIELD(id, .optional = true),
          HOB_FIELD(r, .optional = true), HOB_FIELD(k, .optional = true, .choices = kinds),
          HOB_ARRAY(n, nn, .optional = true))

static const char *const names[FIELDS] = {"b", "i", "l",  "u", "d", "s", "c",
                                          "y", "w", "id", "r", "k", "n"};

static void right(const struct thing *first) {
    struct hob_arena memory = {0};
    struct thing again;
    char *text;
    size_t n;
    CHECK(hob_model_validate(thing, first, &memory, NULL) == 0);
    CHECK(hob_model_encode(thing, first, &text, &n) == 0);
    CHECK(hob_model_decode(thing, &again, text, n, &memory, .refuse_unknown = true) == 0);
    CHECK(hob_model_equal(thing, first, &again) == 1);
    hob_json_text_free(text);
    hob_arena_free(&memory);
}

/* What one number is as a text in a row, it is in JSON. */
static void as_json(const struct thing *row, const struct hob_cell *c, size_t field) {
    struct hob_arena memory = {0};
    struct thing again;
    char text[400];
    if (c->kind != HOB_CELL_TEXT || c->of.text.size > 300 || field < 1 || field > 4) return;
    int n = snprintf(text, sizeof text, "{\"%s\": %.*s}", names[field], (int)c->of.text.size,
                     c->of.text.at);
    CHECK(hob_model_decode(thing, &again, text, (size_t)n, &memory) == 0);
    CHECK(memcmp(&row->i, &again.i, sizeof row->i) == 0 && row->l == again.l && row->u == again.u);
    CHECK(memcmp(&row->d, &again.d, sizeof row->d) == 0);
    hob_arena_free(&memory);
}

/* Without PCRE2 there are none. */
static void patterns(const char *text, size_t n) {
    static struct hob__pattern *simple, *hard;
    struct hob__matcher m = {0};
    const char *why;
    size_t at;
    if (!simple) simple = hob__pattern_make("^[a-c]+[0-9]?$", &why, &at);
    if (!hard) hard = hob__pattern_make("^(a+)+$|^(.*b){3}|(\\w+\\s?)+-$", &why, &at);
    if (!simple || !hard) return;
    size_t letters = 0;
    while (letters < n && text[letters] >= 'a' && text[letters] <= 'c') letters++;
    bool digit = letters + 1 == n && text[letters] >= '0' && text[letters] <= '9';
    CHECK(hob__pattern_found(simple, &m, text, n) == (letters > 0 && (letters == n || digit)));
    int rc = hob__pattern_found(hard, &m, text, n);
    CHECK(rc == 0 || rc == 1 || rc == HOB_E_LIMIT);
    hob__matcher_end(&m);
}

static struct hob_cell cell(struct fuzz_input *in) {
    struct hob_cell c = {.kind = (enum hob_cell_kind)(fuzz_byte(in) % 7)};
    size_t n;
    const uint8_t *at = fuzz_bytes(in, 255, &n);
    char *text = edge_copy(at, n);
    int64_t number = 0;
    memcpy(&number, text, n < sizeof number ? n : sizeof number);
    switch (c.kind) {
    case HOB_CELL_INT:
    case HOB_CELL_TIME:
        c.of.i = number;
        break;
    case HOB_CELL_DOUBLE:
        memcpy(&c.of.d, &number, sizeof c.of.d);
        break;
    default:
        c.of.text = (struct hob_slice){text, n};
        patterns(text, n);
    }
    return c;
}

FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    struct hob_arena memory = {0};
    struct hob_cell cells[FIELDS];
    struct hob_problems wrong;
    struct thing one;
    if (n > MOST) return;
    for (size_t i = 0; i < FIELDS; i++) {
        struct hob_columns column;
        cells[i] = cell(&in);
        CHECK(hob_model_columns(&thing_model, names + i, 1, &memory, &column) == 0);
        int rc = hob_model_row(thing, &column, cells + i, &one, &memory, &wrong);
        CHECK(rc == 0 || rc == HOB_E_MODEL || rc == HOB_E_LIMIT);
        CHECK((rc == HOB_E_MODEL) == (wrong.count > 0));
        if (rc < 0) cells[i].kind = HOB_CELL_NULL;
        if (rc == 0) right(&one);
        if (rc == 0) as_json(&one, cells + i, i);
    }
    /* All that were right by themselves are right together. */
    struct hob_columns columns;
    CHECK(hob_model_columns(&thing_model, names, FIELDS, &memory, &columns) == 0);
    int rc = hob_model_row(thing, &columns, cells, &one, &memory, &wrong);
    CHECK(rc == 0 || (rc == HOB_E_MODEL && wrong.count > 0)); /* a NULL where none may be */
    if (rc == 0) right(&one);
    hob_arena_free(&memory);
}
