/* http/client/digest.h - Digest authentication (RFC 7616) without I/O: challenges read, answers
 * computed. The hashes are OpenSSL's; without it every challenge is one that cannot be answered. */
#ifndef HOB_HTTP_DIGEST_H
#define HOB_HTTP_DIGEST_H

#include <hob/base.h>
#include <sys/types.h>

#include "base/buffer.h"

enum hob__digest_algorithm {
    HOB__DIGEST_NONE,
    HOB__DIGEST_MD5,
    HOB__DIGEST_SHA512_256,
    HOB__DIGEST_SHA256 /* the best last */
};

enum { HOB__DIGEST_TEXT = 256 };

/* What a server wants, and how often it got it. */
struct hob__challenge {
    enum hob__digest_algorithm algorithm;
    bool session; /* "-sess" */
    bool qop;     /* one of these; without it RFC 2069 is spoken */
    bool body;    /* "auth-int": the body counts, too; only when there is no "auth" */
    bool stale;
    bool userhash;
    char realm[HOB__DIGEST_TEXT]; /* as they came, without quotes and backslashes */
    char nonce[HOB__DIGEST_TEXT];
    char opaque[HOB__DIGEST_TEXT];
    uint32_t count; /* answers with this nonce so far */
};

/* Reads one WWW-Authenticate or Proxy-Authenticate, which may have several challenges. *out becomes
 * the best of Digest's that can be answered, if that is better than what is there already. True
 * when it did. *basic: there is one of Basic's. */
bool hob__digest_read(const char *value, struct hob__challenge *out, bool *basic);

/* A parameter of a list "a=b, c=\"d\"", as in Authentication-Info: false when it is not there, or
 * does not fit. */
bool hob__digest_param(const char *list, const char *name, char out[HOB__DIGEST_TEXT]);

enum { HOB__DIGEST_HEX = 2 * 32 + 1 };

/* Who asks for what. */
struct hob__digest_request {
    const char *user, *password, *method;
    struct hob_slice uri;
    const char *cnonce; /* 32 digits of chance */
    const char *body;   /* hob__digest_body()'s, if the challenge wants it */
};

/* Puts "Digest ..." as the field `name`; counts. 0, -ENOMEM, HOB_E_HTTP_AUTH without hashes. */
int hob__digest_put(struct hob__challenge *c, struct hob__buffer *b, const char *name,
                    const struct hob__digest_request *r);

/* The hash of a body whose next piece read() gives; NULL: of no bytes. 0, or read()'s error,
 * HOB_E_HTTP_AUTH, -ENOMEM. */
int hob__digest_body(enum hob__digest_algorithm algorithm,
                     ssize_t (*read)(void *arg, void *buf, size_t n), void *arg,
                     char out[HOB__DIGEST_HEX]);
#endif
