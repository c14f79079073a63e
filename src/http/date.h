/* http/date.h - times as headers have them: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). */
#ifndef HOB_HTTP_DATE_H
#define HOB_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

enum { HOB__DATE_SIZE = 30 }; /* with the NUL */

/* t: seconds since 1970, of the years 0 to 9999. */
void hob__http_date(int64_t t, char out[HOB__DATE_SIZE]);

/* Such a date, or one in the two ways that are older, "Sunday, 06-Nov-94 08:49:37 GMT" and
 * "Sun Nov  6 08:49:37 1994". False: it is none, another zone's time above all. */
bool hob__http_date_of(const char *text, int64_t *out);
#endif
