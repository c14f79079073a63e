/* conditional_fuzz.c - conditions, ranges and dates of HTTP: ranges are those of a naive reading of
 * RFC 9110, section 14, inside what there is and apart from each other; tags are found as somebody
 * finds them who goes through the list byte by byte; a date that is written is read as itself;
 * Retry-After is digits, or a date. */
#include "fuzz.h"

#include <ctype.h>

#include "http/client/download.c"
#include "http/client/retry.c"
#include "http/cookie.h"
#include "http/date.h"

#include "http/conditional.h"

/* ---- Range ---- */

/* Digits as a number that stops growing at INT64_MAX, or -1: there are none. */
static int64_t digits(const char **p) {
    __int128 n = 0;
    const char *from = *p;
    for (; **p >= '0' && **p <= '9'; ++*p) {
        n = n * 10 + (**p - '0');
        if (n > INT64_MAX) n = INT64_MAX;
    }
    return *p == from ? -1 : (int64_t)n;
}

/* One part, "5-9", "5-", "-5", between commas: false: it is none. */
static bool one_range(const char *text, size_t n, int64_t size, struct hob__range *out) {
    char copy[8192];
    memcpy(copy, text, n);
    copy[n] = 0;
    const char *p = copy;
    int64_t from = digits(&p);
    if (*p++ != '-') return false;
    int64_t to = digits(&p);
    if (*p || (from < 0 && to < 0) || (from >= 0 && to >= 0 && to < from)) return false;
    if (from < 0) { /* the last bytes */
        if (to > size) to = size;
        *out = (struct hob__range){size - to, to};
        return true;
    }
    *out = (struct hob__range){0, 0};
    if (from >= size) return true;
    if (to < 0 || to >= size) to = size - 1;
    *out = (struct hob__range){from, to - from + 1};
    return true;
}

static int naive_ranges(const char *header, int64_t size, struct hob__range *out) {
    int count = 0, asked = 0;
    int64_t sum = 0;
    if (strncasecmp(header, "bytes=", 6) != 0) return 0;
    for (const char *at = header + 6;; at++) {
        size_t n = strcspn(at, ","), blank = strspn(at, " \t"), size_n = n;
        const char *text = at;
        if (blank > n) blank = n;
        text += blank;
        size_n -= blank;
        while (size_n > 0 && strchr(" \t", text[size_n - 1])) size_n--;
        struct hob__range r;
        if (size_n > 0) {
            if (!one_range(text, size_n, size, &r)) return 0;
            asked++;
            for (int i = 0; r.size > 0 && i < count; i++)
                if (r.from < out[i].from + out[i].size && out[i].from < r.from + r.size) return 0;
            if (r.size > 0 && count == HOB__RANGES) return 0;
            if (r.size > 0) out[count++] = r;
            sum += r.size;
        }
        at += n;
        if (!*at) break;
    }
    if (count > 1 && sum >= size) return 0;
    return count ? count : asked ? -1 : 0;
}

static void ranges(const char *header, int64_t size) {
    struct hob__range got[HOB__RANGES], want[HOB__RANGES];
    int n = hob__ranges_parse(header, size, got);
    CHECK(n == naive_ranges(header, size, want));
    for (int i = 0; i < n; i++) {
        CHECK(got[i].from == want[i].from && got[i].size == want[i].size);
        CHECK(got[i].from >= 0 && got[i].size > 0 && got[i].size <= size - got[i].from);
    }
}

/* ---- Content-Range: what is accepted says exactly this ---- */

static void content_range(const char *text) {
    int64_t first, last, total;
    char again[96], stars[2][24];
    if (!parse_range(text, &first, &last, &total)) return;
    CHECK(first >= -1 && last >= first && total >= -1 && (total < 0 || last < total));
    CHECK(first >= 0 || total >= 0);
    CHECK((first < 0) == (last < 0));
    snprintf(stars[0], sizeof stars[0], total < 0 ? "*" : "%" PRId64, total);
    if (first < 0)
        snprintf(again, sizeof again, "bytes */%s", stars[0]);
    else
        snprintf(again, sizeof again, "bytes %" PRId64 "-%" PRId64 "/%s", first, last, stars[0]);
    /* The same but for the case of the unit, and zeros in front. */
    const char *a = text + 6, *b = again + 6;
    while (*a || *b) {
        if (!isdigit((unsigned char)a[-1]))
            while (*a == '0' && isdigit((unsigned char)a[1])) a++;
        CHECK(*a == *b);
        a++, b++;
    }
}

/* ---- tags ---- */

