/* data/model/pattern.c - patterns, by PCRE2; without its library a model with a pattern is misuse.
 *
 * A match may take so many steps and so much memory and no more, so that a pattern that backtracks
 * without end cannot hold the program for longer than some milliseconds. Its compiler for machine
 * code is not used: what that makes wants 32 KiB of stack. */
#include "data/model/model.h"

#include "base/memory.h"

#if defined(HAVE_PCRE2)
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { STEPS = 100000, DEPTH = 10000, HEAP_KIB = 4096 };

struct hob__pattern {
    pcre2_code *code;
    pcre2_general_context *memory;
};

static void *take(PCRE2_SIZE n, void *arg) {
    (void)arg;
    return hob__alloc(n);
}
static void give_back(void *p, void *arg) {
    (void)arg;
    hob__free(p);
}

struct hob__pattern *hob__pattern_make(const char *pattern, const char **why, size_t *at) {
    static char words[256];
    *why = NULL;
    *at = 0;
    struct hob__pattern *p = hob__alloc_zero(sizeof *p);
    if (!p) return NULL;
    p->memory = pcre2_general_context_create(take, give_back, NULL);
    pcre2_compile_context *how = p->memory ? pcre2_compile_context_create(p->memory) : NULL;
    int error = 0;
    if (how)
        p->code =
            pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C,
                          &error, at, how);
    pcre2_compile_context_free(how);
    if (p->code) return p;
    if (how && error != PCRE2_ERROR_HEAP_FAILED) {
        pcre2_get_error_message(error, (PCRE2_UCHAR *)words, sizeof words);
        *why = words;
    }
    hob__pattern_free(p);
    return NULL;
}

void hob__pattern_free(struct hob__pattern *p) {
    if (!p) return;
    pcre2_code_free(p->code);
    pcre2_general_context_free(p->memory);
    hob__free(p);
}

struct match {
    pcre2_match_data *data;
    pcre2_match_context *how;
};

void hob__matcher_end(struct hob__matcher *m) {
    struct match *match = m->data;
    if (!match) return;
    pcre2_match_data_free(match->data);
    pcre2_match_context_free(match->how);
    hob__free(match);
    m->data = NULL;
}

static struct match *begin(const struct hob__pattern *p, struct hob__matcher *m) {
    if (m->data) return m->data;
    struct match *match = m->data = hob__alloc_zero(sizeof *match);
    if (!match) return NULL;
    match->data = pcre2_match_data_create(1, p->memory);
    match->how = pcre2_match_context_create(p->memory);
    if (!match->data || !match->how) {
        hob__matcher_end(m);
        return NULL;
    }
    pcre2_set_match_limit(match->how, STEPS);
    pcre2_set_depth_limit(match->how, DEPTH);
    pcre2_set_heap_limit(match->how, HEAP_KIB);
    return match;
}

int hob__pattern_found(const struct hob__pattern *p, struct hob__matcher *m, const char *text,
                       size_t n) {
    struct match *match = begin(p, m);
    if (!match) return -ENOMEM;
    int rc = pcre2_match(p->code, (PCRE2_SPTR)text, n, 0, 0, match->data, match->how);
    if (rc >= 0) return 1;
    switch (rc) {
    case PCRE2_ERROR_NOMEMORY:
        return -ENOMEM;
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        return HOB_E_LIMIT;
    default:
        return 0; /* also: not UTF-8 */
    }
}

#else

struct hob__pattern *hob__pattern_make(const char *pattern, const char **why, size_t *at) {
    (void)pattern;
    *why = "this Hob was built without PCRE2 (Debian: libpcre2-dev)";
    *at = 0;
    return NULL;
}
void hob__pattern_free(struct hob__pattern *p) { (void)p; }
void hob__matcher_end(struct hob__matcher *m) { (void)m; }
int hob__pattern_found(const struct hob__pattern *p, struct hob__matcher *m, const char *text,
                       size_t n) {
    (void)p, (void)m, (void)text, (void)n;
    return 0;
}
#endif
