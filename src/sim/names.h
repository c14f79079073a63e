/* sim/names.h - the world's names: names.c keeps them, dns.c answers a loop's resolver from them.
 */
#ifndef HOB_SIM_NAMES_H
#define HOB_SIM_NAMES_H

#include <hob/address.h>

#include "sim/sim.h"

enum { HOB__SIM_ADDRESSES = 16 };

struct hob__sim_answer {
    bool known, silent, broken;
    uint32_t ttl;         /* seconds; not known: of that */
    uint64_t delay_ns[2]; /* of the IPv4 addresses, of the IPv6 ones; 0: any */
    unsigned count;
    struct hob_address list[HOB__SIM_ADDRESSES]; /* of both families */
};
/* What the name servers say now. */
void hob__sim_name_answer(struct hob__sim *w, const char *name, struct hob__sim_answer *out);
/* From "2.0.0.10.in-addr.arpa" and its like to the host's name, or NULL. */
const char *hob__sim_name_of(struct hob__sim *w, const char *arpa);
#endif
