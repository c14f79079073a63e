/* data/scan.c - is a text JSON? */
#include "data/scan.h"

#include "data/scan_loop.h"

bool hob__scan_is_json(const uint8_t *p, size_t n) {
    const uint8_t *end = p + n;
    return hob__utf8_is(p, n) && (p = scan_space(p, end)) < end &&
           (p = skip_value(p, end, HOB__JSON_DEPTH)) && scan_space(p, end) == end;
}
