/* secure.c - the commands' TLS, in builds that have it. */
#include <hob/error.h>
#include <hob/http.h>
#include <hob/tls.h>

#include "tool.h"

#if HAVE_TLS
static int make(struct hob_tls **out, struct hob_tls_options options) {
    return hob__tls_new(out, options);
}
void drop_tls(struct hob_tls *tls) { hob_tls_free(tls); }
#else
static int make(struct hob_tls **out, struct hob_tls_options options) {
    (void)out, (void)options;
    return hob_fail(HOB_E_HTTP_TLS, "%s", hob_http_strerror(HOB_E_HTTP_TLS));
}
void drop_tls(struct hob_tls *tls) { (void)tls; }
#endif

bool make_tls(const char *command, const char *cert, const char *key, const char *ca, bool insecure,
              struct hob_tls **out) {
    *out = NULL;
    if (!cert && !key && !ca && !insecure) return true;
    int rc = make(out, (struct hob_tls_options){
                           .certificate = cert, .key = key, .ca = ca, .insecure = insecure});
    if (rc < 0) fprintf(stderr, "%s: %s\n", command, hob_error()->message);
    return rc >= 0;
}
