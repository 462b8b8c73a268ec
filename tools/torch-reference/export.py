"""Exports classifiers with what users export with, and keeps torch's logits and input gradients beside each file.

    python export.py OUT [--group torchvision] [--only REGEX] [--all-opsets]

Each case is a folder OUT/GROUP-MODEL-EXPORTER-OPSET with model.onnx, values.npz (x, y, logits, grad) and case.json; a case
whose case.json exists is not made again, so that an interrupted run goes on where it stopped. compare.mjs does the rest.
"""
import argparse
import json
import re
import sys
import time
import traceback
import warnings
from pathlib import Path

GROUPS = ("small", "torchvision", "timm", "transformers", "sklearn", "keras")


def zoo(group):
    """The cases of a group: (model, exporter, opsets to try in their order, make), where make(folder, opset) writes a case."""
    if group == "keras":
        from zoo_keras import cases
    elif group == "sklearn":
        from zoo_sklearn import cases
    else:
        from exporters import cases_of

        return cases_of(group)
    return cases()


def run(folder, fields, make, opset):
    folder.mkdir(parents=True, exist_ok=True)
    start = time.time()
    try:
        more = make(folder, opset)
    except Exception as error:  # The table says what an exporter cannot do.
        traceback.print_exc(limit=-3)
        lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines() if line.strip()] or [""]
        more = {"error": f"{type(error).__name__}: {lines[0][:300]}"}
    case = {**fields, "opset": opset, **more, "seconds": round(time.time() - start, 1)}
    (folder / "case.json").write_text(json.dumps(case, indent=1))
    print(f"{folder.name}: {more.get('error', 'exported')} ({case['seconds']} s)", flush=True)
    return "error" not in more


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--group", action="append", choices=GROUPS)
    parser.add_argument("--only", default="", help="regular expression that a case's name holds")
    parser.add_argument("--all-opsets", action="store_true", help="every opset of the exporter, not the first that works")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    for group in options.group or GROUPS:
        try:
            cases = zoo(group)
        except ImportError as error:
            print(f"{group}: skipped, {error}", file=sys.stderr)
            continue
        for model, exporter, opsets, make in cases:
            if not re.search(options.only, f"{group}-{model}-{exporter}"):
                continue
            every = options.all_opsets or group == "small"
            for opset in sorted(opsets) if every else opsets:
                folder = options.out / f"{group}-{model}-{exporter}-{opset}"
                done = folder / "case.json"
                known = done.exists() and "error" not in json.loads(done.read_text())
                fields = {"group": group, "model": model, "exporter": exporter}
                worked = known or (not done.exists() and run(folder, fields, make, opset))
                if worked and not every:
                    break


main()
