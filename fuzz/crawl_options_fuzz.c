/* crawl_options_fuzz.c - the command line of `hob crawl`: what is accepted is within its bounds and
 * made of the words that were given. */
#include "common.c"
#include "fuzz.h"
#include "tool_main.h"

#include "crawl_options.c"

static void check(const struct crawl_options *o, char texts[12][64], int argc) {
    CHECK(o->concurrency >= 1 && o->concurrency <= CONCURRENCY_MAX);
    CHECK(o->per_host >= 1 && o->per_host <= CONCURRENCY_MAX);
    CHECK(o->retries <= RETRIES_MAX && o->rate >= 0 && o->timeout > 0 && isfinite(o->timeout));
    CHECK(o->max_size >= 1 && o->max_size <= SIZE_MAX_MIB && o->depth <= UINT32_MAX);
    CHECK(o->output && (o->json || strcmp(o->output, "-") != 0));
    CHECK(o->start_count >= 1 && o->start_count <= CRAWL_STARTS);
    size_t hosts = 0;
    for (; o->hosts[hosts]; hosts++) {
        const char *host = o->hosts[hosts];
        CHECK(*host && !strpbrk(host, "/@, "));
        CHECK(host >= texts[1] && host < texts[1] + 64 * (size_t)argc);
    }
    CHECK(hosts <= CRAWL_HOSTS);
}

FUZZ(data, n) {
    static char texts[12][64];
    static FILE *null;
    struct fuzz_input in = {data, n};
    char *argv[14] = {(char *)(uintptr_t) "hob crawl"};
    int argc = 1;
    if (n > 1000) return;
    if (!null) null = fopen("/dev/null", "w");
    while (in.left > 0 && argc < 12) {
        strcpy(texts[argc], fuzz_string(&in, 63));
        argv[argc] = texts[argc];
        argc++;
    }
    static struct crawl_options o;
    FILE *quiet = stderr;
    stderr = null;
    optind = 0; /* getopt begins anew */
    opterr = 0;
    int rc = crawl_parse_options(argc, argv, &o);
    stderr = quiet;
    CHECK(rc == -1 || rc == EXIT_OK || rc == EXIT_USAGE || rc == EXIT_FAILED);
    if (rc == -1) check(&o, texts, argc);
}
