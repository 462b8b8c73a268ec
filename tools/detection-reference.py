"""Scores and figures of detectors, for src/models/detectors/ and src/evaluate/detection/. Run: python tools/detection-reference.py

Needs numpy and scipy. Writes test/fixtures/detection/reference.json: Mahalanobis distances by numpy's inverse, and areas under the ROC curve by the
statistic of Mann and Whitney as scipy has it.
"""
import json, os
import numpy as np
from scipy.stats import mannwhitneyu

OUT = os.path.join(os.path.dirname(__file__), "..", "test", "fixtures", "detection")
os.makedirs(OUT, exist_ok=True)
rng = np.random.default_rng(7)

def distances(z, y, x):
    """min over classes, with the covariance that all share and a ridge of 1e-6 of its mean variance"""
    means = np.array([z[y == c].mean(axis=0) for c in np.unique(y)])
    apart = z - means[np.searchsorted(np.unique(y), y)]
    covariance = apart.T @ apart / len(z)
    covariance += np.eye(z.shape[1]) * 1e-6 * np.trace(covariance) / z.shape[1]
    precision = np.linalg.inv(covariance)
    differences = x[:, None, :] - means[None]
    return np.einsum("ncj,jk,nck->nc", differences, precision, differences).min(axis=1)

n, classes = 160, 5
# No sample of class 3; one logit depends on others.
y = rng.choice([0, 1, 2, 4], size=n)
z = np.round(rng.normal(size=(n, classes)) * [1, 2, 3, 4, 1] + 6 * np.eye(classes)[y] + 20, 3).astype(np.float32)
x = np.round(rng.normal(size=(12, classes)) * 8 + 20, 3).astype(np.float32)
logits = {
    "classes": classes, "logits": z.ravel().tolist(), "labels": y.tolist(), "samples": x.ravel().tolist(),
    "scores": distances(z.astype(np.float64), y, x.astype(np.float64)).tolist(),
}

figures = []
for clean_size, fooled_size, shift, decimals in [(100, 40, 0.5, 1), (250, 7, 3, 6), (99, 120, -1, 2)]:
    clean = np.round(rng.normal(size=clean_size), decimals)
    scores = np.round(rng.normal(size=fooled_size) + shift, decimals)
    threshold = np.sort(clean)[::-1][clean_size // 100]
    figures.append({
        "clean": clean.tolist(), "scores": scores.tolist(), "threshold": threshold,
        "auroc": mannwhitneyu(scores, clean).statistic / (clean_size * fooled_size),
        "tpr": float((scores > threshold).mean()),
    })
with open(os.path.join(OUT, "reference.json"), "w") as f:
    json.dump({"logits": logits, "figures": figures}, f)
    f.write("\n")
