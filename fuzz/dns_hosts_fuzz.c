/* dns_hosts_fuzz.c - /etc/hosts: names and addresses are found as somebody finds them who goes
 * through the file line by line each time. */
#include "fuzz.h"
#include "io/dns/hosts.c"

#include <unistd.h>

static char path[64];
static int fd = -1;

static void write_file(const uint8_t *data, size_t n) {
    if (fd < 0) {
        fd = memfd_create("hosts", MFD_CLOEXEC);
        CHECK(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, data, n, 0) == (ssize_t)n);
}

/* ---- line by line ---- */

enum { WORDS = 64 };
struct line {
    char text[4096];
    char *words[WORDS];
    int count;
    struct hob_address address;
};

/* The line at *at: false at the end of the file. count is 0 when it says nothing. A byte 0 ends the
 * word it is in, but not the line. */
static bool next_line(const char *file, size_t n, size_t *at, struct line *l) {
    if (*at >= n) return false;
    size_t size = 0;
    while (*at + size < n && file[*at + size] != '\n') size++;
    CHECK(size < sizeof l->text);
    memcpy(l->text, file + *at, size);
    l->text[size] = 0;
    *at += size + 1;
    l->count = 0;
    for (size_t i = 0; i < size;) {
        while (i < size && memchr(" \t\r", l->text[i], 3)) i++;
        if (i == size || l->text[i] == '#') break;
        CHECK(l->count < WORDS);
        l->words[l->count++] = l->text + i;
        for (; i < size && !memchr(" \t\r#", l->text[i], 4); i++)
            if (l->text[i] >= 'A' && l->text[i] <= 'Z') l->text[i] |= 0x20;
        if (i < size && l->text[i] == '#') size = i;
        l->text[i++] = 0;
    }
    if (l->count < 2 || hob_address_parse_host(l->words[0], 0, &l->address) < 0) l->count = 0;
    return true;
}

static bool names(const struct line *l, const char *name) {
    for (int i = 1; i < l->count; i++)
        if (strcmp(l->words[i], name) == 0) return true;
    return false;
}

static void find(struct hob__dns *dns, const char *file, size_t n, const char *name, int family) {
    struct hob__candidates got = {0}, want = {0};
    struct line l;
    int found = 0;
    for (size_t at = 0; next_line(file, n, &at, &l);) {
        /* A name that stands twice in its line counts twice. */
        for (int i = 1; i < l.count; i++) found += strcmp(l.words[i], name) == 0;
        if (!names(&l, name) || want.n == HOB__CANDIDATES) continue;
        struct hob_address *a = &l.address;
        bool known = family && a->ip.any.sa_family != family;
        for (unsigned i = 0; i < want.n; i++) known |= hob_address_equal(&want.list[i].to, a);
        if (!known) want.list[want.n++].to = *a;
    }
    CHECK(hob__hosts_find(dns, name, family, &got) == found);
    CHECK(got.n == want.n);
    for (unsigned i = 0; i < got.n; i++)
        CHECK(hob_address_equal(&got.list[i].to, &want.list[i].to));
}

static void find_all(struct hob__dns *dns, const char *file, size_t n) {
    struct line l;
    char first[256];
    for (size_t at = 0; next_line(file, n, &at, &l);) {
        for (int i = 1; i < l.count; i++)
            if (strlen(l.words[i]) < sizeof first) find(dns, file, n, strcpy(first, l.words[i]), 0);
        if (l.count == 0) continue;
        /* The first line with this address gives its name. */
        struct line other;
        size_t again = 0;
        while (next_line(file, n, &again, &other))
            if (other.count && hob_address_equal(&other.address, &l.address)) break;
        const char *name = hob__hosts_name(dns, &l.address);
        CHECK(name && strcmp(name, other.words[1]) == 0);
    }
}

FUZZ(data, n) {
    static struct hob__dns dns;
    if (n > 1000 || memchr(data, '\n', n) == data + n) return;
    int newlines = 0;
    for (size_t i = 0; i < n; i++) newlines += data[i] == '\n';
    if (newlines > 20) return;
    for (size_t i = 0, words = 0; i < n; i++) {
        words = data[i] == '\n' ? 0 : words + (memchr(" \t\r#", data[i], 4) != NULL);
        if (words + 2 > WORDS) return;
    }
    write_file(data, n);
    memset(&dns, 0, sizeof dns);
    dns.options.hosts = path;
    find(&dns, (const char *)data, n, "a", 0);
    find(&dns, (const char *)data, n, "localhost", AF_INET);
    find(&dns, (const char *)data, n, "h", AF_INET6);
    find_all(&dns, (const char *)data, n);
    hob__hosts_free(&dns.hosts);
    /* The text's NUL is the last byte that is touched. */
    char *text = edge_room(n + 1);
    if (n) memcpy(text, data, n);
    text[n] = 0;
    struct hob__hosts h = {0};
    scan(&h, text, n);
}
