/* data/reader_tree.c - the reader's trees: values, records, lines. A container is first found as a
 * whole, by its brackets, then parsed like any text; if the parser refuses it, the judge says what
 * is wrong, and the place is moved to where that is in the text. */
#include "data/copy.h"
#include "data/reader.h"

#include <hob/error.h>
#include <string.h>

static int need_doc(struct hob_json_reader *r) {
    if (r->doc || (r->doc = hob__json_doc_new())) return 0;
    return hob_fail(-ENOMEM, "no memory for a JSON document");
}

static int give(struct hob_json_reader *r, const struct hob_json **v) {
    r->busy = HOB__JSON_FREE;
    r->last = HOB_JSON_END_OBJECT;
    *v = hob_json_root(r->doc);
    return HOB_JSON_VALUE;
}

/* The n bytes at r->p into the document; depth: of containers around them. 0, -ENOMEM, or what the
 * parser says of them. */
static int parse(struct hob_json_reader *r, size_t n, unsigned depth) {
    struct hob_json_options o = r->tree;
    o.depth = r->depth_limit - depth;
    int rc = need_doc(r);
    return rc < 0 ? rc : hob_json_reparse_with(r->p, n, o, r->doc);
}

/* The value, or line, at r->p has a name twice. */
static int twice(struct hob_json_reader *r) {
    return hob__json_say_twice(r->doc, r->p, hob_json_reader_place(r));
}

/* ---- containers ---- */

static const char a_record[] = "a value to be read as a tree";

/* The container at r->p has n bytes. */
static int use_container(struct hob_json_reader *r, size_t n, const struct hob_json **v) {
    if (n > r->o.limit) return hob__reader_judged(r, hob__json_judge, a_record);
    int rc = parse(r, n, r->depth);
    if (rc == -ENOMEM) {
        r->looked = 0; /* to be found again */
        r->span = (struct hob__json_span){0};
        return rc;
    }
    r->began = r->p;
    if (rc == HOB_E_JSON_DUPLICATE) return hob__reader_failed(r, twice(r));
    if (rc < 0) {
        struct hob_json_options o = r->tree;
        struct hob__json_verdict verdict;
        o.depth = r->depth_limit - r->depth;
        hob__json_judge(r->p, n, &o, &verdict);
        return hob__reader_wrong(r, &verdict, n);
    }
    r->p += n;
    r->looked = 0;
    r->captures = false;
    hob__reader_value_ends(r);
    return give(r, v);
}

static int container(struct hob_json_reader *r, const struct hob_json **v) {
    if (!r->captures) {
        if (r->depth == r->depth_limit)
            return hob__reader_expected(r, HOB_E_LIMIT, HOB__JSON_TOO_DEEP);
        r->captures = true;
        r->looked = 0;
        r->span = (struct hob__json_span){0};
    }
    for (;;) {
        const uint8_t *after = hob__json_span(&r->span, r->p + r->looked, r->end);
        if (after) return use_container(r, (size_t)(after - r->p), v);
        r->looked = (size_t)(r->end - r->p);
        if (r->looked > r->o.limit || r->ended)
            return hob__reader_judged(r, hob__json_judge, a_record);
        int rc = hob__reader_more(r);
        if (rc < 0) return rc;
        if (rc == 0 && !r->ended) return HOB_JSON_MORE;
    }
}

/* The scalar in r->value as a tree. Without memory the next call has it still to make. */
static int scalar(struct hob_json_reader *r, const struct hob_json **v) {
    int rc = need_doc(r);
    if (rc == 0) rc = hob__json_doc_copy(r->doc, &r->value);
    r->pending = rc < 0;
    return rc < 0 ? hob_fail(rc, "no memory for a JSON document") : give(r, v);
}

