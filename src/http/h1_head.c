/* http/h1_head.c - the request line, the status line, the fields, and what the fields say about the
 * message's framing (RFC 9112, 3 to 6). */
#include "http/h1_head.h"

#include <string.h>
#include <strings.h>

#include "http/scan.h"

const uint8_t hob__token_bytes[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
    ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1, ['0'] = 1,
    ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,  ['7'] = 1, ['8'] = 1,
    ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,  ['F'] = 1, ['G'] = 1,
    ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1,  ['N'] = 1, ['O'] = 1,
    ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1,  ['V'] = 1, ['W'] = 1,
    ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1,  ['d'] = 1, ['e'] = 1,
    ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,  ['l'] = 1, ['m'] = 1,
    ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1,  ['t'] = 1, ['u'] = 1,
    ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1};

bool hob__h1_same(const char *a, size_t n, const char *b) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)a[i];
        if (c >= 'A' && c <= 'Z') c |= 0x20;
        if (c != (unsigned char)b[i] || c == 0) return false; /* a shorter b ends here, too */
    }
    return b[n] == 0;
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

/* The next element of a comma-separated list, without white space; false at the end. */
static bool next_element(const char **list, const char *end, struct hob_slice *element) {
    while (*list < end) {
        const char *at = *list;
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        *list = comma ? comma + 1 : end;
        while (at < stop && blank(*at)) at++;
        while (at < stop && blank(stop[-1])) stop--;
        if (at == stop) continue;
        *element = (struct hob_slice){at, (size_t)(stop - at)};
        return true;
    }
    return false;
}

bool hob__h1_list_has(const char *list, size_t n, const char *word) {
    struct hob_slice element;
    for (const char *at = list; next_element(&at, list + n, &element);)
        if (hob__h1_same(element.at, element.size, word)) return true;
    return false;
}

/* "HTTP/1.1": its minor version (what is above 1 counts as 1, RFC 9110, 2.5), or an error. */
static int version(struct hob__h1 *p, const char *block, uint32_t at, uint32_t end) {
    const char *v = block + at;
    if (end - at != 8 || memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' || v[6] != '.' ||
        v[7] < '0' || v[7] > '9')
        return hob__h1_fail(p, HOB_E_HTTP_START_LINE, at);
    if (v[5] != '1') return hob__h1_fail(p, HOB_E_HTTP_VERSION, at);
    p->minor = v[7] > '0';
    return 0;
}

/* RFC 9112, 3.2: origin-form, absolute-form, authority-form (CONNECT), or "*" (OPTIONS). */
static int check_target(struct hob__h1 *p, const char *block) {
    const char *target = block + p->target_at;
    size_t n = p->target_size;
    const char *method = block + p->method_at;
    bool connect = p->method_size == 7 && memcmp(method, "CONNECT", 7) == 0;
    bool options = p->method_size == 7 && memcmp(method, "OPTIONS", 7) == 0;
    if (target[0] == '/' && !connect) return 0;
    if (n == 1 && target[0] == '*' && options) return 0;
    if (connect) {
        if (!memchr(target, '/', n) && memchr(target, ':', n)) return 0;
    } else if ((n > 7 && hob__h1_same(target, 7, "http://")) ||
               (n > 8 && hob__h1_same(target, 8, "https://"))) {
        struct hob_url u;
        struct hob_url_error why;
        if (hob_url_parse(target, n, &u, &why) == 0) return 0;
        return hob__h1_fail(p, HOB_E_HTTP_TARGET, p->target_at + why.at);
    }
    return hob__h1_fail(p, HOB_E_HTTP_TARGET, p->target_at);
}

