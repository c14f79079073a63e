/* robots.h - robots.txt (RFC 9309): which paths of a host a crawler may ask for, how often, and
 * where the host's sitemaps are. */
#ifndef ROBOTS_H
#define ROBOTS_H

#include <stdbool.h>
#include <stddef.h>

enum { ROBOTS_MAX = 512 * 1024 }; /* bytes; what lies behind them is not looked at (2.5) */

struct robots {
    struct robots_rule *rules; /* of the groups that are meant for us */
    size_t rule_count, rule_room;
    double delay;    /* seconds between two requests, as "Crawl-delay" asks; 0 = nothing said */
    char **sitemaps; /* URLs, as they stand */
    size_t sitemap_count, sitemap_room;
};

/* Takes text[0..n) apart for the product `agent` ("hob"). False without memory; free it in any
 * case. */
bool robots_parse(struct robots *r, const char *agent, const char *text, size_t n);
/* path: with its query, as a URL has it. Of rules that are all zero everything is allowed. */
bool robots_allows(const struct robots *r, const char *path);

void robots_free(struct robots *r);

#endif
