/* robots.c - reading robots.txt: see robots.h. Lines; groups of them, which begin with one or more
 * "User-agent" lines; the longest rule that matches a path decides. */
#include "robots.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    RULES_MAX = 10000,
    SITEMAPS_MAX = 100,
    PATTERN_MAX = 2048,    /* bytes; a longer one matches nothing */
    PATH_MAX_LENGTH = 4096 /* bytes of a path that are looked at */
};
static const double DELAY_MAX = 60; /* seconds: more is somebody's mistake */

struct robots_rule {
    bool allows;
    size_t length; /* of the pattern: the longest that matches decides */
    char *pattern; /* normalised */
};

/* ---- patterns ---- */

static bool is_unreserved(int c) { return c && c < 0x80 && (isalnum(c) || strchr("-._~", c)); }

static int hex(int c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What is written in different ways becomes the same (2.2.2): %7e is ~, other escapes are in upper
 * case, bytes beyond ASCII are escaped. Up to three times as long. Returns the length. */
static size_t normalise(const char *in, size_t n, char *out) {
    static const char digits[] = "0123456789ABCDEF";
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)in[i];
        bool escaped = false;
        if (c == '%' && n - i > 2 && hex((unsigned char)in[i + 1]) >= 0 &&
            hex((unsigned char)in[i + 2]) >= 0) {
            c = hex((unsigned char)in[i + 1]) * 16 + hex((unsigned char)in[i + 2]);
            escaped = !is_unreserved(c);
            i += 2;
        }
        if (escaped || c == 0 || c >= 0x80) {
            out[length++] = '%';
            out[length++] = digits[c >> 4];
            out[length++] = digits[c & 15];
        } else {
            out[length++] = (char)c;
        }
    }
    out[length] = 0;
    return length;
}

/* From the path's beginning; '*' is any run of bytes, a '$' at the end the path's end. Going back
 * to the last '*' is enough, so this is bounded by the product of both lengths. */
static bool matches(const char *pattern, const char *path) {
    const char *star = NULL, *from = NULL;
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            from = path;
        } else if (!*pattern) {
            return true;
        } else if (pattern[0] == '$' && !pattern[1] && !*path) {
            return true;
        } else if (*path && *pattern == *path && !(pattern[0] == '$' && !pattern[1])) {
            pattern++;
            path++;
        } else if (star && *from) {
            pattern = star;
            path = ++from;
        } else {
            return false;
        }
    }
}

/* ---- the file ---- */

static bool grow(void **items, size_t count, size_t *room, size_t size) {
    if (count < *room) return true;
    size_t more = *room ? *room * 2 : 16;
    void *grown = realloc(*items, more * size);
    if (!grown) return false;
    *items = grown;
    *room = more;
    return true;
}

static bool add_rule(struct robots *r, bool allows, const char *text, size_t n) {
    if (n == 0 || n > PATTERN_MAX || r->rule_count == RULES_MAX) return true;
    if (!grow((void **)&r->rules, r->rule_count, &r->rule_room, sizeof *r->rules)) return false;
    char *pattern = malloc(3 * n + 1);
    if (!pattern) return false;
    size_t length = normalise(text, n, pattern);
    r->rules[r->rule_count++] = (struct robots_rule){allows, length, pattern};
    return true;
}

static bool add_sitemap(struct robots *r, const char *text, size_t n) {
    if (n == 0 || r->sitemap_count == SITEMAPS_MAX) return true;
    if (!grow((void **)&r->sitemaps, r->sitemap_count, &r->sitemap_room, sizeof *r->sitemaps))
        return false;
    char *url = malloc(n + 1); /* the text has no end of its own */
    if (!url) return false;
    memcpy(url, text, n);
    url[n] = 0;
    r->sitemaps[r->sitemap_count++] = url;
    return true;
}

struct line {
    const char *name, *value;
    size_t name_size, value_size;
};

static void trim(const char **text, size_t *n) {
    while (*n && (**text == ' ' || **text == '\t')) ++*text, --*n;
    while (*n && ((*text)[*n - 1] == ' ' || (*text)[*n - 1] == '\t')) --*n;
}

