/* tls/connection.c - the transport that speaks TLS.
 *
 * Reading and writing share one SSL, but never a moment: no OpenSSL call waits. What a call would
 * have to wait for is kept for its direction (wants), since a write may want to read (a peer's
 * message is half there) and the other way round.
 *
 * A record that goes out in part stays in OpenSSL's buffer, encrypted; its plaintext is `pending`.
 * The writing call that made it goes on with it; if that was cancelled, the next one, or the close,
 * first sends the rest of it, so that the peer always gets whole records. (The kernel's own
 * encryption reads from the caller's memory: there, a write that was cut short ends the writing.)
 */
#include <hob/error.h>
#include <hob/spawn.h>
#include <hob/stream.h>
#include <hob/task.h>
#include <openssl/err.h>
#include <signal.h>
#include <string.h>

#include "base/memory.h"
#include "io/fail.h"
#include "task/fdwait.h"
#include "task/wait.h"
#include "tls/tls.h"

/* ---- around each call ---- */

void hob__tls_enter(struct hob__tls *t, sigset_t *before) {
    ERR_clear_error(); /* the queue is the thread's: it may hold another task's error */
    t->blocked = t->read_inside = t->ended = false;
    t->inner_error = 0;
    if (HOB__LIKELY(!t->guarded)) return;
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, before);
    errno = 0;
}

