/* crawl.c - `hob crawl`: follows the links of web pages.
 *
 * A few tasks (the concurrency) take the next visit from the frontier, make it, and add what they
 * find to the frontier and to a queue of results; one task writes these. Parsing pages is work for
 * the threads that compute. */
#include "crawl.h"

#include <ctype.h>
#include <errno.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/thread.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "frontier.h"
#include "output.h"
#include "page.h"
#include "progress.h"
#include "sitemap.h"
#include "store.h"
#include "tool.h"

#if HAVE_CRAWL
enum {
    RESULTS_WAITING = 256, /* for the writer; then the visits wait for it */
    WRITTEN_AT_ONCE = 256,
    URLS_MAX = 10000000, /* known ones: about a gigabyte */
    HOST_SIZE_MAX = 300, /* a name's 255, and a port */
    DESCRIPTORS_KEPT_FREE = 40,
    FAILURES_SHOWN = 20
};
static const char AGENT[] = "hob"; /* whom robots.txt speaks to */
static const char DISALLOWED[] = "disallowed by robots.txt";
static const char TOO_LARGE[] = "too large", TOO_COMPLEX[] = "too complex";

struct crawl {
    struct crawl_options options;
    struct frontier frontier;
    struct url_set hosts; /* that belong to it: names, with a port that is not usual */
    struct store store;
    struct progress progress;
    struct tally tally; /* fetched: an answer came, whatever its status */
    struct hob_client *client;
    struct hob_queue *results; /* of struct crawled * */
    struct hob_scope *visits;  /* what the writer ends when it cannot write */
    size_t before;             /* pages of earlier runs */
    size_t again;              /* of these that failed: to be visited once more */
    uint64_t bytes;
    size_t refused; /* by a status of 400 or more */
    struct {
        const char *error;
        size_t count;
    } errors[FAILURES + 4]; /* each that has come up; the rest is NULL */
    unsigned failures_shown;
    int store_error;
    bool unread; /* nobody reads standard output any more (hob crawl --json | head -1) */
};

/* ---- hosts ---- */

/* The host of a canonical URL: where it begins, and how long it is. */
static const char *host_in(const char *url, size_t *n) {
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    *n = strcspn(host, "/?#");
    return host;
}

static bool fits_pattern(const char *pattern, const char *host, size_t n) {
    size_t size = strlen(pattern);
    if (*pattern != '*') return size == n && strncasecmp(pattern, host, n) == 0;
    return n >= size - 1 && strncasecmp(pattern + 1, host + n - (size - 1), size - 1) == 0;
}

/* The name of a canonical URL's host. False: it is none. */
static bool host_name(const char *url, char name[HOST_SIZE_MAX]) {
    size_t n;
    const char *host = host_in(url, &n);
    if (n >= HOST_SIZE_MAX) return false;
    memcpy(name, host, n);
    name[n] = 0;
    return true;
}

static bool is_ours(const struct crawl *c, const char *url) {
    char name[HOST_SIZE_MAX];
    if (!host_name(url, name)) return false;
    if (url_set_has(&c->hosts, name)) return true;
    for (char *const *pattern = c->options.hosts; *pattern; pattern++)
        if (fits_pattern(*pattern, name, strlen(name))) return true;
    return false;
}

static int make_ours(struct crawl *c, const char *url) {
    char name[HOST_SIZE_MAX];
    if (is_ours(c, url) || !host_name(url, name)) return 0;
    int rc = url_set_add(&c->hosts, name, NULL);
    return rc < 0 ? rc : 0;
}

static void found_again(void *arg, const char *url) { make_ours(arg, url); }

/* ---- results ---- */

/* What is known now and was not known before, of the links that a visit has found: they are the
 * visit's from here on. */
