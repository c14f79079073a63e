/* tls_names_fuzz.c - the certificate for a name, and the protocol that both sides know: as two
 * loops over all of them find it; and the sessions that a client keeps, as a list of the latest. */
#include "tls/tls.h"
#include "world.h"

enum { IDENTITIES = 4, NAMES = 4 };

/* ---- SNI ---- */

static bool matches(const char *own, const char *name, bool wild) {
    if (!wild) return strcmp(own, name) == 0;
    const char *dot = strchr(name, '.');
    return strncmp(own, "*.", 2) == 0 && dot && dot > name && strcmp(own + 1, dot) == 0;
}

static void choose(struct fuzz_input *in) {
    static char texts[IDENTITIES][NAMES][64];
    char *names[IDENTITIES][NAMES + 1] = {{NULL}}, lower[300];
    struct hob__tls_set *set = calloc(1, sizeof *set + IDENTITIES * sizeof set->identities[0]);
    struct hob__tls_identity *want = NULL;
    CHECK(set != NULL);
    set->count = fuzz_byte(in) % (IDENTITIES + 1);
    for (size_t i = 0; i < set->count; i++) {
        size_t n = fuzz_byte(in) % (NAMES + 1);
        for (size_t k = 0; k < n; k++) {
            strcpy(texts[i][k], fuzz_string(in, 63));
            for (char *p = texts[i][k]; *p; p++)
                if (*p >= 'A' && *p <= 'Z') *p |= 0x20;
            names[i][k] = texts[i][k];
        }
        set->identities[i].names = names[i];
    }
    char *name = fuzz_string(in, 255);
    size_t n = strlen(name);
    memcpy(lower, name, n + 1);
    for (char *p = lower; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p |= 0x20;
    if (n > 0 && lower[n - 1] == '.') lower[--n] = 0;
    for (int wild = 0; wild < 2 && n > 0 && n < 256; wild++)
        for (size_t i = 0; i < set->count; i++)
            for (int k = 0; !want && names[i][k]; k++)
                if (matches(names[i][k], lower, wild)) want = &set->identities[i];
    CHECK(hob__tls_choose(set, name) == want);
    free(set);
}

/* ---- ALPN ---- */

static SSL *ssl;

static void agree(const char *own, const unsigned char *theirs, unsigned size) {
    struct hob__tls t = {0};
    int rc = hob__tls_alpn_parse(own, &t.alpn);
    hob_error_clear();
    size_t n = strlen(own), commas = 0;
    bool empty = n > 0 && (own[0] == ',' || own[n - 1] == ',' || strstr(own, ",,"));
    for (const char *p = own; *p; p++) commas += *p == ',';
    CHECK(rc == (empty || n + 1 > 255 ? -EINVAL : 0) || (n == 0 && rc == 0));
    if (rc < 0) return;
    CHECK(t.alpn.size == (n ? n + 1 : 0));
    SSL_set_app_data(ssl, &t);
    const unsigned char *out = NULL;
    unsigned char out_size = 0;
    rc = hob__tls_alpn_choose(ssl, &out, &out_size, theirs, size, NULL);
    if (n == 0) {
        CHECK(rc == SSL_TLSEXT_ERR_NOACK);
        return;
    }
    /* The first of ours that they have. */
    const char *word = own, *want = NULL;
    for (size_t i = 0; i <= commas && !want; i++) {
        size_t length = strcspn(word, ",");
        for (unsigned at = 0; at < size && !want; at += 1u + theirs[at])
            if (at + 1 + theirs[at] <= size && theirs[at] == length &&
                memcmp(theirs + at + 1, word, length) == 0)
                want = word;
        word += length + 1;
    }
    CHECK(rc == (want ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL));
    if (want) CHECK(out_size == strcspn(want, ",") && memcmp(out, want, out_size) == 0);
}

/* ---- sessions ---- */

enum { KEYS = 5, MOST = 7 };
struct kept {
    SSL_SESSION *session;
    int key;
    bool once, expired;
};
static struct kept kept[64]; /* the latest last */
static int kept_count;

static void drop(int i) {
    memmove(&kept[i], &kept[i + 1], sizeof *kept * (size_t)(kept_count - i - 1));
    kept_count--;
}

static void keep(struct hob_tls *tls, int key, bool once, bool expired) {
    char text[8];
    snprintf(text, sizeof text, "k%d", key);
    SSL_SESSION *s = SSL_SESSION_new();
    CHECK(s && SSL_SESSION_set1_id(s, (const unsigned char *)"id", 2));
    CHECK(SSL_SESSION_set_protocol_version(s, once ? TLS1_3_VERSION : TLS1_2_VERSION));
    SSL_SESSION_set_timeout(s, expired ? 0 : 7200);
    struct hob__tls t = {.tls = tls, .session_key = text};
    SSL_set_app_data(ssl, &t);
    CHECK(hob__tls_session_new(ssl, s) == 1);
    int of_key = 0, oldest = -1;
    for (int i = kept_count; i-- > 0;)
        if (kept[i].key == key) of_key++, oldest = i;
    if (of_key == HOB__TLS_PER_SERVER) drop(oldest);
    while (kept_count >= MOST) drop(0);
    kept[kept_count++] = (struct kept){s, key, once, expired};
}

static void resume(struct hob_tls *tls, int key) {
    char text[8];
    snprintf(text, sizeof text, "k%d", key);
    SSL_SESSION *got = hob__tls_session_find(tls, text), *want = NULL;
    for (int i = kept_count; i-- > 0 && !want;) {
        if (kept[i].key != key) continue;
        if (!kept[i].expired) want = kept[i].session;
        if (kept[i].expired || kept[i].once) drop(i);
    }
    CHECK(got == want);
    SSL_SESSION_free(got);
}

static struct fuzz_input *input;

static int sessions(void) {
    struct fuzz_input *in = input;
    struct hob_tls tls = {.options.max_sessions = MOST};
    hob__list_init(&tls.sessions);
    pthread_mutex_init(&tls.lock, NULL);
    kept_count = 0;
    for (int i = 0; i < 64 && in->left > 0; i++) {
        unsigned op = fuzz_byte(in);
        if (op & 1)
            keep(&tls, op / 8 % KEYS, op & 2, op & 4);
        else
            resume(&tls, op / 8 % KEYS);
        CHECK(tls.session_count == (size_t)kept_count);
        int at = kept_count;
        for (struct hob_list *n = tls.sessions.next; n != &tls.sessions; n = n->next)
            CHECK(hob__container(n, struct hob__tls_session, node)->session == kept[--at].session);
        CHECK(at == 0);
    }
    hob__tls_sessions_clear(&tls);
    CHECK(tls.session_count == 0);
    return 0;
}
HOB_TASK(sessions) /* what has expired is told by the loop's calendar */

FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    if (!ssl) ssl = SSL_new(SSL_CTX_new(TLS_method()));
    CHECK(ssl != NULL);
    if (n > 2000) return;
    choose(&in);
    char *own = fuzz_string(&in, 255);
    size_t size;
    const uint8_t *theirs = fuzz_bytes(&in, 255, &size);
    agree(own, (const unsigned char *)edge_copy(theirs, size), (unsigned)size);
    input = &in;
    CHECK(world_run(sessions) == 0);
}
