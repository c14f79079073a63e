/* fetch_options.c - the command line of `hob fetch`. */
#include <getopt.h>
#include <hob/base.h>
#include <string.h>
#include <unistd.h>

#include "fetch.h"
#include "tool.h"

enum { CONCURRENCY_MAX = 1000000 };

const char fetch_help[] =
    "Usage: hob fetch [OPTION...] [URL...]\n"
    "\n"
    "Fetches many URLs at once and writes one line of JSON for each, in the order in which\n"
    "they end:\n"
    "\n"
    "  {\"url\": \"http://127.0.0.1:8000/get\", \"status\": 200, \"bytes\": 211,\n"
    "   \"seconds\": 0.001204, \"error\": null}\n"
    "\n"
    "(on one line). When something went wrong, \"error\" is a short name such as \"timeout\",\n"
    "\"refused\", \"cut short\", \"unknown host\" or \"bad URL\", and \"message\" says more. "
    "Bodies\n"
    "are read and counted, not kept. Without URL, they are read from standard input.\n"
    "\n"
    "  -i, --input FILE        reads URLs from FILE, one a line; - is standard input; blank\n"
    "                          lines and lines that begin with # are skipped\n"
    "  -o, --output FILE       writes the results to FILE instead of standard output\n"
    "  -c, --concurrency N     at most N at once (default 100)\n"
    "  -t, --timeout SECONDS   for each, with everything (default 30)\n"
    "  -f, --fail              a status of 400 or more is a failure; without it, as with\n"
    "                          curl, it is a result like any other\n"
    "      --cacert FILE       trusts the CAs in FILE (PEM) for https, instead of the system's\n"
    "      --cert FILE         shows this certificate (PEM) to servers that ask for one\n"
    "      --key FILE          the certificate's key; default: it is in its file\n"
    "  -k, --insecure          does not verify the certificates of servers\n"
    "      --each SECONDS      what each URL takes when it is fetched alone, if that is known:\n"
    "                          the summary's \"one after another\" is then N times that,\n"
    "                          instead of the sum of the measured times, which also holds\n"
    "                          the time that each one waited for the others\n"
    "  -q, --quiet             no progress, no failures and no summary on standard error\n"
    "  -h, --help              this text\n"
    "      --version           the version\n"
    "\n"
    "A bar on standard error shows how far it is; the last line there is the summary. The\n"
    "limit of open files is raised as far as it goes, and the concurrency lowered to it.\n"
    "Redirects are followed, ten at most.\n"
    "\n"
    "Exit status: 0 when every URL was fetched, 1 when one was not or the results could not be\n"
    "written, 2 for wrong usage. Ctrl-C stops everything, prints the summary of what was done,\n"
    "and ends by SIGINT.\n";

static int finish(const char *command, int argc, char **argv, struct fetch_options *o) {
    o->urls = argv + optind;
    for (int i = optind; i < argc; i++) {
        if (strcmp(argv[i], "-") != 0)
            o->urls[o->url_count++] = argv[i];
        else if (!o->input) /* as many programs have it */
            o->input = "-";
        else if (strcmp(o->input, "-") != 0)
            return usage_error(command, "standard input, or %s?", o->input);
    }
    if (o->url_count == 0 && !o->input) {
        if (isatty(STDIN_FILENO)) return usage_error(command, "which URLs?");
        o->input = "-";
    }
    return -1;
}

int fetch_parse_options(int argc, char **argv, struct fetch_options *o) {
    enum { EACH = 256, VERSION, CACERT, CERT, KEY };
    static const struct option options[] = {{"input", required_argument, NULL, 'i'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"concurrency", required_argument, NULL, 'c'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"fail", no_argument, NULL, 'f'},
                                            {"cacert", required_argument, NULL, CACERT},
                                            {"cert", required_argument, NULL, CERT},
                                            {"key", required_argument, NULL, KEY},
                                            {"insecure", no_argument, NULL, 'k'},
                                            {"each", required_argument, NULL, EACH},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, VERSION},
                                            {0}};
    int option;
    *o = (struct fetch_options){.output = "-", .concurrency = 100, .timeout = 30};
    while ((option = getopt_long(argc, argv, "i:o:c:t:fkqh", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            if (o->input) return usage_error(argv[0], "one --input is enough");
            o->input = optarg;
            break;
        case 'o':
            o->output = optarg;
            break;
        case 'c':
            if (!parse_count(optarg, 1, CONCURRENCY_MAX, &o->concurrency))
                return usage_error(argv[0], "the concurrency is a number from 1 to %d, not '%s'",
                                   CONCURRENCY_MAX, optarg);
            break;
        case 't':
            if (!parse_seconds(optarg, &o->timeout))
                return usage_error(argv[0], "the timeout is a number of seconds, not '%s'", optarg);
            break;
        case EACH:
            if (!parse_seconds(optarg, &o->each))
                return usage_error(argv[0], "--each is a number of seconds, not '%s'", optarg);
            break;
        case CACERT:
            o->cacert = optarg;
            break;
        case CERT:
            o->cert = optarg;
            break;
        case KEY:
            o->key = optarg;
            break;
        case 'k':
            o->insecure = true;
            break;
        case 'f':
            o->fail = true;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'h':
            return print_text(fetch_help);
        case VERSION:
            return print_text("hob " HOB_VERSION "\n");
        default:
            fprintf(stderr, "'%s --help' says more.\n", argv[0]); /* getopt has said what */
            return EXIT_USAGE;
        }
    }
    return finish(argv[0], argc, argv, o);
}
