/* http/decode.h - bodies that were compressed on their way: Content-Encoding (RFC 9110, 8.4), by
 * zlib, brotli and zstd, as far as the build has them. Without I/O. */
#ifndef HOB_HTTP_DECODE_H
#define HOB_HTTP_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct hob__decoder;

/* What this build can decode, as Accept-Encoding says it: "gzip, deflate, br, zstd"; "" = nothing.
 */
const char *hob__decodes(void);

/* A decoder for what that Content-Encoding says. 0 and *out, which is NULL when there is nothing to
 * do (no such header, "identity", or a coding that is not known); -ENOMEM. */
int hob__decoder_open(struct hob__decoder **out, const char *coding);
void hob__decoder_free(struct hob__decoder *d); /* NULL is allowed */

/* Takes *in_size bytes at most from in, leaves in *in_size how many it has taken, and puts up to n
 * bytes at out: how many. 0: it needs more input. HOB_E_HTTP_CODING: what came is not what the
 * coding allows; -ENOMEM. */
ssize_t hob__decode(struct hob__decoder *d, const void *in, size_t *in_size, void *out, size_t n);
/* Everything that had to come has come? (Nothing at all is complete too.) */
bool hob__decoder_complete(const struct hob__decoder *d);
#endif
