/* json_fuzz.c - JSON: the parser, with its text copied or borrowed, and in every way that this
 * processor can go, says of every text what the judge says; what is written reads as the same tree,
 * and is written the same way again. */
#include "data/write.h"
#include "fuzz.h"
#include <hob/json.h>

enum { MOST = 4096 };

static void same_places(const char *text, size_t n) {
    static uint32_t best[MOST + HOB__JSON_BLOCK], plain[MOST + HOB__JSON_BLOCK];
    int64_t count = hob__json_index_plain((const uint8_t *)text, n, plain, NULL);
    const struct hob__json_way *way;
    for (size_t i = 0; (way = hob__json_way_at(i)); i++) {
        CHECK(way->index((const uint8_t *)text, n, best, NULL) == count);
        CHECK(count < 0 || memcmp(best, plain, (size_t)count * sizeof *best) == 0);
    }
}

static char *written(const struct hob_json_doc *doc, size_t *n) {
    char *text;
    CHECK(hob_json_write(hob_json_root(doc), &text, n) == 0 && strlen(text) == *n);
    const struct hob__json_way *way;
    for (size_t i = 0; (way = hob__json_way_at(i)); i++) {
        struct hob__json_writer w = {0};
        CHECK(way->write(hob_json_root(doc), &w) == 0);
        CHECK(w.size == *n && memcmp(w.text, text, *n) == 0);
        hob_json_text_free(w.text);
    }
    return text;
}

/* Every value can be looked at. */
static size_t visit(const struct hob_json *v) {
    size_t n = 1;
    HOB_JSON_EACH(item, v) n += visit(item);
    HOB_JSON_EACH_MEMBER(name, value, v) {
        CHECK(hob_json_type(hob_json_get_n(v, name->of.text, hob_json_size(name))) !=
              HOB_JSON_NONE);
        n += 1 + visit(value);
    }
    return n;
}

FUZZ(data, n) {
    if (n > MOST) return;
    const char *text = edge_kept(data, n);
    same_places(text, n);
    struct hob_json_doc *doc, *borrowed, *again;
    int rc = hob_json_parse(text, n, &doc);
    CHECK(hob_json_check(text, n, 0) == rc);
    CHECK(hob_json_parse(text, n, &borrowed, .borrow = true) == rc);
    if (rc < 0) return;
    const struct hob_json *root = hob_json_root(doc);
    if (n < 300) CHECK(visit(root) == (size_t)(hob_json_next(root) - root));
    size_t first, second, third;
    char *a = written(doc, &first), *b = written(borrowed, &second);
    CHECK(first == second && memcmp(a, b, first) == 0);
    CHECK(hob_json_parse(a, first, &again) == 0);
    char *c = written(again, &third);
    CHECK(third == first && memcmp(a, c, first) == 0);
    hob_json_text_free(a);
    hob_json_text_free(b);
    hob_json_text_free(c);
    hob_json_free(doc);
    hob_json_free(borrowed);
    hob_json_free(again);
}
