/* io/fail.h - words for the system's errors, where they reach the caller of a public function. */
#ifndef HOB_IO_FAIL_H
#define HOB_IO_FAIL_H

#include <hob/error.h>
#include <sys/types.h>

/* Not a cancel, which is no failure, nor "try again" or a lack of memory, which say all there is to
 * say; Hob's own codes have their words from where they arise. */
static inline bool hob__wants_words(ssize_t rc) {
    return HOB__UNLIKELY(rc < 0) && rc >= -4095 && rc != -ECANCELED && rc != -ENOMEM &&
           rc != -EAGAIN;
}

/* return hob__said(rc, "cannot poll descriptor %d", fd): rc, whatever it is, with a record if it is
 * an error that wants words. */
#define hob__said(rc, ...)                                                                         \
    __extension__({                                                                                \
        HOB__AUTO hob__code = (rc);                                                                \
        if (hob__wants_words(hob__code)) hob_fail((int)hob__code, __VA_ARGS__);                    \
        hob__code;                                                                                 \
    })

#endif
