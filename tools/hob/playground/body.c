/* playground/body.c - bodies of a given size, shape or pace. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "playground/routes.h"
#include "tool.h"

enum {
    PIECE = 16384, /* bytes that are sent at once */
    BYTES_MAX = 1 << 30,
    LINES_MAX = 100,
    DRIP_MAX = 10 << 20,
    SECONDS_MAX = 3600
};

int answer_delay(const struct ask *a) {
    char *end, text[64];
    double seconds = strtod(a->words[0], &end);
    if (end == a->words[0] || *end || !(seconds >= 0) || seconds > SECONDS_MAX)
        return answer_error(a->req, 400, "the delay is a number of seconds from 0 to 3600");
    if (seconds > 0) HOB_TRY(hob_sleep(seconds));
    int n = snprintf(text, sizeof text, "{\"delay\": %g}\n", seconds);
    return answer_json(a->req, 200, text, (size_t)n);
}

/* ---- random bytes ---- */

/* Steele, Lea, Flood: SplitMix64. Not for secrets. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* piece: a multiple of 8, PIECE at most. */
static int send_random(const struct ask *a, size_t left, uint64_t state, size_t piece,
                       bool chunked) {
    uint64_t bytes[PIECE / sizeof(uint64_t)];
    HOB_TRY(hob_respond_begin(a->req, 200,
                              HOB_HEADERS({"content-type", "application/octet-stream"}),
                              chunked ? -1 : (int64_t)left));
    while (left > 0) {
        size_t n = left < piece ? left : piece;
        for (size_t i = 0; i * sizeof bytes[0] < n; i++) bytes[i] = next_random(&state);
        HOB_TRY(hob_respond_write(a->req, bytes, n));
        left -= n;
    }
    return hob_respond_end(a->req);
}

static int random_bytes(const struct ask *a, bool chunked) {
    size_t n, seed = 0, piece = chunked ? 10240 : PIECE;
    if (!parse_count(a->words[0], 0, BYTES_MAX, &n))
        return answer_error(a->req, 400, "the size is a number from 0 to 1073741824");
    char text[32];
    int rc = ask_text(a, "seed", text, sizeof text);
    if (rc < 0 || (rc > 0 && !parse_count(text, 0, SIZE_MAX, &seed)))
        return answer_error(a->req, 400, "the seed is a whole number");
    if (rc == 0 && getrandom(&seed, sizeof seed, 0) < 0) return -errno;
    if (chunked && !ask_count(a, "chunk_size", 1, PIECE, &piece))
        return answer_error(a->req, 400, "the chunk_size is a number from 1 to 16384");
    return send_random(a, n, seed, piece, chunked);
}

int answer_bytes(const struct ask *a) { return random_bytes(a, false); }
int answer_stream_bytes(const struct ask *a) { return random_bytes(a, true); }

/* ---- lines, drops, letters ---- */

int answer_stream(const struct ask *a) {
    size_t n;
    struct page p;
    if (!parse_count(a->words[0], 0, LINES_MAX, &n))
        return answer_error(a->req, 400, "the number of lines is one from 0 to 100");
    HOB_TRY(page_open(&p));
    int rc = print_request(p.out, a, " ");
    HOB_TRY(page_close(&p));
    for (size_t i = 0; i < p.size; i++)
        if (p.text[i] == '\n') p.text[i] = ' ';
    if (rc >= 0)
        rc = hob_respond_begin(a->req, 200, HOB_HEADERS({"content-type", "application/json"}), -1);
    for (size_t i = 0; i < n && rc >= 0; i++) {
        char *line;
        int size = asprintf(&line, "{\"id\": %zu,%s}\n", i, p.text);
        if (size < 0) rc = -ENOMEM;
        if (rc >= 0) rc = hob_respond_write(a->req, line, (size_t)size);
        if (size >= 0) free(line);
    }
    free(p.text);
    return rc < 0 ? rc : hob_respond_end(a->req);
}

