/* json_stream - from a file of JSON records, which may be larger than memory, to lines:
 *
 *   json_stream FILE [POINTER [VALUE]]      POINTER: a JSON Pointer (RFC 6901), /user/name
 *
 * FILE holds one large array, or, when it is named *.ndjson, a value in each line. The records in
 * which there is something at POINTER, which is the string VALUE, go to standard output, one a
 * line; then it says on standard error how many those are. A bad line is told of and left out;
 * anything else that is wrong ends it. At no time is more than one record in memory.
 *
 * Python: ijson.items(f, "item"), or for line in f: json.loads(line); print(json.dumps(...)) */
#include <hob/hob.h>
#include <hob/json_stream.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void bad_line(void *count, int code, const char *words) {
    (void)code;
    ++*(long *)count;
    fprintf(stderr, "left out: %s\n", words);
}

static bool wanted(const struct hob_json *record, int argc, char **argv) {
    if (argc < 3) return true;
    const struct hob_json *part = hob_json_pointer(record, argv[2]);
    return part && (argc < 4 || strcmp(hob_json_string(part, ""), argv[3]) == 0);
}

static int convert(struct hob_stream *output, int argc, char **argv) {
    const char *name = argv[1], *end = strrchr(name, '.');
    long records = 0, found = 0, bad = 0;
    HOB_FILE(file);
    HOB_JSON_READER(in);
    HOB_JSON_BUILDER(out);
    HOB_TRY(hob_open(name, "r", &file));
    HOB_TRY(hob_json_reader_open(file, &in, .limit = 1 << 20,
                                 .lines = end && strcmp(end, ".ndjson") == 0, .bad = bad_line,
                                 .bad_arg = &bad));
    HOB_TRY(hob_json_builder_open(output, &out, .lines = true));
    HOB_EACH_JSON(record, in) {
        records++;
        if (!wanted(record, argc, argv)) continue;
        HOB_TRY(hob_json_put_value(out, record));
        found++;
    }
    HOB_TRY(hob_json_finish(out, NULL));
    fprintf(stderr, "%ld of %ld records, %ld bad lines\n", found, records, bad);
    return 0;
}

static int app(int argc, char **argv) {
    if (argc < 2 || argc > 4) return hob_fail(-EINVAL, "json_stream FILE [POINTER [VALUE]]");
    struct hob_stream *output;
    HOB_TRY(hob_stream_open(dup(STDOUT_FILENO), &output));
    int rc = convert(output, argc, argv);
    hob_close(output);
    return rc;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
