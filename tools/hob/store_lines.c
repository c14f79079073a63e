/* store_lines.c - a crawl as lines of JSON, one for each page. Each line holds the new links of its
 * page, so that the file alone says what is left to be visited. */
#include <errno.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <stdlib.h>
#include <string.h>

#include "json_lines.h"
#include "output.h"
#include "store.h"
#include "tool.h"

static int failed(struct store *s, int rc) {
    snprintf(s->message, sizeof s->message, "%s", hob_strerror(rc));
    return rc;
}

static int open_lines(struct store *s, bool fresh) {
    s->lines = calloc(1, sizeof *s->lines);
    if (!s->lines) return failed(s, -ENOMEM);
    int rc = output_open(s->lines, s->path, !fresh);
    return rc < 0 ? failed(s, rc) : 0;
}

/* ---- what is there already ---- */

static const char *url_of(const struct hob_json *line) {
    return hob_json_string(hob_json_get(line, "url"), NULL);
}

static bool is_sitemap(const struct hob_json *line) {
    return hob_json_type(hob_json_get(line, "sitemap")) == HOB_JSON_TRUE;
}

/* One that is tried again has a line more, and the last one counts: none follows but behind one
 * that has failed for a passing reason. */
static bool passes(const struct hob_json *line) {
    return failure_passes((int)hob_json_int(hob_json_get(line, "status"), 0),
                          hob_json_string(hob_json_get(line, "error"), NULL));
}

static int load_visited(void *arg, const struct hob_json *line) {
    struct loaded *l = arg;
    if (!url_of(line) || !hob_json_get(line, "depth")) return -EBADMSG;
    if (is_sitemap(line) || passes(line)) return 0;
    l->visited++;
    return frontier_know(l->frontier, url_of(line));
}

static int load_again(void *arg, const struct hob_json *line) {
    struct loaded *l = arg;
    if (is_sitemap(line) || !passes(line)) return 0;
    int64_t depth = hob_json_int(hob_json_get(line, "depth"), 0);
    int rc = loaded_left(l, url_of(line), (unsigned)depth);
    l->again += rc == 1;
    return rc;
}

static int load_links(void *arg, const struct hob_json *line) {
    int64_t depth = hob_json_int(hob_json_get(line, "link_depth"), 0);
    HOB_JSON_EACH(link, hob_json_get(line, "links")) {
        const char *url = hob_json_string(link, NULL);
        if (!url) return -EBADMSG;
        HOB_TRY(loaded_left(arg, url, (unsigned)depth));
    }
    return 0;
}

static int load_lines(struct store *s, struct loaded *l) {
    char *text = NULL;
    size_t size = 0;
    if (!s->lines->is_file || strcmp(s->path, "-") == 0) return 0;
    int rc = hob_read_file(s->path, &text, &size, (size_t)1 << 40);
    if (rc >= 0) rc = json_lines(text, size, load_visited, l);
    if (rc >= 0) rc = json_lines(text, size, load_again, l);
    if (rc >= 0) rc = json_lines(text, size, load_links, l);
    if (rc >= 0) rc = json_lines_mend(s->lines->fd, text, size);
    hob_file_free(text);
    if (rc == -EBADMSG || rc == HOB_E_JSON) {
        snprintf(s->message, sizeof s->message, "it holds something else than a crawl's lines");
        return rc;
    }
    return rc < 0 ? failed(s, rc) : 0;
}

/* ---- more of it ---- */

static void print_visit(FILE *out, const struct crawled *c) {
    const struct result *r = &c->result;
    fputs("{\"url\": ", out);
    json_string(out, r->url, strlen(r->url));
    if (c->kind == VISIT_SITEMAP) fputs(", \"sitemap\": true", out);
    if (r->status)
        fprintf(out, ", \"status\": %d", r->status);
    else
        fputs(", \"status\": null", out);
    fprintf(out, ", \"depth\": %u, \"title\": ", c->depth);
    if (c->title)
        json_string(out, c->title, strlen(c->title));
    else
        fputs("null", out);
    fprintf(out, ", \"bytes\": %llu, \"seconds\": %.6f", (unsigned long long)r->bytes, r->seconds);
    if (c->error)
        fprintf(out, ", \"error\": \"%s\"", c->error);
    else
        fputs(", \"error\": null", out);
    if (*r->message) {
        fputs(", \"message\": ", out);
        json_string(out, r->message, strlen(r->message));
    }
    fputs(", \"links\": [", out);
    for (char **link = c->links; link && *link; link++) {
        if (link > c->links) fputs(", ", out);
        json_string(out, *link, strlen(*link));
    }
    fprintf(out, "], \"link_depth\": %u}\n", c->link_depth);
}

static int write_lines(struct store *s, struct crawled *const *visits, size_t n) {
    for (size_t i = 0; i < n; i++) /* a sitemap's links count, if there are any */
        if (visits[i]->kind == VISIT_PAGE || (visits[i]->links && *visits[i]->links))
            print_visit(s->lines->text, visits[i]);
    int rc = hob_shielded(output_flush(s->lines));
    return rc < 0 ? failed(s, rc) : 0;
}

static int close_lines(struct store *s) {
    int rc = s->lines ? output_close(s->lines) : 0;
    free(s->lines);
    s->lines = NULL;
    return rc < 0 ? failed(s, rc) : 0;
}

const struct store_kind store_lines = {open_lines, load_lines, write_lines, close_lines};
