/* output.h - the results' way out: lines for a file, a pipe or a terminal, written without holding
 * the loop up when the reader is slow. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct output {
    const char *name; /* for messages */
    int fd;
    bool is_standard; /* output */
    bool is_terminal;
    bool is_file; /* regular */
    FILE *text;   /* print here; output_flush() sends it on */
    char *data;   /* what was printed */
    size_t size;
    size_t sent; /* of what the last output_flush() was to send, bytes */
};

/* path: "-" = standard output. keep: what a file holds stays, new lines come behind it. 0 or
 * -errno. Close it in any case. Waits; cancellation point. */
int output_open(struct output *out, const char *path, bool keep);

/* Writes what was printed: 0 or -errno, then `sent` says how much went; what did not is gone, too.
 * Waits; cancellation point. */
int output_flush(struct output *out);

/* 0, or -errno: some file systems only say here that there was no room. */
int output_close(struct output *out);

#endif
