/* coding_fuzz.c - Accept-Encoding, and bodies in gzip, deflate, br and zstd: what is packed comes
 * out again; whatever comes, whole or in pieces, into much room or little, gives the same bytes and
 * the same end; what is accepted is what a naive reading of the list says. */
#include "fuzz.h"

#include <ctype.h>
#include <errno.h>
#include <hob/http.h>
#include <strings.h>

#include "base/memory.h"
#include "http/decode.h"
#include "http/pack.h"

enum { MOST = 1 << 16 };

struct result {
    char bytes[MOST];
    size_t n, used;
    int rc; /* 0, or the error */
    bool complete;
};

/* Stops with rc 0 when MOST bytes are there. A coding that is not built in gives nothing. */
static void decode(const char *coding, const uint8_t *data, size_t n, uint32_t cut,
                   struct result *r) {
    struct hob__decoder *d;
    size_t at = 0, end = 0;
    CHECK(hob__decoder_open(&d, coding) == 0);
    r->n = 0, r->used = 0, r->rc = 0, r->complete = false;
    if (!d) return;
    while (r->n < MOST) {
        if (at == end) {
            if (end == n) break;
            size_t more = cut ? 1 + fuzz_next(&cut) % 9 : n;
            end = n - end < more ? n : end + more;
        }
        size_t room = cut ? 1 + fuzz_next(&cut) % 300 : MOST, used = end - at;
        if (room > MOST - r->n) room = MOST - r->n;
        char *out = edge_room(room);
        ssize_t got = hob__decode(d, edge_copy(data + at, used), &used, out, room);
        CHECK(used <= end - at && (got < 0 || (size_t)got <= room));
        at += used;
        if (got < 0) {
            r->rc = (int)got;
            break;
        }
        memcpy(r->bytes + r->n, out, (size_t)got);
        r->n += (size_t)got;
        CHECK(used > 0 || got > 0); /* else it would go on for ever */
    }
    /* What is still inside. */
    while (r->rc == 0 && r->n < MOST) {
        size_t none = 0;
        ssize_t got = hob__decode(d, "", &none, r->bytes + r->n, MOST - r->n);
        if (got < 0) r->rc = (int)got;
        if (got <= 0) break;
        r->n += (size_t)got;
    }
    r->used = at;
    r->complete = hob__decoder_complete(d);
    hob__decoder_free(d);
}

static void any_body(const char *coding, const uint8_t *data, size_t n, uint32_t cut) {
    static struct result whole, pieces;
    long live = hob__alloc_live();
    decode(coding, data, n, 0, &whole);
    decode(coding, data, n, cut | 0x100u, &pieces);
    CHECK(hob__alloc_live() == live);
    if (whole.n == MOST || pieces.n == MOST) {
        CHECK(memcmp(whole.bytes, pieces.bytes, whole.n < pieces.n ? whole.n : pieces.n) == 0);
        return;
    }
    CHECK(whole.rc == 0 || whole.rc == HOB_E_HTTP_CODING);
    CHECK(whole.rc == pieces.rc);
    if (whole.rc == 0) CHECK(whole.n == pieces.n && whole.complete == pieces.complete);
    size_t least = whole.n < pieces.n ? whole.n : pieces.n;
    CHECK(memcmp(whole.bytes, pieces.bytes, least) == 0);
}

static void round_trip(const uint8_t *data, size_t n, uint32_t cut) {
    static struct result back;
    for (unsigned p = 0; p < HOB__PACKINGS; p++) {
        char *packed;
        long size = hob__packing_built(p) ? hob__pack(p, data, n, &packed) : 0;
        CHECK(size >= 0 && (size_t)size < (n ? n : 1));
        if (size == 0) continue;
        decode(hob__packing_name(p), (const uint8_t *)packed, (size_t)size, cut, &back);
        CHECK(back.rc == 0 && back.complete && back.n == n && memcmp(back.bytes, data, n) == 0);
        decode(hob__packing_name(p), (const uint8_t *)packed, (size_t)size - 1, cut, &back);
        CHECK(back.rc != 0 || !back.complete); /* cut short, and that is seen */
        hob__free(packed);
    }
}

/* ---- Accept-Encoding ---- */

/* The quality of ";q=0.5;x" in thousandths; where there is none, 1000. */
static unsigned naive_quality(const char *params) {
    for (const char *p = strchr(params, ';'); p; p = strchr(p, ';')) {
        p += 1 + strspn(p + 1, " \t");
        if (tolower((unsigned char)*p) != 'q' || p[1] != '=') continue;
        p += 2;
        size_t whole = strspn(p, "0123456789");
        if (strspn(p, "0") < whole) return 1000;
        p += whole + (p[whole] == '.');
        char three[4] = "000"; /* digits behind the point */
        memcpy(three, p, strspn(p, "0123456789") < 3 ? strspn(p, "0123456789") : 3);
        return (unsigned)atoi(three);
    }
    return 1000;
}

static void naive_wishes(char *list, struct hob__wishes *w) {
    bool named[HOB__PACKINGS] = {false};
    unsigned others = 0;
    *w = (struct hob__wishes){.plain = 0};
    for (char *word; (word = strsep(&list, ","));) {
        word += strspn(word, " \t");
        size_t n = strcspn(word, "; \t");
        unsigned q = naive_quality(word + n);
        if (n == 1 && *word == '*') others = q;
        if (n == 8 && strncasecmp("identity", word, n) == 0) w->plain = q;
        for (unsigned p = 0; p < HOB__PACKINGS; p++) {
            const char *name = hob__packing_name(p);
            bool is = (strlen(name) == n && strncasecmp(name, word, n) == 0) ||
                      (p == HOB__PACK_GZIP && n == 6 && strncasecmp("x-gzip", word, n) == 0);
            if (is) w->packed[p] = q;
            named[p] |= is;
        }
    }
    for (unsigned p = 0; p < HOB__PACKINGS; p++)
        if (!named[p]) w->packed[p] = others;
}

static void accepts(const char *text) {
    char copy[4097];
    struct hob__wishes want, got = hob__packings_wanted(text);
    strcpy(copy, text);
    naive_wishes(copy, &want);
    CHECK(memcmp(&got, &want, sizeof got) == 0);
    unsigned before = 5000;
    for (unsigned q; (q = hob__next_wish(&got, before)) > 0; before = q)
        CHECK(q < before && q >= got.plain && q <= 1000);
    hob__packable(text);
}

/* Which of it, how it is cut, then the bytes. */
FUZZ(data, n) {
    static const char *const codings[] = {"gzip", "deflate", "br", "zstd"};
    if (n < 2 || n > 4096) return;
    const uint8_t *bytes = data + 2;
    if (data[0] % 8 < 4) any_body(codings[data[0] % 8], bytes, n - 2, data[1]);
    if (data[0] % 8 == 4) {
        static uint8_t text[MOST - 1];
        struct fuzz_input in = {bytes, n - 2};
        round_trip(text, fuzz_runs(&in, text, sizeof text), data[1]);
    }
    if (data[0] % 8 > 4) accepts(edge_kept_string(bytes, n - 2));
}
