/* address_fuzz.c - addresses as text: what parses is written and parsed again as the same; what the
 * text says of host and port is what a naive reader sees. */
#include <arpa/inet.h>
#include <hob/error.h>

#include "fuzz.h"
#include "io/address.h"

static void round_trip(const struct hob_address *a) {
    struct hob_address again;
    char whole[HOB_ADDRESS_TEXT], host[HOB_ADDRESS_TEXT];
    CHECK(hob_address_size(a) > 0);
    hob_address_format(a, whole, sizeof whole);
    CHECK(strlen(whole) < sizeof whole - 1);
    CHECK(hob_address_parse(edge_string(whole, sizeof whole), &again) == 0);
    CHECK(hob_address_equal(a, &again));
    hob_address_format_host(a, host, sizeof host);
    CHECK(hob_address_parse_host(edge_string(host, sizeof host), hob_address_port(a), &again) == 0);
    CHECK(hob_address_equal(a, &again));
    for (size_t n = 1; n < 12; n++) { /* cut, and ended */
        char *small = edge_room(n);
        hob_address_format(a, small, n);
        CHECK(strlen(small) < n && strncmp(small, whole, n - 1) == 0);
    }
}

/* "[host]:port" or "host:port": where they begin; the port, or -1. */
static int split(const char *text, const char **host, size_t *size) {
    const char *colon = strrchr(text, ':');
    if (!colon) return -1;
    *host = text + (*text == '[');
    *size = (size_t)(colon - *host);
    if (*text == '[' && (colon == text || colon[-1] != ']')) return -1;
    if (*text == '[')
        (*size)--;
    else if (memchr(text, ':', (size_t)(colon - text)))
        return -1;
    size_t digits = strlen(colon + 1);
    if (*size > 255 || digits == 0 || strspn(colon + 1, "0123456789") != digits) return -1;
    while (digits > 5 && colon[1] == '0') colon++, digits--;
    return digits > 5 || atoi(colon + 1) > 65535 ? -1 : atoi(colon + 1);
}

static void endpoint(const char *text) {
    struct hob__endpoint e;
    const char *host = text;
    size_t size = 0;
    int rc = hob__endpoint_parse(text, &e), port = -1;
    hob_error_clear();
    CHECK(rc == 0 || rc == HOB_E_ADDRESS);
    if (strncmp(text, "unix:", 5) == 0) {
        CHECK((rc == 0) == (text[5] && strlen(text + 5) < 108));
        if (rc < 0) return;
        char back[HOB__ADDRESS_TEXT];
        CHECK(e.is_unix && e.unix_address.size <= sizeof(struct sockaddr_un));
        hob__address_format((const struct sockaddr *)&e.unix_address.addr, e.unix_address.size,
                            back, sizeof back);
        CHECK(strcmp(back, text) == 0);
        return;
    }
    port = split(text, &host, &size);
    /* Behind a '%' stands an interface of this machine: a naive reader cannot know which there are.
     */
    char scoped[256] = "";
    if (port >= 0 && memchr(host, '%', size)) memcpy(scoped, host, size);
    struct hob_address zone;
    if (*scoped && hob_address_parse_host(edge_string(scoped, size), 0, &zone) < 0) port = -1;
    hob_error_clear();
    CHECK((rc == 0) == (port >= 0));
    if (rc == 0) CHECK(e.port == port && strlen(e.host) == size && memcmp(e.host, host, size) == 0);
    struct hob_address a;
    int parsed = hob_address_parse(text, &a);
    hob_error_clear();
    if (parsed == 0) {
        CHECK(rc == 0 && hob_address_port(&a) == port);
        round_trip(&a);
    }
}

static void host(const char *text) {
    struct hob_address a;
    int rc = hob_address_parse_host(text, 7, &a);
    CHECK(rc == 0 || rc == HOB_E_ADDRESS);
    unsigned char bytes[16];
    bool v4 = inet_pton(AF_INET, text, bytes) == 1, v6 = inet_pton(AF_INET6, text, bytes) == 1;
    if (v4 || v6) CHECK(rc == 0 && a.ip.any.sa_family == (v4 ? AF_INET : AF_INET6));
    if (rc == 0) CHECK(v4 || v6 || strchr(text, '%'));
    if (rc == 0) round_trip(&a);
}

/* What a kernel or a peer may fill in. */
static void from_system(const uint8_t *data, size_t n) {
    struct hob_address a;
    struct sockaddr_storage raw = {0};
    memcpy(&raw, data, n < sizeof raw ? n : sizeof raw);
    raw.ss_family = n % 3 == 0 ? AF_INET : n % 3 == 1 ? AF_INET6 : raw.ss_family;
    size_t size = n < sizeof raw ? n : sizeof raw;
    if (size < sizeof raw.ss_family) return;
    void *at = edge_copy(&raw, (size + 7) & ~(size_t)7);
    int rc = hob_address_from(at, (socklen_t)size, &a);
    if (rc == 0) round_trip(&a);
}

FUZZ(data, n) {
    if (n > 1000) return;
    const char *text = edge_kept_string(data, n);
    endpoint(text);
    host(text);
    from_system(data, n);
}
