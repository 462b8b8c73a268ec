"""Ends of the confidence sequence of a share, for src/probability/. Run: python tools/confidence-sequence-reference.py

Needs scipy. Writes test/fixtures/probability/confidence-sequence.json: rows of k, n, alpha, the weight w and the two ends of
{p : B(k + wp, n - k + w(1 - p)) / B(wp, w(1 - p)) / (p^k (1 - p)^(n - k)) < 1 / alpha}, in logarithms, by Brent's method.
"""
import json, os
from math import log, log1p
from scipy.optimize import brentq
from scipy.special import betaln

OUT = os.path.join(os.path.dirname(__file__), "..", "test", "fixtures", "probability", "confidence-sequence.json")
# So near to 0 and 1 the function is looked at.
EDGE = 1e-12

def ends(k, n, alpha, w):
    def excess(p):
        ratio = betaln(k + w * p, n - k + w * (1 - p)) - betaln(w * p, w * (1 - p))
        return ratio - k * log(p) - (n - k) * log1p(-p) + log(alpha)
    middle = min(max(k / n, EDGE), 1 - EDGE)
    low = 0.0 if k <= 1 else brentq(excess, EDGE, middle, xtol=1e-300, rtol=1e-14)
    high = 1.0 if n - k <= 1 else brentq(excess, middle, 1 - EDGE, xtol=1e-16, rtol=1e-14)
    return low, high

cases = [(k, n, a, w) for a, w in ((0.05, 1), (0.05, 69.44), (0.001, 2500)) for n, ks in {
    1: [0, 1], 2: [1, 2], 10: [0, 1, 5, 10], 16: [3, 15], 100: [0, 1, 50, 93, 100], 1000: [2, 500, 981, 1000], 10_000: [200, 4301, 5000, 9810],
}.items() for k in ks]
with open(OUT, "w") as f:
    f.write("[\n" + ",\n".join(" " + json.dumps([*case, *ends(*case)]) for case in cases) + "\n]\n")
