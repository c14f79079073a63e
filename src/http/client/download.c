/* http/client/download.c - GET into a file, in as many answers as it takes (RFC 9110, 13.1.5, 14).
 *
 * What has come lies in a file of its own until it is complete: a nameless temporary of
 * hob_open_replacing(), or PATH.part when it is to outlive the call. What is known of it is the
 * validator that came with its first byte; only with a strong one it may be gone on with, since the
 * server then says itself (If-Range) whether the rest still fits. */
#include <hob/cookies.h>
#include <hob/error.h>
#include <hob/hob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/client/client.h"
#include "http/client/save.h"
#include "http/cookie.h"

enum { VALIDATOR = 512, INFO_MAX = 16384 };

struct download {
    struct hob_client *client;
    const char *url, *path;
    struct hob_download_options options;
    struct hob__sink sink;
    char *part, *info;         /* the names, when it is to be resumed */
    char validator[VALIDATOR]; /* an ETag, or a date; "" = none */
    bool whole;                /* the next request is for all of it */
    char range[64];
};

/* ---- what is known of a part ---- */

/* "hob-part 1\nURL\nVALIDATOR\n" */
static int write_info(struct download *d) {
    char *text;
    if (!d->info || !d->validator[0]) return 0;
    size_t n = strlen(d->url) + strlen(d->validator) + 20;
    if (!(text = hob__alloc(n))) return -ENOMEM;
    int size = snprintf(text, n, "hob-part 1\n%s\n%s\n", d->url, d->validator);
    int rc = hob_write_file(d->info, text, (size_t)size);
    hob__free(text);
    return rc;
}

/* The validator of the part that is there; "" when it is of something else. */
static void read_info(struct download *d) {
    char *text;
    size_t n, url = strlen(d->url);
    d->validator[0] = 0;
    if (hob_read_file(d->info, &text, &n, INFO_MAX) < 0) {
        hob_error_clear();
        return;
    }
    char *at = text;
    bool ours = strncmp(at, "hob-part 1\n", 11) == 0 && strncmp(at + 11, d->url, url) == 0 &&
                at[11 + url] == '\n';
    if (ours) {
        at += 12 + url;
        size_t size = strcspn(at, "\n");
        if (at[size] == '\n' && size < VALIDATOR) memcpy(d->validator, at, size);
        if (at[size] == '\n' && size < VALIDATOR) d->validator[size] = 0;
    }
    hob_file_free(text);
}

/* A strong validator (RFC 9110, 8.8.3, 8.8.2.2), or "". */
static void take_validator(struct download *d, const struct hob_response *res) {
    const char *etag = hob_response_header(res, "etag");
    const char *changed = hob_response_header(res, "last-modified");
    const char *date = hob_response_header(res, "date");
    int64_t changed_at, at;
    d->validator[0] = 0;
    if (etag && *etag == '"' && strlen(etag) < VALIDATOR)
        strcpy(d->validator, etag);
    else if (!etag && changed && date && strlen(changed) < VALIDATOR &&
             hob__cookie_date(changed, strlen(changed), &changed_at) &&
             hob__cookie_date(date, strlen(date), &at) && at > changed_at)
        strcpy(d->validator, changed);
}

/* ---- the file ---- */

static int open_part(struct download *d) {
    size_t n = strlen(d->path) + 16;
    d->part = hob__alloc(n);
    d->info = hob__alloc(n);
    if (!d->part || !d->info) return hob_fail(-ENOMEM, "no memory for a download");
    snprintf(d->part, n, "%s.part", d->path);
    snprintf(d->info, n, "%s.part.info", d->path);
    int rc = hob_open_flags(d->part, O_RDWR | O_CREAT, 0666, &d->sink.file);
    if (rc < 0) return rc;
    read_info(d);
    int64_t size = hob_file_size(d->sink.file);
    if (size < 0) return (int)size;
    d->sink.done = d->validator[0] ? size : 0;
    if (d->options.resumed) *d->options.resumed = d->sink.done;
    return 0;
}

static int begin_anew(struct download *d) {
    d->sink.done = 0;
    d->whole = false;
    return hob_file_truncate(d->sink.file, 0);
}

static int complete(struct download *d) {
    if (!d->part) return hob_file_commit(d->sink.file);
    int rc = hob_file_sync(d->sink.file);
    if (rc == 0) rc = hob_rename(d->part, d->path);
    if (rc == 0) hob_unlink(d->info);
    return rc;
}

/* A part that cannot be gone on with is none. */
static int drop_useless(struct download *d) {
    if (!d->sink.file || (d->validator[0] && d->sink.done > 0)) return 0;
    hob_unlink(d->info);
    return hob_unlink(d->part);
}

/* ---- answers ---- */

/* Up to 18 digits; -1: there are none, or more. */
static int64_t take_number(const char **at) {
    int64_t n = 0;
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > 18) return -1;
    for (; digits > 0; digits--) n = n * 10 + (*(*at)++ - '0');
    return n;
}

/* "bytes 0-99/100", "bytes 0-99/" and a star, "bytes " and a star "/100": first -1 and total -1 are
 * stars. */
static bool parse_range(const char *text, int64_t *first, int64_t *last, int64_t *total) {
    *first = *last = *total = -1;
    if (!text || strncasecmp(text, "bytes ", 6) != 0) return false;
    text += 6;
    if (*text == '*') {
        text++;
    } else {
        *first = take_number(&text);
        if (*first < 0 || *text++ != '-') return false;
        *last = take_number(&text);
        if (*last < *first) return false;
    }
    if (*text++ != '/') return false;
    if (strcmp(text, "*") == 0) return *first >= 0;
    *total = take_number(&text);
    return *total >= 0 && !*text && *last < *total;
}

