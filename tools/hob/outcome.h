/* outcome.h - how one URL ended, and the count of how all of them did. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <hob/http_trace.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Why a URL was not fetched, in the few words that a user can act on. */
enum failure {
    FAILURE_NONE,
    FAILURE_TIMEOUT,
    FAILURE_REFUSED,
    FAILURE_RESET,
    FAILURE_CUT,
    FAILURE_UNREACHABLE,
    FAILURE_UNKNOWN_HOST,
    FAILURE_LOOKUP,
    FAILURE_BAD_URL,
    FAILURE_TLS,
    FAILURE_CERTIFICATE,
    FAILURE_PROXY,
    FAILURE_HEADERS,
    FAILURE_ANSWER,
    FAILURE_REDIRECTS,
    FAILURE_STATUS,
    FAILURE_DESCRIPTORS,
    FAILURE_PORTS,
    FAILURE_MEMORY,
    FAILURE_WRITE,
    FAILURE_OTHER,
    FAILURES
};

const char *failure_name(enum failure failure);
/* Of a negative code, as Hob's functions return them. */
enum failure failure_of(int code);
/* Has it failed for a reason that may have passed by now? error: a failure's name, or NULL. */
bool failure_passes(int status, const char *error);

/* One URL's end. */
struct result {
    char *url;      /* from malloc */
    int status;     /* 0 = no answer began */
    uint64_t bytes; /* of the body */
    double seconds;
    struct hob_phases phases; /* of the last exchange */
    enum failure failure;
    char message[256]; /* when it failed */
    int exit_status;   /* likewise: curl's for that */
    bool told;         /* likewise: on standard error */
    char *file;        /* from malloc: where the body is, or NULL */
};

/* Fills in why it failed: rc, and the calling task's last error record. */
void result_failed(struct result *r, int rc);
/* Its strings. */
void result_free(struct result *r);
/* Writes it as one line of JSON. */
void result_print(FILE *out, const struct result *r);

enum { LATENCIES = 40 * 16 };

/* All of them. */
struct tally {
    uint64_t total; /* how many there are to fetch; 0 = not known yet */
    uint64_t fetched, failed, failed_by[FAILURES];
    int exit_status;  /* of the last that failed */
    uint64_t skipped; /* an earlier run has fetched them; they are in no other count */
    uint64_t bytes;
    double seconds;              /* the sum of the single times */
    double longest;              /* of them */
    uint64_t latency[LATENCIES]; /* how many took so long: see latency_index() */
};

void tally_add(struct tally *tally, const struct result *r);
/* A result that was added as fetched could not be written: it has failed. */
void tally_lose(struct tally *tally);

/* What the program ends with: 0, or curl's number for the one URL that failed. Of several, 1 if one
 * failed: then there is no number that says it of all. status: of what failed beside them, or 0. */
int tally_exit_status(const struct tally *tally, int status);

/* The summary: a line with the times that nine of ten took, and the bytes, and then "fetched 97 of
 * 100 URLs, 3 failed (2 timeout, 1 refused) in 30.01 s (one after another: 95.2 s)". each: what one
 * URL takes alone, seconds; 0 = as measured. */
void tally_print(FILE *out, const struct tally *tally, double elapsed, double each,
                 bool interrupted);

#endif
