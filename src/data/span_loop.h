/* data/span_loop.h - the loop over blocks; included by span.c for each kind of processor, with
 * TARGET (its functions' attribute), SPAN (the loop's name) and
 *
 *   CLASSIFY(p)         the bits of the 64 bytes at p
 *   XOR_BEFORE(bits)    bit i: the parity of the bits 0 to i
 *   COUNT(bits)         how many are set
 */
TARGET static const uint8_t *SPAN(struct hob__json_span *s, const uint8_t *p, const uint8_t *end) {
    for (; end - p >= BLOCK; p += BLOCK) {
        struct bits b = CLASSIFY(p);
        uint64_t quote = b.quote & ~escaped_bytes(b.backslash, &s->escape);
        uint64_t in_string = XOR_BEFORE(quote) ^ s->in_string;
        uint64_t open = b.open & ~in_string, close = b.close & ~in_string;
        unsigned closed = COUNT(close), opened = COUNT(open);
        if (HOB__UNLIKELY(closed >= s->depth)) {
            unsigned last = last_bracket(s->depth, open, close);
            if (last < BLOCK) return p + last + 1;
        }
        s->depth += opened;
        s->depth -= closed;
        s->in_string = (uint64_t)((int64_t)in_string >> 63);
    }
    return byte_by_byte(s, p, end);
}
#undef TARGET
#undef SPAN
#undef CLASSIFY
#undef XOR_BEFORE
#undef COUNT
