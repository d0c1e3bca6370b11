#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden values of the controls: Fourier transforms, scrambled and matched pictures, spectra, by NumPy.

usage: tests/golden/controls.py        (from the repository's root; needs Debian's python3-numpy and python3-pil)

Writes tests/golden/control_fft.inc (for several sizes of the input of `numbers` a few values of numpy.fft) and
control_scramble.inc (pictures of `picture`, scrambled with the random choices of nn/base/rng.c, which is repeated here) and
control_shine.inc (light of such pictures, and what they become when they are matched) and
control_pixels.inc (luminance, contrast and slope of the spectrum).
"""
import hashlib
import struct

import numpy as np
from PIL import Image

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


class Rng:
    """xoshiro256** 1.0 (Blackman & Vigna 2018), seeded by SplitMix64."""

    def __init__(self, seed):
        self.s = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) % 2**64
            z = seed
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
            z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
            self.s.append(z ^ z >> 31)

    def u64(self):
        rotl = lambda x, k: (x << k | x >> 64 - k) % 2**64
        s = self.s
        out, t = rotl(s[1] * 5 % 2**64, 7) * 9 % 2**64, s[1] << 17 & 2**64 - 1
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        return out

    def uniform(self):
        return (self.u64() >> 11) / 2**53

    def below(self, n):
        while True:
            x = self.u64()
            if x >= 2**64 % n:
                return x % n


def picture(width, height):
    v = (numbers(width * height * 3, width + height) * 65536).astype(int) >> 8
    return v.astype(np.uint8).reshape(height, width, 3)


def choices(pixels, seed):
    head = struct.pack("<QQ", seed, pixels.shape[1])
    return Rng(int(hashlib.sha256(head + pixels.tobytes()).hexdigest()[:16], 16))


def box(pixels, grid, seed):
    rng, (height, width) = choices(pixels, seed), pixels.shape[:2]
    xs, ys = [[i * n // grid for i in range(grid + 1)] for n in (width, height)]
    shape = lambda b: (ys[b // grid + 1] - ys[b // grid], xs[b % grid + 1] - xs[b % grid])
    cut = lambda b: np.s_[ys[b // grid]:ys[b // grid + 1], xs[b % grid]:xs[b % grid + 1]]
    out = np.zeros_like(pixels)
    for wide in range(2):
        for high in range(2):
            boxes = [b for b in range(grid * grid) if shape(b) == (height // grid + high, width // grid + wide)]
            moved = list(boxes)
            for i in range(len(boxes) - 1, 0, -1):
                k = rng.below(i + 1)
                moved[i], moved[k] = moved[k], moved[i]
            for to, source in zip(boxes, moved):
                out[cut(to)] = pixels[cut(source)]
    return out


def phase(pixels, seed):
    rng, (height, width) = choices(pixels, seed), pixels.shape[:2]
    factor = np.ones((height, width), complex)
    for v in range(height):
        for u in range(width):
            mirror = -v % height, -u % width
            if (v, u) == (0, 0) or mirror < (v, u):
                continue
            if mirror == (v, u):
                factor[v, u] = 1 - 2 * (rng.u64() >> 63)
            else:
                factor[v, u] = np.exp(2j * np.pi * rng.uniform())
                factor[mirror] = np.conj(factor[v, u])
    back = np.fft.ifft2(np.fft.fft2(pixels, axes=(0, 1)) * factor[:, :, None], axes=(0, 1))
    assert abs(back.imag).max() < 1e-11
    values = back.real + 0.5
    assert abs(values - np.rint(values)).min() > 1e-9  # no rounding hangs on the last bits
    return np.clip(np.floor(values), 0, 255).astype(np.uint8)


def scramble():
    lines = ["/* width, height, grid (0: phases), seed, SHA-256 of the pixels */"]
    for width, height, grid, seed in [(16, 16, 16, 1), (32, 48, 16, 7), (37, 50, 16, 2**63 + 5), (5, 9, 3, 0), (7, 7, 1, 0),
                                      (16, 16, 0, 1), (15, 9, 0, 2), (37, 20, 0, 2**64 - 1), (1, 8, 0, 3), (1, 1, 0, 3)]:
        p = picture(width, height)
        out = box(p, grid, seed) if grid else phase(p, seed)
        lines.append(f'{{{width}, {height}, {grid}, {seed}u, "{hashlib.sha256(out.tobytes()).hexdigest()}"}},')
    return lines


def luminance(pixels):
    return pixels.astype(np.int64) @ [299, 587, 114]


def clipped(v):
    return np.clip(np.floor(v + 0.5), 0, 255).astype(np.uint8)


def hashes(n):
    out = []
    for z in range(n):
        z = (z + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        out.append((z ^ z >> 31) >> 32)
    return np.array(out)


def shine_set():
    """Grey (the channels' first) and colour, dark and light, and one flat picture."""
    grey = np.repeat(picture(24, 16)[:, :, :1] // 3, 3, 2)
    return [grey, picture(24, 16) // 2 + 100, picture(13, 29) // 4 * 2, np.full((16, 24, 3), 90, np.uint8)]


def shine():
    pictures = shine_set()
    y = [luminance(p) / 1000 for p in pictures]
    mean, sd = np.mean([v.mean() for v in y]), np.mean([v.std() for v in y])
    below = np.mean([np.cumsum(np.bincount(((luminance(p) + 500) // 1000).ravel(), minlength=256)) / v.size
                     for p, v in zip(pictures, y)], 0)
    lines = ["/* mean and SD of Y, SHA-256 with the set's mean and SD, SHA-256 with the set's histogram */"]
    for p, v in zip(pictures, y):
        gain = sd / v.std() if v.std() > 1e-9 else 0
        matched = clipped((p - (v.mean() if gain else p)) * gain + mean)
        yi, n = luminance(p), v.size
        sums = [sum(np.pad(yi, k, "edge")[i:i + yi.shape[0], j:j + yi.shape[1]] for i in range(2 * k + 1) for j in range(2 * k + 1))
                for k in (1, 2)]
        order = np.lexsort([np.arange(n), hashes(n), sums[1].ravel(), sums[0].ravel(), yi.ravel()])
        until = np.floor(below * n + 0.5).astype(int)
        until[255] = n
        level = np.zeros(n)
        level[order] = np.searchsorted(until, np.arange(n), side="right")
        exact = clipped((1000 * p.reshape(-1, 3).astype(np.int64) - yi.reshape(-1, 1)) / 1000 + level[:, None])
        lines.append("{%r, %r, \"%s\", \"%s\"}," % (v.mean(), v.std(), hashlib.sha256(matched.tobytes()).hexdigest(),
                                                    hashlib.sha256(exact.tobytes()).hexdigest()))
    return lines


def smooth(width, height):
    """`picture`, summed up along rows and columns, so that low frequencies prevail."""
    v = np.cumsum(np.cumsum(picture(width, height).astype(np.int64), 0), 1)
    return (v // 997 % 256).astype(np.uint8)


def pixels():
    lines = ["/* width, height, smooth, luminance, contrast, slope */"]
    for width, height, kind in [(64, 64, 0), (64, 64, 1), (37, 51, 1), (7, 7, 0), (5, 9, 0), (256, 300, 1), (400, 257, 1), (300, 600, 0)]:
        p = smooth(width, height) if kind else picture(width, height)
        side = min(width, height)
        if side > 256:
            p = np.asarray(Image.fromarray(p).resize((width * 256 // side, height * 256 // side), Image.BILINEAR))
            side = 256
        top, left = (p.shape[0] - side) // 2, (p.shape[1] - side) // 2
        y = luminance(p[top:top + side, left:left + side]) / 255000
        power = np.abs(np.fft.fft2(y)) ** 2
        f = np.rint(np.fft.fftfreq(side) * side)
        r = np.floor(np.hypot(f[:, None], f) + 0.5).astype(int)
        rs = np.arange(1, (side - 1) // 2 + 1)
        slope = np.polyfit(np.log(rs), np.log([power[r == i].mean() for i in rs]), 1)[0] if len(rs) >= 3 else np.nan
        lines.append("{%d, %d, %d, %r, %r, %s}," % (width, height, kind, y.mean(), y.std(), "NAN" if np.isnan(slope) else repr(slope)))
    return lines


def write(name, lines):
    with open(HERE + name, "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    write("control_fft.inc", fft())
    write("control_scramble.inc", scramble())
    write("control_shine.inc", shine())
    write("control_pixels.inc", pixels())
