/* tool.h - what the commands of `hob` share. The tools use nothing but the public headers, so that
 * they are also examples of programs. */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit statuses. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_WRITE = 23, EXIT_READ = 26 };

struct command {
    const char *name, *summary, *help;
    int (*app)(int argc, char **argv);   /* runs as the main task; argv[0] is "hob NAME" */
    int (*start)(int argc, char **argv); /* instead: runs without a loop, which it starts itself */
    bool terminate;                      /* SIGTERM stops the app as Ctrl-C does */
};
extern const struct command crawl_command, fetch_command, playground_command, serve_command;

/* Prints "hob NAME: ..." and where help is; gives EXIT_USAGE. */
int usage_error(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints a text to standard output: EXIT_OK, or EXIT_FAILED with a message when it cannot. */
int print_text(const char *text);

/* A whole number from min to max, or a number of seconds greater than 0; false when it is not. */
int parse_count(const char *text, size_t min, size_t max, size_t *out);
int parse_seconds(const char *text, double *out);

/* Raises the limit of open files as far as it goes without rights (the hard limit); returns it. */
size_t raise_file_limit(void);
/* How many descriptors this process has open. */
size_t count_open_files(void);

struct hob_tls;
/* A context of TLS, of certificate, key and trusted CAs (names of files, or NULL), or none (NULL)
 * when there is nothing to say. False, and said with the command's name, when there can be none. */
bool make_tls(const char *command, const char *cert, const char *key, const char *ca, bool insecure,
              struct hob_tls **out);
void drop_tls(struct hob_tls *tls); /* NULL is allowed */

/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void json_string(FILE *out, const char *text, size_t n);
bool is_utf8(const char *text, size_t n);

#endif
