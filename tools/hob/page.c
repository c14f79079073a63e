/* page.c - title and links of an HTML page, by libgumbo: see page.h. */
#include "page.h"

#include <errno.h>
#include <hob/url.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *page_url(const char *base, const char *reference, size_t n) {
    char absolute[URL_SIZE_MAX], text[URL_SIZE_MAX];
    struct hob_url u;
    while (n && (unsigned char)*reference <= ' ') reference++, n--; /* as browsers do */
    while (n && (unsigned char)reference[n - 1] <= ' ') n--;
    int length = hob_url_resolve(base, reference, n, absolute, sizeof absolute, NULL);
    if (length < 0 || length >= (int)sizeof absolute) return NULL;
    if (hob_url_parse(absolute, (size_t)length, &u, NULL) < 0) return NULL;
    char port[8] = "";
    if (u.port != (u.tls ? 443 : 80)) snprintf(port, sizeof port, ":%u", u.port);
    length = snprintf(text, sizeof text, "http%s://%s%.*s%s%s", u.tls ? "s" : "",
                      u.host_is_ipv6 ? "[" : "", (int)u.host.size, u.host.at,
                      u.host_is_ipv6 ? "]" : "", port);
    for (char *p = text; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
    length += snprintf(text + length, sizeof text - (size_t)length, "%s%.*s%s%.*s",
                       u.path.size ? "" : "/", (int)u.path.size, u.path.size ? u.path.at : "",
                       u.query.at ? "?" : "", (int)u.query.size, u.query.at ? u.query.at : "");
    return length < (int)sizeof text ? strdup(text) : NULL;
}

void page_free(struct page *page) {
    for (size_t i = 0; i < page->link_count; i++) free(page->links[i]);
    free(page->links);
    free(page->title);
    page->links = NULL;
    page->title = NULL;
    page->link_count = 0;
}

#if HAVE_CRAWL
#include <gumbo.h>
#include <hob/thread.h>
#include <iconv.h>
#include <setjmp.h>
#include <time.h>

/* ---- characters ---- */

/* The name behind "charset=" in text[0..n), without quotes; false: none, or UTF-8. */
static bool find_charset(const char *text, size_t n, char *name, size_t cap) {
    static const char key[] = "charset=";
    const size_t key_size = sizeof key - 1;
    for (size_t i = 0; i + key_size < n; i++) {
        if (strncasecmp(text + i, key, key_size) != 0) continue;
        size_t at = i + key_size, length = 0;
        while (at < n && (text[at] == '"' || text[at] == '\'' || text[at] == ' ')) at++;
        while (at < n && length + 1 < cap && !strchr("\"'> ;/", text[at]) && text[at])
            name[length++] = text[at++];
        name[length] = 0;
        return length && strcasecmp(name, "utf-8") != 0 && strcasecmp(name, "utf8") != 0;
    }
    return false;
}

/* The text in UTF-8, from malloc; NULL: it is that already, or in a character set that nobody
 * knows. What cannot be converted becomes '?'. */
static char *to_utf8(const struct page *p, size_t *size) {
    enum { LOOKED_AT = 1024 }; /* where a page has to say it (HTML, 4.2.5.4) */
    char name[64];
    const char *type = p->content_type ? p->content_type : "";
    if (p->size >= 3 && memcmp(p->html, "\xef\xbb\xbf", 3) == 0) return NULL;
    if (strcasestr(type, "charset=")) {
        if (!find_charset(type, strlen(type), name, sizeof name)) return NULL;
    } else if (!find_charset(p->html, p->size < LOOKED_AT ? p->size : LOOKED_AT, name,
                             sizeof name)) {
        return NULL;
    }
    iconv_t converter = iconv_open("UTF-8", name);
    if (converter == (iconv_t)-1) return NULL;
    size_t room = p->size * 4 + 4, left = room, in_left = p->size;
    char *text = malloc(room), *out = text, *in = (char *)(uintptr_t)p->html;
    while (text && in_left && iconv(converter, &in, &in_left, &out, &left) == (size_t)-1) {
        if (errno == E2BIG || left == 0) break;
        *out++ = '?';
        left--;
        in++;
        in_left--;
    }
    iconv_close(converter);
    if (text) *size = (size_t)(out - text);
    return text;
}

