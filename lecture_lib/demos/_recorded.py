"""Examples that were computed once, for demos whose model is too large or too slow to open a demo with.

A demo with a recording has a function `record() -> {name: array}`; `python -m lecture_lib.demos._recorded DEMO` runs it
again and writes `recorded/DEMO.npz`. Where the model is installed, the demos compute; recordings are for everyone else.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "recorded"
MOST_BYTES = 200_000  # of one recording: all of them travel with the library


def recording(demo: str) -> dict[str, np.ndarray]:
    """The arrays of a demo's recorded example."""
    with np.load(FOLDER / f"{demo}.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def write(demo: str) -> Path:
    """Runs the demo's `record()` and keeps what it returns. Raises ValueError if that is more than `MOST_BYTES`."""
    target = FOLDER / f"{demo}.npz"
    target.parent.mkdir(exist_ok=True)
    np.savez_compressed(target, **importlib.import_module(f"lecture_lib.demos.{demo}").record())
    size = target.stat().st_size
    if size > MOST_BYTES:
        target.unlink()
        raise ValueError(
            f"the recording of {demo} takes {size} bytes, more than {MOST_BYTES}; record a smaller example"
        )
    return target


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(write(name))
