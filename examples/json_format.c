/* json_format - reads JSON from standard input, chooses a part of it, and writes it laid out:
 *
 *   json_format [POINTER] <users.json        a JSON Pointer (RFC 6901): /users/0/name
 *
 * No task, no loop: JSON needs neither. Exit status: 0; 1 when the input is not JSON, or nothing is
 * there, with a line that says where; 2 for wrong usage. */
#include <hob/error.h>
#include <hob/json.h>
#include <stdio.h>
#include <stdlib.h>

/* All of standard input; the caller frees *text. */
static int read_input(char **text, size_t *size) {
    size_t room = 0, got;
    *text = NULL;
    *size = 0;
    do {
        if (room - *size < 65536) {
            char *more = (char *)realloc(*text, room = room * 2 + 65536);
            if (!more) return hob_fail(-ENOMEM, "no memory for the input");
            *text = more;
        }
        got = fread(*text + *size, 1, room - *size, stdin);
        *size += got;
    } while (got > 0);
    return ferror(stdin) ? hob_fail(-EIO, "standard input cannot be read") : 0;
}

static int format(const char *pointer) {
    char *text, *out;
    size_t size;
    struct hob_json_doc *doc;
    int rc = read_input(&text, &size);
    if (rc == 0) rc = hob_json_parse(text, size, &doc);
    free(text);
    HOB_TRY(rc);

    const struct hob_json *v = hob_json_pointer(hob_json_root(doc), pointer);
    rc = v ? hob_json_write(v, &out, NULL, .indent = 2, .newline = true)
           : hob_fail(HOB_E_JSON_TYPE, "there is nothing at '%s'", pointer);
    if (rc == 0) {
        if (fputs(out, stdout) == EOF || fflush(stdout) == EOF)
            rc = hob_fail(-EIO, "standard output cannot be written");
        hob_json_text_free(out);
    }
    hob_json_free(doc);
    return rc;
}

int main(int argc, char **argv) {
    if (argc > 2) {
        fprintf(stderr, "usage: json_format [POINTER] <FILE\n");
        return 2;
    }
    int rc = format(argc > 1 ? argv[1] : "");
    if (rc < 0) fprintf(stderr, "json_format: %s\n", hob_error()->message);
    return rc < 0;
}
