#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden pictures: small files of every kind and the SHA-256 of the pixels that Pillow makes of them.

usage: tests/golden/images.py        (from the repository's root; needs Debian's python3-pil, python3-torchvision and
libjpeg-turbo-progs)

Writes tests/golden/img_*: pictures, img_list.txt (file, width, height, SHA-256 of Image.open(file).convert("RGB")),
img_resize.txt and img_preprocess.txt (sizes, filter or preset, SHA-256 of what Pillow and torchvision make of the noise of
`noise`, which tests/images.h repeats), img_zlib.inc; and tests/bad/img_* with img_list.txt (file, error code, text in the message).
Where Pillow's conversion clips (16-bit grey) the expectation is computed here: see `expected`.
"""
import hashlib
import io
import os
import struct
import subprocess
import zlib

import numpy as np
from PIL import Image

GOLDEN, BAD = "tests/golden/", "tests/bad/"
ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))
lines, bad_lines = [], []


def noise(width, height, seed):
    """Pixels from a linear congruential generator; the same in tests/images.h."""
    v, out = seed, bytearray()
    for _ in range(width * height * 3):
        v = (v * 1103515245 + 12345) & 0xFFFFFFFF
        out.append(v >> 16 & 255)
    return np.frombuffer(bytes(out), np.uint8).reshape(height, width, 3)


def smooth(width, height, seed):
    return np.asarray(Image.fromarray(noise(5, 4, seed)).resize((width, height), Image.BICUBIC))


def expected(data):
    im = Image.open(io.BytesIO(data))
    if im.mode == "I":  # 16-bit grey, which convert() would clip at 255: the high byte (PNG), or scaled and rounded (PNM)
        v = np.asarray(im).astype(np.int64)
        grey = (v >> 8 if im.format == "PNG" else np.rint(v / 65535 * 255)).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, 2)
    return np.asarray(im.convert("RGB"))


def keep(name, data):
    with open(GOLDEN + "img_" + name, "wb") as f:
        f.write(data)
    rgb = expected(data)
    lines.append(f"img_{name} {rgb.shape[1]} {rgb.shape[0]} {hashlib.sha256(rgb.tobytes()).hexdigest()}")


def refuse(name, data, code, text):
    with open(BAD + "img_" + name, "wb") as f:
        f.write(data)
    bad_lines.append(f"img_{name} {code} {text}")


# ---- JPEG ----

DC_COUNTS = [0] * 4 + [16] + [0] * 11  # sixteen codes of 5 bits
AC_COUNTS = [0, 0, 2, 0, 0, 0, 0, 0, 190, 64] + [0] * 6  # two of 3 bits, the others of 9 and 10


def canonical(counts, symbols):
    code, table, rest = 0, {}, iter(symbols)
    for length, n in enumerate(counts, 1):
        for _ in range(n):
            table[next(rest)] = (code, length)
            code += 1
        code <<= 1
    return table


DC_CODE, AC_CODE = canonical(DC_COUNTS, range(16)), canonical(AC_COUNTS, range(256))


class Bits:
    def __init__(self):
        self.text = ""

    def put(self, v, n):
        if n:
            self.text += format(v, f"0{n}b")

    def value(self, v, size):
        self.put(v if v >= 0 else v + (1 << size) - 1, size)

    def flush(self):
        self.text += "1" * (-len(self.text) % 8)
        data = bytes(int(self.text[i:i + 8], 2) for i in range(0, len(self.text), 8))
        self.text = ""
        return data.replace(b"\xff", b"\xff\0")


def segment(marker, body):
    return bytes([255, marker]) + struct.pack(">H", len(body) + 2) + bytes(body)


def put_block(bits, block, before):
    size = int(abs(block[0] - before)).bit_length()
    bits.put(*DC_CODE[size])
    bits.value(int(block[0] - before), size)
    run, last = 0, max((k for k in range(1, 64) if block[ZIGZAG[k]]), default=0)
    for k in range(1, last + 1):
        v = int(block[ZIGZAG[k]])
        if not v:
            run += 1
            continue
        while run > 15:
            bits.put(*AC_CODE[0xF0])
            run -= 16
        size = abs(v).bit_length()
        bits.put(*AC_CODE[run << 4 | size])
        bits.value(v, size)
        run = 0
    if last < 63:
        bits.put(*AC_CODE[0])


def jpeg(width, height, factors, seed, app=b"", restart=0, scans=None, sof=0xC0, wide=False, ids=None, fill=b"", amplitude=30):
    """A JPEG file of random coefficients: any sampling factors, markers and order of scans."""
    rng, n = np.random.default_rng(seed), len(factors)
    max_h, max_v = max(f[0] for f in factors), max(f[1] for f in factors)
    mcus_x, mcus_y = -(-width // (8 * max_h)), -(-height // (8 * max_v))
    ids = ids or list(range(1, n + 1))
    coefs = []
    for h, v in factors:
        shape = (mcus_y * v, mcus_x * h, 64)
        c = rng.integers(-amplitude, amplitude + 1, shape) * (rng.random(shape) < 0.2 * rng.random(shape[:2] + (1,)))
        c[:, :, 0] = rng.integers(-amplitude, amplitude, shape[:2])
        coefs.append(c)
    out = bytearray(b"\xff\xd8" + app)
    for i in range(n):
        q = rng.integers(1, 30, 64)
        out += fill + segment(0xDB, bytes([(16 if wide else 0) | i]) + (struct.pack(">64H", *(q * 9)) if wide else bytes(q.tolist())))
    out += segment(sof, struct.pack(">BHHB", 8, height, width, n)
                   + b"".join(bytes([ids[i], factors[i][0] << 4 | factors[i][1], i]) for i in range(n)))
    out += segment(0xC4, bytes([0]) + bytes(DC_COUNTS) + bytes(range(16)))
    out += segment(0xC4, bytes([16]) + bytes(AC_COUNTS) + bytes(range(256)))
    if restart:
        out += segment(0xDD, struct.pack(">H", restart))
    for scan in scans or [list(range(n))]:
        out += fill + segment(0xDA, bytes([len(scan)]) + b"".join(bytes([ids[i], 0]) for i in scan) + bytes([0, 63, 0]))
        if len(scan) == 1:
            h, v = factors[scan[0]]
            blocks_x, blocks_y = -(-(-(-width * h // max_h)) // 8), -(-(-(-height * v // max_v)) // 8)
            mcus = [[(scan[0], y, x)] for y in range(blocks_y) for x in range(blocks_x)]
        else:
            mcus = [[(i, y * factors[i][1] + b, x * factors[i][0] + a) for i in scan for b in range(factors[i][1])
                     for a in range(factors[i][0])] for y in range(mcus_y) for x in range(mcus_x)]
        bits, before, done = Bits(), [0] * n, 0
        for mcu in mcus:
            if restart and done and done % restart == 0:
                out += bits.flush() + fill + bytes([255, 0xD0 + (done // restart - 1) % 8])
                before = [0] * n
            for i, y, x in mcu:
                put_block(bits, coefs[i][y, x], before[i])
                before[i] = coefs[i][y, x, 0]
            done += 1
        out += bits.flush()
    return bytes(out + fill + b"\xff\xd9")


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


def pillow_jpeg(pixels, **options):
    s = io.BytesIO()
    Image.fromarray(pixels).save(s, "JPEG", optimize=True, **options)
    return s.getvalue()


def scans(data):
    """Start and end of every scan of a JPEG file, its tables counted."""
    at, start = 2, 2
    while data[at + 1] != 0xD9:
        marker, end = data[at + 1], at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        if marker == 0xDA:
            n = data[at + 4]
            band = data[at + 5 + 2 * n], data[at + 6 + 2 * n], data[at + 7 + 2 * n]
            while data[end] != 0xFF or data[end + 1] == 0 or 0xD0 <= data[end + 1] <= 0xD7:
                end += 1
            yield start, end, band
            start = end
        elif marker not in (0xC4,):
            start = end
        at = end


def without_scans(data, drop):
    out, at = b"", 0
    for start, end, band in scans(data):
        out += data[at:start] + (b"" if drop(*band) else data[start:end])
        at = end
    return out + data[at:]


def arithmetic(data, *options):
    """The same coefficients, coded by libjpeg-turbo's arithmetic coder."""
    return subprocess.run(["jpegtran", "-arithmetic", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


def arithmetics():
    f420 = [(2, 2), (1, 1), (1, 1)]
    grey = pillow_jpeg(smooth(33, 18, 50)[:, :, 0], quality=90)
    keep("arithmetic_grey.jpg", arithmetic(grey))
    keep("arithmetic_grey_progressive.jpg", arithmetic(grey, "-progressive"))
    keep("arithmetic_420.jpg", arithmetic(jpeg(35, 27, f420, 51)))
    keep("arithmetic_420_progressive.jpg", arithmetic(jpeg(35, 27, f420, 52), "-progressive"))
    keep("arithmetic_411.jpg", arithmetic(jpeg(37, 21, [(4, 1), (1, 1), (1, 1)], 53)))
    keep("arithmetic_restart.jpg", arithmetic(jpeg(50, 40, f420, 54), "-restart", "3B"))
    keep("arithmetic_restart_progressive.jpg", arithmetic(jpeg(50, 40, f420, 55), "-restart", "1", "-progressive"))
    keep("arithmetic_cmyk.jpg", arithmetic(jpeg(12, 9, [(1, 1)] * 4, 56, app=adobe(0))))
    keep("arithmetic_extreme.jpg", arithmetic(jpeg(24, 16, [(1, 1)], 57, amplitude=1000, wide=True)))
    good = arithmetic(grey)
    conditioned = good.index(b"\xff\xcc")
    refuse("conditioning.jpg", good[:conditioned + 5] + b"\x01" + good[conditioned + 6:], "format", "lower bound past the upper")
    refuse("arithmetic_short.jpg", good[:-20], "format", "truncated")
    refuse("arithmetic_lossless.jpg", good.replace(b"\xff\xc9", b"\xff\xcb"), "unsupported", "a lossless picture")


def incompletes():
    """Scans, bits and end markers that are missing."""
    for name, size, s in (("444", (37, 29), 0), ("420", (61, 53), 2), ("422_narrow", (14, 40), 1)):
        data = pillow_jpeg(smooth(*size, 60), quality=80, progressive=True, subsampling=s)
        keep(f"means_{name}.jpg", without_scans(data, lambda first, last, bits: first > 0))
        keep(f"bits_{name}.jpg", without_scans(data, lambda first, last, bits: first > 0 and bits >> 4))
    grey = pillow_jpeg(smooth(31, 23, 10)[:, :, 0], quality=95, progressive=True)
    keep("incomplete.jpg", without_scans(grey, lambda first, last, bits: bits == 0x10))
    keep("arithmetic_means.jpg", without_scans(arithmetic(grey, "-progressive"), lambda first, last, bits: first > 0))
    keep("one_scan.jpg", jpeg(20, 20, [(1, 1)] * 3, 61, scans=[[0]]))
    keep("two_scans_of_three.jpg", jpeg(20, 20, [(2, 1), (1, 1), (1, 1)], 62, scans=[[0], [2]]))
    good = jpeg(20, 20, [(1, 1)] * 3, 63)
    keep("no_end.jpg", good[:-2] + b"no end marker, but these bytes")
    keep("no_end_segment.jpg", good[:-2] + b"..\xff\xe1\xff\xf0 a segment past the end")
    keep("late_end.jpg", good[:-2] + b"bytes before the end marker \xff\xd9 and behind")
    keep("dnl_behind.jpg", good[:-2] + segment(0xDC, b"\0\x14") + good[-2:])
    keep("dnl_before.jpg", good[:2] + segment(0xDC, b"\0\x14") + good[2:])
    refuse("no_end.jpg", good[:-2] + b"few", "format", "expected a marker: truncated copy?")
    refuse("no_end_scans.jpg", jpeg(20, 20, [(1, 1)] * 3, 64, scans=[[0], [1, 2]])[:-2] + bytes(14), "format", "expected a marker: truncated copy?")
    refuse("no_end_again.jpg", good[:-2] + b"..\xff\xd8\xff\xe0", "format", "second start of image")
    refuse("no_end_reserved.jpg", good[:-2] + b"..\xff\x05.......", "format", "ff05, which is reserved")
    refuse("rest.jpg", good[:-2] + b"the rest of damaged data" + good[-2:], "format", "belong to nothing")
    refuse("scanless.jpg", good[:good.index(b"\xff\xda")] + good[-2:], "format", "expected a scan")


def two_bands():
    """A progressive file whose AC coefficients come in the bands 1-9 and 10-63, one of each: an 8 x 8 block, built by hand."""
    bits = Bits()
    bits.put(*DC_CODE[6])
    bits.value(40, 6)
    dc = bits.flush()
    bits.put(*AC_CODE[0x05])
    bits.value(20, 5)
    bits.put(*AC_CODE[0x00])
    low = bits.flush()
    bits.put(*AC_CODE[0x35])
    bits.value(-20, 5)
    bits.put(*AC_CODE[0x00])
    high = bits.flush()
    out = b"\xff\xd8" + segment(0xDB, bytes([0]) + bytes(range(3, 67))) + segment(0xC2, bytes([8, 0, 8, 0, 8, 1, 1, 0x11, 0]))
    out += segment(0xC4, bytes([0]) + bytes(DC_COUNTS) + bytes(range(16))) + segment(0xC4, bytes([16]) + bytes(AC_COUNTS) + bytes(range(256)))
    for data, first, last in ((dc, 0, 0), (low, 1, 9), (high, 10, 63)):
        out += segment(0xDA, bytes([1, 1, 0, first, last, 0])) + data
    return out + b"\xff\xd9"


def jpegs():
    sizes = [(1, 1), (2, 3), (8, 8), (5, 17), (33, 18)]
    for i, (w, h) in enumerate(sizes):
        keep(f"grey_{w}x{h}.jpg", pillow_jpeg(smooth(w, h, i)[:, :, 0], quality=90))
        for name, s in (("444", 0), ("422", 1), ("420", 2)):
            keep(f"{name}_{w}x{h}.jpg", pillow_jpeg(smooth(w, h, i), quality=85, subsampling=s))
    keep("progressive_grey.jpg", pillow_jpeg(smooth(31, 23, 7)[:, :, 0], quality=95, progressive=True))
    keep("progressive_420.jpg", pillow_jpeg(smooth(37, 29, 8), quality=95, progressive=True, subsampling=2))
    keep("progressive_noise.jpg", pillow_jpeg(noise(17, 16, 9), quality=75, progressive=True, subsampling=1))
    whole = pillow_jpeg(smooth(31, 23, 10)[:, :, 0], quality=95, progressive=True)
    keep("progressive_low.jpg", without_scans(two_bands(), lambda first, last, bits: first == 10))
    three = {"440": [(1, 2), (1, 1), (1, 1)], "411": [(4, 1), (1, 1), (1, 1)], "410": [(4, 2), (1, 1), (1, 1)],
             "311": [(3, 1), (1, 1), (1, 1)], "132": [(1, 3), (1, 1), (1, 1)], "211121": [(2, 1), (1, 2), (2, 1)],
             "121111": [(1, 1), (2, 2), (1, 2)], "4122": [(4, 1), (2, 1), (2, 1)]}
    for i, (name, f) in enumerate(three.items()):
        keep(f"sampling_{name}.jpg", jpeg(37, 21, f, i))
    f420 = [(2, 2), (1, 1), (1, 1)]
    keep("grey_22.jpg", jpeg(19, 21, [(2, 2)], 20))
    keep("restart.jpg", jpeg(50, 40, f420, 21, restart=1))
    keep("restart_fill.jpg", jpeg(50, 40, f420, 22, restart=5, fill=b"\xff\xff"))
    keep("scans.jpg", jpeg(35, 27, f420, 23, scans=[[2], [0, 1]]))
    keep("scans_alone.jpg", jpeg(35, 27, f420, 24, scans=[[0], [1], [2]], restart=2))
    keep("extended_wide.jpg", jpeg(20, 20, [(1, 1)], 25, sof=0xC1, wide=True))
    keep("trailing.jpg", jpeg(12, 12, [(1, 1)], 26) + b"\0\1garbage\xff\xd8")
    keep("jfif_rgb_ids.jpg", jpeg(12, 9, [(1, 1)] * 3, 27, app=JFIF, ids=list(b"RGB")))
    keep("rgb_ids.jpg", jpeg(12, 9, [(1, 1)] * 3, 28, ids=list(b"RGB")))
    keep("adobe_rgb.jpg", jpeg(12, 9, [(1, 1)] * 3, 29, app=adobe(0)))
    keep("adobe_ycc.jpg", jpeg(12, 9, [(1, 1)] * 3, 30, app=adobe(1)))
    keep("cmyk.jpg", jpeg(12, 9, [(1, 1)] * 4, 31))
    keep("adobe_cmyk.jpg", jpeg(12, 9, [(1, 1)] * 4, 32, app=adobe(0)))
    keep("adobe_ycck.jpg", jpeg(19, 17, [(2, 2), (1, 1), (1, 1), (2, 2)], 33, app=adobe(2)))
    keep("extreme.jpg", jpeg(24, 16, [(1, 1)], 34, amplitude=16000, sof=0xC1, wide=True))
    good = jpeg(20, 20, [(1, 1)], 40)
    sof = good.index(b"\xff\xc0")
    arithmetics(), incompletes()
    for name, marker in (("lossless", 0xC3), ("hierarchical", 0xC5)):
        refuse(f"{name}.jpg", good[:sof + 1] + bytes([marker]) + good[sof + 2:], "unsupported", name[:8])
    refuse("12bit.jpg", good[:sof + 4] + b"\x0c" + good[sof + 5:], "unsupported", "12 bits a sample")
    refuse("dnl.jpg", good[:sof + 5] + b"\0\0" + good[sof + 7:], "unsupported", "DNL")
    refuse("bomb.jpg", good[:sof + 5] + b"\xff\xff\xff\xff" + good[sof + 9:], "limit", "65535 x 65535")
    refuse("large.jpg", good[:sof + 5] + b"\x1f\xff\x1f\xff" + good[sof + 9:], "format", "truncated")
    refuse("no_tables.jpg", good[:2] + good[sof:], "format", "quantisation table that was not defined")
    refuse("stray.jpg", good[:sof] + b"stray bytes in the file" + good[sof:], "format", "belong to nothing")
    refuse("sampling.jpg", good[:sof + 11] + b"\x51" + good[sof + 12:], "format", "sampling factor")
    refuse("two_scans.jpg", jpeg(20, 20, [(1, 1)], 41, scans=[[0], [0]]), "format", "coded before")
    restart = jpeg(50, 40, [(1, 1)], 43, restart=1)
    refuse("restart.jpg", restart.replace(b"\xff\xd2", b"\xff\xd4", 1), "format", "restart marker ff d2")
    refuse("fraction.jpg", jpeg(20, 20, [(3, 1), (2, 1), (1, 1)], 44), "unsupported", "divisor")


# ---- PNG ----

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, kind, interlaced=0, seed=0, split=0, colours=None, extra=b"", raw=None, z=None):
    """A PNG file of random bytes in every row, behind random filters."""
    rng, channels = np.random.default_rng(seed), {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    if raw is None:
        raw = b""
        for x0, y0, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
            w, h = max(0, -(-(width - x0) // dx)), max(0, -(-(height - y0) // dy))
            for _ in range(h if w else 0):
                raw += bytes([int(rng.integers(5))]) + rng.bytes((w * channels * depth + 7) // 8)
    z = z or zlib.compress(raw, 9)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced))
    if kind == 3:
        out += chunk(b"PLTE", rng.bytes(3 * (colours or 1 << depth)))
    out += extra
    for i in range(0, len(z), split or len(z)):
        out += chunk(b"IDAT", z[i:i + (split or len(z))])
    return out + chunk(b"IEND", b"")


def rng_rows():
    """Four unfiltered rows of six RGB pixels."""
    return b"".join(b"\0" + np.random.default_rng(i).bytes(18) for i in range(4))


def pngs():
    for kind, name, depths in ((0, "grey", (1, 2, 4, 8, 16)), (2, "rgb", (8, 16)), (3, "palette", (1, 2, 4, 8)),
                               (4, "grey_alpha", (8, 16)), (6, "rgb_alpha", (8, 16))):
        for depth in depths:
            keep(f"{name}_{depth}.png", png(13, 11, depth, kind, 0, depth + kind))
            keep(f"{name}_{depth}_adam7.png", png(13, 11, depth, kind, 1, depth + kind + 50))
    for w, h in ((1, 1), (2, 1), (1, 3), (4, 5), (5, 4)):
        keep(f"adam7_{w}x{h}.png", png(w, h, 8, 2, 1, w * h))
    keep("split.png", png(9, 9, 8, 2, split=7, seed=1))
    keep("trns_rgb.png", png(6, 5, 8, 2, seed=2, extra=chunk(b"tRNS", b"\0\1\0\2\0\3")))
    keep("trns_palette.png", png(6, 5, 4, 3, seed=3, extra=chunk(b"tRNS", b"\0\1\2\3\4\5")))
    keep("short_palette.png", png(9, 7, 4, 3, seed=4, colours=5))
    keep("text.png", png(6, 5, 8, 0, seed=5, extra=chunk(b"gAMA", b"\0\0\1\2") + chunk(b"tEXt", b"a\0b")))
    s = io.BytesIO()
    Image.fromarray(smooth(64, 48, 3)).save(s, "PNG", optimize=True)
    keep("smooth.png", s.getvalue())
    good = png(6, 5, 8, 2, seed=6)
    refuse("crc.png", good[:40] + bytes([good[40] ^ 1]) + good[41:], "format", "CRC")
    head = b"\x89PNG\r\n\x1a\n"
    refuse("bomb.png", head + chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 2, 0, 0, 0)), "limit", "at most")
    refuse("large.png", png(9000, 9000, 8, 2, raw=b"\0" * 1000), "format", "too little")
    refuse("short.png", png(6, 5, 8, 2, raw=b"\0" * 50), "format", "found 50 bytes of pixels, expected 95")
    keep("long.png", png(6, 5, 8, 2, raw=b"\0" * 96))
    keep("very_long.png", png(6, 5, 8, 2, raw=b"\0" * 100000))
    refuse("filter.png", png(6, 5, 8, 2, raw=b"\5" + b"\0" * 94), "format", "row filter 5")
    z = zlib.compress(bytes(95))
    refuse("adler.png", png(6, 5, 8, 2, z=z[:-1] + bytes([z[-1] ^ 1])), "format", "Adler-32")
    data, text = zlib.compress(b"\0" * 19 + rng_rows()), chunk(b"tEXt", b"a\0b")
    start, end = good[:33], good[-12:]
    idat = chunk(b"IDAT", data)
    keep("no_end.png", start + idat)
    keep("cut_end.png", start + idat + end[:5])
    keep("no_crc.png", start + idat[:-3])
    keep("crc_behind.png", start + idat + text[:-1] + b"x" + end)
    keep("crc_idat.png", start + idat[:-1] + b"x" + end)
    keep("no_adler.png", start + chunk(b"IDAT", data[:-4]) + end)
    keep("cut_adler.png", start + idat[:-7])
    keep("text_first.png", start[:8] + text + start[8:] + idat + end)
    keep("apart_empty.png", start + idat + text + chunk(b"IDAT", b"") + end)
    keep("behind.png", start + idat + b"\0\0\0\1\xff\xfe.. no chunk")
    refuse("apart.png", start + chunk(b"IDAT", data[:9]) + text + chunk(b"IDAT", data[9:]) + end, "format", "an IDAT chunk apart")
    refuse("crc_text.png", start + text[:-1] + b"x" + idat + end, "format", "CRC")
    refuse("crc_no_adler.png", start + chunk(b"IDAT", data[:-4])[:-1] + b"x" + end, "format", "and no Adler-32")
    refuse("cut_text.png", start + idat + text[:-5], "format", "truncated")
    refuse("idat_first.png", start[:8] + idat + start[8:] + end, "format", "expected IHDR before")
    refuse("iend_first.png", start + end + idat, "format", "expected IDAT chunks before")
    refuse("no_name.png", start + b"\0\0\0\0\xff\xff\xff\xff" + idat + end, "format", "no chunk")
    for name, most in (("dim", 4095), ("dim_8", 255), ("full", 4096)):
        samples = np.random.default_rng(most).integers(0, most, (5, 6))
        samples[-1, -1] = most
        keep(f"{name}_16.png", png(6, 5, 16, 0, raw=b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)))
    refuse("no_palette.png", head + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 3, 0, 0, 0)) + chunk(b"IDAT", z) + chunk(b"IEND", b""),
           "format", "expected a palette")
    refuse("critical.png", png(6, 5, 8, 2, extra=chunk(b"ABCD", b"")), "unsupported", "ABCD")
    refuse("depth.png", head + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 4, 2, 0, 0, 0)), "format", "depth 4")
    refuse("text_mode.png", good.replace(b"\r\n", b"\n"), "format", "copied as text")


