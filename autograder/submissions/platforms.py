"""Whose each file of a learning platform's download is, by the names that the platforms write.

    Moodle       NAME_123456_assignsubmission_file[_]/FILE, or FILE after a last `_`; blind: every NAME is the same
                 word ("Participant"), and the number tells people apart; groups: GROUP-NAME_123456_...; a group's one
                 submission: GROUP_assignsubmission_file_/FILE
    Canvas       lovelaceada_4711_889001_FILE, lovelaceada_LATE_4711_889001_FILE; anonymous: anon_x7k2p_889001_FILE
    Gradescope   submission_31337/FILE, with the people in submission_metadata.yml
    Blackboard   UNIT_alovelace_attempt_2026-11-22-18-00-00_FILE; the last attempt counts
    Classroom    "attention - Ada Lovelace.ipynb", either way round
    others       STUDENT/.../FILE

Canvas's first number stays with a person from assignment to assignment. Moodle's belongs to a person in one assignment
only, so that the name tells who it is, and the number whether two people share that name.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import yaml

NO_FILE = "handed in {what}, not a file; ask for the .ipynb file"


@dataclass(frozen=True)
class Owner:
    """Who handed a file in, and what the platform knows of it; `number` tells people of one name apart."""

    student: str
    platform: str = ""
    number: str = ""
    file_id: str = ""
    attempt: str = ""  # of several, the last counts
    late: bool = False
    complaint: str = ""  # why the file can't be taken though its name says whose it is


_MOODLE = re.compile(r"(?P<student>[^/]+?)_(?:(?P<number>\d+)_)?assignsubmission_(?P<kind>[a-z]+)_?(?P<file>/.+|[^/]*)")
_CANVAS = re.compile(r"_(?P<late>LATE_)?(?P<number>\d{2,})_(?:(?P<id>\d{4,})_)?(?P<file>[^/]+)")  # after the name
_CANVAS_BLIND = re.compile(r"(?P<student>anon_[A-Za-z0-9]+)_(?P<late>LATE_)?(?P<id>\d{4,})_(?P<file>[^/]+)")
_BLACKBOARD = re.compile(
    r"(?P<unit>[^/]+)_(?P<student>[^/_]+)_attempt_(?P<attempt>\d{4}(?:-\d\d){5})(?:_(?P<file>[^/]+)|\.txt)"
)
_CLASSROOM = re.compile(r"(?P<one>[^/]+?) - (?P<other>[^/]+?)(?: ?\(\d+\))?\.ipynb(?:\.\w+)?")
_GRADESCOPE = re.compile(r"(?P<folder>submission_(?P<number>\d+))/.+")
_NOT_IN_A_NAME = re.compile(r"[\[\]*?\\/:+\x00-\x1f\x7f]|^[.-]+")  # what a folder, a pattern or nbgrader would misread
_MAX_NAME = 120  # characters of a student's folder: file systems take 255 bytes


def owners(paths: Sequence[str], unit_name: str, read: Callable[[str], bytes] | None = None) -> list[Owner | None]:
    """The owner of each file of a download; None where its name does not say.

    unit_name: of the unit that was handed in, e.g. attention. read: gives a file's bytes, for what only they say.

    >>> [owner and owner.student for owner in owners(["Zoë M_4711_assignsubmission_file_/a.ipynb", "a.ipynb"], "a")]
    ['Zoë M', None]
    >>> owners(["khanamina_LATE_12345_678910_attention-1.ipynb"], "attention")[0].late
    True
    """
    plain = [unicodedata.normalize("NFC", path).strip("/") for path in paths]
    inner = [path.partition("/")[2] for path in plain]
    around = len({path.partition("/")[0] for path in plain}) == 1 and all(inner)
    for names in (plain, inner) if around else (plain,):
        for platform in (_moodle, _blackboard, _canvas, _gradescope(read, paths), _classroom(unit_name)):
            found = platform(names)
            if any(found):
                return [owner and _named(owner) for owner in found]
    if around and all("/" in name for name in inner) and len(plain) > 1:
        plain = inner
    return [_named(Owner(name.partition("/")[0])) if "/" in name else None for name in plain]


def _named(owner: Owner) -> Owner | None:
    """With a name that can be a folder's; None where nothing is left of it."""
    name = folder_name(owner.student)
    return replace(owner, student=name) if name else None


def folder_name(name: str) -> str:
    """A student's name as one of a folder; empty where nothing is left of it."""
    plain = _NOT_IN_A_NAME.sub("_", unicodedata.normalize("NFC", name).strip()).strip()[:_MAX_NAME]
    return plain if plain.strip("_. ") else ""


