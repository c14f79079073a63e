/* crawl_options.c - the command line of `hob crawl`. */
#include <getopt.h>
#include <hob/base.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "crawl.h"
#include "tool.h"

enum { CONCURRENCY_MAX = 10000, RETRIES_MAX = 1000, SIZE_MAX_MIB = 1024 };

const char crawl_help[] =
    "Usage: hob crawl [OPTION...] URL...\n"
    "\n"
    "Follows the links of web pages from the URLs on, each page once, and keeps what it finds\n"
    "in a SQLite database: the table `pages` has url, status, depth (clicks from the start),\n"
    "title, bytes, seconds, and error, when no answer came. Stop it (Ctrl-C, even kill -9) and\n"
    "start it again with the same output: it goes on where it was, and visits once more what\n"
    "has failed for now (refused, timed out, cut short, 429, 5xx ...).\n"
    "\n"
    "It stays on the hosts of the URLs, keeps to robots.txt (as \"hob\"; Crawl-delay too) and to\n"
    "\"nofollow\", and reads the hosts' sitemaps.\n"
    "\n"
    "  -o, --output FILE       the database (default crawl.db); with --json the lines' file,\n"
    "                          - is standard output (then the default)\n"
    "      --json              a line of JSON for each page instead of a database, with the new\n"
    "                          links of the page\n"
    "      --fresh             forgets what the output holds, and begins again\n"
    "      --hosts LIST        also these hosts: names with commas between them; *.example.org\n"
    "                          is every host below example.org\n"
    "  -d, --depth N           at most N clicks from the start (default: no limit)\n"
    "  -n, --pages N           at most N pages in this run (default: no limit)\n"
    "  -c, --concurrency N     at most N pages at once (default 16)\n"
    "      --per-host N        at most N at once from one host (default 4)\n"
    "      --rate N            at most N pages a second from one host (default 10; 0: no limit)\n"
    "      --retries N         tries up to N times more, after growing delays, what failed for\n"
    "                          now: refused, reset, timed out, 408, 429, 502, 503, 504;\n"
    "                          Retry-After is honoured (default 2)\n"
    "  -t, --timeout SECONDS   for each page, with everything, retries too (default 60)\n"
    "      --max-size MIB      of a page that is parsed (default 4)\n"
    "  -A, --user-agent TEXT   what it calls itself (default \"hob/" HOB_VERSION "\")\n"
    "      --no-robots         keeps neither to robots.txt nor to \"nofollow\": for sites of your\n"
    "                          own\n"
    "      --no-sitemaps       does not read sitemaps\n"
    "      --cacert FILE       trusts the CAs in FILE (PEM) for https, instead of the system's\n"
    "  -k, --insecure          does not verify the certificates of servers\n"
    "  -q, --quiet             no progress, no failures and no summary on standard error\n"
    "  -h, --help              this text\n"
    "      --version           the version\n"
    "\n"
    "A bar on standard error shows how far it is; the last line there is the summary. Redirects\n"
    "are pages of their own, which lead where they say; a start that leads to another host\n"
    "makes that one a host of the crawl.\n"
    "\n"
    "Exit status: 0 when the crawl ended, 1 when no page at all could be had or the results\n"
    "could not be written, 2 for wrong usage. Ctrl-C stops it, keeps what was found, and ends\n"
    "by SIGINT.\n";

static bool add_hosts(struct crawl_options *o, char *list) {
    size_t n = 0;
    while (o->hosts[n]) n++;
    for (char *name = strtok(list, ", "); name; name = strtok(NULL, ", ")) {
        if (n == CRAWL_HOSTS || strpbrk(name, "/@") || !*name) return false;
        o->hosts[n++] = name;
    }
    return true;
}

static int number(const char *command, const char *what, const char *text, size_t min, size_t max,
                  size_t *out) {
    if (parse_count(text, min, max, out)) return 0;
    return usage_error(command, "%s is a number from %zu to %zu, not '%s'", what, min, max, text);
}

static int take_option(const char *command, int option, char *value, struct crawl_options *o);

enum {
    JSON = 256,
    FRESH,
    HOSTS,
    PER_HOST,
    RATE,
    RETRIES,
    MAX_SIZE,
    NO_ROBOTS,
    NO_SITEMAPS,
    CACERT,
    VERSION
};

