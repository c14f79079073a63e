/* file_test.c - open files: modes, positions, exact reads, appends, lines of all lengths, lengths,
 * what goes wrong and what is said of it; nothing leaks. */
#include "files.h"

#include <sys/mount.h>

FILE_TEST(modes) {
    HOB_FILE(f);
    CHECK_EQ(hob_open(in("a"), "r", &f), -ENOENT);
    CHECK_HAS(hob_error()->message, in("a"));
    CHECK_EQ(hob_open(in("a"), "x", &f), 0);
    CHECK_EQ(hob_file_write(f, "one", 3), 3);
    CHECK_EQ(hob_file_close(f), 0);
    f = NULL;
    CHECK_EQ(hob_open(in("a"), "x", &f), -EEXIST);
    CHECK_EQ(hob_open(in("a"), "a+", &f), 0);
    CHECK_EQ(hob_file_write(f, "two", 3), 3);
    CHECK_EQ(hob_file_tell(f), 6);
    CHECK_EQ(hob_file_seek(f, 0, SEEK_SET), 0);
    char buf[10] = "";
    CHECK_EQ(hob_file_read(f, buf, 9), 6);
    CHECK_STR(buf, "onetwo");
    CHECK_EQ(hob_file_write(f, "three", 5), 5);
    hob_file_close(f);
    holds("a", "onetwothree");
    CHECK_EQ(hob_open(in("a"), "w", &f), 0);
    CHECK_EQ(hob_file_size(f), 0);
    CHECK_EQ(hob_file_read(f, buf, 1), -EBADF);
    hob_file_close(f);
    f = NULL;
    CHECK_EQ(hob_open(in("a"), "rw", &f), -EINVAL);
    CHECK_EQ(hob_open(in("a"), "", &f), -EINVAL);
    CHECK_HAS(hob_error()->message, "mode");
    return 0;
}

FILE_TEST(positions) {
    HOB_FILE(f);
    char buf[16] = "";
    CHECK_EQ(hob_open(in("a"), "w+", &f), 0);
    CHECK_EQ(hob_file_write(f, "0123456789", 10), 10);
    CHECK_EQ(hob_file_tell(f), 10);
    CHECK_EQ(hob_file_pread(f, buf, 3, 4), 3);
    CHECK_STR(buf, "456");
    CHECK_EQ(hob_file_pwrite(f, "xy", 2, 8), 2);
    CHECK_EQ(hob_file_tell(f), 10);
    CHECK_EQ(hob_file_pread(f, buf, 1, -1), -EINVAL);
    CHECK_EQ(hob_file_pwrite(f, buf, 1, -1), -EINVAL);
    CHECK_EQ(hob_file_seek(f, -4, SEEK_END), 6);
    CHECK_EQ(hob_file_read_exactly(f, buf, 4), 4);
    CHECK_STR(buf, "67xy");
    CHECK_EQ(hob_file_read(f, buf, 4), 0);
    CHECK_EQ(hob_file_seek(f, -3, SEEK_CUR), 7);
    CHECK_EQ(hob_file_read_exactly(f, buf, 4), HOB_E_EOF);
    CHECK_HAS(hob_error()->message, "after 3 of 4");
    CHECK_EQ(hob_file_seek(f, -1, SEEK_SET), -EINVAL);
    CHECK_EQ(hob_file_seek(f, INT64_MAX, SEEK_END), -EINVAL);
    CHECK_EQ(hob_file_seek(f, 0, 77), -EINVAL);
    CHECK_EQ(hob_file_tell(f), 10);
    CHECK_EQ(hob_file_truncate(f, 3), 0);
    CHECK_EQ(hob_file_size(f), 3);
    CHECK_EQ(hob_file_write(f, "z", 1), 1); /* behind a hole */
    struct stat st;
    CHECK_EQ(hob_file_stat(f, &st), 0);
    CHECK_EQ(st.st_size, 11);
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(hob_file_sync(f), 0);
    CHECK_EQ(hob_file_datasync(f), 0);
    CHECK_STR(hob_file_path(f), in("a"));
    CHECK(simulated() || fcntl(hob_file_fd(f), F_GETFD) & FD_CLOEXEC);
    return 0;
}

