#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A small CLIP with a text tower, and embeddings of texts by PyTorch: tests/test_text_model.c, tests/cli_text.sh.

usage: tests/golden/text_make.py       (from the repository's root, after networks.py and tokens.py; needs python3-torch)

Writes text_clip.safetensors: the image tower of net_clip.pt, and a text tower of 2 blocks of width 64 with the vocabulary of
tokens_merges.txt, matrices in f16, names as OpenAI's; text_list.txt: texts; text_expected.npy: their embeddings. The tower
computes in double with PyTorch's own multi-head attention, layer norm and GELUs, on texts padded to 77 tokens as OpenAI does.
"""
import json
import struct
import sys
import warnings

import numpy as np
import torch
from torch import nn

sys.path.insert(0, "tests/golden")
import tokens

HERE = "tests/golden/"
WIDTH, BLOCKS, CONTEXT, DIM, VOCAB = 64, 2, 77, 24, 714
TEXTS = ["a photo of a face.", "a photo of a house.", "", "the café, naïve in 2024", "it's a dog's ball; they're photos!", "zq"]


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(WIDTH, WIDTH // 64, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential()
        for name, part in [("c_fc", nn.Linear(WIDTH, 4 * WIDTH)), ("gelu", QuickGelu()), ("c_proj", nn.Linear(4 * WIDTH, WIDTH))]:
            self.mlp.add_module(name, part)

    def forward(self, x, mask):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embedding = nn.Embedding(VOCAB, WIDTH)
        self.positional_embedding = nn.Parameter(torch.zeros(CONTEXT, WIDTH))
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.ln_final = nn.LayerNorm(WIDTH)
        self.text_projection = nn.Parameter(torch.zeros(WIDTH, DIM))
        self.logit_scale = nn.Parameter(torch.tensor(3.0))

    def forward(self, ids):
        x = self.token_embedding(ids) + self.positional_embedding
        mask = torch.full((CONTEXT, CONTEXT), float("-inf"), dtype=x.dtype).triu(1)
        for block in self.transformer.resblocks:
            x = block(x, mask)
        x = self.ln_final(x)[torch.arange(len(ids)), ids.argmax(-1)]
        return x @ self.text_projection


def fill(tower):
    g = torch.Generator().manual_seed(3)
    for name, p in tower.named_parameters():
        scale = 0.3 if "embedding" in name else p.shape[-1] ** -0.5 if p.dim() > 1 else 0.1
        if name != "logit_scale":
            p.data = torch.randn(p.shape, generator=g) * scale + (1 if "ln_" in name and name.endswith("weight") else 0)
        if p.dim() > 1:
            p.data = p.data.half().float()


def write_safetensors(path, tensors):
    at, header, parts = 0, {}, []
    for name in sorted(tensors):
        t = tensors[name].contiguous()
        data = t.numpy().tobytes()
        header[name] = {"dtype": {torch.float16: "F16", torch.float32: "F32"}[t.dtype], "shape": list(t.shape),
                        "data_offsets": [at, at + len(data)]}
        at += len(data)
        parts.append(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def main():
    tower = Tower()
    fill(tower)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = torch.jit.load(HERE + "net_clip.pt").state_dict()
    tensors = {k: v for k, v in image.items() if k.startswith("visual.") and v.dtype in (torch.float16, torch.float32)}
    for name, p in tower.state_dict().items():
        tensors[name] = p.half() if p.dim() > 1 else p
    write_safetensors(HERE + "text_clip.safetensors", tensors)
    merges = [tuple(line.split(" ")) for line in open(HERE + "tokens_merges.txt", encoding="utf-8").read().split("\n")[1:] if line]
    ids = tokens.ids_of(merges)
    padded = torch.zeros(len(TEXTS), CONTEXT, dtype=torch.long)
    for row, text in zip(padded, TEXTS):
        found = tokens.encode(text, merges, ids)
        row[:len(found)] = torch.tensor(found)
    with torch.no_grad():
        rows = tower.double()(padded).float().numpy()
    np.save(HERE + "text_expected.npy", rows)
    with open(HERE + "text_list.txt", "w", encoding="utf-8") as f:
        f.write("".join(t + "\n" for t in TEXTS))


main()
