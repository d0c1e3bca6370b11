#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Expected values for tests/cli_explain.sh: every number that `fusiform explain` should print for 20 units, by NumPy and SciPy.

usage: explain.py [PROGRAM]     default: ./fusiform of the repository

Comes in: the responses of the network demo:vision to drawn pictures, from `fusiform activations`. Goes out: explain_units.tsv
beside this script, lines case<TAB>layer<TAB>unit<TAB>step<TAB>quantity<TAB>category<TAB>rival<TAB>value. Means, variances, t
tests, ranks, q, CSI, d', AUC and labels are computed here from single responses, by the equations of METHOD.md; no number is
taken from the program. Needs Debian's python3-numpy and python3-scipy.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from scipy import stats

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../fusiform")
LAYERS = ["layer3.1.relu", "avgpool"]
# As in cli_explain.sh: the set, the rule, and how many units of each layer. A rule is (criterion, test, correction).
CASES = [
    ("equal", "builtin?per_category=6&side=64", ("iut", "balanced", "bh"), (4, 1)),
    ("unequal", "list", ("iut", "balanced", "bh"), (1, 4)),
    ("welch", "list", ("iut", "welch", "by"), (1, 1)),
    ("student", "list", ("iut", "student", "bonferroni"), (1, 1)),
    ("prince", "list", ("prince", "student", "by"), (1, 1)),
    ("tdann", "list", ("tdann", None, None), (1, 0)),
    ("dprime", "list", ("dprime", None, None), (1, 0)),
    ("ratio", "list", ("ratio", None, None), (0, 1)),
    ("ranksum", "list", ("ranksum", None, None), (1, 0)),
]
ALPHA = 0.05


# ---- tests: a, b are the responses of all units to two categories, [pictures, units] ----

def welch(a, b):
    r = stats.ttest_ind(a, b, equal_var=False, alternative="greater")
    e_a, e_b = a.var(0, ddof=1) / len(a), b.var(0, ddof=1) / len(b)
    df = (e_a + e_b) ** 2 / (e_a ** 2 / (len(a) - 1) + e_b ** 2 / (len(b) - 1)) # older SciPy does not tell
    return r.statistic, df, r.pvalue


def student(a, b):
    t = stats.ttest_ind(a, b, equal_var=True, alternative="greater")
    return t.statistic, np.full(a.shape[1], len(a) + len(b) - 2.0), t.pvalue


def hall(a, b):
    """h, and its p with Welch's degrees of freedom."""
    n_a, n_b = len(a), len(b)
    t, df, _ = welch(a, b)
    third = (((a - a.mean(0)) ** 3).sum(0) + ((b - b.mean(0)) ** 3).sum(0)) / (
        (n_a - 1) * (n_a - 2) / n_a + (n_b - 1) * (n_b - 2) / n_b)
    pooled = ((n_a - 1) * a.var(0, ddof=1) + (n_b - 1) * b.var(0, ddof=1)) / (n_a + n_b - 2)
    s = third * (1 / n_a ** 2 - 1 / n_b ** 2) / np.sqrt(pooled * (1 / n_a + 1 / n_b)) ** 3
    h = t + s / 6 + s * t ** 2 / 3 + s ** 2 * t ** 3 / 27
    return h, stats.t.sf(h, df)


def relabelled(a, b):
    """The p over relabellings, from the skewness of all pictures."""
    n_a, n_b = len(a), len(b)
    n, both = n_a + n_b, np.concatenate([a, b])
    g = stats.skew(both) * (n_b - n_a) * np.sqrt(n - 1) / ((n - 2) * np.sqrt(n_a * n_b))
    t, df, p = student(a, b)
    z = stats.norm.isf(np.maximum(p, 1e-300))
    low = stats.norm.sf(z - g * (z ** 2 - 1) / 6)
    u = np.sqrt(n - 1) * t / np.sqrt(n - 2 + t ** 2)
    shape = 4 / np.where(g > 0, g, 1) ** 2
    high = np.where(g < 0.002, stats.norm.sf(u), stats.gamma.sf(shape + u * np.sqrt(shape), shape))
    return np.where(g > 0, high, low)