void hob__tls_leave(struct hob__tls *t, const sigset_t *before) {
    if (HOB__LIKELY(!t->guarded)) return;
    sigset_t pipe_only, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    struct timespec none = {0, 0};
    if (sigismember(&pending, SIGPIPE) && !sigismember(before, SIGPIPE))
        while (sigtimedwait(&pipe_only, NULL, &none) < 0 && errno == EINTR) {}
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static int fail_inner(const struct hob__tls *t, const char *doing) {
    if (t->done) return t->inner_error;
    return hob_fail(t->inner_error, "%s with %s: %s", doing, t->outer->peer,
                    hob_strerror(t->inner_error));
}

static int fail_end(const struct hob__tls *t, const char *doing) {
    if (t->done)
        return hob_fail(HOB_E_TLS_TRUNCATED,
                        "%s: %s ended the connection without ending TLS: what "
                        "came may not be all",
                        doing, t->outer->peer);
    return hob_fail(HOB_E_EOF, "%s with %s: it ended the connection", doing, t->outer->peer);
}

/* What Hob's own BIO would have noted. OpenSSL clears errno before each call of its socket BIO, so
 * that it is the last one's. */
static void note_socket(struct hob__tls *t, int error, int system_error) {
    unsigned long e = ERR_peek_error();
    t->blocked = system_error == EAGAIN;
    if (error == SSL_ERROR_SYSCALL && system_error != 0)
        t->inner_error = -system_error;
    else if (error == SSL_ERROR_SYSCALL ||
             (error == SSL_ERROR_SSL && ERR_GET_LIB(e) == ERR_LIB_SSL &&
              ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
        t->ended = true;
}

int hob__tls_outcome(struct hob__tls *t, int result, unsigned direction, const char *doing) {
    int system_error = errno, error = SSL_get_error(t->ssl, result);
    if (HOB__UNLIKELY(t->guarded)) note_socket(t, error, system_error);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        t->wants[direction == HOB__WRITE] = error == SSL_ERROR_WANT_READ ? HOB__READ : HOB__WRITE;
        t->again[direction == HOB__WRITE] = !t->blocked;
        return -EAGAIN;
    }
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    int rc = t->inner_error ? fail_inner(t, doing)
             : t->ended     ? fail_end(t, doing)
                            : hob__tls_fail(t, doing);
    /* A write that fails for want of a reader leaves what the peer had to say. */
    if (direction == HOB__READ || !t->inner_error) t->read_error = rc;
    t->write_error = rc;
    ERR_clear_error();
    return rc;
}

static int is_over(const struct hob__tls *t, int code) {
    return hob_fail(code, "the TLS connection with %s is over: %s", t->outer->peer,
                    hob_strerror(code));
}

/* ---- reading ---- */

static ssize_t tls_recv(struct hob_stream *s, void *buf, size_t n) {
    struct hob__tls *t = s->state;
    if (HOB__UNLIKELY(t->read_error)) return is_over(t, t->read_error);
    size_t got = 0;
    sigset_t before;
    hob__tls_enter(t, &before);
    int ok = SSL_read_ex(t->ssl, buf, n, &got);
    ssize_t rc = ok == 1 ? (ssize_t)got : hob__tls_outcome(t, ok, HOB__READ, "reading");
    hob__tls_leave(t, &before);
    return rc;
}

static bool tls_broken(struct hob_stream *s) {
    struct hob__tls *t = s->state;
    char byte;
    size_t got;
    if (t->read_error) return true;
    for (int tries = 0; tries < 16; tries++) { /* past tickets and the like */
        sigset_t before;
        hob__tls_enter(t, &before);
        int ok = SSL_peek_ex(t->ssl, &byte, 1, &got);
        int rc = ok == 1 ? 0 : hob__tls_outcome(t, ok, HOB__READ, "reading");
        hob__tls_leave(t, &before);
        if (rc != -EAGAIN) return true;
        if (!t->again[0]) return false;
    }
    return true;
}

static int tls_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    struct hob__tls *t = s->state;
    bool *again = &t->again[direction == HOB__WRITE];
    if (*again) {
        *again = false;
        return hob__io_point(direction == HOB__READ ? "recv" : "send");
    }
    return hob__stream_wait(t->inner, t->wants[direction == HOB__WRITE], flags);
}

/* ---- writing ---- */

/* A write that read may have taken what a reader waits for, or is about to wait for. */
static void tell_reader(struct hob__tls *t) {
    if (HOB__LIKELY(!t->read_inside)) return;
    t->again[0] = true;
    if (t->outer->fd) hob__wake_all(&t->outer->fd->readers, 0);
}

/* Encrypts and sends n bytes, one record. n, -EAGAIN or an error. */
static ssize_t write_record(struct hob__tls *t, const void *buf, size_t n) {
    size_t sent = 0;
    sigset_t before;
    hob__tls_enter(t, &before);
    int ok = SSL_write_ex(t->ssl, buf, n, &sent);
    ssize_t rc = ok == 1 ? (ssize_t)sent : hob__tls_outcome(t, ok, HOB__WRITE, "writing");
    hob__tls_leave(t, &before);
    /* While something else had to be sent or read first, no record was made. */
    t->pending = rc == -EAGAIN && (t->pending || !SSL_in_init(t->ssl)) ? n : 0;
    tell_reader(t);
    return rc;
}

/* Sends the rest of the record that is on its way: its plaintext's size, -EAGAIN or an error. buf
 * is only looked at by the kernel's encryption. */
static ssize_t finish_record(struct hob__tls *t, const void *buf, bool same) {
    static const char nothing[HOB__TLS_RECORD];
    if (!BIO_get_ktls_send(SSL_get_wbio(t->ssl))) return write_record(t, nothing, t->pending);
    if (same) return write_record(t, buf, t->pending);
    t->write_error = hob_fail(HOB_E_TLS,
                              "writing to %s: an earlier write was cancelled in the "
                              "middle of what the kernel encrypts",
                              t->outer->peer);
    return t->write_error;
}

/* Small pieces share a record, and so a call. */
static __attribute__((noinline)) ssize_t write_gathered(struct hob__tls *t, const struct iovec *iov,
                                                        int count, size_t max) {
    char buf[4096];
    size_t n = 0;
    if (max > sizeof buf) max = sizeof buf;
    for (int i = 0; i < count && n < max; i++) {
        size_t take = iov[i].iov_len < max - n ? iov[i].iov_len : max - n;
        if (take > 0) memcpy(buf + n, iov[i].iov_base, take);
        n += take;
    }
    ssize_t sent = write_record(t, buf, n);
    OPENSSL_cleanse(buf, n);
    return sent;
}

/* How much a record may hold: less than usual if the peer asked for that (RFC 6066, 4). */
static size_t record_limit(const struct hob__tls *t) {
    unsigned asked = SSL_SESSION_get_max_fragment_length(SSL_get0_session(t->ssl));
    return asked ? (size_t)256 << asked : HOB__TLS_RECORD;
}

static ssize_t tls_send(struct hob_stream *s, const struct iovec *iov, int count) {
    struct hob__tls *t = s->state;
    if (HOB__UNLIKELY(t->write_error)) return is_over(t, t->write_error);
    if (HOB__UNLIKELY(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN)) return -EPIPE;
    if (t->pending) {
        bool same = t->pending_by == s->write_calls;
        ssize_t sent = finish_record(t, iov[0].iov_base, same);
        if (sent < 0 || same) return sent;
    }
    t->pending_by = s->write_calls;
    size_t limit = record_limit(t), n = iov[0].iov_len;
    if (count > 1 && n < 4096 && !BIO_get_ktls_send(SSL_get_wbio(t->ssl)))
        return write_gathered(t, iov, count, limit);
    return write_record(t, iov[0].iov_base, n < limit ? n : limit);
}

/* ---- the end ---- */

/* Sends close_notify. 0, -EAGAIN: wait for HOB__WRITE before the next try; an error. */
static int tls_shutdown(struct hob_stream *s) {
    struct hob__tls *t = s->state;
    if (t->write_error) return is_over(t, t->write_error);
    if (t->pending) {
        ssize_t rc = finish_record(t, NULL, false);
        if (rc < 0) return (int)rc;
    }
    bool first = !(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN);
    if (!first && !t->notify_pending) return 0; /* asked again, it would wait for the peer's */
    if (SSL_in_init(t->ssl))
        return hob_fail(HOB_E_TLS,
                        "ending TLS with %s: in the middle of its "
                        "message",
                        t->outer->peer);
    sigset_t before;
    hob__tls_enter(t, &before);
    int ok = SSL_shutdown(t->ssl);
    int rc = ok >= 0 ? 0 : hob__tls_outcome(t, ok, HOB__WRITE, "ending TLS");
    hob__tls_leave(t, &before);
    t->notify_pending = rc == -EAGAIN;
    return rc;
}

static int shutdown_and_wait(struct hob__tls *t) {
    for (;;) {
        int rc = tls_shutdown(t->outer);
        if (rc != -EAGAIN) return rc;
        rc = tls_wait(t->outer, HOB__WRITE, HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    }
}

/* Tickets and the like that nobody has read would make the kernel reset the connection, and what
 * was sent could get lost. */
static void drop_received(struct hob__tls *t) {
    char buf[4096];
    for (int i = 0; i < 8; i++)
        if (hob__stream_recv(t->inner, buf, sizeof buf) <= 0) break;
}

void hob__tls_free(struct hob__tls *t) {
    SSL_free(t->ssl);
    hob_close(t->inner);
    hob__tls_set_unref(t->set);
    hob_tls_free(t->tls);
    hob__free(t->why);
    hob__free(t->server_name);
    hob__free(t->session_key);
    hob__free(t->text);
    hob__free(t);
}

static void tls_close(struct hob_stream *s) {
    struct hob__tls *t = s->state;
    if (t->done && !t->write_error) {
        int rc = tls_shutdown(s);
        if (rc == -EAGAIN && hob_self())
            (void)hob_within(HOB__TLS_CLOSE_SECONDS, shutdown_and_wait(t));
        drop_received(t);
    }
    /* OpenSSL forgets the session of a connection that did not end as it should. */
    if (t->done && (!t->read_error || t->read_error == HOB_E_TLS_TRUNCATED))
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    ERR_clear_error();
    hob__tls_free(t);
}

/* The record that is on its way, if it is of this writing call. */
static size_t tls_committed(struct hob_stream *s) {
    struct hob__tls *t = s->state;
    return t->pending_by == s->write_calls ? t->pending : 0;
}

static int tls_flush(struct hob_stream *s) {
    struct hob__tls *t = s->state;
    if (!t->pending) return 0;
    ssize_t rc = finish_record(t, NULL, false);
    return rc < 0 ? (int)rc : 0;
}

static void tls_abort(struct hob_stream *s) {
    struct hob__tls *t = s->state;
    struct hob_stream *inner = t->inner;
    t->inner = NULL;
    ERR_clear_error();
    hob__tls_free(t);
    hob_abort(inner);
}

const struct hob__transport hob__tls_transport = {
    .name = "tls",
    .recv = tls_recv,
    .send = tls_send,
    .wait = tls_wait,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .broken = tls_broken,
    .abort = tls_abort,
    .committed = tls_committed,
    .flush = tls_flush,
};

static int finish(struct hob__tls *t) {
    char buf[4096];
    HOB_TRY(hob_check());
    HOB_TRY(shutdown_and_wait(t));
    for (;;) {
        ssize_t got = tls_recv(t->outer, buf, sizeof buf);
        if (got == 0) return 0;
        if (got > 0)
            HOB_TRY(hob__io_point("hob_tls_finish"));
        else if (got == -EAGAIN)
            HOB_TRY(tls_wait(t->outer, HOB__READ, HOB__WAIT_PLAIN));
        else
            return (int)got;
    }
}

static void check_unused(const struct hob_stream *s, const char *func) {
    if (s->reads || s->writes)
        hob__misuse(func, "a task is in a call on the stream to %s", s->peer);
}

int hob_tls_finish(struct hob_stream *s, double seconds) {
    if (!s) return 0;
    check_unused(s, __func__);
    struct hob__tls *t = hob__tls_of(s);
    int rc = 0;
    if (t && t->done) {
        s->reads = s->writes = true; /* nobody else may begin */
        rc = hob_within(seconds > 0 ? seconds : HOB__TLS_CLOSE_SECONDS, finish(t));
        rc = hob__said(rc, "ending TLS with %s: %s", s->peer,
                       rc == -ETIMEDOUT ? "it has not ended in time" : hob_strerror(rc));
        s->reads = s->writes = false;
        if (rc < 0) t->write_error = rc; /* the time is up: nothing is waited for any more */
    }
    hob_close(s);
    return rc;
}

void hob_tls_abort(struct hob_stream *s) {
    if (!s) return;
    check_unused(s, __func__);
    struct hob__tls *t = hob__tls_of(s);
    if (t) t->read_error = t->write_error = -ECANCELED;
    hob_close(s);
}
