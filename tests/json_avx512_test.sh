#!/bin/sh
# The first pass by AVX-512, which few machines can run, against the plain one: with SIMDe, which has
# the instructions in plain C (Debian: libsimde-dev), on any.
set -u
cd "$(dirname "$0")/.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
skip() {
    echo "$1"
    exit 77
}
[ "$(uname -m)" = x86_64 ] || skip "not for this machine"
echo '#include <simde/x86/avx512.h>' >"$dir/have.c"
gcc -fsyntax-only "$dir/have.c" 2>/dev/null || skip "no SIMDe here (libsimde-dev)"

cat >"$dir/immintrin.h" <<'END'
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/clmul.h>
#include <stdint.h>
#include <string.h>
static inline uint64_t tzcnt(uint64_t x) { return x ? (uint64_t)__builtin_ctzll(x) : 64; }
#define _tzcnt_u64 tzcnt
/* Those that SIMDe lacks: two registers behind each other, shifted by 4 bytes n times; the same for
 * each 16 bytes, by n bytes. */
static inline __m512i align32(__m512i a, __m512i b, int n) {
    uint32_t x[32];
    memcpy(x, &b, 64);
    memcpy(x + 16, &a, 64);
    memcpy(&a, x + n, 64);
    return a;
}
static inline __m512i align8(__m512i a, __m512i b, int n) {
    uint8_t x[64], y[64], both[32];
    memcpy(x, &a, 64);
    memcpy(y, &b, 64);
    for (int i = 0; i < 64; i += 16) {
        memcpy(both, y + i, 16);
        memcpy(both + 16, x + i, 16);
        memcpy(x + i, both + n, 16);
    }
    memcpy(&a, x, 64);
    return a;
}
#define _mm512_alignr_epi32 align32
#define _mm512_alignr_epi8 align8
END

cat >"$dir/test.c" <<'END'
#define TARGET
#include <simde/hedley.h>
#include "data/index_avx512.c"
#include <stdio.h>

enum { MOST = 1000 };
static uint8_t text[MOST], copy[MOST + 64];
static uint32_t a[MOST + 64], b[MOST + 64];
static uint64_t seed = 7;
static unsigned any(unsigned n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static int same(size_t n) {
    int64_t x = hob__json_index_plain(text, n, a, NULL);
    int64_t y = hob__json_index_avx512(text, n, b, copy);
    bool ok = x == y && (x < 0 || memcmp(a, b, (size_t)x * sizeof *a) == 0) &&
              memcmp(copy, text, n) == 0 &&
              hob__utf8_is_plain(text, n) == hob__utf8_is_avx512(text, n);
    if (!ok) printf("%zu bytes: %lld, %lld\n%.*s\n", n, (long long)x, (long long)y, (int)n, text);
    return ok;
}

int main(void) {
    static const char *const pieces[] = {"\"", "\\", "{", "}", "[", "]", ":", ",", " ", "\n", "\t",
        "1", "true", "abc", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x01", "\x0c", "\x1a",
        "\x80", "\xC0", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"};
    long passed = 0;
    for (int round = 0; round < 60000; round++) {
        /* mostly of the first ones, which can be right together */
        size_t n = 0, most = any(MOST - 8);
        unsigned kinds = any(3) ? 17 : 25;
        while (n < most) {
            const char *piece = pieces[any(4) ? 11 + any(6) : any(kinds)];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        if (!same(n)) return 1;
        passed++;
    }
    static const uint8_t edges[] = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
        0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    enum { N = sizeof edges };
    for (unsigned code = 0; code < N * N * N * N; code++) {
        size_t at = code % 2 ? 62 : 14;
        memset(text, 'x', 100);
        for (unsigned i = 0, c = code; i < 4; i++, c /= N) text[at + i] = edges[c % N];
        if (hob__utf8_is_plain(text, at + 5) != hob__utf8_is_avx512(text, at + 5)) return 1;
    }
    printf("1 passed, 0 failed\n");
    return 0;
}
END
gcc -std=gnu11 -O2 -w -Wno-psabi -I"$dir" -Isrc -Iinclude "$dir/test.c" src/data/index_plain.c \
    -o "$dir/test" || exit 1
"$dir/test"
