/* model_form_test.c - models as JSON Schema; forms and queries into structs and back. */
#include "model_test.h"

#include "base/memory.h"
#include "data/model/model.h"
#include <hob/json_builder.h>

static struct hob_problems wrong;
static struct hob_arena memory;

/* ---- schemas ---- */

struct person {
    char *name, code[4];
    uint8_t age;
    int64_t *number;
    double score, ratio[2];
    struct hob_bytes key;
    struct hob_time born;
    struct hob_uuid id;
    struct hob_raw any;
    enum color color, *other;
    struct part part, *maybe;
    struct person *friends;
    size_t nfriends, ntags;
    char *tags[5];
    bool here;
};
HOB_MODEL(person, struct person,
          HOB_FIELD(name, .description = "What she is called.", .min_length = 1,
                    .pattern = "^[A-Z]"),
          HOB_FIELD(code), HOB_FIELD(age, HOB_BELOW(150)),
          HOB_FIELD(number, HOB_MIN(-1), .multiple_of = 2),
          HOB_FIELD(score, .name = "the score", HOB_ABOVE(0.5), HOB_MAX(1e300)), HOB_FIELD(ratio),
          HOB_FIELD(key), HOB_FIELD(born), HOB_FIELD(id), HOB_FIELD(any),
          HOB_FIELD(color, .choices = colors), HOB_FIELD(other, .choices = colors),
          HOB_NESTED(part, part), HOB_NESTED(maybe, part),
          HOB_NESTED_ARRAY(friends, nfriends, person, .optional = true, .max_items = 9),
          HOB_ARRAY(tags, ntags, .min_length = 2, .min_items = 1, .unique = true), HOB_FIELD(here))

TEST(schema) {
    static const char wanted[] =
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"person\","
        "\"type\":\"object\",\"properties\":{"
        "\"name\":{\"description\":\"What she is called.\",\"type\":\"string\",\"minLength\":1,"
        "\"pattern\":\"^[A-Z]\"},"
        "\"code\":{\"type\":\"string\",\"maxLength\":3},"
        "\"age\":{\"type\":\"integer\",\"minimum\":0,\"exclusiveMaximum\":150},"
        "\"number\":{\"type\":[\"integer\",\"null\"],\"minimum\":-1,\"multipleOf\":2},"
        "\"the score\":{\"type\":\"number\",\"exclusiveMinimum\":0.5,\"maximum\":1e300},"
        "\"ratio\":{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"minItems\":2,\"maxItems\":"
        "2},"
        "\"key\":{\"type\":\"string\",\"contentEncoding\":\"base64\"},"
        "\"born\":{\"type\":\"string\",\"format\":\"date-time\"},"
        "\"id\":{\"type\":\"string\",\"format\":\"uuid\"},\"any\":{},"
        "\"color\":{\"type\":\"string\",\"enum\":[\"red\",\"green\",\"blue\"]},"
        "\"other\":{\"type\":[\"string\",\"null\"],\"enum\":[\"red\",\"green\",\"blue\",null]},"
        "\"part\":{\"$ref\":\"#/$defs/part\"},"
        "\"maybe\":{\"anyOf\":[{\"$ref\":\"#/$defs/part\"},{\"type\":\"null\"}]},"
        "\"friends\":{\"type\":[\"array\",\"null\"],\"items\":{\"$ref\":\"#\"},\"maxItems\":9},"
        "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":2},\"minItems\":"
        "1,"
        "\"maxItems\":5,\"uniqueItems\":true},"
        "\"here\":{\"type\":\"boolean\"}},"
        "\"required\":[\"name\",\"code\",\"age\",\"the "
        "score\",\"ratio\",\"key\",\"born\",\"id\",\"any\","
        "\"color\",\"part\",\"tags\",\"here\"],"
        "\"$defs\":{\"part\":{\"title\":\"part\",\"type\":\"object\",\"properties\":{"
        "\"name\":{\"type\":\"string\"},"
        "\"weight\":{\"type\":\"integer\",\"minimum\":-2147483648,\"maximum\":2147483647}},"
        "\"required\":[\"name\",\"weight\"]}}}";
    char *text;
    size_t n;
    const char *why;
    struct hob__pattern *pattern = hob__pattern_make("a", &why, &n);
    if (!pattern) {
        printf("skipped: %s\n", why);
        return;
    }
    hob__pattern_free(pattern);
    CHECK_EQ(hob_model_schema(&person_model, 0, &text, &n), 0);
    CHECK_STR(text, wanted);
    CHECK_EQ(n, sizeof wanted - 1);
    hob_json_text_free(text);
    CHECK_EQ(hob_model_schema(&person_model, 2, &text, NULL), 0);
    CHECK_HAS(text, "\n  \"title\": \"person\",\n");
    hob_json_text_free(text);
}

