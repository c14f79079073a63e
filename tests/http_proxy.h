/* http_proxy.h - proxies for tests, as tasks: CONNECT and SOCKS5, that behave or do not. */
#ifndef HOB_HTTP_PROXY_TEST_H
#define HOB_HTTP_PROXY_TEST_H
#include "http_test.h"

struct relay {
    bool socks;
    const char *user, *password; /* SOCKS: wanted */
    const char *answer;          /* CONNECT: instead of 200; then the connection ends */
    size_t cut;                  /* SOCKS: so many bytes are said, then it ends; 0 = all */
    bool slow;                   /* each byte of an answer alone */
    const char *server;          /* connects there, whatever it was asked for; NULL: refuses */
    struct hob_tls *tls;         /* it speaks TLS itself */
    int (*accept)(struct hob_stream *s, struct hob_tls *tls);
    int connections;
    char asked[512]; /* "example.org:443", the head of CONNECT */
    size_t said;
};

static inline int copy_on(struct hob_stream *from, struct hob_stream *to) {
    int64_t n = hob_copy(from, to);
    if (n >= 0) n = hob_shutdown(to);
    return n < 0 ? -ECONNABORTED : 0; /* then not without the other direction */
}
HOB_TASK(copy_on, struct hob_stream *, struct hob_stream *)

static inline int say(struct relay *r, struct hob_stream *s, const void *bytes, size_t n) {
    if (r->cut && r->said + n > r->cut) n = r->cut > r->said ? r->cut - r->said : 0;
    r->said += n;
    for (size_t i = 0; r->slow && i < n; i++) {
        if (hob_write(s, (const char *)bytes + i, 1) < 0) return -EPIPE;
        HOB_TRY(hob_sleep(0.0005));
    }
    if (!r->slow && n && hob_write(s, bytes, n) < 0) return -EPIPE;
    return r->cut && r->said >= r->cut ? -EPIPE : 0;
}

static inline int pass_on(struct relay *r, struct hob_stream *s) {
    struct hob_stream *to;
    int rc = hob_connect(r->server, &to);
    if (rc < 0) return rc;
    {
        HOB_SCOPE(both);
        hob_spawn(both, copy_on, s, to);
        hob_spawn(both, copy_on, to, s);
        rc = hob_join(both);
    }
    hob_close(to);
    return rc;
}

static inline int relay_connect(struct relay *r, struct hob_stream *s) {
    struct hob_slice head;
    if (hob_read_until(s, "\r\n\r\n", 8000, &head) != 1) return 0;
    snprintf(r->asked, sizeof r->asked, "%.*s", (int)head.size, head.at);
    const char *answer = r->answer ? r->answer : "HTTP/1.1 200 Connection established\r\n\r\n";
    int rc = say(r, s, answer, strlen(answer));
    return rc < 0 || r->answer ? rc : pass_on(r, s);
}

static inline int relay_socks(struct relay *r, struct hob_stream *s) {
    unsigned char in[600];
    if (hob_read_exactly(s, in, 2) < 0 || hob_read_exactly(s, in + 2, in[1]) < 0) return 0;
    bool wants = r->user != NULL, offered = in[1] == 2;
    HOB_TRY(say(r, s, wants ? offered ? "\5\2" : "\5\377" : "\5\0", 2));
    if (wants && !offered) return 0;
    if (wants) {
        char user[256] = "", password[256] = "";
        if (hob_read_exactly(s, in, 2) < 0 || hob_read_exactly(s, user, in[1]) < 0) return 0;
        if (hob_read_exactly(s, in, 1) < 0 || hob_read_exactly(s, password, in[0]) < 0) return 0;
        bool right = strcmp(user, r->user) == 0 && strcmp(password, r->password) == 0;
        HOB_TRY(say(r, s, right ? "\1\0" : "\1\1", 2));
        if (!right) return 0;
    }
    if (hob_read_exactly(s, in, 5) < 0) return 0;
    size_t n = in[3] == 1 ? 3 : in[3] == 4 ? 15 : in[4];
    if (hob_read_exactly(s, in + 5, n + 2) < 0) return 0;
    unsigned port = (unsigned)in[5 + n] << 8 | in[6 + n];
    if (in[3] == 3)
        snprintf(r->asked, sizeof r->asked, "%.*s:%u", in[4], in + 5, port);
    else if (in[3] == 1)
        snprintf(r->asked, sizeof r->asked, "%u.%u.%u.%u:%u", in[4], in[5], in[6], in[7], port);
    else
        snprintf(r->asked, sizeof r->asked, "v6:%u", port);
    if (!r->server) return say(r, s, "\5\5\0\1\0\0\0\0\0\0", 10);
    HOB_TRY(say(r, s, "\5\0\0\3\4name\0\1", 11));
    return pass_on(r, s);
}

static inline int relay_one(struct relay *r, struct hob_stream *s) {
    r->said = 0;
    int rc = r->tls ? r->accept(s, r->tls) : 0;
    if (rc >= 0) rc = r->socks ? relay_socks(r, s) : relay_connect(r, s);
    hob_close(s);
    return rc == -ECANCELED ? rc : 0;
}
HOB_TASK(relay_one, struct relay *, struct hob_stream *)

static inline int relay(struct hob_listener *l, struct relay *r) {
    HOB_SCOPE(all, .on_error = HOB_DISCARD);
    for (;;) {
        struct hob_stream *s;
        int rc = hob_accept(l, &s);
        if (rc < 0) return rc;
        r->connections++;
        if (!hob_spawn(all, relay_one, r, s)) hob_close(s);
    }
}
HOB_TASK(relay, struct hob_listener *, struct relay *)

static inline const char *proxy_of(struct hob_listener *l, const char *scheme, const char *user) {
    static char buf[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(buf[next], sizeof buf[next], "%s://%s%s", scheme, user, hob_listener_address(l));
    return buf[next];
}
#endif
