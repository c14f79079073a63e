/* json_reader_fuzz.c - JSON in pieces: however a text is cut, the reader's events say what the tree
 * says, in order, and what is wrong in the same words; so do its trees and its records, and lines
 * are what each would be by itself. What the builder makes of the events is what the writer makes
 * of the tree. */
#include "fuzz.h"
#include <hob/error.h>
#include <hob/json_builder.h>
#include <hob/json_reader.h>

enum { MOST = 2048 };

static struct {
    const char *text;
    size_t n, at;
    uint32_t state; /* how it is cut */
    unsigned cut;   /* 0: not at all */
} in;

static void feed(struct hob_json_reader *r) {
    size_t n = in.n - in.at;
    if (in.cut && n > 1) n = 1 + fuzz_next(&in.state) % (in.cut < n ? in.cut : n);
    if (in.at == in.n) {
        CHECK(hob_json_end(r) == 0);
    } else {
        CHECK(hob_json_feed(r, edge_copy(in.text + in.at, n), n) == 0);
    }
    in.at += n;
}

static int rc_of(int e) { return e == HOB_E_JSON_INCOMPLETE ? HOB_E_JSON : e; }

static void build(struct hob_json_builder *b, int e, const struct hob_json *v) {
    int rc = e == HOB_JSON_BEGIN_OBJECT  ? hob_json_begin_object(b)
             : e == HOB_JSON_END_OBJECT  ? hob_json_end_object(b)
             : e == HOB_JSON_BEGIN_ARRAY ? hob_json_begin_array(b)
             : e == HOB_JSON_END_ARRAY   ? hob_json_end_array(b)
             : e == HOB_JSON_NAME        ? hob_json_name_n(b, v->of.text, hob_json_size(v))
             : hob_json_type(v) == HOB_JSON_STRING
                 ? hob_json_put_string_n(b, v->of.text, hob_json_size(v))
                 : hob_json_put_value(b, v);
    CHECK(rc == 0);
}

/* All events; what the builder makes of them. */
static int events(struct hob_json_reader *r, struct hob_json_builder *b, char *words) {
    struct hob_json v;
    int e;
    while ((e = hob_json_read(r, &v)) > 0) {
        if (e == HOB_JSON_MORE)
            feed(r);
        else
            build(b, e, &v);
    }
    *words = 0;
    if (e < 0) snprintf(words, 512, "%s", hob_error()->message);
    return rc_of(e);
}

/* Skipped as a whole it is as right or wrong. */
static int skipped(struct hob_json_reader *r) {
    struct hob_json v;
    int e;
    while ((e = hob_json_read(r, &v)) == HOB_JSON_MORE) feed(r);
    while (e > 0 && (e = hob_json_skip(r)) == HOB_JSON_MORE) feed(r);
    while (e == 0 && (e = hob_json_read(r, &v)) == HOB_JSON_MORE) {
        feed(r);
        e = 0;
    }
    return rc_of(e);
}

static void same(const struct hob_json *a, const struct hob_json *b) {
    char *x, *y;
    size_t n, m;
    CHECK(hob_json_write(a, &x, &n) == 0 && hob_json_write(b, &y, &m) == 0);
    CHECK(n == m && memcmp(x, y, n) == 0);
    hob_json_text_free(x);
    hob_json_text_free(y);
}

/* As a tree, then as the records of an array. */
static void trees(struct hob_json_reader *r, const struct hob_json *root, int rc) {
    const struct hob_json *v;
    struct hob_json x;
    int e;
    while ((e = hob_json_read_tree(r, &v)) == HOB_JSON_MORE) feed(r);
    if (e == HOB_JSON_VALUE && root) same(v, root);
    while (e > 0 && (e = hob_json_read(r, &x)) == HOB_JSON_MORE) {
        feed(r);
        e = 1;
    }
    CHECK(rc_of(e) == rc);

    const struct hob_json *item = root && hob_json_type(root) == HOB_JSON_ARRAY
                                      ? hob__json_first(root, HOB_JSON_ARRAY)
                                      : NULL;
    hob_json_reader_reset(r);
    in.at = 0;
    for (;;) {
        e = hob_json_read_item(r, &v);
        if (e == HOB_JSON_MORE) {
            feed(r);
        } else if (e == HOB_JSON_VALUE) {
            if (!item) continue;
            same(v, item);
            item = hob_json_next(item);
        } else {
            break;
        }
    }
    CHECK(root == NULL || hob_json_type(root) != HOB_JSON_ARRAY ? e < 0 : e == 0);
    if (item) CHECK(item == hob__json_end(root, HOB_JSON_ARRAY));
}

/* Every line by itself. */
static void lines(struct hob_json_reader *r) {
    const char *at = in.text, *end = in.text + in.n;
    struct hob_json_doc *doc;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at)), *p = at;
        if (!stop) stop = end;
        while (p < stop && strchr(" \t\r", *p) && *p) p++;
        if (p < stop) {
            const struct hob_json *v;
            int rc = hob_json_parse(at, (size_t)(stop - at), &doc), e;
            while ((e = hob_json_read_item(r, &v)) == HOB_JSON_MORE) feed(r);
            if (rc == 0) {
                CHECK(e == HOB_JSON_VALUE);
                same(v, hob_json_root(doc));
            } else {
                CHECK(rc_of(e) == rc);
            }
            hob_json_free(doc);
        }
        at = stop + 1;
    }
    const struct hob_json *v;
    int e;
    while ((e = hob_json_read_item(r, &v)) == HOB_JSON_MORE) feed(r);
    CHECK(e == HOB_JSON_END);
}

FUZZ(data, n) {
    struct hob_json_reader *r, *by_line;
    struct hob_json_builder *b;
    struct hob_json_doc *doc;
    struct hob_slice text;
    char words[512] = "", other[512], *written = NULL;
    if (n < 2 || n > MOST) return;
    in.cut = data[0] % 40;
    in.state = data[1];
    in.text = (const char *)data + 2;
    in.n = n - 2;
    int rc = hob_json_parse(in.text, in.n, &doc);
    if (rc < 0) snprintf(words, sizeof words, "%s", hob_error()->message);
    CHECK(hob_json_reader_new(&r) == 0 && hob_json_builder_new(&b) == 0);
    in.at = 0;
    CHECK(events(r, b, other) == rc && strcmp(words, other) == 0);
    if (rc == 0) {
        size_t size;
        CHECK(hob_json_finish(b, &text) == 0);
        CHECK(hob_json_write(hob_json_root(doc), &written, &size) == 0);
        CHECK(size == text.size && memcmp(written, text.at, size) == 0);
        hob_json_text_free(written);
    }
    in.at = 0;
    hob_json_reader_reset(r);
    CHECK(skipped(r) == rc);
    in.at = 0;
    hob_json_reader_reset(r);
    trees(r, hob_json_root(doc), rc);
    in.at = 0;
    CHECK(hob_json_reader_new(&by_line, .lines = true) == 0);
    lines(by_line);
    hob_json_reader_free(by_line);
    hob_json_reader_free(r);
    hob_json_builder_free(b);
    hob_json_free(doc);
}
