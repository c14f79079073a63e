/* netrc_fuzz.c - any text as a netrc file: what is found fits its place, and is what a second
 * reading finds; the line of an error is one of the text's. */
#include "fuzz.h"
#include "http/client/netrc.h"

#include <hob/http.h>

FUZZ(data, n) {
    if (n > 8000) return;
    static const char *const hosts[] = {"a", "example.org", "", "zzz"};
    static const char *const logins[] = {NULL, "a", "me"};
    const char *text = edge_kept_string(data, n);
    unsigned lines = 1;
    for (const char *p = text; *p; p++) lines += *p == '\n';
    for (int h = 0; h < 4; h++)
        for (int l = 0; l < 3; l++) {
            struct hob__netrc a, b;
            unsigned line = 0;
            struct hob_slice host = {hosts[h], strlen(hosts[h])};
            int rc = hob__netrc_find(text, host, logins[l], &a, &line);
            CHECK(rc == 1 || rc == 0 || rc == HOB_E_HTTP_AUTH);
            CHECK(hob__netrc_find(text, host, logins[l], &b, &line) == rc);
            CHECK(strcmp(a.login, b.login) == 0 && strcmp(a.password, b.password) == 0);
            CHECK(strlen(a.login) < sizeof a.login && strlen(a.password) < sizeof a.password);
            if (rc == HOB_E_HTTP_AUTH) CHECK(line >= 1 && line <= lines);
            if (rc != 1) CHECK(!a.login[0] && !a.password[0]);
            if (rc == 1 && logins[l] && a.login[0]) CHECK(strcmp(a.login, logins[l]) == 0);
        }
}
