/* model_fuzz.c - models: of every text it is said whether it is JSON as the judge says; a struct
 * that was made is right, is written, read again as the same, and written the same way again. */
#include "fuzz.h"
#include <hob/json.h>
#include <hob/model.h>

#include "data/arena.h"

enum { MOST = 4096 };

enum kind { SMALL, LARGE = 5, ODD = -3 };
static const struct hob_choice kinds[] = {
    {"small", SMALL}, {"large", LARGE}, {"\xC3\xA4", ODD}, {0}};

struct leaf {
    double xy[2];
};
HOB_WRAPPER(leaf, struct leaf, HOB_FIELD(xy))
struct thing {
    bool b;
    int8_t i;
    int64_t l;
    uint64_t u;
    float f;
    double d;
    char *s;
    char c[6];
    struct hob_slice t;
    struct hob_bytes y;
    struct hob_time w;
    struct hob_uuid id;
    struct hob_raw r;
    enum kind k;
    int *p;
    struct leaf *leaves;
    struct thing *next, *many;
    size_t nleaves, nmany, nn;
    uint8_t n[3];
    enum hob_presence t_is;
};
static const char *not_thirteen(const void *value) {
    return *(const int8_t *)value == 13 ? "is 13" : NULL;
}
HOB_MODEL(thing, struct thing, HOB_FIELD(b, .optional = true),
          HOB_FIELD(i, .optional = true, HOB_MIN(-100), .check = not_thirteen),
          HOB_FIELD(l, .optional = true, .multiple_of = 2), HOB_FIELD(u, .optional = true),
          HOB_FIELD(f, .optional = true), HOB_FIELD(d, .optional = true, HOB_BELOW(1e300)),
          HOB_FIELD(s, .optional = true, .max_length = 40), HOB_FIELD(c, .optional = true),
          HOB_FIELD(t, .optional = true, HOB_PRESENCE(t_is)), HOB_FIELD(y, .optional = true),
          HOB_FIELD(w, .optional = true), HOB_FIELD(id, .optional = true),
          HOB_FIELD(r, .optional = true), HOB_FIELD(k, .optional = true, .choices = kinds),
          HOB_FIELD(p), HOB_NESTED_ARRAY(leaves, nleaves, leaf, .optional = true, .max_items = 5),
          HOB_NESTED(next, thing), HOB_NESTED_ARRAY(many, nmany, thing, .optional = true),
          HOB_ARRAY(n, nn, .optional = true, .unique = true))

static void there_and_back(const struct thing *first) {
    struct hob_arena memory = {0};
    struct hob_problems wrong;
    struct thing again;
    char *a, *b, shown[300];
    size_t n, m;
    CHECK(hob_model_validate(thing, first, &memory, &wrong) == 0 && wrong.count == 0);
    CHECK(hob_model_encode(thing, first, &a, &n) == 0 && strlen(a) == n);
    CHECK(hob_model_decode(thing, &again, a, n, &memory, .refuse_unknown = true) == 0);
    CHECK(hob_model_equal(thing, first, &again) == 1);
    CHECK(hob_model_encode(thing, &again, &b, &m) == 0 && m == n && memcmp(a, b, n) == 0);
    hob_json_text_free(b);
    CHECK(hob_model_encode(thing, first, &b, &m, .indent = 1, .newline = true) == 0);
    CHECK(hob_model_decode(thing, &again, b, m, &memory) == 0);
    CHECK(hob_model_equal(thing, &again, first) == 1);
    hob_model_format(thing, first, shown, sizeof shown);
    hob_json_text_free(a);
    hob_json_text_free(b);
    hob_arena_free(&memory);
}

/* As a form: what it makes is right, and goes there and back, too. */
static void form(const char *text, size_t n) {
    struct hob_arena memory = {0};
    struct thing one, again;
    char *written, *second;
    size_t size, again_size;
    int rc = hob_model_decode_form(thing, &one, text, n, &memory);
    if (rc == 0) {
        there_and_back(&one);
        rc = hob_model_encode_form(thing, &one, &written, &size);
        CHECK(rc == 0 || rc == HOB_E_MODEL); /* arrays of structs */
        if (rc == 0) {
            /* A struct of nothing leaves no trace in a form, so only the forms are the same. */
            CHECK(hob_model_decode_form(thing, &again, written, size, &memory) == 0);
            CHECK(hob_model_encode_form(thing, &again, &second, &again_size) == 0);
            CHECK(size == again_size && memcmp(written, second, size) == 0);
            hob_json_text_free(written);
            hob_json_text_free(second);
        }
    }
    hob_arena_free(&memory);
}

FUZZ(data, n) {
    if (n > MOST) return;
    static struct hob_arena memory;
    const char *text = edge_kept(data, n);
    form(text, n);
    struct hob_problems wrong, array_wrong;
    struct thing one, *some;
    size_t count;
    hob_arena_reset(&memory);
    int rc = hob_model_decode(thing, &one, text, n, &memory, .problems = &wrong);
    int judged = hob_json_check(text, n, 0);
    bool json = rc == 0 || rc == HOB_E_MODEL;
    /* Integers beyond 64 bits are no mistake of the text here, but of the value. */
    if (judged != HOB_E_JSON_RANGE) CHECK(json ? judged == 0 : judged == rc);
    CHECK((wrong.count > 0) == (rc == HOB_E_MODEL));
    for (size_t i = 0; i < wrong.count; i++) {
        CHECK(strlen(wrong.items[i].path) < 500 && wrong.items[i].message[0]);
        CHECK(wrong.items[i].line >= 1 && wrong.items[i].column >= 1);
    }
    if (rc == 0) there_and_back(&one);
    rc = hob_model_decode_array(thing, &some, &count, text, n, &memory, .last_wins = true,
                                .refuse_unknown = true, .problems = &array_wrong);
    CHECK(json == (rc == 0 || rc == HOB_E_MODEL));
    for (size_t i = 0; rc == 0 && i < count; i++) there_and_back(&some[i]);
}
