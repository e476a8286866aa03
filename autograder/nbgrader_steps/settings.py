"""nbgrader's configuration: one for its own command line, its formgrader, and ours."""

import json
import os
import re
import sysconfig
from typing import Any

from traitlets.config.loader import Config, PyFileConfigLoader

from autograder.course import PLATFORM_FILE, BadInput, Course
from autograder.execution.sandbox import sandbox_waived

CELL_SECONDS = 60  # a cell of a submission may take this long
VALIDATED_CELL_SECONDS = 600  # Validate runs a student's experiments too, which grading leaves out

CLUSTERS = "Clusters"  # the section of nbgrader_config.py that says where `grade --scheduler NAME` finds workers
IGNORED = (".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache", PLATFORM_FILE)


def nbgrader_settings(course: Course, unsandboxed: bool = False) -> Config:
    """The settings of a course, for `nbgrader_config.py` and for our own calls of nbgrader."""
    c = Config()
    _folders(c, course)
    _release(c)
    _grading(c, course, unsandboxed)
    _feedback(c)
    return c


def _folders(c: Config, course: Course) -> None:
    c.CourseDirectory.course_id = course.library.name
    c.CourseDirectory.root = str(course.root)
    c.CourseDirectory.source_directory = "build/source"
    c.CourseDirectory.release_directory = "notebooks"
    for step in ("submitted", "autograded", "feedback", "solution"):
        setattr(c.CourseDirectory, f"{step}_directory", str(course.classroom / step))
    # Several graders may write at once: each waits for its turn.
    c.CourseDirectory.db_url = f"sqlite:///{course.gradebook}?timeout=60"
    c.CourseDirectory.ignore = list(IGNORED)


def _release(c: Config) -> None:
    c.ClearSolutions.code_stub = {"python": "# Your code here; remove the next line.\nraise NotImplementedError"}
    c.GenerateAssignment.preprocessors = [
        "nbgrader.preprocessors.LockCells",
        "autograder.nbgrader_steps.clear_solutions.ClearCourseSolutions",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.SaveCells",
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]


def _grading(c: Config, course: Course, unsandboxed: bool) -> None:
    c.Autograde.exporter_class = "autograder.nbgrader_steps.student_notebook.StudentNotebookExporter"
    c.StudentNotebookExporter.optimistic_validation = True  # after the last step, not after each
    c.Autograde.sanitize_preprocessors = [
        "nbgrader.preprocessors.ClearOutput",
        "autograder.nbgrader_steps.mend.Mend",
        "nbgrader.preprocessors.OverwriteCells",  # the sealed cells get their hidden half back
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Mend.release = str(course.release)
    c.Execute.timeout = VALIDATED_CELL_SECONDS
    c.ZygoteExecute.timeout = CELL_SECONDS
    c.Autograde.autograde_preprocessors = [
        "autograder.nbgrader_steps.execute.ZygoteExecute",
        # Right after execution: what follows may alter outputs, and SaveAutoGrades reads only what Verify writes.
        "autograder.nbgrader_steps.verify.Verify",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        # nbgrader's CheckCellMetadata would stand here once more: it has run, and nothing since alters metadata.
    ]
    c.ZygoteExecute.course_root = str(course.root)
    c.ZygoteExecute.classroom = str(course.classroom)
    c.ZygoteExecute.unsandboxed = unsandboxed or sandbox_waived()
    c.Verify.sealed_keys = str(course.sealed)
    c.Verify.visible_keys = str(course.visible_keys)


def _feedback(c: Config) -> None:
    c.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        "nbgrader.preprocessors.ClearHiddenTests",  # a feedback page would show the sealed seeds
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    # The formgrader shows what a student wrote with the instructor's rights; equations need no MathJax from a CDN.
    c.HTMLExporter.preprocessors = ["autograder.nbgrader_steps.inert.Inert"]
    c.HTMLExporter.filters = {"markdown2html": "autograder.nbgrader_steps.inert.markdown2html"}
    c.HTMLExporter.sanitize_html = False  # Inert has, and its equations would not survive it
    c.GenerateFeedback.exporter_class = "autograder.nbgrader_steps.feedback_page.FeedbackExporter"


def nbgrader_api(course: Course, unsandboxed: bool = False):
    """nbgrader's Python interface with this course's settings."""
    return api_with(nbgrader_settings(course, unsandboxed))


def api_with(config: Config):
    """nbgrader's Python interface with these settings. Imported here: nbgrader takes seconds to load."""
    scripts = sysconfig.get_path("scripts")
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        # nbgrader runs `alembic` by name, which an environment that was not activated does not find.
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    from nbgrader.apps import NbGraderAPI

    return NbGraderAPI(config=config)


def instructors_settings(course: Course) -> dict[str, dict[str, Any]]:
    """What the course's `nbgrader_config.py` says beyond the settings above: a late penalty, say, or clusters.

    section -> option -> value. Raises BadInput if the file does not run.
    """
    path = course.root / "nbgrader_config.py"
    if not path.exists():
        return {}
    try:
        said = PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
    except Exception as error:
        raise BadInput(f"{path} does not run: {type(error).__name__}: {error}") from error
    ours, more = nbgrader_settings(course), {}
    for section, options in said.items():
        for name, value in options.items():
            if name not in ours.get(section, {}):
                more.setdefault(section, {})[name] = value
                if section != CLUSTERS and not _is_plain(value):
                    raise BadInput(
                        f"{path}: c.{section}.{name} is {value!r:.60}; write a class or function as its dotted path, "
                        "in quotes, so that every grader can import it"
                    )
    return more


def _is_plain(value: object) -> bool:
    try:
        return json.loads(json.dumps(value)) == value
    except (TypeError, ValueError):
        return False


def reason(result: dict) -> str:
    """Why a call of nbgrader failed: the telling line of its log."""
    text = "\n".join(filter(None, (result.get("log"), result.get("error")))) or "no reason given"
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    telling = [line for line in lines if re.match(r"(\w+\.)*\w*(Error|Exception|Timeout)\w*:", line)]
    telling = [line for line in telling if "NbGraderException" not in line] or telling or lines
    return telling[-1][:200]
