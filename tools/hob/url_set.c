/* url_set.c - a set of URLs: open addressing, half full at most. */
#include "url_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t url_hash(const char *s, size_t n) { /* FNV-1a, whose low bits need more of the others */
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3;
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15;
    return h ^ h >> 32;
}

static char **place_of(char **table, size_t size, const char *url) {
    size_t i = url_hash(url, strlen(url)) & (size - 1);
    while (table[i] && strcmp(table[i], url) != 0) i = (i + 1) & (size - 1);
    return &table[i];
}

static bool widen(struct url_set *set) {
    size_t size = set->size ? set->size * 2 : 1024;
    char **table = calloc(size, sizeof *table);
    if (!table) return false;
    for (size_t i = 0; i < set->size; i++)
        if (set->table[i]) *place_of(table, size, set->table[i]) = set->table[i];
    free(set->table);
    set->table = table;
    set->size = size;
    return true;
}

int url_set_add(struct url_set *set, const char *url, const char **kept) {
    if (set->count * 2 >= set->size && !widen(set)) return -ENOMEM;
    char **place = place_of(set->table, set->size, url);
    if (*place) return 0;
    *place = strdup(url);
    if (!*place) return -ENOMEM;
    if (kept) *kept = *place;
    set->count++;
    return 1;
}

bool url_set_has(const struct url_set *set, const char *url) {
    return set->size && *place_of(set->table, set->size, url);
}

void url_set_free(struct url_set *set) {
    for (size_t i = 0; i < set->size; i++) free(set->table[i]);
    free(set->table);
    *set = (struct url_set){0};
}
