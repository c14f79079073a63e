/* json_number_test.c - numbers of JSON: exact integers, doubles against strtod() bit by bit, and
 * the shortest texts of doubles. Two hundred thousand random ones of each; ROUNDS=10000000 tries
 * that many, SEED=n others. */
#include "test.h"
#include <hob/json.h>

#include "base/memory.h"
#include "data/number.h"
#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#define HOB__WIDE_AVX2
#define HOB__DIGITS_AVX2
#endif
#include "data/double_text.h"
#include "data/number_wide.h"
#include "data/way.h"

static uint64_t seed = 88172645463325252u;
static void begin(void) {
    const char *wanted = getenv("SEED");
    if (wanted) seed += (uint64_t)atol(wanted) * 0x9E3779B97F4A7C15;
}
static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static long rounds(void) {
    const char *wanted = getenv("ROUNDS");
    return wanted ? atol(wanted) : getenv("TEST_SLOW") ? 20000 : TEST_ROUNDS(200000, 4);
}

static bool has_wide(void) {
#if defined(__x86_64__)
    return strcmp(hob__json_way_at(0)->name, "plain") != 0;
#endif
    return true;
}

/* The models' way, by the widest registers there are: false, it is not one of the usual numbers, or
 * this processor has no such registers. */
TARGET static bool read_wide(const uint8_t *p, size_t n, struct hob_json *v) {
    if (!has_wide()) return false;
    const uint8_t *end = read_usual(p, v);
    if (end && end != p + n) FAIL("%.*s: read %zu", (int)n, (const char *)p, (size_t)(end - p));
    return end != NULL;
}

/* At the end of what may be read, with much behind it (number_usual.h), and with something before
 * it (number_wide.h): all are the same. */
static int read_number(const char *text, struct hob_json *v) {
    int why = 0, why_inside = 0;
    size_t n = strlen(text);
    const uint8_t *p = (const uint8_t *)text;
    const uint8_t *end = hob__json_read_number(p, p + n, false, v, &why);
    if (end) CHECK(end == p + n);
    char inside[2000];
    struct hob_json w, x;
    memset(inside, '7', 16);
    memcpy(inside + 16, text, n);
    memset(inside + 16 + n, ',', 100);
    p = (const uint8_t *)inside + 16;
    const uint8_t *after = hob__json_read_number(p, p + n + 100, false, &w, &why_inside);
    if (!end != !after || (after && after != p + n)) FAIL("%s: %d, %d", text, why, why_inside);
    bool usual = read_wide(p, n, &x);
    if (usual && !end) FAIL("%s: %d, but not for models", text, why);
    if (!end) return why;
    if (v->head != w.head || v->of.u != w.of.u) FAIL("%s is read in two ways", text);
    if (usual && (v->head != x.head || v->of.u != x.of.u)) FAIL("%s: models have another", text);
    return 0;
}

static uint64_t bits_of(double d) {
    uint64_t b;
    memcpy(&b, &d, sizeof b);
    return b;
}

/* As strtod() reads it, to the last bit. */
static void as_strtod(const char *text) {
    struct hob_json v;
    double wanted = strtod(text, NULL);
    int rc = read_number(text, &v);
    if (wanted - wanted != 0) { /* infinite */
        if (rc != HOB_E_JSON_RANGE) FAIL("%s: %d", text, rc);
        return;
    }
    if (rc != 0 || hob_json_type(&v) != HOB_JSON_DOUBLE || bits_of(v.of.d) != bits_of(wanted))
        FAIL("%s: %d, %.17g instead of %.17g", text, rc, v.of.d, wanted);
}

TEST(integers_are_exact) {
    static const struct {
        const char *text;
        int type;
        int64_t value;
    } good[] = {
        {"0", HOB_JSON_INT, 0},
        {"9", HOB_JSON_INT, 9},
        {"12345678", HOB_JSON_INT, 12345678},
        {"1234567890123456789", HOB_JSON_INT, 1234567890123456789},
        {"9223372036854775807", HOB_JSON_INT, INT64_MAX},
        {"9223372036854775808", HOB_JSON_UINT, INT64_MIN},
        {"18446744073709551615", HOB_JSON_UINT, -1},
        {"-9223372036854775808", HOB_JSON_INT, INT64_MIN},
        {"-9223372036854775807", HOB_JSON_INT, -INT64_MAX},
        {"-1", HOB_JSON_INT, -1},
    };
    struct hob_json v;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_EQ(read_number(good[i].text, &v), 0);
        CHECK_EQ(hob_json_type(&v), good[i].type);
        CHECK_EQ(v.of.i, good[i].value);
    }
    static const char *const far[] = {"18446744073709551616", "-9223372036854775809",
                                      "18446744073709551620", "20000000000000000000",
                                      "99999999999999999999", "100000000000000000000",
                                      "-18446744073709551615"};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        CHECK_EQ(read_number(far[i], &v), HOB_E_JSON_RANGE);
        int why;
        const uint8_t *p = (const uint8_t *)far[i];
        CHECK(hob__json_read_number(p, p + strlen(far[i]), true, &v, &why) != NULL);
        CHECK(hob_json_type(&v) == HOB_JSON_DOUBLE && v.of.d == strtod(far[i], NULL));
    }
    CHECK_EQ(read_number("-0", &v), 0);
    CHECK(hob_json_type(&v) == HOB_JSON_DOUBLE && bits_of(v.of.d) == bits_of(-0.0));
}

