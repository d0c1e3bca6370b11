#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Vectors of four participants, their core distances and clusters, by NumPy alone: every distance in a matrix, components by
repeated relabelling. A vector of zeros is at distance 1 from all others. With them files
for the command: sdc_w*.npy, the first also transposed, and the labels at eps 0.3 and 1.2.

usage: tests/golden/sdc_cluster.py >tests/golden/sdc_cluster.inc"""
import os

import numpy as np

P, N, D, OTHERS, EPS = 4, 25, 16, 2, (0.2, 0.3, 0.45, 1.2)
g = np.random.RandomState(3)
centres = g.randn(5, D)
w = np.concatenate([centres[g.randint(0, 5, N)] + 0.6 * g.randn(N, D) for _ in range(P)]).astype("f4")
w[7] = 0
part = np.repeat(np.arange(P), N)
length = np.sqrt((w.astype("f8") ** 2).sum(axis=1, keepdims=True))
u = (w / np.where(length > 0, length, 1)).astype("f4")
dist = (np.float32(1) - u @ u.T).astype("f4")
dist = np.triu(dist, 1) + np.triu(dist, 1).T
near = np.stack([np.where(part == s, np.inf, dist[part == s].min(axis=0)) for s in range(P)])
kappa = np.sort(near, axis=0)[OTHERS - 1]


def labels(eps, border):
    eps = np.float32(eps)
    core = kappa < eps
    name = np.where(core, np.arange(len(w)), len(w))
    linked = (dist < eps) & core[:, None] & core[None, :]
    np.fill_diagonal(linked, core)
    for _ in range(len(w)):
        name = np.array([name[linked[i]].min() if core[i] else len(w) for i in range(len(w))])
    number = {v: k for k, v in enumerate(sorted(set(name[core])))}
    label = np.array([number[v] if v in number else -1 for v in name])
    out = label.copy()
    for i in np.where(~core)[0]:
        j = np.where((dist[i] < eps) & core)[0]
        if len(j):
            out[i] = label[j].max() if border == "last" else label[j[dist[i, j].argmin()]]
    return out


def within(eps):
    """DBSCAN in each participant alone: core with at least OTHERS other voxels nearer than eps."""
    out = np.full(len(w), -1)
    for s in range(P):
        own = np.where(part == s)[0]
        near = dist[np.ix_(own, own)] < np.float32(eps)
        np.fill_diagonal(near, False)
        core = near.sum(axis=1) >= OTHERS
        n = len(own)
        name = np.where(core, np.arange(n), n)
        for _ in range(n):
            name = np.array([min([name[i]] + list(name[near[i] & core])) if core[i] else n for i in range(n)])
        number = {v: k for k, v in enumerate(sorted(set(name[core])))}
        for i in range(n):
            j = np.where(near[i] & core)[0]
            if core[i]:
                out[own[i]] = number[name[i]]
            elif len(j):
                out[own[i]] = number[name[j[dist[own[i], own[j]].argmin()]]]
    return out


def put(kind, name, values, form):
    print("static const %s %s[] = {" % (kind, name))
    text = [form % v for v in values]
    for i in range(0, len(text), 10):
        print("    " + ", ".join(text[i:i + 10]) + ",")
    print("};")


print("/* Written by tests/golden/sdc_cluster.py. */")
print("enum { GOLDEN_P = %d, GOLDEN_N = %d, GOLDEN_D = %d, GOLDEN_OTHERS = %d, GOLDEN_EPS = %d };" % (P, N, D, OTHERS, len(EPS)))
put("double", "golden_eps", EPS, "%.17g")
put("float", "golden_w", w.ravel(), "%.9gf".replace("gf", "g"))
put("float", "golden_kappa", np.where(np.isfinite(kappa), kappa, -1), "%.9g")
put("int", "golden_nearest", np.concatenate([labels(e, "nearest") for e in EPS]), "%d")
put("int", "golden_within", np.concatenate([within(e) for e in EPS]), "%d")
put("int", "golden_last", np.concatenate([labels(e, "last") for e in EPS]), "%d")

here = os.path.dirname(os.path.abspath(__file__))
for s in range(P):
    np.save("%s/sdc_w%d.npy" % (here, s), w[part == s])
    np.save("%s/sdc_last%d.npy" % (here, s), labels(0.3, "last")[part == s].astype("<i4"))
    np.save("%s/sdc_wide%d.npy" % (here, s), labels(1.2, "last")[part == s].astype("<i4"))
np.save("%s/sdc_w0_transposed.npy" % here, w[part == 0].T.astype(">f8"))
