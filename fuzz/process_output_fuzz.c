/* process_output_fuzz.c - what a child has written: all of it up to the limit, in whatever pieces
 * it comes; and the line of it that an error quotes. */
#include "world.h"

#include "io/process/output.c"

static struct world_source source;
static size_t limit;
static const uint8_t *text;
static size_t size;

static int read_it(void) {
    struct hob_process *p = hob__alloc_zero(sizeof *p + 1);
    struct exchange x = {.process = p, .limit = limit};
    struct hob_stream *s = source_open(&source);
    int rc = gather(&x, s, &x.out);
    size_t n;
    char *out = take(&x.out, &n);
    size_t want = size < limit ? size : limit;
    CHECK(rc == (size > limit ? HOB_E_LIMIT : source.error));
    CHECK(n == want && out && out[n] == 0 && memcmp(out, text, n) == 0);
    hob__buffer_free(&x.out);
    hob_close(s);
    hob__free(p);
    return 0;
}
HOB_TASK(read_it)

/* The last line that says something, at most its last 200 bytes. */
static void quote(const char *bytes, size_t n) {
    char want[300] = "'prog' has ended with status 3";
    struct hob_process_result r = {.err = n ? (char *)(uintptr_t)bytes : NULL, .err_size = n};
    CHECK(say_exit("prog", 3, &r) == HOB_E_EXIT);
    size_t end = n, from;
    while (end > 0 && (unsigned char)bytes[end - 1] <= ' ') end--;
    for (from = end; from > 0 && end - from < 200 && bytes[from - 1] != '\n';) from--;
    if (end > from) strcat(want, ": ");
    for (; from < end; from++) {
        unsigned char c = (unsigned char)bytes[from];
        strcat(want, c < 32 || c == 127 ? "?" : (char[]){(char)c, 0});
    }
    CHECK(hob_error() && strcmp(hob_error()->message, want) == 0);
}

FUZZ(data, n) {
    if (n < 4 || n > 60000) return;
    size = n - 4;
    text = (const uint8_t *)edge_kept(data + 4, size);
    limit = 1 + data[0] * (data[2] & 1 ? 1u : 256u);
    source = (struct world_source){.at = text,
                                   .left = size,
                                   .cut = data[1],
                                   .most = 1u << data[2] % 16,
                                   .error = data[3] & 1 ? -EIO : 0};
    CHECK(world_run(read_it) == 0);
    quote((const char *)text, size);
    hob_error_clear();
}