static int add_links(struct crawl *c, struct crawled *v, char **links, size_t n, unsigned depth,
                     enum visit_kind kind) {
    size_t kept = 0;
    v->link_depth = depth;
    if (depth > c->options.depth) n = 0;
    v->links = calloc(n + 1, sizeof *v->links);
    if (!v->links) return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (!is_ours(c, links[i])) continue;
        int rc = frontier_add(&c->frontier, links[i], depth, kind);
        if (rc < 0 && rc != -ENOSPC) return rc;
        if (rc != 1 || kind != VISIT_PAGE) continue;
        v->links[kept] = strdup(links[i]);
        if (!v->links[kept++]) return -ENOMEM;
    }
    return 0;
}

static void show_failure(struct crawl *c, const struct crawled *v) {
    const struct result *r = &v->result;
    if (c->options.quiet || c->failures_shown > FAILURES_SHOWN) return;
    if (c->failures_shown++ < FAILURES_SHOWN)
        progress_say(&c->progress, "hob crawl", "%.500s: %s%s%s%s", r->url, v->error,
                     *r->message ? " (" : "", r->message, *r->message ? ")" : "");
    else
        progress_say(&c->progress, "hob crawl",
                     "further failures are not shown here; they are among the results");
}

static void count_error(struct crawl *c, const char *error) {
    size_t i = 0;
    while (c->errors[i].error && strcmp(c->errors[i].error, error) != 0) i++;
    c->errors[i].error = error;
    c->errors[i].count++;
}

static void count(struct crawl *c, const struct crawled *v) {
    const struct result *r = &v->result;
    if (v->kind != VISIT_PAGE) return;
    c->bytes += r->bytes;
    if (v->error) count_error(c, v->error);
    if (v->error == DISALLOWED) return;
    tally_add(&c->tally, r);
    if (v->error) show_failure(c, v);
    if (r->status >= 400) c->refused++;
}

/* What is left and what has been done, for the bar. */
static void update_total(struct crawl *c) {
    uint64_t left = c->frontier.waiting + c->frontier.active;
    if (left > c->frontier.visits + c->frontier.active)
        left = c->frontier.visits + c->frontier.active;
    c->tally.total = c->tally.fetched + c->tally.failed + left;
}

/* A visit that is over is kept, even if everything has been cancelled meanwhile. */
static void deliver(struct crawl *c, struct crawled *v) {
    count(c, v);
    update_total(c);
    if (hob_shielded(hob_queue_put(c->results, &v)) < 0) crawled_free(v);
}

static int write_results(struct crawl *c) {
    HOB_SCOPE(s, .shield = true); /* Ctrl-C ends the visits; what they brought is still written */
    struct crawled *batch[WRITTEN_AT_ONCE];
    while (hob_queue_get(c->results, &batch[0]) == 0) {
        size_t n = 1;
        while (n < WRITTEN_AT_ONCE && hob_queue_try_get(c->results, &batch[n]) == 0) n++;
        if (!c->store_error) {
            if (c->store.lines && c->store.lines->is_terminal) progress_hide(&c->progress);
            c->store_error = store_write(&c->store, batch, n);
            c->unread = c->store_error == -EPIPE && c->store.lines->is_standard;
            if (c->store_error < 0 && !c->unread)
                progress_say(&c->progress, "hob crawl", "cannot write %s: %s", c->store.path,
                             c->store.message);
            if (c->store_error < 0 && c->visits) hob_scope_cancel(c->visits);
        }
        for (size_t i = 0; i < n; i++) crawled_free(batch[i]);
    }
    return 0;
}
HOB_TASK(write_results, struct crawl *)

/* ---- what is read beside pages ---- */

/* The first bytes of an answer, max of them at most: its status. *text is from malloc. */
static int read_beginning(struct crawl *c, const char *url, size_t max, char **text, size_t *size) {
    struct hob_response *response HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(c->client, "GET", url, &response));
    size_t room = 0;
    ssize_t n = 1;
    while (n > 0 && *size < max) {
        if (*size == room) {
            room = room ? room * 2 : 16384;
            char *grown = realloc(*text, room);
            if (!grown) return -ENOMEM;
            *text = grown;
        }
        n = hob_response_read(response, *text + *size, room - *size);
        if (n > 0) *size += (size_t)n;
    }
    if (*size > max) *size = max;
    return n < 0 ? (int)n : hob_response_status(response);
}

