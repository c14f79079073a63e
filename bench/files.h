/* files.h - the folder of files_20000: 20,000 files of 4 KiB in /tmp/hob-bench-files (or where the
 * environment's BENCH_FILES says), made by the first program, and kept. */
#ifndef HOB_BENCH_FILES_H
#define HOB_BENCH_FILES_H
#include "bench.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 20000, FILE_BYTES = 4096, IN_FLIGHT = 100 };

static char files_names[FILES][96];

static void files_name_all(void) {
    static char bytes[FILE_BYTES];
    const char *folder = getenv("BENCH_FILES");
    if (!folder) folder = "/tmp/hob-bench-files";
    mkdir(folder, 0700);
    for (int i = 0; i < FILES; i++) {
        snprintf(files_names[i], sizeof files_names[i], "%.80s/%05d", folder, i);
        int fd = open(files_names[i], O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0) continue;
        if (write(fd, bytes, sizeof bytes) != FILE_BYTES) BENCH_FAIL("%s", files_names[i]);
        close(fd);
    }
}

static void files_result(double us) { bench_result("files_20000", us, "us"); }

/* Does `pass`, all the files, once to warm up, and once for each line of standard input: prints the
 * us of CPU time for each file. */
#define FILES_MEASURE(pass)                                                                        \
    do {                                                                                           \
        char files_line[16];                                                                       \
        pass;                                                                                      \
        files_result(0);                                                                           \
        while (fgets(files_line, sizeof files_line, stdin)) {                                      \
            uint64_t files_start = bench_cpu();                                                    \
            pass;                                                                                  \
            files_result((double)(bench_cpu() - files_start) / FILES * 1e-3);                      \
        }                                                                                          \
    } while (0)
#endif
