/* sitemap.h - sitemaps (sitemaps.org): lists of a host's pages, or of more sitemaps. */
#ifndef SITEMAP_H
#define SITEMAP_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SITEMAP_URLS_MAX = 50000,   /* in one; the rest is left out */
    SITEMAP_SIZE_MAX = 50 << 20 /* bytes, unpacked */
};

struct sitemap {
    /* given: XML, plain lines of URLs, or one of both packed by gzip */
    const char *data;
    size_t size;
    const char *url; /* its own */
    /* found; free with sitemap_free() */
    char **urls; /* canonical */
    size_t count, room;
    bool is_index; /* the URLs are sitemaps */
};

/* 0; -EBADMSG: it is none (what stood before the mistake is there); -ENOMEM. Takes up to a second:
 * for a thread of its own. */
int sitemap_read(struct sitemap *map);
void sitemap_free(struct sitemap *map);

#endif