/* ---- robots.txt ---- */

static int add_sitemap(struct crawl *c, const char *base, const char *url) {
    char *canonical = page_url(base, url, strlen(url));
    if (!canonical) return 0;
    int rc = is_ours(c, canonical) ? frontier_add(&c->frontier, canonical, 1, VISIT_SITEMAP) : 0;
    free(canonical);
    return rc == -ENOSPC ? 0 : rc;
}

/* Where the host says its sitemaps are, else where they are most often. */
static int add_sitemaps(struct crawl *c, const struct host *h, const char *base) {
    if (c->options.no_sitemaps || c->options.depth == 0) return 0;
    if (h->robots.sitemap_count == 0) return add_sitemap(c, base, "/sitemap.xml");
    for (size_t i = 0; i < h->robots.sitemap_count; i++)
        HOB_TRY(add_sitemap(c, base, h->robots.sitemaps[i]));
    return 0;
}

/* RFC 9309, 2.3.1: without the file everything is allowed; of a host that fails nothing is. */
static bool take_robots(struct host *h, int status, const char *text, size_t size) {
    if (status >= 200 && status < 300) return robots_parse(&h->robots, AGENT, text, size);
    if (status >= 0 && status != 429 && status < 500) return true;
    const struct hob_error *e = hob_error();
    h->shut = status < 0 ? status : HOB_E_HTTP_STATUS;
    if (status < 0)
        snprintf(h->why, sizeof h->why, "%s",
                 e && e->code == status ? e->message : "no robots.txt");
    else
        snprintf(h->why, sizeof h->why, "status %d for robots.txt", status);
    return true;
}

static int read_robots(struct crawl *c, struct host *h) {
    char url[URL_SIZE_MAX];
    char *text = NULL;
    size_t size = 0;
    snprintf(url, sizeof url, "%s/robots.txt", h->name);
    int status = hob_within(c->options.timeout, read_beginning(c, url, ROBOTS_MAX, &text, &size));
    if (status == -ECANCELED) {
        free(text);
        frontier_robots_unknown(&c->frontier, h);
        return status;
    }
    int rc = take_robots(h, status, text, size) ? add_sitemaps(c, h, url) : -ENOMEM;
    free(text);
    frontier_robots_known(&c->frontier, h);
    return rc;
}

/* ---- a page ---- */

static int parse_page(struct page *page) { return page_read(page); }
HOB_TASK(parse_page, struct page *)
static int parse_sitemap(struct sitemap *map) { return sitemap_read(map); }
HOB_TASK(parse_sitemap, struct sitemap *)

static bool is_html(const char *type) {
    return type && (strncasecmp(type, "text/html", 9) == 0 ||
                    strncasecmp(type, "application/xhtml+xml", 21) == 0);
}

/* A header that tells robots not to follow. */
static bool says_nofollow(const struct hob_response *response) {
    const char *tag = hob_response_header(response, "x-robots-tag");
    return tag && (strcasestr(tag, "nofollow") || strcasestr(tag, "none"));
}

static int take_html(struct crawl *c, struct crawled *v, struct hob_response *response) {
    const char *text;
    size_t size;
    int rc = hob_response_body(response, &text, &size);
    if (rc == HOB_E_HTTP_BODY_TOO_LARGE) v->error = TOO_LARGE;
    if (rc < 0) return rc;
    v->result.bytes = size;
    struct page page = {.html = text,
                        .size = size,
                        .url = v->result.url,
                        .content_type = hob_response_header(response, "content-type"),
                        .follow_all = c->options.no_robots};
    rc = hob_to_cpu(parse_page, &page);
    if (rc == -E2BIG) {
        v->error = TOO_COMPLEX;
        rc = hob_fail(rc, "parsing it takes too much memory or time");
    }
    v->title = page.title;
    page.title = NULL;
    bool follow = c->options.no_robots || !says_nofollow(response);
    if (rc >= 0)
        rc = add_links(c, v, page.links, follow ? page.link_count : 0, v->depth + 1, VISIT_PAGE);
    page_free(&page);
    return rc;
}

