/* files.h - the folder of files_20000: 20,000 files of 4 KiB in /tmp/hob-bench-files (or where the
 * environment's BENCH_FILES says), made by the first program, and kept. */
#ifndef HOB_BENCH_FILES_H
#define HOB_BENCH_FILES_H
#include "bench.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 20000, FILE_BYTES = 4096, IN_FLIGHT = 100, PASSES = 7 };

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

/* The median of PASSES passes after one to warm up; us of CPU time for each file. */
#define FILES_MEASURE(statement)                                                                   \
    do {                                                                                           \
        double files_us[PASSES + 1];                                                               \
        for (int files_i = 0; files_i <= PASSES; files_i++) {                                      \
            uint64_t files_start = bench_cpu();                                                    \
            { statement; }                                                                         \
            files_us[files_i] = (double)(bench_cpu() - files_start) / FILES * 1e-3;                \
        }                                                                                          \
        bench_result("files_20000", bench_median(files_us + 1, PASSES), "us");                     \
    } while (0)
#endif
