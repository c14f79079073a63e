/* tool_input_fuzz.c - hob fetch's list of URLs: the lines of a file, in whatever pieces they are
 * read, are those of a naive splitter; counting them beforehand gives their number. */
#include <hob/hob.h>

#include "fuzz.h"

/* The file's bytes as the input has them: the only call that reads is this one. */
static ssize_t fake_preadv(int fd, const struct iovec *iov, int count, int64_t offset);
static int fake_yield(void) { return 0; }
#define hob_preadv fake_preadv
#define hob_yield_now fake_yield
#include "input.c"
#undef hob_preadv
#undef hob_yield_now

static uint8_t text[3 * INPUT_LINE_MAX];
static size_t size;
static uint32_t cut;
static unsigned most;

static ssize_t fake_preadv(int fd, const struct iovec *iov, int count, int64_t offset) {
    CHECK(fd == 77 && count == 1 && offset >= 0 && iov->iov_len > 0);
    size_t n = iov->iov_len, at = (size_t)offset;
    size_t piece = cut ? 1 + fuzz_next(&cut) % most : n;
    if (n > piece) n = piece;
    if (at >= size) return 0;
    if (n > size - at) n = size - at;
    memcpy(iov->iov_base, text + at, n);
    return (ssize_t)n;
}

static bool space(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next URL from *at on: 1, 0, or -EMSGSIZE for a line that fills the buffer with its end. */
static int next(size_t *at, size_t *from, size_t *to) {
    while (*at < size) {
        const uint8_t *end = memchr(text + *at, '\n', size - *at);
        *from = *at;
        *to = end ? (size_t)(end - text) : size;
        *at = *to + 1;
        if (*to - *from >= INPUT_LINE_MAX) {
            *to = *from + SHOWN_OF_LONG_LINE;
            return -EMSGSIZE;
        }
        while (*to > *from && space(text[*to - 1])) --*to;
        while (*from < *to && space(text[*from])) ++*from;
        if (*from < *to && text[*from] != '#') return 1;
    }
    return 0;
}

static void same(const char *url, size_t from, size_t to) {
    CHECK(strlen(url) == to - from);
    for (size_t i = from; i < to; i++) CHECK(url[i - from] == (text[i] ? (char)text[i] : '\n'));
}

/* Cuts, where the file begins; then runs of the text: so often, these bytes. */
FUZZ(data, n) {
    if (n < 2 || n > 3000) return;
    static char *given[] = {"http://a/", "#b"};
    char *buf = malloc(INPUT_LINE_MAX);
    cut = data[0];
    most = 1u << data[1] % 17;
    struct fuzz_input runs = {data + 2, n - 2};
    size = fuzz_runs(&runs, text, sizeof text);
    struct input in = {.urls = given, .url_count = 2, .fd = 77, .is_file = true, .buf = buf};
    CHECK(buf != NULL);
    int64_t count = input_count(&in), got = 0;
    size_t at = 0, from = 0, to = 0;
    for (;; got++) {
        char *url = NULL;
        int rc = input_next(&in, &url);
        if (got < 2) {
            CHECK(rc == 1 && strcmp(url, given[got]) == 0);
        } else {
            CHECK(rc == next(&at, &from, &to));
            if (rc == 0) break;
            same(url, from, to);
        }
        free(url);
    }
    CHECK(count == got);
    free(buf);
}