/* It leads where it says, as near to the start as the redirect itself; the start's may lead away.
 */
static int take_redirect(struct crawl *c, struct crawled *v, struct hob_response *response) {
    const char *location = hob_response_header(response, "location");
    char *url = location ? page_url(v->result.url, location, strlen(location)) : NULL;
    int rc = 0;
    if (!url) return 0;
    if (v->depth == 0) rc = make_ours(c, url);
    if (rc >= 0) rc = add_links(c, v, &url, 1, v->depth, VISIT_PAGE);
    free(url);
    return rc;
}

static int visit(struct crawl *c, struct crawled *v) {
    struct hob_response *response HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(c->client, "GET", v->result.url, &response, .no_redirects = true));
    int status = v->result.status = hob_response_status(response);
    if (status >= 300 && status < 400) return take_redirect(c, v, response);
    if (is_html(hob_response_header(response, "content-type"))) return take_html(c, v, response);
    int64_t size = hob_response_size(response); /* what is no page is not read */
    v->result.bytes = size > 0 ? (uint64_t)size : 0;
    return 0;
}

/* Its pages; or, of an index, its sitemaps, three deep. */
static int take_urls(struct crawl *c, struct crawled *v, const struct sitemap *map) {
    enum { INDEX_DEPTH = 3 };
    if (!map->is_index) return add_links(c, v, map->urls, map->count, 1, VISIT_PAGE);
    for (size_t i = 0; i < map->count && v->depth <= INDEX_DEPTH; i++) {
        if (!is_ours(c, map->urls[i])) continue;
        int rc = frontier_add(&c->frontier, map->urls[i], v->depth + 1, VISIT_SITEMAP);
        if (rc < 0 && rc != -ENOSPC) return rc;
    }
    return 0;
}

static int take_sitemap(struct crawl *c, struct crawled *v) {
    char *text = NULL;
    size_t size = 0;
    int rc = read_beginning(c, v->result.url, SITEMAP_SIZE_MAX, &text, &size);
    if (rc >= 0) v->result.status = rc;
    struct sitemap map = {.data = text, .size = size, .url = v->result.url};
    if (rc == 200) rc = hob_to_cpu(parse_sitemap, &map);
    if (rc == -EBADMSG) rc = 0; /* what came before the mistake counts */
    if (rc >= 0) rc = take_urls(c, v, &map);
    sitemap_free(&map);
    free(text);
    return rc;
}

static const char *path_of(const char *url) {
    size_t n;
    const char *host = host_in(url, &n);
    return host + n;
}

/* The visit's end, whatever it was: 0; or -ECANCELED, -ENOMEM: it has not been made. */
static int make_visit(struct crawl *c, const struct visit *next, const struct host *h,
                      struct crawled *v) {
    v->kind = next->kind;
    v->depth = next->depth;
    v->result.url = (char *)(uintptr_t)next->url;
    if (h->shut) {
        v->result.failure = failure_of(h->shut);
        v->error = failure_name(v->result.failure);
        snprintf(v->result.message, sizeof v->result.message, "%s", h->why);
        return 0;
    }
    if (!robots_allows(&h->robots, path_of(next->url))) {
        v->error = DISALLOWED;
        return 0;
    }
    uint64_t began = hob_now();
    int rc =
        hob_within(c->options.timeout, v->kind == VISIT_PAGE ? visit(c, v) : take_sitemap(c, v));
    v->result.seconds = (double)(hob_now() - began) / 1e9;
    if (rc == -ECANCELED || rc == -ENOMEM) return rc;
    if (rc < 0) {
        result_failed(&v->result, rc);
        if (!v->error) v->error = failure_name(v->result.failure);
    }
    return 0;
}