int hob__h1_request_line(struct hob__h1 *p, const char *block, uint32_t at, uint32_t end) {
    const char *start = block + at, *stop = block + end;
    const char *c = hob__scan_token(start, stop);
    if (c == start || c == stop || *c != ' ') {
        int code = c < stop && *c == '\r' ? HOB_E_HTTP_LINE_END : HOB_E_HTTP_START_LINE;
        return hob__h1_fail(p, code, (uint64_t)(c - block));
    }
    p->method_at = at;
    p->method_size = (uint32_t)(c - start);
    const char *target = ++c;
    c = hob__scan_target(target, stop);
    if (c < stop && *c == '\r') return hob__h1_fail(p, HOB_E_HTTP_LINE_END, (uint64_t)(c - block));
    if (c < stop && *c != ' ') return hob__h1_fail(p, HOB_E_HTTP_TARGET, (uint64_t)(c - block));
    if (c == stop || c == target)
        return hob__h1_fail(p, HOB_E_HTTP_START_LINE, (uint64_t)(c - block));
    p->target_at = (uint32_t)(target - block);
    p->target_size = (uint32_t)(c - target);
    int rc = version(p, block, (uint32_t)(c + 1 - block), end);
    return rc < 0 ? rc : check_target(p, block);
}

int hob__h1_status_line(struct hob__h1 *p, const char *block, uint32_t at, uint32_t end) {
    uint32_t n = end - at;
    int rc = version(p, block, at, n < 8 ? end : at + 8);
    if (rc < 0) return rc;
    const char *c = block + at + 8;
    if (n < 12 || c[0] != ' ') return hob__h1_fail(p, HOB_E_HTTP_START_LINE, at + 8);
    for (int i = 1; i <= 3; i++)
        if (c[i] < '0' || c[i] > '9')
            return hob__h1_fail(p, HOB_E_HTTP_START_LINE, at + 8 + (unsigned)i);
    p->status = (uint16_t)((c[1] - '0') * 100 + (c[2] - '0') * 10 + (c[3] - '0'));
    if (p->status < 100) return hob__h1_fail(p, HOB_E_HTTP_START_LINE, at + 9);
    p->target_at = end;
    p->target_size = 0;
    if (n == 12) return 0; /* some servers leave out the space in front of an empty phrase */
    if (c[4] != ' ') return hob__h1_fail(p, HOB_E_HTTP_START_LINE, at + 12);
    const char *bad = hob__scan_value(c + 5, block + end);
    if (bad < block + end)
        return hob__h1_fail(p, *bad == '\r' ? HOB_E_HTTP_LINE_END : HOB_E_HTTP_START_LINE,
                            (uint64_t)(bad - block));
    p->target_at = at + 13;
    p->target_size = end - p->target_at;
    return 0;
}

/* RFC 9112, 6.3: digits. A list, or a second field, is refused in a request even if it repeats the
 * number, as HTTP/2 does: whoever sends two lengths has put them together from two sources. */
static __attribute__((noinline)) int content_length(struct hob__h1 *p, const char *value,
                                                    uint32_t n) {
    struct hob_slice element;
    const char *at = value;
    bool any = false;
    while (next_element(&at, value + n, &element)) {
        uint64_t number = 0;
        for (size_t i = 0; i < element.size; i++) {
            unsigned digit = (unsigned)((unsigned char)element.at[i] - '0');
            if (digit > 9 || number > ((uint64_t)INT64_MAX - digit) / 10) return HOB_E_HTTP_LENGTH;
            number = number * 10 + digit;
        }
        if (p->content_length >= 0 && (!p->response || (uint64_t)p->content_length != number))
            return HOB_E_HTTP_LENGTH;
        p->content_length = (int64_t)number;
        any = true;
    }
    return any ? 0 : HOB_E_HTTP_LENGTH;
}

/* 1 for the bytes that no host and port have: what is not visible ASCII, and /?#@\,"<>^`{|} */
static const uint8_t no_host_bytes[256] = {
    [0 ... 0x20] = 1, ['/'] = 1, ['?'] = 1, ['#'] = 1,          ['@'] = 1, ['\\'] = 1,
    [','] = 1,        ['"'] = 1, ['<'] = 1, ['>'] = 1,          ['^'] = 1, ['`'] = 1,
    ['{'] = 1,        ['|'] = 1, ['}'] = 1, [0x7f ... 0xff] = 1};

