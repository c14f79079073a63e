/* http2_client.h - tests of the client against a peer of HTTP/2. */
#ifndef HOB_HTTP2_CLIENT_H
#define HOB_HTTP2_CLIENT_H
#include "h2_peer.h"

/* Seconds in which a peer that answers has answered: more of them under valgrind and qemu. */
static inline double patient(double seconds) {
    return getenv("TEST_SLOW") ? 20 * seconds : seconds;
}

static inline int get_text(struct hob_client *c, const char *url, const char *text) {
    struct hob_body body;
    int rc = hob_get(c, url, &body);
    if (rc == 200 && text) CHECK_STR(body.data, text);
    hob_body_free(&body);
    return rc;
}
static inline int get_into(struct hob_client *c, const char *url, int *result) {
    struct hob_body body;
    int rc = *result = hob_get(c, url, &body);
    hob_body_free(&body);
    return rc == -ECANCELED ? rc : 0;
}
HOB_TASK(get_into, struct hob_client *, const char *, int *)

static inline int post_size(struct hob_client *c, const char *url, const char *data, size_t n) {
    struct hob_body body;
    char want[64];
    int rc = hob_post(c, url, "text/plain", data, n, &body);
    snprintf(want, sizeof want, "/echo %zu\n", n);
    if (rc == 200) CHECK_STR(body.data, want);
    hob_body_free(&body);
    return rc;
}
HOB_TASK(post_size, struct hob_client *, const char *, const char *, size_t)

/* A test with a peer `p` at `l`, and a client `c`. */
#define H2_TEST(name, ...)                                                                         \
    static int body_##name(struct hob_listener *l, struct peer *p, struct hob_client *c);          \
    static int around_##name(struct hob_listener *l, struct peer *p) {                             \
        HOB_CLIENT(c, .http2_prior_knowledge = true, ##__VA_ARGS__);                               \
        HOB_TRY(body_##name(l, p, c));                                                             \
        struct hob_client_info info;                                                               \
        hob_client_info(c, &info);                                                                 \
        CHECK_EQ(info.in_use, 0);                                                                  \
        CHECK_EQ(info.waiting, 0);                                                                 \
        return 0;                                                                                  \
    }                                                                                              \
    CLEAN_TEST(name) {                                                                             \
        static struct peer peer;                                                                   \
        HOB_SCOPE(s);                                                                              \
        struct hob_listener *l = listening();                                                      \
        hob_spawn(s, run_peer, l, &peer);                                                          \
        CHECK_EQ(around_##name(l, &peer), 0);                                                      \
        hob_scope_cancel(s);                                                                       \
        CHECK_EQ(hob_join(s), 0);                                                                  \
        hob_listener_close(l);                                                                     \
        return 0;                                                                                  \
    }                                                                                              \
    static int body_##name(struct hob_listener *l __attribute__((unused)),                         \
                           struct peer *p __attribute__((unused)),                                 \
                           struct hob_client *c __attribute__((unused)))

static inline struct hob_client_info facts(struct hob_client *c) {
    struct hob_client_info info;
    hob_client_info(c, &info);
    return info;
}
#endif
