"""Normal quantiles, bounds of Clopper and Pearson and binomial tests, for src/probability/. Run: python tools/probability-reference.py

Needs scipy and mpmath. Writes test/fixtures/probability/reference.json. What scipy gives is checked with 50 digits of mpmath
before it is written: the two differ by less than 1e-11.
"""
import json, os
import mpmath as mp
from scipy import stats

mp.mp.dps = 50
OUT = os.path.join(os.path.dirname(__file__), "..", "test", "fixtures", "probability")
os.makedirs(OUT, exist_ok=True)

def quantile(p):
    q = mp.mpf(float(stats.norm.ppf(p)))
    # One step of Newton doubles the digits, twice.
    for _ in range(4):
        q -= (mp.ncdf(q) - mp.mpf(p)) / mp.npdf(q)
    return q

def tail(k, n, p):
    """P(X >= k) of X ~ Binomial(n, p), term by term from k on"""
    term = mp.exp(mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1) + k * mp.log(p) + (n - k) * mp.log(1 - p))
    total, i = term, k
    while i < n and term > total * mp.mpf(10) ** -30:
        term *= p / (1 - p) * (n - i) / (i + 1)
        total, i = total + term, i + 1
    return total

def bound(k, n, alpha):
    a, b = k, n - k + 1
    p = mp.mpf(float(stats.beta.ppf(alpha, a, b)))
    log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    for _ in range(3):
        density = mp.exp((a - 1) * mp.log(p) + (b - 1) * mp.log(1 - p) - log_beta)
        p -= (tail(k, n, p) - mp.mpf(alpha)) / density
    return p

quantiles = [1e-300, 1e-100, 1e-20, 1e-10, 1e-5, 0.001, 0.02, 0.07499, 0.0751, 0.25, 0.4999, 0.5, 0.50001, 0.6, 0.84, 0.925, 0.93, 0.99, 0.999, 0.99999, 1 - 1e-9, 1 - 2**-53]
cases = [(k, n, a) for a in (0.05, 0.001, 1e-6) for n, ks in {
    1: [1], 2: [1, 2], 10: [1, 5, 9, 10], 17: [3, 16], 100: [1, 50, 73, 99, 100], 1000: [2, 500, 551, 998, 1000],
    100_000: [1, 40, 30_000, 50_000, 50_490, 60_000, 84_321, 99_000, 99_990, 99_999, 100_000], 1_000_000: [500_000, 501_545, 999_999],
}.items() for k in ks]
tests = [(k, n) for n, ks in {1: [0, 1], 10: [0, 3, 5, 9], 100: [42, 50, 61, 100], 1001: [500, 501, 560], 100_000: [50_000, 50_400, 52_000]}.items() for k in ks]
out = {
    "quantiles": [[p, float(quantile(p))] for p in quantiles],
    "bounds": [[k, n, a, float(bound(k, n, a))] for k, n, a in cases],
    "tests": [[k, n, float(stats.binomtest(k, n, 0.5).pvalue)] for k, n in tests],
}
for p, q in out["quantiles"]:
    assert abs(q - float(stats.norm.ppf(p))) <= 1e-11 * max(1, abs(q)), (p, q)
for k, n, a, p in out["bounds"]:
    assert abs(p - stats.beta.ppf(a, k, n - k + 1)) <= 1e-11 * p, (k, n, a, p, stats.beta.ppf(a, k, n - k + 1))
rows = lambda name: f' "{name}": [\n' + ",\n".join("  " + json.dumps(row) for row in out[name]) + "\n ]"
with open(os.path.join(OUT, "reference.json"), "w") as f:
    f.write("{\n" + ",\n".join(rows(name) for name in out) + "\n}\n")
