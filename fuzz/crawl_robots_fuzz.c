/* crawl_robots_fuzz.c - robots.txt: whatever it says, the answer for a path is that of a naive
 * matcher over all rules, and a file that is cut at a line's end has no more rules. Input: the
 * file, and behind its last NUL the path. */
#include "robots.c"

#include "fuzz.h"

/* By recursion: slow, and plain to see. */
static bool naive(const char *pattern, const char *path, unsigned *steps) {
    if (++*steps > 200000) return false;
    if (!*pattern) return true;
    if (pattern[0] == '$' && !pattern[1] && !*path) return true;
    if (*pattern == '*') {
        for (;; path++) {
            if (naive(pattern + 1, path, steps)) return true;
            if (!*path) return false;
        }
    }
    if (pattern[0] == '$' && !pattern[1]) return false;
    return *path && *pattern == *path && naive(pattern + 1, path + 1, steps);
}

static void check_path(const struct robots *r, const char *path) {
    char normal[3 * 256 + 1];
    bool allowed = true;
    size_t longest = 0;
    normalise(path, strlen(path), normal);
    for (size_t i = 0; i < r->rule_count; i++) {
        unsigned steps = 0;
        bool is = naive(r->rules[i].pattern, normal, &steps);
        if (steps > 200000) return;
        CHECK(is == matches(r->rules[i].pattern, normal));
        if (!is || r->rules[i].length < longest) continue;
        allowed = r->rules[i].allows || (r->rules[i].length == longest && allowed);
        longest = r->rules[i].length;
    }
    CHECK(robots_allows(r, path) == (allowed || strcmp(path, "/robots.txt") == 0));
}

FUZZ(data, n) {
    char path[256] = "/a/b?c";
    struct robots r;
    const uint8_t *last = n ? memrchr(data, 0, n) : NULL;
    size_t size = last ? (size_t)(last - data) : n;
    if (last) {
        size_t length = n - size - 1 < sizeof path - 1 ? n - size - 1 : sizeof path - 1;
        memcpy(path, last + 1, length);
        path[length] = 0;
    }
    if (size > EDGE_MAX) return;
    CHECK(robots_parse(&r, "hob", edge_kept(data, size), size));
    CHECK(r.delay >= 0 && r.delay <= 60);
    for (size_t i = 0; i < r.rule_count; i++)
        CHECK(r.rules[i].length == strlen(r.rules[i].pattern));
    check_path(&r, path);
    check_path(&r, "/robots.txt");
    robots_free(&r);
}
