/* hob/cookies.h - a cookie jar (RFC 6265): what servers want remembered, and who is told what.
 *
 *   HOB_CLIENT(client);                      has a jar of its own
 *   struct hob_cookies *jar;                 one that outlives the client, or is shared:
 *   HOB_TRY(hob_cookies_open(&jar));
 *   HOB_TRY(hob_cookies_load(jar, "cookies.txt"));
 *   HOB_CLIENT(client, .cookies = jar);
 *   ...
 *   HOB_TRY(hob_cookies_save(jar, "cookies.txt"));
 *   hob_cookies_free(jar);
 *
 * A cookie goes only to the host that set it, or below the domain that it named: never a domain
 * under which anybody can have a name ("com", "co.uk", "github.io": the list at publicsuffix.org,
 * by libpsl). One that is Secure goes over https:// alone and comes from there alone. Bounded: when
 * there are too many, those that were used longest ago go. Nothing here waits but saving and
 * loading. A jar belongs to one thread. */
#ifndef HOB_COOKIES_H
#define HOB_COOKIES_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_cookies;

enum {
    HOB_COOKIES_MAX = 3000,       /* in a jar */
    HOB_COOKIES_PER_DOMAIN = 180, /* ... for one domain */
    HOB_COOKIE_SIZE = 4096        /* bytes of name and value together; larger ones are ignored */
};

/* 0 or -ENOMEM. */
HOB_API int hob_cookies_open(struct hob_cookies **out);
/* NULL is allowed. No client may use it any more. */
HOB_API void hob_cookies_free(struct hob_cookies *jar);

/* What the header "Set-Cookie: line" in an answer from that URL (absolute, http or https) says. 1:
 * the jar has changed (also when a cookie was taken out); 0: the cookie is not one that this URL
 * may set, or malformed, and is ignored; -ENOMEM; HOB_E_URL. */
HOB_API int hob_cookies_set(struct hob_cookies *jar, const char *url, const char *line);
/* What a request to that URL is to send as "Cookie": "a=1; b=2", "" for none. Writes as snprintf
 * does; returns the length, or HOB_E_URL. */
HOB_API int hob_cookies_get(struct hob_cookies *jar, const char *url, char *buf, size_t n);

/* One cookie. The strings belong to the jar, until it changes. */
struct hob_cookie {
    const char *name, *value, *domain, *path;
    int64_t expires; /* seconds since 1970; 0 = with the session: it is not saved */
    bool host_only;  /* for that domain alone, not for what is below it */
    bool secure, http_only;
};
/* Each cookie that has not expired, until `see` returns something other than 0, which is returned.
 */
HOB_API int hob_cookies_each(struct hob_cookies *jar,
                             int (*see)(const struct hob_cookie *cookie, void *arg), void *arg);
HOB_API size_t hob_cookies_count(const struct hob_cookies *jar);
HOB_API void hob_cookies_clear(struct hob_cookies *jar);

/* The file of curl, wget and browsers' exporters: one cookie a line, fields with tabs between them.
 * Saving replaces the file whole (mode 0600); cookies without an expiry are left out, unless
 * `session`. Loading adds; lines that are none are skipped. 0, or what hob_open() and the like
 * return; -ENOMEM. Wait; cancellation points. */
HOB_API int hob_cookies_save(struct hob_cookies *jar, const char *path, bool session);
HOB_API int hob_cookies_load(struct hob_cookies *jar, const char *path);

#ifdef __cplusplus
}
#endif
#endif
