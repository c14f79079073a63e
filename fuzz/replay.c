/* replay.c - runs a fuzz target over inputs that are kept, without libFuzzer: so that what was
 * found once stays found, with any compiler and sanitizer.
 *
 *   build/tests/url_fuzz                 all of fuzz/corpus/url
 *   build/tests/url_fuzz FILE|FOLDER...  these
 *
 * All inputs run in one child, which another one replaces behind the input that ended it. Prints
 * "ok" or "FAIL" lines and ends with "N passed, N failed", as tests do. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { INPUT_SECONDS = 60 };

static char **files;
static size_t count;

static void add(const char *path) {
    files = realloc(files, (count + 1) * sizeof *files);
    if (!files || !(files[count++] = strdup(path))) abort();
}

static void add_folder(const char *path) {
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') add(file);
        free(names[i]);
    }
    if (n >= 0) free(names);
}

static void run(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        perror(path);
        _exit(2);
    }
    /* Memory of exactly this size: a sanitizer sees every byte too far. */
    uint8_t *data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
    ssize_t n = data ? read(fd, data, (size_t)st.st_size) : -1;
    if (n < 0) _exit(2);
    close(fd);
    LLVMFuzzerTestOneInput(data, (size_t)n);
    free(data);
}

/* From the input *at on; the status of the child that did it. */
static int run_rest(volatile size_t *at) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return -1;
    if (pid == 0) {
        for (; *at < count; ++*at) {
            alarm(INPUT_SECONDS * (getenv("TEST_SLOW") ? 5 : 1));
            run(files[*at]);
        }
        exit(0); /* where there is one, the leak checker has its say */
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

int main(int argc, char **argv) {
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    const char *source = getenv("HOB_SOURCE");
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/fuzz/corpus/%.*s", source ? source : ".",
             (int)(strlen(name) - (strlen(name) > 5 ? strlen("_fuzz") : 0)), name);
    if (argc == 1) add_folder(folder);
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
            add_folder(argv[i]);
        else
            add(argv[i]);
    }
    volatile size_t *at =
        mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return 2;
    int failed = count == 0;
    if (count == 0) printf("FAIL %s: no inputs in %s\n", name, folder);
    while (*at < count) {
        int status = run_rest(at);
        if (status == 0) break;
        const char *input = *at < count ? files[*at] : "(at the end)";
        printf("FAIL %s: %s %d\n", input, WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        failed++;
        ++*at;
    }
    if (!failed) printf("ok %s: %zu inputs\n", name, count);
    printf("%d passed, %d failed\n", !failed, failed);
    return failed ? 1 : 0;
}
