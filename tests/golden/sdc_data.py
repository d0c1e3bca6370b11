#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A study of three participants in three formats: sdc_* here, and in sdc_data.inc what it holds by NumPy: sessions, splits, noise
ceilings, z-scores."""
import gzip
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
M64 = (1 << 64) - 1
TRAIN, VAL, TEST = 0, 1, 2
N_IMAGES, SHARED, OWN, N_TEST, N_VAL, REPEATS = 100, 8, 24, 10, 4, 3


def finalise(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


class Rng:
    """xoshiro256** of a list of numbers."""

    def __init__(self, *words):
        h, self.s = 0, []
        for w in words:
            h = finalise((h + w + 0x9E3779B97F4A7C15) & M64)
        for _ in range(4):
            h = (h + 0x9E3779B97F4A7C15) & M64
            self.s.append(finalise(h))

    def u64(self):
        def rotl(x, k):
            return ((x << k) | (x >> (64 - k))) & M64
        s, out = self.s, rotl((self.s[1] * 5) & M64, 7) * 9 & M64
        t = (s[1] << 17) & M64
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        return out

    def below(self, n):
        while True:
            x = self.u64()
            if x >= (1 << 64) % n:
                return x % n


def word(name):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & M64
    return h


def split(image, name):
    own = sorted(set(image.tolist()) - set(range(SHARED)))
    g = Rng(1, 7, word(name))
    for i in range(len(own) - 1, 0, -1):
        j = g.below(i + 1)
        own[i], own[j] = own[j], own[i]
    extra = N_TEST - SHARED
    test, val = set(range(SHARED)) | set(own[:extra]), set(own[extra:extra + N_VAL])
    return np.array([TEST if i in test else VAL if i in val else TRAIN for i in image])


def zscore(raw, session):
    x = np.empty(raw.shape, "f4")
    with np.errstate(invalid="ignore", divide="ignore"):
        for s in np.unique(session):
            a = raw[session == s].astype("f8")
            x[session == s] = (a - a.mean(axis=0)) / a.std(axis=0)
    return x


def ceiling(x, image):
    a = np.array([x[image == i][:REPEATS] for i in np.unique(image) if np.sum(image == i) >= REPEATS]).astype("f8")
    within = a.var(axis=1, ddof=1).mean(axis=0)
    return 100 * np.maximum(0, 1 - within) / (np.maximum(0, 1 - within) + within)


def simulate(g, n_voxels, own):
    image = np.repeat(np.concatenate([np.arange(SHARED), own]), REPEATS)
    g.shuffle(image)
    signal = g.randn(N_IMAGES, n_voxels)[image]
    share = np.linspace(0, 0.7, n_voxels)
    return image, signal * np.sqrt(share) + g.randn(len(image), n_voxels) * np.sqrt(1 - share)


def nifti(a, code):
    h = bytearray(352)
    struct.pack_into("<i", h, 0, 348)
    struct.pack_into("<8h", h, 40, a.ndim, *(list(a.shape) + [1] * (7 - a.ndim)))
    struct.pack_into("<hh", h, 70, code, a.dtype.itemsize * 8)
    struct.pack_into("<4f", h, 76, 1, 1.8, 1.8, 1.8)
    struct.pack_into("<f", h, 108, 352)
    struct.pack_into("<hh", h, 252, 0, 1)
    struct.pack_into("<12f", h, 280, 1.8, 0, 0, -10, 0, 1.8, 0, -20, 0, 0, 1.8, -30)
    h[344:348] = b"n+1\0"
    return bytes(h) + a.tobytes(order="F")


def mgh(a):
    h = bytearray(284)
    struct.pack_into(">7i", h, 0, 1, a.shape[1], 1, 1, a.shape[0], 3, 0)
    return bytes(h) + a.astype(">f4").tobytes()


def write(name, data):
    open(os.path.join(HERE, name), "wb").write(data)


def table(name, columns, rows):
    write(name, ("\t".join(columns) + "\n" + "".join("\t".join(map(str, r)) + "\n" for r in rows)).encode())


def expected(inc, name, raw, image, session, voxels, fates):
    """voxels: numbers in the file of the columns of raw."""
    fold, x = split(image, name), zscore(raw, session)
    nc = ceiling(x[fold == TRAIN], image[fold == TRAIN])
    fate = np.where(fates > 0, fates, np.where(nc > 8, 0, 1))
    kept = np.where(fate == 0)[0]
    inc.write('{"%s", %d, %d, %d, %d,\n' % (name, len(image), session.max() + 1, len(voxels), len(kept)))
    inc.write(" {%s},\n" % ", ".join(str(f) for f in fate))
    inc.write(" {%s},\n" % ", ".join(str(voxels[k]) for k in kept))
    inc.write(" {%s},\n" % ", ".join("%.9g" % nc[k] for k in kept))
    inc.write(" {%s},\n" % ", ".join(str(f) for f in fold))
    inc.write(" {%s},\n" % ", ".join(str(s) for s in session))
    inc.write(" {%s}},\n" % ", ".join("{" + ", ".join("%.9g" % v for v in x[t, kept]) + "}" for t in (0, 41, len(image) - 1)))


def main():
    g = np.random.RandomState(5)
    inc = open(os.path.join(HERE, "sdc_data.inc"), "w")
    inc.write("/* Written by sdc_data.py: name, trials, sessions, voxels of the mask, kept; fates; kept voxels; their noise ceilings; "
              "splits;\n * sessions; z-scores of trials 0, 41 and the last. */\n")
    np.save(os.path.join(HERE, "sdc_embedding.npy"), g.randn(N_IMAGES, 4).astype("f4"))

    # a: NIfTI of two sessions, in a mask, as NSD has them: 73KID counts from 1, a third session was held out
    image, x = simulate(g, 24, np.arange(SHARED, SHARED + OWN))
    mask = (np.arange(24) % 5 != 2).reshape((4, 3, 2), order="F")
    raw = np.round(300 * (1 + x)).astype("<i2")
    raw[:, 2] = 0
    raw[:48, 4] = 17  # missing in the first session
    volume = raw.T.reshape((4, 3, 2, -1), order="F")
    write("sdc_a_session2.nii.gz", gzip.compress(nifti(volume[..., :48], 4), 9, mtime=0))
    write("sdc_a_session10.nii.gz", gzip.compress(nifti(volume[..., 48:], 4), 9, mtime=0))
    write("sdc_a_mask.nii.gz", gzip.compress(nifti(mask.astype("u1"), 2), 9, mtime=0))
    session = np.repeat([0, 1], 48)
    table("sdc_a.tsv", ("SUBJECT", "SESSION", "RUN", "73KID"),
          [(1, s + 1, 1, i + 1) for s, i in zip(session, image)] + [(1, 3, 1, 1 + k) for k in range(5)])
    inside = np.where(mask.ravel(order="F"))[0]
    expected(inc, "a", raw[:, inside], image, session, inside, np.where(inside == 4, 2, 0))

    # b: one array in Fortran order, sessions mixed; two voxels that do not vary, one of them in one session alone
    image, x = simulate(g, 30, np.arange(40, 40 + OWN))
    session = np.arange(96) % 3
    raw = np.round(100 * x).astype("i4")
    raw[:, 3] = 5
    raw[session == 1, 7] = 2
    np.save(os.path.join(HERE, "sdc_b.npy"), np.asfortranarray(raw))
    table("sdc_b.tsv", ("image", "session"), zip(image, ["s%d" % s for s in session]))
    keep = np.array([v for v in range(30) if v != 3])
    expected(inc, "b", raw[:, keep], image, session, keep, np.where(keep == 7, 2, 0))

    # c: two hemispheres in float, a file for each session, a value that is no number
    image, x = simulate(g, 25, np.arange(70, 70 + OWN))
    x = x.astype("f4")
    x[70, 20] = np.nan
    for k, name in ((0, "one"), (1, "two")):
        half = x[48 * k:48 * k + 48]
        write("sdc_c_lh_%s.mgh" % name, mgh(half[:, :11]))
        write("sdc_c_rh_%s.mgz" % name, gzip.compress(mgh(half[:, 11:]), 9, mtime=0))
    table("sdc_c.tsv", ("image",), [(i,) for i in image])
    expected(inc, "c", x, image, np.repeat([0, 1], 48), np.arange(25), np.where(np.arange(25) == 20, 3, 0))

    table("sdc_study.tsv", ("participant", "responses", "trials", "mask", "rois", "sessions"), [
        ("# three formats",),
        ("a", "sdc_a_session*.nii.gz", "sdc_a.tsv", "sdc_a_mask.nii.gz", "-", "1-2"),
        ("b", "sdc_b.npy", "sdc_b.tsv"),
        ("c", "lh=sdc_c_lh_*.mgh;rh=sdc_c_rh_*.mgz", "sdc_c.tsv", "-", "-")])


main()
