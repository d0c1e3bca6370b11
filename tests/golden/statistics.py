#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Expected values for the tests of analysis/, as C initialisers: stat_*.inc beside this script.

  statistics.py              write all stat_*.inc (run in any folder)
  statistics.py --grid N     print N rows `t df P(T>t)` from mpmath for `build/tests/test_special FILE`,
                             and SciPy's own largest relative error on stderr

Needs Debian's python3-numpy, python3-scipy and python3-mpmath. The distribution functions come from mpmath with 40
digits, because SciPy is off by up to 1e-10 at the extremes; the tests and summaries come from SciPy and NumPy.
"""
import math
import os
import sys
from fractions import Fraction

import numpy as np
from mpmath import beta, erfc, exp, hyp2f1, log, loggamma, mp, mpf, pi, sqrt
from scipy import special as scipy_special, stats

mp.dps = 40
HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, rows, note):
    with open(os.path.join(HERE, f"stat_{name}.inc"), "w") as f:
        f.write(f"/* Made by statistics.py: {note} */\n")
        f.writelines(row + "\n" for row in rows)


def number(x):
    x = float(x)
    return "NAN" if x != x else "INFINITY" if x == np.inf else repr(x)


def braces(*values):
    return "{" + ", ".join(number(v) for v in values) + "},"


# ---- distribution functions ----

def incbeta(a, b, x):
    """Regularised, by the hypergeometric series on the side where it converges fast."""
    a, b, x = mpf(a), mpf(b), mpf(x)
    if x < (a + 1) / (a + b + 2):
        return x ** a * (1 - x) ** b / (a * beta(a, b)) * hyp2f1(a + b, 1, a + 1, x)
    return 1 - incbeta(b, a, 1 - x)


def t_sf(t, df):
    t, df = mpf(t), mpf(df)
    if t < 0:
        return 1 - t_sf(-t, df)
    return incbeta(df / 2, mpf(1) / 2, df / (df + t * t)) / 2


def normal_sf(z):
    return erfc(mpf(z) / sqrt(2)) / 2


def normal_quantile(p):
    """SciPy's value after three Newton steps in mpmath."""
    z = mpf(float(stats.norm.ppf(p)))
    for _ in range(3):
        z -= (1 - normal_sf(z) - mpf(p) if p > 1e-3 else normal_sf(-z) - mpf(p)) / (exp(-z * z / 2) / sqrt(2 * pi))
    return z


def t_rows(n, rng):
    """n pairs (t, df), df 1 .. 1e6, half of them whole, results spread evenly in log p down to 1e-300."""
    while n:
        df = 10 ** rng.uniform(0, 6)
        df = float(round(df)) if n % 2 else df
        t = float(abs(stats.t.isf(10 ** (rng.uniform(-300, -0.31) if n % 3 else rng.uniform(-6, -0.302)), df)))
        if np.isfinite(t) and (p := t_sf(t, df)) > mpf(10) ** -300:
            yield t, df, p
            n -= 1


def special():
    rng = np.random.default_rng(1)
    rows = [("'t'",) + r[:2] + (0.0, r[2]) for r in t_rows(700, rng)]
    for t, df in ((0, 3), (-2, 7), (-0.001, 1e6), (1e-8, 10), (1e200, 1), (1e150, 2), (1.7320508, 1e6), (3, 0.5)):
        rows.append(("'t'", t, df, 0.0, t_sf(t, df)))
    for _ in range(100):
        a, b = 10 ** rng.uniform(-1, 3, 2)
        x = float(rng.beta(a, b) if rng.random() < 0.7 else rng.uniform(0, 1))
        if 0 < x < 1 and incbeta(a, b, x) > mpf(10) ** -250:
            rows.append(("'b'", a, b, x, incbeta(a, b, x)))
    for x in np.concatenate([10 ** rng.uniform(-5, 7, 50), rng.uniform(0.9, 2.6, 50)]):
        rows.append(("'g'", x, 0.0, 0.0, loggamma(mpf(float(x)))))
    for z in np.concatenate([rng.uniform(0, 37, 40), rng.uniform(-3, 3, 30)]):
        rows.append(("'n'", z, 0.0, 0.0, normal_sf(z)))
    for p in np.concatenate([10 ** rng.uniform(-300, 0, 40), 0.5 + rng.uniform(-1, 1, 40) * 10 ** rng.uniform(-12, -0.31, 40)]):
        rows.append(("'q'", p, 0.0, 0.0, normal_quantile(float(p))))
    write("special", [f"{{{r[0]}, " + ", ".join(number(v) for v in r[1:]) + "}," for r in rows],
          "function, arguments, value by mpmath: t_sf, incbeta (b), lgamma (g), normal_sf (n), normal_quantile (q)")


