/* proxy_header_fuzz.c - the PROXY protocol's two versions: what is accepted is what a strict
 * reading of haproxy's proxy-protocol.txt accepts, cut in any way; not a byte behind the header is
 * taken. */
#include "world.h"

#include <arpa/inet.h>

#include <hob/http.h>

#include "http/server/trust.h"

static struct world_source source;

struct seen {
    int rc;
    char client[HOB__CLIENT_TEXT];
    size_t left;
};
static struct seen seen;

static int scenario(void) {
    memset(&seen, 0, sizeof seen);
    struct hob_stream *s = source_open(&source);
    seen.rc = hob__proxy_header(s, seen.client);
    char rest[16];
    size_t behind = 0;
    for (ssize_t n; (n = hob_read(s, rest, sizeof rest)) > 0;) behind += (size_t)n;
    seen.left = behind;
    hob_close(s);
    return 0;
}
HOB_TASK(scenario)

static struct seen header(const uint8_t *data, size_t n, uint32_t cut) {
    source = (struct world_source){.at = data, .left = n, .cut = cut, .most = 5};
    CHECK(world_run(scenario) == 0);
    return seen;
}

/* ---- a second reading: 1, 0, -1 as hob__proxy_header(), and the header's size ---- */

/* The next word behind exactly one space. */
static bool word(const char **p, const char *end, char *out, size_t room) {
    if (*p == end || **p != ' ') return false;
    const char *from = ++*p;
    while (*p < end && **p != ' ') ++*p;
    size_t n = (size_t)(*p - from);
    if (n == 0 || n >= room || memchr(from, 0, n)) return false;
    memcpy(out, from, n);
    out[n] = 0;
    return true;
}

static bool port(const char *text, unsigned *out) {
    size_t n = strlen(text);
    if (n == 0 || n > 5 || strspn(text, "0123456789") != n || (n > 1 && *text == '0')) return false;
    *out = (unsigned)atoi(text);
    return *out <= 65535;
}

static int version_1(const char *at, size_t n, char *client, size_t *size) {
    char family[8], from[64], to[64], ports[2][8], normal[64];
    uint8_t bytes[16];
    unsigned source_port, target_port;
    const char *end = memmem(at, n < 107 ? n : 107, "\n", 1);
    if (!end || end == at || end[-1] != '\r') return -1;
    *size = (size_t)(end + 1 - at);
    end--;
    if (memchr(at, 0, (size_t)(end - at))) return -1;
    const char *p = at + 5;
    if (!word(&p, end, family, sizeof family)) return -1;
    if (strcmp(family, "UNKNOWN") == 0) return 0;
    int kind = strcmp(family, "TCP4") == 0 ? AF_INET : strcmp(family, "TCP6") == 0 ? AF_INET6 : 0;
    if (!kind || !word(&p, end, from, sizeof from) || !word(&p, end, to, sizeof to) ||
        !word(&p, end, ports[0], sizeof ports[0]) || !word(&p, end, ports[1], sizeof ports[1]) ||
        p != end || !port(ports[0], &source_port) || !port(ports[1], &target_port) ||
        inet_pton(kind, to, bytes) != 1 || inet_pton(kind, from, bytes) != 1)
        return -1;
    inet_ntop(kind, bytes, normal, sizeof normal);
    sprintf(client, kind == AF_INET ? "%s:%u" : "[%s]:%u", normal, source_port);
    return 1;
}

static int version_2(const uint8_t *h, size_t n, char *client, size_t *size) {
    if (n < 16 || h[12] >> 4 != 2 || (h[12] & 15) > 1) return -1;
    size_t length = (size_t)h[14] << 8 | h[15];
    *size = 16 + length;
    if (length > 2048 || n < *size) return -1;
    if ((h[12] & 15) == 0) return 0;
    bool six = h[13] == 0x21;
    if (h[13] != 0x11 && !six) return 0;
    if (length < (six ? 36 : 12)) return -1;
    char text[64];
    const uint8_t *ports = h + 16 + (six ? 32 : 8);
    inet_ntop(six ? AF_INET6 : AF_INET, h + 16, text, sizeof text);
    sprintf(client, six ? "[%s]:%u" : "%s:%u", text, ports[0] << 8 | ports[1]);
    return 1;
}

static int model(const uint8_t *data, size_t n, char *client, size_t *size) {
    if (n >= 12 && memcmp(data, "\r\n\r\n\0\r\nQUIT\n", 12) == 0)
        return version_2(data, n, client, size);
    if (n >= 12 && memcmp(data, "PROXY ", 6) == 0)
        return version_1((const char *)data, n, client, size);
    return -1;
}

/* How it is cut, then the bytes. */
FUZZ(data, n) {
    if (n < 1 || n > 4096) return;
    const uint8_t *at = (const uint8_t *)edge_kept(data + 1, n - 1);
    char client[HOB__CLIENT_TEXT] = "";
    size_t size = 0;
    struct seen whole = header(at, n - 1, 0), pieces = header(at, n - 1, data[0] | 0x100u);
    int want = model(at, n - 1, client, &size);
    CHECK(whole.rc == pieces.rc && strcmp(whole.client, pieces.client) == 0);
    CHECK(whole.rc == want || (want < 0 && whole.rc == HOB_E_HTTP_PROXY));
    if (want < 0) return;
    CHECK(whole.left == n - 1 - size && pieces.left == whole.left);
    if (want > 0) CHECK(strcmp(whole.client, client) == 0);
}
