#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden values of what feeds training: crops by Pillow, latent semantic analysis and means of word vectors by NumPy, and small files
of word vectors. Writes train_crop.txt, train_lsa.inc, words_*.{txt,vec,bin,npy}."""
import hashlib, os, random, struct, sys
import numpy as np
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)


def noise(w, h, seed):
    """tests/images.h: test_noise."""
    out = np.zeros(w * h * 3, np.uint8)
    for i in range(out.size):
        seed = (seed * 1103515245 + 12345) & 0xffffffff
        out[i] = seed >> 16 & 255
    return Image.fromarray(out.reshape(h, w, 3))


def crops():
    random.seed(4)
    with open(os.path.join(here, "train_crop.txt"), "w") as f:
        for k in range(24):
            w, h, side = random.randint(5, 90), random.randint(5, 90), random.choice([8, 16, 24, 32])
            bw, bh = random.randint(1, w), random.randint(1, h)
            left, top = random.randint(0, w - bw), random.randint(0, h - bh)
            name = random.choice(["bilinear", "bicubic"])
            how = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}[name]
            out = noise(w, h, k + 1).crop((left, top, left + bw, top + bh)).resize((side, side), how)
            f.write("%d %d %d %d %d %d %d %d %s %s\n" % (w, h, k + 1, left, top, bw, bh, side, name, hashlib.sha256(out.tobytes()).hexdigest()))


CAPTIONS = []


def captions():
    random.seed(9)
    who, hair = ["woman", "man", "girl", "boy"], ["dark", "grey", "fair", "curly", "long"]
    for i in range(60):
        CAPTIONS.append("A %s %s with %s hair, looking %s" % (random.choice(["smiling", "sad", "calm"]), random.choice(who),
                        random.choice(hair), random.choice(["left", "right", "up", "ahead"])))
        CAPTIONS.append("a %s house with a %s roof and %d windows" % (random.choice(["brick", "stone", "white"]), random.choice(["flat", "steep"]),
                        random.randint(2, 6)))


def tokens(c):
    return "".join(x.lower() if x.isalnum() or x == "-" else " " for x in c).split()


def row_of(values):
    return ", ".join(float(v).hex() for v in values)


def lsa(dim=6, least=5):
    n = {}
    for c in CAPTIONS:
        for t in set(tokens(c)):
            n[t] = n.get(t, 0) + 1
    vocab = {t: i for i, t in enumerate(sorted(t for t in n if n[t] >= least))}
    bag = np.zeros((len(CAPTIONS), len(vocab)))
    for i, c in enumerate(CAPTIONS):
        for t in tokens(c):
            if t in vocab:
                bag[i, vocab[t]] += 1
    idf = np.log(len(CAPTIONS) / (bag > 0).sum(0))
    m = bag * idf
    m /= np.linalg.norm(m, axis=1, keepdims=True)
    mean = m.mean(0)
    w, v = np.linalg.eigh((m - mean).T @ (m - mean))
    values, axes = w[::-1][:dim], v[:, ::-1][:, :dim].T
    gaps = np.diff(w[::-1][:dim + 1])
    assert np.abs(gaps).min() > 1e-3 * w.max(), gaps  # else the axes are not determined to 1e-10
    axes = axes * np.sign(axes[np.arange(dim), np.abs(axes).argmax(1)])[:, None]
    e = (m - mean) @ axes.T
    e /= np.linalg.norm(e, axis=1, keepdims=True)
    with open(os.path.join(here, "train_lsa.inc"), "w") as f:
        f.write("/* Made by train_data.py. */\n#define GOLDEN_DIM %d\n#define GOLDEN_WORDS %d\n#define GOLDEN_TEXTS %d\n" % (dim, len(vocab), len(CAPTIONS)))
        f.write("static const char *const golden_captions[] = {\n%s};\n" % "".join('    "%s",\n' % c for c in CAPTIONS))
        f.write("static const char *const golden_vocabulary[] = {%s};\n" % ", ".join('"%s"' % t for t in sorted(vocab)))
        f.write("static const double golden_share = %s;\n" % float(values.sum() / w.sum()).hex())
        for name, x in (("idf", idf), ("mean", mean), ("values", values), ("axes", axes.ravel()), ("embedding", e.ravel())):
            f.write("static const double golden_%s[] = {\n    %s};\n" % (name, ",\n    ".join(row_of(x[i:i + 5]) for i in range(0, len(x), 5))))


def words():
    rng = np.random.RandomState(3)
    names = ["the", "dog", ". . .", "1 2", "golden", "retriever", "caf\u00e9", "at name@domain.com", "the", "cat"]
    x = rng.randn(len(names), 5).astype(np.float32)
    lines = ["%s %s" % (n, " ".join("%.5f" % v for v in r)) for n, r in zip(names, x)]
    with open(os.path.join(here, "words_glove.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")
    with open(os.path.join(here, "words_text.vec"), "w") as f:
        f.write("%d 5\n%s \n" % (len(names), " \n".join(lines)))  # fastText ends its lines with a space
    plain = [(n.replace(" ", "_"), r) for n, r in zip(names, x)]
    for ending, between in (("", b"\n"), ("_close", b"")):
        with open(os.path.join(here, "words_word2vec%s.bin" % ending), "wb") as f:
            f.write(b"%d 5\n" % len(names))
            for n, r in plain:
                f.write(n.encode() + b" " + r.astype("<f4").tobytes() + between)
    np.save(os.path.join(here, "words_table.npy"), x[:8])
    with open(os.path.join(here, "words_table.txt"), "w") as f:
        f.write("".join(n + "\n" for n in names[:8]))
    with open(os.path.join(here, "words_values.inc"), "w") as f:
        f.write("/* Made by train_data.py: the vectors of words_*, as they are in the binary files. */\nstatic const float golden_words[][5] = {\n%s};\n" %
                "".join("    {%s},\n" % ", ".join(float(v).hex() + "f" for v in r) for r in x))
        mean = x[4].astype(float) * 2 + x[5]
        f.write("static const double golden_mean[] = {%s}; /* 2 golden + retriever, unit length */\n" % row_of(mean / np.linalg.norm(mean)))


captions()
crops()
lsa()
words()
