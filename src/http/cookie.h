/* http/cookie.h - one Set-Cookie line (RFC 6265, 5.2), taken apart; without knowing who sent it. */
#ifndef HOB_HTTP_COOKIE_H
#define HOB_HTTP_COOKIE_H

#include <hob/cookies.h>

enum { HOB__COOKIE_DOMAIN = 256, HOB__COOKIE_PATH = 1025 };

struct hob__set_cookie {
    char name[HOB_COOKIE_SIZE + 1], value[HOB_COOKIE_SIZE + 1];
    char domain[HOB__COOKIE_DOMAIN]; /* lower case, without its first '.'; "" = none was named */
    char path[HOB__COOKIE_PATH];     /* "" = none was named */
    int64_t expires;                 /* as in struct hob_cookie; in the past: it goes */
    bool secure, http_only;
};

/* False when the line is none that may be kept. `now`: for Max-Age. */
bool hob__cookie_parse(const char *line, int64_t now, struct hob__set_cookie *out);
/* No control characters, no ';', in either? */
bool hob__cookie_sound(const char *name, const char *value);
/* The seconds since 1970 of a date in any of the ways in which cookies have them (5.1.1); false: it
 * is none. */
bool hob__cookie_date(const char *text, size_t n, int64_t *out);
/* Of the running loop's calendar, or the system's. */
int64_t hob__cookie_now(void);
#endif
