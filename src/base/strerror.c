/* base/strerror.c - names for error codes: Hob's own, those that a library above has added, the system's. */
#include <hob/base.h>

#include <stdio.h>
#include <string.h>

#include "base/strerror.h"

static const char *(*more)(int code);

void hob__strerror_add(const char *(*names)(int code)) { more = names; }

static const char *own(int code) {
    switch (code) {
    case HOB_E_STOPPING: return "asked to stop";
    case HOB_E_DEADLOCK: return "deadlock: nothing could ever have run again";
    case HOB_E_RUNNING: return "a loop is running already in this thread";
    case HOB_E_NOT_RUNNING: return "no loop is running in this thread";
    case HOB_E_NOT_STARTED: return "the task ended without saying that it had started";
    case HOB_E_CLOSED: return "closed";
    case HOB_E_FULL: return "full";
    case HOB_E_EMPTY: return "empty";
    case HOB_E_BROKEN: return "barrier broken";
    case HOB_E_EOF: return "unexpected end of the stream";
    case HOB_E_LIMIT: return "limit exceeded";
    case HOB_E_NO_WINNER: return "nobody to race";
    case HOB_E_ADDRESS: return "not an address";
    case HOB_E_NAME: return "host name not known";
    case HOB_E_NAME_TEMPORARY: return "host name cannot be looked up now";
    default: return NULL;
    }
}

const char *hob_strerror(int code) {
    static __thread char unknown[32];
    if (code >= 0) return "success";
    const char *name = own(code);
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
