/* http_count.h - a handler that counts what it sees, and the shortest request. */
#ifndef HOB_HTTP_COUNT_H
#define HOB_HTTP_COUNT_H
#include "http_test.h"

static struct {
    int active, most, served;
    int gather; /* /slow waits until that many have been there at once; 0 = 20 ms */
    char last[256];
} seen;

static inline int count(struct hob_request *req, void *arg) {
    (void)arg;
    if (++seen.active > seen.most) seen.most = seen.active;
    const char *body;
    size_t n;
    int rc = hob_request_body(req, &body, &n);
    if (rc == 0 && strncmp(hob_request_path(req), "/slow", 5) == 0) rc = hob_sleep(0.02);
    while (rc == 0 && seen.most < seen.gather) rc = hob_sleep(0.02);
    if (rc == 0 && strcmp(hob_request_path(req), "/hang") == 0) rc = hob_sleep(1000);
    seen.active--;
    if (rc < 0) return rc;
    seen.served++;
    snprintf(seen.last, sizeof seen.last, "%s %s auth=%s agent=%s x=%s n=%zu",
             hob_request_method(req), hob_request_target(req),
             hob_request_header(req, "authorization") ? hob_request_header(req, "authorization")
                                                      : "-",
             hob_request_header(req, "user-agent") ? hob_request_header(req, "user-agent") : "-",
             hob_request_header(req, "x-a") ? hob_request_header(req, "x-a") : "-", n);
    if (n) return hob_respond(req, 200, NULL, body, n);
    return hob_respond_text(req, 200, "text/plain", hob_request_target(req));
}

static inline int get_one(struct hob_client *c, const char *url, int *status) {
    struct hob_body body;
    int rc = hob_get(c, url, &body);
    if (status) *status = rc;
    if (rc == 200) CHECK(body.size > 0 && body.data[body.size] == 0);
    hob_body_free(&body);
    return rc < 0 ? rc : 0;
}
HOB_TASK(get_one, struct hob_client *, const char *, int *)

#endif
