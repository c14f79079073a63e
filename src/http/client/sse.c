/* http/client/sse.c - a stream of server-sent events over any number of answers. */
#include <hob/error.h>
#include <hob/hob.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/client/client.h"
#include "http/client/sse.h"
#include "http/media.h"
#include "http/scan.h"
#include "task/fdwait.h"

enum { PIECE = 8192 };

/* Seconds, at least, behind an answer without an event, whatever the server says. */
static const double LEAST = 0.05;

struct hob_sse {
    struct hob_client *client; /* NULL: of an answer alone */
    char *url;
    struct hob_sse_options options;
    void *copies[3]; /* of its lists */
    struct hob_response *res;
    struct hob__events events;
    size_t at, size; /* of bytes: what has not been parsed yet */
    uint64_t again;  /* when it may be asked for again; 0 = now */
    unsigned failed; /* in a row */
    bool got;        /* an event since it was asked for last */
    int error;
    bool over;
    char bytes[PIECE];
};

/* ---- opening ---- */

static struct hob_sse *make(struct hob_sse_options options) {
    struct hob_sse *s = hob__alloc(sizeof *s);
    if (!s) return NULL;
    memset(s, 0, offsetof(struct hob_sse, bytes));
    s->options = options;
    if (s->options.retry == 0) s->options.retry = 3;
    if (s->options.max_retry == 0) s->options.max_retry = 60;
    s->events.max = options.max_event ? options.max_event : 1 << 20;
    s->events.retry_ms = -1;
    return s;
}

/* A list of pairs with its texts, in one block; headers and parameters look the same. */
static void *copy_pairs(const void *list) {
    const struct hob_header *from = list;
    size_t count = 0, size = 0;
    for (; from[count].name; count++)
        size += strlen(from[count].name) + 2 + (from[count].value ? strlen(from[count].value) : 0);
    struct hob_header *to = hob__alloc((count + 1) * sizeof *to + size);
    if (!to) return NULL;
    char *at = (char *)(to + count + 1);
    for (size_t i = 0; i < count; i++) {
        to[i] = (struct hob_header){strcpy(at, from[i].name), NULL};
        at += strlen(at) + 1;
        if (from[i].value) to[i].value = strcpy(at, from[i].value);
        if (from[i].value) at += strlen(at) + 1;
    }
    to[count] = (struct hob_header){NULL, NULL};
    return to;
}
_Static_assert(sizeof(struct hob_header) == sizeof(struct hob_param), "pairs");

/* The lists are usually made where the stream is opened, and gone behind that. */
static bool copy_lists(struct hob_sse *s) {
    struct hob_fetch_options *o = &s->options.request;
    bool ok = true;
    if (o->headers) ok = (o->headers = s->copies[0] = copy_pairs(o->headers)) != NULL;
    if (ok && o->query) ok = (o->query = s->copies[1] = copy_pairs(o->query)) != NULL;
    if (ok && o->form) ok = (o->form = s->copies[2] = copy_pairs(o->form)) != NULL;
    return ok;
}

int hob__sse_open(struct hob_sse **out, struct hob_client *client, const char *url,
                  struct hob_sse_options options) {
    struct hob_sse *s = *out = make(options);
    const char *id = options.last_id ? options.last_id : "";
    if (s) s->url = hob__strdup(url);
    if (!s || !s->url || !copy_lists(s) ||
        hob__buffer_append(&s->events.id, id, strlen(id), SIZE_MAX) < 0 ||
        hob__buffer_append(&s->events.last_id, id, strlen(id) + 1, SIZE_MAX) < 0) {
        hob_sse_close(s);
        *out = NULL;
        return hob_fail(-ENOMEM, "no memory for a stream of events");
    }
    s->events.last_id.end--;
    s->client = client;
    return 0;
}

static int check_type(const struct hob_response *res) {
    const char *type = hob_response_header(res, "content-type");
    if (type && hob__media_is(type, "text/event-stream")) return 0;
    return hob_fail(HOB_E_SSE, "%s: the answer is %.80s, and not text/event-stream",
                    hob_response_url(res), type ? type : "of no type");
}

int hob__sse_of(struct hob_sse **out, struct hob_response *res, struct hob_sse_options options) {
    *out = NULL;
    HOB_TRY(check_type(res));
    struct hob_sse *s = *out = make(options);
    if (!s) return hob_fail(-ENOMEM, "no memory for a stream of events");
    s->res = res;
    return 0;
}

void hob_sse_close(struct hob_sse *s) {
    if (!s) return;
    if (s->client) hob_response_close(s->res);
    hob__events_free(&s->events);
    for (int i = 0; i < 3; i++) hob__free(s->copies[i]);
    hob__free(s->url);
    hob__free(s);
}

const char *hob_sse_last_id(const struct hob_sse *s) {
    const struct hob__buffer *id = &s->events.last_id;
    return id->data ? hob__buffer_bytes(id) : "";
}

/* ---- asking ---- */

