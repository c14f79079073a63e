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

/* How much a client wants each, in thousandths (q); 0: not at all. */
struct hob__wishes {
    unsigned packed[HOB__PACKINGS];
    unsigned
        plain; /* "identity"; 0, too, when the header does not name it: it may be sent even so */
};
/* NULL: there is no such header. */
struct hob__wishes hob__packings_wanted(const char *accept_encoding);

/* The greatest wish for a packing that is below `below`, and not below that for none; 0: there is
 * no such. */
unsigned hob__next_wish(const struct hob__wishes *wishes, unsigned below);

/* Is it worth trying for this media type? */
bool hob__packable(const char *type);

/* The bytes packed, in memory from hob__alloc(): how many; 0: it would not get smaller; -ENOMEM.
 * Takes its time (a tenth of a second for a MiB): for a thread. */
long hob__pack(enum hob__packing p, const void *data, size_t n, char **out);
#endif
