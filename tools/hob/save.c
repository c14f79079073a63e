/* save.c - files for bodies, and taking a run up again: see save.h. */
#include "save.h"

#include <ctype.h>
#include <errno.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "json_lines.h"

int save_folder(const char *path) {
    struct stat st;
    size_t n = strlen(path);
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode)) return 1;
        return n && path[n - 1] == '/' ? -ENOTDIR : 0;
    }
    if (n == 0 || path[n - 1] != '/') return 0;
    if (errno != ENOENT) return -errno;
    return mkdir(path, 0777) < 0 ? -errno : 1;
}

bool save_path(const char *folder, const char *url, char path[SAVE_PATH_MAX]) {
    enum { NAME_MAX_LENGTH = 150 };
    char name[NAME_MAX_LENGTH + 1];
    size_t n = 0;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *p = url; *p; p++) hash = (hash ^ (unsigned char)*p) * 16777619u;
    const char *from = strstr(url, "://");
    for (from = from ? from + 3 : url; *from && n < NAME_MAX_LENGTH; from++)
        name[n++] = isalnum((unsigned char)*from) || strchr(".-", *from) ? *from : '_';
    while (n && name[n - 1] == '_') n--;
    name[n] = 0;
    int length =
        snprintf(path, SAVE_PATH_MAX, "%s%s%s%s-%08x", folder,
                 folder[strlen(folder) - 1] == '/' ? "" : "/", *name == '.' ? "_" : "", name, hash);
    return length < SAVE_PATH_MAX;
}

static int add_done(void *arg, const struct hob_json *line) {
    const char *url = hob_json_string(hob_json_get(line, "url"), NULL);
    const struct hob_json *error = hob_json_get(line, "error");
    if (!url || !error) return -EBADMSG;
    return hob_json_type(error) == HOB_JSON_NULL ? url_set_add(arg, url, NULL) : 0;
}

int save_load_results(struct output *out, struct url_set *done) {
    char *text = NULL;
    size_t size = 0;
    if (!out->is_file) return 0;
    int rc = hob_read_file(out->name, &text, &size, (size_t)1 << 40);
    if (rc >= 0) rc = json_lines(text, size, add_done, done);
    if (rc >= 0) rc = json_lines_mend(out->fd, text, size);
    hob_file_free(text);
    return rc < 0 ? rc : 0;
}
