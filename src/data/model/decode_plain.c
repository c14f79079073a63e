/* data/model/decode_plain.c - the decoder of models for every processor. */
#include "data/model/decode_loop.h"

const uint8_t *hob__decode_plain(struct hob__decoder *d, const struct hob__slot *s,
                                 const uint8_t *p, uint8_t *to) {
    return decode(d, s, p, to);
}
