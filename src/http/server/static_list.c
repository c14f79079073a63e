/* http/server/static_list.c - a folder's names as a page. */
#include <errno.h>
#include <hob/hob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "http/server/static.h"

enum { NAMES_MAX = 10000 };

struct name {
    bool folder;
    int64_t size, modified;
    char *text;
};
struct list {
    struct name *names;
    size_t count, room;
};

static void free_list(struct list *l) {
    for (size_t i = 0; i < l->count; i++) hob__free(l->names[i].text);
    hob__free(l->names);
}

/* What it is; of a symbolic link what it leads to, if that is in the folder. False: leave it out.
 */
static bool look_at(struct hob_file *folder, const struct hob_entry *entry, struct stat *st) {
    if (hob_lstat(entry->path, st) < 0) return false;
    if (!S_ISLNK(st->st_mode)) return true;
    HOB_FILE(target);
    return hob_open_below(folder, entry->name, &target) == 0 && hob_file_stat(target, st) == 0;
}

static int add(struct list *l, struct hob_file *folder, const struct hob_entry *entry) {
    struct stat st;
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        struct name *grown = hob__realloc(l->names, room * sizeof *grown);
        if (!grown) return -ENOMEM;
        l->names = grown;
        l->room = room;
    }
    if (!look_at(folder, entry, &st)) return hob_check();
    char *text = hob__strdup(entry->name);
    if (!text) return -ENOMEM;
    l->names[l->count++] =
        (struct name){S_ISDIR(st.st_mode), (int64_t)st.st_size, (int64_t)st.st_mtime, text};
    return 0;
}

/* Folders first, then by name. */
static int order(const void *a, const void *b) {
    const struct name *x = a, *y = b;
    if (x->folder != y->folder) return x->folder ? -1 : 1;
    return strcmp(x->text, y->text);
}

static int read_names(struct hob_static *s, struct hob_file *folder, struct list *l) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", hob_file_fd(folder)); /* whatever its name is */
    HOB_EACH(struct hob_entry *, entry, hob_scandir, path) {
        if (entry->name[0] == '.' && !s->options.hidden) continue;
        if (l->count == NAMES_MAX) break;
        HOB_TRY(add(l, folder, entry));
    }
    if (l->count) qsort(l->names, l->count, sizeof *l->names, order);
    return 0;
}

/* ---- the page ---- */

enum { PAGE_MAX = 16 << 20 };

static int put(struct hob__buffer *b, const char *text, size_t n) {
    return hob__buffer_append(b, text, n, PAGE_MAX);
}
static int put_text(struct hob__buffer *b, const char *text) { return put(b, text, strlen(text)); }

static int put_escaped(struct hob__buffer *b, const char *text) {
    for (;;) {
        size_t n = strcspn(text, "<>&\"'");
        int rc = put(b, text, n);
        if (rc < 0 || !text[n]) return rc;
        const char *as = text[n] == '<'   ? "&lt;"
                         : text[n] == '>' ? "&gt;"
                         : text[n] == '&' ? "&amp;"
                         : text[n] == '"' ? "&quot;"
                                          : "&#39;";
        rc = put_text(b, as);
        if (rc < 0) return rc;
        text += n + 1;
    }
}

static int put_name(struct hob__buffer *b, const struct name *name) {
    char link[3 * 255 + 2], tail[96], when[24] = "";
    struct tm tm;
    time_t t = (time_t)name->modified;
    if (gmtime_r(&t, &tm)) strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
    hob_url_encode(name->text, strlen(name->text), NULL, link, sizeof link);
    const char *slash = name->folder ? "/" : "";
    int rc = put_text(b, "<tr><td><a href=\"./"); /* "./": a name may look like a scheme */
    if (rc == 0) rc = put_text(b, link);
    if (rc == 0) rc = put_text(b, slash);
    if (rc == 0) rc = put_text(b, "\">");
    if (rc == 0) rc = put_escaped(b, name->text);
    if (name->folder)
        snprintf(tail, sizeof tail, "/</a><td><td>%s\n", when);
    else
        snprintf(tail, sizeof tail, "</a><td>%lld<td>%s\n", (long long)name->size, when);
    return rc < 0 ? rc : put_text(b, tail);
}

static int put_page(struct hob__buffer *b, const struct list *l, const char *path) {
    static const char
        head[] = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
        style[] =
            "</title>\n<style>body{font:1em/1.5 system-ui,sans-serif;margin:2em;max-width:60em}"
            "td{padding:0 2em 0 0}td:nth-child(2){text-align:right}</style>\n<h1>",
        table[] = "</h1>\n<table>\n", up[] = "<tr><td><a href=\"../\">../</a><td><td>\n",
        end[] = "</table>\n</html>\n";
    int rc = put_text(b, head);
    if (rc == 0) rc = put_escaped(b, path);
    if (rc == 0) rc = put_text(b, style);
    if (rc == 0) rc = put_escaped(b, path);
    if (rc == 0) rc = put_text(b, table);
    if (rc == 0 && strcmp(path, "/") != 0) rc = put_text(b, up);
    for (size_t i = 0; i < l->count && rc == 0; i++) rc = put_name(b, &l->names[i]);
    return rc < 0 ? rc : put_text(b, end);
}

int hob__static_list(struct hob_static *s, struct hob_request *req, struct hob_file *folder,
                     const char *path) {
    struct list l = {0};
    struct hob__buffer b = {0};
    int rc = read_names(s, folder, &l);
    if (rc == 0) rc = put_page(&b, &l, path);
    free_list(&l);
    if (rc == 0)
        rc = hob_respond(req, 200,
                         HOB_HEADERS({"Content-Type", "text/html; charset=utf-8"},
                                     {"Cache-Control", "no-cache"}),
                         hob__buffer_bytes(&b), hob__buffer_size(&b));
    hob__buffer_free(&b);
    return rc;
}