def constant(a, b):
    return (np.ptp(a, 0) == 0) & (np.ptp(b, 0) == 0)


def balanced(a, b):
    t, df, p = welch(a, b)
    if len(a) != len(b):
        p = np.maximum(relabelled(a, b), np.minimum(p, hall(a, b)[1]))
        p = np.where(a.mean(0) > b.mean(0), p, np.maximum(p, 0.5))
    return t, df, p


def pair(test, a, b):
    with np.errstate(all="ignore"):
        t, df, p = {"balanced": balanced, "welch": welch, "student": student}[test](a, b)
    none = constant(a, b)
    return np.where(none, 0, t), np.where(none, 1, df), np.where(none, 1, p)


def adjust(p, correction):
    n = len(p)
    if correction == "bonferroni":
        return np.minimum(1, p * n)
    scale = n * (np.sum(1 / np.arange(1, n + 1)) if correction == "by" else 1)
    order = np.argsort(p, kind="stable")
    q = np.minimum.accumulate((p[order] * scale / np.arange(1, n + 1))[::-1])[::-1]
    out = np.empty(n)
    out[order] = np.minimum(1, q)
    return out


# ---- a layer: x [pictures, units], of[c] the pictures of category c ----

def largest(test, x, of, c):
    """Largest p and least t of every unit for category c."""
    pairs = [pair(test, x[of[c]], x[of[k]]) for k in range(len(of)) if k != c]
    return np.max([p for _, _, p in pairs], 0), np.min([t for t, _, _ in pairs], 0)


def csi(x, of, c):
    mean = np.array([x[i].mean(0) for i in of])
    others = np.delete(mean, c, 0).mean(0)
    with np.errstate(all="ignore"):
        return (mean[c] - others) / (mean[c] + others)


def dprime(x, of, c):
    own, rest = x[of[c]], x[np.concatenate([i for k, i in enumerate(of) if k != c])]
    with np.errstate(all="ignore"):
        return (own.mean(0) - rest.mean(0)) / np.sqrt((own.var(0) + rest.var(0)) / 2)


def pooled_t(x, of, c):
    own, rest = x[of[c]], x[np.concatenate([i for k, i in enumerate(of) if k != c])]
    with np.errstate(all="ignore"):
        t = (own.mean(0) - rest.mean(0)) / np.sqrt(own.var(0) / len(own) + rest.var(0) / len(rest))
    return np.where(np.isnan(t), 0, t)


def auc(x, of, c, unit):
    rest = np.concatenate([i for k, i in enumerate(of) if k != c])
    return stats.mannwhitneyu(x[of[c], unit], x[rest, unit]).statistic / (len(of[c]) * len(rest))


STATISTIC = {"tdann": (pooled_t, 10), "dprime": (dprime, 1), "ratio": (csi, 1 / 3)}


def two_sided(x, of, c, k):
    t, df, p = pair("student", x[of[c]], x[of[k]])
    return t, df, np.where(constant(x[of[c]], x[of[k]]), 1, np.minimum(1, 2 * np.minimum(p, 1 - p)))


def labels(rule, x, of):
    """The label of every unit; ranksum has none here."""
    criterion, test, correction = rule
    out = np.full(x.shape[1], -1)
    best = np.array([x[i].mean(0) for i in of])
    for c in range(len(of)):
        above = (best[c] > np.delete(best, c, 0)).all(0)
        if criterion == "iut":
            out[(adjust(largest(test, x, of, c)[0], correction) <= ALPHA) & above] = c
        elif criterion == "prince":
            rejected = [adjust(two_sided(x, of, c, k)[2], "by") <= ALPHA for k in range(len(of)) if k != c]
            out[np.all(rejected, 0) & above] = c
    if criterion in STATISTIC:
        value, cut = STATISTIC[criterion]
        all_of = np.nan_to_num(np.array([value(x, of, c) for c in range(len(of))]), nan=-np.inf)
        out = np.where(all_of.max(0) > cut, all_of.argmax(0), -1)
    return out


