/* tls/session.c - the sessions that a client keeps, so that the next handshake with the same server
 * is a short one. The latest come first; a list of some hundreds is walked faster than a handshake
 * takes. A TLS 1.3 ticket serves once (RFC 8446, C.4), a TLS 1.2 session again and again. */
#include <string.h>

#include "base/memory.h"
#include "task/fdwait.h"
#include "tls/tls.h"

/* In seconds. The backend's, since OpenSSL's own may be another one. */
static int64_t now(void) {
    struct hob__backend *b = hob__backend_current("hob_tls_start");
    return b->ops->wall(b);
}

static void session_free(struct hob_tls *tls, struct hob__tls_session *s) {
    hob__list_remove(&s->node);
    tls->session_count--;
    SSL_SESSION_free(s->session);
    hob__free(s);
}

/* Drops what goes beyond the bounds: of this server, then of all. */
static void make_room(struct hob_tls *tls, const char *key) {
    struct hob__tls_session *last = NULL;
    int of_key = 0;
    for (struct hob_list *n = tls->sessions.next; n != &tls->sessions; n = n->next) {
        struct hob__tls_session *s = hob__container(n, struct hob__tls_session, node);
        if (strcmp(s->key, key) != 0) continue;
        last = s;
        of_key++;
    }
    if (of_key >= HOB__TLS_PER_SERVER) session_free(tls, last);
    while (tls->session_count >= tls->options.max_sessions)
        session_free(tls, hob__container(tls->sessions.prev, struct hob__tls_session, node));
}

int hob__tls_session_new(SSL *ssl, SSL_SESSION *session) {
    struct hob__tls *t = SSL_get_app_data(ssl);
    if (t->server || !t->session_key || !SSL_SESSION_is_resumable(session)) return 0;
    size_t n = strlen(t->session_key) + 1;
    struct hob__tls_session *s = hob__alloc(sizeof *s + n);
    if (!s) return 0; /* without memory the next handshake is a long one */
    memcpy(s->key, t->session_key, n);
    s->session = session;
    s->got = now();
    struct hob_tls *tls = t->tls;
    pthread_mutex_lock(&tls->lock);
    make_room(tls, s->key);
    s->node.next = tls->sessions.next;
    s->node.prev = &tls->sessions;
    s->node.next->prev = s->node.prev->next = &s->node;
    tls->session_count++;
    pthread_mutex_unlock(&tls->lock);
    return 1; /* the reference is ours */
}

SSL_SESSION *hob__tls_session_find(struct hob_tls *tls, const char *key) {
    SSL_SESSION *found = NULL;
    int64_t today = now();
    pthread_mutex_lock(&tls->lock);
    for (struct hob_list *n = tls->sessions.next, *next; n != &tls->sessions && !found; n = next) {
        struct hob__tls_session *s = hob__container(n, struct hob__tls_session, node);
        next = n->next;
        if (strcmp(s->key, key) != 0) continue;
        bool good = SSL_SESSION_is_resumable(s->session) &&
                    today < s->got + (int64_t)SSL_SESSION_get_timeout(s->session);
        if (good) {
            SSL_SESSION_up_ref(s->session);
            found = s->session;
        }
        if (!good || SSL_SESSION_get_protocol_version(s->session) >= TLS1_3_VERSION)
            session_free(tls, s);
    }
    pthread_mutex_unlock(&tls->lock);
    return found;
}

void hob__tls_sessions_clear(struct hob_tls *tls) {
    pthread_mutex_lock(&tls->lock);
    while (!hob__list_empty(&tls->sessions))
        session_free(tls, hob__container(tls->sessions.next, struct hob__tls_session, node));
    pthread_mutex_unlock(&tls->lock);
}
