/* data/write_avx2.c - the loop that writes trees, for processors with AVX2 and BMI2. */
#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#define HOB__DIGITS_AVX2

#include "data/write_loop.h"

TARGET int hob__json_write_avx2(const struct hob_json *v, struct hob__json_writer *w) {
    return write_compact(v, w);
}
#endif
