/* io/dns/hosts.c - /etc/hosts: an address and its names a line, hosts(5). Read whole into a table,
 * so that a file of a hundred thousand lines costs as little as one of three; read again when it
 * has changed, which is looked at once a second. The first 16 MiB count. */
#include <string.h>

#include "base/memory.h"
#include "io/dns/dns.h"
#include "task/task.h"

enum { MAX_SIZE = 16 << 20 };

struct hob__hosts_line {
    struct hob_address address;
    uint32_t first_name; /* its entry's index */
};

/* One name of one line. Entries of one name are chained in the file's order. */
struct hob__hosts_entry {
    const char *name;
    uint32_t hash, line, next; /* next: an index + 1 */
};

void hob__hosts_free(struct hob__hosts *h) {
    hob__free(h->text);
    hob__free(h->lines);
    hob__free(h->entries);
    hob__free(h->slots);
    *h = (struct hob__hosts){.mark = h->mark, .seen = h->seen};
}

/* The next word of the line at *p, ended and in lower case, or NULL. */
static char *next_word(char **p, char *end) {
    char *s = *p;
    while (s < end && (*s == ' ' || *s == '\t' || *s == '\r')) s++;
    if (s == end || *s == '#') return NULL;
    char *word = s;
    for (; s < end && *s != ' ' && *s != '\t' && *s != '\r' && *s != '#'; s++)
        if (*s >= 'A' && *s <= 'Z') *s = (char)(*s + ('a' - 'A'));
    bool comment = s < end && *s == '#';
    *s = 0; /* the newline, at the most */
    *p = comment ? end : s < end ? s + 1 : end;
    return word;
}

/* Either counts (h->lines is NULL) or notes down. */
static void scan(struct hob__hosts *h, char *text, size_t size) {
    uint32_t lines = 0, entries = 0;
    for (char *p = text, *stop = text + size; p < stop;) {
        char *end = memchr(p, '\n', (size_t)(stop - p));
        if (!end) end = stop;
        char *next = end + 1, *word;
        uint32_t before = entries;
        struct hob_address a;
        if ((word = next_word(&p, end)) && hob_address_parse_host(word, 0, &a) == 0) {
            while ((word = next_word(&p, end))) {
                if (h->lines)
                    h->entries[entries] = (struct hob__hosts_entry){
                        .name = word, .hash = hob__hash(word, 0), .line = lines};
                entries++;
            }
            if (entries > before) {
                if (h->lines)
                    h->lines[lines] = (struct hob__hosts_line){.address = a, .first_name = before};
                lines++;
            }
        }
        p = next;
    }
    h->line_count = lines;
    h->entry_count = entries;
}

static uint32_t *slot_of(const struct hob__hosts *h, uint32_t hash, const char *name) {
    uint32_t i = hash & h->slot_mask;
    while (h->slots[i]) {
        const struct hob__hosts_entry *e = &h->entries[h->slots[i] - 1];
        if (e->hash == hash && strcmp(e->name, name) == 0) break;
        i = (i + 1) & h->slot_mask;
    }
    return &h->slots[i];
}

/* From the last entry to the first, so that each chain begins with the file's first. */
static void index_names(struct hob__hosts *h) {
    for (uint32_t i = h->entry_count; i-- > 0;) {
        struct hob__hosts_entry *e = &h->entries[i];
        uint32_t *slot = slot_of(h, e->hash, e->name);
        e->next = *slot;
        *slot = i + 1;
    }
}

static int load(struct hob__hosts *h, const char *path) {
    int rc;
    size_t size = 0;
    hob__hosts_free(h);
    h->text = hob__file_text(path, MAX_SIZE, &size, &rc);
    if (!h->text) return rc;
    char *copy = hob__alloc(size + 1); /* counting ends the words as well */
    if (!copy) return -ENOMEM;
    memcpy(copy, h->text, size + 1);
    scan(h, copy, size);
    hob__free(copy);
    if (h->entry_count == 0) return 0;
    uint32_t slots = 16;
    while (slots < 2 * h->entry_count) slots *= 2;
    h->lines = hob__alloc(h->line_count * sizeof *h->lines);
    h->entries = hob__alloc(h->entry_count * sizeof *h->entries);
    h->slots = hob__alloc_zero(slots * sizeof *h->slots);
    if (!h->lines || !h->entries || !h->slots) return -ENOMEM;
    h->slot_mask = slots - 1;
    scan(h, h->text, size);
    index_names(h);
    return 0;
}

/* The table as the file is now, or was within the last second. */
static int see(struct hob__dns *dns) {
    struct hob__hosts *h = &dns->hosts;
    const char *path = dns->options.hosts ? dns->options.hosts : "/etc/hosts";
    if (!*path) return 0;
    uint64_t now = hob_now();
    if (h->read && h->seen && now - h->seen < HOB__FILE_AGAIN) return 0;
    h->seen = now;
    if (!hob__file_changed(path, &h->mark) && h->read) return 0;
    int rc = load(h, path);
    if (rc < 0) hob__hosts_free(h);
    h->read = rc == 0;
    return rc;
}

int hob__hosts_find(struct hob__dns *dns, const char *name, int family, struct hob__candidates *c) {
    struct hob__hosts *h = &dns->hosts;
    int rc = see(dns);
    if (rc < 0 || !h->slots) return rc;
    int found = 0;
    for (uint32_t i = *slot_of(h, hob__hash(name, 0), name); i; i = h->entries[i - 1].next) {
        const struct hob_address *a = &h->lines[h->entries[i - 1].line].address;
        found++;
        if (family && a->ip.any.sa_family != family) continue;
        if (a->ip.any.sa_family == AF_INET)
            hob__candidate_add(c, AF_INET, &a->ip.v4.sin_addr, 0, UINT32_MAX);
        else
            hob__candidate_add(c, AF_INET6, &a->ip.v6.sin6_addr, a->ip.v6.sin6_scope_id,
                               UINT32_MAX);
    }
    return found;
}

const char *hob__hosts_name(struct hob__dns *dns, const struct hob_address *a) {
    struct hob__hosts *h = &dns->hosts;
    if (see(dns) < 0) return NULL;
    struct hob_address plain = *a;
    hob_address_set_port(&plain, 0);
    for (uint32_t i = 0; i < h->line_count; i++)
        if (hob_address_equal(&h->lines[i].address, &plain))
            return h->entries[h->lines[i].first_name].name;
    return NULL;
}
