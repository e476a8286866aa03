"""The report as one HTML page that asks for nothing else: style, script and pictures are in it."""

import re
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from autograder.gradebook.findings import FORBIDDEN, RIGHT, STATES, UNTOUCHED, WAITS, Finding
from autograder.report.matrices import draw
from autograder.report.names import Names
from autograder.report.shared_answers import clusters
from autograder.report.survey import ClassSurvey, Held, UnitSurvey
from autograder.report.tables import MISSING, NOT_GRADED
from lecture_lib.plots.style import COLOURS

_TEMPLATES = Path(__file__).parent / "templates"
TAKEN_UP = 6  # misconceptions at the top of the page
CARDS = 9  # misconceptions of a unit that are shown; the others are folded
CLUSTERS = 12  # shared unexplained answers shown for a unit; single ones are folded, as many again
_STEPS = (0.05, 0.10, 0.25)  # shares of a class at which a cell gets darker


def page(found: ClassSurvey, names: Names, complaints: list[str]) -> str:
    """The whole page."""
    units = [_unit(found, unit, names) for unit in found.units if unit.findings]
    common = sorted((card for unit in units for card in unit["cards"]), key=lambda card: -card["count"])
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            when=f"{datetime.now():%d %B %Y, %H:%M}",
            students=len(found.students),
            submissions=sum(len(unit.findings) for unit in found.units),
            complaints=complaints,
            hidden=names.hidden,
            units=units,
            grades=_grades(found, names),
            take_up=[card for card in common if card["count"] > 1][:TAKEN_UP],
            states=STATES,
            colours=COLOURS,
        )
    )


