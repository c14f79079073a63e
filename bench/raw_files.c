/* raw_files.c - files_20000: us of CPU time to open, read and close a file of 4 KiB that is in the
 * page cache, one after another. */
#include "files.h"

static char buf[FILE_BYTES];

static void pass(void) {
    for (int i = 0; i < FILES; i++) {
        int fd = open(files_names[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, buf, sizeof buf) != FILE_BYTES) BENCH_FAIL("%s", files_names[i]);
        close(fd);
    }
}

int main(void) {
    files_name_all();
    FILES_MEASURE(pass());
    return 0;
}
