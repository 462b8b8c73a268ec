"""Pictures resized by Pillow and by torch, for src/datasets/resample.test.ts. Run: python tools/resample-reference.py

Needs numpy, Pillow and torch. Writes test/fixtures/resample/: a PNG, and reference.json with the SHA-256 of the bytes
(RGB, or grey for L, row by row) that come of each resize and crop. The sizes and the crop are those of torchvision 0.28:
Resize(int) sets the shorter side and truncates the other; CenterCrop rounds half to even and pads with black.
"""
import hashlib, json, os
import numpy as np
from PIL import Image
import torch

OUT = os.path.join(os.path.dirname(__file__), "..", "test", "fixtures", "resample")
os.makedirs(OUT, exist_ok=True)
rng = np.random.default_rng(7)
h, w = 37, 53
y, x = np.mgrid[0:h, 0:w]
smooth = np.stack([x * 255 / w, y * 255 / h, (x * y) % 256], -1)
picture = np.where(rng.random((h, w, 1)) < 0.3, rng.integers(0, 256, (h, w, 3)), smooth).astype(np.uint8)
Image.fromarray(picture).save(os.path.join(OUT, "picture.png"))
FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}
sha = lambda a: hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()

def short(im, size):
    w, h = im.size
    long = int(size * max(w, h) / min(w, h))
    return (size, long) if w <= h else (long, size)

def crop(a, n):
    ih, iw = a.shape[:2]
    if n > iw or n > ih:
        pads = [((n - ih) // 2 if n > ih else 0, (n - ih + 1) // 2 if n > ih else 0), ((n - iw) // 2 if n > iw else 0, (n - iw + 1) // 2 if n > iw else 0)]
        a = np.pad(a, pads + [(0, 0)] * (a.ndim - 2))
        ih, iw = a.shape[:2]
    top, left = int(round((ih - n) / 2.0)), int(round((iw - n) / 2.0))
    return a[top:top + n, left:left + n]

cases = []
for mode in ["RGB", "L"]:
    im = Image.open(os.path.join(OUT, "picture.png")).convert(mode)
    for name, f in FILTERS.items():
        for size in [(20, 11), (53, 20), (20, 37), (90, 70), (7, 100), (1, 1), (50, 20), (60, 20)]:
            cases.append({"mode": mode, "interpolation": name, "antialias": True, "width": size[0], "height": size[1], "sha256": sha(np.asarray(im.resize(size, f)))})
for name in ["bilinear", "bicubic"]:
    t = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].double()
    for size in [(20, 11), (90, 70), (7, 100)]:
        out = torch.nn.functional.interpolate(t, size=(size[1], size[0]), mode=name, align_corners=False, antialias=False)
        cases.append({"mode": "RGB", "interpolation": name, "antialias": False, "width": size[0], "height": size[1], "sha256": sha(out[0].clamp(0, 255).round().byte().permute(1, 2, 0).numpy())})
im = Image.open(os.path.join(OUT, "picture.png")).convert("RGB")
pipelines = []
for resize, n in [(24, 16), (24, 21), (15, 20), (40, 33), (37, 37)]:
    for name in ["bilinear", "bicubic"]:
        a = np.asarray(im.resize(short(im, resize), FILTERS[name]))
        pipelines.append({"resize": resize, "crop": n, "interpolation": name, "sha256": sha(crop(a, n))})
json.dump({"source": sha(picture), "resize": cases, "pipelines": pipelines}, open(os.path.join(OUT, "reference.json"), "w"), indent=1)
