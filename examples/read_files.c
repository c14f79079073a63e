/* read_files - many files read at once, the results in order. The files, or a hundred that it
 * makes.
 *
 * asyncio: async with aiofiles.open(path) as f: await f.read(), in a gather */
#include <hob/file.h>
#include <hob/hob.h>
#include <stdio.h>

enum { MOST = 100, LIMIT = 1 << 20 };

struct content {
    char *text;
    size_t size;
};

static int read_one(const char *path, struct content *content) {
    return hob_read_file(path, &content->text, &content->size, LIMIT);
}
HOB_TASK(read_one, const char *, struct content *)

static int read_all(char *const *paths, int n) {
    struct content contents[MOST] = {{NULL, 0}};
    int rc;
    {
        HOB_SCOPE(s);
        for (int i = 0; i < n; i++) hob_spawn(s, read_one, paths[i], &contents[i]);
        rc = hob_join(s);
    }
    for (int i = 0; i < n; i++) {
        if (rc >= 0) printf("%zu bytes: %.40s", contents[i].size, contents[i].text);
        hob_file_free(contents[i].text);
    }
    return rc;
}

static int make_and_read(void) {
    static char names[MOST][300];
    char *paths[MOST];
    const char *folder;
    HOB_SCOPE(s);
    HOB_TRY(hob_temp_dir(s, NULL, &folder)); /* is removed when this block is left */
    for (int i = 0; i < MOST; i++) {
        char text[40];
        int n = snprintf(text, sizeof text, "I am file %d\n", i);
        snprintf(names[i], sizeof names[i], "%s/%d", folder, i);
        HOB_TRY(hob_append_file(names[i], text, (size_t)n));
        paths[i] = names[i];
    }
    HOB_TRY(read_all(paths, MOST));
    return hob_join(s);
}

static int app(int argc, char **argv) {
    if (argc == 1) return make_and_read();
    if (argc - 1 > MOST) return hob_fail(-EINVAL, "read_files [FILE...], at most %d", MOST);
    return read_all(argv + 1, argc - 1);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
