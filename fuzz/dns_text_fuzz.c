/* dns_text_fuzz.c - what the resolver reads as text: the options of resolv.conf, lists of servers,
 * host names, the names of the reverse zones. */
#include "fuzz.h"
/* Their private functions are what is called here; of their names two are in both. */
#include "io/dns/dns.c"
#define failed ares_failed
#define parse ares_parse
#include "io/dns/ares.c"
#undef failed
#undef parse
#define answer system_answer
#include "io/dns/system.c"

/* ---- resolv.conf ---- */

#ifdef HAVE_CARES
/* The last number of "word:number" among the words of the line. */
static void option(const char *line, size_t n, const char *word, long most, long unit, int *value) {
    size_t length = strlen(word);
    for (size_t at = 0; at < n;) {
        size_t end = at;
        while (end < n && line[end] != ' ' && line[end] != '\t') end++;
        if (end - at > length && memcmp(line + at, word, length) == 0) {
            long number = strtol(strndupa(line + at + length, end - at - length), NULL, 10);
            if (number > 0) *value = (int)((number < most ? number : most) * unit);
        }
        at = end + 1;
    }
}

static void resolv_conf(const char *text) {
    static char path[64];
    static int fd = -1;
    if (fd < 0) fd = memfd_create("resolv", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    size_t n = strlen(text);
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, text, n, 0) == (ssize_t)n);
    struct ares_options got = {.timeout = 2000, .tries = 3}, want = got;
    read_conf(path, &got);
    for (const char *line = text; *line;) {
        size_t size = strcspn(line, "\n");
        if (size > 7 && memcmp(line, "options", 7) == 0 && (line[7] == ' ' || line[7] == '\t')) {
            option(line + 8, size - 8, "timeout:", 30, 1000, &want.timeout);
            option(line + 8, size - 8, "attempts:", 5, 1, &want.tries);
        }
        line += size + (line[size] == '\n');
    }
    CHECK(got.timeout == want.timeout && got.tries == want.tries);
    CHECK(got.timeout >= 1000 && got.timeout <= 30000 && got.tries >= 1 && got.tries <= 5);
    struct ares_options env = {.timeout = 2000, .tries = 3}; /* RES_OPTIONS */
    read_options(text, &env);
    CHECK(env.timeout >= 1000 && env.timeout <= 30000 && env.tries >= 1 && env.tries <= 5);
}
#else
static void resolv_conf(const char *text) { (void)text; }
#endif

/* ---- servers, names ---- */

static void servers(const char *text) {
    int rc = check_servers(text);
    hob_error_clear();
    CHECK(rc == 0 || rc == -EINVAL);
    if (rc < 0) return;
    char *copy = edge_string(text, strlen(text));
    tidy_servers(copy);
    CHECK(!strchr(copy, ' '));
#ifdef HAVE_CARES
    /* What is taken here, c-ares takes. */
    static ares_channel channel;
    if (!channel) {
        struct ares_options o = {.lookups = (char[]){"b"}};
        CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
        CHECK(ares_init_options(&channel, &o, ARES_OPT_LOOKUPS) == ARES_SUCCESS);
    }
    CHECK(ares_set_servers_ports_csv(channel, copy) == ARES_SUCCESS);
#endif
}

static bool good_name(const char *text) {
    size_t n = strlen(text), label = 0;
    if (n == 0 || n > HOB__DNS_NAME - 2) return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '.' && label == 0) return false;
        label = text[i] == '.' ? 0 : label + 1;
        if (label > 63 || !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.",
                                  text[i]))
            return false;
    }
    return true;
}

static void name(const char *text) {
    char *lower = edge_room(HOB__DNS_NAME);
    int rc = check_name(text, lower);
    hob_error_clear();
    CHECK((rc == 0) == good_name(text) && (rc == 0 || rc == HOB_E_NAME));
    if (rc == 0) CHECK(strcasecmp(text, lower) == 0);
    size_t n = strlen(text) - (*text && text[strlen(text) - 1] == '.');
    bool local =
        n >= 9 && strncasecmp(text + n - 9, "localhost", 9) == 0 && (n == 9 || text[n - 10] == '.');
    CHECK(hob__dns_is_localhost(text) == local);
}

/* ---- an address, to the name in its reverse zone and back ---- */

static void reverse(const uint8_t *bytes) {
    for (int v6 = 0; v6 < 2; v6++) {
        struct hob_address a = {0}, back = {0};
        char *text = edge_room(HOB__DNS_NAME);
        a.ip.any.sa_family = v6 ? AF_INET6 : AF_INET;
        memcpy(v6 ? (void *)&a.ip.v6.sin6_addr : (void *)&a.ip.v4.sin_addr, bytes, v6 ? 16 : 4);
        arpa_name(&a, text);
        from_arpa(text, &back);
        if (v6 && IN6_IS_ADDR_V4MAPPED(&a.ip.v6.sin6_addr))
            CHECK(memcmp(&back.ip.v4.sin_addr, bytes + 12, 4) == 0);
        else
            CHECK(hob_address_equal(&a, &back));
    }
}

FUZZ(data, n) {
    if (n > 2000) return;
    char *text = edge_kept_string(data, n);
    resolv_conf(text);
    servers(text);
    name(text);
    uint8_t bytes[16] = {0};
    memcpy(bytes, data, n < 16 ? n : 16);
    reverse(bytes);
}
