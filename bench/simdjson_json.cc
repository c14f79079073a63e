/* simdjson_json.cc - JSON by simdjson: its DOM, by a parser that is used again. */
#include "json_turns.h"
#include <simdjson.h>

struct kept {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
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

int main(int argc, char **argv) {
    const struct json_job jobs[] = {{"parse", parse}, {"write", write_text}, {NULL, NULL}};
    return json_turns(argc, argv, jobs);
}
