/* data/value.c - looking at a tree's values. */
#include "data/tree.h"

#include <hob/error.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *hob_json_type_name(const struct hob_json *v) {
    static const char *const names[] = {"nothing", "null",   "boolean", "boolean", "number",
                                        "number",  "number", "string",  "array",   "object"};
    return names[hob_json_type(v)];
}

size_t hob_json_size(const struct hob_json *v) {
    return hob_json_type(v) >= HOB_JSON_STRING ? hob__json_size(v) : 0;
}

/* ---- finding ---- */

const struct hob_json *hob_json_get_n(const struct hob_json *object, const char *name, size_t n) {
    const struct hob_json *found = NULL;
    bool last = object && (object->head & HOB__JSON_LAST);
    HOB_JSON_EACH_MEMBER(key, value, object) {
        if (hob__json_size(key) != n || memcmp(key->of.text, name, n) != 0) continue;
        found = value;
        if (!last) break;
    }
    return found;
}

const struct hob_json *hob_json_get(const struct hob_json *object, const char *name) {
    return hob_json_get_n(object, name, strlen(name));
}

const struct hob_json *hob_json_at(const struct hob_json *array, size_t i) {
    if (hob_json_type(array) != HOB_JSON_ARRAY || i >= hob__json_size(array)) return NULL;
    const struct hob_json *v = array + 1;
    while (i-- > 0) v = hob_json_next(v);
    return v;
}

/* A reference token of a pointer against a name: ~1 stands for /, ~0 for ~. */
static bool token_is(const char *token, size_t n, const struct hob_json *key) {
    const char *name = key->of.text, *end = name + hob__json_size(key);
    for (size_t i = 0; i < n; i++, name++) {
        char c = token[i];
        if (c == '~') {
            if (++i == n || (token[i] != '0' && token[i] != '1')) return false;
            c = token[i] == '0' ? '~' : '/';
        }
        if (name == end || *name != c) return false;
    }
    return name == end;
}

static const struct hob_json *member(const struct hob_json *v, const char *token, size_t n) {
    const struct hob_json *found = NULL;
    HOB_JSON_EACH_MEMBER(key, value, v) {
        if (!token_is(token, n, key)) continue;
        found = value;
        if (!(v->head & HOB__JSON_LAST)) break;
    }
    return found;
}

static const struct hob_json *item(const struct hob_json *v, const char *token, size_t n) {
    size_t i = 0;
    if (n == 0 || n > 18 || (n > 1 && token[0] == '0')) return NULL;
    for (size_t k = 0; k < n; k++) {
        if (token[k] < '0' || token[k] > '9') return NULL;
        i = i * 10 + (size_t)(token[k] - '0');
    }
    return hob_json_at(v, i);
}

const struct hob_json *hob_json_pointer(const struct hob_json *v, const char *pointer) {
    while (v && *pointer) {
        if (*pointer++ != '/') return NULL;
        size_t n = strcspn(pointer, "/");
        v = hob_json_type(v) == HOB_JSON_OBJECT ? member(v, pointer, n) : item(v, pointer, n);
        pointer += n;
    }
    return v;
}

/* ---- what it is ---- */

static int not_a(const struct hob_json *v, const char *what) {
    return hob_fail(HOB_E_JSON_TYPE, "%s where %s was expected", hob_json_type_name(v), what);
}

int hob_json_to_bool(const struct hob_json *v, bool *out) {
    enum hob_json_type t = hob_json_type(v);
    if (t != HOB_JSON_TRUE && t != HOB_JSON_FALSE) return not_a(v, "a boolean");
    *out = t == HOB_JSON_TRUE;
    return 0;
}

static bool to_int(const struct hob_json *v, int64_t *out) {
    switch (hob_json_type(v)) {
    case HOB_JSON_INT:
        *out = v->of.i;
        return true;
    case HOB_JSON_DOUBLE:
        if (v->of.d != trunc(v->of.d) || v->of.d < -0x1p63 || v->of.d >= 0x1p63) return false;
        *out = (int64_t)v->of.d;
        return true;
    default:
        return false;
    }
}

int hob_json_to_int(const struct hob_json *v, int64_t *out) {
    return to_int(v, out) ? 0 : not_a(v, "an integer of 64 bits");
}

int hob_json_to_uint(const struct hob_json *v, uint64_t *out) {
    int64_t i;
    if (hob_json_type(v) == HOB_JSON_UINT) {
        *out = v->of.u;
        return 0;
    }
    if (hob_json_type(v) == HOB_JSON_DOUBLE && v->of.d == trunc(v->of.d) && v->of.d >= 0x1p63 &&
        v->of.d < 0x1p64) {
        *out = (uint64_t)v->of.d;
        return 0;
    }
    if (!to_int(v, &i) || i < 0) return not_a(v, "an unsigned integer of 64 bits");
    *out = (uint64_t)i;
    return 0;
}

static bool to_double(const struct hob_json *v, double *out) {
    switch (hob_json_type(v)) {
    case HOB_JSON_INT:
        *out = (double)v->of.i;
        return true;
    case HOB_JSON_UINT:
        *out = (double)v->of.u;
        return true;
    case HOB_JSON_DOUBLE:
        *out = v->of.d;
        return true;
    default:
        return false;
    }
}

int hob_json_to_double(const struct hob_json *v, double *out) {
    return to_double(v, out) ? 0 : not_a(v, "a number");
}

int hob_json_to_string(const struct hob_json *v, struct hob_slice *out) {
    if (hob_json_type(v) != HOB_JSON_STRING) return not_a(v, "a string");
    *out = (struct hob_slice){v->of.text, hob__json_size(v)};
    return 0;
}

bool hob_json_bool(const struct hob_json *v, bool other) {
    enum hob_json_type t = hob_json_type(v);
    return t == HOB_JSON_TRUE || (t != HOB_JSON_FALSE && other);
}

int64_t hob_json_int(const struct hob_json *v, int64_t other) {
    int64_t i;
    return to_int(v, &i) ? i : other;
}

double hob_json_double(const struct hob_json *v, double other) {
    double d;
    return to_double(v, &d) ? d : other;
}

const char *hob_json_string(const struct hob_json *v, const char *other) {
    return hob_json_type(v) == HOB_JSON_STRING ? v->of.text : other;
}

/* ---- names that are there twice ---- */

/* Bytewise, as memcmp() answers. */
static int compare(const struct hob_json *x, const struct hob_json *y) {
    size_t n = hob__json_size(x), m = hob__json_size(y);
    int order = memcmp(x->of.text, y->of.text, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

int hob__json_by_name(const void *a, const void *b) {
    const struct hob_json *x = *(const struct hob_json *const *)a;
    const struct hob_json *y = *(const struct hob_json *const *)b;
    int order = compare(x, y);
    return order ? order : (x > y) - (x < y);
}

int hob__json_find_twice(const struct hob_json *object, const struct hob_json **twice) {
    enum { FEW = 16 };
    const struct hob_json *some[FEW], **names = some;
    size_t n = hob__json_size(object), i = 0;
    if (n > FEW && !(names = hob__alloc(n * sizeof *names))) return -ENOMEM;
    HOB_JSON_EACH_MEMBER(key, value, object) names[i++] = key;
    qsort(names, n, sizeof *names, hob__json_by_name);
    int rc = 0;
    for (i = 1; i < n && rc == 0; i++) {
        if (compare(names[i - 1], names[i]) != 0) continue;
        *twice = names[i];
        rc = HOB_E_JSON_DUPLICATE;
    }
    if (names != some) hob__free(names);
    return rc;
}
