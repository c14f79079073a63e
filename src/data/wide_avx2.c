/* data/wide_avx2.c - the bytes that wide.h compares with. */
#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#define HOB__WIDE_AVX2

#include "data/wide.h"

const struct hob__wide_bytes hob__wide_bytes = {.quote = {[0 ... 31] = '"'},
                                                .backslash = {[0 ... 31] = '\\'},
                                                .control = {[0 ... 31] = 0x1F},
                                                .zero = {[0 ... 31] = '0'},
                                                .to_least = {[0 ... 31] = 0x80 - '0'},
                                                .most = {[0 ... 31] = 0x80 + 9}};
#endif
