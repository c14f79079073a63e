/* http/h1_usual.c - the lines of a head as most are: whole, well formed, within every bound. They
 * are taken in one pass, without looking for their ends before. Whatever is the matter with a line,
 * it is left to h1_head.c, which takes it anew and says what; so nothing is decided here but that a
 * line is right, and the fuzzer (fuzz/h1_fuzz.c) holds both ways to the same.
 *
 * `last` is two bytes in front of the end of the input: what a scan stops at can be looked at, and
 * one byte more. */
#include <string.h>

#include "http/h1_head.h"
#include "http/scan.h"

static inline bool blank(char c) { return c == ' ' || c == '\t'; }
static inline bool is_end(const char *c) { return c[0] == '\r' && c[1] == '\n'; }

/* A token's end. Most names are letters and hyphens, and end at a colon or a space. */
static inline const char *token_end(const char *p, const char *last, char end) {
    p = hob__scan_word(p, last);
    return *p == end ? p : hob__scan_token_plain(p, last);
}

/* "METHOD /target HTTP/1.1": where the next line begins, or NULL. */
static inline const char *request_line(struct hob__h1 *p, const char *in, const char *line,
                                       const char *last) {
    static const char version[] = " HTTP/1.1";
    const char *method_end = line + 3;
    if (last - line < 5 || memcmp(line, "GET ", 4) != 0) method_end = token_end(line, last, ' ');
    if (method_end == line || method_end[0] != ' ' || method_end[1] != '/') return NULL;
    const char *target = method_end + 1, *path_end = hob__scan_path(target, last);
    const char *target_end = *path_end == '?' ? hob__scan_target(path_end, last) : path_end;
    if (last - target_end < 9 || memcmp(target_end, version, 9) != 0 || !is_end(target_end + 9))
        return NULL;
    p->minor = 1;
    p->method_at = (uint32_t)(line - in);
    p->method_size = (uint32_t)(method_end - line);
    p->target_at = (uint32_t)(target - in);
    p->target_size = (uint32_t)(target_end - target);
    p->path_size = (uint32_t)(path_end - target);
    bool connect = p->method_size == 7 && memcmp(line, "CONNECT", 7) == 0;
    return connect ? NULL : target_end + 11;
}

/* "Name: value": the same. */
static inline const char *field_line(struct hob__h1 *p, const char *in, const char *line,
                                     const char *last) {
    const char *colon = token_end(line, last, ':');
    if (colon == line || colon[0] != ':') return NULL;
    const char *value = colon + 1 + (colon[1] == ' ');
    if (value > last) return NULL;
    const char *end = hob__scan_value(value, last);
    if (!is_end(end) || blank(value[0]) || blank(end[-1])) return NULL;
    if (p->field_count >= p->limits.fields) return NULL;
    struct hob__h1_field f = {(uint32_t)(line - in), (uint32_t)(colon - line),
                              (uint32_t)(value - in), (uint32_t)(end - value)};
    if (hob__h1_may_mean(f.name_size) &&
        hob__h1_meaning(p, line, f.name_size, value, f.value_size) < 0)
        return NULL; /* asked again, it says the same */
    if (p->field_count < p->fields_cap) p->fields[p->field_count] = f;
    p->field_count++;
    return end + 2;
}

bool hob__h1_usual(struct hob__h1 *p, const char *in, size_t n) {
    if (n > p->limits.block) n = p->limits.block;
    if (n < (size_t)p->line + 2) return false;
    /* No line that ends here is too long; what lies behind is for the next call. */
    if (n - p->line - 2 > p->limits.line) n = (size_t)p->line + p->limits.line + 2;
    const char *line = in + p->line, *last = in + n - 2, *next;
    bool ended = false;
    if (p->fields_at == 0) {
        if (p->response || !(line = request_line(p, in, line, last))) return false;
        p->fields_at = (uint32_t)(line - in);
    }
    while (line <= last && !ended) {
        ended = is_end(line);
        next = ended ? line + 2 : field_line(p, in, line, last);
        if (!next) break;
        line = next;
    }
    p->line = p->scanned = (uint32_t)(line - in);
    return ended;
}
