/* http/server/respond_h2.c - the head of an answer of HTTP/2 (RFC 9113, 8.2 and 8.3.2): a list for
 * nghttp2, whose strings stay where they are; only the names are copied, in lower case. respond.c
 * has the rules that both versions share, and the lines of Date and Server. */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "http/server/server.h"

#if HAVE_NGHTTP2
#include "base/memory.h"
#include "http/h2/inside.h"
#include "http/scan.h"

enum {
    FIELDS = 20, /* of a handler; more are on the heap, */
    NAMES = 256, /* as are names that are longer, all together */
    OWN = 4,     /* :status, date, server, content-length */
    HEAD_MAX = 65536
};

struct list {
    nghttp2_nv *at;
    size_t count;
    char *names;
    size_t fields_left, names_left;
    char status[3], digits[HOB__H1_DIGITS];
    void *memory; /* of both, or NULL */
    nghttp2_nv own[FIELDS + OWN];
    char room[NAMES];
};

static void add(struct list *l, const char *name, size_t name_size, const char *value, size_t n) {
    l->at[l->count++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
                                     name_size, n, NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

/* The bytes of a name in lower case; 0: none has it. */
static const char lower[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*',
    ['+'] = '+', ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`',   ['|'] = '|',
    ['~'] = '~', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',   ['5'] = '5',
    ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b',   ['c'] = 'c',
    ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i',   ['j'] = 'j',
    ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p',   ['q'] = 'q',
    ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w',   ['x'] = 'x',
    ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',   ['E'] = 'e',
    ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k',   ['L'] = 'l',
    ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',   ['S'] = 's',
    ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',   ['Z'] = 'z'};

/* Room for all of the handler's headers, on the heap. 0 or an error. */
static int grow(struct list *l, const struct hob_header *headers) {
    size_t count = 0, names = 0;
    for (const struct hob_header *h = headers; h->name; h++, count++) names += strlen(h->name);
    if (names > HEAD_MAX || count > HEAD_MAX) return HOB_E_HTTP_HEADERS_TOO_LARGE;
    l->memory = hob__alloc((count + OWN) * sizeof *l->at + names);
    if (!l->memory) return -ENOMEM;
    l->at = l->memory;
    l->names = (char *)(l->at + count + OWN);
    l->count = 0;
    l->fields_left = count;
    l->names_left = names;
    return 0;
}

/* Does not begin or end with white space (RFC 9113, 8.2.1). */
static void trim(const char **value, size_t *n) {
    while (*n > 0 && (**value == ' ' || **value == '\t')) ++*value, --*n;
    while (*n > 0 && ((*value)[*n - 1] == ' ' || (*value)[*n - 1] == '\t')) --*n;
}

/* A header of the handler's. */
static int put(struct list *l, const char *name, size_t name_size, const char *value, size_t n) {
    char *to = l->names;
    for (size_t i = 0; i < name_size; i++)
        if (!(to[i] = lower[(unsigned char)name[i]])) return HOB_E_HTTP_ILLEGAL;
    if (name_size == 0 || hob__scan_value(value, value + n) < value + n) return HOB_E_HTTP_ILLEGAL;
    trim(&value, &n);
    if (hob__h2_dropped(to, name_size, value, n)) return 0;
    l->names += name_size;
    l->names_left -= name_size;
    l->fields_left--;
    l->at[l->count++] = hob__h2_pair(to, name_size, value, n);
    return 0;
}

/* 0, FULL, or an error. */
enum { FULL = 1 };
static int put_headers(struct hob_request *req, struct list *l, const struct hob_header *headers,
                       unsigned *seen) {
    size_t total = 0;
    for (const struct hob_header *h = headers; h && h->name; h++) {
        size_t n = strlen(h->value), name_size = strlen(h->name);
        if (HOB__UNLIKELY(l->fields_left == 0 || l->names_left < name_size)) return FULL;
        int rc = hob__answer_header(req, h, name_size, n, seen);
        if (rc < 0) return rc;
        if (rc > 0) continue;
        total += name_size + n + 4;
        rc = n > HEAD_MAX || total > HEAD_MAX ? HOB_E_HTTP_HEADERS_TOO_LARGE
                                              : put(l, h->name, name_size, h->value, n);
        if (rc < 0) return hob__answer_illegal(req, h, rc);
    }
    return 0;
}

/* Values that stand in "Date: ...\r\nServer: ...\r\n". */
static int put_usual(struct hob__server *server, struct list *l, unsigned seen) {
    int rc = hob__answer_usual(server);
    if (rc < 0) return rc;
    const char *usual = server->usual;
    if (!(seen & HOB__SEEN_DATE)) add(l, "date", 4, usual + 6, HOB__DATE_LINE - 8);
    if (!(seen & HOB__SEEN_SERVER) && server->usual_size > HOB__DATE_LINE)
        add(l, "server", 6, usual + HOB__DATE_LINE + 8, server->usual_size - HOB__DATE_LINE - 10);
    return 0;
}

static void put_status(struct list *l, int status) {
    if (HOB__LIKELY(status == 200)) {
        add(l, ":status", 7, "200", 3);
        return;
    }
    l->status[0] = (char)('0' + status / 100);
    l->status[1] = (char)('0' + status / 10 % 10);
    l->status[2] = (char)('0' + status % 10);
    add(l, ":status", 7, l->status, 3);
}

static void put_size(struct list *l, uint64_t size) {
    char *end = hob__h1_write_number(l->digits, size);
    add(l, "content-length", 14, l->digits, (size_t)(end - l->digits));
}

static int put_head(struct hob_request *req, struct list *l, int status,
                    const struct hob_header *headers, int64_t size) {
    unsigned seen = 0;
    bool bodiless = status == 204 || status == 304;
    put_status(l, status);
    int rc = put_headers(req, l, headers, &seen);
    if (HOB__UNLIKELY(rc == FULL)) { /* all of it once more */
        rc = grow(l, headers);
        if (rc < 0) return hob_fail(rc, "%s %s: the answer's headers", req->method, req->target);
        put_status(l, status);
        rc = put_headers(req, l, headers, &seen);
    }
    if (rc == 0) rc = put_usual(req->server, l, seen);
    if (rc < 0) return rc;
    if (size >= 0 && !bodiless) put_size(l, (uint64_t)size);
    req->chunked = false;
    req->to_close = size < 0 && !bodiless; /* its stream's end says where the body ends */
    req->left = size > 0 ? (uint64_t)size : 0;
    if (hob_stopping()) req->close = true;
    return 0;
}

int hob__answer_shared(struct hob_request *req, int status, const struct hob_header *headers,
                       int64_t size, const void *body, size_t n, bool more) {
    struct list l;
    bool close = req->close;
    l.at = l.own;
    l.names = l.room;
    l.count = 0;
    l.fields_left = FIELDS;
    l.names_left = NAMES;
    l.memory = NULL;
    int rc = put_head(req, &l, status, headers, size);
    if (rc < 0) {
        req->close = close;
        hob__free(l.memory);
        return rc;
    }
    req->answer = HOB__ANSWER_FAILED; /* until it is out */
    req->status = (uint16_t)status;
    req->sent += n;
    struct hob__h2_times times = hob__wire_times(req->wire);
    rc = hob__h2_answer(req->wire->h2, l.at, l.count, body, n, more, &times);
    if (rc == 0) req->answer = HOB__ANSWER_BEGUN;
    hob__free(l.memory);
    return rc;
}
#else
int hob__answer_shared(struct hob_request *req, int status, const struct hob_header *headers,
                       int64_t size, const void *body, size_t n, bool more) {
    (void)req, (void)status, (void)headers, (void)size, (void)body, (void)n, (void)more;
    return HOB_E_HTTP2;
}
#endif
