/* data/powers.c - the powers of ten by which numbers are read and written; the table is made by
 * powers.py when Hob is built. */
#include "powers.h"
#include "data/number.h"

const uint64_t (*const hob__powers_of_ten)[2] = powers - POWERS_FIRST;
