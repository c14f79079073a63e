/* tool_options_fuzz.c - hob's command lines and numbers, and the JSON that it writes: options give
 * what getopt's rules say or are refused; a string comes back out of its JSON. */
#include "common.c"
#include "fuzz.h"
#include "tool_main.h"

#include "fetch_options.c"

/* ---- JSON ---- */

/* Is text[0..n) UTF-8 from here: the sequence's length, and its character; 0: it is not. */
static size_t character(const uint8_t *s, size_t n, uint32_t *c) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80       ? 1
                    : s[0] >> 5 == 6  ? 2
                    : s[0] >> 4 == 14 ? 3
                    : s[0] >> 3 == 30 ? 4
                                      : 0;
    if (length == 0 || length > n) return 0;
    *c = length == 1 ? s[0] : s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (s[i] >> 6 != 2) return 0;
        *c = *c << 6 | (s[i] & 63u);
    }
    return *c < least[length] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : length;
}

/* The next character of a JSON string's inside (RFC 8259, 7). */
static uint32_t json_character(const char **p) {
    uint32_t c = 0;
    if (**p != '\\') {
        CHECK((unsigned char)**p >= 0x20 && **p != '"');
        *p += character((const uint8_t *)*p, strlen(*p), &c);
        return c;
    }
    char kind = (*p)[1];
    *p += 2;
    if (kind != 'u') {
        CHECK(strchr("\"\\n", kind) && kind);
        return kind == 'n' ? '\n' : (uint32_t)kind;
    }
    CHECK(strspn(*p, "0123456789abcdef") >= 4);
    c = (uint32_t)strtoul(strndupa(*p, 4), NULL, 16);
    *p += 4;
    return c;
}

static void json(const char *text, size_t n) {
    char *out = NULL;
    size_t size = 0, at = 0;
    FILE *f = open_memstream(&out, &size);
    json_string(f, text, n);
    CHECK(fclose(f) == 0 && size >= 2 && strlen(out) == size);
    CHECK(out[0] == '"' && out[size - 1] == '"');
    out[size - 1] = 0;
    const char *p = out + 1;
    while (at < n) {
        uint32_t want = 0xfffd;
        size_t length = character((const uint8_t *)text + at, n - at, &want);
        if (length == 0) want = 0xfffd;
        at += length ? length : 1;
        CHECK(json_character(&p) == want);
    }
    CHECK(*p == 0);
    free(out);
}

/* ---- numbers ---- */

static void numbers(const char *text) {
    size_t count = 7;
    double seconds = 7;
    bool digits = *text && strspn(text, "0123456789") == strlen(text);
    int rc = parse_count(text, 3, 70000, &count);
    double value = digits ? strtod(text, NULL) : -1;
    CHECK(rc == (value >= 3 && value <= 70000));
    CHECK(rc ? (double)count == value : count == 7);
    rc = parse_seconds(text, &seconds);
    CHECK(rc == 0 || rc == 1);
    if (rc) CHECK(seconds > 0 && isfinite(seconds));
    if (digits && value > 0 && isfinite(value)) CHECK(rc && seconds == value);
    if (!rc) CHECK(seconds == 7);
}

/* ---- options ---- */

static void options(struct fuzz_input *in) {
    static char texts[12][64];
    char *argv[14] = {(char *)(uintptr_t) "hob fetch"}, *kept[14];
    int argc = 1;
    while (in->left > 0 && argc < 12) {
        strcpy(texts[argc], fuzz_string(in, 63));
        argv[argc] = texts[argc];
        argc++;
    }
    memcpy(kept, argv, sizeof kept);
    struct fetch_options o;
    optind = 0; /* getopt begins anew */
    opterr = 0;
    int rc = fetch_parse_options(argc, argv, &o);
    CHECK(rc == -1 || rc == EXIT_OK || rc == EXIT_USAGE || rc == EXIT_FAILED);
    if (rc != -1) return;
    CHECK(o.concurrency >= 1 && o.concurrency <= CONCURRENCY_MAX && o.timeout > 0 && o.each >= 0);
    CHECK(o.output && (o.url_count > 0 || o.input));
    for (size_t i = 0; i < o.url_count; i++) {
        bool ours = false;
        for (int k = 1; k < argc; k++) ours |= o.urls[i] == kept[k];
        CHECK(ours && strcmp(o.urls[i], "-") != 0);
    }
}

FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    if (n > 1000) return;
    json(edge_kept(data, n), n);
    numbers(edge_kept_string(data, n));
    FILE *quiet = stderr;
    static FILE *null;
    if (!null) null = fopen("/dev/null", "w");
    stderr = null;
    options(&in);
    stderr = quiet;
}
