/* jansson_json.c - JSON by jansson. */
#include "json_turns.h"
#include <jansson.h>

static void parse(struct json_text *t) {
    json_decref(t->kept);
    t->kept = json_loadb(t->text, t->size, 0, NULL);
    if (!t->kept) BENCH_FAIL("%s: not parsed", t->name);
}

static void write_text(struct json_text *t) {
    char *text = json_dumps(t->kept, JSON_COMPACT);
    if (!text) BENCH_FAIL("%s: not written", t->name);
    free(text);
}

int main(int argc, char **argv) {
    const struct json_job jobs[] = {{"parse", parse}, {"write", write_text}, {0}};
    return json_turns(argc, argv, jobs);
}
