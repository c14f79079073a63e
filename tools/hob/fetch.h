/* fetch.h - the options of `hob fetch`. */
#ifndef FETCH_H
#define FETCH_H

#include <hob/http.h>
#include <stdbool.h>
#include <stddef.h>

enum { FETCH_HEADERS = 64, FETCH_PLACES = 64 };

struct fetch_options {
    char **urls;
    size_t url_count;
    const char *input;  /* NULL = none, "-" = standard input */
    const char *output; /* "-" = standard output; or the folder for the bodies */
    bool json;          /* lines of results, in any case */
    bool resume;        /* what an earlier run has fetched is not fetched again */
    size_t concurrency;
    size_t per_host;    /* at once to one host; 0 = no limit of its own */
    bool http2;         /* over http://, too */
    size_t retries;     /* of each URL, at most */
    double rate;        /* requests a second to one host; 0 = no limit */
    const char *method; /* "GET", or "POST" when there is data */
    const char *data;   /* the body, or '@' and the name of its file; NULL = none */
    struct hob_header headers[FETCH_HEADERS + 1]; /* ended by a NULL name */
    double timeout;                               /* seconds for one URL */
    double each;                     /* what one URL takes alone, seconds; 0 = as measured */
    const char *cacert, *cert, *key; /* names of files, or NULL */
    const char *proxy, *no_proxy, *unix_path, *pins; /* as the client's options; NULL = not given */
    struct hob_param resolve[FETCH_PLACES + 1];      /* ended by a NULL name */
    struct hob_auth auth;                            /* scheme 0: none */
    const char *netrc; /* a file's name, "" = the usual one, NULL = none */
    const char *har;   /* a file's name, or NULL */
    bool insecure;     /* certificates are not verified */
    bool fail;         /* statuses of 400 and more are failures */
    bool quiet;
};

extern const char fetch_help[];

/* -1: go on. Otherwise the exit status: help was printed, or what is wrong. */
int fetch_parse_options(int argc, char **argv, struct fetch_options *options);

#endif
