/* fetch_options.c - the command line of `hob fetch`. */
#include <getopt.h>
#include <hob/base.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fetch.h"
#include "tool.h"

enum { CONCURRENCY_MAX = 1000000, RETRIES_MAX = 1000 };

const char fetch_help[] =
    "Usage: hob fetch [OPTION...] [URL...]\n"
    "\n"
    "Fetches many URLs at once and writes one line of JSON for each, in the order in which\n"
    "they end:\n"
    "\n"
    "  {\"url\": \"http://127.0.0.1:8000/get\", \"status\": 200, \"bytes\": 211,\n"
    "   \"seconds\": 0.001204, \"error\": null}\n"
    "\n"
    "(on one line; behind that: \"phases\", where the time went, \"exchanges\", \"reused\",\n"
    "\"protocol\", \"peer\"). When something went wrong, \"error\" is a short name such as\n"
    "\"timeout\", \"refused\", \"cut short\", \"unknown host\" or \"bad URL\", and \"message\" "
    "says\n"
    "more. Bodies are read and counted, and kept with -o DIR. Without URL, URLs are read from\n"
    "standard input.\n"
    "\n"
    "  -i, --input FILE        reads URLs from FILE, one a line; - is standard input; blank\n"
    "                          lines and lines that begin with # are skipped\n"
    "  -o, --output FILE       writes the results to FILE instead of standard output\n"
    "  -o, --output DIR        saves the bodies of answers with a status of 2xx in DIR, which\n"
    "                          is a folder or ends with /: a file for each URL, there when it\n"
    "                          is complete; results are written only with --json\n"
    "      --json              writes the results; the default but for -o DIR\n"
    "      --resume            goes on: URLs that FILE says were fetched, or that have their\n"
    "                          file in DIR, are skipped; new results come behind those in FILE\n"
    "  -c, --concurrency N     at most N at once (default 100)\n"
    "      --per-host N        at most N at once to one host and port\n"
    "      --rate N            at most N requests a second to one host and port\n"
    "      --retries N         tries up to N times more, after growing delays, what failed for\n"
    "                          now: refused, reset, timed out, 408, 429, 502, 503, 504;\n"
    "                          Retry-After is honoured (default 0)\n"
    "  -t, --timeout SECONDS   for each, with everything, retries too (default 30)\n"
    "      --http2             HTTP/2 over http://, too, to servers that are known to speak it;\n"
    "                          over https:// it is used when the server has it\n"
    "  -X, --request METHOD    instead of GET\n"
    "  -H, --header LINE       sends the header \"Name: value\"; may be repeated; \"Name:\" "
    "leaves\n"
    "                          one out that is sent otherwise\n"
    "  -d, --data DATA         sends DATA, or with @FILE a file's bytes, as the body of a POST;\n"
    "                          a form's, unless a header says otherwise\n"
    "  -f, --fail              a status of 400 or more is a failure; without it, as with\n"
    "                          curl, it is a result like any other\n"
    "      --cacert FILE       trusts the CAs in FILE (PEM) for https, instead of the system's\n"
    "      --cert FILE         shows this certificate (PEM) to servers that ask for one\n"
    "      --key FILE          the certificate's key; default: it is in its file\n"
    "  -k, --insecure          does not verify the certificates of servers\n"
    "      --pinnedpubkey PINS fails unless the server's public key is one of these:\n"
    "                          sha256//BASE64;sha256//BASE64\n"
    "      --har FILE          writes what was asked and answered, with its times, as HAR 1.2\n"
    "  -u, --user USER:PASSWORD  who asks (Basic); a user alone has an empty password\n"
    "      --digest            the password of --user goes as a digest, when it is asked for\n"
    "      --bearer TOKEN      a token instead of a user\n"
    "  -n, --netrc             users and passwords of hosts come from $NETRC or ~/.netrc\n"
    "      --netrc-file FILE   or from FILE\n"
    "  -x, --proxy URL         by this proxy: http://, https://, socks5:// (names are looked up\n"
    "                          here), socks5h:// (by the proxy), with user:password@; \"\" is\n"
    "                          none; without it http_proxy, https_proxy and all_proxy of the\n"
    "                          environment count\n"
    "      --noproxy HOSTS     without a proxy to these: names with all below them, addresses,\n"
    "                          10.0.0.0/8, or *; default: no_proxy of the environment\n"
    "      --unix-socket PATH  connects to this Unix socket, whatever host a URL names\n"
    "      --resolve HOST:PORT:ADDRESS  the host is there; may be repeated\n"
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
    "Exit status: 0 when every URL was fetched; 1 when one of several was not; for a single URL\n"
    "curl's number (6 unknown host, 7 refused, 22 status, 23 not written, 28 timeout, 60\n"
    "certificate ...); 2 for wrong usage. What fails does not keep the others from being\n"
    "fetched. Ctrl-C stops everything, prints the summary of what was done, and ends by SIGINT.\n";

