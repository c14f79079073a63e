/* crawl_store_fuzz.c - what earlier runs have left in files: lines of results, of a crawl and of
 * `hob fetch`. Any text gives what a second reading of its lines gives, or is refused; what a crawl
 * writes of itself, it knows again. And the files for bodies: whatever the URL, the name is one in
 * its folder. The first byte says what the rest is: a file, or a visit to be written. */
#include <hob/json_edit.h>

#include "frontier.c"
#include "json_lines.c"
#include "outcome.c"
#include "robots.c"
#include "save.c"
#define failed store_failed
#include "store_lines.c"
#undef failed
#undef HAVE_CRAWL
#define HAVE_CRAWL 1
#include "store.c"
const struct store_kind store_sqlite; /* not opened here */
#include "common.c"
#include "url_set.c"

#include "fuzz.h"

/* In place of output.c, whose work waits. */
int output_open(struct output *out, const char *path, bool keep) {
    (void)out, (void)path, (void)keep;
    return -EIO;
}
int output_flush(struct output *out) { return out ? -EIO : 0; }
int output_close(struct output *out) { return out ? -EIO : 0; }

/* ---- names of files ---- */

static void body_files(const char *url) {
    static const char *const folders[] = {"out", "/tmp/a b/", "."};
    char path[SAVE_PATH_MAX], again[SAVE_PATH_MAX];
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(folders[i]);
        CHECK(save_path(folders[i], url, path) && save_path(folders[i], url, again));
        CHECK(strcmp(path, again) == 0 && strncmp(path, folders[i], n) == 0);
        const char *name = path + n + (folders[i][n - 1] != '/');
        CHECK(name[-1] == '/' && name[0] != '.' && strlen(name) < 200);
        for (const char *p = name; *p; p++)
            CHECK((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
                  (*p >= 'A' && *p <= 'Z') || strchr("._-", *p));
    }
    char folder[SAVE_PATH_MAX];
    memset(folder, 'a', sizeof folder);
    folder[SAVE_PATH_MAX - 1] = 0;
    CHECK(!save_path(folder, url, path));
}

/* ---- any file ---- */

static size_t left;

static void see_left(void *arg, const char *url) {
    CHECK(arg == &left && url);
    left++;
}

struct seen {
    const char *at, *end; /* of the text, behind the last line */
    int lines;
};

/* The next line of the text that is not empty, read once more. */
static int same_line(void *arg, const struct hob_json *line) {
    struct seen *s = arg;
    struct hob_json_doc *doc;
    while (*s->at == '\n') s->at++;
    const char *stop = memchr(s->at, '\n', (size_t)(s->end - s->at));
    CHECK(stop && hob_json_parse(s->at, (size_t)(stop - s->at), &doc) == 0);
    CHECK(hob_json_equal(line, hob_json_root(doc)) == 1);
    hob_json_free(doc);
    s->at = stop + 1;
    s->lines++;
    return 0;
}

static void file(const char *text, size_t n) {
    struct seen s = {text, text + n, 0};
    int rc = json_lines(text, n, same_line, &s);
    CHECK(rc == 0 || rc <= HOB_E_JSON || rc == -ENOMEM);
    while (s.at < s.end && *s.at == '\n') s.at++;
    if (rc == 0) CHECK(!memchr(s.at, '\n', (size_t)(s.end - s.at))); /* a part of a line, at most */
    struct url_set done = {.size = 0};
    rc = json_lines(text, n, add_done, &done);
    CHECK(rc == 0 || rc == -EBADMSG || rc <= HOB_E_JSON);
    CHECK(done.count <= (size_t)s.lines + 1);
    url_set_free(&done);
}

static void crawl(const char *text, size_t n) {
    struct frontier f = {.urls_max = 20, .per_host = 1};
    left = 0;
    struct loaded l = {.frontier = &f, .left = see_left, .arg = &left};
    int rc = json_lines(text, n, load_visited, &l);
    CHECK(rc == 0 || rc == -EBADMSG || rc == -ENOSPC || rc <= HOB_E_JSON);
    if (rc == 0) rc = json_lines(text, n, load_again, &l);
    CHECK(l.again == left);
    if (rc == 0) rc = json_lines(text, n, load_links, &l);
    CHECK(rc == 0 || rc == -EBADMSG || rc <= HOB_E_JSON);
    CHECK(f.known.count <= f.urls_max && f.waiting == left);
    frontier_free(&f);
}

/* ---- a visit, written and read ---- */

static void visit(struct fuzz_input *in) {
    char *links[4] = {NULL}, *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    struct crawled c = {.depth = fuzz_byte(in), .link_depth = 1 + fuzz_byte(in)};
    c.result.status = (int)fuzz_byte(in) * 2;
    c.result.url = fuzz_string(in, 255);
    c.title = fuzz_byte(in) % 2 ? fuzz_string(in, 255) : NULL;
    enum failure failure = fuzz_byte(in) % FAILURES;
    c.error = failure == FAILURE_NONE ? NULL : failure_name(failure);
    strcpy(c.result.message, fuzz_string(in, 100));
    for (int i = 0; i < 3; i++) links[i] = fuzz_string(in, 255);
    c.links = links;
    print_visit(out, &c);
    CHECK(fclose(out) == 0 && size > 0 && memchr(text, '\n', size) == text + size - 1);
    struct frontier f = {.urls_max = 20, .per_host = 1};
    left = 0;
    struct loaded l = {.frontier = &f, .left = see_left, .arg = &left};
    bool again = failure_passes(c.result.status, c.error);
    CHECK(json_lines(text, size, load_visited, &l) == 0 && l.visited == !again);
    CHECK(json_lines(text, size, load_again, &l) == 0 && l.again == again && left == again);
    CHECK(json_lines(text, size, load_links, &l) == 0);
    CHECK(f.known.count >= 1 && f.known.count == l.visited + left && f.waiting == left);
    if (is_utf8(c.result.url, strlen(c.result.url))) CHECK(url_set_has(&f.known, c.result.url));
    for (int i = 0; i < 3; i++)
        if (is_utf8(links[i], strlen(links[i]))) CHECK(url_set_has(&f.known, links[i]));
    frontier_free(&f);
    free(text);
}

FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    if (n > 4000) return;
    unsigned kind = fuzz_byte(&in);
    body_files(edge_string(in.at, in.left));
    if (kind % 2) {
        visit(&in);
        return;
    }
    size_t size = in.left;
    const char *text = edge_kept(in.at, size);
    file(text, size);
    crawl(text, size);
}
