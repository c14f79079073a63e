/* crawl_sitemap_fuzz.c - sitemaps, in XML, lines or packed: at most so many URLs, all canonical. */
#include "page.c"
#include "sitemap.c"

#include "fuzz.h"

FUZZ(data, n) {
    static const char own[] = "http://example.org/sitemap.xml";
    if (n > EDGE_MAX) return;
    struct sitemap map = {.data = edge_kept(data, n), .size = n, .url = own};
    int rc = sitemap_read(&map);
    CHECK(rc == 0 || rc == -EBADMSG);
    CHECK(map.count <= SITEMAP_URLS_MAX);
    for (size_t i = 0; i < map.count; i++) {
        char *again = page_url(own, map.urls[i], strlen(map.urls[i]));
        CHECK(again && strcmp(again, map.urls[i]) == 0);
        free(again);
    }
    sitemap_free(&map);
}