/* ---- memory for the tree ----
 *
 * It is given back at once, since taking a deep tree apart by recursion would overflow any stack.
 * And as the parser asks for memory all the time, this is where it is stopped: a page of a few
 * bytes can cost it gigabytes (formatting elements that every paragraph opens anew) or hours (deep
 * nesting, attributes by the thousand). */

struct block {
    struct block *next;
    _Alignas(16) char bytes[];
};
struct heap {
    struct block *blocks;
    char *at;
    size_t left, room; /* bytes: in the block; what may still be taken from the system */
    unsigned calls;
    uint64_t until; /* of the thread's CPU time, ns */
    int why;        /* it was stopped: a negative code */
    jmp_buf stop;
};

static uint64_t cpu_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static __attribute__((noreturn)) void stop(struct heap *h, int why) {
    h->why = why;
    longjmp(h->stop, 1); /* over the parser, which has nothing but memory of this heap */
}

static void *take(void *heap, size_t n) {
    enum { BLOCK = 256 * 1024, CALLS = 64 };
    struct heap *h = heap;
    n = (n + 15) & ~(size_t)15;
    if (++h->calls % CALLS == 0) {
        if (hob_thread_cancelled()) stop(h, -ECANCELED);
        if (cpu_time() > h->until) stop(h, -E2BIG);
    }
    if (n > h->left) {
        size_t room = n > BLOCK ? n : BLOCK;
        if (room > h->room) stop(h, -E2BIG);
        struct block *b = malloc(sizeof *b + room);
        if (!b) stop(h, -ENOMEM);
        h->room -= room;
        b->next = h->blocks;
        h->blocks = b;
        h->at = b->bytes;
        h->left = room;
    }
    void *p = h->at;
    h->at += n;
    h->left -= n;
    return p;
}

static void leave(void *heap, void *p) { (void)heap, (void)p; }

static void drop(struct heap *h) {
    for (struct block *b = h->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
}

/* ---- the tree ---- */

static const char *attribute(const GumboNode *node, const char *name) {
    const GumboAttribute *a = gumbo_get_attribute(&node->v.element.attributes, name);
    return a ? a->value : NULL;
}

/* Is `word` one of those in a list with blanks or commas? */
static bool has_word(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *p = list; p && (p = strcasestr(p, word)); p += n)
        if ((p == list || strchr(" ,\t\n", p[-1])) && (!p[n] || strchr(" ,\t\n", p[n])))
            return true;
    return false;
}

static bool is_element(const GumboNode *node, GumboTag tag) {
    return (node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE) &&
           node->v.element.tag == tag;
}

/* The next node in the order of the text. Without recursion: a page may be nested a million deep.
 */
static const GumboNode *next_node(const GumboNode *node) {
    if (node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE) {
        if (node->v.element.children.length) return node->v.element.children.data[0];
    }
    for (; node->parent && node->parent->type != GUMBO_NODE_DOCUMENT; node = node->parent) {
        const GumboVector *siblings = &node->parent->v.element.children;
        if (node->index_within_parent + 1 < siblings->length)
            return siblings->data[node->index_within_parent + 1];
    }
    return NULL;
}

static char *title_of(const GumboNode *node) {
    char title[TITLE_MAX];
    size_t n = 0;
    const GumboVector *children = &node->v.element.children;
    for (unsigned i = 0; i < children->length; i++) {
        const GumboNode *child = children->data[i];
        if (child->type != GUMBO_NODE_TEXT && child->type != GUMBO_NODE_WHITESPACE) continue;
        for (const char *p = child->v.text.text; *p && n + 1 < sizeof title; p++) {
            bool blank = (unsigned char)*p <= ' ';
            if (blank && (n == 0 || title[n - 1] == ' ')) continue;
            title[n++] = blank ? ' ' : *p;
        }
    }
    if (n && title[n - 1] == ' ') n--;
    if (n + 1 == sizeof title) /* no half character at the end */
        while (n && (title[n - 1] & 0xc0) == 0x80) n--;
    if (n && (title[n - 1] & 0xc0) == 0xc0) n--;
    return n ? strndup(title, n) : NULL;
}