/* The next line that is "name: value"; false at the end. */
static bool next_line(const char **at, const char *end, struct line *line) {
    while (*at < end) {
        const char *begin = *at, *stop = begin;
        while (stop < end && *stop != '\n' && *stop != '\r') stop++;
        *at = stop < end ? stop + 1 : end;
        const char *comment = memchr(begin, '#', (size_t)(stop - begin));
        if (comment) stop = comment;
        const char *colon = memchr(begin, ':', (size_t)(stop - begin));
        if (!colon) continue;
        *line =
            (struct line){begin, colon + 1, (size_t)(colon - begin), (size_t)(stop - colon - 1)};
        trim(&line->name, &line->name_size);
        trim(&line->value, &line->value_size);
        return true;
    }
    return false;
}

static bool is_named(const struct line *line, const char *name) {
    return line->name_size == strlen(name) && strncasecmp(line->name, name, line->name_size) == 0;
}

/* Is a group for `agent` (2.2.1: the product's name, whatever follows it)? 2: by name; 1: for
 * everybody. */
static int is_meant(const struct line *line, const char *agent) {
    size_t n = 0;
    if (line->value_size == 1 && *line->value == '*') return 1;
    while (n < line->value_size && (isalpha((unsigned char)line->value[n]) ||
                                    line->value[n] == '-' || line->value[n] == '_'))
        n++;
    return n && n == strlen(agent) && strncasecmp(line->value, agent, n) == 0 ? 2 : 0;
}

static void drop_rules(struct robots *r) {
    for (size_t i = 0; i < r->rule_count; i++) free(r->rules[i].pattern);
    r->rule_count = 0;
    r->delay = 0;
}

static bool take_line(struct robots *r, const struct line *line) {
    if (is_named(line, "allow")) return add_rule(r, true, line->value, line->value_size);
    if (is_named(line, "disallow")) return add_rule(r, false, line->value, line->value_size);
    char number[32] = "";
    if (line->value_size < sizeof number) memcpy(number, line->value, line->value_size);
    double delay = strtod(number, NULL);
    if (delay > 0 && isfinite(delay)) r->delay = delay < DELAY_MAX ? delay : DELAY_MAX;
    return true;
}

bool robots_parse(struct robots *r, const char *agent, const char *text, size_t n) {
    *r = (struct robots){0};
    if (n > ROBOTS_MAX) n = ROBOTS_MAX;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, n -= 3;
    const char *at = text, *end = text + n;
    struct line line;
    int meant = 0, best = 0; /* of the present group, and of what has been taken */
    bool in_names = false;
    while (next_line(&at, end, &line)) {
        if (is_named(&line, "user-agent")) {
            int m = is_meant(&line, agent);
            meant = in_names && meant > m ? meant : m;
            in_names = true;
            if (meant > best) { /* a group by name, even an empty one, is all that counts */
                drop_rules(r);
                best = meant;
            }
        } else if (is_named(&line, "sitemap")) {
            if (!add_sitemap(r, line.value, line.value_size)) return false;
        } else if (is_named(&line, "allow") || is_named(&line, "disallow") ||
                   is_named(&line, "crawl-delay")) {
            in_names = false;
            if (meant && meant == best && !take_line(r, &line)) return false;
        }
    }
    return true;
}

bool robots_allows(const struct robots *r, const char *path) {
    char normal[3 * PATH_MAX_LENGTH + 1];
    size_t n = strlen(path), longest = 0;
    bool allowed = true;
    if (r->rule_count == 0 || strcmp(path, "/robots.txt") == 0) return true;
    normalise(path, n < PATH_MAX_LENGTH ? n : PATH_MAX_LENGTH, normal);
    for (size_t i = 0; i < r->rule_count; i++) {
        const struct robots_rule *rule = &r->rules[i];
        if (rule->length < longest || (rule->length == longest && allowed)) continue;
        if (!matches(rule->pattern, normal)) continue;
        longest = rule->length;
        allowed = rule->allows;
    }
    return allowed;
}

void robots_free(struct robots *r) {
    drop_rules(r);
    free(r->rules);
    for (size_t i = 0; i < r->sitemap_count; i++) free(r->sitemaps[i]);
    free(r->sitemaps);
    *r = (struct robots){0};
}
