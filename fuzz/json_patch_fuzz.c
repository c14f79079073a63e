/* json_patch_fuzz.c - two values, divided by a NUL: what the first is after the second as a patch
 * can be written and read again; as a merge patch it is what the RFC's own few lines make of it;
 * and what differs between the two, put to the first, makes the second. And pointers: each value is
 * where its own leads, and any text leads where a second reading of RFC 6901 goes. */
#include "fuzz.h"
#include <hob/error.h>
#include <hob/json_builder.h>
#include <hob/json_edit.h>

enum { MOST = 1024 };

static bool has_null(const struct hob_json *v) {
    HOB_JSON_EACH_MEMBER(name, value, v) {
        if (hob_json_type(value) == HOB_JSON_NULL || has_null(value)) return true;
    }
    return false;
}

/* RFC 7386, section 2. */
static void merge(struct hob_json_builder *b, const struct hob_json *target,
                  const struct hob_json *patch) {
    if (hob_json_type(patch) != HOB_JSON_OBJECT) {
        CHECK(hob_json_put_value(b, patch) == 0);
        return;
    }
    hob_json_begin_object(b);
    HOB_JSON_EACH_MEMBER(name, value, target) {
        const struct hob_json *with = hob_json_get_n(patch, name->of.text, hob_json_size(name));
        if (hob_json_type(with) == HOB_JSON_NULL) continue;
        hob_json_name_n(b, name->of.text, hob_json_size(name));
        if (with)
            merge(b, value, with);
        else
            hob_json_put_value(b, value);
    }
    HOB_JSON_EACH_MEMBER(name, value, patch) {
        if (hob_json_type(value) == HOB_JSON_NULL ||
            hob_json_get_n(target, name->of.text, hob_json_size(name)))
            continue;
        hob_json_name_n(b, name->of.text, hob_json_size(name));
        merge(b, NULL, value);
    }
    CHECK(hob_json_end_object(b) == 0);
}

/* It is a document like any other. */
static void whole(const struct hob_json_doc *doc) {
    struct hob_json_doc *again;
    char *text;
    size_t n;
    CHECK(hob_json_write(hob_json_root(doc), &text, &n) == 0);
    CHECK(hob_json_parse(text, n, &again) == 0);
    CHECK(hob_json_equal(hob_json_root(doc), hob_json_root(again)) == 1);
    hob_json_text_free(text);
    hob_json_free(again);
}

static void merges(const struct hob_json *a, const struct hob_json *b) {
    struct hob_json_doc *doc, *wanted;
    struct hob_json_builder *out;
    struct hob_slice text;
    CHECK(hob_json_merge(a, b, &doc) == 0);
    whole(doc);
    CHECK(hob_json_builder_new(&out) == 0);
    merge(out, a, b);
    CHECK(hob_json_finish(out, &text) == 0);
    CHECK(hob_json_parse(text.at, text.size, &wanted) == 0);
    CHECK(hob_json_equal(hob_json_root(doc), hob_json_root(wanted)) == 1);
    hob_json_builder_free(out);
    hob_json_free(wanted);
    hob_json_free(doc);
}

static void differ(const struct hob_json *a, const struct hob_json *b) {
    struct hob_json_doc *patch, *after;
    CHECK(hob_json_diff(a, b, &patch) == 0);
    CHECK(hob_json_patch(a, hob_json_root(patch), &after) == 0);
    CHECK(hob_json_equal(hob_json_root(after), b) == 1);
    CHECK((hob_json_size(hob_json_root(patch)) == 0) == (hob_json_equal(a, b) == 1));
    hob_json_free(patch);
    hob_json_free(after);
    int rc = hob_json_diff_merge(a, b, &patch);
    if (rc < 0) {
        CHECK(rc == HOB_E_JSON_PATCH && has_null(b));
        return;
    }
    CHECK(hob_json_merge(a, hob_json_root(patch), &after) == 0);
    CHECK(hob_json_equal(hob_json_root(after), b) == 1);
    hob_json_free(patch);
    hob_json_free(after);
}

/* ---- pointers ---- */

enum { POINTER_MAX = 16384 };

/* `at` is the pointer to v, in a buffer of POINTER_MAX. */
static void each_pointer(const struct hob_json *root, const struct hob_json *v, char *at,
                         size_t n) {
    at[n] = 0;
    CHECK(hob_json_pointer(root, at) == v);
    if (n > POINTER_MAX - 7000) return;
    size_t i = 0;
    HOB_JSON_EACH(item, v) {
        each_pointer(root, item, at, n + (size_t)sprintf(at + n, "/%zu", i++));
    }
    HOB_JSON_EACH_MEMBER(name, value, v) {
        size_t size = hob_json_size(name);
        char back[MOST];
        if (memchr(name->of.text, 0, size)) continue; /* a pointer ends there */
        at[n] = '/';
        size_t m = hob_json_pointer_escape(name->of.text, size, at + n + 1, POINTER_MAX - n - 1);
        CHECK(m >= size && m <= 2 * size);
        CHECK(hob_json_pointer_unescape(at + n + 1, m, back, sizeof back) == (ssize_t)size);
        CHECK(memcmp(back, name->of.text, size) == 0);
        each_pointer(root, value, at, n + 1 + m);
    }
}

static const struct hob_json *naive(const struct hob_json *v, const char *p) {
    for (; v && *p; p += strcspn(p, "/")) {
        char token[MOST + 1];
        size_t n = 0;
        if (*p++ != '/') return NULL;
        for (; *p && *p != '/'; p++) {
            if (*p != '~')
                token[n++] = *p;
            else if (p[1] == '0' || p[1] == '1')
                token[n++] = *++p == '0' ? '~' : '/';
            else
                return NULL;
        }
        token[n] = 0;
        if (hob_json_type(v) == HOB_JSON_OBJECT) {
            v = hob_json_get_n(v, token, n);
        } else {
            bool number = n > 0 && strspn(token, "0123456789") == n && (n == 1 || *token != '0');
            if (hob_json_type(v) != HOB_JSON_ARRAY || !number || n > 9) return NULL;
            v = hob_json_at(v, strtoul(token, NULL, 10));
        }
    }
    return v;
}

static void pointers(const struct hob_json *v, const uint8_t *text, size_t n) {
    static char room[POINTER_MAX];
    const char *pointer = edge_string(text, n);
    each_pointer(v, v, room, 0);
    CHECK(hob_json_pointer(v, pointer) == naive(v, pointer));
}

FUZZ(data, n) {
    const char *text = (const char *)data, *middle = n ? memchr(text, 0, n) : NULL;
    struct hob_json_doc *a, *b, *after;
    if (!middle || n > MOST) return;
    size_t first = (size_t)(middle - text);
    if (hob_json_parse(text, first, &a, .duplicates = HOB_JSON_REJECT) < 0) return;
    pointers(hob_json_root(a), data + first + 1, n - first - 1);
    if (hob_json_parse(middle + 1, n - first - 1, &b, .duplicates = HOB_JSON_REJECT) == 0) {
        const struct hob_json *x = hob_json_root(a), *y = hob_json_root(b);
        int rc = hob_json_patch(x, y, &after, .limit = 1 << 20);
        CHECK((rc == 0) == (after != NULL));
        CHECK(rc == 0 || rc == HOB_E_JSON_PATCH || rc == HOB_E_JSON_TEST || rc == HOB_E_LIMIT);
        if (rc == 0) whole(after);
        hob_json_free(after);
        merges(x, y);
        differ(x, y);
        differ(y, x);
    }
    hob_json_free(a);
    hob_json_free(b);
}
