/* input.c - reading URLs: see input.h. */
#include "input.h"

#include <fcntl.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/net.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN_OF_LONG_LINE = 100 };

struct line {
    const char *text;
    size_t size;
};

int input_open(struct input *in, char **urls, size_t url_count, const char *path) {
    *in = (struct input){.urls = urls, .url_count = url_count, .fd = -1, .ended = true};
    if (!path) return 0;
    struct stat st;
    bool standard = strcmp(path, "-") == 0;
    in->name = standard ? "standard input" : path;
    in->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (in->fd < 0 || fstat(in->fd, &st) < 0) return -errno;
    if (S_ISDIR(st.st_mode)) return -EISDIR;
    in->is_file = S_ISREG(st.st_mode);
    if (in->is_file && standard) in->offset = in->first = lseek(in->fd, 0, SEEK_CUR);
    in->buf = malloc(INPUT_LINE_MAX);
    in->ended = false;
    return in->buf ? 0 : -ENOMEM;
}

void input_close(struct input *in) {
    free(in->buf);
    if (in->fd > STDIN_FILENO) close(in->fd);
    in->buf = NULL;
    in->fd = -1;
}

/* A regular file is read by the loop; of a pipe or a terminal is asked first, since a read would
 * hold everybody up. */
static ssize_t read_some(struct input *in, char *buf, size_t n) {
    if (in->is_file) {
        struct iovec iov = {buf, n};
        ssize_t got = hob_preadv(in->fd, &iov, 1, in->offset);
        if (got > 0) in->offset += got;
        return got;
    }
    for (;;) {
        HOB_TRY(hob_poll(in->fd, POLLIN));
        ssize_t got = read(in->fd, buf, n);
        if (got >= 0) return got;
        if (errno != EAGAIN && errno != EINTR) return -errno;
    }
}

/* More bytes behind those that are there; 0 at the end of the file. */
static ssize_t fill(struct input *in) {
    memmove(in->buf, in->buf + in->start, in->end - in->start);
    in->end -= in->start;
    in->start = 0;
    ssize_t n = read_some(in, in->buf + in->end, INPUT_LINE_MAX - in->end);
    if (n > 0) in->end += (size_t)n;
    if (n == 0) in->ended = true;
    return n;
}

/* Drops the rest of a line that does not fit. */
static int skip_line(struct input *in) {
    for (;;) {
        char *end = memchr(in->buf + in->start, '\n', in->end - in->start);
        if (end) {
            in->start = (size_t)(end + 1 - in->buf);
            return 0;
        }
        in->start = in->end;
        if (in->ended) return 0;
        HOB_TRY(fill(in));
    }
}

/* The next line as it stands in the buffer: 1, 0 at the end, -EMSGSIZE when it does not fit. */
static int next_line(struct input *in, struct line *line) {
    for (;;) {
        char *text = in->buf + in->start, *end = memchr(text, '\n', in->end - in->start);
        if (end || (in->ended && in->end > in->start)) {
            line->text = text;
            line->size = end ? (size_t)(end - text) : in->end - in->start;
            in->start = end ? (size_t)(end + 1 - in->buf) : in->end;
            in->line++;
            return 1;
        }
        if (in->ended) return 0;
        if (in->end - in->start == INPUT_LINE_MAX) {
            line->text = text;
            line->size = SHOWN_OF_LONG_LINE;
            in->line++;
            return -EMSGSIZE;
        }
        HOB_TRY(fill(in));
    }
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* Without the white space around it; false when there is nothing to fetch in it. */
static bool trim(struct line *line) {
    while (line->size > 0 && is_space(line->text[line->size - 1])) line->size--;
    while (line->size > 0 && is_space(*line->text)) line->text++, line->size--;
    return line->size > 0 && *line->text != '#';
}

/* Byte 0 becomes a line's end, which no line has inside and no URL may have: so it stays wrong. */
static char *copy(const char *text, size_t n) {
    char *url = malloc(n + 1);
    if (!url) return NULL;
    for (size_t i = 0; i < n; i++) url[i] = text[i] ? text[i] : '\n';
    url[n] = 0;
    return url;
}

int input_next(struct input *in, char **url) {
    struct line line;
    int rc = 1;
    if (in->next_url < in->url_count) {
        line = (struct line){in->urls[in->next_url], strlen(in->urls[in->next_url])};
        in->next_url++;
    } else {
        if (in->fd < 0) return 0;
        do rc = next_line(in, &line);
        while (rc == 1 && !trim(&line));
        if (rc != 1 && rc != -EMSGSIZE) return rc;
    }
    *url = copy(line.text, line.size);
    if (!*url) return -ENOMEM;
    if (rc == -EMSGSIZE && skip_line(in) < 0) in->ended = true;
    return rc;
}

int64_t input_count(const struct input *in) {
    struct input again = {.fd = in->fd, .is_file = true, .offset = in->first};
    struct line line;
    int64_t count = (int64_t)in->url_count;
    if (in->fd < 0) return count;
    if (!in->is_file) return -ESPIPE;
    if (!(again.buf = malloc(INPUT_LINE_MAX))) return -ENOMEM;
    int rc = 1;
    while (rc == 1 || rc == -EMSGSIZE) {
        int64_t before = again.offset;
        rc = next_line(&again, &line);
        if (rc == -EMSGSIZE && skip_line(&again) < 0) again.ended = true;
        count += rc == -EMSGSIZE || (rc == 1 && trim(&line));
        /* Others have their turn after each read. */
        if (again.offset != before && hob_yield_now() < 0) rc = -ECANCELED;
    }
    free(again.buf);
    return rc < 0 ? rc : count;
}
