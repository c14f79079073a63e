/* http/auth.c - credentials on their way into a request. */
#include "http/auth.h"

#include <string.h>

#include "base/memory.h"
#include "http/base64.h"

int hob__auth_put_basic(struct hob__buffer *b, const char *name, const char *user,
                        const char *password) {
    size_t n = strlen(user) + 1 + strlen(password), size = HOB__BASE64_SIZE(n) + 6;
    char *plain = hob__alloc(n + 1 + size);
    if (!plain) return -ENOMEM;
    char *value = plain + n + 1;
    memcpy(plain, user, strlen(user));
    plain[strlen(user)] = ':';
    strcpy(plain + strlen(user) + 1, password);
    memcpy(value, "Basic ", 6);
    size = 6 + hob__base64_put(plain, n, value + 6);
    int rc = hob__h1_put_field(b, name, value, size);
    explicit_bzero(plain, n);
    hob__free(plain);
    return rc;
}

int hob__proxy_put_auth(struct hob_client *c, const struct hob__proxy *p, const char *method,
                        const char *target, struct hob__buffer *b) {
    (void)c, (void)method, (void)target;
    if (!p->user) return 0;
    return hob__auth_put_basic(b, "Proxy-Authorization", p->user, p->password);
}

void hob__proxy_challenged(struct hob_client *c, const struct hob__proxy *p,
                           const struct hob__wire *w, struct hob_slice head) {
    (void)c, (void)p, (void)w, (void)head;
}