# ---- what is written ----

def pairs_of(rule, x, of, c, unit, names):
    """Rows of the step `pairs`, and the largest p of the unit."""
    criterion, test, _ = rule
    rows, most = [], 0
    for k in range(len(of)):
        if k == c:
            continue
        a, b = x[of[c]][:, unit:unit + 1], x[of[k]][:, unit:unit + 1]
        found = {}
        if criterion == "iut":
            t, df, p = pair(test, a, b)
            found = {"t": t[0], "df": df[0], "p": p[0]}
            if test == "balanced":
                found["p_welch"] = welch(a, b)[2][0]
            if test == "balanced" and len(a) != len(b):
                found["h"], found["p_hall"] = (v[0] for v in hall(a, b))
                found["student_t"], found["p_perm"] = student(a, b)[0][0], relabelled(a, b)[0]
        elif criterion == "prince":
            t, df, p = two_sided(x, of, c, k)
            found = {"t": t[unit], "df": df[unit], "p": p[unit], "q_of_pair": adjust(p, "by")[unit]}
        elif criterion == "ranksum":
            u = stats.mannwhitneyu(a[:, 0], b[:, 0]).statistic
            greater = [stats.mannwhitneyu(v[:, 0], w[:, 0], alternative="greater",
                                          method="exact" if min(len(a), len(b)) <= 8 and len(set(v[:, 0]) | set(w[:, 0])) ==
                                          len(a) + len(b) else "asymptotic").pvalue for v, w in ((a, b), (b, a))]
            found = {"u": u, "auc": u / (len(a) * len(b)), "p": 2 * min(greater)}
        most = max(most, found.get("p", 0))
        rows += [("pairs", name, names[c], names[k], value) for name, value in found.items()]
    return rows, most


def explain(rule, x, of, names, half, unit, shape):
    """All rows of a unit."""
    criterion, test, correction = rule
    channels, places = shape[0], shape[1] * shape[2]
    rows = []
    for c, name in enumerate(names):
        v = x[of[c], unit]
        rows += [("moments", "n", name, "", len(v)), ("moments", "mean", name, "", v.mean()),
                 ("moments", "variance", name, "", v.var(ddof=1))]
        if criterion in STATISTIC:
            rows.append(("pairs", "statistic", name, "", STATISTIC[criterion][0](x[:, unit:unit + 1], of, c)[0]))
    score = [STATISTIC[criterion][0](x[:, unit:unit + 1], of, c)[0] if criterion in STATISTIC else x[of[c], unit].mean()
             for c in range(len(names))]
    c = int(np.argmax(score))
    found, most = pairs_of(rule, x, of, c, unit, names)
    rows += found
    label = labels(rule, x, of)
    if criterion == "iut":
        p, t = largest(test, x, of, c)
        rows += [("largest", "p", names[c], "", p[unit]), ("largest", "least_t", names[c], "", t[unit]),
                 ("correction", "units", names[c], "", len(p)),
                 ("correction", "rank_first", names[c], "", 1 + np.sum(p < p[unit])),
                 ("correction", "q", names[c], "", adjust(p, correction)[unit])]
    if criterion == "ranksum":
        rows.append(("label", "label", names[c], "", c if most < 0.001 else -1))
    else:
        rows.append(("label", "label", names[c], "", label[unit]))
        here = np.sum(label[unit % places::places] == c)
        rows += [("map", "channels_here", names[c], "", here), ("map", "proportion_here", names[c], "", here / channels),
                 ("map", "proportion", names[c], "", np.mean(label == c))]
    rows += [("csi", "csi", names[c], "", csi(x[:, unit:unit + 1], of, c)[0]),
             ("dprime", "dprime", names[c], "", dprime(x[:, unit:unit + 1], of, c)[0])]
    for h, word in enumerate(("first", "second")):
        if criterion == "ranksum":
            continue
        part = [i[half[i] == h] for i in of]
        rows += [("halves", "n_" + word, names[c], "", len(part[c])),
                 ("halves", "label_" + word, names[c], "", labels(rule, x, part)[unit]),
                 ("halves", "csi_" + word, names[c], "", csi(x[:, unit:unit + 1], part, c)[0]),
                 ("halves", "dprime_" + word, names[c], "", dprime(x[:, unit:unit + 1], part, c)[0]),
                 ("halves", "auc_" + word, names[c], "", auc(x, part, c, unit))]
        if criterion in ("iut", "prince"):
            rows.append(("halves", "p_" + word, names[c], "", pairs_of(rule, x, part, c, unit, names)[1]))
    return rows


