/* http_test.h - what the tests of HTTP share: a server in the same loop, a peer that follows a
 * script byte for byte, and counts of what is open. */
#ifndef HOB_HTTP_TEST_H
#define HOB_HTTP_TEST_H
#include "test.h"

#include <dirent.h>
#include <hob/http.h>
#include <hob/net.h>
#include <math.h>

#include "base/memory.h"

typedef int (*handler_fn)(struct hob_request *req, void *arg);
HOB_TASK(hob_http_serve, struct hob_listener *, handler_fn, void *, struct hob_http_options)

static inline int open_files(void) {
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static inline struct hob_listener *listening(void) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    return l;
}

/* "http://127.0.0.1:PORT/path", in one of a few buffers. */
static inline const char *url_of(struct hob_listener *l, const char *path) {
    static char buf[8][256];
    static int next;
    next = (next + 1) % 8;
    snprintf(buf[next], sizeof buf[next], "http://%s%s", hob_listener_address(l), path);
    return buf[next];
}

/* ---- a peer by script ---- */

/* Each connection: for each step, read until `expect` has come ("" = do not read), then send. */
struct step {
    const char *expect, *send;
    size_t send_size; /* 0 = strlen */
    double wait;      /* seconds, before sending; less than 0: hold the connection for ever */
};
struct script {
    struct step steps[8];      /* ended by expect == NULL: the connection is closed */
    const struct script *next; /* for the next connection; NULL = the same again */
    int connections;
};

static inline int follow_script(struct hob_listener *l, struct script *first) {
    const struct script *script = first;
    for (;;) {
        struct hob_stream *s;
        HOB_TRY(hob_accept(l, &s));
        first->connections++;
        for (const struct step *step = script->steps; step->expect; step++) {
            char got[8192];
            size_t n = 0, want = strlen(step->expect);
            while (want && !memmem(got, n, step->expect, want) && n < sizeof got) {
                ssize_t more = hob_read(s, got + n, sizeof got - n);
                if (more <= 0) break;
                n += (size_t)more;
            }
            if (want && !memmem(got, n, step->expect, want)) break;
            int rc = step->wait < 0 ? hob_sleep(1e6) : step->wait > 0 ? hob_sleep(step->wait) : 0;
            if (rc == 0)
                rc = (int)hob_write(s, step->send,
                                    step->send_size ? step->send_size : strlen(step->send));
            if (rc < 0) break;
        }
        hob_close(s);
        HOB_TRY(hob_check());
        if (script->next) script = script->next;
    }
}
HOB_TASK(follow_script, struct hob_listener *, struct script *)

/* Sends `request` to the listener on a connection of its own and reads to the end (or until
 * `until` has come). */
static inline size_t raw(struct hob_listener *l, const char *request, size_t n, const char *until,
                         char *out, size_t cap) {
    struct hob_stream *s;
    size_t at = 0;
    CHECK_EQ(hob_connect(hob_listener_address(l), &s), 0);
    CHECK_EQ(hob_write(s, request, n), n);
    for (;;) {
        ssize_t got = hob_read(s, out + at, cap - 1 - at);
        if (got <= 0) break;
        at += (size_t)got;
        if (until && memmem(out, at, until, strlen(until))) break;
    }
    out[at] = 0;
    hob_close(s);
    return at;
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Length: "

#endif
