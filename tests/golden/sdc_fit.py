#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Decoders of `fusiform sdc fit` by PyTorch in double, and ridge, patterns and ranks by NumPy: sdc_fit.npz.

Needs python3-torch, python3-scipy. The random numbers are those of nn/base/rng.h, restated here."""
import os

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import ndtri

M64 = (1 << 64) - 1
INIT, ORDER, JITTER = 1, 2, 3


def finalise(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def key(*words):
    h = 0
    for w in words:
        h = finalise((h + w + 0x9E3779B97F4A7C15) & M64)
    return h


def name_word(name):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & M64
    return h


def rotl(x, k):
    return ((x << k) | (x >> (64 - k))) & M64


class Rng:
    def __init__(self, seed):
        self.s, z = [], seed
        for _ in range(4):
            z = (z + 0x9E3779B97F4A7C15) & M64
            self.s.append(finalise(z))

    def u64(self):
        s = self.s
        out = (rotl((s[1] * 5) & M64, 7) * 9) & M64
        t = (s[1] << 17) & M64
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        return out

    def uniform(self):
        return (self.u64() >> 11) * 2.0 ** -53

    def below(self, n):
        reject = ((1 << 64) - n) % n
        while True:
            x = self.u64()
            if x >= reject:
                return x % n


def noise_table():
    z = ndtri((np.arange(4096) + 0.5) / 4096)
    return (z / np.sqrt(np.mean(z * z))).astype(np.float32)


TABLE = noise_table()


def noise(fit, step, rows, n):
    out = np.empty((rows, n), np.float32)
    for r in range(rows):
        g, u = Rng(key(fit, JITTER, step, r)), 0
        for i in range(n):
            u = g.u64() if i % 5 == 0 else u >> 12
            out[r, i] = TABLE[u & 4095]
    return out


def batches(fit, n, size):
    epoch = 0
    while True:
        order, g = list(range(n)), Rng(key(fit, ORDER, epoch))
        for i in range(n - 1, 0, -1):
            j = g.below(i + 1)
            order[i], order[j] = order[j], order[i]
        for k in range(n // size):
            yield order[k * size:(k + 1) * size]
        epoch += 1


def fit(x, y, name, steps, batch, lr, tail=0.0, image=None, sigma=1.0, tau=0.03):
    """PyTorch's Linear, cross-entropy and Adam in double."""
    k = key(1, name_word(name), 0)
    n, v = x.shape
    lin = torch.nn.Linear(v, y.shape[1]).double()
    with torch.no_grad():
        for j in range(y.shape[1]):
            g = Rng(key(k, INIT, j))
            lin.weight[j] = torch.tensor([(2 * g.uniform() - 1) / np.sqrt(v) for _ in range(v)])
            lin.bias[j] = (2 * g.uniform() - 1) / np.sqrt(v)
    adam = torch.optim.Adam(lin.parameters(), lr=lr)
    rows, losses, labels, kept = batches(k, n, batch), [], torch.arange(batch), []
    first = steps - max(1, int(steps * tail))
    for t in range(steps):
        r = next(rows)
        xb = torch.tensor(x[r].astype("f8") + sigma * noise(k, t, batch, v))
        s = torch.tensor(y[r].astype("f8")) @ F.normalize(lin(xb), dim=1).T / tau
        if image is not None:
            same = torch.tensor(image[r][:, None] == image[r][None, :]) & ~torch.eye(batch, dtype=torch.bool)
            s = s.masked_fill(same, -np.inf)
        loss = (F.cross_entropy(s, labels) + F.cross_entropy(s.T, labels)) / 2
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
        if t >= first:
            kept.append((lin.weight.detach().numpy().T.copy(), lin.bias.detach().numpy().copy()))
    return np.mean([a for a, _ in kept], axis=0), np.mean([a for _, a in kept], axis=0), losses


def unit(a):
    return a / np.sqrt((a.astype("f8") ** 2).sum(axis=1, keepdims=True))


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    g = np.random.RandomState(3)
    x = g.randn(96, 37).astype("f4")
    image = np.arange(96) // 3 * 3
    y = unit(g.randn(96, 16) + x[:, :16])[image].astype("f4")
    out = {"x": x, "y": y, "image": image, "table": TABLE}
    out["w10"], out["b10"], out["loss10"] = fit(x, y, "subj01", 10, 32, 1e-4)
    out["w300"], out["b300"], out["loss300"] = fit(x, y, "subj01", 300, 32, 1e-3)
    out["wtail"], out["btail"], _ = fit(x, y, "subj02", 50, 32, 1e-3, tail=0.5)
    out["wmask"], out["bmask"], out["lossmask"] = fit(x, y, "subj01", 20, 40, 1e-3, image=image)
    # pattern (Haufe et al. 2014 without the factor cov(z)^-1), ridge by either normal equation
    w, b = out["w300"], out["b300"]
    z = x @ w + b
    out["pattern"] = (x - x.mean(axis=0)).T.astype("f8") @ (z - z.mean(axis=0)) / len(x)
    for name, rows in (("primal", 96), ("dual", 20)):
        xc, yc = x[:rows] - x[:rows].astype("f8").mean(axis=0), y[:rows] - y[:rows].astype("f8").mean(axis=0)
        out["ridge_" + name] = np.linalg.solve(xc.T @ xc + 10 * np.eye(37), xc.T @ yc)
    # retrieval of the images by trials, with sorting
    candidates = np.unique(image)
    s = unit(z) @ unit(y).T
    d = np.diag(s)
    out["rank"] = [1 + [candidates[c] for c in np.argsort(-s[i, candidates], kind="stable")].index(image[i]) for i in range(96)]
    i, j = np.triu_indices(96, 1)
    other = image[i] != image[j]
    out["two_vs_two"] = [(d[i] + d[j] > s[i, j] + s[j, i])[other].mean()]
    out["cosine"] = [d.mean()]
    np.savez(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdc_fit.npz"),
             **{k: np.asarray(v, dtype="<f4") for k, v in out.items()})


main()