static int worker(struct crawl *c) {
    struct visit next;
    struct host *h;
    int rc;
    while ((rc = frontier_take(&c->frontier, &next, &h)) > 0) {
        if (rc == 2) {
            HOB_TRY(read_robots(c, h));
            continue;
        }
        struct crawled *v = calloc(1, sizeof *v);
        rc = v ? make_visit(c, &next, h, v) : -ENOMEM;
        if (rc >= 0)
            deliver(c, v);
        else if (v)
            crawled_free(v);
        frontier_done(&c->frontier, h);
        if (rc < 0) return rc;
    }
    return rc;
}
HOB_TASK(worker, struct crawl *)
HOB_TASK(progress_run, struct progress *)

/* ---- the whole ---- */

static int visit_all(struct crawl *c) {
    HOB_SCOPE(s);
    c->visits = s;
    for (size_t i = 0; i < c->options.concurrency; i++)
        if (!hob_spawn(s, worker, c)) break;
    int rc = hob_join(s);
    c->visits = NULL;
    return rc;
}

static int run(struct crawl *c, struct hob_tls *tls) {
    const struct crawl_options *o = &c->options;
    HOB_CLIENT(client, .max_connections = o->concurrency, .retries = (unsigned)o->retries,
               .user_agent = o->user_agent, .tls = tls, .max_body = o->max_size << 20,
               .connect_timeout = INFINITY, .tls_timeout = INFINITY, .stall_timeout = INFINITY);
    HOB_QUEUE(results, struct crawled *, RESULTS_WAITING);
    HOB_SCOPE(s);
    c->client = client;
    c->results = results;
    hob_spawn_daemon(s, progress_run, &c->progress);
    if (!hob_spawn(s, write_results, c)) return hob_join(s);
    int rc = visit_all(c);
    hob_queue_close(results);
    int joined = hob_join(s);
    return rc < 0 ? rc : joined;
}

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

/* "crawled 117 pages of 2 hosts in 10.21 s (1.2 MB): 3 with status 400 or more, 1 timeout" */
static void print_summary(const struct crawl *c, double elapsed, bool interrupted) {
    const struct tally *t = &c->tally;
    uint64_t pages = t->fetched + t->failed;
    size_t hosts = c->frontier.host_count;
    const char *separator = ": ";
    fprintf(stderr, "%scrawled %llu page%s of %zu host%s in %.2f s (%.1f MB)",
            interrupted ? "interrupted: " : "", (unsigned long long)pages, plural(pages), hosts,
            plural(hosts), elapsed, (double)c->bytes / 1e6);
    if (c->refused) {
        fprintf(stderr, "%s%zu with status 400 or more", separator, c->refused);
        separator = ", ";
    }
    for (size_t i = 0; c->errors[i].error; i++) {
        fprintf(stderr, "%s%zu %s", separator, c->errors[i].count, c->errors[i].error);
        separator = ", ";
    }
    fputc('\n', stderr);
    size_t left = c->frontier.waiting + c->frontier.active;
    if (c->before)
        fprintf(stderr, "%zu page%s of earlier runs%s\n", c->before,
                c->before == 1 ? " is" : "s are",
                pages || left ? "" : "; nothing is left to be visited (--fresh begins again)");
    if (c->again)
        fprintf(stderr, "%zu page%s that had failed %s due again\n", c->again, plural(c->again),
                c->again == 1 ? "was" : "were");
    if (left)
        fprintf(stderr, "%zu URL%s still to be visited: the same command goes on there\n", left,
                left == 1 ? " is" : "s are");
    if (c->frontier.dropped)
        fprintf(stderr, "%zu links were left out: more than %d URLs are known\n",
                c->frontier.dropped, URLS_MAX);
}