struct point {
    float xy[2];
};
HOB_WRAPPER(point, struct point, HOB_FIELD(xy))
struct line {
    struct point *points;
    size_t n;
};
HOB_WRAPPER(line, struct line, HOB_NESTED_ARRAY(points, n, point))

TEST(schemas_of_wrappers_and_in_documents) {
    char *text;
    HOB_JSON_BUILDER(b);
    struct hob_slice made;
    CHECK_EQ(hob_model_schema(&line_model, 0, &text, NULL), 0);
    CHECK_STR(text,
              "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"line\","
              "\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/point\"},"
              "\"$defs\":{\"point\":{\"title\":\"point\",\"type\":\"array\",\"items\":{\"type\":"
              "\"number\"},\"minItems\":2,\"maxItems\":2}}}");
    hob_json_text_free(text);
    CHECK_EQ(hob_json_builder_new(&b), 0);
    CHECK_EQ(hob_model_put_schema(b, &line_model, "#/components/schemas/"), 0);
    CHECK_EQ(hob_json_finish(b, &made), 0);
    CHECK_STR(made.at, "{\"title\":\"line\",\"type\":\"array\",\"items\":{\"$ref\":"
                       "\"#/components/schemas/point\"}}");
}

/* ---- forms ---- */

struct order {
    char *name;
    int count;
    double *price;
    bool gift;
    enum color color;
    struct hob_time *when;
    char **tags;
    size_t ntags;
    int sizes[3];
    size_t nsizes;
    struct part part, *extra;
    struct part *parts;
    size_t nparts;
    struct hob_raw raw;
    struct hob_bytes key;
};
HOB_MODEL(order, struct order, HOB_FIELD(name), HOB_FIELD(count, HOB_MIN(1)), HOB_FIELD(price),
          HOB_FIELD(gift, .optional = true), HOB_FIELD(color, .optional = true, .choices = colors),
          HOB_FIELD(when), HOB_ARRAY(tags, ntags, .optional = true),
          HOB_ARRAY(sizes, nsizes, .optional = true), HOB_NESTED(part, part),
          HOB_NESTED(extra, part), HOB_NESTED_ARRAY(parts, nparts, part, .optional = true),
          HOB_FIELD(raw, .optional = true), HOB_FIELD(key, .optional = true))

#define FORM(out, text, ...)                                                                       \
    (hob_arena_reset(&memory), hob_model_decode_form(order, out, text, strlen(text), &memory,      \
                                                     .problems = &wrong, __VA_ARGS__))

TEST(forms) {
    struct order o;
    CHECK_EQ(
        FORM(
            &o,
            "&name=Ada+%4c.%20%C3%A4&count=3&&price=1.5&gift=on&color=green&tags=a&tags=&tags=b%26c"
            "&when=2026-01-31T12%3A00%3A00Z&sizes=1&part.name=p%&part.weight=7&sizes=2"
            "&parts=[{\"name\":\"x\",\"weight\":1}]&raw={\"a\":1}&key=AAE%3D&unknown=1&",
            .depth = 0),
        0);
    CHECK_STR(o.name, "Ada L. \xC3\xA4");
    CHECK(o.count == 3 && *o.price == 1.5 && o.gift && o.color == GREEN && o.when != NULL);
    CHECK_EQ(o.ntags, 3);
    CHECK_STR(o.tags[1], "");
    CHECK_STR(o.tags[2], "b&c");
    CHECK(o.nsizes == 2 && o.sizes[1] == 2);
    CHECK_STR(o.part.name, "p%");
    CHECK_EQ(o.part.weight, 7);
    CHECK(o.extra == NULL && o.nparts == 1 && o.parts[0].weight == 1);
    CHECK_STR(o.raw.at, "{\"a\":1}");
    CHECK_EQ(o.key.size, 2);
    /* empty inputs are nothing, where there may be nothing */
    CHECK_EQ(FORM(&o, "name=&count=1&price=&when=&color=&gift=off&part.name=a&part.weight=1",
                  .depth = 0),
             0);
    CHECK_STR(o.name, "");
    CHECK(!o.price && !o.when && !o.gift);
}

