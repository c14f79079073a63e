/* http/params.c - lists of pairs as text: the query of a URL, the body of a form (WHATWG URL, 5.2).
 * A space is '+' in a form, where that is its usual spelling, and %20 in a query, which every
 * reader takes for one. */
#include <hob/url.h>
#include <string.h>

#include "base/memory.h"
#include "http/client/outgoing.h"

enum { WORST = 3 }; /* bytes of text for each byte */

static size_t put(char *out, const char *text, bool form) {
    size_t n = strlen(text);
    size_t size = hob_url_encode(text, n, form ? "*" : NULL, out, WORST * n + 1);
    if (!form) return size;
    size_t to = 0;
    for (size_t i = 0; i < size; i++) {
        bool space = out[i] == '%' && out[i + 1] == '2' && out[i + 2] == '0';
        out[to++] = space ? '+' : out[i];
        if (space) i += 2;
    }
    return to;
}

static size_t room(const struct hob_param *params) {
    size_t n = 1;
    for (const struct hob_param *p = params; p->name; p++)
        n += WORST * (strlen(p->name) + (p->value ? strlen(p->value) : 0)) + 3;
    return n;
}

static size_t encode(const struct hob_param *params, bool form, char *out) {
    size_t at = 0;
    for (const struct hob_param *p = params; p->name; p++) {
        if (p != params) out[at++] = '&';
        at += put(out + at, p->name, form);
        if (!p->value) continue;
        out[at++] = '=';
        at += put(out + at, p->value, form);
    }
    out[at] = 0;
    return at;
}

char *hob__params_encode(const struct hob_param *params, bool form) {
    char *out = hob__alloc(room(params));
    if (out) encode(params, form, out);
    return out;
}

char *hob__params_add(const char *reference, const struct hob_param *params) {
    size_t before = strcspn(reference, "#"), n = strlen(reference);
    char *out = hob__alloc(n + room(params) + 1);
    if (!out) return NULL;
    memcpy(out, reference, before);
    size_t at = before;
    const char *query = memchr(reference, '?', before);
    bool open = query && (query + 1 == reference + before || reference[before - 1] == '&');
    if (params->name && !open) out[at++] = query ? '&' : '?';
    at += encode(params, false, out + at);
    memcpy(out + at, reference + before, n - before + 1);
    return out;
}