/* More than one piece, in both directions. */
FILE_TEST(large) {
    enum { N = 5 << 20 };
    char *out = malloc(N), *back = malloc(N);
    for (size_t i = 0; i < N; i++) out[i] = (char)(i * 7 + i / 1000);
    HOB_FILE(f);
    CHECK_EQ(hob_open(in("big"), "w+", &f), 0);
    CHECK_EQ(hob_file_write(f, out, N), N);
    CHECK_EQ(hob_file_seek(f, 0, SEEK_SET), 0);
    CHECK_EQ(hob_file_read_exactly(f, back, N), N);
    CHECK(memcmp(out, back, N) == 0);
    /* Not in the page cache any more: from the disk, where the file system has one. */
    CHECK_EQ(hob_file_sync(f), 0);
    posix_fadvise(hob_file_fd(f), 0, 0, POSIX_FADV_DONTNEED);
    memset(back, 0, N);
    CHECK_EQ(hob_file_seek(f, 0, SEEK_SET), 0);
    CHECK_EQ(hob_file_read_exactly(f, back, N), N);
    CHECK(memcmp(out, back, N) == 0);
    free(out);
    free(back);
    return 0;
}

/* ---- lines ---- */

static int lines_are(struct hob_file *f, const char *const *expected) {
    HOB_EACH_LINE(line, f) {
        CHECK_STR(line.text, *expected);
        CHECK_EQ(line.n, strlen(*expected));
        expected++;
    }
    CHECK(*expected == NULL);
    return 0;
}

FILE_TEST(lines) {
    put("a", "one\n\ntwo words\r\nthe last");
    HOB_FILE(f);
    CHECK_EQ(hob_open(in("a"), "r", &f), 0);
    HOB_TRY(lines_are(f, (const char *[]){"one", "", "two words\r", "the last", NULL}));
    CHECK_EQ(hob_file_tell(f), 24);
    struct hob_line line;
    CHECK_EQ(hob_file_line(f, &line), 0);
    /* Positions and lines go together. */
    CHECK_EQ(hob_file_seek(f, 5, SEEK_SET), 5);
    CHECK_EQ(hob_file_line(f, &line), 1);
    CHECK_STR(line.text, "two words\r");
    CHECK_EQ(hob_file_tell(f), 16);
    char buf[8] = "";
    CHECK_EQ(hob_file_read(f, buf, 3), 3);
    CHECK_STR(buf, "the");
    CHECK_EQ(hob_file_seek(f, 1, SEEK_CUR), 20);
    CHECK_EQ(hob_file_line(f, &line), 1);
    CHECK_STR(line.text, "last");
    hob_file_close(f);
    f = NULL;
    put("empty", "");
    CHECK_EQ(hob_open(in("empty"), "r", &f), 0);
    CHECK_EQ(hob_file_line(f, &line), 0);
    return 0;
}

/* A writer, then a reader: what was read ahead is forgotten. */
FILE_TEST(lines_and_writes) {
    HOB_FILE(f);
    struct hob_line line;
    CHECK_EQ(hob_open(in("a"), "w+", &f), 0);
    CHECK_EQ(hob_file_write(f, "aa\nbb\ncc\n", 9), 9);
    CHECK_EQ(hob_file_seek(f, 0, SEEK_SET), 0);
    CHECK_EQ(hob_file_line(f, &line), 1);
    CHECK_STR(line.text, "aa");
    CHECK_EQ(hob_file_write(f, "BB", 2), 2); /* at the position */
    CHECK_EQ(hob_file_pwrite(f, "CC", 2, 6), 2);
    CHECK_EQ(hob_file_line(f, &line), 1);
    CHECK_EQ(line.n, 0);
    CHECK_EQ(hob_file_line(f, &line), 1);
    CHECK_STR(line.text, "CC");
    hob_file_close(f);
    f = NULL;
    holds("a", "aa\nBB\nCC\n");
    return 0;
}