/* Where this element leads, or NULL. */
static const char *target_of(const GumboNode *node, bool follow_all) {
    const char *rel;
    if (node->type != GUMBO_NODE_ELEMENT) return NULL;
    switch (node->v.element.tag) {
    case GUMBO_TAG_A:
    case GUMBO_TAG_AREA:
        rel = attribute(node, "rel");
        return rel && !follow_all && has_word(rel, "nofollow") ? NULL : attribute(node, "href");
    case GUMBO_TAG_LINK:
        rel = attribute(node, "rel");
        return rel && (has_word(rel, "next") || has_word(rel, "prev")) ? attribute(node, "href")
                                                                       : NULL;
    case GUMBO_TAG_FRAME:
    case GUMBO_TAG_IFRAME:
        return attribute(node, "src");
    default:
        return NULL;
    }
}

static int by_text(const void *a, const void *b) {
    return strcmp(**(char *const *const *)a, **(char *const *const *)b);
}

/* Links that are there already go; the others keep their order. */
static int drop_doubles(struct page *p) {
    if (p->link_count < 2) return 0;
    char ***sorted = malloc(p->link_count * sizeof *sorted);
    if (!sorted) return -ENOMEM;
    for (size_t i = 0; i < p->link_count; i++) sorted[i] = &p->links[i];
    qsort(sorted, p->link_count, sizeof *sorted, by_text);
    for (size_t i = 0, first = 0; ++i < p->link_count;) {
        if (strcmp(*sorted[i], *sorted[first]) != 0) {
            first = i;
            continue;
        }
        char **later = sorted[i] > sorted[first] ? sorted[i] : sorted[first];
        sorted[first] = sorted[i] < sorted[first] ? sorted[i] : sorted[first];
        free(*later);
        *later = NULL;
        sorted[i] = sorted[first];
    }
    free(sorted);
    size_t kept = 0;
    for (size_t i = 0; i < p->link_count; i++)
        if (p->links[i]) p->links[kept++] = p->links[i];
    p->link_count = kept;
    return 0;
}

static int walk(struct page *p, const GumboNode *root) {
    const char *base = p->url;
    char *own_base = NULL;
    bool follow = true;
    p->links = malloc((PAGE_LINKS_MAX + 1) * sizeof *p->links);
    if (!p->links) return -ENOMEM;
    for (const GumboNode *node = root; node; node = next_node(node)) {
        if (is_element(node, GUMBO_TAG_TITLE) && !p->title) {
            p->title = title_of(node);
        } else if (is_element(node, GUMBO_TAG_BASE) && !own_base && attribute(node, "href")) {
            const char *href = attribute(node, "href");
            own_base = page_url(p->url, href, strlen(href));
            if (own_base) base = own_base;
        } else if (is_element(node, GUMBO_TAG_META) && !p->follow_all) {
            const char *name = attribute(node, "name");
            const char *content = attribute(node, "content");
            if (name && content && strcasecmp(name, "robots") == 0 &&
                (has_word(content, "nofollow") || has_word(content, "none")))
                follow = false;
        }
        const char *target = target_of(node, p->follow_all);
        if (!target || p->link_count == PAGE_LINKS_MAX) continue;
        char *url = page_url(base, target, strlen(target));
        if (url) p->links[p->link_count++] = url;
    }
    free(own_base);
    if (!follow) {
        for (size_t i = 0; i < p->link_count; i++) free(p->links[i]);
        p->link_count = 0;
    }
    int rc = drop_doubles(p);
    p->links[p->link_count] = NULL;
    return rc;
}

/* A function of its own: what setjmp() comes back to must have no variables that have changed. */
static int parse(struct page *p, struct heap *heap, const char *text, size_t size) {
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = take;
    options.deallocator = leave;
    options.userdata = heap;
    options.max_errors = 0;
    if (setjmp(heap->stop)) return heap->why;
    return walk(p, gumbo_parse_with_options(&options, text, size)->root);
}

int page_read(struct page *p) {
    enum { MEMORY = 32 << 20, PER_BYTE = 64 };
    static const uint64_t TIME = 3000000000; /* ns; a large page takes a tenth of a second */
    size_t size = p->size;
    char *converted = to_utf8(p, &size);
    struct heap heap = {.room = MEMORY + size * PER_BYTE, .until = cpu_time() + TIME};
    int rc = parse(p, &heap, converted ? converted : p->html, size);
    drop(&heap);
    free(converted);
    return rc;
}
#endif
