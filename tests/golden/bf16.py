# SPDX-License-Identifier: MIT
"""Sums of 64 products of bf16 numbers by the rule of nn/kernel/bf16.h, in exact fractions: tests/golden/bf16.npz.

a, b [n, 64] the upper 16 bits of the numbers; c [n] the sums, the bits of floats in two halves. Needs NumPy.
usage: python3 tests/golden/bf16.py     from the repository's root"""
import random
from fractions import Fraction

import numpy as np

LEAST = Fraction(1, 2**126)
random.seed(19)


def value(bits):
    """A bf16 number; subnormals are 0. Zeros keep their sign as a pair (sign, 0)."""
    sign, exponent, fraction = bits >> 15, bits >> 7 & 255, bits & 127
    size = Fraction(0) if exponent == 0 else Fraction(128 + fraction, 128) * Fraction(2) ** (exponent - 127)
    return sign, size


def rounded(sign_of_zero, x):
    """To 24 bits without a limit to the exponent, ties to even; below 2^-126 to 0 of its sign."""
    sign = 1 if x < 0 else 0 if x > 0 else sign_of_zero
    size = abs(x)
    if size == 0:
        return sign, size
    e = size.numerator.bit_length() - size.denominator.bit_length()
    e = e if Fraction(2) ** e <= size else e - 1
    unit = Fraction(2) ** (e - 23)
    size = round(size / unit) * unit  # Fraction's round: half to even
    assert size < Fraction(2) ** 128
    return (sign, size) if size >= LEAST else (sign, Fraction(0))


def signed(x):
    return -x[1] if x[0] else x[1]


def fma(a, b, c):
    product_sign = a[0] ^ b[0]
    product = a[1] * b[1] * (-1 if product_sign else 1)
    total = product + signed(c)
    zero = product_sign if product == 0 and c[1] == 0 and product_sign == c[0] else 0
    return rounded(zero, total)


def add(a, b):
    total = signed(a) + signed(b)
    return rounded(a[0] if total == 0 and a[1] == 0 and a[0] == b[0] else 0, total)


def bits(x):
    """Of a float."""
    sign, size = x
    if size == 0:
        return sign << 31
    e = size.numerator.bit_length() - size.denominator.bit_length()
    e = e if Fraction(2) ** e <= size else e - 1
    fraction = size / Fraction(2) ** (e - 23)
    assert fraction.denominator == 1
    return sign << 31 | (e + 127) << 23 | (fraction.numerator - 2**23)


def total(a, b):
    c = (0, Fraction(0))
    for tile in range(0, len(a), 32):
        even = odd = (0, Fraction(0))
        for k in range(tile, tile + 32, 2):
            even = fma(value(a[k]), value(b[k]), even)
            odd = fma(value(a[k + 1]), value(b[k + 1]), odd)
        c = add(c, add(even, odd))
    return bits(c)


def number(kind):
    sign = random.getrandbits(1) << 15
    if kind == 0:  # like activations and weights
        return sign | random.randint(118, 130) << 7 | random.getrandbits(7)
    if kind == 1:  # cancelling
        return sign | 127 << 7 | random.getrandbits(2)
    if kind == 2:  # around the least normal number
        return sign | random.randint(50, 66) << 7 | random.getrandbits(7)
    if kind == 3:  # whole range, subnormals and zeros among them
        return sign | random.randint(0, 180) << 7 | random.getrandbits(7)
    return sign | random.choice([0, 0, 64, 63, 62, 51, 52, 53]) << 7 | random.choice([0, 0, 0, 1, 64])


def boundary():
    """2^-126 less a little: rounded before it is compared with 2^-126."""
    a, b = [0] * 64, [0] * 64
    a[0] = b[0] = 64 << 7  # 2^-63
    a[2], b[2] = 0x8000 | random.randint(50, 54) << 7 | random.getrandbits(7), 52 << 7
    a[1], b[1] = (random.getrandbits(1) << 15) | 64 << 7, 64 << 7
    return a, b


def main():
    cases = [([number(kind) for _ in range(64)], [number(kind) for _ in range(64)]) for kind in range(5) for _ in range(30)]
    cases += [boundary() for _ in range(60)]
    sums = [total(a, b) for a, b in cases]
    halves = np.array([[s >> 16, s & 0xFFFF] for s in sums], dtype="<u2")
    np.savez_compressed("tests/golden/bf16.npz", a=np.array([c[0] for c in cases], dtype="<u2"),
                        b=np.array([c[1] for c in cases], dtype="<u2"), c=halves)


main()