/* Lines of every length around the buffer's; NULs inside. */
FILE_TEST(long_lines) {
    enum { ROOM = 64 << 10 };
    char *text = malloc(3 * ROOM);
    struct hob_line line;
    for (int more = -3; more <= 3; more++) {
        size_t n = (size_t)(ROOM + more);
        for (size_t i = 0; i < n; i++) text[i] = (char)('a' + i % 26);
        text[5] = 0;
        text[n] = '\n';
        memcpy(text + n + 1, "short\n", 6);
        memset(text + n + 7, 'z', ROOM);
        HOB_FILE(f);
        CHECK_EQ(hob_open(in("a"), "w+", &f), 0);
        CHECK_EQ(hob_file_write(f, text, n + 7 + ROOM), n + 7 + ROOM);
        CHECK_EQ(hob_file_seek(f, 0, SEEK_SET), 0);
        CHECK_EQ(hob_file_line(f, &line), 1);
        CHECK_EQ(line.n, n);
        text[n] = 0;
        CHECK(memcmp(line.text, text, n + 1) == 0);
        CHECK_EQ(hob_file_line(f, &line), 1);
        CHECK_STR(line.text, "short");
        CHECK_EQ(hob_file_line(f, &line), 1);
        CHECK_EQ(line.n, ROOM);
        CHECK_EQ(line.text[ROOM], 0);
        CHECK_EQ(hob_file_line(f, &line), 0);
    }
    free(text);
    return 0;
}

/* A line that is exactly as long as the limit is one; one byte more is not, and nothing is lost. */
FILE_TEST(line_limit) {
    enum { LIMIT = 100000 };
    char *text = malloc(LIMIT + 20);
    memset(text, 'x', LIMIT + 20);
    struct hob_line line;
    for (int over = 0; over <= 2; over++)
        for (int ended = 0; ended <= 1; ended++) {
            size_t n = (size_t)(LIMIT + over);
            memcpy(text, "ok\n", 3);
            memset(text + 3, 'x', n);
            if (ended) text[3 + n] = '\n';
            HOB_FILE(f);
            CHECK_EQ(hob_open(in("a"), "w+", &f), 0);
            hob_file_line_limit(f, LIMIT);
            CHECK_EQ(hob_file_write(f, text, n + 3 + (size_t)ended), n + 3 + (size_t)ended);
            CHECK_EQ(hob_file_seek(f, 0, SEEK_SET), 0);
            CHECK_EQ(hob_file_line(f, &line), 1);
            CHECK_STR(line.text, "ok");
            for (int again = 0; over && again < 2; again++) {
                CHECK_EQ(hob_file_line(f, &line), HOB_E_LIMIT);
                CHECK_HAS(hob_error()->message, "100000 bytes");
                CHECK_EQ(hob_file_tell(f), 3);
            }
            hob_file_line_limit(f, 2 * LIMIT);
            CHECK_EQ(hob_file_line(f, &line), 1);
            CHECK_EQ(line.n, n);
            CHECK_EQ(hob_file_line(f, &line), 0);
        }
    free(text);
    return 0;
}

/* ---- whole files ---- */

/* A file that says it is empty and is not. */
static void whole_of_proc(void) {
    char *bytes;
    size_t n;
    for (;;) {
        CHECK_EQ(hob_read_file("/proc/self/mountinfo", &bytes, &n, 1 << 20), 0);
        CHECK(n > 0 && n == strlen(bytes));
        size_t all = n;
        hob_file_free(bytes);
        int rc = hob_read_file("/proc/self/mountinfo", &bytes, &n, all - 1);
        if (rc == HOB_E_LIMIT) break;
        CHECK_EQ(rc, 0); /* somebody has unmounted something meanwhile */
        CHECK(n < all);
        hob_file_free(bytes);
    }
}