# ---- PNM and BMP ----

def pnm(kind, width, height, maximum, seed):
    rng = np.random.default_rng(seed)
    out = b"P%d\n# a comment\n%d %d\n" % (kind, width, height) + (b"" if kind % 3 == 1 else b"%d\n" % maximum)
    v = rng.integers(0, maximum + 1, width * height * (3 if kind % 3 == 0 else 1))
    v[-1] = 1  # one digit: a prefix is shorter, never another picture
    if kind <= 3:
        return out + b" ".join(b"%d" % x for x in v) + b"\n"
    if kind == 4:
        return out + rng.bytes((width + 7) // 8 * height)
    return out + b"".join(struct.pack(">H" if maximum > 255 else "B", int(x)) for x in v)


def pnms():
    for kind, suffix in ((1, "pbm"), (2, "pgm"), (3, "ppm"), (4, "pbm"), (5, "pgm"), (6, "ppm")):
        for maximum in (1,) if kind % 3 == 1 else (1, 6, 100, 255):
            keep(f"p{kind}_{maximum}.{suffix}", pnm(kind, 11, 7, maximum, kind))
    for maximum in (1000, 65535):
        keep(f"p6_{maximum}.ppm", pnm(6, 5, 3, maximum, maximum))
    keep("p5_65535.pgm", pnm(5, 5, 3, 65535, 1))
    refuse("maximum.pgm", b"P5 2 2 70000 aaaa", "format", "past 65535")
    refuse("bomb.ppm", b"P6 100000 100000 255 aaaa", "limit", "at most")
    refuse("zero.ppm", b"P6 0 5 255 aaaa", "format", "at least 1")
    refuse("value.pgm", b"P2 2 2 7 1 2 8 3", "format", "up to the maximum")
    refuse("letter.ppm", b"P3 2 2x 7 1 2 8 3", "format", "found byte 78")
    refuse("short.ppm", b"P6 2 2 255 aaaa", "format", "expected 12 bytes")


def bmp(width, height, bits, header=40, coding=0, colours=0, masks=(), down=False, data=None, seed=0):
    rng = np.random.default_rng(seed)
    if data is None:
        data = rng.bytes(((width * bits + 31) >> 3 & ~3) * height)
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, -height if down else height, 1, bits, coding, len(data), 0, 0, colours, 0)
    head += struct.pack(f"<{len(masks)}I", *masks)
    head += bytes(max(0, header - len(head))) + b"".join(rng.bytes(3) + bytes(header > 12) for _ in range(colours))
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(data), 0, 0, 14 + len(head)) + head + data


