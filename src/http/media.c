/* http/media.c - values with parameters, taken apart strictly: two readers that see different names
 * in the same bytes are how files get past those who look at them. */
#include "http/media.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "http/scan.h"

static const char *blanks(const char *p) { return p + strspn(p, " \t"); }

bool hob__media_is(const char *value, const char *kind) {
    size_t n = strlen(kind);
    if (strncasecmp(value, kind, n) != 0) return false;
    if (kind[n - 1] == '/') return true;
    return !value[n] || value[n] == ';' || value[n] == ' ' || value[n] == '\t';
}

/* A token, or a quoted text; p moves behind it. Its length, or -EINVAL. */
static int take_value(const char **p, char *out, size_t cap) {
    const char *at = *p, *end = at + strlen(at);
    size_t n = 0;
    bool quoted = *at == '"';
    if (!quoted) end = hob__scan_token(at, end);
    if (!quoted && end == at) return -EINVAL;
    for (at += quoted; quoted ? *at && *at != '"' : at < end; at++) {
        /* Older browsers do not escape the backslashes of a path: alone it stands for itself. */
        if (quoted && *at == '\\' && (at[1] == '"' || at[1] == '\\')) at++;
        if (n + 1 < cap) out[n] = *at;
        n++;
    }
    if (quoted && *at++ != '"') return -EINVAL;
    if (cap) out[n < cap ? n : cap - 1] = 0;
    *p = at;
    return (int)n;
}

int hob__media_param(const char *value, const char *name, char *out, size_t cap) {
    int found = -ENOENT;
    size_t want = strlen(name);
    const char *p = value + strcspn(value, "; \t");
    for (p = blanks(p); *p; p = blanks(p)) {
        if (*p++ != ';') return -EINVAL;
        p = blanks(p);
        if (!*p) break; /* a semicolon at the end says nothing */
        const char *end = hob__scan_token(p, p + strlen(p));
        size_t n = (size_t)(end - p);
        if (n == 0 || *end != '=') return -EINVAL;
        bool is = n == want && strncasecmp(p, name, n) == 0;
        if (is && found >= 0) return -EINVAL;
        p = end + 1;
        int rc = take_value(&p, out, is ? cap : 0);
        if (rc < 0) return rc;
        if (is) found = rc;
    }
    return found;
}
