/* http/server/sse_send.c - the server's side of server-sent events: an answer that is written event
 * by event, by any task, under a lock; and a daemon that looks after it.
 *
 * The daemon sleeps until there was nothing to send for a while, or the server is asked to stop. It
 * is also the one that notices that a client is gone which the server does not watch. Whoever finds
 * that the stream is over cancels the handler's scope, so that a handler needs no look at anything
 * but what it waits for. */
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/sse.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "http/server/server.h"
#include "task/wait.h"

enum { EVENT_STORAGE = 1024 }; /* most events fit */

struct hob_sse_sender {
    struct hob_request *req;
    struct hob_scope *scope;
    struct hob_mutex lock; /* of the answer */
    double keep_alive;
    uint64_t sent; /* when something last went out */
    bool over;
};

/* ---- lines ---- */

static int put(struct hob__buffer *b, const char *text, size_t n) {
    return hob__buffer_append(b, text, n, SIZE_MAX);
}

/* "name: value", with the lock or without. */
static int put_line(struct hob__buffer *b, const char *name, const char *value, size_t n) {
    int rc = put(b, name, strlen(name));
    if (rc == 0) rc = put(b, ": ", 2);
    if (rc == 0) rc = put(b, value, n);
    return rc == 0 ? put(b, "\n", 1) : rc;
}

/* Each line of the text as one of that name; they end with LF, CR or both. */
static int put_lines(struct hob__buffer *b, const char *name, const char *text, size_t n) {
    for (;;) {
        size_t line = 0;
        while (line < n && text[line] != '\n' && text[line] != '\r') line++;
        int rc = put_line(b, name, text, line);
        if (rc < 0 || line == n) return rc;
        size_t end = line + (text[line] == '\r' && line + 1 < n && text[line + 1] == '\n' ? 2 : 1);
        text += end;
        n -= end;
    }
}

static bool one_line(const char *text) { return !text || !text[strcspn(text, "\r\n")]; }

static int put_event(struct hob__buffer *b, const struct hob_sse_event *e) {
    size_t n = e->data && !e->size ? strlen(e->data) : e->size;
    int rc = 0;
    if (e->type && *e->type && strcmp(e->type, "message") != 0)
        rc = put_line(b, "event", e->type, strlen(e->type));
    if (rc == 0 && e->id) rc = put_line(b, "id", e->id, strlen(e->id));
    if (rc == 0 && e->data) rc = put_lines(b, "data", e->data, n);
    return rc == 0 ? put(b, "\n", 1) : rc;
}

/* ---- the answer ---- */

/* With the lock: nothing more goes out; the handler is to come to its end. */
static void give_up(struct hob_sse_sender *out) {
    out->over = true;
    hob__request_blame(out->req, -ECANCELED); /* no error of the handler's, if it returns it */
    hob_scope_cancel(out->scope);
}

static int write_out(struct hob_sse_sender *out, struct hob__buffer *b) {
    HOB_TRY(hob_mutex_lock(&out->lock));
    int rc =
        out->over ? -EPIPE : hob_respond_write(out->req, hob__buffer_bytes(b), hob__buffer_size(b));
    out->sent = hob_now();
    hob_mutex_unlock(&out->lock);
    return rc;
}

static int finish(struct hob_sse_sender *out) {
    HOB_TRY(hob_mutex_lock(&out->lock));
    int rc = out->over ? -EPIPE : hob_respond_end(out->req);
    out->over = true;
    hob_mutex_unlock(&out->lock);
    return rc;
}

/* Sleeps until that long after the last event: -ETIMEDOUT; HOB_E_STOPPING. */
static int sleep_idle(const struct hob_sse_sender *out) {
    struct hob_waiter w = {0};
    HOB_SCOPE(s, .deadline = hob__deadline_at(out->sent, 0, out->keep_alive));
    return hob__scope_result(s, hob__wait_on(NULL, &w, "sse", NULL, HOB__WAIT_STOPPABLE));
}

static int look_after(struct hob_sse_sender *out) {
    int rc = 0;
    while (rc >= 0 && !out->over) {
        uint64_t sent = out->sent;
        rc = sleep_idle(out);
        if (rc != -ETIMEDOUT) break;
        rc = out->sent == sent ? hob_sse_comment(out, "") : 0;
    }
    if (hob_cancelled()) return -ECANCELED;
    if (out->over) return 0;
    if (rc == HOB_E_STOPPING) finish(out);
    hob_error_clear();
    give_up(out);
    return 0;
}
HOB_TASK(look_after, struct hob_sse_sender *)

static int begin(struct hob_sse_sender *out, const struct hob_sse_begin_options *o) {
    size_t count = 0;
    while (o->headers && o->headers[count].name) count++;
    struct hob_header *headers = hob__alloc_zero((count + 4) * sizeof *headers);
    if (!headers) return -ENOMEM;
    headers[0] = (struct hob_header){"Content-Type", "text/event-stream"};
    headers[1] = (struct hob_header){"Cache-Control", "no-store"};
    headers[2] = (struct hob_header){"X-Accel-Buffering", "no"};
    if (count) memcpy(headers + 3, o->headers, count * sizeof *headers);
    int rc = hob_respond_begin(out->req, 200, headers, -1);
    hob__free(headers);
    if (rc < 0 || out->req->head || !(o->retry > 0)) return rc;
    char text[64];
    int n = snprintf(text, sizeof text, "retry: %.0f\n\n", o->retry < 1e9 ? o->retry * 1e3 : 1e12);
    return hob_respond_write(out->req, text, (size_t)n);
}

int hob__sse_begin(struct hob_scope *s, struct hob_request *req, struct hob_sse_sender **to,
                   struct hob_sse_begin_options options) {
    *to = NULL;
    struct hob_sse_sender *out = hob__alloc_zero(sizeof *out);
    if (!out) return -ENOMEM;
    out->req = req;
    out->scope = s;
    out->keep_alive = options.keep_alive > 0 ? options.keep_alive : 15;
    int rc = hob_defer(s, hob__free, out);
    if (rc < 0) {
        hob__free(out);
        return rc;
    }
    rc = begin(out, &options);
    if (rc < 0) return rc;
    out->sent = hob_now();
    if (req->head) {
        rc = hob_respond_end(req);
        give_up(out);
    } else if (!hob_spawn_daemon(s, look_after, out)) {
        rc = hob_cancelled() ? -ECANCELED : -ENOMEM;
    }
    if (rc == 0) *to = out;
    return rc;
}

int hob__sse_send(struct hob_sse_sender *out, struct hob_sse_event event) {
    if (!one_line(event.type) || !one_line(event.id))
        return hob_fail(HOB_E_HTTP_ILLEGAL, "the type and the id of an event are one line each");
    char storage[EVENT_STORAGE];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    int rc = put_event(&b, &event);
    if (rc == 0) rc = write_out(out, &b);
    hob__buffer_free(&b);
    return rc;
}

int hob_sse_comment(struct hob_sse_sender *out, const char *text) {
    char storage[EVENT_STORAGE];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    int rc = put_lines(&b, "", text, strlen(text));
    if (rc == 0) rc = write_out(out, &b);
    hob__buffer_free(&b);
    return rc;
}

int hob_sse_end(struct hob_sse_sender *out) { return finish(out); }

const char *hob_request_last_event_id(const struct hob_request *req) {
    const char *id = hob_request_header(req, "last-event-id");
    return id ? id : "";
}
