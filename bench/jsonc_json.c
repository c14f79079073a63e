/* jsonc_json.c - JSON by json-c. */
#include "json_turns.h"
#include <json-c/json.h>

static void parse(struct json_text *t) {
    json_object_put(t->kept);
    struct json_tokener *tokener = json_tokener_new();
    t->kept = json_tokener_parse_ex(tokener, t->text, (int)t->size);
    json_tokener_free(tokener);
    if (!t->kept) BENCH_FAIL("%s: not parsed", t->name);
}

static void write_text(struct json_text *t) {
    /* The text belongs to the object, whose buffer is used again. */
    if (!json_object_to_json_string_ext(t->kept,
                                        JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE))
        BENCH_FAIL("%s: not written", t->name);
}

int main(int argc, char **argv) {
    const struct json_job jobs[] = {{"parse", parse}, {"write", write_text}, {0}};
    return json_turns(argc, argv, jobs);
}
