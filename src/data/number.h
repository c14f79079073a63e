/* data/number.h - numbers from text and to text. */
#ifndef HOB_DATA_NUMBER_H
#define HOB_DATA_NUMBER_H

#include <hob/json.h>

/* Reads a number of RFC 8259 (section 6) at p, before end, into v: an exact 64-bit integer, or a
 * double rounded to the nearest, ties to even. Where it ends; NULL: it is none (*why: HOB_E_JSON),
 * or does not fit (*why: HOB_E_JSON_RANGE). big_double: integers beyond 64 bits become doubles. */
const uint8_t *hob__json_read_number(const uint8_t *p, const uint8_t *end, bool big_double,
                                     struct hob_json *v, int *why);

enum { HOB__NUMBER_ROOM = 40 };
/* How long the text is. What is behind it up to HOB__NUMBER_ROOM bytes is written over, too. */
size_t hob__json_write_int(int64_t i, char *out);
size_t hob__json_write_uint(uint64_t u, char *out);
/* The shortest text that reads as the same double, with a point or an exponent in it; d is finite.
 */
size_t hob__json_write_double(double d, char *out);
/* The same, without the short way of the usual ones (double_text.h). */
size_t hob__json_write_any_double(double d, char *out);

/* [q] is 10^q for -342 <= q <= 324: its 128 highest bits, high and low. */
extern const uint64_t (*const hob__powers_of_ten)[2];

/* What writes a double of 2^e and up to 2^(e+1) (double_text.h). */
struct hob__usual_double {
    uint64_t power; /* 10^(n-1), where n digits behind the point tell it from its neighbours */
    uint64_t half, twice; /* half the distance to them, and all of it, in units of 10^(1-n) 2^-64 */
    uint64_t left;        /* 10^(16-n) */
};
enum { HOB__USUAL_DOUBLES = 26 };
extern const struct hob__usual_double hob__usual_doubles[HOB__USUAL_DOUBLES];

#endif