def bmps():
    for bits in (1, 4, 8, 24):
        keep(f"os2_{bits}.bmp", bmp(13, 5, bits, 12, colours=1 << bits if bits < 16 else 0, seed=bits))
    for bits in (1, 4, 8, 16, 24, 32):
        keep(f"win_{bits}.bmp", bmp(13, 5, bits, 40, colours=1 << bits if bits < 16 else 0, seed=bits + 50, down=bits % 3 == 1))
    keep("565.bmp", bmp(7, 5, 16, 40, 3, masks=(0xF800, 0x7E0, 0x1F)))
    keep("xbgr.bmp", bmp(7, 5, 32, 108, 3, masks=(0xFF000000, 0xFF0000, 0xFF00, 0)))
    runs = b"\x05\x11\0\x04\1\2\3\4\2\7\0\0" + b"\0\x0b" + bytes(range(11)) + b"\0\0\0" + b"\x03\5\x08\x0f\0\0\x0b\1\0\1"
    keep("rle8.bmp", bmp(11, 4, 8, 40, 1, colours=16, data=runs))
    keep("rle4.bmp", bmp(11, 2, 4, 40, 2, colours=16, data=b"\x05\x12\0\x04\x34\x56\2\7\0\0\x0b\xab\0\0\0\1"))
    for name, width, runs in (("end", 3, b"\3\1\0\0\3\2\0\1"), ("no_end", 3, b"\3\1\0\0\3\2")):
        keep(f"rle_{name}.bmp", bmp(width, 2, 8, 40, 1, colours=16, data=runs))
    for name, runs in (("row", b"\3\1\0\1"), ("column", b"\3\1\0\0\2\2\0\1"), ("none", b"\0\1"), ("cut", b"\3\1\0\0\2\2")):
        refuse(f"rle_{name}.bmp", bmp(3, 2, 8, 40, 1, colours=16, data=runs), "format", "truncated" if name == "cut" else "end of the runs")
    refuse("jpeg.bmp", bmp(7, 5, 24, 40, 4), "unsupported", "compression 4")
    refuse("masks.bmp", bmp(7, 5, 16, 40, 3, masks=(0xF801, 0x7E0, 0x1F)), "format", "bit mask")
    refuse("short.bmp", bmp(7, 5, 24)[:-30], "format", "truncated")
    refuse("bomb.bmp", bmp(1 << 20, 1 << 20, 24, data=b"aaaa"), "limit", "at most")
    refuse("run.bmp", bmp(4, 2, 8, 40, 1, colours=16, data=b"\0\5abcdef\0\1"), "format", "ends in column 5")