def environment(templates: Path = _TEMPLATES) -> Environment:
    """Templates that escape whatever they are given; `inline(name)` is a file of this report's as it stands."""
    made = Environment(loader=FileSystemLoader(templates), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters["prose"] = _prose
    made.globals["inline"] = lambda name: Markup((_TEMPLATES / name).read_text(encoding="utf-8"))
    return made


def _prose(text: str) -> Markup:
    """A hint's or heading's text, its `code` marked as such."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _grades(found: ClassSurvey, names: Names) -> dict[str, Any]:
    """The table of grades: a row a student, a column a unit, and the median of each column."""
    most = [found.gradebook.max_points(unit.id) for unit in found.units]
    columns: list[list[float]] = [[] for _ in found.units]
    rows = []
    for student in names.order(found.students):
        cells, total = [], 0.0
        for unit, column in zip(found.units, columns):
            score = found.score(student, unit)
            if score is None:
                why = NOT_GRADED if (student, unit.id) in found.ungraded else MISSING
                cells.append({"points": None, "flags": [why]})
                continue
            flags = [f"late {_duration(score.seconds_late)}"] if score.seconds_late else []
            flags += ["needs manual grade"] if score.needs_manual else []
            column.append(score.points)
            total += score.points
            cells.append({"points": score.points, "flags": flags})
        rows.append({"student": names[student], "cells": cells, "total": total})
    return {
        "units": [unit.id for unit in found.units],
        "most": most,
        "all": sum(most),
        "rows": rows,
        "medians": [median(column) if column else None for column in columns],
    }


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _unit(found: ClassSurvey, unit: UnitSurvey, names: Names) -> dict[str, Any]:
    cards = [_card(unit, held, names) for held in unit.held()]
    lettered: dict[str, list[dict]] = {exercise: [] for exercise in unit.exercises}
    for card in cards:
        card["letter"] = _letter(len(lettered[card["exercise"]]))
        lettered[card["exercise"]].append(card)
    gathered = clusters(unit)
    scores = [found.graded_score(student, unit).points for student in unit.findings]
    most = found.gradebook.max_points(unit.id)
    return {
        "id": unit.id,
        "title": unit.title,
        "submissions": len(unit.findings),
        "median": median(scores),
        "most": most,
        "histogram": _histogram(scores, most),
        "states": [
            {"exercise": e, "poll": e in unit.polls, "counts": list(unit.states(e).items())} for e in unit.exercises
        ],
        "nobody": unit.nobody_right(),
        "heat": _heat(found, unit, names, lettered),
        "cards": cards,
        "open_cards": CARDS,
        "shared": [_cluster(unit, c, names) for c in gathered if len(c.students) > 1][:CLUSTERS],
        "single": [_cluster(unit, c, names) for c in gathered if len(c.students) == 1][:CLUSTERS],
        "singles": sum(len(c.students) == 1 for c in gathered),
        "forbidden": [
            {"exercise": e, "called": names.scrub(called), "students": names.order(s)}
            for (e, called), s in unit.forbidden().items()
        ],
        "name": names.__getitem__,
    }


def _card(unit: UnitSurvey, held: Held, names: Names) -> dict[str, Any]:
    """One misconception: how many hold it, the hint, where the lesson treats it, and a typical wrong output."""
    findings = unit.of(held.exercise)
    holders = [findings[student] for student in held.students]
    example = next((finding for finding in holders if finding.visible.seen), holders[0])
    return {
        "unit": unit.id,
        "exercise": held.exercise,
        "name": held.name,
        "label": held.name.replace("_", " "),
        "hint": held.hint,
        "count": len(held.students),
        "of": len(unit.findings),
        "section": unit.sections.get(held.exercise, ""),
        "drawing": _scrubbed(draw(example, unit.keys.get(held.exercise), held.name), names),
        "only_sealed": all(f.visible.total and f.visible.passed == f.visible.total for f in holders),
        "chose": _chosen(example) if held.exercise in unit.polls else "",
        "poll": held.exercise in unit.polls,
        "who": [names[student] for student in names.order(held.students)],
        "anchor": f"m-{unit.id}-{held.exercise}-{held.name}",
    }


def _chosen(finding: Finding) -> str:
    """The letter that was chosen in a poll."""
    answer = next(iter(finding.sealed.values().values()), None)
    return answer if isinstance(answer, str) else ""


def _cluster(unit: UnitSurvey, cluster, names: Names) -> dict[str, Any]:
    example = cluster.example
    return {
        "exercise": cluster.exercise,
        "who": [names[student] for student in names.order(cluster.students)],
        "code": names.code(example.code),
        "guess": names.scrub(example.diagnosis.text) if example.diagnosis else "",
        "drawing": _scrubbed(draw(example, unit.keys.get(cluster.exercise)), names),
        "visible": (example.visible.passed, example.visible.total),
        "sealed": (example.sealed.passed, example.sealed.total),
    }


def _scrubbed(drawing, names: Names):
    """What a student's code says, in an error for instance, may hold a name."""
    if drawing is None or not names.hidden:
        return drawing
    return type(drawing)(drawing.case, names.scrub(drawing.said), Markup(names.scrub(drawing.given)), drawing.asked)


def _heat(found: ClassSurvey, unit: UnitSurvey, names: Names, lettered: dict[str, list[dict]]) -> dict[str, Any]:
    """The heat map: a row a student, a column an exercise; what its cells say is kept once, by exercise."""
    columns = {e: _Column(e, cards, len(unit.findings)) for e, cards in lettered.items()}
    rows = []
    for student in names.order(unit.findings):
        findings = unit.findings[student]
        cells = [columns[e].cell(findings[e]) if e in findings else None for e in unit.exercises]
        rows.append(
            {
                "student": names[student],
                "points": found.graded_score(student, unit).points,
                "held": sum(finding.misconception is not None for finding in findings.values()),
                "cells": cells,
            }
        )
    return {
        "columns": [{"name": e, "held": sum(c["count"] for c in lettered[e])} for e in unit.exercises],
        "rows": rows,
        "texts": [
            {"name": e, "cases": list(column.cases), "notes": [_scrubbed_note(n, names) for n in column.notes.values()]}
            for e, column in columns.items()
        ],
    }


def _scrubbed_note(note: dict[str, Any], names: Names) -> dict[str, Any]:
    return note | {"text": names.scrub(note["text"])}


class _Column:
    """One exercise of the heat map; collects the texts to which its cells point."""

    def __init__(self, exercise: str, cards: list[dict], submissions: int):
        self._cards = {card["name"]: card for card in cards}
        self._submissions = submissions
        self.cases: dict[str, int] = {}
        self.notes: dict[tuple, dict[str, Any]] = {}

    def cell(self, finding: Finding) -> dict[str, Any]:
        kind, text = self._look(finding)
        failing = (finding.visible.failing or finding.sealed.failing) if finding.state not in (RIGHT, UNTOUCHED) else ()
        return {
            "kind": kind,
            "text": text,
            "note": self._note(finding) if finding.state not in (RIGHT, UNTOUCHED) else None,
            "passed": " ".join(f"{c.passed}/{c.total}" for c in (finding.visible, finding.sealed)),
            "case": self.cases.setdefault(failing[0], len(self.cases)) if failing else None,
        }

    def _look(self, finding: Finding) -> tuple[str, str]:
        if finding.state == RIGHT:
            return "ok", "✓"
        if finding.state == UNTOUCHED:
            return "none", "–"
        if finding.misconception:
            card = self._cards[finding.misconception]
            return f"mis h{_step(card['count'], self._submissions)}", card["letter"]
        if finding.did_not_run:
            return "run", "×"
        kind = finding.diagnosis.kind if finding.diagnosis else ""
        return {FORBIDDEN: ("bad", "!"), WAITS: ("wait", "…")}.get(kind, ("unk", "?"))

    def _note(self, finding: Finding) -> int | None:
        if finding.diagnosis is None:
            return None
        key = (finding.diagnosis.kind, finding.diagnosis.name, finding.diagnosis.text)
        card = self._cards.get(finding.misconception)
        if key not in self.notes:
            note = {"text": card["hint"] if card else finding.diagnosis.text, "label": "", "anchor": ""}
            if card:
                note |= {"label": card["label"], "anchor": card["anchor"], "count": card["count"]}
            self.notes[key] = note
        return list(self.notes).index(key)


def _step(count: int, of: int) -> int:
    """The shade of a misconception that `count` students hold: 1 for a single one, then by share up to 5."""
    return 1 if count == 1 else 2 + sum(count / of >= step for step in _STEPS)


def _letter(index: int) -> str:
    """
    >>> _letter(0), _letter(26)
    ('a', 'aa')
    """
    letters = "abcdefghijklmnopqrstuvwxyz"
    return letters[index] if index < 26 else _letter(index // 26 - 1) + letters[index % 26]


def _histogram(values: list[float], most: float, bins: int = 10) -> Markup:
    """How points are spread, in tenths of what could be earned, as a small picture."""
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / most * bins)) if most else 0] += 1
    tallest, width, height = max(counts), 14, 44
    bars = "".join(
        f'<rect x="{i * width + 1}" y="{height - height * c / tallest:.1f}" width="{width - 2}" '
        f'height="{height * c / tallest:.1f}"><title>{c} students</title></rect>'
        for i, c in enumerate(counts)
    )
    said = ", ".join(f"{i * 100 // bins} to {(i + 1) * 100 // bins} %: {c}" for i, c in enumerate(counts) if c)
    return Markup(
        f'<svg class="histogram" viewBox="0 0 {bins * width} {height + 1}" width="{bins * width}" '
        f'height="{height + 1}" role="img" aria-label="Students by share of the points: {said}">{bars}'
        f'<line x1="0" x2="{bins * width}" y1="{height + 0.5}" y2="{height + 0.5}"/></svg>'
    )