TEST(forms_that_do_not_fit) {
    struct order o;
    CHECK_EQ(
        FORM(&o,
             "count=x&price=1e&gift=maybe&color=mauve&when=now&part.name=a&part=1&nope=1&count=2",
             .refuse_unknown = true),
        HOB_E_MODEL);
    HAS("/name", "is missing");
    HAS("/count", "expected an integer");
    HAS("/count", "is there twice");
    HAS("/price", "expected a number, found a string");
    HAS("/gift", "expected a boolean");
    HAS("/color", "found \"mauve\"");
    HAS("/when", "found \"now\"");
    HAS("/part/weight", "is missing");
    HAS("/part", "is there twice");
    HAS("/nope", "is not known");
    for (size_t i = 0; i < wrong.count; i++) CHECK_EQ(wrong.items[i].line, 0);
    CHECK_EQ(FORM(&o, "", .depth = 0), HOB_E_MODEL);
    HAS("/part/name", "is missing");
    CHECK_EQ(FORM(&o, "name=a&count=0&part.name=a&part.weight=1", .depth = 0), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 1);
    HAS("/count", "expected at least 1, found 0");
    CHECK_EQ(FORM(&o, "name=%FF", .depth = 0), HOB_E_JSON);
    static char many[10000];
    for (int i = 0; i < HOB_FORM_PAIRS; i++) strcat(many, "a=1&");
    CHECK_EQ(FORM(&o, many, .depth = 0), HOB_E_LIMIT);
}

struct node {
    int v;
    struct node *next;
};
HOB_MODEL(node, struct node, HOB_FIELD(v, .optional = true), HOB_NESTED(next, node))

TEST(names_in_each_other) {
    struct node v;
    HOB_ARENA(a);
    char text[200] = "";
    for (int i = 0; i < 15; i++) strcat(text, "next.");
    strcat(text, "v=7");
    CHECK_EQ(hob_model_decode_form(node, &v, text, strlen(text), &a), 0);
    struct node *last = &v;
    while (last->next) last = last->next;
    CHECK_EQ(last->v, 7);
    memmove(text + 5, text, strlen(text) + 1);
    CHECK_EQ(hob_model_decode_form(node, &v, text, strlen(text), &a), HOB_E_LIMIT);
}

TEST(forms_there_and_back) {
    static const char text[] =
        "name=a%26b%3Dc+%C3%A4*-._%7E&count=3&price=0.25&gift=true&color=blue&"
        "when=2026-01-31T12%3A00%3A00Z&tags=x&tags=y&sizes=1&sizes=2&part.name=p&"
        "part.weight=-7&extra.name=&extra.weight=0&raw=%5B1%5D&key=%2F%2F8%3D";
    struct order o;
    char *out;
    size_t n;
    CHECK_EQ(FORM(&o, text, .depth = 0), 0);
    CHECK_EQ(hob_model_encode_form(order, &o, &out, &n), 0);
    CHECK_STR(out, text);
    CHECK_EQ(n, strlen(text));
    hob_json_text_free(out);
    o.parts = &o.part;
    o.nparts = 1;
    CHECK_EQ(hob_model_encode_form(order, &o, &out, &n), HOB_E_MODEL);
    CHECK_HAS(hob_error()->message, "/parts: an array of structs has no place in a form");
    o.nparts = 0;
    o.name = NULL;
    CHECK_EQ(hob_model_encode_form(order, &o, &out, &n), HOB_E_MODEL);
    CHECK_HAS(hob_error()->message, "/name: is missing");
}

TEST(nth_allocation_fails) {
    const char *text = "name=a&count=1&tags=a&tags=b&part.name=a&part.weight=1&key=AAAA";
    struct order o;
    char *out;
    CHECK_EQ(FORM(&o, text, .depth = 0), 0);
    CHECK_EQ(hob_model_schema(&order_model, 0, &out, NULL), 0);
    hob_json_text_free(out);
    hob_fail(-EINVAL, "there is a record from here on");
    hob_arena_free(&memory);
    long live = hob__alloc_live(), tries = 0;
    for (int rc = -1; rc < 0; tries++) {
        hob__alloc_fail_at(tries + 1);
        rc = FORM(&o, text, .depth = 0);
        if (rc == 0 && (rc = hob_model_encode_form(order, &o, &out, NULL)) == 0)
            hob_json_text_free(out);
        if (rc == 0 && (rc = hob_model_schema(&order_model, 0, &out, NULL)) == 0)
            hob_json_text_free(out);
        if (rc < 0) CHECK_EQ(rc, -ENOMEM);
        hob__alloc_fail_at(0);
        hob_arena_free(&memory);
        CHECK_EQ(hob__alloc_live(), live);
    }
    CHECK(tries > 8);
}

TEST_MAIN()
