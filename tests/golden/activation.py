# SPDX-License-Identifier: MIT
"""act_values.inc: GELU, QuickGELU and SiLU by PyTorch in double. Prints the fits of erf in nn/base/fmath.h:
least squares at 400 Chebyshev points, of erf(z)/z in z^2 on 0..1 and of -log(1 - erf z) on 1..4."""
import os

import numpy as np
import torch
from scipy.special import erf, log_ndtr

X = [0.0, -0.0, 1e-30, -1e-8, 1e-4, 0.1, -0.1, 0.5, -0.5, 0.75, -0.7517916, 1.0, -1.0, 1.41, 1.42, -1.5, 2.0, -2.0, 2.7,
     -3.0, 3.3, -4.0, 4.5, 5.6, -5.7, 6.0, -7.0, 8.0, -12.0, 20.0, -30.0, 60.0, -80.0, 100.0]


def fit(name, f, low, high, degree):
    t = np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    c = np.polynomial.chebyshev.chebfit(t, f((high - low) / 2 * t + (low + high) / 2), degree)
    p = np.polynomial.Chebyshev(c, domain=[low, high]).convert(kind=np.polynomial.Polynomial).coef
    print(name, ", ".join(float(np.float32(q)).hex() for q in p))


x = torch.tensor(X, dtype=torch.float32).double()
values = [x, torch.nn.functional.gelu(x), x * torch.sigmoid(1.702 * x), torch.nn.functional.silu(x)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "act_values.inc"), "w") as out:
    out.write("/* tests/golden/activation.py: x, GELU, QuickGELU, SiLU */\n")
    for row in zip(*[v.tolist() for v in values]):
        out.write("{%s},\n" % ", ".join("%.12g" % v for v in row))
fit("FUS_FMATH_ERFF_NEAR", lambda s: erf(np.sqrt(s)) / np.sqrt(s), 0, 1, 6)
fit("FUS_FMATH_ERFF_FAR", lambda z: -(np.log(2) + log_ndtr(-z * np.sqrt(2))), 1, 4, 9)