def strangers():
    for name, data in (("gif", b"GIF89a...."), ("tif", b"II*\0...."), ("webp", b"RIFF....WEBPVP8 ")):
        refuse(f"stranger.{name}", data, "unsupported", "convert it first")
    refuse("text.txt", b"hello", "format", "not a picture?")
    refuse("empty.png", b"", "format", "empty file")


# ---- resizing and preprocessing ----

def resizes():
    out = []
    for i, (w, h, to_w, to_h) in enumerate([(1, 1, 5, 3), (40, 30, 13, 11), (13, 11, 40, 30), (31, 17, 31, 5), (31, 17, 4, 17), (9, 7, 9, 7),
                                            (200, 3, 7, 50), (64, 64, 32, 32), (100, 75, 299, 224), (97, 101, 1, 1), (3, 2, 100, 90)]):
        for name, f in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
            a = np.asarray(Image.fromarray(noise(w, h, i)).resize((to_w, to_h), f))
            out.append(f"{w} {h} {i} {to_w} {to_h} {name} {hashlib.sha256(a.tobytes()).hexdigest()}\n")
    with open(GOLDEN + "img_resize.txt", "w") as f:
        f.writelines(out)


def preprocesses():
    from torchvision import transforms as T

    def chain(resize, crop, how, mean, std):
        return T.Compose([T.Resize(resize, how), T.CenterCrop(crop), T.ToTensor(), T.Normalize(mean, std)])

    bilinear, bicubic = T.InterpolationMode.BILINEAR, T.InterpolationMode.BICUBIC
    imagenet = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    clip = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    table = {"torchvision": chain(256, 224, bilinear, *imagenet), "torchvision-v2": chain(232, 224, bilinear, *imagenet),
             "clip": chain(224, 224, bicubic, *clip), "cifar": chain(32, 32, bilinear, *imagenet),
             "resize=20,interp=bicubic,crop=33,mean=.1/.2/.3,std=.4/.51/.63": chain(20, 33, bicubic, (.1, .2, .3), (.4, .51, .63)),
             "resize=50,interp=bilinear,crop=30,mean=0,std=1": chain(50, 30, bilinear, (0, 0, 0), (1, 1, 1))}
    out = []
    for spec, t in table.items():
        for i, (w, h) in enumerate([(40, 30), (30, 41), (61, 61), (256, 256), (32, 32), (7, 33), (301, 224)]):
            x = t(Image.fromarray(noise(w, h, i))).numpy()
            out.append(f"{w} {h} {i} {spec} {hashlib.sha256(x.astype('<f4').tobytes()).hexdigest()}\n")
    with open(GOLDEN + "img_preprocess.txt", "w") as f:
        f.writelines(out)


