/* rapidjson_json.cc - JSON by RapidJSON: a Document, by its SSE2 code, as it is by default. */
#define RAPIDJSON_SSE2
#include "json_turns.h"
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

static void parse(struct json_text *t) {
    delete static_cast<rapidjson::Document *>(t->kept);
    auto *doc = new rapidjson::Document;
    if (doc->Parse(t->text, t->size).HasParseError()) BENCH_FAIL("%s: not parsed", t->name);
    t->kept = doc;
}

static void write_text(struct json_text *t) {
    rapidjson::StringBuffer text;
    rapidjson::Writer<rapidjson::StringBuffer> writer(text);
    if (!static_cast<rapidjson::Document *>(t->kept)->Accept(writer))
        BENCH_FAIL("%s: not written", t->name);
    BENCH_KEEP(text.GetString());
}

int main(int argc, char **argv) {
    const struct json_job jobs[] = {{"parse", parse}, {"write", write_text}, {NULL, NULL}};
    return json_turns(argc, argv, jobs);
}
