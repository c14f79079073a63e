/* playground/pages.c - an example of each kind of thing. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "playground/routes.h"
#include "tool.h"

enum { ITEMS = 40, ITEMS_PER_PAGE = 10, LINKS_MAX = 200 };

int answer_html(const struct ask *a) {
    return hob_respond_text(
        a->req, 200, "text/html; charset=utf-8",
        "<!doctype html>\n"
        "<html lang=\"en\">\n"
        "<head><meta charset=\"utf-8\"><title>The kettle</title></head>\n"
        "<body>\n"
        "<h1>The kettle</h1>\n"
        "<p>Once it was on, nobody looked at it any more, and so it boiled.</p>\n"
        "</body>\n"
        "</html>\n");
}

int answer_json_example(const struct ask *a) {
    static const char text[] = "{\n"
                               "  \"recipe\": \"bread\",\n"
                               "  \"minutes\": 190.5,\n"
                               "  \"vegan\": true,\n"
                               "  \"author\": null,\n"
                               "  \"steps\": [\"mix\", \"knead\", \"wait\", \"bake\"]\n"
                               "}\n";
    return answer_json(a->req, 200, text, sizeof text - 1);
}

int answer_xml(const struct ask *a) {
    return hob_respond_text(a->req, 200, "application/xml",
                            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                            "<recipe name=\"bread\">\n"
                            "  <step minutes=\"10\">knead</step>\n"
                            "  <step minutes=\"120\">wait</step>\n"
                            "</recipe>\n");
}

int answer_robots(const struct ask *a) {
    return hob_respond_text(a->req, 200, "text/plain", "User-agent: *\nDisallow: /deny\n");
}

int answer_deny(const struct ask *a) {
    return hob_respond_text(a->req, 200, "text/plain", "No robot was to come here.\n");
}

int answer_utf8(const struct ask *a) {
    return hob_respond_text(a->req, 200, "text/html; charset=utf-8",
                            "<!doctype html>\n<meta charset=\"utf-8\"><title>UTF-8</title>\n<pre>\n"
                            "two bytes    \u00e9 \u00df \u03a9 \u0416 \u05d0 \u0639\n"
                            "three bytes  \u20ac \u2603 \u4e2d \u65e5 \ud55c \u0e01\n"
                            "four bytes   \U0001f680 \U0001d11e \U00020000\n"
                            "combining    e\u0301 a\u0308\n"
                            "</pre>\n");
}

int answer_form(const struct ask *a) {
    return hob_respond_text(
        a->req, 200, "text/html; charset=utf-8",
        "<!doctype html>\n"
        "<html lang=\"en\">\n"
        "<head><meta charset=\"utf-8\"><title>An order</title></head>\n"
        "<body>\n"
        "<form method=\"post\" action=\"/post\">\n"
        "<p><label>Name <input name=\"name\"></label>\n"
        "<p><label>E-mail <input type=\"email\" name=\"email\"></label>\n"
        "<p><label><input type=\"radio\" name=\"size\" value=\"small\"> small</label>\n"
        "<label><input type=\"radio\" name=\"size\" value=\"large\"> large</label>\n"
        "<p><label><input type=\"checkbox\" name=\"with\" value=\"butter\"> butter</label>\n"
        "<label><input type=\"checkbox\" name=\"with\" value=\"salt\"> salt</label>\n"
        "<p><label>Remarks <textarea name=\"remarks\"></textarea></label>\n"
        "<p><button>Order</button>\n"
        "</form>\n"
        "</body>\n"
        "</html>\n");
}

/* ---- made for each request ---- */

int answer_uuid(const struct ask *a) {
    unsigned char b[16];
    char text[80];
    if (getrandom(b, sizeof b, 0) != sizeof b) return -EIO;
    b[6] = (b[6] & 0x0f) | 0x40; /* RFC 9562: version 4 */
    b[8] = (b[8] & 0x3f) | 0x80;
    int n = snprintf(text, sizeof text,
                     "{\"uuid\": \"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                     "%02x%02x%02x%02x%02x%02x\"}\n",
                     b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                     b[12], b[13], b[14], b[15]);
    return answer_json(a->req, 200, text, (size_t)n);
}

static int digit_of(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const char *at = c ? strchr(digits, c) : NULL;
    if (at) return (int)(at - digits);
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool base64_decode(const char *text, char *out, size_t *size) {
    unsigned bits = 0;
    size_t n = 0, digits = 0;
    for (; *text && *text != '='; text++, digits++) {
        int digit = digit_of(*text);
        if (digit < 0) return false;
        bits = bits << 6 | (unsigned)digit;
        if (digits % 4) out[n++] = (char)(bits >> (6 - digits % 4 * 2));
    }
    size_t padding = strspn(text, "=");
    *size = n;
    return !text[padding] && digits % 4 != 1 && (!padding || (digits + padding) % 4 == 0);
}

int answer_base64(const struct ask *a) {
    size_t n;
    char *out = malloc(strlen(a->words[0]) + 1);
    if (!out) return -ENOMEM;
    int rc = base64_decode(a->words[0], out, &n)
                 ? hob_respond(a->req, 200, HOB_HEADERS({"content-type", "text/plain"}), out, n)
                 : answer_error(a->req, 400, "that is no Base64, such as SG9i");
    free(out);
    return rc;
}

int answer_links(const struct ask *a) {
    size_t n, self = 0;
    struct page p;
    if (!parse_count(a->words[0], 1, LINKS_MAX, &n) ||
        (a->words[1] && !parse_count(a->words[1], 0, n - 1, &self)))
        return answer_error(a->req, 400, "a number from 1 to 200, and one below that");
    HOB_TRY(page_open(&p));
    fputs("<!doctype html>\n<meta charset=\"utf-8\"><title>Links</title>\n", p.out);
    for (size_t i = 0; i < n; i++) {
        if (i == self)
            fprintf(p.out, "%zu\n", i);
        else
            fprintf(p.out, "<a href=\"/links/%zu/%zu\">%zu</a>\n", n, i, i);
    }
    return page_send(&p, a->req, 200, "text/html; charset=utf-8", NULL);
}

int answer_items(const struct ask *a) {
    size_t page = 1;
    char list[ITEMS_PER_PAGE * 64 + 8];
    if (!ask_count(a, "page", 1, INT32_MAX, &page))
        return answer_error(a->req, 400, "the page is a number from 1");
    size_t first = (page - 1) * ITEMS_PER_PAGE, n = 0;
    for (size_t i = first; i < ITEMS && i < first + ITEMS_PER_PAGE; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s{\"id\": %zu, \"name\": \"item %zu\"}",
                              i == first ? "[" : ", ", i + 1, i + 1);
    n += (size_t)snprintf(list + n, sizeof list - n, n ? "]\n" : "[]\n");
    return answer_json(a->req, 200, list, n);
}
