"""Temperatures and calibration figures, for src/evaluate/calibration/. Run: python tools/calibration-reference.py

Needs numpy and scipy. Writes test/fixtures/calibration/reference.json. Temperatures are scipy's: the root of the derivative of the cross-entropy
by log T, which Brent's minimiser of the cross-entropy itself confirms within 1e-6.
"""
import json, os
import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax

OUT = os.path.join(os.path.dirname(__file__), "..", "test", "fixtures", "calibration")
os.makedirs(OUT, exist_ok=True)
BINS = 15

def nll(log_t, z, y):
    return -log_softmax(z / np.exp(log_t), axis=1)[np.arange(len(y)), y].mean()

def slope(log_t, z, y):
    t = np.exp(log_t)
    expected = (softmax(z / t, axis=1) * z).sum(axis=1)
    return ((z[np.arange(len(y)), y] - expected) / t).mean()

def temperature(z, y):
    root = np.exp(brentq(slope, np.log(1e-4), np.log(1e4), args=(z, y), xtol=1e-15, rtol=1e-14))
    found = np.exp(minimize_scalar(nll, bracket=(np.log(root) - 1, np.log(root) + 1), args=(z, y), tol=1e-14).x)
    assert abs(found / root - 1) < 1e-6, (found, root)
    return root

def gaps(groups, confidence, correct):
    n = len(confidence)
    return float(sum(len(g) / n * abs(correct[g].mean() - confidence[g].mean()) for g in groups if len(g)))

def figures(z, y, t):
    p = softmax(z / t, axis=1)
    confidence, correct = p.max(axis=1), (p.argmax(axis=1) == y).astype(float)
    bin_of = np.digitize(confidence, np.arange(1, BINS) / BINS, right=True)
    width = [np.flatnonzero(bin_of == k) for k in range(BINS)]
    count = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    return {
        "accuracy": float(correct.mean()),
        "confidence": float(confidence.mean()),
        "ece": gaps(width, confidence, correct),
        "adaptiveEce": gaps(count, confidence, correct),
        "brier": float(((p - np.eye(z.shape[1])[y]) ** 2).sum(axis=1).mean()),
        "nll": float(nll(np.log(t), z, y)),
        "samples": [len(g) for g in width],
    }

rng = np.random.default_rng(14)
cases = []
for n, classes, scale, true_t in [(200, 3, 2, 1.0), (137, 10, 8, 3.5), (90, 2, 0.5, 0.2), (301, 5, 300, 60.0)]:
    z = np.round(rng.normal(size=(n, classes)) * scale, 3).astype(np.float32)
    z64 = z.astype(np.float64)
    y = np.array([rng.choice(classes, p=row) for row in softmax(z64 / true_t, axis=1)])
    t = temperature(z64, y)
    cases.append({
        "classes": classes, "logits": [float(v) for v in z.ravel()], "labels": y.tolist(), "temperature": t,
        "before": figures(z64, y, 1.0), "after": figures(z64, y, t),
    })
with open(os.path.join(OUT, "reference.json"), "w") as f:
    json.dump(cases, f)
    f.write("\n")
