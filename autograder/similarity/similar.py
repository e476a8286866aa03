"""Writes `build/similar/`: a page and a CSV of the pairs that share most."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from autograder.course import BadInput, Course
from autograder.gradebook.scores import read_gradebook
from autograder.report.names import Names
from autograder.report.page import environment
from autograder.similarity.answers import Collected, collect
from autograder.similarity.normal import line_key
from autograder.similarity.pairs import Alike, Comparison, Pair, compare
from lecture_lib.plots.style import COLOURS

MOST_PAIRS = 30
_TEMPLATES = Path(__file__).parent / "templates"
COLUMNS = ("student", "other", "unit", "exercise", "share", "weight", "same but for names", "same text")


@dataclass(frozen=True)
class Written:
    page: Path
    table: Path
    submissions: int
    pairs: int
    complaints: list[str]


def write_similar(
    course: Course, ids: list[str] | None = None, *, hide_names: bool = False, most: int = MOST_PAIRS
) -> Written:
    """The page and the CSV for these units, all by default. Raises BadInput if nobody handed in anything."""
    collected = collect(course, ids)
    found = compare(collected.codes, collected.given, most)
    names = Names(_students(course, collected), hide=hide_names)
    complaints = sorted(f"{names[student]}, {said}" if student else said for student, said in collected.complaints)
    folder = course.root / "build" / "similar"
    folder.mkdir(parents=True, exist_ok=True)
    page, table = folder / "index.html", folder / "pairs.csv"
    page.write_text(_page(collected, found, names, complaints), encoding="utf-8")
    _write_csv(table, found, names)
    return Written(page, table, collected.submissions, len(found.pairs), complaints)


def _students(course: Course, collected: Collected) -> dict[str, str]:
    """id -> name; names are in the gradebook, which a class that was never graded has not filled yet."""
    students = {student: student for by_student in collected.codes.values() for student in by_student}
    students |= {student: student for student, _ in collected.complaints if student}
    try:
        known = read_gradebook(course.gradebook).students
    except BadInput:
        known = {}
    return {student: known.get(student, student) for student in students}


def _page(collected: Collected, found: Comparison, names: Names, complaints: list[str]) -> str:
    return (
        environment(_TEMPLATES)
        .get_template("similar.html.j2")
        .render(
            submissions=collected.submissions,
            answers=found.answers,
            complaints=complaints,
            histogram=_histogram(found),
            pairs=[_pair(collected, pair, names, rank) for rank, pair in enumerate(found.pairs, 1)],
            all_pairs=len(found.weights),
            colours=COLOURS,
        )
    )


def _pair(collected: Collected, pair: Pair, names: Names, rank: int) -> dict[str, Any]:
    order = names.order(pair.students)
    return {
        "rank": rank,
        "names": [names[student] for student in order],
        "weight": pair.weight,
        "renamed": sum(alike.renamed for alike in pair.alike),
        "same_text": sum(alike.same_text for alike in pair.alike),
        "alike": [_sides(collected, alike, order, names) for alike in pair.alike],
    }


def _sides(collected: Collected, alike: Alike, students: list[str], names: Names) -> dict[str, Any]:
    """Both texts; lines that they have in common, and that the stub has not, are marked."""
    key = alike.unit, alike.exercise
    texts = [names.code(collected.codes[key][student]).rstrip() for student in students]
    lines = [{line_key(line) for line in text.split("\n")} for text in texts]
    stub = {line_key(line) for line in collected.stubs.get(key, "").split("\n")}
    common = (lines[0] & lines[1]) - stub - {""}
    sides = [[(line, line_key(line) in common) for line in text.split("\n")] for text in texts]
    return {"about": alike, "sides": sides}


def _write_csv(path: Path, found: Comparison, names: Names) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for pair in found.pairs:
            shown = [names[student] for student in names.order(pair.students)]
            for alike in pair.alike:
                numbers = f"{alike.share:.2f}", f"{alike.weight:.1f}"
                said = ("yes" if alike.renamed else "no"), ("yes" if alike.same_text else "no")
                rows.writerow([*shown, alike.unit, alike.exercise, *numbers, *said])


def _histogram(found: Comparison, bins: int = 40) -> Markup:
    """How the weights of all pairs are spread; a bar's height is logarithmic, so that a single pair is seen."""
    if not len(found.weights) or not found.weights.max() > 0:
        return Markup("")
    counts, edges = np.histogram(found.weights, bins, (0.0, float(found.weights.max())))
    width, height = 16, 90
    tall = height / np.log1p(counts.max())
    bars = "".join(
        f'<rect x="{i * width + 1}" y="{height - tall * np.log1p(c):.1f}" width="{width - 2}" '
        f'height="{tall * np.log1p(c):.1f}"><title>{c} pairs, weight {a:.0f} to {b:.0f}</title></rect>'
        for i, (c, a, b) in enumerate(zip(counts, edges, edges[1:]))
        if c
    )
    most, said = f"{found.weights.max():.0f}", f"All {len(found.weights)} pairs by weight"
    return Markup(
        f'<svg class="histogram" viewBox="0 0 {bins * width} {height + 20}" width="{bins * width}" '
        f'height="{height + 20}" role="img" aria-label="{said}, from 0 to {most}">{bars}'
        f'<line x1="0" x2="{bins * width}" y1="{height + 0.5}" y2="{height + 0.5}"/>'
        f'<text x="1" y="{height + 16}">0</text><text x="{bins * width - 1}" y="{height + 16}" text-anchor="end">'
        f"{most}</text></svg>"
    )
