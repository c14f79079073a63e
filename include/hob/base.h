/* hob/base.h - what every other header of Hob needs: the error codes, the attributes, and the few
 * structures that live in the user's memory (lists of waiters, timers). */
#ifndef HOB_BASE_H
#define HOB_BASE_H
#pragma GCC system_header

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HOB__AUTO: a variable of its value's type. HOB__OPTIONS: a structure of options, from designated
 * initialisers or none (which C has since C23 only: __extension__, for -Wpedantic). */
#ifdef __cplusplus
#define HOB__AUTO auto
#define HOB__OPTIONS(type, ...) (::type{__VA_ARGS__})
#else
#define HOB__AUTO __auto_type
#define HOB__OPTIONS(type, ...) (__extension__(struct type){__VA_ARGS__})
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define HOB_VERSION "0.1.0"

#define HOB_API __attribute__((visibility("default")))
#define HOB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HOB__LIKELY(x) __builtin_expect(!!(x), 1)
#define HOB__UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HOB__PASTE2(a, b) a##b
#define HOB__PASTE(a, b) HOB__PASTE2(a, b)
#define HOB__UNIQUE(name) HOB__PASTE(hob__##name##_, __LINE__)

/* Every function returns >= 0 or a negative code: an errno of the system (-ECANCELED, -ETIMEDOUT,
 * -ENOMEM, ...) or one of these. hob_strerror() names them all. */
enum {
    HOB_E_STOPPING =
        -5000, /* the scope has been asked to stop (hob_stop) while this call waited idle */
    HOB_E_DEADLOCK = -5001,    /* nothing could ever have run again */
    HOB_E_RUNNING = -5002,     /* a loop is running already in this thread */
    HOB_E_NOT_RUNNING = -5003, /* no loop is running in this thread */
    HOB_E_NOT_STARTED = -5004, /* the child ended without hob_started() */
    HOB_E_CLOSED = -5005,      /* the queue, listener or stream has been closed on this side */
    HOB_E_FULL = -5006,        /* would have to wait for room */
    HOB_E_EMPTY = -5007,       /* would have to wait for an item */
    HOB_E_BROKEN = -5008,      /* the barrier was aborted or reset */
    HOB_E_EOF = -5009,         /* the peer ended the stream before what was asked for had arrived */
    HOB_E_LIMIT = -5010,       /* a documented limit was hit */
    HOB_E_NO_WINNER = -5011,   /* hob_race() on a scope without children */
    HOB_E_ADDRESS = -5012,     /* an address that cannot be parsed */
    HOB_E_NAME = -5013,        /* the host name is not known */
    HOB_E_NAME_TEMPORARY = -5014, /* the host name could not be looked up now */
    /* hob/tls.h */
    HOB_E_TLS = -5030,                /* something against TLS, or that this side cannot do */
    HOB_E_TLS_NAME = -5031,           /* the peer's certificate is for other names */
    HOB_E_TLS_EXPIRED = -5032,        /* a certificate has expired, or is not valid yet */
    HOB_E_TLS_ISSUER = -5033,         /* nobody who is trusted has issued the certificate */
    HOB_E_TLS_VERIFY = -5034,         /* the certificate will not do for another reason */
    HOB_E_TLS_TRUNCATED = -5035,      /* the connection ended without ending TLS */
    HOB_E_TLS_PLAINTEXT = -5036,      /* plaintext where TLS was to begin */
    HOB_E_TLS_ALERT = -5037,          /* the peer refuses; the record names its alert */
    HOB_E_TLS_CERTIFICATE = -5038,    /* a certificate or key that cannot be read or used */
    HOB_E_TLS_KEY = -5039,            /* the key is not that of the certificate */
    HOB_E_TLS_NO_CERTIFICATE = -5040, /* the client had to show a certificate */
    HOB_E_TLS_ALPN = -5041,           /* no protocol in common */
    HOB_E_TLS_VERSION = -5042,        /* no version or cipher in common */
    HOB_E_KILLED = -5050,             /* a signal has ended the process */
    HOB_E_EXIT = -5051,               /* the process's exit status is not 0 */
    HOB_E_STATUS_LOST = -5052,  /* the process has ended, but its status was taken elsewhere */
    HOB_E_CRASHED = -5055,      /* the process that ran the function ended before it returned */
    HOB_E_NO_SOCKET = -5060,    /* the service manager has passed no socket of that name */
    HOB_E_NOT_LISTENING = -5061 /* the descriptor is not a stream socket that listens */
    /* -5100 and below: hob/http.h */
};

struct hob_task;
struct hob_loop;

/* Bytes of somebody else's text; not ended by a NUL, unless that is said. */
struct hob_slice {
    const char *at;
    size_t size;
};

/* A circular doubly linked list's node and head. */
struct hob_list {
    struct hob_list *next, *prev;
};

/* Tasks waiting for one thing, in order of arrival (FIFO). All zero = empty, so that what embeds it
 * needs neither an init nor a destroy call. Private to the library. */
struct hob_waitlist {
    struct hob_waiter *first, *last;
};

/* A timer of the loop's wheel. Private to the library; all zero = not armed. */
struct hob_timer {
    struct hob_timer **link; /* what points at this one; NULL when not armed */
    uint64_t deadline_ns;    /* monotonic */
    uint32_t begins, slot;   /* where it lies, and in which 2^32 ns that comes due */
    struct hob_timer *next;
    void (*fire)(struct hob_timer *timer);
};

/* The name of an error code, of Hob's own as well as of the system's: "HOB_E_CLOSED: ...",
 * "Connection refused". Never NULL. Does not wait. */
HOB_API const char *hob_strerror(int code);

/* The library's version, "0.1.0". */
HOB_API const char *hob_version(void);

#ifdef __cplusplus
}
#endif
#endif