int crawl_parse_options(int argc, char **argv, struct crawl_options *o) {
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, JSON},
                                            {"fresh", no_argument, NULL, FRESH},
                                            {"hosts", required_argument, NULL, HOSTS},
                                            {"depth", required_argument, NULL, 'd'},
                                            {"pages", required_argument, NULL, 'n'},
                                            {"concurrency", required_argument, NULL, 'c'},
                                            {"per-host", required_argument, NULL, PER_HOST},
                                            {"rate", required_argument, NULL, RATE},
                                            {"retries", required_argument, NULL, RETRIES},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"max-size", required_argument, NULL, MAX_SIZE},
                                            {"user-agent", required_argument, NULL, 'A'},
                                            {"no-robots", no_argument, NULL, NO_ROBOTS},
                                            {"no-sitemaps", no_argument, NULL, NO_SITEMAPS},
                                            {"cacert", required_argument, NULL, CACERT},
                                            {"insecure", no_argument, NULL, 'k'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, VERSION},
                                            {0}};
    int option;
    *o = (struct crawl_options){.concurrency = 16,
                                .per_host = 4,
                                .pages = SIZE_MAX,
                                .depth = UINT32_MAX,
                                .max_size = 4,
                                .retries = 2,
                                .rate = 10,
                                .timeout = 60};
    while ((option = getopt_long(argc, argv, "o:d:n:c:t:A:kqh", options, NULL)) != -1) {
        if (option == 'h') return print_text(crawl_help);
        if (option == VERSION) return print_text("hob " HOB_VERSION "\n");
        int status = take_option(argv[0], option, optarg, o);
        if (status) return status;
    }
    if (optind == argc) return usage_error(argv[0], "which URL?");
    if (argc - optind > CRAWL_STARTS) return usage_error(argv[0], "too many URLs");
    if (!o->output) o->output = o->json ? "-" : "crawl.db";
    if (!o->json && strcmp(o->output, "-") == 0)
        return usage_error(argv[0], "a database needs a file; --json can write to standard output");
    o->starts = argv + optind;
    o->start_count = (size_t)(argc - optind);
    return -1;
}

static int take_option(const char *command, int option, char *value, struct crawl_options *o) {
    switch (option) {
    case 'o':
        o->output = value;
        return 0;
    case JSON:
        o->json = true;
        return 0;
    case FRESH:
        o->fresh = true;
        return 0;
    case HOSTS:
        if (add_hosts(o, value)) return 0;
        return usage_error(command, "--hosts are names with commas between them, %d at most",
                           CRAWL_HOSTS);
    case 'd':
        return number(command, "the depth", value, 0, UINT32_MAX, &o->depth);
    case 'n':
        return number(command, "--pages", value, 1, SIZE_MAX, &o->pages);
    case 'c':
        return number(command, "the concurrency", value, 1, CONCURRENCY_MAX, &o->concurrency);
    case PER_HOST:
        return number(command, "--per-host", value, 1, CONCURRENCY_MAX, &o->per_host);
    case RATE:
        o->rate = 0;
        if (strcmp(value, "0") == 0 || parse_seconds(value, &o->rate)) return 0;
        return usage_error(command, "the rate is a number of pages a second, not '%s'", value);
    case RETRIES:
        return number(command, "--retries", value, 0, RETRIES_MAX, &o->retries);
    case 't':
        if (parse_seconds(value, &o->timeout)) return 0;
        return usage_error(command, "the timeout is a number of seconds, not '%s'", value);
    case MAX_SIZE:
        return number(command, "--max-size", value, 1, SIZE_MAX_MIB, &o->max_size);
    case 'A':
        o->user_agent = value;
        return 0;
    case NO_ROBOTS:
        o->no_robots = true;
        return 0;
    case NO_SITEMAPS:
        o->no_sitemaps = true;
        return 0;
    case CACERT:
        o->cacert = value;
        return 0;
    case 'k':
        o->insecure = true;
        return 0;
    case 'q':
        o->quiet = true;
        return 0;
    default:
        fprintf(stderr, "'%s --help' says more.\n", command); /* getopt has said what */
        return EXIT_USAGE;
    }
}
