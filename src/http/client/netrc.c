/* http/client/netrc.c - "machine HOST login NAME password WORD", "default ...", "macdef NAME" and
 * what follows up to an empty line, "#" comments; words may be in quotes, with \n, \r, \t, \" and
 * \\. */
#include "http/client/netrc.h"

#include <hob/http.h>
#include <string.h>
#include <strings.h>

struct reader {
    const char *at;
    unsigned line;
    bool bad;
    char word[HOB__NETRC_WORD];
};

static void skip_space(struct reader *r) {
    for (; *r->at && strchr(" \t\r\n", *r->at); r->at++) r->line += *r->at == '\n';
}

static void skip_line(struct reader *r) { r->at += strcspn(r->at, "\n"); }

/* A macro goes on up to an empty line. */
static void skip_macro(struct reader *r) {
    const char *end = strstr(r->at, "\n\n");
    for (const char *stop = end ? end : r->at + strlen(r->at); r->at < stop; r->at++)
        r->line += *r->at == '\n';
}

static char unescaped(char c) { return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c; }

/* The next word; false at the end. */
static bool next_word(struct reader *r) {
    size_t n = 0;
    skip_space(r);
    if (!*r->at) return false;
    bool quoted = *r->at == '"';
    r->at += quoted;
    while (*r->at && (quoted ? *r->at != '"' : !strchr(" \t\r\n", *r->at))) {
        char c = *r->at++;
        r->line += c == '\n';
        if (quoted && c == '\\' && *r->at) c = unescaped(*r->at++);
        if (n + 1 < sizeof r->word)
            r->word[n++] = c;
        else
            r->bad = true;
    }
    if (quoted && *r->at != '"') r->bad = true;
    if (quoted && *r->at) r->at++;
    r->word[n] = 0;
    return !r->bad;
}

/* The word behind a keyword, which must be there. */
static bool word_of(struct reader *r) {
    if (next_word(r)) return true;
    r->bad = true;
    return false;
}

/* Is what was read about this entry the answer? */
static bool fits(const struct hob__netrc *e, bool named, const char *login) {
    return named && (!login || !e->login[0] || strcmp(e->login, login) == 0);
}

int hob__netrc_find(const char *text, struct hob_slice host, const char *login,
                    struct hob__netrc *out, unsigned *line) {
    struct reader r = {.at = text, .line = 1};
    bool named = false;
    *out = (struct hob__netrc){"", ""};
    while (!r.bad) {
        skip_space(&r);
        if (*r.at == '#') {
            skip_line(&r);
            continue;
        }
        if (!next_word(&r)) break;
        bool machine = strcmp(r.word, "machine") == 0, others = strcmp(r.word, "default") == 0;
        if (machine || others) {
            if (fits(out, named, login)) return 1;
            *out = (struct hob__netrc){"", ""};
            named = others;
            if (machine && word_of(&r))
                named = strlen(r.word) == host.size && strncasecmp(r.word, host.at, host.size) == 0;
        } else if (strcmp(r.word, "login") == 0) {
            if (word_of(&r) && named) strcpy(out->login, r.word);
        } else if (strcmp(r.word, "password") == 0) {
            if (word_of(&r) && named) strcpy(out->password, r.word);
        } else if (strcmp(r.word, "account") == 0) {
            word_of(&r);
        } else if (strcmp(r.word, "macdef") == 0) {
            skip_macro(&r);
        } else {
            r.bad = true;
        }
    }
    *line = r.line;
    if (!r.bad && fits(out, named, login)) return 1;
    *out = (struct hob__netrc){"", ""};
    return r.bad ? HOB_E_HTTP_AUTH : 0;
}