/* "Name: value", taken apart in place. */
static bool add_header(char *line, struct fetch_options *o) {
    size_t n = 0;
    char *colon = strchr(line, ':');
    while (o->headers[n].name) n++;
    if (!colon || colon == line || n == FETCH_HEADERS) return false;
    *colon++ = 0;
    colon += strspn(colon, " \t");
    for (char *end = colon + strlen(colon); end > colon && (end[-1] == ' ' || end[-1] == '\t');)
        *--end = 0;
    o->headers[n] = (struct hob_header){line, *colon ? colon : NULL};
    return true;
}

/* "user:password", taken apart in place; it is not shown to those who list processes. */
static void set_user(char *text, struct fetch_options *o) {
    static char user[512], password[512];
    size_t n = strcspn(text, ":");
    snprintf(user, sizeof user, "%.*s", (int)n, text);
    snprintf(password, sizeof password, "%s", text[n] ? text + n + 1 : "");
    for (char *at = text; *at; at++) *at = 'x';
    o->auth = (struct hob_auth){HOB_AUTH_BASIC, user, password, NULL};
}

/* "host:port:address", taken apart in place. */
static bool add_place(char *text, struct fetch_options *o) {
    size_t n = 0;
    char *colon = *text == '[' ? strchr(text, ']') : text;
    while (o->resolve[n].name) n++;
    colon = colon ? strchr(colon, ':') : NULL;
    colon = colon ? strchr(colon + 1, ':') : NULL;
    if (!colon || !colon[1] || n == FETCH_PLACES) return false;
    *colon = 0;
    o->resolve[n] = (struct hob_param){text, colon + 1};
    return true;
}

static bool has_header(const struct fetch_options *o, const char *name) {
    for (const struct hob_header *h = o->headers; h->name; h++)
        if (strcasecmp(h->name, name) == 0) return true;
    return false;
}

