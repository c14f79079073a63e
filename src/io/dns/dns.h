/* io/dns/dns.h - the inside of the resolver.
 *
 * A *query* is one name and one type (A, AAAA, PTR), asked once. It stands in the loop's table
 * while it waits for its turn, while a source asks for it, and afterwards as the cache's entry
 * until its TTL is over; whoever asks for the same finds it there. Askers sleep on its list and
 * hold a reference, so that an answer of TTL 0, which is in no table, still reaches each of them;
 * one that leaves only takes itself off the list. An answered query never changes any more.
 *
 *   QUEUED -> RUNNING -> DONE      (RUNNING -> QUEUED when the servers' configuration has changed)
 *
 * A *source* is where answers come from: c-ares (ares.c), the system's getaddrinfo() in threads
 * (system.c), or a simulated world (sim/dns.c). It is started with a query, and calls
 * hob__query_answered() some time, in the loop's thread, perhaps at once.
 *
 * A *lookup* is one host as a task looks it up: its two queries, or none when the host is an
 * address or stands in a file. What it finds goes into a list of candidates, each with what is
 * known of reaching it (sort.c). */
#ifndef HOB_IO_DNS_H
#define HOB_IO_DNS_H

#include <hob/dns.h>

#include "base/hash.h"
#include "base/list.h"
#include "loop/backend.h"
#include "task/loopdata.h"
#include "task/wait.h"

enum hob__dns_type { HOB__DNS_A, HOB__DNS_AAAA, HOB__DNS_PTR };
enum {
    HOB__DNS_KEPT = 16,  /* addresses of one answer */
    HOB__DNS_NAME = 256, /* a name with its NUL */
    HOB__CANDIDATES = 2 * HOB__DNS_KEPT
};
enum hob__query_state { HOB__QUERY_QUEUED, HOB__QUERY_RUNNING, HOB__QUERY_DONE };

struct hob__dns;

struct hob__query {
    struct hob__query *chain; /* in its bucket */
    struct hob_list line;     /* in dns->queued, or in dns->kept: the one used last is last */
    struct hob_waitlist askers;
    struct hob__dns *dns;
    unsigned refs; /* the table's, each asker's, the source's */
    uint32_t hash;
    bool listed; /* in the table */
    uint8_t type, state;
    uint8_t turn;      /* which address comes first next time */
    uint8_t count;     /* addresses */
    int status;        /* DONE: 0, or why there is no answer */
    const char *words; /* the same, for the error record: static */
    uint64_t expires;  /* ns */
    void *answer;      /* count addresses of 4 or 16 bytes; a name */
    char name[];       /* in lower case */
};

struct hob__dns_source {
    const char *name;
    unsigned at_once; /* queries, at most */
    void (*start)(struct hob__dns *dns, struct hob__query *q);
    /* After some have been started. May be NULL. */
    void (*started)(struct hob__dns *dns);
    /* Lets go of everything: hob__query_again() for what runs, or its answer comes all the same, or
     * (dns->closing: the loop ends) never. It may be started again. */
    void (*close)(struct hob__dns *dns);
    /* Of the simulated one: is any of these servers a host of the world? c-ares asks them then. */
    bool (*has_server)(struct hob__backend *b, const char *servers);
};
extern const struct hob__dns_source hob__dns_ares, hob__dns_system;
/* The simulated world's, once libhob-sim is there. */
extern const struct hob__dns_source *hob__dns_simulated;

enum { HOB__FILE_AGAIN = 1000000000 }; /* ns from one look at a file to the next */

/* A file as it was when it was read. */
struct hob__file_mark {
    uint64_t device, inode, size, changed_ns;
    bool there;
};

struct hob__hosts_line;
struct hob__hosts {
    struct hob__file_mark mark;
    uint64_t seen; /* when it was looked at, ns; 0: look */
    bool read;
    char *text; /* the file, its words ended by NULs */
    struct hob__hosts_line *lines;
    uint32_t line_count, *slots, slot_mask; /* slots: an entry's index + 1 */
    struct hob__hosts_entry *entries;
    uint32_t entry_count;
};

struct hob__dns {
    struct hob__loop_data data;
    struct hob__backend *backend;
    const struct hob__dns_source *source;
    void *source_state;
    struct hob_dns_options options; /* with all defaults but timeout and attempts filled in */
    char *texts;                    /* the options' */
    struct hob__hosts hosts;
    struct hob__file_mark resolv_mark;
    uint64_t resolv_seen; /* when it was looked at, ns; 0: look */
    struct hob__query **buckets;
    size_t bucket_mask, listed;
    struct hob_list queued, kept;
    size_t kept_count, queued_count, running;
    bool pumping, closing;
    struct hob_dns_info info; /* the counters */
};

