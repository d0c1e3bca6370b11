#!/usr/bin/python3
"""Golden values of the controls: Fourier transforms, scrambled and matched pictures, spectra, by NumPy.

usage: tests/golden/controls.py        (from the repository's root; needs Debian's python3-numpy)

Writes tests/golden/control_fft.inc: for several sizes the input of `numbers` and a few values of numpy.fft.
"""
import numpy as np

HERE = "tests/golden/"


def numbers(n, seed):
    """In [0, 1) from a linear congruential generator; the same in tests/test_fft.c."""
    v, out = seed, []
    for _ in range(n):
        v = (v * 1103515245 + 12345) & 0xFFFFFFFF
        out.append((v >> 16) / 65536)
    return np.array(out)


def fft():
    lines = ["/* size, index, real and imaginary part of numpy.fft.fft(numbers(size, 1) + 1j * numbers(size, 2)) */"]
    for n in [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 30, 31, 36, 37, 45, 49, 64, 74, 97, 100, 121, 128, 169, 210, 211, 222, 224, 243, 256, 331,
              375, 500, 512, 625, 961, 1000, 1024, 1027, 1369, 2048, 4093]:
        x = np.fft.fft(numbers(n, 1) + 1j * numbers(n, 2))
        for k in sorted({0, 1 % n, n // 3, n // 2, n - 1}):
            lines.append(f"{{{n}, {k}, {x[k].real!r}, {x[k].imag!r}}},")
    return lines


def write(name, lines):
    with open(HERE + name, "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    write("control_fft.inc", fft())
