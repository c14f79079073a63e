/* hob_json.c - JSON by Hob: into a document that is used again, and from it. */
#include "json_turns.h"
#include <hob/error.h>
#include <hob/json_reader.h>

static void check(int rc, const struct json_text *t) {
    if (rc < 0) BENCH_FAIL("%s: %s", t->name, hob_error() ? hob_error()->message : "?");
}

static struct hob_json_doc *document(struct json_text *t) {
    if (!t->kept) {
        struct hob_json_doc *doc;
        check(hob_json_parse(t->text, t->size, &doc), t);
        t->kept = doc;
    }
    return (struct hob_json_doc *)t->kept;
}

static void parse(struct json_text *t) {
    check(hob_json_reparse(t->text, t->size, document(t)), t);
}

/* Strings point into the text. */
static void borrow(struct json_text *t) {
    check(hob_json_reparse(t->text, t->size, document(t), .borrow = true), t);
}

static void write_text(struct json_text *t) {
    char *text;
    check(hob_json_write(hob_json_root(document(t)), &text, NULL), t);
    BENCH_KEEP(text);
    hob_json_text_free(text);
}

/* ---- in pieces: through the buffer of a reader ---- */

static struct hob_json_reader *reader(const struct json_text *t) {
    static struct hob_json_reader *r;
    if (!r) check(hob_json_reader_new(&r), t);
    hob_json_reader_reset(r);
    check(hob_json_feed(r, t->text, t->size), t);
    return r;
}

/* What a call of the reader gave: true, go on. */
static bool more(struct hob_json_reader *r, int e, const struct json_text *t) {
    check(e, t);
    if (e == HOB_JSON_MORE) check(hob_json_end(r), t);
    return e != HOB_JSON_END;
}

static void events(struct json_text *t) {
    struct hob_json_reader *r = reader(t);
    struct hob_json v;
    while (more(r, hob_json_read(r, &v), t)) BENCH_KEEP(&v);
}

/* The records of an array, or the whole text, as trees. */
static void trees(struct json_text *t) {
    struct hob_json_reader *r = reader(t);
    const struct hob_json *v = NULL;
    bool array = t->text[0] == '[';
    while (more(r, array ? hob_json_read_item(r, &v) : hob_json_read_tree(r, &v), t)) {
        BENCH_KEEP(v);
        if (v && !array) return;
    }
}

int main(int argc, char **argv) {
    const struct json_job jobs[] = {{"parse", parse},   {"borrow", borrow}, {"write", write_text},
                                    {"events", events}, {"trees", trees},   {0}};
    return json_turns(argc, argv, jobs);
}
