/* http/client/outgoing.h - the body of a request, whichever way the caller gives it: bytes in
 * memory, or a source of pieces, of a size that is known or not, that can be begun again or not.
 * Whoever sends it, in whatever version of HTTP, sees only this. */
#ifndef HOB_HTTP_OUTGOING_H
#define HOB_HTTP_OUTGOING_H

#include <hob/http.h>

struct hob__outgoing {
    bool present;      /* there is a body, perhaps an empty one */
    bool once;         /* it cannot be begun a second time */
    bool used;         /* something of it was read */
    const void *bytes; /* all of it, or NULL: hob__outgoing_read() */
    int64_t size;      /* -1: not known before its end */
    const char *type;  /* the Content-Type that goes with it, or NULL */
    int fd;            /* a file with it, whole, from `offset` on; -1: none */
    int64_t offset;
    /* private */
    const struct hob_fetch_options *options;
    ssize_t (*read)(struct hob__outgoing *o, void *buf, size_t n);
    uint64_t left, done;
    uint64_t deadline; /* of the request; 0 = none */
    char *made;        /* text of its own */
    struct hob_file *file;
    struct hob__parts_out *parts;
    struct hob_slice piece; /* of the generator: what has not been taken of it yet */
};

/* Takes the options' body. Waits (it looks for the file); cancellation point. 0, HOB_E_HTTP_BODY,
 * the errors of the file and of encoding a model. It has to be closed whatever the result. */
int hob__outgoing_open(struct hob__outgoing *o, const struct hob_fetch_options *options,
                       uint64_t deadline);
/* From its first byte on. Waits (it opens the file). 0, HOB_E_HTTP_STATE (something of it is gone
 * already), the errors of the file. */
int hob__outgoing_begin(struct hob__outgoing *o);
/* The next 1 to n bytes, 0 at the end; HOB_E_HTTP_SIZE when there are more or less than announced,
 * or the source's own error. For all kinds, those in memory too. Waits; cancellation point. */
ssize_t hob__outgoing_read(struct hob__outgoing *o, void *buf, size_t n);
void hob__outgoing_close(struct hob__outgoing *o);

/* Is something of it gone? */
static inline bool hob__outgoing_spent(const struct hob__outgoing *o) { return o->once && o->used; }

/* ---- params.c ---- */
/* "a=1&b=2" of a list, in memory of its own; with '+' for spaces in forms. NULL without memory. */
char *hob__params_encode(const struct hob_param *params, bool form);
/* The reference with these pairs behind its own query, before its fragment; NULL without memory. */
char *hob__params_add(const char *reference, const struct hob_param *params);
#endif
