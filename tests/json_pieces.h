/* json_pieces.h - a JSON text given to a reader in pieces, in all ways to cut it: what the reader
 * said is a line of text, and has to be the same each time. */
#ifndef TESTS_JSON_PIECES_H
#define TESTS_JSON_PIECES_H

#include "test.h"

#include "../fuzz/fuzz.h"

#include <hob/error.h>
#include <hob/json_reader.h>
#include <stdarg.h>

enum { WHOLE, ONES, TWO }; /* in one piece; byte by byte; in two pieces */

struct cuts {
    int how;
    size_t first;
};

struct heard {
    char text[60000];
    size_t n;
    int rc;
    char words[600];
};

static void say(struct heard *h, const char *format, ...) HOB_PRINTF(2, 3);
static void say(struct heard *h, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    h->n += (size_t)vsnprintf(h->text + h->n, sizeof h->text - h->n, format, ap);
    va_end(ap);
    CHECK(h->n < sizeof h->text);
}

static void say_value(struct heard *h, const struct hob_json *v) {
    char *text;
    CHECK_EQ(hob_json_write(v, &text, NULL), 0);
    say(h, "%s", text);
    hob_json_text_free(text);
}

static void say_place(struct heard *h, struct hob_json_reader *r) {
    struct hob_json_place p = hob_json_reader_place(r);
    say(h, "@%llu:%llu:%llu ", (unsigned long long)p.line, (unsigned long long)p.column,
        (unsigned long long)p.byte);
}

/* The next piece; each lies before an unreadable page, and is spoilt when it is used up. */
static char *piece_now;
static size_t piece_size, fed;
static void feed(struct hob_json_reader *r, const char *text, size_t n, struct cuts c) {
    if (piece_now) memset(piece_now, 'x', piece_size);
    piece_now = NULL;
    if (fed == n) {
        CHECK_EQ(hob_json_end(r), 0);
        fed++;
        return;
    }
    CHECK(fed < n);
    piece_size = c.how == ONES ? 1 : c.how == TWO && fed == 0 && c.first ? c.first : n - fed;
    piece_now = edge_copy(text + fed, piece_size);
    CHECK_EQ(hob_json_feed(r, piece_now, piece_size), 0);
    fed += piece_size;
}

static void ended(struct heard *h, struct hob_json_reader *r, int rc) {
    h->rc = rc;
    if (rc < 0) snprintf(h->words, sizeof h->words, "%s", hob_error()->message);
    say_place(h, r);
    if (rc < 0) { /* and again */
        struct hob_json v;
        CHECK_EQ(hob_json_read(r, &v), rc);
        CHECK_STR(hob_error()->message, h->words);
    }
}

static void events(struct hob_json_reader *r, struct heard *h, const char *text, size_t n,
                   struct cuts c) {
    static const char *const words[] = {"", "", "{ ", "} ", "[ ", "] "};
    h->n = fed = 0;
    h->words[0] = h->text[0] = 0;
    for (;;) {
        struct hob_json v;
        int e = hob_json_read(r, &v);
        if (e == HOB_JSON_MORE) {
            feed(r, text, n, c);
            continue;
        }
        if (e <= 0) {
            ended(h, r, e);
            return;
        }
        say_place(h, r);
        say(h, "%s", e < HOB_JSON_NAME ? words[e] : e == HOB_JSON_NAME ? "name " : "");
        if (e >= HOB_JSON_NAME) say_value(h, &v);
        if (hob_json_type(&v) == HOB_JSON_STRING) CHECK(v.of.text[hob_json_size(&v)] == 0);
    }
}

static void items(struct hob_json_reader *r, struct heard *h, const char *text, size_t n,
                  struct cuts c) {
    h->n = fed = 0;
    h->words[0] = h->text[0] = 0;
    for (;;) {
        const struct hob_json *v;
        int e = hob_json_read_item(r, &v);
        if (e == HOB_JSON_MORE) {
            feed(r, text, n, c);
            continue;
        }
        if (e == HOB_JSON_VALUE) {
            say_place(h, r);
            say_value(h, v);
            say(h, " ");
            continue;
        }
        h->rc = e;
        if (e < 0) snprintf(h->words, sizeof h->words, "%s", hob_error()->message);
        if (e == 0) break;
        say_place(h, r);
        say(h, "! %s ! ", h->words);
        struct hob_json x;
        if (hob_json_read(r, &x) == e) break; /* else a bad line: -EINVAL */
    }
}

typedef void (*reading)(struct hob_json_reader *, struct heard *, const char *, size_t,
                        struct cuts);

static struct heard whole;

/* The text in all ways to cut it in two, and byte by byte: all the same. What was heard is in
 * `whole`. */
static void in_all_ways(reading how, const char *text, size_t n, struct hob_json_reader_options o) {
    static struct heard other;
    struct hob_json_reader *r;
    CHECK_EQ(hob_json_reader_new_with(o, &r), 0);
    how(r, &whole, text, n, (struct cuts){WHOLE, 0});
    for (size_t first = 0; first <= n + 1; first++) {
        hob_json_reader_reset(r);
        how(r, &other, text, n, (struct cuts){first > n ? ONES : TWO, first > n ? 0 : first});
        if (strcmp(other.text, whole.text) != 0 || other.rc != whole.rc ||
            strcmp(other.words, whole.words) != 0)
            FAIL("cut at %zu:\n%s\n%s %s\nis not\n%s\n%s %s\nof %.*s", first, other.text,
                 hob_strerror(other.rc), other.words, whole.text, hob_strerror(whole.rc),
                 whole.words, (int)n, text);
    }
    hob_json_reader_free(r);
}

static const struct hob_json_reader_options plain; /* all by default */

#define TEXT(text) (text), sizeof(text) - 1

#endif