bool hob__h1_host_ok(const char *value, size_t n) {
    unsigned bad = 0;
    if (n >= 8 && n <= 16 && hob__plain_host(value, n)) return true;
    for (size_t i = 0; i < n; i++) bad |= no_host_bytes[(unsigned char)value[i]];
    return !bad;
}

static int host(struct hob__h1 *p, const char *value, uint32_t n) {
    if (p->seen & HOB__H1_SEEN_HOST) return HOB_E_HTTP_HOST;
    p->seen |= HOB__H1_SEEN_HOST;
    if (n >= 8 && n <= 16 && hob__plain_host(value, n)) return 0; /* as most are */
    return hob__h1_host_ok(value, n) ? 0 : HOB_E_HTTP_HOST;
}

static __attribute__((noinline)) void connection(struct hob__h1 *p, const char *value, uint32_t n) {
    if (n == 10 && hob__h1_same(value, n, "keep-alive")) { /* as most answers have it */
        p->seen |= HOB__H1_SEEN_KEEP;
        return;
    }
    if (hob__h1_list_has(value, n, "close")) p->seen |= HOB__H1_SEEN_CLOSE;
    if (hob__h1_list_has(value, n, "keep-alive")) p->seen |= HOB__H1_SEEN_KEEP;
    if (hob__h1_list_has(value, n, "upgrade")) p->seen |= HOB__H1_SEEN_UPGRADE_TOKEN;
}

/* A Transfer-Encoding other than "chunked". RFC 9112, 6.1 and 6.3: where chunked is the last
 * coding, and only that, the length is certain, and a coding is not known; else it is not. */
static __attribute__((noinline)) int other_coding(struct hob__h1 *p, const char *value,
                                                  uint32_t n) {
    struct hob_slice element;
    const char *at = value, *last = NULL;
    unsigned chunked = p->seen & HOB__H1_SEEN_ENCODING ? 1 : 0;
    while (next_element(&at, value + n, &element)) {
        last = hob__h1_same(element.at, element.size, "chunked") ? element.at : NULL;
        if (last) chunked++;
    }
    if (last && chunked == 1 && p->minor == 1) p->flags |= HOB__H1_UNKNOWN_CODING;
    return HOB_E_HTTP_ENCODING;
}

/* Is the name, of n (4 to 16) bytes of a token, that one, which is in lower case? In two words,
 * which may overlap. No other byte of a token becomes a letter or a hyphen by the bit 0x20. */
static inline bool is_named(const char *name, const char *lower, size_t n) {
    const uint64_t bits = 0x2020202020202020u;
    if (n < 8) {
        uint32_t a, b, last_a, last_b, half = (uint32_t)bits;
        memcpy(&a, name, 4);
        memcpy(&b, lower, 4);
        memcpy(&last_a, name + n - 4, 4);
        memcpy(&last_b, lower + n - 4, 4);
        return (a | half) == (b | half) && (last_a | half) == (last_b | half);
    }
    uint64_t a, b, last_a, last_b;
    memcpy(&a, name, 8);
    memcpy(&b, lower, 8);
    memcpy(&last_a, name + n - 8, 8);
    memcpy(&last_b, lower + n - 8, 8);
    return (a | bits) == (b | bits) && (last_a | bits) == (last_b | bits);
}

