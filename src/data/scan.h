/* data/scan.h - JSON that is looked at once, where speed is no matter (scan_loop.h is for where it
 * is one). */
#ifndef HOB_DATA_SCAN_H
#define HOB_DATA_SCAN_H

#include <hob/base.h>

/* Is it one value of JSON, with white space around it, as check.c judges? */
bool hob__scan_is_json(const uint8_t *text, size_t n);

#endif
