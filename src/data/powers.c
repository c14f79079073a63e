/* data/powers.c - the tables by which numbers are read and written, which powers.py makes when Hob
 * is built. */
#include "data/digits.h"
#include "data/number.h"

#include "powers.h"

const uint64_t (*const hob__powers_of_ten)[2] = powers - POWERS_FIRST;
