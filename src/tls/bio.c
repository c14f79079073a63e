/* tls/bio.c - what OpenSSL reads records from and writes them to: the inner transport, which never
 * waits. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>

#include "tls/tls.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

static int bio_read(BIO *bio, char *buf, size_t n, size_t *got) {
    struct hob__tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    t->read_inside = true;
    *got = 0;
    ssize_t rc = n > 0 ? hob__stream_recv(t->inner, buf, n) : 0;
    if (rc > 0) {
        size_t room = sizeof t->first - t->first_count;
        if (HOB__UNLIKELY(room > 0)) {
            size_t take = (size_t)rc < room ? (size_t)rc : room;
            memcpy(t->first + t->first_count, buf, take);
            t->first_count += (unsigned)take;
        }
        *got = (size_t)rc;
        return 1;
    }
    if (rc == -EAGAIN) {
        t->blocked = true;
        BIO_set_retry_read(bio);
        return -1; /* as a socket's: 0 would be the end */
    }
    if (rc == 0)
        t->ended = true;
    else
        t->inner_error = (int)rc;
    return 0;
}

static int bio_write(BIO *bio, const char *buf, size_t n, size_t *sent) {
    struct hob__tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *sent = 0;
    if (n == 0) return 1;
    struct iovec iov = {(void *)buf, n};
    ssize_t rc = hob__stream_send(t->inner, &iov, 1);
    if (rc > 0) {
        *sent = (size_t)rc;
        return 1;
    }
    if (rc == -EAGAIN) {
        t->blocked = true;
        BIO_set_retry_write(bio);
        return -1;
    }
    /* An alert that cannot go out is not why it was to. */
    if (ERR_peek_error() == 0) t->inner_error = rc < 0 ? (int)rc : -EPIPE;
    return 0;
}

static long bio_ctrl(BIO *bio, int command, long n, void *p) {
    const struct hob__tls *t = BIO_get_data(bio);
    (void)n;
    (void)p;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return t->ended;
    default:
        return 0;
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void make_method(void) {
    int type = BIO_get_new_index();
    method = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "hob stream");
    if (!method) return;
    BIO_meth_set_read_ex(method, bio_read);
    BIO_meth_set_write_ex(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO *hob__tls_bio_new(struct hob__tls *t) {
    pthread_once(&once, make_method);
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio) return NULL;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

/* A socket that is not connected is refused for that reason, by a kernel that knows the name. */
bool hob__tls_kernel_can(struct hob__backend *b) {
    int fd = b->ops->sys->socket(b, AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return false;
    int rc = b->ops->sys->setsockopt(b, fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls");
    b->ops->sys->close(b, fd);
    return rc == -ENOTCONN;
}