static int check_starts(struct crawl *c) {
    for (size_t i = 0; i < c->options.start_count; i++) {
        const char *start = c->options.starts[i];
        struct hob_url_error why = {0};
        struct hob_url u;
        if (hob_url_parse(start, strlen(start), &u, &why) == 0) continue;
        progress_say(&c->progress, "hob crawl", "%.500s: %s", start, why.reason);
        return HOB_E_URL;
    }
    return 0;
}

static int add_starts(struct crawl *c) {
    for (size_t i = 0; i < c->options.start_count; i++) {
        const char *start = c->options.starts[i];
        char *url = page_url(start, start, strlen(start));
        int rc = url ? make_ours(c, url) : -ENOMEM;
        if (rc >= 0) rc = frontier_add(&c->frontier, url, 0, VISIT_PAGE);
        free(url);
        if (rc < 0) return rc;
    }
    return 0;
}

/* The store, what it holds, and the URLs to start with. */
static int begin(struct crawl *c) {
    const struct crawl_options *o = &c->options;
    HOB_TRY(check_starts(c));
    int rc = store_open(&c->store, o->json, o->output, o->fresh);
    struct loaded l = {.frontier = &c->frontier, .left = found_again, .arg = c};
    if (rc >= 0) rc = store_load(&c->store, &l);
    c->before = l.visited;
    c->again = l.again;
    if (rc >= 0) return add_starts(c);
    if (rc == -ECANCELED) return rc;
    progress_say(&c->progress, "hob crawl", "%s: %s", o->output, c->store.message);
    return rc;
}

static void end(struct crawl *c) {
    frontier_free(&c->frontier);
    url_set_free(&c->hosts);
}

static void fit_concurrency(struct crawl *c) {
    size_t limit = raise_file_limit(), used = count_open_files() + DESCRIPTORS_KEPT_FREE;
    size_t fits = limit > used ? limit - used : 1;
    if (c->options.concurrency > fits) c->options.concurrency = fits;
}

static int app(int argc, char **argv) {
    struct crawl c = {0};
    struct hob_tls *tls;
    int status = crawl_parse_options(argc, argv, &c.options);
    if (status >= 0) return status;
    const struct crawl_options *o = &c.options;
    if (!make_tls(argv[0], NULL, NULL, o->cacert, o->insecure, &tls)) return EXIT_USAGE;
    signal(SIGPIPE, SIG_IGN); /* EPIPE tells */
    c.frontier = (struct frontier){.urls_max = URLS_MAX,
                                   .visits = o->pages,
                                   .per_host = o->per_host,
                                   .delay = o->rate > 0 ? 1 / o->rate : 0,
                                   .ask_robots = !o->no_robots};
    progress_init(&c.progress, &c.tally, o->quiet);
    fit_concurrency(&c);
    uint64_t began = hob_now();
    int rc = begin(&c);
    bool begun = rc >= 0;
    if (begun) rc = run(&c, tls);
    drop_tls(tls);
    progress_hide(&c.progress);
    if (store_close(&c.store) < 0 && begun && !c.store_error) {
        c.store_error = -EIO;
        progress_say(&c.progress, "hob crawl", "cannot write %s: %s", o->output, c.store.message);
    }
    if (begun && !o->quiet && !c.unread)
        print_summary(&c, (double)(hob_now() - began) / 1e9, rc == -ECANCELED && !c.store_error);
    bool nothing = c.tally.fetched + c.before == 0 && c.tally.failed > 0;
    end(&c);
    if (!begun) return rc == -ECANCELED ? rc : EXIT_USAGE;
    if (c.unread) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    if (c.store_error || nothing) return EXIT_FAILED;
    return rc < 0 ? rc : EXIT_OK;
}

const struct command crawl_command = {.name = "crawl",
                                      .summary = "follows the links of web pages, into a database",
                                      .help = crawl_help,
                                      .app = app};
#endif