static int finish(const char *command, int argc, char **argv, struct fetch_options *o) {
    static char form[] = "Content-Type: application/x-www-form-urlencoded";
    static char line[sizeof form];
    if (!o->method) o->method = o->data ? "POST" : "GET";
    memcpy(line, form, sizeof form);
    if (o->data && !has_header(o, "content-type")) add_header(line, o);
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
    enum {
        EACH = 256,
        VERSION,
        CACERT,
        CERT,
        KEY,
        PER_HOST,
        RATE,
        RETRIES,
        JSON,
        RESUME,
        NOPROXY,
        UNIX,
        RESOLVE,
        PINS,
        DIGEST,
        BEARER,
        NETRC_FILE,
        HAR,
        HTTP2
    };
    static const struct option options[] = {{"input", required_argument, NULL, 'i'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, JSON},
                                            {"resume", no_argument, NULL, RESUME},
                                            {"concurrency", required_argument, NULL, 'c'},
                                            {"per-host", required_argument, NULL, PER_HOST},
                                            {"rate", required_argument, NULL, RATE},
                                            {"retries", required_argument, NULL, RETRIES},
                                            {"http2", no_argument, NULL, HTTP2},
                                            {"request", required_argument, NULL, 'X'},
                                            {"header", required_argument, NULL, 'H'},
                                            {"data", required_argument, NULL, 'd'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"fail", no_argument, NULL, 'f'},
                                            {"cacert", required_argument, NULL, CACERT},
                                            {"cert", required_argument, NULL, CERT},
                                            {"key", required_argument, NULL, KEY},
                                            {"user", required_argument, NULL, 'u'},
                                            {"har", required_argument, NULL, HAR},
                                            {"digest", no_argument, NULL, DIGEST},
                                            {"bearer", required_argument, NULL, BEARER},
                                            {"netrc", no_argument, NULL, 'n'},
                                            {"netrc-file", required_argument, NULL, NETRC_FILE},
                                            {"proxy", required_argument, NULL, 'x'},
                                            {"noproxy", required_argument, NULL, NOPROXY},
                                            {"unix-socket", required_argument, NULL, UNIX},
                                            {"resolve", required_argument, NULL, RESOLVE},
                                            {"pinnedpubkey", required_argument, NULL, PINS},
                                            {"insecure", no_argument, NULL, 'k'},
                                            {"each", required_argument, NULL, EACH},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, VERSION},
                                            {0}};
    int option;
    bool digest = false;
    *o = (struct fetch_options){.output = "-", .concurrency = 100, .timeout = 30};
    while ((option = getopt_long(argc, argv, "i:o:c:t:X:H:d:x:u:nfkqh", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            if (o->input) return usage_error(argv[0], "one --input is enough");
            o->input = optarg;
            break;
        case 'o':
            o->output = optarg;
            break;
        case JSON:
            o->json = true;
            break;
        case RESUME:
            o->resume = true;
            break;
        case 'c':
            if (!parse_count(optarg, 1, CONCURRENCY_MAX, &o->concurrency))
                return usage_error(argv[0], "the concurrency is a number from 1 to %d, not '%s'",
                                   CONCURRENCY_MAX, optarg);
            break;
        case PER_HOST:
            if (!parse_count(optarg, 1, CONCURRENCY_MAX, &o->per_host))
                return usage_error(argv[0], "--per-host is a number from 1 to %d, not '%s'",
                                   CONCURRENCY_MAX, optarg);
            break;
        case RATE:
            if (!parse_seconds(optarg, &o->rate))
                return usage_error(argv[0], "the rate is a number of requests a second, not '%s'",
                                   optarg);
            break;
        case RETRIES:
            if (!parse_count(optarg, 0, RETRIES_MAX, &o->retries))
                return usage_error(argv[0], "--retries is a number from 0 to %d, not '%s'",
                                   RETRIES_MAX, optarg);
            break;
        case HTTP2:
            o->http2 = true;
            break;
        case 'X':
            o->method = optarg;
            break;
        case 'H':
            if (!add_header(optarg, o))
                return usage_error(argv[0], "a header is 'Name: value', %d at most, not '%s'",
                                   FETCH_HEADERS, optarg);
            break;
        case 'd':
            if (o->data) return usage_error(argv[0], "one --data is enough");
            o->data = optarg;
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
        case 'u':
            set_user(optarg, o);
            break;
        case HAR:
            o->har = optarg;
            break;
        case DIGEST:
            digest = true;
            break;
        case BEARER:
            o->auth = (struct hob_auth){.scheme = HOB_AUTH_BEARER, .token = optarg};
            break;
        case 'n':
            if (!o->netrc) o->netrc = "";
            break;
        case NETRC_FILE:
            o->netrc = optarg;
            break;
        case 'x':
            o->proxy = optarg;
            break;
        case NOPROXY:
            o->no_proxy = optarg;
            break;
        case UNIX:
            o->unix_path = optarg;
            break;
        case PINS:
            o->pins = optarg;
            break;
        case RESOLVE:
            if (!add_place(optarg, o))
                return usage_error(argv[0], "--resolve is HOST:PORT:ADDRESS, %d at most, not '%s'",
                                   FETCH_PLACES, optarg);
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
    if (digest && o->auth.scheme != HOB_AUTH_BASIC)
        return usage_error(argv[0], "--digest is for the password of --user");
    if (digest) o->auth.scheme = HOB_AUTH_DIGEST;
    return finish(argv[0], argc, argv, o);
}
