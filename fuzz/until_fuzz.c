/* until_fuzz.c - the reading calls of streams: whatever is called, in whatever pieces the bytes
 * come, the results are those of a naive reader who has all of them before him. */
#include "world.h"

static struct world_source source;
static struct fuzz_input ops;
static const uint8_t *text; /* all bytes */
static size_t size, at;     /* at: where the next one is */

static size_t left(void) { return size - at; }

static void same(struct hob_slice got, size_t n) {
    CHECK(got.size == n && (n == 0 || memcmp(got.at, text + at, n) == 0));
}

/* Where the first of the separators ends that ends first, the longest of several; 0: none does, in
 * the first `most` bytes. */
static size_t find(const struct hob_slice *sep, int n, size_t most, int *which) {
    if (most > left()) most = left();
    for (size_t end = 1; end <= most; end++) {
        int best = -1;
        for (int i = 0; i < n; i++)
            if (sep[i].size <= end &&
                memcmp(text + at + end - sep[i].size, sep[i].at, sep[i].size) == 0 &&
                (best < 0 || sep[i].size > sep[best].size))
                best = i;
        if (best < 0) continue;
        *which = best;
        return end;
    }
    return 0;
}

/* At the end of the bytes comes the end, or the connection's error. */
static void ended(ssize_t rc, ssize_t at_end) {
    CHECK(rc == (source.error ? source.error : at_end));
}

static void read_until(struct hob_stream *s, int n, size_t max) {
    static char bytes[3][4];
    struct hob_slice sep[3], got;
    int which;
    for (int i = 0; i < n; i++) {
        size_t k = 1 + fuzz_byte(&ops) % 4;
        for (size_t j = 0; j < k; j++) bytes[i][j] = "\r\nab"[fuzz_byte(&ops) % 4];
        sep[i] = (struct hob_slice){bytes[i], k};
    }
    size_t end = find(sep, n, max, &which);
    int rc = hob_read_until_any(s, sep, (size_t)n, max, &got);
    if (end) {
        /* Two separators may be the same one. */
        CHECK(rc > 0 && sep[rc - 1].size == sep[which].size &&
              memcmp(sep[rc - 1].at, sep[which].at, sep[which].size) == 0);
        same(got, end);
        at += end;
    } else if (left() >= max) {
        CHECK(rc == HOB_E_LIMIT);
    } else {
        ended(rc, left() ? HOB_E_EOF : 0);
        if (rc == 0) CHECK(got.size == 0);
    }
}

static void read_line(struct hob_stream *s, size_t max) {
    struct hob_slice got, newline = {"\n", 1};
    int which;
    size_t end = find(&newline, 1, max, &which);
    int rc = hob_read_line(s, max, &got);
    if (!end && left() >= max) {
        CHECK(rc == HOB_E_LIMIT);
        return;
    }
    if (!end && (left() == 0 || source.error)) {
        ended(rc, 0);
        return;
    }
    size_t n = end ? end - 1 : left();
    if (end && n > 0 && text[at + n - 1] == '\r') n--;
    CHECK(rc == 1);
    same(got, n);
    CHECK(got.at[n] == 0);
    at = end ? at + end : size;
}

static void skip_until(struct hob_stream *s) {
    char sep[5] = "";
    int which;
    size_t n = 1 + fuzz_byte(&ops) % 4;
    for (size_t i = 0; i < n; i++) sep[i] = "\r\nab"[fuzz_byte(&ops) % 4];
    size_t end = find(&(struct hob_slice){sep, n}, 1, size, &which);
    int rc = hob_skip_until(s, sep);
    if (end)
        CHECK(rc == 1);
    else
        ended(rc, 0);
    if (end)
        at += end;
    else if (!source.error)
        at = size;
    else if (left() >= n) /* what may have been a separator's beginning is still there */
        at = size - (n - 1);
}

static void exactly(struct hob_stream *s, size_t n) {
    char *buf = edge_room(n);
    ssize_t rc = hob_read_exactly(s, buf, n);
    if (left() >= n) {
        CHECK(rc == (ssize_t)n);
        same((struct hob_slice){buf, n}, n);
        at += n;
    } else {
        ended(rc, HOB_E_EOF);
    }
}

static void some(struct hob_stream *s, size_t n) {
    char *buf = edge_room(n);
    ssize_t rc = hob_read(s, buf, n);
    if (n == 0 || left() == 0) {
        if (n > 0) ended(rc, 0);
        return;
    }
    CHECK(rc > 0 && (size_t)rc <= n && (size_t)rc <= left());
    same((struct hob_slice){buf, (size_t)rc}, (size_t)rc);
    at += (size_t)rc;
}

static void peek(struct hob_stream *s, size_t n) {
    struct hob_slice view;
    ssize_t rc = hob_peek(s, n, &view);
    if (left() < n && source.error) {
        CHECK(rc == source.error);
        return;
    }
    CHECK(rc >= 0 && (size_t)rc == view.size && view.size <= left());
    CHECK(view.size >= n || view.size == left());
    same(view, view.size);
}

static void skip(struct hob_stream *s, size_t n) {
    int64_t rc = hob_skip(s, (int64_t)n);
    if (left() < n && source.error)
        CHECK(rc == source.error);
    else
        CHECK(rc == (int64_t)(left() < n ? left() : n));
    at += left() < n ? left() : n;
}

static void read_all(struct hob_stream *s, size_t max) {
    struct hob_slice all;
    ssize_t rc = hob_read_all(s, max, &all);
    if (left() > max) {
        CHECK(rc == HOB_E_LIMIT);
    } else if (source.error) {
        CHECK(rc == source.error);
    } else {
        CHECK(rc == (ssize_t)left() && all.at[all.size] == 0);
        same(all, left());
        at = size;
    }
}

static int scenario(void) {
    struct hob_stream *s = source_open(&source);
    for (int i = 0; i < 64 && ops.left > 0; i++) {
        unsigned op = fuzz_byte(&ops);
        size_t n = fuzz_byte(&ops);
        if (op & 64) n *= 97; /* beyond what goes through the buffer, beyond a chunk */
        switch (op % 8) {
        case 0:
            read_until(s, 1 + op / 8 % 3, n + 1);
            break;
        case 1:
            read_line(s, n + 1);
            break;
        case 2:
            skip_until(s);
            break;
        case 3:
            exactly(s, n);
            break;
        case 4:
            some(s, n);
            break;
        case 5:
            peek(s, n);
            break;
        case 6:
            skip(s, n);
            break;
        default:
            read_all(s, n);
        }
    }
    hob_close(s);
    return 0;
}
HOB_TASK(scenario)

/* How it is cut, how it ends, how often the bytes come; the calls up to 64 bytes; the bytes. */
FUZZ(data, n) {
    static uint8_t all[1 << 16];
    if (n < 4 || n > 4096) return;
    size_t calls = n - 4 < 64 ? n - 4 : 64, bytes = n - 4 - calls;
    unsigned times = data[2] % 16 + 1;
    ops = (struct fuzz_input){data + 4, calls};
    size = at = 0;
    for (unsigned i = 0; i < times && size + bytes <= sizeof all; i++, size += bytes)
        if (bytes) memcpy(all + size, data + 4 + calls, bytes);
    text = all;
    source = (struct world_source){.at = (const uint8_t *)all,
                                   .left = size,
                                   .cut = data[0],
                                   .most = 1u << data[1] % 15,
                                   .error = data[3] & 1 ? -ECONNRESET : 0};
    CHECK(world_run(scenario) == 0);
}