def _moodle(names: Sequence[str]) -> list[Owner | None]:
    found = [_MOODLE.fullmatch(name) for name in names]
    if not any(found):
        return []
    seen = {(f["student"], f["number"]) for f in found if f and f["number"]}
    blind = len(seen) > 1 and len({student for student, _ in seen}) == 1
    groups = _group_prefixes([student for student, _ in seen])
    return [f and _of_moodle(f, blind, groups) for f in found]


def _of_moodle(match: re.Match, blind: bool, groups: dict[str, str]) -> Owner:
    student, number = match["student"], match["number"] or ""
    if blind and number:
        student = f"{student} {number}"
    student = groups.get(student, student)
    complaint = NO_FILE.format(what="a text") if match["kind"] == "onlinetext" else ""
    return Owner(student, "moodle", number, complaint=complaint)


def _group_prefixes(students: list[str]) -> dict[str, str]:
    """Names without their group, where the download is by groups: all have a `-`, and some share what precedes it.

    >>> _group_prefixes(["Team 3-Ada Lovelace", "Team 3-Kurt Gödel", "Team 4-Anna-Lena May"])["Team 4-Anna-Lena May"]
    'Anna-Lena May'
    >>> _group_prefixes(["Anna-Lena May", "Ada Lovelace"])
    {}
    """
    if not students or not all("-" in student for student in students):
        return {}
    shared = Counter(student[:i] for student in students for i, letter in enumerate(student) if letter == "-")
    if max(shared.values()) < 2:
        return {}
    names = {}
    for student in students:
        prefixes = [student[:i] for i, letter in enumerate(student) if letter == "-"]
        group = max((p for p in prefixes if shared[p] > 1), key=len, default=prefixes[0])
        names[student] = student[len(group) + 1 :]
    return names


def _canvas(names: Sequence[str]) -> list[Owner | None]:
    found = [_of_canvas(name) for name in names]
    return found if any(owner and (owner.file_id or owner.complaint) for owner in found) else []


def _of_canvas(name: str) -> Owner | None:
    """Read so that a user's and a file's number precede the file's own name: a group's name may hold numbers too."""
    blind = _CANVAS_BLIND.fullmatch(name)
    if blind:
        return Owner(blind["student"], "canvas", "", blind["id"], late=bool(blind["late"]))
    matches = [_CANVAS.fullmatch(name, i) for i, letter in enumerate(name) if letter == "_" and i and "/" not in name]
    readings = [match for match in matches if match and (match["id"] or _kind(match["file"]))]
    match = next((m for m in readings if not m["file"][0].isdigit()), readings[0] if readings else None)
    if match is None:
        return None
    kind = _kind(match["file"])
    return Owner(
        f"{name[: match.start()]}_{match['number']}",
        "canvas",
        match["number"],
        match["id"] or "",
        late=bool(match["late"]),
        complaint=NO_FILE.format(what=f"a {kind}") if kind else "",
    )


def _kind(file: str) -> str:
    """Of an entry that was typed in, not uploaded: text or link."""
    return file.removesuffix(".html") if file in ("text.html", "link.html") else ""


def _blackboard(names: Sequence[str]) -> list[Owner | None]:
    found = [_BLACKBOARD.fullmatch(name) for name in names]
    return [f and Owner(f["student"], "blackboard", attempt=f["attempt"]) for f in found]


def _gradescope(read: Callable[[str], bytes] | None, paths: Sequence[str]) -> Callable:
    def platform(names: Sequence[str]) -> list[Owner | None]:
        found = [_GRADESCOPE.fullmatch(name) for name in names]
        listed = next((path for path in paths if path.endswith("submission_metadata.yml")), None)
        if not any(found) or listed is None or read is None:
            return []
        people = _people(read(listed))
        # The list itself has no owner and is no submission: its folder is named so that it is passed over.
        return [f and Owner(people.get(f["folder"], f["folder"]), "gradescope", f["number"]) for f in found]

    return platform


def _people(listed: bytes) -> dict[str, str]:
    """Gradescope's submission_metadata.yml: the folder of each submission, and who handed it in."""
    try:
        entries = yaml.safe_load(listed)
        return {
            str(folder): " and ".join(str(person[":name"]) for person in entry[":submitters"])
            for folder, entry in entries.items()
        }
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


def _classroom(unit_name: str) -> Callable:
    def platform(names: Sequence[str]) -> list[Owner | None]:
        owners = []
        for name in names:
            match = _CLASSROOM.fullmatch(name)
            sides = [match["one"], match["other"]] if match else []
            others = [side for side in sides if side.lower().replace("-", "_") != unit_name.lower()]
            owners.append(Owner(others[0], "classroom") if len(sides) == 2 and len(others) == 1 else None)
        return owners

    return platform
