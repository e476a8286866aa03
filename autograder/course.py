"""Where everything of a course lies, and the error that is said in one line."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from lecture_lib.course import ENGINE, ROOT_VARIABLE, CourseLibrary, NoCourse, course_library

CLASSROOM_VARIABLE = "COURSE_CLASSROOM"
PLATFORM_FILE = "platform.json"  # beside a notebook that was collected: what the learning platform knows of it


class BadInput(Exception):
    """Something in the input that stops a step: one line with what was seen, what was expected, and the next step."""


def plain(text: str) -> str:
    """As one line that a terminal shows as it is: control characters and what is no text as escapes."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def seen(error: BaseException) -> str:
    """An error in a few words, for a line about what it kept from being done."""
    try:
        said = str(error)
    except Exception:  # its text may be made from what a student wrote
        said = ""
    first = next((line.strip() for line in said.splitlines() if line.strip()), "no reason given")
    return plain(f"{type(error).__name__}: {first}"[:200])


@dataclass(frozen=True)
class Course:
    """The folders of one course. `classroom` is a class: its submissions, grades, feedback and gradebook."""

    root: Path
    classroom: Path
    library: CourseLibrary = ENGINE  # its probes and fallbacks

    @classmethod
    def here(cls) -> "Course":
        """The course at work, see `lecture_lib.course`; the class is `classroom/`, or what COURSE_CLASSROOM names.

        All that this process starts works on the same course, wherever it runs. Raises BadInput.
        """
        try:
            library = course_library()
        except NoCourse as error:
            raise BadInput(str(error)) from None
        if library != ENGINE:
            os.environ[ROOT_VARIABLE] = str(library.root)
        return cls(library.root, library.root / os.environ.get(CLASSROOM_VARIABLE, "classroom"), library)

    def with_classroom(self, classroom: Path) -> "Course":
        return replace(self, classroom=(self.root / classroom).resolve())

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def release(self) -> Path:
        return self.root / "notebooks"

    @property
    def source(self) -> Path:
        """nbgrader's source folder: generated, since nbgrader would release whatever else lay beside a notebook."""
        return self.root / "build" / "source"

    @property
    def visible_keys(self) -> Path:
        return self.root / self.library.package / "keys"

    @property
    def sealed(self) -> Path:
        """The secret and the sealed keys: outside the source folder, which nbgrader copies to every submission."""
        return self.root / "build" / "sealed"

    @property
    def gradebook(self) -> Path:
        return self.classroom / "gradebook.db"

    @property
    def submitted(self) -> Path:
        return self.classroom / "submitted"

    @property
    def feedback(self) -> Path:
        return self.classroom / "feedback"

    @property
    def autograded(self) -> Path:
        return self.classroom / "autograded"

    @property
    def logs(self) -> Path:
        """What nbgrader and the kernels said while grading, a file for each submission."""
        return self.classroom / "logs"
