/* http/names.h - what the core asks for the names of HTTP's error codes. */
#ifndef HOB_HTTP_NAMES_H
#define HOB_HTTP_NAMES_H
/* NULL for a code that is not one of HTTP's. Registered with hob__strerror_add() at load time. */
const char *hob__http_strerror(int code);
#endif
