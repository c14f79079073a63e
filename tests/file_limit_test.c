/* file_limit_test.c - writes at the descriptor's own position when the file may grow no more, as on
 * a full disk: what the calls report is what stands in the file, in order, and in the end there is
 * an error. */
#include "test.h"

#include <fcntl.h>
#include <hob/file.h>
#include <hob/net.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 16384, PIECE = 1500, PIECES = 30 };

TASK_TEST(what_was_written_is_there_when_the_file_is_full) {
    char path[] = "/tmp/hob-limit-XXXXXX", piece[PIECE], back[MOST + 1];
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    unlink(path);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {MOST, MOST};
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ssize_t n = 0, sum = 0;
    for (int i = 0; i < PIECES && n >= 0; i++) {
        memset(piece, 'a' + i, sizeof piece);
        struct iovec iov = {piece, sizeof piece};
        n = hob_pwritev(fd, &iov, 1, -1);
        if (n > 0) sum += n;
    }
    CHECK_EQ(n, -EFBIG);
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, MOST);
    CHECK_EQ(sum, MOST);
    CHECK_EQ(pread(fd, back, sizeof back, 0), MOST);
    for (int i = 0; i < MOST; i++) CHECK_EQ(back[i], 'a' + i / PIECE);
    close(fd);
    return 0;
}

TEST_MAIN()