TEST(doubles_that_are_hard_to_read) {
    static const char *const texts[] = {
        "0.0",
        "0e999999999",
        "0.1",
        "-0.1",
        "1e22",
        "1e23",
        "9007199254740993.0",
        "9007199254740992.0",
        "9007199254740991.0",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e309",
        "1e999999999999",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-400",
        "1e-999999999999",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "2.225073858507201e-308",
        "6.631236846766476e-316",
        "3.237883913302901e-319",
        "8.5e-323",
        "0.500000000000000166533453693773481063544750213623046875",
        "3.518437208883201171875e13",
        "62.5364939768271845828",
        "8.10109172351e-10",
        "1.50000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
        "7.2057594037927933e16",
        "89255.0e-22",
        "104110013277974872254e-225",
        "12345678901234567890123456789.0",
        "0.00000000000000000000000000000000000000000000000001",
        "10000000000000000000000000000000000000000000000000.0",
        "179769313486231570000000000000000000000000000000000000000.0e252"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) as_strtod(texts[i]);
    /* The middle of two doubles, with a digit far behind. */
    char text[1200] = "9007199254740993.", *end = text + strlen(text);
    memset(end, '0', 1000);
    end[1000] = 0;
    as_strtod(text);
    strcpy(end + 1000, "1");
    as_strtod(text);
    memset(text, '1', 1000);
    strcpy(text + 1000, "e-700");
    as_strtod(text);
}

/* They are compared with nothing if nobody takes the way that is meant. */
TEST(models_have_their_own_way) {
    if (strcmp(hob__json_way_at(0)->name, "plain") == 0) return;
    static const char *const usual[] = {
        "0", "7", "-12", "123456789012345678", "0.5", "-73.25", "1234.123456789012345"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        char text[200];
        struct hob_json v;
        memset(text, ',', sizeof text);
        memcpy(text + 16, usual[i], strlen(usual[i]));
        CHECK(read_wide((const uint8_t *)text + 16, strlen(usual[i]), &v));
    }
}

TEST(doubles_as_strtod_reads_them) {
    char text[64];
    begin();
    for (long i = rounds(); i > 0; i--) {
        double d;
        uint64_t bits = next_random();
        memcpy(&d, &bits, sizeof d);
        if (d - d != 0) continue;
        snprintf(text, sizeof text, "%.*e", (int)(next_random() % 24), d);
        as_strtod(text);
        /* as most texts have them */
        snprintf(text, sizeof text, "%s%llu.%0*llu", next_random() & 1 ? "-" : "",
                 (unsigned long long)(next_random() >> (44 + next_random() % 20)),
                 (int)(1 + next_random() % 19),
                 (unsigned long long)(next_random() >> (next_random() % 64)));
        as_strtod(text);
        /* digits and an exponent of their own */
        snprintf(text, sizeof text, "%llu.%llue%d",
                 (unsigned long long)(next_random() >> (next_random() % 64)),
                 (unsigned long long)(next_random() >> (next_random() % 64)),
                 (int)(next_random() % 700) - 350);
        as_strtod(text);
    }
}

/* Are the digits of both texts the same, but for zeros at both ends? */
static bool same_digits(const char *a, const char *b) {
    const char *text[2] = {a, b};
    char digits[2][64];
    for (int k = 0; k < 2; k++) {
        size_t n = 0;
        for (const char *p = text[k]; *p && *p != 'e'; p++)
            if (*p >= (n ? '0' : '1') && *p <= '9') digits[k][n++] = *p;
        while (n > 0 && digits[k][n - 1] == '0') n--;
        digits[k][n] = 0;
    }
    return strcmp(digits[0], digits[1]) == 0;
}

/* As trees are written, by the widest registers there are, as far as the processor has them. */
TARGET static char *write_wide(double d, char *out) {
    return has_wide() ? hob__put_double(d, out) : out + hob__json_write_double(d, out);
}

