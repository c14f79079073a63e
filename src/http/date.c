/* http/date.c - see date.h. */
#include "http/date.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "http/cookie.h"

void hob__http_date(int64_t t, char out[HOB__DATE_SIZE]) {
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    time_t time = (time_t)t;
    gmtime_r(&time, &tm);
    strftime(out, HOB__DATE_SIZE, "xxx, %d xxx %Y %H:%M:%S GMT", &tm);
    memcpy(out, days + 3 * tm.tm_wday, 3); /* whatever the locale says */
    memcpy(out + 8, months + 3 * tm.tm_mon, 3);
}

/* Shapes: 'a' is a letter, '0' a digit, '_' a digit or a blank, anything else itself. */
static bool fits(const char *text, const char *shape) {
    for (; *shape; text++, shape++) {
        unsigned char c = (unsigned char)*text;
        bool ok = *shape == 'a'   ? isalpha(c)
                  : *shape == '0' ? isdigit(c)
                  : *shape == '_' ? isdigit(c) || c == ' '
                                  : c == (unsigned char)*shape;
        if (!ok) return false;
    }
    return !*text;
}

bool hob__http_date_of(const char *text, int64_t *out) {
    const char *comma = strchr(text, ',');
    bool ok = fits(text, "aaa, 00 aaa 0000 00:00:00 GMT") ||
              fits(text, "aaa aaa _0 00:00:00 0000") ||
              (comma && comma > text && fits(comma, ", 00-aaa-00 00:00:00 GMT"));
    return ok && hob__cookie_date(text, strlen(text), out); /* which takes far more than these */
}