/* ---- dns.c ---- */
/* The running loop's, made at the first need: NULL without memory. */
struct hob__dns *hob__dns_current(void);
/* "localhost", "x.localhost", with a dot at the end or without. */
bool hob__dns_is_localhost(const char *host);
/* NULL: "/etc/resolv.conf". */
const char *hob__dns_resolv_conf(const struct hob__dns *dns);

/* One address to try. */
struct hob__candidate {
    struct hob_address to, from; /* from: the address that this machine would send from */
    uint32_t ttl;
    bool probed, reachable, tried;
    int error; /* connect.c: why the attempt failed */
};
struct hob__candidates {
    unsigned n;
    struct hob__candidate list[HOB__CANDIDATES];
};
/* Puts an address (4 or 16 bytes, and the scope of a link's own) at the end, unless it is there or
 * the list is full. */
void hob__candidate_add(struct hob__candidates *c, int family, const void *bytes, uint32_t scope,
                        uint32_t ttl);

struct hob__ask {
    struct hob__query *q; /* until its answer has been collected */
    struct hob_waiter waiter;
    const char *words;
    int status; /* 0: gave addresses; an error; HOB__ASK_NONE, HOB__ASK_PENDING */
};
enum { HOB__ASK_NONE = 1, HOB__ASK_PENDING = 2 };
enum { HOB__ASK_V6, HOB__ASK_V4, HOB__ASKS };

struct hob__lookup {
    const char *host; /* the caller's */
    const char *words;
    struct hob__ask ask[HOB__ASKS];
};
/* Begins; what is known already goes into c. family: 0, AF_INET, AF_INET6. 0 or an error (with a
 * record; nothing to end then). Does not wait. */
int hob__lookup_begin(struct hob__lookup *l, const char *host, int family,
                      struct hob__candidates *c);
/* Takes the answers that have come: whether there were any. */
bool hob__lookup_collect(struct hob__lookup *l, struct hob__candidates *c);
bool hob__lookup_pending(const struct hob__lookup *l);
/* Around a hob__wait_any(w, ...) of the calling task. */
void hob__lookup_link(struct hob__lookup *l, struct hob_waiter *w);
void hob__lookup_unlink(struct hob__lookup *l);
/* Lets go; what is under way goes on. */
void hob__lookup_end(struct hob__lookup *l);
/* When it has found nothing: the error, with its record. */
int hob__lookup_failed(const struct hob__lookup *l);

/* ---- cache.c: the table of queries ---- */
/* One to ask, found or made: a reference for the caller. NULL without memory. */
struct hob__query *hob__query_ask(struct hob__dns *dns, const char *name, enum hob__dns_type type);
void hob__query_unref(struct hob__query *q);
/* A source's last word. `bytes`: count addresses, or (PTR) a name with its NUL, of `size` bytes;
 * copied. status: 0, HOB_E_NAME, HOB_E_NAME_TEMPORARY, -ENOMEM. words: static. */
struct hob__reply {
    int status;
    const char *words;
    uint32_t ttl; /* seconds */
    unsigned count;
    const void *bytes;
    size_t size;
};
void hob__query_answered(struct hob__query *q, const struct hob__reply *reply);
/* A source gives it back: first in the line. */
void hob__query_again(struct hob__query *q);
/* Starts what may be started. To be called when something may have changed, not from inside a
 * source's callback. */
void hob__dns_pump(struct hob__dns *dns);
/* Forgets what has been answered. */
void hob__dns_forget(struct hob__dns *dns);
/* Frees every query: nobody asks any more. */
void hob__queries_free(struct hob__dns *dns);

/* ---- files.c: files that are looked at again ---- */
/* Whether the file is another than it was: *mark is then new. */
bool hob__file_changed(const char *path, struct hob__file_mark *mark);
/* The whole file with a NUL, up to max bytes; NULL: none, or no memory (*rc). */
char *hob__file_text(const char *path, size_t max, size_t *size, int *rc);

/* ---- hosts.c: /etc/hosts ---- */
/* Adds the host's addresses of that family (0: both): how many there are of any family, 0 when the
 * file does not list it, -ENOMEM. */
int hob__hosts_find(struct hob__dns *dns, const char *name, int family, struct hob__candidates *c);
/* The first name of an address, or NULL. */
const char *hob__hosts_name(struct hob__dns *dns, const struct hob_address *a);
void hob__hosts_free(struct hob__hosts *h);

/* ---- reply.c: a DNS message, RFC 1035 section 4 ---- */
/* How long the answer may be kept: the least TTL of its records, or for one without answers what
 * its zone says (RFC 2308 section 5). -1: it says nothing, or is no message. */
int64_t hob__dns_reply_ttl(const unsigned char *message, size_t n);

/* ---- sort.c ---- */
/* Puts the candidates that have not been tried in order: RFC 6724 section 6, families in turn (RFC
 * 8305 section 4), the first not of the family `after` if there is another. */
void hob__candidates_sort(struct hob__backend *b, struct hob__candidates *c, int after);

#endif
