/* sitemap.c - reading sitemaps, by expat and zlib: see sitemap.h. */
#include "sitemap.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

void sitemap_free(struct sitemap *map) {
    for (size_t i = 0; i < map->count; i++) free(map->urls[i]);
    free(map->urls);
    map->urls = NULL;
    map->count = map->room = 0;
}

#if HAVE_CRAWL
#include <expat.h>
#include <zlib.h>

/* What cannot be a URL is skipped. False: no memory, or enough. */
static bool add(struct sitemap *map, const char *text, size_t n) {
    if (map->count == SITEMAP_URLS_MAX) return false;
    if (map->count == map->room) {
        size_t room = map->room ? map->room * 2 : 64;
        char **grown = realloc(map->urls, room * sizeof *grown);
        if (!grown) return false;
        map->urls = grown;
        map->room = room;
    }
    char *url = page_url(map->url, text, n);
    if (url) map->urls[map->count++] = url;
    return true;
}

/* ---- XML: <urlset><url><loc>, or <sitemapindex><sitemap><loc> ---- */

struct reading {
    struct sitemap *map;
    XML_Parser parser;
    char text[URL_SIZE_MAX]; /* of the present <loc> */
    size_t n;
    char space[256]; /* the root's name space */
    bool in_loc;
    unsigned depth;
};

/* The length of "http://www.sitemaps.org/schemas/sitemap/0.9" in "... loc". */
static size_t space_of(const char *name) {
    const char *blank = strrchr(name, ' ');
    return blank ? (size_t)(blank - name) : 0;
}

static const char *local(const char *name) {
    size_t n = space_of(name);
    return n ? name + n + 1 : name;
}

static void XMLCALL begin(void *arg, const char *name, const char **attributes) {
    struct reading *r = arg;
    size_t n = space_of(name);
    (void)attributes;
    if (r->depth++ == 0) {
        r->map->is_index = strcmp(local(name), "sitemapindex") == 0;
        if (n < sizeof r->space) memcpy(r->space, name, n);
    }
    /* Not the <image:loc> of an extension. */
    if (r->depth != 3 || strcmp(local(name), "loc") != 0) return;
    if (n != strlen(r->space) || memcmp(name, r->space, n) != 0) return;
    r->in_loc = true;
    r->n = 0;
}

static void XMLCALL end(void *arg, const char *name) {
    struct reading *r = arg;
    (void)name;
    if (r->in_loc && r->depth == 3) {
        r->in_loc = false;
        if (r->n < sizeof r->text && !add(r->map, r->text, r->n)) XML_StopParser(r->parser, 0);
    }
    r->depth--;
}

static void XMLCALL characters(void *arg, const char *text, int n) {
    struct reading *r = arg;
    if (!r->in_loc) return;
    if (r->n + (size_t)n < sizeof r->text) memcpy(r->text + r->n, text, (size_t)n);
    r->n += (size_t)n;
}

static int read_xml(struct sitemap *map, const char *data, size_t size) {
    struct reading *r = calloc(1, sizeof *r);
    XML_Parser parser = r ? XML_ParserCreateNS(NULL, ' ') : NULL;
    if (!parser) {
        free(r);
        return -ENOMEM;
    }
    r->map = map;
    r->parser = parser;
    XML_SetUserData(parser, r);
    XML_SetElementHandler(parser, begin, end);
    XML_SetCharacterDataHandler(parser, characters);
    int rc = 0;
    if (XML_Parse(parser, data, (int)size, 1) == XML_STATUS_ERROR) {
        enum XML_Error why = XML_GetErrorCode(parser);
        rc = why == XML_ERROR_NO_MEMORY ? -ENOMEM : why == XML_ERROR_ABORTED ? 0 : -EBADMSG;
    }
    XML_ParserFree(parser);
    free(r);
    return rc;
}

/* ---- plain text: a URL on each line ---- */

static int read_lines(struct sitemap *map, const char *data, size_t size) {
    for (const char *at = data, *end = data + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (stop - at > 4 && strncmp(at, "http", 4) == 0) {
            if (!add(map, at, (size_t)(stop - at))) return 0;
        } else if (stop - at > 2) {
            return -EBADMSG;
        }
        at = stop + 1;
    }
    return 0;
}

/* ---- gzip ---- */

/* As far as it goes, SITEMAP_SIZE_MAX bytes at most. */
static int unpack(const char *data, size_t size, char **out, size_t *out_size) {
    size_t room = 1 << 16;
    char *text = malloc(room);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
    enum { GZIP = 16 };
    if (!text || inflateInit2(&z, MAX_WBITS + GZIP) != Z_OK) {
        free(text);
        return -ENOMEM;
    }
    int rc;
    do {
        if (z.total_out == room) {
            char *grown = room < SITEMAP_SIZE_MAX ? realloc(text, room * 2) : NULL;
            if (!grown) break;
            text = grown;
            room *= 2;
        }
        z.next_out = (Bytef *)text + z.total_out;
        z.avail_out = (uInt)(room - z.total_out);
        rc = inflate(&z, Z_NO_FLUSH);
    } while (rc == Z_OK);
    *out = text;
    *out_size = z.total_out < SITEMAP_SIZE_MAX ? z.total_out : SITEMAP_SIZE_MAX;
    inflateEnd(&z);
    return 0;
}

int sitemap_read(struct sitemap *map) {
    const char *data = map->data;
    size_t size = map->size;
    char *unpacked = NULL;
    if (size > SITEMAP_SIZE_MAX) size = SITEMAP_SIZE_MAX;
    if (size > 2 && memcmp(data, "\x1f\x8b", 2) == 0) {
        int rc = unpack(data, size, &unpacked, &size);
        if (rc < 0) return rc;
        data = unpacked;
    }
    const char *first = data;
    while (first < data + size && (unsigned char)*first <= ' ') first++;
    bool xml = first < data + size && (*first == '<' || (unsigned char)*first == 0xef);
    int rc =
        xml ? read_xml(map, first, size - (size_t)(first - data)) : read_lines(map, data, size);
    free(unpacked);
    return rc;
}
#endif
