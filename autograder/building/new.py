"""A new unit, laid out: five files and its line in the order of the course. It builds, passes and grades as it stands.

The files are those of `new_unit`, a small unit whose cells say what they are for; its author writes over them.
"""

import ast
import re
from pathlib import Path

from autograder.course import BadInput, Course

_TEMPLATES = Path(__file__).parent / "new_unit"
_ID, _TITLE = "00_example", "# # Example\n"


def lay_out(course: Course, unit: str) -> list[Path]:
    """Writes the files of a unit, e.g. "14_agents", into the course; returns their paths, that of the order last.

    Raises BadInput for a name that is none, or that the course has already; then nothing is written.
    """
    if not re.fullmatch(r"\d\d_[a-z][a-z_0-9]*", unit):
        raise BadInput(f"seen {unit!r}, expected a number of two digits and a name, e.g. 14_agents")
    name, package = unit.partition("_")[2], course.root / course.library.package
    places = {
        course.solutions / unit / f"{name}.py": "lesson.py",
        course.solutions / unit / "misconceptions.py": "misconceptions.py",
        course.solutions / unit / "alternatives.py": "alternatives.py",
        package / "exercises" / f"{name}.py": "exercises.py",
        package / "fallbacks" / f"{name}.py": "fallbacks.py",
    }
    _require_free(course, unit, places)
    order = package / "units.py"
    text = _with_line(order, unit)
    for path, template in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        page = (_TEMPLATES / template).read_text(encoding="utf-8").replace(_ID, unit)
        path.write_text(page.replace(_TITLE, f"# # {name.replace('_', ' ').capitalize()}\n"), encoding="utf-8")
    order.write_text(text, encoding="utf-8")
    return [*places, order]


def _require_free(course: Course, unit: str, places: dict[Path, str]) -> None:
    number, _, name = unit.partition("_")
    if name in ("misconceptions", "alternatives"):
        raise BadInput(f"a unit can't be called {name}: its lesson would take that file's place")
    folders = course.solutions.iterdir() if course.solutions.exists() else []
    taken = [path.name for path in folders if path.name.startswith(f"{number}_")]
    taken += [str(path.relative_to(course.root)) for path in places if path.exists()]
    taken += [str(p.with_suffix("").relative_to(course.root)) for p in places if p.with_suffix("").is_dir()]
    if taken:
        raise BadInput(f"{unit} is taken: there is {', '.join(sorted(set(taken)))}; choose another number and name")


def _with_line(order: Path, unit: str) -> str:
    """The text of `units.py` with the unit in its place. Raises BadInput if there is no UNITS in it to add to."""
    text = order.read_text(encoding="utf-8") if order.exists() else "UNITS = ()\n"
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "UNITS":
            units = sorted({*ast.literal_eval(node.value), unit})
            lines = text.split("\n")
            new = ["UNITS = (", *(f'    "{each}",' for each in units), ")"]
            return "\n".join([*lines[: node.lineno - 1], *new, *lines[node.end_lineno :]])
    raise BadInput(f"{order} has no line UNITS = (...) to which {unit} could be added")
