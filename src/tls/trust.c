/* tls/trust.c - the system's CAs. Reading them takes tens of milliseconds, so that is done once for
 * all contexts of the process, at the first need, by a worker thread. The last context that uses
 * them frees them. */
#include <hob/error.h>
#include <openssl/err.h>

#include "base/memory.h"
#include "task/fdwait.h"
#include "tls/tls.h"

struct hob__tls_trust {
    unsigned refs; /* under the lock */
    X509_STORE *store;
    pthread_mutex_t loading;
    _Atomic bool loaded;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hob__tls_trust *current; /* not counted */

static struct hob__tls_trust *trust_new(void) {
    struct hob__tls_trust *trust = hob__alloc_zero(sizeof *trust);
    if (!trust) return NULL;
    trust->store = X509_STORE_new();
    if (!trust->store) {
        ERR_clear_error();
        hob__free(trust);
        return NULL;
    }
    pthread_mutex_init(&trust->loading, NULL);
    return trust;
}

struct hob__tls_trust *hob__tls_trust_get(void) {
    pthread_mutex_lock(&lock);
    if (!current) current = trust_new();
    struct hob__tls_trust *trust = current;
    if (trust) trust->refs++;
    pthread_mutex_unlock(&lock);
    return trust;
}

void hob__tls_trust_unref(struct hob__tls_trust *trust) {
    if (!trust) return;
    pthread_mutex_lock(&lock);
    bool last = --trust->refs == 0;
    if (last && current == trust) current = NULL;
    pthread_mutex_unlock(&lock);
    if (!last) return;
    X509_STORE_free(trust->store);
    pthread_mutex_destroy(&trust->loading);
    hob__free(trust);
}

void hob__tls_trust_renew(void) {
    pthread_mutex_lock(&lock);
    current = NULL;
    pthread_mutex_unlock(&lock);
}

X509_STORE *hob__tls_trust_store(const struct hob__tls_trust *trust) { return trust->store; }

static int load(struct hob__op *op) {
    struct hob__tls_trust *trust = *(struct hob__tls_trust *const *)op->iov->iov_base;
    int rc = 0;
    pthread_mutex_lock(&trust->loading);
    if (!atomic_load(&trust->loaded)) {
        if (X509_STORE_set_default_paths(trust->store) != 1) rc = -ENOMEM;
        if (rc == 0) atomic_store(&trust->loaded, true);
        ERR_clear_error();
    }
    pthread_mutex_unlock(&trust->loading);
    return rc;
}

int hob__tls_trust_load(struct hob__tls_trust *trust) {
    if (!trust || atomic_load(&trust->loaded)) return 0;
    struct iovec arg = {&trust, sizeof trust};
    struct hob__op op = {.code = HOB__OP_WORK, .work = load, .iov = &arg, .fd = -1};
    int rc = (int)hob__op_run(&op, "the system's CAs");
    if (rc >= 0 || rc == -ENOMEM) return rc;
    return hob_fail(rc, "TLS: cannot read the system's CAs: %s", hob_strerror(rc));
}