# ---- tests and corrections ----

def ttest():
    rng = np.random.default_rng(2)
    rows = []
    for i in range(60):
        na, nb = rng.integers(2, 150, 2)
        ma, mb = rng.normal(0, 3, 2)
        va, vb = rng.exponential(1, 2) * 10 ** rng.uniform(-6, 3, 2)
        if i % 10 == 0:
            va = 0.0
        args = (ma, va ** 0.5, na, mb, vb ** 0.5, nb)
        va, vb = args[1] ** 2, args[4] ** 2
        w = stats.ttest_ind_from_stats(*args, equal_var=False, alternative="greater")
        s = stats.ttest_ind_from_stats(*args, equal_var=True, alternative="greater")
        ea, eb = va / na, vb / nb
        df = (ea + eb) ** 2 / (ea ** 2 / (na - 1) + eb ** 2 / (nb - 1))
        rows.append(braces(ma, va, na, mb, vb, nb, w.statistic, df, w.pvalue, s.statistic))
    write("ttest", rows, "mean, variance, n of a and of b; Welch's t, df, one-sided p; Student's t by SciPy")


def step_up(p, scale):
    order = np.argsort(p, kind="stable")
    ranked = p[order] * scale / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(1, np.minimum.accumulate(ranked[::-1])[::-1])
    return q


def multiple():
    rng = np.random.default_rng(3)
    p = np.concatenate([rng.uniform(0, 1, 50), 10 ** rng.uniform(-12, -1, 40), [0, 0, 1, 1, 0.01, 0.01, 0.01, 1e-320]])
    rng.shuffle(p)
    n = len(p)
    rows = [braces(*r) for r in zip(p, step_up(p, n), step_up(p, n * sum(1 / np.arange(1, n + 1))), np.minimum(1, p * n))]
    write("multiple", rows, "p; q by Benjamini-Hochberg, Benjamini-Yekutieli, Bonferroni")


# ---- the balanced test ----

def balanced_p(n1, m1, a2, a3, n2, m2, b2, b3):
    """max(p_perm, min(p_welch, p_hall)), one-sided; at least 1/2 if m1 <= m2; Welch's if n1 = n2."""
    n, d = n1 + n2, m1 - m2
    v1, v2 = a2 / (n1 - 1) / n1, b2 / (n2 - 1) / n2
    w = v1 + v2
    if w == 0:
        return 1.0
    t, df = d / np.sqrt(w), w * w / (v1 * v1 / (n1 - 1) + v2 * v2 / (n2 - 1))
    welch = stats.t.sf(t, df)
    if n1 == n2:
        return welch
    ss = np.sqrt((a2 + b2) / (n - 2) * (1 / n1 + 1 / n2))
    ts = d / ss
    student = stats.t.sf(ts, n - 2)
    mu3 = (a3 + b3) / ((n1 - 1) * (n1 - 2) / n1 + (n2 - 1) * (n2 - 2) / n2)
    a = mu3 * (1 / n1 ** 2 - 1 / n2 ** 2) / ss ** 3
    hall = stats.t.sf(t + a / 6 + a * t * t / 3 + a * a * t ** 3 / 27, df)
    c = (n1 * m1 + n2 * m2) / n
    d1, d2 = m1 - c, m2 - c
    q2 = (a2 + n1 * d1 ** 2 + b2 + n2 * d2 ** 2) / n
    q3 = (a3 + 3 * d1 * a2 + n1 * d1 ** 3 + b3 + 3 * d2 * b2 + n2 * d2 ** 3) / n
    g = q3 / q2 ** 1.5 * (n2 - n1) * np.sqrt(n - 1) / ((n - 2) * np.sqrt(n1 * n2))
    if g <= 0:
        z = stats.norm.isf(max(student, 1e-300))
        perm = stats.norm.sf(z - g * (z * z - 1) / 6)
    else:
        z, q = np.sqrt(n - 1) * ts / np.sqrt(n - 2 + ts * ts), 4 / g ** 2
        perm = stats.norm.sf(z) if g < 0.002 else scipy_special.gammaincc(q, max(q + z * np.sqrt(q), 0))
    p = max(perm, min(welch, hall))
    return p if d > 0 else max(p, 0.5)


