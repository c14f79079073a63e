/* forwarded_fuzz.c - what proxies say of clients: whatever somebody writes in front of it, what the
 * last trusted proxies have appended counts the same; who is trusted, bit by bit. */
#include "fuzz.h"

#include <arpa/inet.h>

#include "http/server/forwarded.c"
#include "http/server/trust.h"

static struct hob__server server;
static struct hob__http_conn conn;

/* What one header of that name says to a server whose peer is trusted. */
static struct hob__forwarded said(const char *name, const char *value, bool rfc) {
    static char peer[] = "10.0.0.1:5000";
    static struct hob_request req;
    static struct hob__forwarded found;
    size_t n = strlen(name), m = strlen(value);
    /* The value lies before an unreadable page, the name before the value. */
    char *block = edge_string(value, m) - n - 1;
    memcpy(block, name, n + 1);
    struct hob__h1_field field = {0, (uint32_t)n, (uint32_t)n + 1, (uint32_t)m};
    memset(&req, 0, sizeof req);
    conn.client = peer;
    server.options.trusted = "10.0.0.0/8";
    server.options.forwarded = rfc;
    req.server = &server;
    req.conn = &conn;
    req.block = block;
    req.fields = &field;
    req.field_count = 1;
    found.known = false;
    req.forwarded = &found;
    return *hob__forwarded(&req);
}

static void check_text(const struct hob__forwarded *f, const char *value) {
    CHECK(strlen(f->client) < sizeof f->client && strlen(f->host) < sizeof f->host);
    CHECK(strlen(f->proto) < sizeof f->proto);
    CHECK(strstr(value, f->client) && strstr(value, f->host) && strstr(value, f->proto));
}

/* An element of a list that a proxy has appended to what came from a stranger. */
static void appended(const char *value) {
    static const char *const own[] = {"203.0.113.9", "203.0.113.9, 10.1.1.1",
                                      "203.0.113.9,10.1.1.1 , 10.2.2.2"};
    static const char *const rfc[] = {
        "for=203.0.113.9;proto=https;host=a.example",
        "for=203.0.113.9;proto=https;host=a.example, for=10.1.1.1",
        "For=\"203.0.113.9\" ; Proto=\"https\";Host=\"a.example\",for=\"10.1.1.1:80\";by=x"};
    static char all[EDGE_MAX / 2];
    for (int i = 0; i < 3; i++) {
        snprintf(all, sizeof all, "%s, %s", value, own[i]);
        struct hob__forwarded f = said("X-Forwarded-For", all, false);
        CHECK(strcmp(f.client, "203.0.113.9") == 0);
        snprintf(all, sizeof all, "%s, %s", value, rfc[i]);
        f = said("Forwarded", all, true);
        CHECK(strcmp(f.client, "203.0.113.9") == 0);
        CHECK(strcmp(f.proto, "https") == 0 && strcmp(f.host, "a.example") == 0);
    }
    snprintf(all, sizeof all, "%s,https", value);
    CHECK(strcmp(said("X-Forwarded-Proto", all, false).proto, "https") == 0);
}

/* ---- who is trusted ---- */

static bool bits_of(const char *text, uint8_t out[16], bool *v4) {
    uint8_t four[4];
    memset(out, 0, 16);
    *v4 = inet_pton(AF_INET, text, four) == 1;
    if (!*v4) return inet_pton(AF_INET6, text, out) == 1;
    out[10] = out[11] = 0xff;
    memcpy(out + 12, four, 4);
    return true;
}

/* The list's word and the address: 1, 0, or -1: the word is none. */
static int naive_word(const char *word, const char *address) {
    char copy[64];
    uint8_t net[16], host[16];
    bool v4, host_v4;
    if (strcmp(word, "*") == 0) return 1;
    if (strcmp(word, "unix") == 0) return strcmp(address, "unix:/x") == 0;
    if (strlen(word) >= sizeof copy) return -1;
    strcpy(copy, word);
    char *slash = strchr(copy, '/');
    unsigned bits = 0, most;
    if (slash) *slash++ = 0;
    if (!bits_of(copy, net, &v4)) return -1;
    most = v4 ? 32 : 128;
    if (!slash) bits = most;
    if (slash && (!*slash || strspn(slash, "0123456789") != strlen(slash))) return -1;
    for (const char *d = slash; d && *d; d++) {
        bits = bits * 10 + (unsigned)(*d - '0');
        if (bits > most) return -1;
    }
    if (v4) bits += 96;
    if (!bits_of(address, host, &host_v4)) return 0;
    for (unsigned i = 0; i < bits; i++)
        if (((net[i / 8] ^ host[i / 8]) >> (7 - i % 8)) & 1) return 0;
    return 1;
}

static void trust(const char *list) {
    static const char *const addresses[] = {"10.1.2.3",  "127.0.0.1", "::1",
                                            "fd00::1:2", "unix:/x",   "::ffff:10.1.2.3"};
    struct hob__trust t;
    int rc = hob__trust_parse(&t, list);
    CHECK(rc == 0 || rc == -EINVAL);
    for (int i = 0; i < 6; i++) {
        char copy[8192], *rest = copy, *word;
        int want = 0;
        strcpy(copy, list);
        while (want >= 0 && (word = strsep(&rest, ", \t"))) {
            int is = *word ? naive_word(word, addresses[i]) : 0;
            want = is < 0 ? -1 : want | is;
        }
        CHECK((rc < 0) == (want < 0));
        if (rc < 0) continue;
        size_t n = strlen(addresses[i]);
        CHECK(hob__trusts(&t, edge_copy(addresses[i], n), n) == want);
    }
    hob__trust_free(&t);
    CHECK(hob__trust_parse(&t, "10.0.0.0/8, fd00::/8") == 0);
    hob__trusts(&t, edge_copy(list, strlen(list)), strlen(list));
    hob__trust_free(&t);
}

FUZZ(data, n) {
    if (n > 4096) return;
    const char *text = edge_kept_string(data, n);
    if (!server.trust.networks) CHECK(hob__trust_parse(&server.trust, "10.0.0.0/8") == 0);
    struct hob__forwarded f = said("X-Forwarded-For", text, false);
    check_text(&f, text);
    f = said("Forwarded", text, true);
    check_text(&f, text);
    f = said("x-forwarded-host", text, false);
    check_text(&f, text);
    appended(text);
    trust(text);
}
