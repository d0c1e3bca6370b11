# SPDX-License-Identifier: MIT
"""What shared decodable concepts cost in PyTorch and NumPy, once: prints median ms, least ms and OpenBLAS's kernel.

usage: python3 tests/bench/sdc.py PART THREADS ROUNDS [SIZE]
  step       a training step of the decoder in PyTorch, 15,000 voxels, 512 dimensions, 128 trials
  nearest    NumPy: the largest cosine of each of 20,000 vectors with the vectors of each of 8 participants
  halved     the same, each pair of participants once
  lists      NumPy: neighbours within a distance of 0.75 of each vector, by distance
  ridge      NumPy and SciPy: X'X and X'Y of 15,000 trials of 15,000 voxels; penalty: factor and solve for one penalty
SIZE: voxels or vectors in place of those above.
"""
import ctypes
import os
import sys
import time

PART, THREADS, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SIZE = int(sys.argv[4]) if len(sys.argv) > 4 else 20000 if PART in ("nearest", "halved", "lists") else 15000
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(THREADS)
D, BATCH, PEOPLE, RADIUS = 512, 128, 8, 0.75
import numpy as np  # noqa: E402  (after the number of threads)


def kernel():
    """The name that the loaded OpenBLAS gives to its kernel."""
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "openblas" in line and ".so" in line}
    for path in sorted(paths):
        library = ctypes.CDLL(path)
        for prefix in ("", "scipy_"):
            for suffix in ("", "64_"):
                found = getattr(library, f"{prefix}openblas_get_corename{suffix}", None)
                if found:
                    found.restype = ctypes.c_char_p
                    return found().decode()
    return "other"


def vectors():
    g = np.random.RandomState(0)
    u = g.randn(SIZE, D).astype("f4")
    concepts = g.randn(40, D).astype("f4")
    shared = np.arange(SIZE) % 8 > 3
    u[shared] += concepts[np.arange(SIZE)[shared] % 40]
    return u / np.linalg.norm(u, axis=1, keepdims=True), [SIZE * s // PEOPLE for s in range(PEOPLE + 1)]


def step():
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(THREADS)
    decoder = torch.nn.Linear(SIZE, D)
    adam = torch.optim.Adam(decoder.parameters(), lr=1e-4)
    x, y, own = torch.randn(BATCH, SIZE), F.normalize(torch.randn(BATCH, D), dim=1), torch.arange(BATCH)

    def run():
        p = F.normalize(decoder(x + torch.randn_like(x)), dim=1)
        s = y @ p.T / 0.03
        loss = (F.cross_entropy(s, own) + F.cross_entropy(s.T, own)) / 2
        adam.zero_grad()
        loss.backward()
        adam.step()
    return run


def nearest():
    u, first = vectors()

    def run():
        near = np.empty((SIZE, PEOPLE), "f4")
        for a in range(0, SIZE, 1000):
            c = u[a:a + 1000] @ u.T
            for s in range(PEOPLE):
                near[a:a + 1000, s] = c[:, first[s]:first[s + 1]].max(axis=1)
    return run


def halved():
    u, first = vectors()

    def run():
        near = np.empty((SIZE, PEOPLE), "f4")
        for s in range(PEOPLE):
            for t in range(s + 1, PEOPLE):
                c = u[first[s]:first[s + 1]] @ u[first[t]:first[t + 1]].T
                near[first[s]:first[s + 1], t] = c.max(axis=1)
                near[first[t]:first[t + 1], s] = c.max(axis=0)
    return run


def lists():
    u, _ = vectors()

    def run():
        for a in range(0, SIZE, 1000):
            distance = 1 - u[a:a + 1000] @ u.T
            row, column = np.nonzero(distance < RADIUS)
            order = np.lexsort((distance[row, column], row))
            row, column = row[order], column[order]
    return run


def ridge_data():
    g = np.random.default_rng(0)
    return g.standard_normal((SIZE, SIZE), dtype="f4"), g.standard_normal((SIZE, D), dtype="f4")


def ridge():
    x, y = ridge_data()
    return lambda: (x.T @ x, x.T @ y)


def penalty():
    from scipy.linalg import cho_factor, cho_solve
    x, y = ridge_data()
    xx, xy = x.T @ x, x.T @ y
    del x

    def run():
        a = xx.copy()
        a.flat[::SIZE + 1] += 1000
        cho_solve(cho_factor(a, lower=True, overwrite_a=True, check_finite=False), xy, check_finite=False)
    return run


def main():
    run = {"step": step, "nearest": nearest, "halved": halved, "lists": lists, "ridge": ridge, "penalty": penalty}[PART]()
    took = []
    if ROUNDS > 1:
        run()
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        run()
        took.append((time.perf_counter() - begin) * 1e3)
    took.sort()
    print(f"{took[len(took) // 2]:.3f} {took[0]:.3f} {kernel()}")


main()