/* The tag in the list, whose tags stand between quotation marks. */
static bool naive_tag(const char *list, const char *tag, bool weak) {
    size_t n = strlen(list);
    while (n > 0 && strchr(" \t", list[n - 1])) n--;
    const char *p = list + strspn(list, " \t");
    if (n == (size_t)(p - list) + 1 && *p == '*') return true;
    for (;;) {
        p += strspn(p, " \t");
        bool is_weak = strncmp(p, "W/", 2) == 0;
        p += is_weak ? 2 : 0;
        if (*p != '"') return false;
        size_t size = 1 + strcspn(p + 1, "\"");
        if (!p[size]) return false;
        if ((weak || !is_weak) && size + 1 == strlen(tag) && strncmp(p, tag, size + 1) == 0)
            return true;
        p += size + 1;
        p += strspn(p, " \t");
        if (*p == ',') p++;
    }
}

static void conditions(const char *text, int64_t modified) {
    static const char *const tags[] = {"\"a\"", "\"\"", "\"a,b\"", "\"68a1f00d-1c\""};
    int64_t when = -1;
    bool date = hob__http_date_of(text + strspn(text, " \t"), &when);
    for (int i = 0; i < 4; i++) {
        struct hob__validators v = {tags[i], modified};
        struct hob__conditions c = {.if_match = text};
        CHECK(hob__conditions_judge(&c, &v) == (naive_tag(text, tags[i], false) ? 200 : 412));
        c = (struct hob__conditions){.if_none_match = text};
        CHECK(hob__conditions_judge(&c, &v) == (naive_tag(text, tags[i], true) ? 304 : 200));
        /* Dates behind tags say nothing (13.2.2). */
        c.if_modified_since = "Thu, 01 Jan 1970 00:00:00 GMT";
        CHECK(hob__conditions_judge(&c, &v) == (naive_tag(text, tags[i], true) ? 304 : 200));
        c = (struct hob__conditions){.if_modified_since = text};
        CHECK(hob__conditions_judge(&c, &v) == (date && modified <= when ? 304 : 200));
        c = (struct hob__conditions){.if_unmodified_since = text};
        CHECK(hob__conditions_judge(&c, &v) == (date && modified > when ? 412 : 200));
        c = (struct hob__conditions){.if_range = text};
        bool range = hob__conditions_range(&c, &v);
        const char *first = text + strspn(text, " \t");
        if (strncmp(first, "W/", 2) == 0)
            CHECK(!range); /* weak tags are no ground for parts (13.1.5) */
        else if (*first == '"')
            CHECK(range == naive_tag(text, tags[i], false));
        else
            CHECK(range == (date && when == modified));
    }
}

/* ---- dates ---- */

static void dates(int64_t t) {
    char text[HOB__DATE_SIZE], again[HOB__DATE_SIZE];
    int64_t back = -1;
    hob__http_date(t, text);
    CHECK(strlen(text) == HOB__DATE_SIZE - 1);
    CHECK(hob__http_date_of(edge_string(text, strlen(text)), &back) && back == t);
    struct hob__validators v = {"\"a\"", t};
    CHECK(hob__conditions_range(&(struct hob__conditions){.if_range = text}, &v));
    hob__http_date(back, again);
    CHECK(strcmp(text, again) == 0);
}

/* ---- Retry-After ---- */

static void after(const char *text) {
    const char *p = text;
    double want = digits(&p), seconds = retry_after(text);
    int64_t at = 0, now = time(NULL);
    if (want >= 0 && !*p) {
        CHECK(strlen(text) > 9 ? isinf(seconds) : seconds == want);
    } else if (hob__cookie_date(text, strlen(text), &at)) {
        double left = at > now ? (double)(at - now) : 0;
        CHECK(seconds >= 0 && seconds <= left && seconds >= left - 5); /* the clock goes on */
    } else {
        CHECK(seconds < 0);
    }
    char shown[24];
    snprintf(shown, sizeof shown, "%lld", (long long)(now % 1000000000));
    CHECK(retry_after(shown) == (double)(now % 1000000000) && retry_after(NULL) < 0);
}

/* Eight bytes of numbers, then the text. */
FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    if (n > 4096) return;
    int64_t size = fuzz_u32(&in), t = fuzz_u32(&in);
    const char *text = edge_kept_string(in.at, in.left);
    size = size & 1 ? size >> 24 : size << (size >> 1 & 15);
    ranges(text, size);
    content_range(text);
    after(text);
    conditions(text, t);
    dates(t * 11 % INT64_C(253402300800)); /* to the year 3466 */
}