int hob__h1_meaning(struct hob__h1 *p, const char *name, uint32_t name_size, const char *value,
                    uint32_t n) {
    if (name_size == 4) return !p->response && is_named(name, "host", 4) ? host(p, value, n) : 0;
    switch (name_size) {
    case 6:
        if (!p->response && is_named(name, "expect", 6))
            p->flags |= hob__h1_same(value, n, "100-continue") ? HOB__H1_EXPECT_CONTINUE
                                                               : HOB__H1_EXPECT_OTHER;
        return 0;
    case 7:
        if (is_named(name, "upgrade", 7)) p->seen |= HOB__H1_SEEN_UPGRADE;
        return 0;
    case 10:
        if (is_named(name, "connection", 10)) connection(p, value, n);
        return 0;
    case 14:
        return is_named(name, "content-length", 14) ? content_length(p, value, n) : 0;
    case 17:
        if (!hob__h1_same(name, 17, "transfer-encoding")) return 0;
        if ((p->seen & HOB__H1_SEEN_ENCODING) || !hob__h1_same(value, n, "chunked"))
            return other_coding(p, value, n);
        p->seen |= HOB__H1_SEEN_ENCODING;
        return 0;
    default:
        return 0;
    }
}

int hob__h1_field_line(struct hob__h1 *p, const char *block, uint32_t at, uint32_t end,
                       bool meaning) {
    const char *name = block + at, *stop = block + end;
    if (blank(*name)) return hob__h1_fail(p, HOB_E_HTTP_FIELD_FOLD, at);
    const char *colon = hob__scan_token(name, stop);
    if (colon == stop || colon == name || *colon != ':') {
        int code = HOB_E_HTTP_FIELD_NAME;
        if (colon < stop && *colon == '\r') code = HOB_E_HTTP_LINE_END;
        if (colon < stop && colon > name && blank(*colon)) {
            const char *c = colon;
            while (c < stop && blank(*c)) c++;
            if (c < stop && *c == ':') code = HOB_E_HTTP_FIELD_SPACE;
        }
        return hob__h1_fail(p, code, (uint64_t)(colon - block));
    }
    const char *value = colon + 1;
    const char *bad = hob__scan_value(value, stop);
    if (bad < stop)
        return hob__h1_fail(p, *bad == '\r' ? HOB_E_HTTP_LINE_END : HOB_E_HTTP_FIELD_VALUE,
                            (uint64_t)(bad - block));
    while (value < stop && blank(*value)) value++;
    while (value < stop && blank(stop[-1])) stop--;
    if (p->field_count >= p->limits.fields) return hob__h1_fail(p, HOB_E_HTTP_TOO_MANY_HEADERS, at);
    uint32_t name_size = (uint32_t)(colon - name), value_size = (uint32_t)(stop - value);
    if (p->field_count < p->fields_cap)
        p->fields[p->field_count] =
            (struct hob__h1_field){at, name_size, (uint32_t)(value - block), value_size};
    p->field_count++;
    if (!meaning) return 0;
    int rc = hob__h1_meaning(p, name, name_size, value, value_size);
    return rc < 0 ? hob__h1_fail(p, rc, (uint64_t)(value - block)) : 0;
}

const struct hob__h1_field *hob__h1_find(const char *block, const struct hob__h1_field *fields,
                                         size_t count, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (fields[i].name_size == n && strncasecmp(block + fields[i].name, name, n) == 0)
            return &fields[i];
    return NULL;
}

uint32_t hob__h1_split(const char *block, size_t n, uint32_t at, struct hob__h1_field *out,
                       uint32_t cap) {
    uint32_t count = 0;
    while (at < n) {
        const char *line = block + at;
        const char *end = memchr(line, '\n', n - at);
        if (!end) break;
        uint32_t next = (uint32_t)(end + 1 - block);
        if (end > line && end[-1] == '\r') end--;
        const char *colon = memchr(line, ':', (size_t)(end - line));
        if (!colon) break;
        const char *value = colon + 1;
        while (value < end && blank(*value)) value++;
        while (value < end && blank(end[-1])) end--;
        if (count < cap)
            out[count] = (struct hob__h1_field){at, (uint32_t)(colon - line),
                                                (uint32_t)(value - block), (uint32_t)(end - value)};
        count++;
        at = next;
    }
    return count;
}
