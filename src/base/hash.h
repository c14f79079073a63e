/* base/hash.h - the hash of a name, for tables in memory (FNV-1a, its bits mixed for a mask). */
#ifndef HOB_BASE_HASH_H
#define HOB_BASE_HASH_H

#include <hob/base.h>

static inline uint32_t hob__hash(const char *name, uint32_t seed) {
    uint32_t h = 2166136261u ^ seed;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) h = (h ^ *p) * 16777619u;
    return h ^ h >> 15;
}
#endif
