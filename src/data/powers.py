#!/usr/bin/env python3
"""Writes the table of powers of ten that numbers are read and written by: powers.py FILE.

For each q from -342 to 324 the 128 highest bits of 10^q as two words: rounded up for -27 <= q < 0,
which makes the product with a 64-bit number exact enough to be rounded there, and down elsewhere."""
import sys

FIRST, LAST = -342, 324


def highest_128(q):
    if q >= 0:
        p = 10 ** q
        bits = p.bit_length()
        return p >> (bits - 128) if bits > 128 else p << (128 - bits)
    d = 10 ** -q
    # 2^s / d with exactly 128 bits
    s = d.bit_length() + 127
    v = (1 << s) // d
    if v >> 128:
        v = (1 << (s - 1)) // d
    assert v.bit_length() == 128
    return v + 1 if q >= -27 else v


with open(sys.argv[1], "w", encoding="ascii") as f:
    print("/* Made by powers.py: the 128 highest bits of 10^q; high word, low word. */", file=f)
    print("#include <stdint.h>", file=f)
    print(f"enum {{ POWERS_FIRST = {FIRST}, POWERS_LAST = {LAST} }};", file=f)
    print("static const uint64_t powers[][2] = {", file=f)
    for q in range(FIRST, LAST + 1):
        v = highest_128(q)
        print(f"    {{0x{v >> 64:016X}, 0x{v & (1 << 64) - 1:016X}}}, /* {q} */", file=f)
    print("};", file=f)
