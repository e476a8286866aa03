"""Who is in the class: `classroom/roster.json`, written by `autograder roster` from any list with a heading.

A learning platform knows a person by another name than the university does. The roster maps the platform's names and
numbers to one id, the name of the student's folder, and says which students hand in together.
"""

import json
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import PLATFORM_FILE, BadInput, Course

ROSTER_FILE = "roster.json"


@dataclass(frozen=True)
class Person:
    """One student. names: what they are called, the one to show first; numbers: platform -> its number for them."""

    id: str
    names: tuple[str, ...] = ()
    email: str = ""
    numbers: dict[str, str] = field(default_factory=dict)
    group: str = ""


@dataclass(frozen=True)
class Roster:
    people: dict[str, Person] = field(default_factory=dict)

    def members(self, owner: str) -> list[str]:
        """The members of the group that a platform calls so; empty for a person.

        >>> Roster({"ada": Person("ada", group="Team 3")}).members("team_3_4711")
        ['ada']
        """
        wanted = {_letters(owner), _letters(re.sub(r"_\d{2,}$", "", owner))}
        return [p.id for p in self.people.values() if p.group and _letters(p.group) in wanted]

    def id_of(self, owner: str, platform: str = "", number: str = "") -> str | None:
        """The one student whom a platform calls so; None if nobody or several are."""
        if owner in self.people:
            return owner
        if number and platform:
            known = [p.id for p in self.people.values() if p.numbers.get(platform) == number]
            if len(known) == 1:
                return known[0]
        wanted = {folded(owner), folded(re.sub(r"_\d{2,}$", "", owner))}
        known = [
            p.id
            for p in self.people.values()
            if wanted & {form for name in (p.id, *p.names) for form in name_forms(name)}
            and (not number or p.numbers.get(platform, number) == number)
        ]
        return known[0] if len(known) == 1 else None


def folded(text: str) -> str:
    """For comparing: one form of each letter, no case, single spaces, without a mark at the file's beginning."""
    plain = unicodedata.normalize("NFC", text.replace("\ufeff", "").replace("\u00a0", " "))
    return " ".join(plain.casefold().split())


def name_forms(name: str) -> set[str]:
    """How platforms write a name.

    >>> sorted(name_forms("Lovelace, Ada"))
    ['ada lovelace', 'lovelace, ada', 'lovelaceada']
    """
    plain = folded(name)
    forms = {plain}
    last, comma, first = plain.partition(",")
    if comma and first.strip():
        forms |= {f"{first.strip()} {last.strip()}", _letters(last + first)}  # the last is Canvas's, in file names
    elif " " in plain:
        first, _, last = plain.rpartition(" ")
        forms |= {f"{last}, {first}", _letters(last + first)}
    return forms


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", folded(text))


def read_roster(course: Course) -> Roster:
    """Empty if there is none. Raises BadInput if it can't be read."""
    path = course.classroom / ROSTER_FILE
    try:
        people = json.loads(path.read_text(encoding="utf-8"))["students"]
        return Roster(
            {s: Person(s, tuple(d["names"]), d["email"], d["numbers"], d["group"]) for s, d in people.items()}
        )
    except FileNotFoundError:
        return Roster()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"{path}: can't be read; make it again (python -m autograder roster CLASS.csv)") from None


def write_roster(course: Course, roster: Roster) -> Path:
    path = course.classroom / ROSTER_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    people = {
        p.id: {"names": list(p.names), "email": p.email, "numbers": p.numbers, "group": p.group}
        for p in roster.people.values()
    }
    fresh = path.with_suffix(".partial")
    fresh.write_text(json.dumps({"students": people}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def platform_of(course: Course, student: str) -> tuple[str, str]:
    """(platform, its number for a student) as a submission of theirs says; ("", "") if none does."""
    for path in sorted((course.submitted / student).glob(f"*/{PLATFORM_FILE}")):
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            if known["number"]:
                return str(known["platform"]), str(known["number"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return "", ""
