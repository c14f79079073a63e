/* http/client/netrc.h - the file with passwords for hosts, ~/.netrc, as text. No I/O. */
#ifndef HOB_HTTP_NETRC_H
#define HOB_HTTP_NETRC_H

#include <hob/base.h>

enum { HOB__NETRC_WORD = 256 };

struct hob__netrc {
    char login[HOB__NETRC_WORD], password[HOB__NETRC_WORD];
};

/* The entry of that host (in any case), or the default one, when that comes first. login: NULL, or
 * whose password is wanted. 1 and *out; 0 when there is none; HOB_E_HTTP_AUTH and *line where the
 * text is malformed. */
int hob__netrc_find(const char *text, struct hob_slice host, const char *login,
                    struct hob__netrc *out, unsigned *line);
#endif
