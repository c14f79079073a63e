/* http/media.h - values with parameters: "form-data; name=\"a\"", "multipart/mixed; boundary=x"
 * (RFC 9110, 5.6.6, 8.3.1; RFC 6266). Without I/O. */
#ifndef HOB_HTTP_MEDIA_H
#define HOB_HTTP_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

/* Is what stands before the parameters that (in any case)? `kind` may end in a slash: "multipart/".
 */
bool hob__media_is(const char *value, const char *kind);

/* The parameter of that name (in any case), without quotation marks and their escapes: writes as
 * snprintf does; its length, -ENOENT when there is none, -EINVAL when the value is malformed or has
 * it twice. */
int hob__media_param(const char *value, const char *name, char *out, size_t cap);
#endif
