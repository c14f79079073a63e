/* activation_fuzz.c - the service manager's variables: which sockets a name gives, against a naive
 * reading of sd_listen_fds(3); what is given is taken once, and may be given back. */
#include <hob/error.h>
#include <hob/net.h>
#include <unistd.h>

#include "fuzz.h"
#include "io/listen.h"

/* A whole number in digits, or -1. */
static double number(const char *text) {
    return *text && strspn(text, "0123456789") == strlen(text) ? strtod(text, NULL) : -1;
}

/* The name of the i-th socket. */
static const char *name_of(const char *names, int i) {
    static char copy[1024];
    snprintf(copy, sizeof copy, "%s", names);
    char *rest = copy, *part = strsep(&rest, ":");
    while (i-- > 0 && part) part = strsep(&rest, ":");
    return part && *part ? part : "unknown";
}

static void take(const char *pid, const char *count, const char *names, const char *name, int max) {
    int fds[64], got[64], want = 0;
    double n = number(count);
    bool ours = number(pid) == getpid() && n > 0 && n <= 64;
    for (int i = 0; ours && i < (int)n; i++)
        if (!*name || strcmp(name_of(names, i), name) == 0) fds[want++] = 3 + i;
    int rc = hob__activated_take(name, got, max);
    hob_error_clear();
    if (want > max || (number(pid) == getpid() && n > 64)) {
        CHECK(rc == HOB_E_LIMIT);
        return;
    }
    CHECK(rc == (want ? want : HOB_E_NO_SOCKET));
    if (rc < 0) return;
    CHECK(memcmp(got, fds, sizeof *fds * (size_t)want) == 0);
    CHECK(hob__activated_take(name, got, max) == HOB_E_NO_SOCKET); /* in use already */
    hob_error_clear();
    hob__activated_return(fds, want);
}

/* Kind, then four strings. */
FUZZ(data, n) {
    char own[16];
    struct fuzz_input in = {data, n};
    unsigned kind = fuzz_byte(&in);
    snprintf(own, sizeof own, "%d", (int)getpid());
    char *pid = fuzz_string(&in, 30), *count = fuzz_string(&in, 30);
    char *names = fuzz_string(&in, 255), *name = fuzz_string(&in, 40);
    if (kind & 1) pid = own;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    if (kind & 2) unsetenv("LISTEN_FDNAMES");
    take(pid, count, kind & 2 ? "" : names, name, 1 + (int)(kind / 4));
}
