#!/usr/bin/env python3
"""Writes the tables that numbers are read and written by: powers.py FILE.

For each q from -342 to 324 the 128 highest bits of 10^q as two words: rounded up for -27 <= q < 0,
which makes the product with a 64-bit number exact enough to be rounded there, and down elsewhere.
Then what double_text.h wants: for each e what a double of 2^e needs, and the numbers below 1000."""
import sys

FIRST, LAST = -342, 324
USUAL = 26


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


def usual(e):
    """The fields of struct hob__usual_double."""
    n = len(str(2 ** (52 - e)))  # 10^n times the distance to the next one is 1 at least
    half = 10 ** (n - 1) << (63 + e - 52)
    assert n <= 16 and 2 ** 64 // 20 < half < 2 ** 63
    return [10 ** (n - 1), half, 2 * half, 10 ** (16 - n)]


with open(sys.argv[1], "w", encoding="ascii") as f:
    print("/* Made by powers.py: the 128 highest bits of 10^q; high word, low word. */", file=f)
    print("#include <stdint.h>", file=f)
    print(f"enum {{ POWERS_FIRST = {FIRST}, POWERS_LAST = {LAST} }};", file=f)
    print("static const uint64_t powers[][2] = {", file=f)
    for q in range(FIRST, LAST + 1):
        v = highest_128(q)
        print(f"    {{0x{v >> 64:016X}, 0x{v & (1 << 64) - 1:016X}}}, /* {q} */", file=f)
    print("};", file=f)
    print("const struct hob__usual_double hob__usual_doubles[HOB__USUAL_DOUBLES] = {", file=f)
    for e in range(USUAL):
        print("    {" + ", ".join(f"0x{x:X}" for x in usual(e)) + f"}}, /* 2^{e} */", file=f)
    print("};", file=f)
    for name, pad in ("below_1000", ""), ("three_digits", "03"):
        print(f"const char hob__{name}[1000][4] = {{", file=f)
        for i in range(1000):
            text = format(i, pad)
            print("    {" + "".join(f"'{c}', " for c in text.ljust(3)) + f"{len(text)}}},", file=f)
        print("};", file=f)
