/* tls_http_cancel_test.c - the requests of http_cancel.h over TLS, each in a loop (hob_run) of its
 * own. */
#include "tls_test.h"

static struct identity ca, site;
static struct hob_tls *server_tls, *client_tls;

#define CANCEL_SERVER .tls = server_tls
#define CANCEL_CLIENT .stall_timeout = 20, .tls = client_tls
#define CANCEL_SCHEME "https"

static void cancel_begin(void) {
    ca = IDENTITY(.cn = "test CA", .ca = true);
    site = IDENTITY(.names = "IP:127.0.0.1", .issuer = &ca);
    CHECK_EQ(hob_tls_new(&server_tls, .certificate = site.cert, .key = site.key), 0);
    CHECK_EQ(hob_tls_new(&client_tls, .ca = ca.cert), 0);
}

static void cancel_end(void) {
    hob_tls_free(client_tls);
    hob_tls_free(server_tls);
    drop_identity(&site);
    drop_identity(&ca);
}

#include "http_cancel.h"

TEST_MAIN()
