"""Ends of the confidence sequence of a share, for src/probability/. Run: python tools/confidence-sequence-reference.py

Needs scipy. Writes test/fixtures/probability/confidence-sequence.json: rows of k, n, alpha and the two ends of
{p : B(k + 1, n - k + 1) / (p^k (1 - p)^(n - k)) < 1 / alpha}, in logarithms, by Brent's method.
"""
import json, os
from math import log, log1p
from scipy.optimize import brentq
from scipy.special import betaln

OUT = os.path.join(os.path.dirname(__file__), "..", "test", "fixtures", "probability", "confidence-sequence.json")

def ends(k, n, alpha):
    def excess(p):
        heads = k * log(p) if k else 0.0
        tails = (n - k) * log1p(-p) if n > k else 0.0
        return betaln(k + 1, n - k + 1) - heads - tails + log(alpha)
    low = 0.0 if k == 0 else brentq(excess, 1e-300, k / n, xtol=1e-300, rtol=1e-14)
    high = 1.0 if k == n else brentq(excess, k / n or 1e-300, 1 - 2**-53, xtol=1e-16, rtol=1e-14)
    return low, high

cases = [(k, n, a) for a in (0.05, 0.001) for n, ks in {
    1: [0, 1], 2: [1], 10: [0, 1, 5, 10], 16: [3, 15], 100: [0, 1, 50, 93, 100], 1000: [2, 500, 981, 1000], 10_000: [200, 4301, 5000, 9810],
}.items() for k in ks]
with open(OUT, "w") as f:
    f.write("[\n" + ",\n".join(" " + json.dumps([k, n, a, *ends(k, n, a)]) for k, n, a in cases) + "\n]\n")
