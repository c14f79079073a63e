/* cjson_json.c - JSON by cJSON. */
#include "json_turns.h"
#include <cjson/cJSON.h>

static void parse(struct json_text *t) {
    cJSON_Delete(t->kept);
    t->kept = cJSON_ParseWithLength(t->text, t->size);
    if (!t->kept) BENCH_FAIL("%s: not parsed", t->name);
}

static void write_text(struct json_text *t) {
    char *text = cJSON_PrintUnformatted(t->kept);
    if (!text) BENCH_FAIL("%s: not written", t->name);
    cJSON_free(text);
}

int main(int argc, char **argv) {
    const struct json_job jobs[] = {{"parse", parse}, {"write", write_text}, {0}};
    return json_turns(argc, argv, jobs);
}
