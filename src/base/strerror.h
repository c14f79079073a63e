/* base/strerror.h - how a library above the core names its own error codes. */
#ifndef HOB_BASE_STRERROR_H
#define HOB_BASE_STRERROR_H

/* From now on hob_strerror() asks names(code), too, which returns NULL for what is not its own. */
void hob__strerror_add(const char *(*names)(int code));

#endif
