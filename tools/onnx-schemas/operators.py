"""Writes operators.json: every operator of the standard ONNX domain up to an opset, from the schemas of the onnx package.

    python operators.py 26        (26: the newest opset that ONNX Runtime 1.30 loads)

Of each operator: the opsets that changed it; the one that withdrew it, if any; and whether floats can go in and come out.
"""

import json
import sys
from pathlib import Path

from onnx import defs

newest = int(sys.argv[1])
floats = {"tensor(float)", "seq(tensor(float))", "optional(tensor(float))"}


def takes_floats(schema, values):
    allowed = {c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints}
    return any(allowed.get(v.type_str, {v.type_str}) & floats for v in values)


history = {}
for schema in defs.get_all_schemas_with_history():
    if schema.domain == "" and schema.since_version <= newest:
        history.setdefault(schema.name, []).append(schema)

operators = {}
for name, schemas in sorted(history.items()):
    schemas.sort(key=lambda s: s.since_version)
    living = [s for s in schemas if not s.deprecated]
    operators[name] = {
        "versions": [s.since_version for s in living],
        **{"withdrawn": s.since_version for s in schemas if s.deprecated},
        "floats": takes_floats(living[-1], living[-1].inputs) and takes_floats(living[-1], living[-1].outputs),
    }

def on_a_line(entry):
    return "{ " + json.dumps(entry)[1:-1] + " }"


lines = ",\n".join(f"  {json.dumps(name)}: {on_a_line(entry)}" for name, entry in operators.items())
Path(__file__).with_name("operators.json").write_text(f"{{\n{lines}\n}}\n")
