/* url_set.h - a set of URLs: strings of its own, each once. */
#ifndef URL_SET_H
#define URL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of n bytes of a URL. */
uint64_t url_hash(const char *s, size_t n);

struct url_set {
    char **table; /* by hash; free places are NULL */
    size_t count, size;
};

/* 1: it is new; 0: it was there; -ENOMEM. *kept (may be NULL): the set's copy, valid as long as it.
 */
int url_set_add(struct url_set *set, const char *url, const char **kept);
bool url_set_has(const struct url_set *set, const char *url);
void url_set_free(struct url_set *set);

#endif
