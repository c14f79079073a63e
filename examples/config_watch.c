/* config_watch - a configuration is replaced five times, atomically, while another task is told of
 * each change and reads it: never half a file, and no temporary is left.
 *
 * asyncio: watchfiles.awatch(folder); os.replace() */
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/watch.h>
#include <stdio.h>
#include <string.h>

enum { VERSIONS = 5, SIZE = 100000 };

/* A long file, all of one letter. */
static int write_versions(const char *path) {
    static char text[SIZE];
    for (int i = 0; i < VERSIONS; i++) {
        memset(text, 'A' + i, sizeof text);
        HOB_TRY(hob_write_file(path, text, sizeof text));
        HOB_TRY(hob_sleep(0.05));
    }
    return 0;
}
HOB_TASK(write_versions, const char *)

static int look_at(const char *path, char *last) {
    char *text;
    size_t n;
    HOB_TRY(hob_read_file(path, &text, &n, 1 << 20));
    char letter[2] = {text[0], 0};
    size_t same = n == SIZE ? strspn(text, letter) : 0;
    *last = text[0];
    hob_file_free(text);
    if (same != SIZE) return hob_fail(-EIO, "half a file");
    printf("whole, all %c\n", *last);
    return 0;
}

static int watch_for(struct hob_watch *w, const char *path) {
    char last = 0;
    struct hob_watch_event event;
    while (last != 'A' + VERSIONS - 1) {
        HOB_TRY(hob_watch_next(w, &event));
        if (event.what == HOB_WATCH_MOVED && strcmp(event.name, "app.conf") == 0)
            HOB_TRY(look_at(path, &last));
    }
    return 0;
}

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "config_watch takes no arguments");
    char path[300];
    const char *folder;
    struct hob_watch *w;
    HOB_SCOPE(s);
    HOB_TRY(hob_temp_dir(s, NULL, &folder));
    snprintf(path, sizeof path, "%s/app.conf", folder);
    HOB_TRY(hob_watch_open(&w));
    int rc = hob_watch_add(w, folder, HOB_WATCH_MOVED);
    if (rc >= 0) {
        hob_spawn(s, write_versions, path);
        rc = watch_for(w, path);
    }
    hob_watch_close(w);
    HOB_TRY(rc);
    HOB_TRY(hob_join(s));
    HOB_EACH(struct hob_entry *, e, hob_scandir, folder) printf("in the folder: %s\n", e->name);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
