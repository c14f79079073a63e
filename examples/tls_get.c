/* tls_get - a page over HTTPS, by hand: what a TLS stream is, and what its errors say.
 *
 *   tls_get example.org:443 [/path [CA-FILE [NAME]]]
 *
 * `open_connection(host, 443, ssl=create_default_context())` is hob_tls_new() once, and
 * hob_tls_connect(). The certificate is verified against the system's CAs (or CA-FILE), its name
 * against the address (or NAME). hob_get() of hob/http.h is the comfortable way. */
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/tls.h>
#include <stdio.h>

static int get(struct hob_stream *s, const char *host, const char *path) {
    char buffer[8192];
    int n = snprintf(buffer, sizeof buffer, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
    HOB_TRY(hob_write(s, buffer, (size_t)n));
    for (;;) {
        ssize_t got = HOB_TRY(hob_read(s, buffer, sizeof buffer));
        if (got == 0) return 0; /* all of it: HOB_E_TLS_TRUNCATED if it was cut off */
        fwrite(buffer, 1, (size_t)got, stdout);
    }
}

static void free_tls(void *tls) { hob_tls_free((struct hob_tls *)tls); }

static int app(int argc, char **argv) {
    if (argc < 2 || argc > 5)
        return hob_fail(-EINVAL, "tls_get HOST:PORT [/PATH [CA-FILE [NAME]]]");
    struct hob_tls *tls;
    struct hob_stream *s;
    struct hob_tls_info info;
    HOB_TRY(hob_tls_new(&tls, .ca = argc > 3 ? argv[3] : NULL));
    HOB_DEFER(free_tls, tls);
    HOB_TRY(hob_within(
        20.0, hob_tls_connect(argv[1], tls, &s, .server_name = argc > 4 ? argv[4] : NULL)));
    hob_tls_info(s, &info);
    printf("%s, %s, %s, issued by %s\n\n", info.version, info.cipher, info.subject, info.issuer);
    int rc = get(s, argv[1], argc > 2 ? argv[2] : "/");
    hob_close(s);
    return rc;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