/* The value that comes next. HOB_JSON_END_ARRAY: there was none. */
static int next_tree(struct hob_json_reader *r, const struct hob_json **v) {
    int instead;
    if (r->captures) return container(r, v);
    if (r->pending) return scalar(r, v);
    if (!hob__reader_to_value(r, &instead)) return instead;
    if (*r->p == '{' || *r->p == '[') return container(r, v);
    int e = hob__reader_event(r, &r->value);
    if (e > HOB_JSON_MORE) r->last = e;
    return e == HOB_JSON_VALUE ? scalar(r, v) : e;
}

int hob_json_read_tree(struct hob_json_reader *r, const struct hob_json **v) {
    *v = NULL;
    int rc = hob__reader_enter(r, HOB__JSON_TREE);
    if (rc < 0) return rc;
    if (r->o.lines) return hob_fail(-EINVAL, "lines are read as records only");
    if (r->busy == HOB__JSON_FREE) {
        switch (r->last) {
        case HOB_JSON_BEGIN_OBJECT:
        case HOB_JSON_BEGIN_ARRAY: /* its bracket is still there */
            r->p--;
            r->depth--;
            r->state = HOB__JSON_WANTS_VALUE;
            break;
        case HOB_JSON_VALUE:
            r->pending = true;
            break;
        case HOB_JSON_NAME:
        case HOB_JSON_END: /* the beginning */
            if (r->state != HOB__JSON_DONE) break;
            /* fall through */
        default:
            return hob_fail(-EINVAL, "no value to be read as a tree: the last event was an end");
        }
        r->busy = HOB__JSON_TREE;
    }
    return next_tree(r, v);
}

/* ---- lines ---- */

static bool blank(const uint8_t *p, size_t n) {
    while (n > 0 && hob__json_is_space(p[n - 1])) n--;
    return n == 0;
}

/* The error of a line, in its words; the line is the first n bytes. */
static int bad_line(struct hob_json_reader *r, int rc, size_t n, bool whole) {
    size_t most = n < r->o.limit ? n : r->o.limit;
    struct hob__json_verdict v;
    struct hob_json_options o = r->tree;
    o.depth = r->depth_limit;
    hob__reader_count(r, r->p);
    r->began = NULL;
    r->began_place = r->place;
    if (rc == HOB_E_JSON_DUPLICATE) return twice(r);
    hob__json_judge(r->p, most, &o, &v);
    if (n > most && (v.code == 0 || v.cut))
        return hob_fail(
            HOB_E_LIMIT, "line %llu (byte %llu): a line longer than the limit, %zu bytes",
            (unsigned long long)r->place.line, (unsigned long long)r->place.byte, r->o.limit);
    hob__json_move(&r->began_place, r->p, (size_t)(v.at - r->p));
    if (v.code == HOB_E_JSON && v.cut && !whole) v.code = HOB_E_JSON_INCOMPLETE;
    return hob__json_say(&v, &r->began_place, r->p + most,
                         whole ? "the end of the line" : HOB__JSON_THE_END);
}

/* A line of n bytes, and its end, unless it has none, are dropped. */
static void drop(struct hob_json_reader *r, size_t n, bool whole) {
    r->p += n + whole;
    r->looked = 0;
}

/* 0: the bad line has been told of, go on. */
static int told(struct hob_json_reader *r, int rc) {
    if (!r->o.bad || rc == -ENOMEM) return rc;
    const struct hob_error *e = hob_error();
    r->o.bad(r->o.bad_arg, rc, e ? e->message : hob_strerror(rc));
    return 0;
}

/* The line of n bytes at r->p. HOB_JSON_END: it is blank, or bad and told of. */
static int use_line(struct hob_json_reader *r, size_t n, bool whole, const struct hob_json **v) {
    int rc = HOB_E_LIMIT;
    if (r->drops_line) {
        r->drops_line = false;
        drop(r, n, whole);
        return 0;
    }
    if (n <= r->o.limit) {
        if (blank(r->p, n)) {
            drop(r, n, whole);
            return 0;
        }
        rc = parse(r, n, 0);
        if (rc == -ENOMEM) return rc;
        if (rc == 0) {
            r->began = r->p;
            drop(r, n, whole);
            return give(r, v);
        }
    }
    rc = bad_line(r, rc, n, whole);
    drop(r, n, whole);
    return told(r, rc);
}

