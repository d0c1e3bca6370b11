#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A small vocabulary in every form CLIP's comes in, and texts with their ids: tests/test_tokens.c, tests/test_vocab.c.

usage: tests/golden/tokens.py        (from the repository's root)

Everything here follows the definition by other means than weights/*.c: Python's own html.unescape, NFC, lower() and general
categories, merges of all occurrences at once, ids through the strings of pieces. Writes tests/golden/tokens_*.
"""
import gzip
import html
import json
import random
import re
import unicodedata
from collections import Counter

HERE = "tests/golden/"
N_MERGES = 200
TRAINED_ON = """a photo of a face. a photo of a house, a photo of the human body and a word that is printed on a page.
the localizer shows faces, bodies, houses, words and scrambled pictures; it finds units that prefer one of them to the others.
a blurred photograph of two houses behind a corridor. a drawing of a red car on the left, of instruments on the right. it's a
dog's ball, they're photos and we've seen them: don't say you'd not. the café was naïve in 2024, numbers are 10, 200 and 3,000.
selective units answer more strongly to their own category than to every other category, whatever layer they were found in; an
untrained network has few of these. language changes which of them are found, and where. photographs were taken indoors, outdoors,
from above and from nearby: children, adults, buildings, streets, guitars, hands, feet, letters, digits and other known things."""
SPECIAL = ["<|startoftext|>", "<|endoftext|>"]
PIECES = ["a photo of ", "face", "house.", "the ", "it's", "don't ", "we're", "café", "NAÏVE", "2024", " ", "\t", "'", "''s", "#",
          "😀", "日本語", "한국어", "Straße", "&amp;", "&lt;b&gt;", "&#233;", "&#x1F600;", "&amp;lt;", "“quoted”", "‘t", "ﬁsh", "ＦＵＬＬ",
          "e\u0301", "A\u030a", "ΣΟΦΟΣ ", "İ", "ſ", "...", "!!", "(x)", "½", "Ⅳ", "٣", "\u200b", "\u3000", "<|endoftext|>", "-", "_"]
BYTES = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES += [b for b in range(256) if b not in BYTES]
SHOWN = {b: chr(b) if i < 188 else chr(256 + i - 188) for i, b in enumerate(BYTES)}


def clean(text):
    text = html.unescape(html.unescape(text))
    text = re.sub("[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]", "", text)
    text = re.sub("[\u02bc\u2018-\u201b]", "'", re.sub("[\u201c-\u201f]", '"', text))
    text = "".join(unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uff5e" or "\ufb00" <= c <= "\ufb06" else c for c in text)
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()


def kind(c):
    return "S" if c.isspace() else {"L": "L", "N": "N"}.get(unicodedata.category(c)[0], "O")


def words(text):
    while text:
        special = [s for s in SPECIAL if text.startswith(s)]
        ending = re.match("'(s|ſ|t|re|ve|m|ll|d)", text)
        n = len(special[0]) if special else ending.end() if ending else 1
        if not special and not ending and kind(text[0]) in "LO":
            while n < len(text) and kind(text[n]) == kind(text[0]):
                n += 1
        if kind(text[0]) != "S":
            yield text[:n]
        text = text[n:]


def spell(word):
    shown = [SHOWN[b] for b in word.encode()]
    return shown[:-1] + [shown[-1] + "</w>"]


def apply(pieces, pair):
    """All occurrences of the pair, from the left."""
    out = []
    for p in pieces:
        if out and (out[-1], p) == pair:
            out[-1] += p
        else:
            out.append(p)
    return out


def learn(text, n):
    spelled = Counter(tuple(spell(w)) for w in words(clean(text)))
    merges = []
    while len(merges) < n:
        pairs = Counter()
        for w, times in spelled.items():
            for pair in zip(w, w[1:]):
                pairs[pair] += times
        best = max(sorted(pairs), key=lambda p: pairs[p])
        merges.append(best)
        spelled = Counter({tuple(apply(list(w), best)): times for w, times in spelled.items()})
    return merges


def encode(text, merges, ids):
    out = [ids[SPECIAL[0]]]
    for w in words(clean(text)):
        pieces = [w] if w in SPECIAL else spell(w)
        for pair in merges:
            pieces = apply(pieces, pair)
        out += [ids[p] for p in pieces]
    return out + [ids[SPECIAL[1]]]


def ids_of(merges):
    names = [SHOWN[b] for b in BYTES] + [SHOWN[b] + "</w>" for b in BYTES] + [a + b for a, b in merges] + SPECIAL
    return {name: i for i, name in enumerate(names)}


def c_string(data):
    return '"' + "".join(f"\\{b:03o}" if b < 32 or b > 126 or b in b'"\\?' else chr(b) for b in data) + '"'


def listing(name, merges, ids):
    rng = random.Random(7)
    texts = ["", " ", "a photo of a face.", "A PHOTO of a Face", "hello, world!", "the houses' faces", "a\u0303o\u0302", "\ufeffbom"]
    texts += ["".join(rng.choice(PIECES) for _ in range(rng.randint(1, 5))) for _ in range(300)]
    lines = ["/* Made by tests/golden/tokens.py: texts, their bytes, their ids. */", "/* clang-format off */",
             "static const struct { const char *text; size_t n; int n_ids; int ids[77]; } golden_tokens[] = {"]
    for t in dict.fromkeys(texts):
        found = encode(t, merges, ids)
        if len(found) <= 77:
            data = t.encode()
            lines.append(f"    {{{c_string(data)}, {len(data)}, {len(found)},\n     {{{', '.join(map(str, found))}}}}},")
    with open(HERE + name, "w") as f:
        f.write("\n".join(lines + ["};", ""]))


def write(name, data):
    with open(HERE + name, "wb") as f:
        f.write(data)


def main():
    merges = learn(TRAINED_ON, N_MERGES)
    ids = ids_of(merges)
    assert len(ids) == 514 + N_MERGES
    lines = "\n".join(" ".join(m) for m in merges) + "\n"
    write("tokens_merges.txt", ("#version: 0.2\n" + lines).encode())
    write("tokens_bpe.txt.gz", gzip.compress(('"bpe_simple_vocab.txt#version: 0.2\n' + lines).encode(), mtime=0))
    model = {"type": "BPE", "dropout": None, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
             "end_of_word_suffix": "</w>", "fuse_unk": False, "vocab": {"model": 1, "a": 0}}
    for name, written in [("text", [" ".join(m) for m in merges]), ("pairs", [list(m) for m in merges])]:
        whole = {"version": "1.0", "added_tokens": [], "model": dict(model, merges=written)}
        write(f"tokens_{name}.json", json.dumps(whole, ensure_ascii=name == "text").encode())
    listing("tokens_list.inc", merges, ids)


if __name__ == "__main__":
    main()