FILE_TEST(whole) {
    char *bytes;
    size_t n;
    put("a", "twelve bytes");
    CHECK_EQ(hob_read_file(in("a"), &bytes, &n, 12), 0);
    CHECK_EQ(n, 12);
    CHECK_STR(bytes, "twelve bytes");
    hob_file_free(bytes);
    CHECK_EQ(hob_read_file(in("a"), &bytes, &n, 11), HOB_E_LIMIT);
    CHECK_HAS(hob_error()->message, "longer than 11");
    put("a", "");
    CHECK_EQ(hob_read_file(in("a"), &bytes, &n, 0), 0);
    CHECK_EQ(n, 0);
    CHECK_STR(bytes, "");
    hob_file_free(bytes);
    hob_file_free(NULL);
    CHECK_EQ(hob_read_file(folder, &bytes, &n, 1000), -EISDIR);
    CHECK_HAS(hob_error()->message, folder);
    CHECK_EQ(hob_read_file(in("none"), &bytes, &n, 1000), -ENOENT);
    if (!simulated()) whole_of_proc();
    CHECK_EQ(hob_append_file(in("b"), "first\n", 6), 0);
    CHECK_EQ(hob_append_file(in("b"), "second\n", 7), 0);
    holds("b", "first\nsecond\n");
    return 0;
}

static int appends(int me) {
    char line[64];
    int n = snprintf(line, sizeof line, "%d says something that shall stay together\n", me);
    for (int i = 0; i < 20; i++) HOB_TRY(hob_append_file(in("log"), line, (size_t)n));
    return 0;
}
HOB_TASK(appends, int)

FILE_TEST(appenders_do_not_mix) {
    {
        HOB_SCOPE(s);
        for (int i = 0; i < 10; i++) hob_spawn(s, appends, i);
        HOB_TRY(hob_join(s));
    }
    int count = 0;
    HOB_FILE(f);
    HOB_TRY(hob_open(in("log"), "r", &f));
    HOB_EACH_LINE(line, f) {
        CHECK_EQ(line.n, 41);
        CHECK_STR(line.text + 1, " says something that shall stay together");
        count++;
    }
    CHECK_EQ(count, 200);
    return 0;
}

/* ---- what goes wrong ---- */

/* A FIFO does not hold anybody up, and is told to go elsewhere. */
static void wrong_fifo(void) {
    HOB_FILE(f);
    char buf[10];
    CHECK_EQ(mkfifo(in("fifo"), 0600), 0);
    CHECK_EQ(hob_open(in("fifo"), "w", &f), -ENXIO);
    CHECK_EQ(hob_open(in("fifo"), "r", &f), 0);
    CHECK_EQ(hob_file_read(f, buf, 10), -ESPIPE);
    CHECK_HAS(hob_error()->message, "hob_stream_open");
}

FILE_TEST(wrong) {
    HOB_FILE(f);
    char name[400];
    memset(name, 'n', sizeof name);
    name[399] = 0;
    CHECK_EQ(hob_open(name, "r", &f), -ENAMETOOLONG);
    CHECK_EQ(hob_open(folder, "w", &f), -EISDIR);
    CHECK_HAS(hob_error()->message, "open for writing");
    CHECK_EQ(hob_open(folder, "r", &f), 0); /* as open(2) */
    CHECK_EQ(hob_file_read(f, name, 10), -EISDIR);
    hob_file_close(f);
    f = NULL;
    CHECK_EQ(sys_symlink("loop", in("loop")), 0);
    CHECK_EQ(hob_open(in("loop"), "r", &f), -ELOOP);
    put("file", "x");
    CHECK_EQ(hob_open(in("file/below"), "r", &f), -ENOTDIR);
    CHECK_EQ(hob_open("", "r", &f), -ENOENT);
    if (!simulated()) wrong_fifo();
    /* Devices that can be read at positions. */
    CHECK_EQ(hob_open("/dev/zero", "r", &f), 0);
    CHECK_EQ(hob_file_read_exactly(f, name, 300), 300);
    hob_file_close(f);
    CHECK_EQ(hob_open("/dev/full", "w", &f), 0);
    CHECK_EQ(hob_file_write(f, name, 300), -ENOSPC);
    CHECK_HAS(hob_error()->message, "/dev/full': No space left on device (0 of 300");
    return 0;
}

