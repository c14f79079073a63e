/* tls_pem_fuzz.c - certificates, keys and CAs as PEM: what is wrong with them is said, and nothing
 * of it is kept; the same text gives the same twice, and what stands outside of its blocks does not
 * matter. */
#include <openssl/err.h>

#include "tls/tls.h"
#include "world.h"

static char *text;

static bool expected(int rc) {
    return rc == 0 || rc == HOB_E_TLS_CERTIFICATE || rc == HOB_E_TLS_KEY;
}

/* The result, the certificate's names and how many CAs there are. */
static int load(char *pem, char *all, size_t room, int *cas) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    CHECK(ctx != NULL);
    struct hob__tls_source source = {pem, NULL, NULL};
    int rc = hob__tls_identity_load(ctx, &source), ca = hob__tls_ca_load(ctx, pem, true);
    CHECK(expected(rc) && expected(ca));
    if (rc < 0) CHECK(hob_error() && hob_error()->message[0]);
    *cas = ca < 0 ? ca : sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx)));
    CHECK(ERR_peek_error() == 0); /* nothing is left for the next call to be blamed for */
    all[0] = 0;
    if (rc == 0) {
        char **names = hob__tls_identity_names(ctx);
        CHECK(names != NULL);
        for (char **n = names; *n; n++) {
            size_t used = strlen(all);
            CHECK(snprintf(all + used, room - used, "%s;", *n) >= 0);
            for (const char *p = *n; *p; p++) CHECK(*p < 'A' || *p > 'Z');
        }
        hob__tls_names_free(names);
    }
    SSL_CTX_free(ctx);
    return rc;
}

static int scenario(void) {
    static char first[4096], second[4096], padded[3 * 8192];
    int cas = 0, again = 0;
    int rc = load(text, first, sizeof first, &cas);
    CHECK(load(text, second, sizeof second, &again) == rc);
    CHECK(cas == again && strcmp(first, second) == 0);
    if (rc < 0) return 0;
    snprintf(padded, sizeof padded, "some words\n%s\nmore words\n", text);
    CHECK(load(padded, second, sizeof second, &again) == rc);
    CHECK(cas == again && strcmp(first, second) == 0);
    return 0;
}
HOB_TASK(scenario)

FUZZ(data, n) {
    if (n > 8000) return;
    text = edge_kept_string(data, n);
    if (!strstr(text, "-----BEGIN ")) return; /* the name of a file */
    CHECK(world_run(scenario) == 0);
}
