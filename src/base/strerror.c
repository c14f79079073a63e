/* base/strerror.c - names for error codes: Hob's own, those that a library above has added, the
 * system's. */
#include <hob/json_builder.h>
#include <hob/json_edit.h>
#include <hob/json_reader.h>
#include <hob/model.h>
#include <hob/prefork.h>
#include <hob/url.h>

#include <stdio.h>
#include <string.h>

#include "base/strerror.h"

static const char *(*more)(int code);

void hob__strerror_add(const char *(*names)(int code)) { more = names; }

static const char *const own[] = {
    [HOB_E_STOPPING - HOB_E_STOPPING] = "asked to stop",
    [HOB_E_STOPPING - HOB_E_DEADLOCK] = "deadlock: nothing could ever have run again",
    [HOB_E_STOPPING - HOB_E_RUNNING] = "a loop is running already in this thread",
    [HOB_E_STOPPING - HOB_E_NOT_RUNNING] = "no loop is running in this thread",
    [HOB_E_STOPPING - HOB_E_NOT_STARTED] = "the task ended without saying that it had started",
    [HOB_E_STOPPING - HOB_E_CLOSED] = "closed",
    [HOB_E_STOPPING - HOB_E_FULL] = "full",
    [HOB_E_STOPPING - HOB_E_EMPTY] = "empty",
    [HOB_E_STOPPING - HOB_E_BROKEN] = "barrier broken",
    [HOB_E_STOPPING - HOB_E_EOF] = "unexpected end of the stream",
    [HOB_E_STOPPING - HOB_E_LIMIT] = "limit exceeded",
    [HOB_E_STOPPING - HOB_E_NO_WINNER] = "nobody to race",
    [HOB_E_STOPPING - HOB_E_ADDRESS] = "not an address",
    [HOB_E_STOPPING - HOB_E_NAME] = "host name not known",
    [HOB_E_STOPPING - HOB_E_NAME_TEMPORARY] = "host name cannot be looked up now",
    [HOB_E_STOPPING - HOB_E_NO_SOCKET] = "no such socket was passed by the service manager",
    [HOB_E_STOPPING - HOB_E_NOT_LISTENING] = "not a stream socket that listens",
    [HOB_E_STOPPING - HOB_E_PREFORK] = "the worker processes end before they are ready",
    [HOB_E_STOPPING - HOB_E_CRASHED] = "the worker process ended before the function returned",
    [HOB_E_STOPPING - HOB_E_URL] = "a malformed URL",
    [HOB_E_STOPPING - HOB_E_JSON] = "not JSON",
    [HOB_E_STOPPING - HOB_E_JSON_RANGE] = "a number out of range",
    [HOB_E_STOPPING - HOB_E_JSON_DUPLICATE] = "a name twice in an object",
    [HOB_E_STOPPING - HOB_E_JSON_TYPE] = "a JSON value of another type",
    [HOB_E_STOPPING - HOB_E_JSON_PATCH] = "a JSON patch that does not fit",
    [HOB_E_STOPPING - HOB_E_JSON_TEST] = "a test of the JSON patch failed",
    [HOB_E_STOPPING - HOB_E_JSON_ORDER] = "JSON written out of order",
    [HOB_E_STOPPING - HOB_E_JSON_INCOMPLETE] = "JSON that ends too early",
    [HOB_E_STOPPING - HOB_E_MODEL] = "a value that does not fit its model",
    [HOB_E_STOPPING - HOB_E_TLS] = "TLS failed",
    [HOB_E_STOPPING - HOB_E_TLS_NAME] = "the certificate is for another name",
    [HOB_E_STOPPING - HOB_E_TLS_EXPIRED] = "the certificate has expired or is not valid yet",
    [HOB_E_STOPPING - HOB_E_TLS_ISSUER] = "the certificate's issuer is not trusted",
    [HOB_E_STOPPING - HOB_E_TLS_VERIFY] = "the certificate will not do",
    [HOB_E_STOPPING - HOB_E_TLS_TRUNCATED] = "the TLS connection was cut off",
    [HOB_E_STOPPING - HOB_E_TLS_PLAINTEXT] = "plaintext where TLS was to begin",
    [HOB_E_STOPPING - HOB_E_TLS_ALERT] = "the peer refuses TLS",
    [HOB_E_STOPPING - HOB_E_TLS_CERTIFICATE] = "a certificate or key cannot be used",
    [HOB_E_STOPPING - HOB_E_TLS_KEY] = "the key is not that of the certificate",
    [HOB_E_STOPPING - HOB_E_TLS_NO_CERTIFICATE] = "a client's certificate is wanted",
    [HOB_E_STOPPING - HOB_E_TLS_ALPN] = "no protocol in common (ALPN)",
    [HOB_E_STOPPING - HOB_E_TLS_VERSION] = "no TLS version or cipher in common",
    [HOB_E_STOPPING - HOB_E_KILLED] = "a signal has ended the process",
    [HOB_E_STOPPING - HOB_E_EXIT] = "the process's exit status is not 0",
    [HOB_E_STOPPING - HOB_E_STATUS_LOST] = "the process has ended, its status is not known",
};

const char *hob_strerror(int code) {
    static __thread char unknown[32];
    if (code >= 0) return "success";
    const char *name = NULL;
    size_t index = (size_t)((long long)HOB_E_STOPPING - code); /* huge for codes above Hob's */
    if (index < sizeof own / sizeof own[0]) name = own[index];
    if (!name && more) name = more(code);
    if (!name && code > -4096) {
        if (code == -ECANCELED) return "cancelled";
        if (code == -ETIMEDOUT) return "timed out";
        name = strerrordesc_np(-code);
    }
    if (name) return name;
    snprintf(unknown, sizeof unknown, "error %d", code);
    return unknown;
}

const char *hob_version(void) { return HOB_VERSION; }