static void round_trip(double d) {
    char text[HOB__NUMBER_ROOM + 1], shorter[64];
    size_t n = hob__json_write_any_double(d, text);
    CHECK(n <= HOB__NUMBER_ROOM);
    text[n] = 0;
    if (bits_of(strtod(text, NULL)) != bits_of(d)) FAIL("%.17g became %s", d, text);
    shorter[hob__json_write_double(d, shorter)] = 0;
    if (strcmp(text, shorter) != 0) FAIL("%s is %s by the short way", text, shorter);
    *write_wide(d, shorter) = 0;
    if (strcmp(text, shorter) != 0) FAIL("%s is %s in trees", text, shorter);
    struct hob_json v;
    if (read_number(text, &v) != 0 || bits_of(v.of.d) != bits_of(d)) FAIL("%s is not read", text);
    /* None with fewer digits is the same; of those with as many, printf()'s is nearest. */
    const char *p = text + strcspn(text, "123456789");
    int significant = 0, zeros = 0;
    for (; *p && *p != 'e'; p++) {
        if (*p == '.') continue;
        if (*p == '0') {
            zeros++;
        } else {
            significant += zeros + 1;
            zeros = 0;
        }
    }
    if (d != 0 && significant > 1) {
        snprintf(shorter, sizeof shorter, "%.*e", significant - 2, d);
        if (strtod(shorter, NULL) == d) FAIL("%s could be %s", text, shorter);
    }
    if (d != 0) {
        snprintf(shorter, sizeof shorter, "%.*e", significant - 1, d);
        if (strtod(shorter, NULL) == d && !same_digits(text, shorter))
            FAIL("%s is not the nearest: %s", text, shorter);
    }
}

TEST(doubles_written_shortest) {
    static const struct {
        double d;
        const char *text;
    } known[] = {{0.0, "0.0"},
                 {-0.0, "-0.0"},
                 {1.0, "1.0"},
                 {-1.5, "-1.5"},
                 {0.1, "0.1"},
                 {0.3, "0.3"},
                 {1e15, "1000000000000000.0"},
                 {1e16, "1e16"},
                 {123456.789, "123456.789"},
                 {1e-4, "0.0001"},
                 {1e-5, "1e-5"},
                 {1.5e-7, "1.5e-7"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e308"},
                 {2.2250738585072014e-308, "2.2250738585072014e-308"},
                 {9007199254740993.0, "9007199254740992.0"},
                 {2e-44, "2e-44"},
                 {1e23, "1e23"},
                 {9.5367431640625e-7, "9.5367431640625e-7"}};
    char text[HOB__NUMBER_ROOM + 1];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        text[hob__json_write_double(known[i].d, text)] = 0;
        CHECK_STR(text, known[i].text);
    }
    for (int e = 0; e < 0x7FF; e++) { /* the edges of every power of two */
        for (int near = -1; near <= 1; near++) {
            uint64_t bits = ((uint64_t)e << 52) + (uint64_t)(int64_t)near;
            double d;
            memcpy(&d, &bits, sizeof d);
            if (e > 0 || near >= 0) round_trip(d);
        }
    }
    static const double tens[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                  1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
    begin();
    for (long i = rounds(); i > 0; i--) {
        uint64_t bits = next_random();
        double d;
        memcpy(&d, &bits, sizeof d);
        if (d - d == 0) round_trip(d);
        round_trip((double)(int64_t)next_random() / 1000);
        /* as double_text.h writes them: of 1 to 2^26; and as most texts have them */
        bits = next_random();
        bits = (bits & (UINT64_MAX >> 12 | UINT64_C(1) << 63)) | (1023 + bits % HOB__USUAL_DOUBLES)
                                                                     << 52;
        memcpy(&d, &bits, sizeof d);
        round_trip(d);
        bits &= UINT64_MAX << next_random() % 52; /* such are between two texts, sometimes */
        memcpy(&d, &bits, sizeof d);
        round_trip(d);
        bits = next_random();
        round_trip((double)((int64_t)bits >> (bits & 63)) / tens[next_random() % 17]);
    }
}

TEST(integers_written) {
    char text[HOB__NUMBER_ROOM + 1], wanted[32];
    for (int shift = 0; shift < 64; shift++) {
        for (int k = 0; k < 1000; k++) {
            uint64_t u = next_random() >> shift;
            text[hob__json_write_uint(u, text)] = 0;
            snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)u);
            CHECK_STR(text, wanted);
            text[hob__json_write_int((int64_t)u, text)] = 0;
            snprintf(wanted, sizeof wanted, "%lld", (long long)u);
            CHECK_STR(text, wanted);
        }
    }
    for (uint64_t u = 0; u < 2000000; u += u < 2000 ? 1 : 333) { /* all groups of three digits */
        text[hob__json_write_uint(u, text)] = 0;
        snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)u);
        CHECK_STR(text, wanted);
    }
    uint64_t ten = 1;
    for (int i = 0; i < 20; i++, ten *= 10) {
        for (int near = -1; near <= 1; near++) {
            text[hob__json_write_uint(ten + (uint64_t)(int64_t)near, text)] = 0;
            snprintf(wanted, sizeof wanted, "%llu",
                     (unsigned long long)(ten + (uint64_t)(int64_t)near));
            CHECK_STR(text, wanted);
        }
    }
}

TEST_MAIN()
