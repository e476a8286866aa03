"""One node process that calls exported functions of ES modules, with plain values and arrays."""

import json
import select
import shutil
import subprocess
from pathlib import Path

import numpy as np

SECONDS = 20  # for one call; a loop without end must not hold up the suite

# JSON has no infinities: they travel as {"$": "-Infinity"}. Typed arrays and sets come back as lists.
_SERVER = """
import { createInterface } from "node:readline";
const plain = (value) => {
  if (value === undefined) return null;
  if (typeof value === "number" && !Number.isFinite(value)) return { $: String(value) };
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, v]) => [key, plain(v)]));
  if (value instanceof Set) return [...value].map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, plain(v)]));
  return value;
};
const revive = (_, value) => (value !== null && typeof value === "object" && "$" in value ? Number(value.$) : value);
for await (const line of createInterface({ input: process.stdin })) {
  const answer = {};
  try {
    const { module, name, given } = JSON.parse(line, revive);
    const exported = await import(`./${module}.js`);
    if (typeof exported[name] !== "function") throw new Error(`${module}.js exports no function ${name}`);
    answer.value = plain(await exported[name](...given));
  } catch (error) {
    answer.error = String(error);
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
}
"""


class Node:
    """node with the modules of a folder; called with a module, a function that it exports, and its arguments."""

    def __init__(self, executable: str, modules: Path, scratch: Path):
        shutil.copytree(modules, scratch, dirs_exist_ok=True)  # node takes .js for a module where package.json says so
        (scratch / "package.json").write_text('{"type": "module"}')
        (scratch / "_serve.mjs").write_text(_SERVER)
        self.process = subprocess.Popen(
            [executable, "_serve.mjs"], cwd=scratch, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, module: str, name: str, *given):
        """What the function returns; RuntimeError with its own words if it throws. Arrays may be NumPy's."""
        asked = {"module": module, "name": name, "given": _plain(list(given))}
        self.process.stdin.write(json.dumps(asked, allow_nan=False) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], SECONDS)[0]:
            self.close()
            raise RuntimeError(f"{module}.{name} did not return within {SECONDS} s")
        answer = json.loads(self.process.stdout.readline() or '{"error": "node is gone"}', object_hook=_revived)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def _plain(value):
    """As JSON takes it.

    >>> _plain([np.arange(2), float("inf")])
    [[0, 1], {'$': 'Infinity'}]
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, float) and not np.isfinite(value):
        return {"$": "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _revived(found: dict):
    return float(found["$"]) if set(found) == {"$"} else found
