/* http/date.c - see date.h. */
#include "http/date.h"

#include <string.h>
#include <time.h>

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
