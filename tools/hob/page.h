/* page.h - what a crawler wants of an HTML page: its title and where its links lead. */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stddef.h>

enum { URL_SIZE_MAX = 8192, PAGE_LINKS_MAX = 10000, TITLE_MAX = 1024 };

struct page {
    /* given */
    const char *html;
    size_t size;
    const char *url;          /* what links are resolved against, unless the page has a <base> */
    const char *content_type; /* with its charset; NULL = nothing said */
    bool follow_all;          /* also links and pages that say "nofollow" */
    /* found; free with page_free() */
    char *title;  /* UTF-8, white space made single blanks; NULL = none */
    char **links; /* canonical URLs, each once, in order of appearance; ends with NULL */
    size_t link_count;
};

/* Parses the page. 0; -E2BIG: it would take too much memory or time; -ENOMEM; -ECANCELED (in a
 * worker thread whose caller has been). Takes milliseconds, and three seconds at most: for a thread
 * of its own. */
int page_read(struct page *page);
void page_free(struct page *page);

/* The canonical form of `reference` on a page at base: absolute, host in lower case, neither
 * default port nor fragment nor user. From malloc; NULL for what is no http or https URL, is too
 * long, or without memory. */
char *page_url(const char *base, const char *reference, size_t n);

#endif
