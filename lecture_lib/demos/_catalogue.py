"""Which demos there are: read from their sources, without importing them, so that a list costs no torch.

A demo is a public module of this folder that names its `UNIT`. Its docstring begins with "Title: one sentence."
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from lecture_lib.units import UNITS

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
THEMES = ("light", "dark")
ACRONYMS = {"rnn": "RNN", "lm": "LM"}


@dataclass(frozen=True)
class Demo:
    """One demo, as its source describes it."""

    name: str
    title: str
    sentence: str
    unit: str

    @property
    def line(self) -> str:
        """What opens its example in any notebook, after `from lecture_lib import demos`."""
        return f"demos.{self.name}.show()"

    def picture(self, theme: str) -> Path:
        """Where its screenshot stands, whether or not it was taken; theme: light or dark."""
        return PICTURES / f"{self.name}-{theme}.png"


def catalogue(folder: Path = HERE) -> list[Demo]:
    """The demos in the order of the course, within a unit by name."""
    demos = [demo for path in sorted(folder.glob("[!_]*.py")) if (demo := _read(path)) is not None]
    return sorted(demos, key=lambda demo: (_place(demo.unit), demo.name))


def by_unit(demos: list[Demo]) -> dict[str, list[Demo]]:
    """The demos of each unit that has any, in the given order."""
    return {unit: [d for d in demos if d.unit == unit] for unit in dict.fromkeys(d.unit for d in demos)}


def unit_title(unit: str) -> str:
    """
    >>> unit_title("04_rnn_lm")
    'Unit 4: RNN LM'
    """
    number, *words = unit.split("_")
    return f"Unit {int(number)}: {' '.join(ACRONYMS.get(word, word) for word in words)}"


def _read(path: Path) -> Demo | None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    units = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == "UNIT" and isinstance(node.value.value, str)
    ]
    if not units:
        return None
    title, _, sentence = (ast.get_docstring(tree) or path.stem).split("\n")[0].partition(": ")
    return Demo(path.stem, title, sentence[:1].upper() + sentence[1:], units[-1])


def _place(unit: str) -> tuple[int, str]:
    return (UNITS.index(unit) if unit in UNITS else len(UNITS), unit)
