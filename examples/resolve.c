/* resolve - the addresses of several hosts, all asked for at once: resolve HOST... (default:
 * localhost).
 *
 * loop.getaddrinfo() is hob_resolve(). No thread waits for a slow name server: the loop asks by
 * itself, keeps what it is told for as long as it is told to, and gives a host up after two
 * seconds. */
#include <hob/dns.h>
#include <hob/hob.h>
#include <stdio.h>

enum { MOST = 8 };

static int look_up(const char *host, int *unknown) {
    struct hob_found found[MOST];
    int n = hob_within(2.0, hob_resolve(host, 0, found, MOST));
    if (n < 0) {
        printf("%s: %s\n", host, hob_strerror(n));
        ++*unknown;
        return n == -ECANCELED ? n : 0; /* the others' answers are wanted all the same */
    }
    printf("%s:", host);
    for (int i = 0; i < n; i++) {
        char text[HOB_ADDRESS_TEXT];
        printf(" %s", hob_address_format_host(&found[i].address, text, sizeof text));
        if (found[i].ttl != UINT32_MAX) printf(" (%u s)", (unsigned)found[i].ttl);
    }
    printf("\n");
    return n;
}
HOB_TASK(look_up, const char *, int *)

static int app(int argc, char **argv) {
    int unknown = 0;
    HOB_SCOPE(s);
    if (argc < 2) hob_spawn(s, look_up, "localhost", &unknown);
    for (int i = 1; i < argc; i++) hob_spawn(s, look_up, argv[i], &unknown);
    HOB_TRY(hob_join(s));
    return unknown ? hob_fail(HOB_E_NAME, "%d of %d", unknown, argc - 1) : 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