def choose_units(x, of, skip, n):
    """n units: one of the largest d' first, then others spread over the layer; none that is silent."""
    alive = np.flatnonzero(np.min([np.ptp(x[i], 0) for i in of], 0) > 0)
    score = np.max([dprime(x, of, c)[alive] for c in range(len(of))], 0)
    order = alive[np.argsort(-score, kind="stable")]
    return [int(order[skip])] + [int(order[(len(order) - 1) * (i + 1) // n]) for i in range(n - 1)] if n else []


def read_layers(folder, spec):
    """Responses of both layers, [pictures, units], with shapes, names of categories, and category of each picture."""
    if spec == "list":
        subprocess.run([PROGRAM, "stimuli", "generate", "--per-category", "12", "--size", "64", "-o", f"{folder}/pictures"],
                       check=True, stdout=subprocess.DEVNULL)
        spec = f"{folder}/list.tsv"
        with open(spec, "w") as f: # as in cli_explain.sh
            for category, sub, n in (("face", "adult", 5), ("face", "child", 5), ("place", "house", 6), ("word", "word", 8)):
                f.writelines(f"pictures/{sub}/{sub}-{i + 1}.png\t{category}\t{sub}\n" for i in range(n))
    subprocess.run([PROGRAM, "activations", "--model", "demo:vision", "--layer", ",".join(LAYERS), spec, "-o",
                    f"{folder}/x.npz"], check=True, stderr=subprocess.DEVNULL)
    with open(f"{folder}/x.npz.tsv") as f:
        category = [line.rstrip("\n").split("\t")[2] for line in f][1:]
    names = list(dict.fromkeys(category))
    arrays = np.load(f"{folder}/x.npz")
    return [arrays[layer] for layer in LAYERS], names, np.array([names.index(c) for c in category])


def main():
    lines, n_units = [], 0
    for skip, (case, spec, rule, counts) in enumerate(CASES):
        with tempfile.TemporaryDirectory() as folder:
            layers, names, category = read_layers(folder, spec)
        of = [np.flatnonzero(category == c) for c in range(len(names))]
        half = np.zeros(len(category), int)
        for i in of:
            half[i] = np.arange(len(i)) % 2
        for layer, x, n in zip(LAYERS, layers, counts):
            shape, x = x.shape[1:], x.reshape(len(x), -1).astype(float)
            for unit in choose_units(x, of, skip, n):
                at = ",".join(str(v) for v in np.unravel_index(unit, shape))
                n_units += 1
                lines += [f"{case}\t{layer}\t{at}\t{step}\t{what}\t{name}\t{rival}\t{float(value)!r}\n"
                          for step, what, name, rival, value in explain(rule, x, of, names, half, unit, shape)]
    with open(os.path.join(HERE, "explain_units.tsv"), "w") as f:
        f.writelines(lines)
    print(f"{n_units} units, {len(lines)} numbers")


main()
