/* sse_fuzz.c - streams of server-sent events: however they are cut, the events are the same, and a
 * naive second reading, line by line, finds them too. */
#include "fuzz.h"

#include "base/memory.h"
#include "http/client/sse.h"

enum { MAX = 200 };

struct seen {
    char text[1 << 18];
    size_t n;
    int rc;
    int64_t retry;
};

static void add(struct seen *s, const void *bytes, size_t n) {
    CHECK(s->n + n + 1 <= sizeof s->text);
    if (n) memcpy(s->text + s->n, bytes, n);
    s->n += n;
    s->text[s->n++] = '|';
}

static void parse(struct seen *s, const uint8_t *data, size_t n, uint32_t cut) {
    struct hob__events p = {.max = MAX, .retry_ms = -1};
    size_t at = 0, end = 0;
    s->n = 0;
    s->rc = 0;
    while (s->rc >= 0) {
        struct hob_sse_event e;
        size_t used;
        if (at == end) {
            if (end == n) break;
            size_t more = cut ? 1 + fuzz_next(&cut) % 7 : n;
            end = n - end < more ? n : end + more;
        }
        s->rc = hob__events_next(&p, edge_copy(data + at, end - at), end - at, &used, &e);
        CHECK(used <= end - at);
        at += used;
        if (s->rc == 0) CHECK(at == end);
        if (s->rc != 1) continue;
        CHECK(e.data[e.size] == 0 && e.size <= MAX);
        add(s, e.type, strlen(e.type));
        add(s, e.data, e.size);
        add(s, e.id, strlen(e.id));
    }
    s->retry = p.retry_ms;
    hob__events_free(&p);
}

/* Without limits: only of what was read without an error. */
static void naive(struct seen *s, const uint8_t *text, size_t n) {
    static char data[8192], type[8192], id[8192], last[8192];
    size_t data_n = 0, type_n = 0, id_n = 0, last_n = 0, at = 0;
    s->n = 0;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) at = 3;
    for (;;) {
        size_t end = at;
        while (end < n && text[end] != '\r' && text[end] != '\n') end++;
        if (end == n) return;
        size_t name = at;
        while (name < end && text[name] != ':') name++;
        size_t value = name < end ? name + 1 : name;
        if (value < end && text[value] == ' ') value++;
        size_t m = end - value;
        if (end == at) {
            memcpy(last, id, id_n);
            last_n = id_n;
            if (data_n) {
                add(s, type_n ? type : "message", type_n ? strnlen(type, type_n) : 7);
                add(s, data, data_n - 1);
                add(s, last, last_n);
            }
            data_n = type_n = 0;
        } else if (name - at == 4 && memcmp(text + at, "data", 4) == 0) {
            memcpy(data + data_n, text + value, m);
            data_n += m;
            data[data_n++] = '\n';
        } else if (name - at == 5 && memcmp(text + at, "event", 5) == 0) {
            memcpy(type, text + value, m);
            type_n = m;
        } else if (name - at == 2 && memcmp(text + at, "id", 2) == 0 &&
                   !memchr(text + value, 0, m)) {
            memcpy(id, text + value, m);
            id_n = m;
        }
        at = end + 1;
        if (text[end] == '\r' && at < n && text[at] == '\n') at++;
    }
}

FUZZ(data, n) {
    static struct seen whole, pieces, other;
    if (n < 1 || n > 4096) return;
    parse(&whole, data + 1, n - 1, 0);
    parse(&pieces, data + 1, n - 1, data[0] | 0x100u);
    CHECK(whole.rc == pieces.rc && whole.retry == pieces.retry);
    CHECK(whole.n == pieces.n && memcmp(whole.text, pieces.text, whole.n) == 0);
    if (whole.rc < 0) return;
    naive(&other, data + 1, n - 1);
    CHECK(whole.n == other.n && memcmp(whole.text, other.text, whole.n) == 0);
}