static int open_and_close(int *opened) {
    HOB_FILE(f);
    int rc = hob_open(in("new"), "a", &f);
    if (rc == 0) ++*opened;
    return rc;
}
HOB_TASK(open_and_close, int *)

/* An open that the kernel has begun is delivered, whatever cancel comes meanwhile; tidy() counts.
 */
FILE_TEST(cancelled_opens) {
    int opened = 0;
    for (int i = 0; i < 20; i++) {
        HOB_SCOPE(s);
        for (int j = 0; j < 10; j++) hob_spawn(s, open_and_close, &opened);
        for (int j = 0; j < i % 3; j++) HOB_TRY(hob_yield_now());
        hob_scope_cancel(s);
        HOB_TRY(hob_shielded(hob_join(s)));
    }
    CHECK(opened > 0);
    {
        HOB_SCOPE(s);
        hob_scope_cancel(s);
        HOB_FILE(f);
        char buf[4];
        CHECK_EQ(hob_open(in("new"), "r", &f), -ECANCELED);
        CHECK_EQ(hob_shielded(hob_open(in("new"), "r", &f)), 0);
        CHECK_EQ(hob_file_read(f, buf, 4), -ECANCELED);
        CHECK_EQ(hob_file_size(f), -ECANCELED);
    }
    return 0;
}

/* A disk that fills up: a small tmpfs. */
FILE_TEST(full_disk) {
    if (simulated()) return 0; /* sim_files_test.c */
    const char *disk = in("disk");
    CHECK_EQ(sys_mkdir(disk, 0755), 0);
    if (mount("none", disk, "tmpfs", 0, "size=256k") != 0) {
        printf("skipped: a full disk needs a mount, which needs root\n");
        return 0;
    }
    char *bytes = calloc(1, 1 << 20);
    HOB_FILE(f);
    CHECK_EQ(hob_write_file(in("disk/a"), "old", 3), 0);
    CHECK_EQ(hob_write_file(in("disk/a"), bytes, 1 << 20), -ENOSPC);
    CHECK_HAS(hob_error()->message, "disk/a");
    holds("disk/a", "old");
    CHECK_EQ(hob_open(in("disk/b"), "w", &f), 0);
    CHECK_EQ(hob_file_write(f, bytes, 1 << 20), -ENOSPC);
    int64_t written = hob_file_tell(f);
    CHECK(written > 0 && written < 256 << 10);
    CHECK_EQ(hob_file_size(f), written);
    hob_file_close(f);
    f = NULL;
    CHECK_EQ(hob_copy_file(in("disk/b"), in("disk/c")), -ENOSPC);
    int names = 0;
    HOB_EACH(struct hob_entry *, e, hob_scandir, disk) {
        CHECK(strcmp(e->name, "a") == 0 || strcmp(e->name, "b") == 0);
        names++;
    }
    CHECK_EQ(names, 2); /* no temporaries */
    free(bytes);
    CHECK_EQ(umount(disk), 0);
    return 0;
}

static int reads(struct hob_file *f) {
    struct hob_line line;
    return hob_file_line(f, &line);
}
HOB_TASK(reads, struct hob_file *)

static int app_two_at_once(void) {
    struct hob_file *f;
    HOB_TRY(hob_open("/proc/self/maps", "r", &f));
    HOB_SCOPE(s);
    hob_spawn(s, reads, f);
    hob_spawn(s, reads, f);
    return hob_join(s);
}
HOB_TASK(app_two_at_once)
TEST(two_at_one_position_are_misuse) {
    if (simulated()) return;
    CHECK_DIES(hob_run(app_two_at_once), "two tasks are at the position");
}

static int app_close(void) {
    struct hob_file *f;
    HOB_TRY(hob_open("/proc/self/maps", "r", &f));
    HOB_SCOPE(s);
    hob_spawn(s, reads, f);
    HOB_TRY(hob_yield_now());
    hob_file_close(f);
    return 0;
}
HOB_TASK(app_close)
TEST(closing_under_a_reader_is_misuse) {
    if (simulated()) return;
    CHECK_DIES(hob_run(app_close), "is in a call on the file");
}

TEST_MAIN()
