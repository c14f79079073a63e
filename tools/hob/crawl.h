/* crawl.h - the options of `hob crawl`. */
#ifndef CRAWL_H
#define CRAWL_H

#include <stdbool.h>
#include <stddef.h>

enum { CRAWL_HOSTS = 1000, CRAWL_STARTS = 1000 };

struct crawl_options {
    char **starts;
    size_t start_count;
    char *hosts[CRAWL_HOSTS + 1]; /* patterns: "example.org", "*.example.org"; ended by NULL */
    const char *output;
    size_t concurrency, per_host; /* at once; in all, and to one host */
    size_t pages;                 /* so many at most in this run */
    size_t depth;                 /* clicks from the start */
    size_t max_size;              /* of a page, bytes */
    size_t retries;
    double rate;    /* requests a second to one host; 0 = no limit */
    double timeout; /* seconds for one page */
    const char *user_agent, *cacert;
    bool json, fresh, no_robots, no_sitemaps, insecure, quiet;
};

extern const char crawl_help[];

/* -1: go on. Otherwise the exit status: help was printed, or what is wrong. */
int crawl_parse_options(int argc, char **argv, struct crawl_options *options);

#endif
