/* json_lines.h - the results of an earlier run, read again: a file of lines of JSON. */
#ifndef JSON_LINES_H
#define JSON_LINES_H

#include <hob/json.h>
#include <stddef.h>

/* Calls see(arg, line) for each whole line of text[0..n), until it returns less than 0. 0, that
 * code, or HOB_E_JSON. */
int json_lines(const char *text, size_t n, int (*see)(void *arg, const struct hob_json *line),
               void *arg);

/* The last line of a program that was killed may be a part of one: cuts it off the file, which
 * holds text[0..n). 0 or -errno. */
int json_lines_mend(int fd, const char *text, size_t n);

#endif