/* The rest of it? 0: yes; 1: it has changed; or an error. */
static int judge_part(struct download *d, const struct hob_response *res) {
    int64_t first, last, total, size = hob_response_size(res);
    const char *said = hob_response_header(res, "content-range");
    const char *etag = hob_response_header(res, "etag");
    bool ours = d->range[0] && parse_range(said, &first, &last, &total) && first == d->sink.done &&
                (size < 0 || size == last - first + 1) && (total < 0 || last == total - 1) &&
                !hob_response_header(res, "content-encoding");
    if (!ours)
        return hob_fail(HOB_E_HTTP_RANGE, "%s: the part \"%.100s\" was not asked for",
                        hob_response_url(res), said ? said : "(no Content-Range)");
    d->sink.total = total;
    return d->validator[0] == '"' && etag && strcmp(etag, d->validator) != 0;
}

/* 0: its body is to be taken; 1: it is to be asked for again, whole; 2: nothing is missing; or an
 * error. */
static int judge(struct download *d, const struct hob_response *res) {
    int64_t first, last, total;
    int status = hob_response_status(res), rc;
    if (status == 206) return judge_part(d, res);
    if (status == 416 && d->range[0]) {
        bool known = parse_range(hob_response_header(res, "content-range"), &first, &last, &total);
        return known && first < 0 && total == d->sink.done ? 2 : 1;
    }
    if (status != 200)
        return hob_fail(HOB_E_HTTP_STATUS, "GET %s: %d %s", hob_response_url(res), status,
                        hob_http_phrase(status));
    rc = begin_anew(d);
    d->sink.total = hob_response_size(res);
    if (d->sink.max && d->sink.total > d->sink.max)
        return hob_fail(HOB_E_LIMIT, "%s: %lld bytes, more than %lld", hob_response_url(res),
                        (long long)d->sink.total, (long long)d->sink.max);
    take_validator(d, res);
    if (hob_response_header(res, "content-encoding")) d->validator[0] = 0;
    if (rc == 0 && !d->validator[0] && d->info) {
        rc = hob_unlink(d->info);
        if (rc == -ENOENT) rc = 0;
    }
    return rc < 0 ? rc : write_info(d);
}

/* The caller's headers, and what asks for the rest. NULL without memory. */
static struct hob_header *headers(struct download *d) {
    const struct hob_header *own = d->options.request.headers;
    size_t n = 0;
    bool coding = false;
    for (; own && own[n].name; n++) coding |= strcasecmp(own[n].name, "accept-encoding") == 0;
    struct hob_header *all = hob__alloc((n + 4) * sizeof *all);
    if (!all) return NULL;
    if (n) memcpy(all, own, n * sizeof *all);
    d->range[0] = 0;
    /* Ranges count the bytes as they are sent. */
    if (!coding) all[n++] = (struct hob_header){"Accept-Encoding", "identity"};
    if (d->sink.done > 0 && d->validator[0] && !d->whole) {
        snprintf(d->range, sizeof d->range, "bytes=%" PRId64 "-", d->sink.done);
        all[n++] = (struct hob_header){"Range", d->range};
        all[n++] = (struct hob_header){"If-Range", d->validator};
    }
    all[n] = (struct hob_header){NULL, NULL};
    return all;
}

/* One answer: 0: complete; 1: once more, whole; or an error. */
static int one_answer(struct download *d) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    struct hob_fetch_options request = d->options.request;
    struct hob_header *all = headers(d);
    if (!all) return hob_fail(-ENOMEM, "no memory for a download");
    request.headers = all;
    request.fail_on_status = false;
    int rc = hob__client_request(d->client, "GET", d->url, &res, request);
    hob__free(all);
    if (rc == 0) rc = judge(d, res);
    if (rc == 2) return 0;
    if (rc == 1) d->whole = true;
    return rc == 0 ? hob__sink_take(&d->sink, res) : rc;
}

static int all_answers(struct download *d) {
    double wait = d->options.retry_delay > 0 ? d->options.retry_delay : 1;
    for (unsigned tried = 0, whole = 0;;) {
        int64_t before = d->sink.done;
        int rc = one_answer(d);
        if (rc == 1 && ++whole > 3)
            return hob_fail(HOB_E_HTTP_RANGE, "%s: it changes again and again", d->url);
        if (rc == 1) continue;
        if (rc == 0 || !hob__passing_error(rc)) return rc;
        if (d->sink.done > before && d->validator[0]) tried = 0;
        if (tried >= d->options.retries) return rc;
        double seconds = wait * (double)(1u << (tried < 10 ? tried : 10));
        tried++;
        HOB_TRY(hob_sleep(seconds < 30 ? seconds : 30));
    }
}

int64_t hob__download(struct hob_client *client, const char *url, const char *path,
                      struct hob_download_options options) {
    struct download d = {.client = client, .url = url, .path = path, .options = options};
    d.sink.progress = options.progress;
    d.sink.arg = options.arg;
    d.sink.max = options.max;
    d.sink.total = -1;
    if (options.resumed) *options.resumed = 0;
    int rc = options.resume ? open_part(&d) : hob_open_replacing(path, &d.sink.file);
    if (rc == 0) rc = hob__sink_open(&d.sink);
    if (rc == 0) rc = all_answers(&d);
    if (rc == 0) rc = complete(&d);
    if (rc < 0 && d.part) hob_shielded(drop_useless(&d));
    int closed = hob_file_close(d.sink.file);
    if (rc == 0) rc = closed;
    hob__sink_close(&d.sink);
    hob__free(d.part);
    hob__free(d.info);
    return rc < 0 ? rc : d.sink.done;
}
