/* input.h - the URLs to fetch, one after another: those of the command line, then the lines of a
 * file or of standard input. Reads as the URLs are asked for, so that a list of any length takes no
 * more memory than its longest line. Blank lines and lines that begin with '#' are skipped, white
 * space around a URL is dropped. */
#ifndef INPUT_H
#define INPUT_H

#include <hob/base.h>

enum { INPUT_LINE_MAX = 65536 }; /* bytes of a line, with its end */

struct input {
    char **urls; /* the command line's */
    size_t url_count, next_url;
    const char *name; /* of the file, for messages */
    int fd;           /* -1 = none */
    bool is_file;     /* regular: it may be read a second time, to count */
    int64_t offset;   /* where the next read of a regular file begins */
    int64_t first;    /* where the first one began */
    char *buf;        /* INPUT_LINE_MAX bytes, of which start .. end have not been handed out */
    size_t start, end;
    bool ended;
    uint64_t line; /* the number of the last line that was handed out, from 1 */
};

/* path: NULL = the command line's URLs alone, "-" = standard input. 0, or -errno. Close it in any
 * case. */
int input_open(struct input *in, char **urls, size_t url_count, const char *path);
void input_close(struct input *in);

/* The next URL: 1 and *url, which the caller frees; 0 = there are no more; -EMSGSIZE for a line
 * that is too long (*url is its beginning; go on with the next call); or what reading returned.
 * Waits, without holding the loop; cancellation point. */
int input_next(struct input *in, char **url);

/* How many URLs there are in all: reads a regular file a second time. -ESPIPE when that is not
 * possible. Waits; cancellation point. */
int64_t input_count(const struct input *in);

#endif