def balanced():
    """Groups of ReLU, normal, lognormal, mirrored and rare responses with planted differences; p down to 1e-200."""
    rng = np.random.default_rng(16)
    shapes = [lambda s: np.maximum(0, rng.normal(size=s) - 0.524), lambda s: rng.normal(size=s), lambda s: np.exp(rng.normal(size=s)),
              lambda s: -np.maximum(0, rng.normal(size=s) - 1.28), lambda s: (rng.random(s) < 0.1) * rng.exponential(size=s)]
    sizes = [(24, 24), (48, 24), (24, 48), (288, 24), (24, 288), (288, 144), (3, 2), (2, 40), (36, 12), (144, 145)]
    rows = []
    while len(rows) < 400:
        (n1, n2), f = sizes[len(rows) % 10], shapes[len(rows) // 10 % 5]
        x, y = f(n1) + rng.choice([0, 0, 0.3, 1, 4]), f(n2) * rng.choice([1, 1, 0.3])
        values = []
        for v in (x, y):
            m = v.mean()
            values += [float(len(v)), m, ((v - m) ** 2).sum(), ((v - m) ** 3).sum()]
        p = balanced_p(*values)
        if 1e-290 < p < 1:
            rows.append(braces(*values, p))
    write("balanced", rows, "n, mean, M2, M3 of two groups; p of the balanced test")
    gamma = []
    for _ in range(200):
        a = 10 ** rng.uniform(-3, 6)
        x = max(1e-3, a + rng.uniform(-4, 12) * np.sqrt(a))
        with mp.workdps(60):
            q = mp.gammainc(mpf(a), mpf(x), mp.inf, regularized=True)
        if 1e-290 < q < 1:
            gamma.append(braces(a, x, float(q)))
    write("gamma", gamma, "a, x, Q(a, x) by mpmath")


# ---- one layer from responses to its summary ----

CATEGORIES, PICTURES, SHAPE = 5, (6, 7, 6, 8, 2), (6, 4, 5)


def layer_responses():
    """[picture, unit] in steps of 1/32: some units respond to one category, a few are dead, negative or constant."""
    rng = np.random.default_rng(4)
    units = int(np.prod(SHAPE))
    prefers, gain = rng.integers(-3, CATEGORIES, units), rng.exponential(2.5, units)
    out = []
    for c, n in enumerate(PICTURES):
        x = rng.normal(1, 0.5, (n, units)) + np.where(prefers == c, gain, 0)
        x[:, 0] = 0                       # dead
        x[:, 1] = c                       # constant in every category
        x[:, 2] = x[:, 2] * 0.1 + (c == 1) * 4 - 9    # selective, CSI undefined
        x[:, 3] = x[:, 3] if c == 0 else 0.5          # constant in all others
        out.append(np.round(x * 32) / 32)
    return out


def gini(x):
    x = np.sort(x)
    n = len(x)
    return float(((2 * np.arange(1, n + 1) - n - 1) * x).sum() / (n * x.sum()))


def welch(a, b):
    ea, eb = a.var(0, ddof=1) / len(a), b.var(0, ddof=1) / len(b)
    with np.errstate(all="ignore"):
        t = np.where(ea + eb > 0, (a.mean(0) - b.mean(0)) / np.sqrt(ea + eb), 0.0)
        df = np.where(ea + eb > 0, (ea + eb) ** 2 / (ea ** 2 / (len(a) - 1) + eb ** 2 / (len(b) - 1)), 1.0)
    return t, np.where(ea + eb > 0, stats.t.sf(t, df), 1.0)


def category_row(x, c, alpha=0.05, corrected=True):
    others = [k for k in range(CATEGORIES) if k != c]
    t, p = (np.array(v) for v in zip(*(welch(x[c], x[k]) for k in others)))
    least, q = t.min(0), step_up(p.max(0), p.shape[1]) if corrected else p.max(0)
    chosen = (q <= alpha) & (least > 0)
    mine, mu_o = x[c].mean(0), np.mean([x[k].mean(0) for k in others], axis=0)
    with np.errstate(all="ignore"):
        csi = np.where(mine + mu_o > 0, (mine - mu_o) / (mine + mu_o), np.nan)
        pool = np.concatenate([x[k] for k in others])
        d = (mine - pool.mean(0)) / np.sqrt((x[c].var(0) + pool.var(0)) / 2)
    v = csi[chosen]
    n_undefined, v = int(np.isnan(v).sum()), v[~np.isnan(v)]
    place = chosen.reshape(SHAPE).mean(0).ravel()
    share = place[place > 0] / place.sum()
    return chosen, braces(chosen.sum(), chosen.mean(), n_undefined, v.mean(), v.std(ddof=1), v.std(ddof=1) / len(v) ** 0.5,
                          d[chosen].mean(), place.std() / place.mean(), place.std(), gini(place),
                          -(share * np.log(share)).sum() / np.log(len(place)))


def select():
    x = layer_responses()
    write("responses", [", ".join(f"{v:.9g}" for v in row) + "," for part in x for row in part],
          f"pictures {PICTURES} of the categories, units {SHAPE}")
    label, rows = np.full(x[0].shape[1], -1), []
    for c in range(CATEGORIES):
        chosen, row = category_row(x, c)
        label[chosen] = c
        rows.append(row)
    write("select", rows, "n, share, n undefined, mean CSI, sd, SEM, mean d', cv, sd, Gini, entropy by NumPy and SciPy")
    write("label", [", ".join(str(v) for v in label)], "label of each unit")


# ---- other criteria, ranks ----

def by_cut(values, cut):
    """Label with the largest value above the cut, -1 without one; values [category, unit]."""
    values = np.where(np.isnan(values), -np.inf, values)
    return np.where(values.max(0) > cut, values.argmax(0), -1)


def two_sided_by(x, alpha=0.05):
    units = x[0].shape[1]
    wins = np.zeros((CATEGORIES, units), int)
    harmonic = sum(1 / np.arange(1, units + 1))
    for a in range(CATEGORIES):
        for b in range(CATEGORIES):
            if a != b:
                with np.errstate(all="ignore"):
                    t, p = stats.ttest_ind(x[a], x[b])
                p = np.where((x[a].var(0) == 0) & (x[b].var(0) == 0), 1, p)
                wins[a] += (step_up(p, units * harmonic) <= alpha) & (x[a].mean(0) > x[b].mean(0))
    return np.where((wins == CATEGORIES - 1).any(0), wins.argmax(0), -1)


def ranks_label(x, cut=0.001):
    units, best = x[0].shape[1], np.array([v.mean(0) for v in x]).argmax(0)
    label = np.full(units, -1)
    for u in range(units):
        p = [1 if len(np.unique(np.r_[x[best[u]][:, u], x[o][:, u]])) == 1 else
             stats.mannwhitneyu(x[best[u]][:, u], x[o][:, u], alternative="two-sided").pvalue
             for o in range(CATEGORIES) if o != best[u]]
        label[u] = best[u] if max(p) < cut else -1
    return label


def criteria():
    x = layer_responses()
    csi, d, t = [], [], []
    for c in range(CATEGORIES):
        others = [x[k] for k in range(CATEGORIES) if k != c]
        pool, mine, mu_o = np.concatenate(others), x[c].mean(0), np.mean([o.mean(0) for o in others], axis=0)
        with np.errstate(all="ignore"):
            csi.append(np.where(mine + mu_o > 0, (mine - mu_o) / (mine + mu_o), np.nan))
            d.append((mine - pool.mean(0)) / np.sqrt((x[c].var(0) + pool.var(0)) / 2))
            t.append((mine - pool.mean(0)) / np.sqrt(x[c].var(0) / len(x[c]) + pool.var(0) / len(pool)))
    labels = [two_sided_by(x), by_cut(np.array(t), 10), by_cut(np.array(d), 1), by_cut(np.array(csi), 1 / 3)]
    big = [np.concatenate([v, v + 0.001 * np.arange(v.size).reshape(v.shape) % 0.1] * 3).astype(np.float32) for v in x]
    labels.append(ranks_label(big))
    write("criteria", ["{" + ", ".join(str(v) for v in row) + "}," for row in labels],
          "labels by prince, tdann, dprime, ratio; by ranksum from the responses and their shifted copies, three times")


def ranks():
    rng = np.random.default_rng(6)
    rows = []
    for i in range(60):
        na, nb = (rng.integers(1, 9), rng.integers(1, 60)) if i % 2 else rng.integers(2, 20, 2)
        na, nb = (nb, na) if i % 4 == 1 else (na, nb)
        a, b = rng.normal(0.6 * (i % 3), 1, na), rng.normal(0, 1, nb)
        a, b = [np.round(v * (2 if i % 5 == 0 else 2 ** 20)) / 2 ** (1 if i % 5 == 0 else 20) for v in (a, b)]
        a, b = a.astype(np.float32), b.astype(np.float32)
        r = stats.mannwhitneyu(a, b, alternative="greater")
        rows.append(f"{{{na}, {nb}, {number(r.statistic)}, {number(r.pvalue)}, "
                    f"{{{', '.join(f'{v:.9g}' for v in np.r_[a, b])}}}}},")
    write("ranks", rows, "n_a, n_b, U, one-sided p by SciPy's mannwhitneyu, the values of a and of b")


# ---- split halves ----

def mean_or_nan(v):
    v = v[~np.isnan(v)]
    return v.mean() if len(v) else np.nan


def halves():
    """Even and odd pictures of layer_responses() doubled (so that each half has some)."""
    x = [np.concatenate([v, v[::-1] + np.float32(0.125) * (np.arange(v.size) % 7).reshape(v.shape)]) for v in layer_responses()]
    half = [[v[h::2] for v in x] for h in range(2)]
    rows = []
    for c in range(CATEGORIES):
        others = [k for k in range(CATEGORIES) if k != c]
        mask, csi, d, auc, t = [], [], [], [], []
        for y in half:
            mask.append(category_row(y, c)[0])
            t.append(np.array([welch(y[c], y[k])[0] for k in others]).min(0))
            mine, mu_o, pool = y[c].mean(0), np.mean([y[k].mean(0) for k in others], axis=0), np.concatenate([y[k] for k in others])
            auc.append(stats.mannwhitneyu(y[c], pool, axis=0).statistic / (len(y[c]) * len(pool)))
            with np.errstate(all="ignore"):
                csi.append(np.where(mine + mu_o > 0, (mine - mu_o) / (mine + mu_o), np.nan))
                d.append((mine - pool.mean(0)) / np.sqrt((y[c].var(0) + pool.var(0)) / 2))
        pairs = [((0, 0), (1, 1)), ((0, 1), (1, 0))]
        row = [mask[0].sum(), mask[1].sum()]
        row += [mean_or_nan(np.array([mean_or_nan(v[m][mask[s]]) for s, m in p])) for v in (csi, d) for p in pairs]
        both = (mask[0] & mask[1]).sum()
        row += [mean_or_nan(np.array([both / m.sum() if m.any() else np.nan for m in mask])),
                2 * both / (mask[0].sum() + mask[1].sum()), np.corrcoef(t[0], t[1])[0, 1]]
        row += [mean_or_nan(np.array([mean_or_nan(auc[m][mask[s]]) for s, m in pairs[1]]))]
        rows.append(braces(*row))
    write("halves", rows, "n selected in each half, CSI same and cross, d' same and cross, survival, Dice, r of t maps, AUC cross")


# ---- resampling, with the program's own generator written anew ----

M64 = 2 ** 64 - 1


class Xoshiro:
    """xoshiro256** seeded by SplitMix64 (Blackman & Vigna 2018)."""

    def __init__(self, seed):
        self.s = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & M64
            z = ((seed ^ seed >> 30) * 0xBF58476D1CE4E5B9) & M64
            z = ((z ^ z >> 27) * 0x94D049BB133111EB) & M64
            self.s.append(z ^ z >> 31)

    def next(self):
        def rotl(x, k):
            return (x << k | x >> (64 - k)) & M64
        s = self.s
        out, t = rotl(s[1] * 5 & M64, 7) * 9 & M64, s[1] << 17 & M64
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        return out

    def below(self, n):
        while (x := self.next()) < (2 ** 64 - n) % n:
            pass
        return x % n


def seeded(seed, b):
    return Xoshiro((seed + (b + 1) * 0xD1342543DE82EF95) & M64)


def layer_statistics(x):
    """Proportion, mean CSI, coefficient of variation, largest least t (0 at least), least t per category."""
    out = []
    for c in range(CATEGORIES):
        chosen = category_row(x, c, corrected=False)[0]
        others = [k for k in range(CATEGORIES) if k != c]
        mine, mu_o = x[c].mean(0), np.mean([x[k].mean(0) for k in others], axis=0)
        with np.errstate(all="ignore"):
            csi = np.where(mine + mu_o > 0, (mine - mu_o) / (mine + mu_o), np.nan)[chosen]
        place = chosen.reshape(SHAPE).mean(0).ravel()
        t = np.array([welch(x[c], x[k])[0] for k in others]).min(0)
        out.append((chosen.mean(), mean_or_nan(csi), place.std() / place.mean() if chosen.any() else np.nan, max(0, t.max()), t,
                    chosen.reshape(SHAPE).sum(0).ravel()))
    return out


def permute(m=99, seed=7, alpha=0.05):
    x = layer_responses()
    flat, labels = np.concatenate(x), np.repeat(np.arange(CATEGORIES), PICTURES)
    null = []
    for b in range(m):
        r, shuffled = seeded(seed, b), labels.copy()
        for i in range(len(labels) - 1, 0, -1):
            j = r.below(i + 1)
            shuffled[[i, j]] = shuffled[[j, i]]
        null.append([s[0] for s in layer_statistics([flat[shuffled == c] for c in range(CATEGORIES)])])
    null, rows = np.array(null), []
    critical, passes = familywise(x, m, seed, alpha)
    for c, (share, csi, *_) in enumerate(layer_statistics(x)):
        rows.append(braces(share, csi, null[:, c].mean(), np.quantile(null[:, c], 1 - alpha),
                           ((null[:, c] >= share).sum() + 1) / (m + 1), critical[c], passes[c]))
    write("permute", rows, "without correction: proportion, CSI, null mean and 95 %, p, critical t, units family-wise; 99 relabellings, seed 7")


def welch_t(a, b):
    d = a.mean(0) - b.mean(0)
    e = a.var(0, ddof=1) / len(a) + b.var(0, ddof=1) / len(b)
    return np.divide(d, np.sqrt(e), out=np.zeros_like(d), where=e > 0)


def familywise(x, m, seed, alpha):
    """Each pair of categories relabelled alone, thresholds at alpha / 4: the largest of them, and units that pass all."""
    level = alpha / (CATEGORIES - 1)
    critical, passes, pair = np.zeros(CATEGORIES), [np.ones(x[0].shape[1], bool) for _ in x], 0
    for a in range(CATEGORIES):
        for b in range(a + 1, CATEGORIES):
            both, null = np.concatenate([x[a], x[b]]), []
            for i in range(m):
                r, label = seeded(seed, m * (pair + 1) + i), np.repeat([0, 1], [len(x[a]), len(x[b])])
                for k in range(len(label) - 1, 0, -1):
                    j = r.below(k + 1)
                    label[[k, j]] = label[[j, k]]
                t = welch_t(both[label == 0], both[label == 1])
                null.append([max(t.max(), 0), max((-t).max(), 0)])
            null, t = np.array(null), welch_t(x[a], x[b])
            for c, largest, observed in ((a, null[:, 0], t), (b, null[:, 1], -t)):
                p = ((largest[:, None] >= observed).sum(0) + 1) / (m + 1)
                passes[c] &= (p <= level) & (observed > 0)
                allowed = int(np.floor(level * (m + 1) * (1 + 1e-12))) - 1
                critical[c] = max(critical[c], np.sort(largest)[::-1][allowed] if allowed >= 0 else np.inf)
            pair += 1
    return critical, [int(p.sum()) for p in passes]


def relabel(m=199, seed=7):
    """The permutation test: for each unit and category (b + 1) of the pair with the most relabellings b that reach Welch's t."""
    x = layer_responses()
    counts, pair = np.zeros((CATEGORIES, x[0].shape[1]), int), 0
    for a in range(CATEGORIES):
        for b in range(a + 1, CATEGORIES):
            both, t = np.concatenate([x[a], x[b]]), []
            for i in range(m + 1):
                label = np.repeat([0, 1], [len(x[a]), len(x[b])])
                r = seeded(seed, m * (pair + 1) + i - 1)
                for k in range(len(label) - 1, 0, -1) if i else ():
                    j = r.below(k + 1)
                    label[[k, j]] = label[[j, k]]
                one, other = both[label == 0], both[label == 1]
                d, e = one.mean(0) - other.mean(0), one.var(0, ddof=1) / len(one) + other.var(0, ddof=1) / len(other)
                with np.errstate(all="ignore"):
                    t.append(np.where(d == 0, 0, d / np.sqrt(np.where(e < 1e-20, 0, e))))
            t, constant = np.array(t), (x[a].var(0) == 0) & (x[b].var(0) == 0)
            for c, s in ((a, 1), (b, -1)):
                reached = (s * t[1:] >= s * t[0] - np.where(np.isfinite(t[0]), 1e-9 * np.abs(t[0]), 0)).sum(0)
                counts[c] = np.maximum(counts[c], np.where(constant, m, reached) + 1)
            pair += 1
    write("relabel", [braces(*map(int, row)) for row in counts.T], "a unit: b + 1 of each category by the permutation test; 199 relabellings, seed 7")


def morisita(x):
    """Morisita's index of counts x; NaN for fewer than two."""
    n = x.sum()
    return len(x) * (x * (x - 1)).sum() / (n * (n - 1)) if n > 1 else np.nan


def placement():
    """Units placed at random: Y = sum x (x - 1). Moments in exact fractions, Pearson's type III by scipy.stats.gamma; the exact chance of at
    least y by adding up place by place."""
    falling = lambda x, k: math.prod(x - i for i in range(k))

    def pearson(y, n, channels, places):
        e = lambda *r: Fraction(falling(n, sum(r)), falling(channels * places, sum(r))) * math.prod(falling(channels, k) for k in r)
        q = places
        m1 = q * e(2)
        m2 = q * (e(4) + 4 * e(3) + 2 * e(2)) + q * (q - 1) * e(2, 2)
        m3 = (q * (e(6) + 12 * e(5) + 38 * e(4) + 32 * e(3) + 4 * e(2)) + 3 * q * (q - 1) * (e(4, 2) + 4 * e(3, 2) + 2 * e(2, 2))
              + q * (q - 1) * (q - 2) * e(2, 2, 2))
        sd = float(m2 - m1 * m1) ** 0.5
        skewness = max(0.01, float(m3 - 3 * m1 * m2 + 2 * m1 ** 3) / sd ** 3)
        k = 4 / skewness ** 2
        return stats.gamma.sf(k + (y - 1 - float(m1)) / sd * k ** 0.5, k)

    def exact(y, n, channels, places):
        ways = {(0, 0): 1}
        for _ in range(places):
            more = {}
            for (used, pairs), w in ways.items():
                for x in range(min(channels, n - used) + 1):
                    key = used + x, pairs + x * (x - 1)
                    more[key] = more.get(key, 0) + w * math.comb(channels, x)
            ways = more
        return float(Fraction(sum(w for (used, pairs), w in ways.items() if used == n and pairs >= y), math.comb(channels * places, n)))

    rows = []
    for n, channels, places, y in ((6, 8, 9, 8), (12, 8, 9, 30), (20, 16, 16, 36), (20, 16, 16, 50), (30, 64, 49, 26), (60, 8, 9, 430), (2, 4, 5, 2)):
        placed = min(n, channels * places - n)
        squares = y + n
        other = squares if placed == n else channels ** 2 * places - 2 * channels * n + squares
        rows.append(braces(n, channels, places, squares, pearson(other - placed, placed, channels, places), exact(y, n, channels, places)))
    for n, channels, places, y in ((139, 64, 64, 330), (15000, 64, 3136, 73000), (900, 2048, 49, 16700)):
        rows.append(braces(n, channels, places, y + n, pearson(y, n, channels, places), np.nan))
    write("placement", rows, "n units, channels, places, sum of squares; p by Pearson's type III with moments in fractions; exact p where few")


def bootstrap(n=40, seed=3):
    """The layer without its last category's shortage: three pictures of each category at least, all statistics, no correction."""
    x = layer_responses()
    x[4] = np.concatenate([x[4], x[4] + 0.25])
    sizes = [len(v) for v in x]
    flat = np.concatenate(x)
    first = np.cumsum([0] + sizes)

    def resample(x, b):
        r = seeded(seed, b)
        return [v[[r.below(len(v)) for _ in v]] for v in x]

    measure = lambda x: [(*s[:3], morisita(s[5])) for s in layer_statistics(x)]
    once = [resample(x, b) for b in range(n)]
    values = np.array([measure(v) for v in once])
    nested = np.array([measure(resample(once[b // 2], n + b)) for b in range(2 * -(-n // 4))])
    keep = lambda i: [np.concatenate([flat[a:b][:max(0, i - a)], flat[a:b][max(0, i + 1 - a):]]) if a <= i < b else flat[a:b]
                      for a, b in zip(first, first[1:])]
    left = np.array([measure(keep(i)) for i in range(len(flat))])
    rows = []
    for c, s in enumerate(measure(x)):
        for k in range(4):
            v, j = values[:, c, k][~np.isnan(values[:, c, k])], left[:, c, k][~np.isnan(left[:, c, k])]
            rows.append(braces(s[k], v.mean(), np.quantile(v, 0.025), np.quantile(v, 0.975), j.mean(), *bca(s[k], v, j),
                               *centred(s[k], v, nested[:, c, k])))
    write("bootstrap", rows, "by category and statistic: estimate, mean and 95 % of 40 resamples (seed 3), mean of the jackknife, BCa, centred; sd within "
                             "pairs of nested resamples")
    rng = np.random.default_rng(8)
    sample = rng.exponential(1, 30)
    res = stats.bootstrap((sample,), np.mean, n_resamples=200, method="BCa", random_state=rng)
    jack = [np.delete(sample, i).mean() for i in range(30)]
    write("bca", [braces(*v) for v in ([sample.mean(), *res.confidence_interval], jack, res.bootstrap_distribution)],
          "mean of 30 exponential values: estimate and scipy.stats.bootstrap's BCa interval; left-out means; its 200 resamples")


def centred(estimate, v, nested, alpha=0.05):
    below = np.nanmean([pair.var(ddof=1) for pair in nested.reshape(-1, 2)])
    scale = np.sqrt(np.clip(v.var(ddof=1) / below, 0.5, 2)) if below > 0 else 1
    share = np.quantile(v - v.mean(), [alpha / 2, 1 - alpha / 2], method="weibull")
    return [*(estimate + scale * share), np.sqrt(below)]


def bca(estimate, v, j, alpha=0.05):
    z0 = stats.norm.ppf(((v < estimate).mean() + (v <= estimate).mean()) / 2)
    d = j.mean() - j
    a = (d ** 3).sum() / (6 * (d ** 2).sum() ** 1.5) if j.max() > j.min() else 0
    z = np.array([stats.norm.ppf(alpha / 2), -stats.norm.ppf(alpha / 2)])
    share = stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) if np.isfinite(z0) else [alpha / 2, 1 - alpha / 2]
    return np.quantile(v, share)


# ---- representational similarity, sign flips ----

def consistency():
    x = layer_responses()
    flat = np.concatenate(x)[:, 3:]
    pairs = np.triu_indices(len(flat), 1)
    rdm = [(1 - np.corrcoef(v))[pairs] for v in (flat, flat[:, ::2], np.maximum(flat, 1.25))]
    means = (1 - np.corrcoef([v.mean(0)[3:] for v in x]))[np.triu_indices(CATEGORIES, 1)]
    write("consistency", [braces(*means), braces(*rdm[0][:10]), braces(*(stats.spearmanr(rdm[0], r)[0] for r in rdm[1:]))],
          "RDM of category means; first values of the pictures' RDM; its Spearman r with that of every second unit, of max(x, 1.25)")


# ---- read-outs ----

def readout():
    """Even pictures of layer_responses() train, odd ones are read: scores by NumPy's SVD, without any n x n system."""
    x, labels = np.concatenate(layer_responses())[:, 3:], np.repeat(np.arange(CATEGORIES), PICTURES)
    train, test, y = x[::2], x[1::2], np.eye(CATEGORIES)[labels[::2]]
    means = np.array([train[labels[::2] == c].mean(0) for c in range(CATEGORIES)])
    nearest = ((test[:, None] - means) ** 2).sum(2).argmin(1)
    # categories weighed equally: the mean of the class means, rows by the root of n / (C n_k)
    root = np.sqrt(len(train) / (CATEGORIES * np.bincount(labels[::2])[labels[::2]]))[:, None]
    centre, base = means.mean(0), np.full(CATEGORIES, 1 / CATEGORIES)
    u, s, vt = np.linalg.svd(root * (train - centre), full_matrices=False)
    n, best = len(train), None
    for power in range(-4, 3):
        lam = 10.0 ** power * (s ** 2).sum() / n
        w = vt.T @ ((s / (s ** 2 + lam))[:, None] * (u.T @ (root * (y - base))))
        residual = root * (y - base - (train - centre) @ w)
        gcv = n * (residual ** 2).sum() / (n - 1 - (s ** 2 / (s ** 2 + lam)).sum()) ** 2
        if best is None or gcv < best[0]:
            best = gcv, lam, (test - centre) @ w + base
    write("readout", [braces(best[1]), braces(*nearest), braces(*best[2].ravel())],
          "lambda of the ridge regression; nearest class means of the odd pictures; their ridge scores [picture, category]")


def signflip():
    rng = np.random.default_rng(9)
    rows = []
    for n in (2, 3, 5, 8, 12, 13):
        d = np.round(rng.normal(0.4, 1, n) * 8) / 8
        p = [stats.permutation_test((d,), np.mean, permutation_type="samples", alternative=a, n_resamples=np.inf).pvalue
             for a in ("greater", "two-sided")]
        rows.append(f"{{{n}, {p[0]!r}, {p[1]!r}, {{{', '.join(map(str, d))}}}}},")
    write("signflip", rows, "n, p one-sided, p two-sided by scipy.stats.permutation_test, differences")


def main():
    if sys.argv[1:2] == ["--grid"]:
        worst = 0
        for t, df, p in t_rows(int(sys.argv[2]), np.random.default_rng(5)):
            print(repr(t), repr(df), repr(float(p)))
            worst = max(worst, abs(float((mpf(float(stats.t.sf(t, df))) - p) / p)))
        print(f"SciPy's largest relative error: {worst:.2e}", file=sys.stderr)
        return
    for make in (special, ttest, balanced, multiple, select, criteria, ranks, halves, permute, relabel, bootstrap, consistency, readout, signflip):
        make()


if __name__ == "__main__":
    main()
