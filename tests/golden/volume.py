#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Small NIfTI and MGH files in both byte orders, with slopes, extensions and several gzip members, and damaged ones: vol_* here
and in ../bad. What they hold, by NumPy alone: volume.inc; what is said of the damaged ones: ../bad/vol_list.txt."""
import gzip
import io
import os
import struct
import zipfile
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BAD = os.path.join(HERE, "..", "bad")
CODE = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768}


def nifti(a, order="<", slope=1.0, inter=0.0, extensions=(), offset=None, change=()):
    """a [x, y, z, t]; change: (offset, format, value) written over the header."""
    ext = b"".join(struct.pack(order + "ii", len(e) + 8, 6) + e for e in extensions)
    offset = 352 + len(ext) if offset is None else offset
    h = bytearray(348)
    dims = [a.ndim] + list(a.shape) + [1] * (7 - a.ndim)
    struct.pack_into(order + "i", h, 0, 348)
    struct.pack_into(order + "8h", h, 40, *dims)
    struct.pack_into(order + "hh", h, 70, CODE[a.dtype.str[1:]], a.dtype.itemsize * 8)
    struct.pack_into(order + "8f", h, 76, -1, 1.8, 1.8, 2, 1.6, 0, 0, 0)
    struct.pack_into(order + "fff", h, 108, offset, slope, inter)
    h[123] = 10
    struct.pack_into(order + "hh6f", h, 252, 1, 2, 0.1, 0.2, 0.3, -70, -80, -60)
    struct.pack_into(order + "12f", h, 280, -1.8, 0, 0, 70, 0, 1.8, 0, -80, 0, 0, 2, -60)
    h[344:348] = b"n+1\0"
    for at, fmt, value in change:
        struct.pack_into(order + fmt, h, at, value)
    body = bytes(h) + (b"\1\0\0\0" if extensions else b"\0\0\0\0") + ext
    return body + b"\0" * (offset - len(body)) + a.astype(a.dtype.newbyteorder(order)).tobytes(order="F")


def mgh(a, kind, tail=b"", change=()):
    h = bytearray(284)
    struct.pack_into(">7i", h, 0, 1, *(list(a.shape) + [1] * (4 - a.ndim)), kind, 0)
    struct.pack_into(">h15f", h, 28, 1, 1, 1, 2, -1, 0, 0, 0, 0, -1, 0, 1, 0, 5, 6, 7)
    for at, fmt, value in change:
        struct.pack_into(">" + fmt, h, at, value)
    return bytes(h) + a.astype(a.dtype.newbyteorder(">")).tobytes(order="F") + tail


def pack(data, level=6, **kw):
    return gzip.compress(data, level, mtime=0)


def named(data):
    """A gzip member with every option: extra field, name, comment, checksum of the header."""
    h = b"\x1f\x8b\x08\x1e" + b"\0" * 4 + b"\0\xff" + struct.pack("<H", 6) + b"AB\2\0xy" + b"betas.nii\0" + b"remark\0"
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return h + struct.pack("<H", zlib.crc32(h) & 0xFFFF) + c.compress(data) + c.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def values(dtype, shape, seed):
    g = np.random.RandomState(seed)
    if dtype[0] == "f":
        return (g.randn(*shape) * 100).astype(dtype)
    info = np.iinfo(dtype)
    return g.randint(info.min, int(info.max) + 1, shape, dtype="i8").astype(dtype)


def good():
    shape, out = (3, 4, 2, 5), {}
    for n, (t, order) in enumerate([("i2", "<"), ("i2", ">"), ("u1", "<"), ("i1", "<"), ("u2", ">"), ("i4", "<"), ("u4", ">"), ("f4", "<"),
                                    ("f4", ">"), ("f8", "<"), ("f8", ">")]):
        a = values(t, shape, n)
        out["vol_%s%s.nii" % (t, "be" if order == ">" else "")] = (nifti(a, order), a, t in ("u1", "i1", "i2"))
    a = values("i2", shape, 20)
    out["vol_slope.nii"] = (nifti(a, ">", 0.25, -3), 0.25 * a.astype("f8") - 3, False)
    out["vol_slope_nan.nii"] = (nifti(a, "<", np.nan, np.nan), a, True)
    out["vol_slope_zero.nii"] = (nifti(a, "<", 0, 7), a, True)
    u = values("u4", shape, 21)
    s = float(np.float32(1e-3))
    out["vol_slope_u4.nii"] = (nifti(u, "<", 1e-3, 0.5), s * u.astype("f8") + 0.5, False)
    out["vol_extension.nii"] = (nifti(a, "<", extensions=(b"x" * 24, b"<xml/>" + b"\0" * 2 + b"y" * 32)), a, True)
    out["vol_extension_be.nii"] = (nifti(a, ">", extensions=(b"x" * 24,), offset=512), a, True)
    out["vol_offset.nii"] = (nifti(a, "<", offset=400), a, True)
    mask = (values("u1", shape[:3], 22) > 127).astype("u1")
    out["vol_mask.nii"] = (nifti(mask), mask, True)
    out["vol_flat.nii"] = (nifti(mask[:, :, 0]), mask[:, :, 0], True)
    f = values("f4", shape, 23)
    f[0, 1, 0, 2], f[2, 2, 1, 4] = np.nan, np.inf
    data = nifti(f)
    out["vol_nan.nii.gz"] = (pack(data), f, False)
    out["vol_members.nii.gz"] = (pack(data[:5]) + named(data[5:400]) + pack(b"") + pack(data[400:], 0) + b"\0" * 512, f, False)
    big = ((values("i2", (31, 29, 13, 8), 24) % 8 == 0) * 5).astype("i2")  # longer than a window of 128 kB
    out["vol_big.nii.gz"] = (pack(nifti(big, ">")), big, True)
    for kind, t in ((0, "u1"), (1, "i4"), (3, "f4"), (4, "i2")):
        m = values(t, (7, 1, 1, 4), 30 + kind)
        out["vol_%s.mgh" % t] = (mgh(m, kind), m, t in ("u1", "i2"))
    out["vol_tags.mgz"] = (pack(mgh(m, 4, b"\0\0\0\3 more")), m, True)
    return out


def bad():
    a = values("i2", (3, 4, 2, 5), 40)
    ok, z = nifti(a), values("f4", (7, 1, 1, 4), 41)
    packed = bytearray(pack(ok))
    crc, size, head = bytearray(packed), bytearray(packed), bytearray(packed)
    crc[-8] ^= 1
    size[-4] ^= 1
    head[2] = 7

    def h(*change, **kw):
        return nifti(a, change=change, **kw)
    return {
        "dims_zero.nii": (h((40, "h", 0)), "found 0 NIfTI dimensions"),
        "dims_eight.nii": (h((40, "h", 8)), "found 8 NIfTI dimensions"),
        "size_zero.nii": (h((44, "h", 0)), "byte 44: found a NIfTI dimension of 0"),
        "size_negative.nii": (h((42, "h", -3)), "byte 42: found a NIfTI dimension of -3"),
        "size_huge.nii": (nifti(a, change=[(42 + 2 * i, "h", 32767) for i in range(4)]), "places, at most"),
        "size_more.nii": (h((48, "h", 6)), "are more than the file has, 592 bytes: truncated copy?"),
        "size_packed.nii.gz": (pack(nifti(a, change=[(42 + 2 * i, "h", 1000) for i in range(3)])), "are more than the file can unpack to"),
        "size_fifth.nii": (h((40, "h", 5), (50, "h", 2)), "with 2 along dimension 5"),
        "offset_small.nii": (h((108, "f", 348)), "said to begin at byte 348, expected 352"),
        "offset_past.nii": (h((108, "f", 4096)), "begin at byte 4096, which is past the end"),
        "offset_nan.nii": (h((108, "f", float("nan"))), "said to begin at byte"),
        "offset_half.nii": (h((108, "f", 352.5)), "said to begin at byte 352.5"),
        "inter_nan.nii": (h((112, "f", 2), (116, "f", float("inf"))), "intercept that is no finite number"),
        "type.nii": (h((70, "h", 5)), "data type 5, which does not exist"),
        "type_complex.nii": (h((70, "h", 32)), "of type complex64; read are"),
        "type_long.nii": (h((70, "h", 1024)), "of type int64; read are"),
        "bits.nii": (h((72, "h", 32)), "says 32 bits a voxel, its type int16 has 16"),
        "pair.nii": (ok[:344] + b"ni1\0" + ok[348:], "of a pair .hdr/.img"),
        "analyze.nii": (ok[:344] + b"\0\0\0\0" + ok[348:], "no NIfTI mark"),
        "nifti2.nii": (struct.pack("<i", 540) + ok[4:], "NIfTI-2"),
        "extension.nii": (nifti(a, extensions=(b"x" * 24,))[:352] + struct.pack("<i", 1 << 30) + nifti(a, extensions=(b"x" * 24,))[356:],
                          "extension of 1073741824 bytes"),
        "extension_odd.nii": (nifti(a, extensions=(b"x" * 24,))[:352] + struct.pack("<i", 17) + nifti(a, extensions=(b"x" * 24,))[356:],
                              "extension of 17 bytes"),
        "cut.nii": (ok[:-1], "truncated copy?"),
        "cut_head.nii": (ok[:200], "byte 200: found the end of the data"),
        "cut.nii.gz": (bytes(packed[:-20]), "truncated copy?"),
        "cut_sum.nii.gz": (bytes(packed[:-3]), "expected a checksum: truncated copy?"),
        "crc.nii.gz": (bytes(crc), "checksum (CRC-32) before this byte is not that of the data"),
        "crc_size.nii.gz": (bytes(size), "size before this byte is not that of the data"),
        "method.nii.gz": (bytes(head), "no gzip member (1f 8b 08)"),
        "flags.nii.gz": (bytes(packed[:3]) + b"\x80" + bytes(packed[4:]), "no gzip member (1f 8b 08)"),
        "trailing.nii.gz": (bytes(packed) + b"\0\0more", "found bytes after the last gzip member"),
        "second.nii.gz": (bytes(packed) + b"more than ten bytes", "no gzip member (1f 8b 08)"),
        "short.nii.gz": (pack(ok[:-7]), "found the end of the data, expected 7 bytes more"),
        "empty.nii": (b"", "is empty"),
        "text.nii": (b"hello, this is text", "neither NIfTI, MGH nor NumPy begins with 68 65 6c 6c"),
        "hdf5.nii": (b"\x89HDF\r\n\x1a\n" + b"\0" * 80, "import h5py"),
        "gifti.nii": (b"<?xml version", "perhaps GIFTI"),
        "matlab.nii": (b"MATLAB 5.0 MAT-file", "a MATLAB file"),
        "type.mgh": (mgh(z, 2), "MGH of type 2"),
        "size_zero.mgh": (mgh(z, 3, change=[(8, "i", 0)]), "byte 8: found an MGH size of 0"),
        "size_negative.mgh": (mgh(z, 3, change=[(16, "i", -4)]), "byte 16: found an MGH size of -4"),
        "size_huge.mgh": (mgh(z, 3, change=[(4 + 4 * i, "i", 2 ** 31 - 1) for i in range(4)]), "places, at most"),
        "frames.mgh": (mgh(z, 3, change=[(16, "i", 5)]), "are more than the file has"),
        "cut.mgz": (pack(mgh(z, 3))[:-1], "truncated copy?"),
        "version.mgh": (b"\0\0\0\2" + mgh(z, 3)[4:], "neither NIfTI, MGH nor NumPy"),
    }


def main():
    with open(os.path.join(HERE, "volume.inc"), "w") as inc:
        inc.write("/* Written by volume.py: file, grid, frames, whole, values (x fastest, a frame after the other). */\n")
        for name, (data, a, whole) in good().items():
            open(os.path.join(HERE, name), "wb").write(data)
            shape = list(a.shape) + [1] * (4 - a.ndim)
            with np.errstate(over="ignore"):
                v = a.astype("f8").astype("f4").ravel(order="F")
            digest = "0x%08xu" % zlib.crc32(v.astype("<f4").tobytes())
            few = ", ".join("NAN" if np.isnan(x) else "INFINITY" if np.isinf(x) else float(x).hex() + "f" for x in v[:8])
            inc.write('{"%s", {%d, %d, %d}, %d, %s, %s, {%s}},\n' % (name, *shape, "true" if whole else "false", digest, few))
    c = np.array([[10 * i + j for j in range(3)] for i in range(5)])
    np.save(os.path.join(HERE, "vol_fortran.npy"), np.asfortranarray(c.astype(">i4")))
    with zipfile.ZipFile(os.path.join(HERE, "vol_packed.npz"), "w", zipfile.ZIP_DEFLATED) as z:
        b = io.BytesIO()
        np.save(b, c.astype("<f8"))
        z.writestr(zipfile.ZipInfo("betas.npy"), b.getvalue(), zipfile.ZIP_DEFLATED)
    with open(os.path.join(BAD, "vol_list.txt"), "w") as f:
        for name, (data, text) in bad().items():
            open(os.path.join(BAD, "vol_" + name), "wb").write(data)
            f.write("vol_%s\t%s\n" % (name, text))


main()
