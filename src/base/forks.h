/* base/forks.h - what has threads behind it notices by a number that it lives in a forked child,
 * where they are gone and its lock may be held by one of them. */
#ifndef HOB_BASE_FORKS_H
#define HOB_BASE_FORKS_H

/* Grows in each child of a process that had called hob__forks_count() before. */
extern unsigned hob__forks;
/* The number, which is kept from now on. */
unsigned hob__forks_count(void);
#endif
