/* http/zlib_memory.h - zlib's memory, and that of libraries like it, from Hob's allocator. */
#ifndef HOB_HTTP_ZLIB_MEMORY_H
#define HOB_HTTP_ZLIB_MEMORY_H

#include "base/memory.h"

static inline void *hob__zlib_alloc(void *none, unsigned count, unsigned size) {
    (void)none;
    return hob__alloc((size_t)count * size);
}
static inline void hob__zlib_free(void *none, void *p) {
    (void)none;
    hob__free(p);
}
#endif
