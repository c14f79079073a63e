/* simdjson_json.cc - JSON by simdjson: its DOM, by a parser that is used again. Beside it, in the
 * same process and from the same heap, Hob's writer: both take what the other has given back. */
#include "json_turns.h"
#include <hob/json.h>
#include <simdjson.h>

struct kept {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    struct hob_json_doc *doc = nullptr;
};

static struct kept *keep(struct json_text *t) {
    if (!t->kept) t->kept = new struct kept;
    return static_cast<struct kept *>(t->kept);
}

static void parse(struct json_text *t) {
    struct kept *k = keep(t);
    /* The text is followed by zeros; it needs no copy. */
    if (k->parser.parse(t->text, t->size, false).get(k->root))
        BENCH_FAIL("%s: not parsed", t->name);
}

static void write_text(struct json_text *t) {
    std::string text = simdjson::to_string(keep(t)->root);
    BENCH_KEEP(text.data());
}

static void write_by_hob(struct json_text *t) {
    struct kept *k = keep(t);
    char *text;
    if (!k->doc && hob_json_parse_with(t->text, t->size, {}, &k->doc) < 0)
        BENCH_FAIL("%s: not parsed", t->name);
    if (hob_json_write_with(hob_json_root(k->doc), {}, &text, nullptr) < 0)
        BENCH_FAIL("%s: not written", t->name);
    BENCH_KEEP(text);
    hob_json_text_free(text);
}

int main(int argc, char **argv) {
    const struct json_job jobs[] = {
        {"parse", parse}, {"write", write_text}, {"hob", write_by_hob}, {NULL, NULL}};
    return json_turns(argc, argv, jobs);
}
