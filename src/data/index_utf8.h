/* data/index_utf8.h - the check of UTF-8 by index_tables.h, a register at a time; for each
 * index_*.c that has registers as wide as that, and has defined HERE and
 *
 *   vec                             such a register
 *   vec_load(p), vec_all(byte)      from memory; many times the same
 *   vec_and, vec_or, vec_xor(a, b)
 *   vec_above(a, b)                 of each byte, by how much a's is larger, or 0
 *   vec_high(v)                     each byte's upper four bits
 *   vec_look(table, v)              of 16 entries, those that v's bytes, below 16, say
 *   VEC_BACK(v, before, n)          the bytes n before those of v, which comes behind `before`
 *   vec_is_zero(v)
 */
#include "data/index_tables.h"

struct utf8 {
    vec error;
    vec before;     /* the last register */
    vec unfinished; /* not zero: it ends within a sequence */
};

/* Some ASCII. */
HERE void utf8_plain(struct utf8 *u) {
    u->error = vec_or(u->error, u->unfinished);
    u->unfinished = u->before = vec_all(0);
}

HERE void utf8_vec(struct utf8 *u, vec v) {
    vec back1 = VEC_BACK(v, u->before, 1), back2 = VEC_BACK(v, u->before, 2);
    vec back3 = VEC_BACK(v, u->before, 3);
    vec errors = vec_and(vec_look(hob__utf8_by_first_high, vec_high(back1)),
                         vec_look(hob__utf8_by_first_low, vec_and(back1, vec_all(15))));
    errors = vec_and(errors, vec_look(hob__utf8_by_second_high, vec_high(v)));
    /* The third byte of three and four, the fourth of four: there two continuations are right. */
    vec third = vec_above(back2, vec_all(0xE0 - 0x80)),
        fourth = vec_above(back3, vec_all(0xF0 - 0x80));
    vec must = vec_and(vec_or(third, fourth), vec_all(0x80));
    u->error = vec_or(u->error, vec_xor(must, errors));
    /* Ends within a sequence? The last three bytes are too large for their place then. */
    static const uint8_t most[64] = {
        [0 ... 60] = 255, [61] = 0xF0 - 1, [62] = 0xE0 - 1, [63] = 0xC0 - 1};
    u->unfinished = vec_above(v, vec_load(most + sizeof most - sizeof v));
    u->before = v;
}

HERE bool utf8_ends(const struct utf8 *u) { return vec_is_zero(vec_or(u->error, u->unfinished)); }