/* The caller's headers, and those that the stream makes. NULL without memory. */
static struct hob_header *headers(const struct hob_sse *s, const struct hob_header *own) {
    const char *id = hob_sse_last_id(s);
    size_t n = 0;
    while (own && own[n].name) n++;
    struct hob_header *all = hob__alloc((n + 4) * sizeof *all);
    if (!all) return NULL;
    if (n) memcpy(all, own, n * sizeof *all);
    all[n++] = (struct hob_header){"Accept", "text/event-stream"};
    all[n++] = (struct hob_header){"Cache-Control", "no-cache"};
    if (*id && !*hob__scan_value(id, id + strlen(id)))
        all[n++] = (struct hob_header){"Last-Event-ID", id};
    all[n] = (struct hob_header){NULL, NULL};
    return all;
}

static int judge(struct hob_sse *s, struct hob_response *res) {
    int status = hob_response_status(res);
    if (status == 204) {
        s->over = true;
        return 0;
    }
    if (status != 200)
        return hob_fail(HOB_E_HTTP_STATUS, "%s: %d %s", hob_response_url(res), status,
                        hob_http_phrase(status));
    return check_type(res);
}

static int ask(struct hob_sse *s) {
    struct hob_fetch_options request = s->options.request;
    struct hob_header *all = headers(s, request.headers);
    struct hob_response *res;
    if (!all) return hob_fail(-ENOMEM, "no memory for the headers of a request");
    request.headers = all;
    request.fail_on_status = false;
    const char *method = s->options.method ? s->options.method : "GET";
    int rc = hob__client_request(s->client, method, s->url, &res, request);
    hob__free(all);
    if (rc < 0) return rc;
    rc = judge(s, res);
    int status = hob_response_status(res);
    bool passing = status == 429 || (status >= 502 && status <= 504);
    if (rc < 0 || s->over) {
        hob_response_close(res);
        return passing ? -EAGAIN : rc;
    }
    hob__events_restart(&s->events);
    s->at = s->size = 0;
    s->got = false;
    s->res = res;
    return 0;
}

/* ---- again ---- */

/* In how many seconds: as the server says, twice as long for each failure in a row, a quarter of it
 * by chance, so that those who were cut off together do not come back together. */
static double delay(const struct hob_sse *s) {
    const struct hob_sse_options *o = &s->options;
    double base = s->events.retry_ms >= 0 ? (double)s->events.retry_ms / 1000 : o->retry;
    double seconds = base * ldexp(1, s->failed < 20 ? (int)s->failed : 20);
    if (!s->got && seconds < LEAST) seconds = LEAST;
    if (seconds > o->max_retry) seconds = o->max_retry;
    struct hob__backend *b = hob__backend_current("hob_sse_next");
    uint32_t random;
    b->ops->random(b, &random, sizeof random);
    return seconds * (0.75 + random / 17179869184.0);
}

/* The answer has ended, or there was none: rc says why; 0 = it simply ended. Is it to be asked for
 * again? 0, or the error that ends the stream. */
static int broken(struct hob_sse *s, int rc) {
    if (!s->client) {
        s->over = rc == 0;
        return rc;
    }
    hob_response_close(s->res);
    s->res = NULL;
    if (rc < 0 && rc != -EAGAIN && !hob__passing_error(rc)) return rc;
    unsigned failed = s->failed + (rc < 0);
    if (rc < 0 && s->options.tries && failed >= s->options.tries)
        return rc == -EAGAIN ? HOB_E_HTTP_STATUS : rc;
    s->again = hob_after(delay(s));
    s->failed = failed;
    return 0;
}

/* ---- events ---- */

/* An answer is there to be read, or the stream is over. */
static int come_back(struct hob_sse *s) {
    if (s->again) {
        int rc = hob_sleep_until(s->again);
        if (rc < 0) return rc;
        s->again = 0;
    }
    int rc = ask(s);
    if (rc == -ECANCELED || rc >= 0) return rc;
    return broken(s, rc);
}

static int fill(struct hob_sse *s) {
    ssize_t got = hob_response_read(s->res, s->bytes, sizeof s->bytes);
    if (got == -ECANCELED) return (int)got;
    if (got <= 0) return broken(s, (int)got);
    s->at = 0;
    s->size = (size_t)got;
    return 0;
}

static int explain(struct hob_sse *s, int rc) {
    if (rc == -ECANCELED) return rc;
    if (rc == HOB_E_LIMIT)
        hob_fail(rc, "%s: an event of more than %zu bytes",
                 s->res ? hob_response_url(s->res) : s->url, s->events.max);
    return s->error = rc;
}

int hob_sse_next(struct hob_sse *s, struct hob_sse_event *event) {
    int rc = hob_check();
    if (rc == 0) rc = s->error;
    while (rc == 0 && !s->over) {
        size_t used = 0;
        if (!s->res) {
            rc = come_back(s);
            continue;
        }
        rc = hob__events_next(&s->events, s->bytes + s->at, s->size, &used, event);
        s->at += used;
        s->size -= used;
        if (rc == 1) s->failed = 0, s->got = true;
        if (rc == 0 && s->size == 0) rc = fill(s);
    }
    return rc < 0 ? explain(s, rc) : rc;
}
