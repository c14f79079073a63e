/* http/pack.h - what a client takes (Accept-Encoding, RFC 9110, 12.5.3), and putting bodies into
 * it: gzip, br, zstd, as far as the build has them. Without I/O. */
#ifndef HOB_HTTP_PACK_H
#define HOB_HTTP_PACK_H

#include <stdbool.h>
#include <stddef.h>

/* In the order in which this server would rather send them. */
enum hob__packing { HOB__PACK_BR, HOB__PACK_ZSTD, HOB__PACK_GZIP, HOB__PACKINGS };

const char *hob__packing_name(enum hob__packing p);   /* "br" */
const char *hob__packing_suffix(enum hob__packing p); /* ".br" */
bool hob__packing_built(enum hob__packing p);         /* can hob__pack() do it? */

/* A bit (1 << p) for each that the header takes; NULL: none. */
unsigned hob__packings_accepted(const char *accept_encoding);

/* Is it worth trying for this media type? */
bool hob__packable(const char *type);

/* The bytes packed, in memory from hob__alloc(): how many; 0: it would not get smaller; -ENOMEM.
 * Takes its time (a tenth of a second for a MiB): for a thread. */
long hob__pack(enum hob__packing p, const void *data, size_t n, char **out);
#endif
