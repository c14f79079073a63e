/* json_span_test.c - the loops under the reader, each against a simpler one. */
#include "any.h"
#include "test.h"

#include "../fuzz/fuzz.h"
#include "data/index.h"
#include "data/span.h"

/* The faster check of UTF-8 against the plain one, on all sequences from the standard's edges. */
TEST(utf8_as_the_parser_checks_it) {
    static const uint8_t edges[] = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                    0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
                                    0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF};
    enum { N = sizeof edges };
    char *text = edge_room(16);
    for (unsigned code = 0; code < N * N * N * N; code++) {
        uint8_t s[4] = {edges[code % N], edges[code / N % N], edges[code / N / N % N],
                        edges[code / N / N / N]};
        size_t at = code % 13;
        memset(text, 'x', 16);
        memcpy(text + at, s, at < 12 ? 4 : 16 - at);
        const uint8_t *bytes = (const uint8_t *)text;
        CHECK_EQ(hob__utf8_string(bytes, 16), hob__utf8_valid(bytes, 16, NULL));
    }
}

/* Where containers end, 64 bytes at a time and byte by byte. */
TEST(spans_wherever_they_are_cut) {
    static const char alphabet[] = "[[]]{}\"\"\\\\xyz,:";
    for (int round = 0; round < 20000; round++) {
        char bytes[300] = "[";
        size_t n = 1 + (size_t)round % 290;
        any_text(bytes + 1, n - 1, alphabet, sizeof alphabet - 1);
        const uint8_t *p = (const uint8_t *)edge_copy(bytes, n), *at = p, *found = NULL;
        struct hob__json_span whole_span = {0}, ones = {0};
        const uint8_t *wanted = hob__json_span(&whole_span, p, p + n);
        while (!found && at < p + n) {
            found = hob__json_span(&ones, at, at + 1);
            at++;
        }
        CHECK(found == wanted);
        if (!wanted) CHECK(memcmp(&whole_span, &ones, sizeof ones) == 0);
    }
}

TEST_MAIN()