def streams():
    """zlib streams for tests/test_inflate.c: stored, fixed and dynamic codes, long codes, overlapping and far matches."""
    rng = np.random.default_rng(0)
    far = rng.bytes(500)
    skewed = b"".join(bytes([i]) * (1 << max(0, i - 2)) for i in range(16))  # Fibonacci-like counts: codes of all lengths
    skewed = bytes(rng.permutation(np.frombuffer(skewed, np.uint8)).tobytes())[:3000] + bytes(range(256))
    texts = [(b"", 9), (b"a", 9), (b"hello hello hello", 9), (bytes(300), 9), (bytes(300000), 9), (far, 0), (far, 9), (skewed, 9),
             (skewed, 1), (far + bytes(32000) + far, 9), (b"abc" * 200 + b"abcdefgh" * 100, 9), (bytes(range(256)) * 5, 6)]
    out = []
    for text, level in texts:
        z = zlib.compress(text, level)
        out.append(f'    {{"{z.hex()}", {len(text)}, "{hashlib.sha256(text).hexdigest()}"}},\n')
    fixed = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_FIXED)
    z = fixed.compress(skewed) + fixed.flush()
    out.append(f'    {{"{z.hex()}", {len(skewed)}, "{hashlib.sha256(skewed).hexdigest()}"}},\n')
    with open(GOLDEN + "img_zlib.inc", "w") as f:
        f.writelines(out)


def main():
    for folder in (GOLDEN, BAD):
        for name in os.listdir(folder):
            if name.startswith("img_"):
                os.remove(folder + name)
    jpegs(), pngs(), pnms(), bmps(), strangers(), resizes(), preprocesses(), streams()
    with open(GOLDEN + "img_list.txt", "w") as f:
        f.write("".join(x + "\n" for x in lines))
    with open(BAD + "img_list.txt", "w") as f:
        f.write("".join(x + "\n" for x in bad_lines))


main()
