/* common.c - small things that every command needs: numbers, descriptors, JSON strings. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tool.h"

int parse_count(const char *text, size_t min, size_t max, size_t *out) {
    char *end;
    if (*text < '0' || *text > '9') return 0;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || n < min || n > max) return 0;
    *out = (size_t)n;
    return 1;
}

int parse_seconds(const char *text, double *out) {
    char *end;
    double n = strtod(text, &end);
    if (end == text || *end || !(n > 0) || !isfinite(n)) return 0;
    *out = n;
    return 1;
}

size_t raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) limit.rlim_cur = soft;
    }
    return limit.rlim_cur < INT32_MAX ? (size_t)limit.rlim_cur : INT32_MAX;
}

size_t count_open_files(void) {
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) return 16;
    while (readdir(dir)) n++;
    closedir(dir);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

/* The length of the UTF-8 sequence at text[0..n), 0 when there is none (RFC 3629: no overlong
 * forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_length(const char *text, size_t n) {
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) return 1;
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
    if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
    return length;
}

bool is_utf8(const char *text, size_t n) {
    for (size_t i = 0, length; i < n; i += length)
        if ((length = utf8_length(text + i, n - i)) == 0) return false;
    return true;
}

/* How many bytes from text[0] on, up to n, stand in a JSON string as they are; ASCII only. */
static size_t plain_length(const char *text, size_t n) {
    size_t i = 0;
    while (i < n && text[i] >= 0x20 && text[i] < 0x7f && text[i] != '"' && text[i] != '\\') i++;
    return i;
}

void json_string(FILE *out, const char *text, size_t n) {
    putc('"', out);
    for (size_t i = 0; i < n;) {
        size_t length = plain_length(text + i, n - i);
        if (length) {
            fwrite(text + i, 1, length, out);
            i += length;
            continue;
        }
        unsigned char c = (unsigned char)text[i];
        length = utf8_length(text + i, n - i);
        if (length == 0)
            fputs("\\ufffd", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fwrite(text + i, 1, length, out);
        i += length ? length : 1;
    }
    putc('"', out);
}