int answer_drip(const struct ask *a) {
    size_t n = 10, code = 200;
    double duration = 2, delay = 0;
    if (!ask_count(a, "numbytes", 1, DRIP_MAX, &n) || !ask_count(a, "code", 200, 599, &code) ||
        !ask_seconds(a, "duration", SECONDS_MAX, &duration) ||
        !ask_seconds(a, "delay", SECONDS_MAX, &delay) || code == 204 || code == 304)
        return answer_error(a->req, 400,
                            "numbytes is 1 to 10485760, duration and delay are seconds, up to 3600,"
                            " code is a status with a body");
    if (delay > 0) HOB_TRY(hob_sleep(delay));
    HOB_TRY(hob_respond_begin(
        a->req, (int)code, HOB_HEADERS({"content-type", "application/octet-stream"}), (int64_t)n));
    uint64_t began = hob_now();
    for (size_t i = 0; i < n; i++) {
        HOB_TRY(hob_respond_write(a->req, "*", 1));
        double at = duration * (double)(i + 1) / (double)n;
        if (duration > 0) HOB_TRY(hob_sleep_until(began + (uint64_t)(at * 1e9)));
    }
    return hob_respond_end(a->req);
}

/* One range, "bytes=1-5", "bytes=5-", "bytes=-5": 1; 0: another header, which is ignored; -1: there
 * is nothing of it. */
static int parse_range(const char *header, size_t size, size_t *from, size_t *count) {
    if (!header || strncmp(header, "bytes=", 6) != 0) return 0;
    const char *dash = strchr(header, '-');
    char first[24] = "", last[24] = "";
    if (!dash || dash - header - 6 >= (int)sizeof first || strlen(dash + 1) >= sizeof last)
        return 0;
    memcpy(first, header + 6, (size_t)(dash - header - 6));
    strcpy(last, dash + 1);
    size_t begin = 0, end = SIZE_MAX;
    if (*first && !parse_count(first, 0, SIZE_MAX, &begin)) return 0;
    if (*last && !parse_count(last, 0, SIZE_MAX, &end)) return 0;
    if (!*first && !*last) return 0;
    if (!*first) { /* the last `end` of them */
        begin = end < size ? size - end : 0;
        if (end == 0) return -1;
        end = SIZE_MAX;
    }
    if (*first && end < begin) return 0;
    if (begin >= size) return -1;
    if (end >= size) end = size - 1;
    *from = begin;
    *count = end - begin + 1;
    return 1;
}

static int send_letters(const struct ask *a, size_t at, size_t left, size_t piece, double pause) {
    char letters[PIECE];
    while (left > 0) {
        size_t n = left < piece ? left : piece;
        for (size_t i = 0; i < n; i++) letters[i] = (char)('a' + (at + i) % 26);
        HOB_TRY(hob_respond_write(a->req, letters, n));
        at += n;
        left -= n;
        if (left > 0 && pause > 0) HOB_TRY(hob_sleep(pause));
    }
    return hob_respond_end(a->req);
}

int answer_range(const struct ask *a) {
    size_t size, piece = 10240, from = 0, count;
    double duration = 0;
    char etag[40], range[80];
    if (!parse_count(a->words[0], 1, DRIP_MAX, &size))
        return answer_error(a->req, 400, "the size is a number from 1 to 10485760");
    if (!ask_count(a, "chunk_size", 1, PIECE, &piece) ||
        !ask_seconds(a, "duration", SECONDS_MAX, &duration))
        return answer_error(a->req, 400, "chunk_size is 1 to 16384, duration seconds, up to 3600");
    count = size;
    snprintf(etag, sizeof etag, "\"range%zu\"", size);
    int part = parse_range(hob_request_header(a->req, "range"), size, &from, &count);
    if (part < 0) {
        snprintf(range, sizeof range, "bytes */%zu", size);
        return answer_empty(a->req, 416, HOB_HEADERS({"etag", etag}, {"content-range", range}));
    }
    snprintf(range, sizeof range, "bytes %zu-%zu/%zu", from, from + count - 1, size);
    HOB_TRY(hob_respond_begin(a->req, part ? 206 : 200,
                              HOB_HEADERS({"content-type", "application/octet-stream"},
                                          {"accept-ranges", "bytes"}, {"etag", etag},
                                          {part ? "content-range" : NULL, range}),
                              (int64_t)count));
    size_t pieces = (count + piece - 1) / piece;
    return send_letters(a, from, count, piece, duration / (double)pieces);
}
