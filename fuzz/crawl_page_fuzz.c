/* crawl_page_fuzz.c - pages and URLs on them: links are canonical, and each is there once; the
 * canonical form of a canonical URL is itself. The first bit says whether the input is a page or a
 * reference. */
#include "page.c"

#include "fuzz.h"

static const char BASE[] = "https://example.org/dir/page?q";

static void check_url(const char *url) {
    struct hob_url u;
    CHECK(hob_url_parse(url, strlen(url), &u, NULL) == 0);
    CHECK(!u.fragment.at && !u.userinfo.at && u.path.size > 0);
    char *again = page_url(BASE, url, strlen(url));
    CHECK(again && strcmp(again, url) == 0);
    free(again);
}

FUZZ(data, n) {
    if (n == 0 || n > EDGE_MAX) return;
    const char *text = edge_kept(data + 1, n - 1);
    if (data[0] & 1) {
        char *url = page_url(BASE, text, n - 1);
        if (url) check_url(url);
        free(url);
        return;
    }
    struct page page = {.html = text, .size = n - 1, .url = BASE, .follow_all = data[0] & 2};
    int rc = page_read(&page);
    CHECK(rc == 0 || rc == -E2BIG);
    CHECK(!page.title || strlen(page.title) < TITLE_MAX);
    for (size_t i = 0; i < page.link_count; i++) {
        check_url(page.links[i]);
        for (size_t k = 0; k < i; k++) CHECK(strcmp(page.links[i], page.links[k]) != 0);
    }
    page_free(&page);
}
