/* hob_files.c - files_20000: us of CPU time to open, read and close a file of 4 KiB that is in the
 * page cache, a hundred tasks at it. */
#include "files.h"

#include <hob/file.h>
#include <hob/hob.h>

static int reader(int *next) {
    char buf[FILE_BYTES];
    while (*next < FILES) {
        struct hob_file *f;
        HOB_TRY(hob_open(files_names[(*next)++], "r", &f));
        ssize_t n = hob_file_read(f, buf, sizeof buf);
        hob_file_close(f);
        HOB_TRY(n);
        if (n != FILE_BYTES) return hob_fail(-EIO, "a file is short");
    }
    return 0;
}
HOB_TASK(reader, int *)

static int pass(void) {
    int next = 0;
    HOB_SCOPE(s);
    for (int i = 0; i < IN_FLIGHT; i++) hob_spawn(s, reader, &next);
    return hob_join(s);
}

static int app(void) {
    struct hob_loop_info info;
    const char *wanted = getenv("HOB_BACKEND");
    HOB_TRY(hob_loop_info(&info));
    if (wanted && strcmp(wanted, info.backend) != 0)
        return hob_fail(-ENOTSUP, "no %s: %s", wanted, info.backend_why);
    FILES_MEASURE(HOB_TRY(pass()));
    return 0;
}
HOB_TASK(app)

int main(int argc, char **argv) {
    if (argc > 1) setenv("HOB_BACKEND", argv[1], 1);
    files_name_all();
    int rc = hob_run(app);
    if (rc < 0) BENCH_FAIL("files_20000: %s", hob_strerror(rc));
    return 0;
}
