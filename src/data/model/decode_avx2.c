/* data/model/decode_avx2.c - the decoder of models for processors with AVX2 and BMI2. */
#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#define HOB__WIDE_AVX2

#include "data/model/decode_loop.h"

TARGET const uint8_t *hob__decode_avx2(struct hob__decoder *d, const struct hob__slot *s,
                                       const uint8_t *p, uint8_t *to) {
    return decode(d, s, p, to);
}
#endif
