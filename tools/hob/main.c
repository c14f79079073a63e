/* main.c - the command `hob`: finds the command that is meant, and runs it as the main task. */
#include <fcntl.h>
#include <hob/hob.h>
#include <stdarg.h>
#include <string.h>

#include "tool.h"

static const struct command *const commands[] = {
    &fetch_command,
#if HAVE_CRAWL
    &crawl_command,
#endif
    &serve_command,
    &playground_command,
};
enum { COMMANDS = sizeof commands / sizeof commands[0], NAME_MAX_LENGTH = 32 };

int usage_error(const char *command, const char *fmt, ...) {
    va_list args;
    fprintf(stderr, "%s: ", command);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\n'%s --help' says more.\n", command);
    return EXIT_USAGE;
}

int print_text(const char *text) {
    if (fputs(text, stdout) != EOF && fflush(stdout) == 0) return EXIT_OK;
    perror("hob: cannot write standard output");
    return EXIT_FAILED;
}

static int print_help(void) {
    char text[2048];
    int n = snprintf(text, sizeof text,
                     "Usage: hob COMMAND [ARGUMENT...]\n"
                     "\n"
                     "Many conversations at once on one thread: the command of the Hob library.\n"
                     "\n"
                     "Commands:\n");
    for (int i = 0; i < COMMANDS; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "  %-12s %s\n", commands[i]->name,
                      commands[i]->summary);
    snprintf(text + n, sizeof text - (size_t)n,
             "  %-12s what a command does and its options\n"
             "\n"
             "  -h, --help   this text\n"
             "  --version    the version\n",
             "help COMMAND");
    return print_text(text);
}

/* How many letters must be added, dropped, exchanged or swapped with their neighbour to make b of
 * a. */
static unsigned distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    unsigned d[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
    if (n > NAME_MAX_LENGTH || m > NAME_MAX_LENGTH) return NAME_MAX_LENGTH;
    for (unsigned i = 0; i <= n; i++) d[i][0] = i;
    for (unsigned j = 0; j <= m; j++) d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[n][m];
}

static const char *similar_command(const char *name) {
    const char *similar = NULL;
    unsigned best = 3 + 1; /* more than three mistakes is another word */
    for (int i = 0; i < COMMANDS; i++) {
        unsigned d = distance(name, commands[i]->name);
        if (*name && strncmp(name, commands[i]->name, strlen(name)) == 0) d = 1; /* a beginning */
        if (d < best) {
            best = d;
            similar = commands[i]->name;
        }
    }
    return similar;
}

static const struct command *find_command(const char *name) {
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i]->name) == 0) return commands[i];
    const char *similar = similar_command(name);
    if (similar)
        usage_error("hob", "no command '%s'; did you mean '%s'?", name, similar);
    else
        usage_error("hob", "no command '%s'", name);
    return NULL;
}

/* A closed standard descriptor would be given to the next file or socket. Opened the wrong way
 * round, it still says that it cannot be used. */
static void fill_standard_descriptors(void) {
    static const int wrong_way[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", wrong_way[fd]) < 0) return;
}

int main(int argc, char **argv) {
    fill_standard_descriptors();
    if (argc < 2)
        return usage_error(
            "hob", "which command? 'hob fetch', 'hob crawl', 'hob serve' or 'hob playground'");
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) return print_text("hob " HOB_VERSION "\n");
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) return print_help();
    if (strcmp(word, "help") == 0) {
        if (argc == 2) return print_help();
        const struct command *asked = find_command(argv[2]);
        return asked ? print_text(asked->help) : EXIT_USAGE;
    }
    if (word[0] == '-') return usage_error("hob", "no option '%s'", word);
    const struct command *command = find_command(word);
    if (!command) return EXIT_USAGE;
    char title[NAME_MAX_LENGTH];
    snprintf(title, sizeof title, "hob %s", command->name);
    argv[1] = title; /* the name in front of every message */
    if (command->start) return command->start(argc - 1, argv + 1);
    /* Reports of a held loop are for programmers; a starved machine would cause them as well. */
    struct hob_options options = {.slow_ms = 10000, .terminate = command->terminate};
    return hob_main_with(options, command->app, argc - 1, argv + 1);
}
