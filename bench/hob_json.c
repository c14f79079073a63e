/* hob_json.c - JSON by Hob: into a document that is used again, and from it. */
#include "json_turns.h"
#include <hob/error.h>
#include <hob/json.h>

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

int main(int argc, char **argv) {
    const struct json_job jobs[] = {
        {"parse", parse}, {"borrow", borrow}, {"write", write_text}, {0}};
    return json_turns(argc, argv, jobs);
}