static int next_line(struct hob_json_reader *r, const struct hob_json **v) {
    int rc;
    for (;;) {
        size_t size = (size_t)(r->end - r->p), new = size - r->looked;
        uint8_t *end = new ? memchr(r->p + r->looked, '\n', new) : NULL;
        if (end || (r->ended && size > 0)) {
            rc = use_line(r, end ? (size_t)(end - r->p) : size, end != NULL, v);
            if (rc != 0) return rc;
            continue;
        }
        if (r->ended) return HOB_JSON_END;
        r->looked = size;
        if (r->drops_line) {
            drop(r, size, false);
        } else if (size > r->o.limit) {
            rc = bad_line(r, HOB_E_LIMIT, size, true);
            r->drops_line = true;
            if (told(r, rc) < 0) return rc;
            continue;
        }
        rc = hob__reader_more(r);
        if (rc < 0) return rc;
        if (rc == 0 && !r->ended) return HOB_JSON_MORE;
    }
}

/* ---- records ---- */

/* Into the array that the whole text must be. 0, or what to return. */
static int enter_array(struct hob_json_reader *r) {
    struct hob_json v;
    int instead;
    if (!hob__reader_to_value(r, &instead)) return instead;
    if (*r->p != '[') {
        static const char digits[] = "-0123456789";
        const char *what = *r->p == '{'                     ? "an object"
                           : *r->p == '"'                   ? "a string"
                           : *r->p && strchr(digits, *r->p) ? "a number"
                           : *r->p && strchr("tfn", *r->p)  ? "a literal"
                                                            : NULL;
        if (!what) return hob__reader_expected(r, HOB_E_JSON, HOB__JSON_A_VALUE);
        hob__reader_count(r, r->p);
        r->began = NULL;
        r->began_place = r->place;
        return hob__reader_failed(
            r, hob_fail(HOB_E_JSON_TYPE,
                        "line %llu, column %llu (byte %llu): %s where an array of records was "
                        "expected",
                        (unsigned long long)r->place.line, (unsigned long long)r->place.column,
                        (unsigned long long)r->place.byte, what));
    }
    int e = hob__reader_event(r, &v);
    if (e <= HOB_JSON_MORE) return e;
    r->array_of_all = true;
    r->last = e;
    return 0;
}

static int next_item(struct hob_json_reader *r, const struct hob_json **v) {
    bool top = r->depth == 0 && r->o.many;
    if (r->depth == 0 && r->state == HOB__JSON_START && !top && !r->captures) {
        int rc = enter_array(r);
        if (!r->array_of_all) return rc;
    }
    if (r->state != HOB__JSON_DONE || r->captures) {
        if (!top && (r->depth == 0 || hob__reader_in_object(r)))
            return hob_fail(-EINVAL, "not in an array, whose items could be read");
        int e = next_tree(r, v);
        if (e == HOB_JSON_VALUE || e < 0 || e == HOB_JSON_MORE || e == HOB_JSON_END) return e;
        if (!r->array_of_all || r->depth > 0) return HOB_JSON_END;
    }
    return hob__reader_event(r, &r->value); /* is there anything behind it? */
}

int hob_json_read_item(struct hob_json_reader *r, const struct hob_json **v) {
    *v = NULL;
    int rc = hob__reader_enter(r, HOB__JSON_ITEM);
    if (HOB__UNLIKELY(rc < 0)) return rc;
    rc = r->o.lines ? next_line(r, v) : next_item(r, v);
    bool goes_on = rc == HOB_JSON_MORE || r->captures || r->pending;
    r->busy = goes_on ? HOB__JSON_ITEM : HOB__JSON_FREE;
    return rc;
}
