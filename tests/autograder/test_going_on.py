"""A second run: it grades what is new or changed and nothing else, whatever ended the first."""

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from small_class import UNIT, edit_cell, keep_only, submission, surprises

import autograder
import lecture_lib
import lecture_lib.exercises
import lecture_lib.fallbacks
from autograder.execution.sandbox import UNSANDBOXED
from autograder.gradebook.rows import opened, records
from autograder.grading import packing, task, version
from autograder.grading.grade import grade
from autograder.grading.packing import Packer
from autograder.grading.writer import writer
from autograder.nbgrader_steps.settings import nbgrader_api
from autograder.units import find_units

GRADER = Path(__file__).with_name("grader_to_kill.py")
EVERYBODY = ["amina", "bruno", "chiara", "deniz", "elif", "farid"]


def recorded(course):
    book = opened(course.gradebook)
    try:
        return sorted(student for student, _ in records(book))
    finally:
        book.close()


def digest(course, settings=None, student="amina"):
    (unit,) = find_units(course)
    with writer(course) as entering:
        return Packer(course, entering.book, [unit], settings or {}, False, True).digest(student, unit)


def test_a_second_run_grades_nothing_and_says_what_stands(simulated, workers):
    assert grade(simulated).submissions == [(student, UNIT) for student in EVERYBODY]
    second = grade(simulated)
    assert (second.submissions, second.complaints) == ([], [])
    assert second.standing == [(student, UNIT) for student in EVERYBODY]
    assert sorted(workers.executed) == EVERYBODY
    assert surprises(simulated) == []


def test_only_what_changed_is_graded_again_and_only_again_grades_all(simulated, workers):
    keep_only(simulated, "amina", "bruno", "chiara")
    grade(simulated)
    edit_cell(simulated, "bruno", "double", "def double(x):\n    return x + x")
    workers.executed.clear()
    second = grade(simulated)
    assert second.submissions == [("bruno", UNIT)]
    assert second.standing == [("amina", UNIT), ("chiara", UNIT)]
    assert workers.executed == ["bruno"]
    assert len(grade(simulated, again=True).submissions) == 3


def change_a_key(course, folder):
    path = folder / f"{UNIT}.json"
    path.write_text(path.read_text() + " ")


def change_the_due_date(course):
    book = opened(course.gradebook)
    book.execute("UPDATE assignment SET duedate = '2031-01-01 00:00:00'")
    book.close()


CHANGES = {
    "its notebook": lambda course: edit_cell(course, "amina", "double", "pass"),
    "a file beside it": lambda course: submission(course, "amina").with_name("data.csv").write_text("1"),
    "the visible key": lambda course: change_a_key(course, course.visible_keys),
    "the sealed key": lambda course: change_a_key(course, course.sealed),
    "the unit's source": lambda course: (course.source / UNIT / "helper.py").write_text(""),
    "the release": lambda course: (course.release / UNIT / "toy.ipynb").write_text("{}"),
    "the due date": change_the_due_date,
}
NO_CHANGES = {
    "a checkpoint": lambda course: submission(course, "amina").with_name(".ipynb_checkpoints").mkdir(),
    "another student": lambda course: edit_cell(course, "bruno", "double", "pass"),
    "the times of files": lambda course: submission(course, "amina").touch(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_grade_does_not_hold_when_this_changes(simulated, what):
    before = digest(simulated)
    CHANGES[what](simulated)
    assert digest(simulated) != before


@pytest.mark.parametrize(
    ("changed", "counts"), [("parts/one.py", True), ("parts/__init__.py", True), ("other.py", False)]
)
def test_probes_that_are_a_package_count_for_their_unit_alone(tmp_path, changed, counts):
    probes = tmp_path / "lecture_lib" / "exercises"
    (probes / "parts").mkdir(parents=True)
    (tmp_path / "lecture_lib" / "fallbacks").mkdir()
    texts = {
        "parts/__init__.py": "from lecture_lib.exercises.parts import one",
        "parts/one.py": "",
        "other.py": "from lecture_lib.exercises import none_of_ours",
    }
    for name, text in texts.items():
        (probes / name).write_text(text)
    of_parts, of_other = code_of("parts", tmp_path), code_of("other", tmp_path)
    (probes / changed).write_text(texts[changed] + "  # changed")
    now = code_of("parts", tmp_path) != of_parts, code_of("other", tmp_path) != of_other
    assert now == (counts, not counts)


@pytest.fixture
def copied(tmp_path):
    """A copy of both packages, in which a test may change files."""
    root = Path(autograder.__file__).parent.parent
    for package in ("autograder", "lecture_lib"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "keys"))
    return tmp_path


COUNTED = [
    "autograder/nbgrader_steps/verify.py",
    "autograder/nbgrader_steps/scoring.py",
    "autograder/nbgrader_steps/course_feedback/index.html.j2",
    "autograder/submissions/repair.py",
    "autograder/execution/seccomp.py",
    "autograder/execution/shell.py",
    "autograder/execution/in_bubblewrap.py",
    "lecture_lib/checking/judge.py",
    "lecture_lib/checking/compare.py",
    "lecture_lib/exercises/attention.py",
    "lecture_lib/fallbacks/ngrams.py",
    "lecture_lib/models/attention.py",
]
NOT_COUNTED = [
    "autograder/cli.py",
    "autograder/building/make_keys.py",
    "autograder/grading/local.py",
    "autograder/report/page.py",
    "autograder/simulation/simulate.py",
    "autograder/progress.py",
    "lecture_lib/demos/browser/charts.js",
    "lecture_lib/demos/attention_explorer.py",
    "lecture_lib/exercises/rnn_lm.py",
    "lecture_lib/train/README.md",
]


def code_of(unit, root, files=()):
    """The version of the code below `root`, as a grader that starts now would see it."""
    version.forget()
    names = ("autograder", "lecture_lib", "lecture_lib.exercises", "lecture_lib.fallbacks")
    places = tuple((name, (str(root / name.replace(".", "/")),)) for name in names)
    asked = frozenset().union(*map(version.named_in, files))
    try:
        return version.version_of(unit, asked, places)
    finally:
        version.forget()


@pytest.mark.parametrize("changed", COUNTED + NOT_COUNTED)
def test_a_comment_counts_where_grades_are_made_and_nowhere_else(copied, changed):
    before = code_of("attention", copied)
    with (copied / changed).open("a") as file:
        file.write("\n# a comment\n")
    assert (code_of("attention", copied) != before) == (changed in COUNTED)


@pytest.mark.parametrize(
    "source", ["from lecture_lib.demos import attention_explorer", "import lecture_lib.demos.attention_explorer as a"]
)
def test_what_a_submission_imports_counts_for_it(copied, source):
    notebook = new_notebook(cells=[new_code_cell(f"1\n{source}\n2")])
    files = [nbformat.writes(notebook).encode()]
    before = code_of("attention", copied, files)
    (copied / "lecture_lib/demos/attention_explorer.py").write_text("")
    assert code_of("attention", copied, files) != before


def test_all_modules_that_grading_loads_are_counted():
    """Asked of a process that has imported the task, nbgrader's steps, and what a submission's process begins with."""
    program = """
import sys
import autograder.grading.task, autograder.nbgrader_steps.once, autograder.execution.in_bubblewrap
from autograder.execution.zygote import main
from autograder.nbgrader_steps.settings import nbgrader_settings
from autograder.course import Course
from importlib import import_module
settings = nbgrader_settings(Course.here())
steps = [*settings.Autograde.sanitize_preprocessors, *settings.Autograde.autograde_preprocessors]
for step in [*steps, settings.GenerateFeedback.exporter_class]:
    import_module(step.rpartition(".")[0])
import lecture_lib.checking.notebook
print(*(name for name in sys.modules if name.partition(".")[0] in ("autograder", "lecture_lib")))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    places = {
        package.__name__: tuple(package.__path__)
        for package in (autograder, lecture_lib, lecture_lib.exercises, lecture_lib.fallbacks)
    }
    assert set(said.split()) <= set(version.grading_files("attention", (), places))


def test_no_probe_borrows_from_another_unit_whose_changes_would_not_count():
    folder = Path(lecture_lib.exercises.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        unit = path.relative_to(folder).parts[0].removesuffix(".py")
        borrowed = re.findall(r"lecture_lib\.exercises(?:\.| import )(\w+)", path.read_text(encoding="utf-8"))
        assert set(borrowed) <= {unit}, path


def test_a_grade_does_not_hold_when_grader_or_configuration_change(simulated, monkeypatch):
    before = digest(simulated)
    assert digest(simulated, {"LateSubmissionPlugin": {"penalty_method": "zero"}}) != before
    monkeypatch.setattr(packing, "code_version", lambda *asked: "another")
    assert digest(simulated) != before


@pytest.mark.parametrize("what", NO_CHANGES)
def test_a_grade_holds_when_only_this_changes(simulated, what):
    before = digest(simulated)
    NO_CHANGES[what](simulated)
    assert digest(simulated) == before


def test_a_result_that_is_gone_or_of_another_run_does_not_count(simulated, workers):
    keep_only(simulated, "amina", "bruno", "chiara", "deniz")
    grade(simulated)
    (simulated.autograded / "amina" / UNIT / "toy.ipynb").unlink()
    (simulated.feedback / "bruno" / UNIT / "toy.html").unlink()
    book = opened(simulated.gradebook)
    book.execute("DELETE FROM submitted_assignment WHERE student_id = 'chiara'")
    book.close()
    workers.executed.clear()
    again = grade(simulated)
    assert (again.standing, again.pages) == ([("bruno", UNIT), ("deniz", UNIT)], [("bruno", UNIT)])
    assert sorted(workers.executed) == ["amina", "bruno", "chiara"]


def test_what_the_formgraders_button_graded_counts_only_if_it_is_the_same(simulated, workers):
    keep_only(simulated, "amina", "bruno")
    grade(simulated)
    edit_cell(simulated, "bruno", "double", "def double(x):\n    return x")
    for student in ("amina", "bruno"):
        assert nbgrader_api(simulated).autograde(UNIT, student, force=True)["success"]
    workers.executed.clear()
    second = grade(simulated)
    assert second.standing == [("amina", UNIT)]
    assert workers.executed == ["bruno"]


class Grader:
    """A grader in another process, which notes what it does."""

    def __init__(self, course, log, *zygote):
        self.log, self.course = log, course
        self.scratch = Path(tempfile.mkdtemp(prefix="g"))  # not in `tmp_path`: a socket's path is short
        environment = os.environ | {"TMPDIR": str(self.scratch)}
        command = [sys.executable, str(GRADER), str(course.root), str(log), *zygote]
        self.process = subprocess.Popen(command, env=environment, cwd=course.root, stderr=subprocess.PIPE)

    def lines(self):
        return [line.split(" ", 1) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def executed(self):
        return [(name, int(pid)) for name, pid in self.lines() if name in EVERYBODY]

    def said(self, what):
        return next((rest for name, rest in self.lines() if name == what), None)

    def wait_for(self, holds):
        end = time.monotonic() + 240
        while not holds():
            assert time.monotonic() < end, "it took too long"
            assert self.process.poll() is None, self.process.stderr.read().decode()
            time.sleep(0.005)

    def finish(self):
        assert self.process.wait(300) == 0, self.process.stderr.read().decode()
        return json.loads(self.said("done"))


@pytest.fixture
def grader(simulated, toy_zygote, tmp_path):
    """`grader(own_zygote=False)` starts one; what is still there at the end is killed."""
    started = []

    def start(own_zygote=False):
        zygote = [] if own_zygote else [toy_zygote.address]
        started.append(Grader(simulated, tmp_path / f"log-{len(started)}", *zygote))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
        each.process.stderr.close()
        shutil.rmtree(each.scratch, ignore_errors=True)


@pytest.mark.slow  # a pool of workers from the start
def test_after_the_grader_is_killed_a_second_run_grades_what_it_had_not(simulated, grader, workers, monkeypatch):
    first = grader()
    first.wait_for(lambda: len(recorded(simulated)) >= 2)
    begun = {pid for _, pid in first.executed()}
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    stood = recorded(simulated)
    assert 2 <= len(stood) < len(EVERYBODY)
    end = time.monotonic() + 60
    while any(map(psutil.pid_exists, begun)):
        assert time.monotonic() < end, "its workers are still there"
        time.sleep(0.1)
    assert not list(first.scratch.glob("grading-*"))
    second = grade(simulated)
    assert [student for student, _ in second.standing] == stood
    assert sorted(workers.executed) == sorted(set(EVERYBODY) - set(stood))
    assert (second.complaints, surprises(simulated)) == ([], [])


def test_what_a_task_still_writes_while_its_process_ends_is_removed_too(monkeypatch):
    monkeypatch.setattr(task, "_ending", False)
    stop = threading.Event()

    def write(folder):
        for number in itertools.count():
            if stop.is_set():
                return
            with contextlib.suppress(OSError):
                (folder / str(number)).write_text("")

    with task.scratch_folder() as folder:
        writing = threading.Thread(target=write, args=[folder])
        writing.start()
        time.sleep(0.1)
        try:
            task.clean_up()
        finally:
            stop.set()
            writing.join()
        assert not list(folder.parent.glob(f"{folder.name}*"))
    with pytest.raises(task.WorkerUnfit), task.scratch_folder():
        pass


@pytest.mark.slow  # a pool of workers from the start, twice
def test_a_run_outlives_the_killing_of_a_worker(simulated, grader):
    run = grader()
    run.wait_for(lambda: len(recorded(simulated)) >= 1 and len(run.executed()) >= 3)
    os.kill(run.executed()[-1][1], signal.SIGKILL)
    stood = recorded(simulated)
    graded, complaints = run.finish()
    assert (complaints, surprises(simulated)) == ([], [])
    assert [student for student, _ in graded] == EVERYBODY
    counts = {student: [s for s, _ in run.executed()].count(student) for student in EVERYBODY}
    assert {student for student, count in counts.items() if count > 1}.isdisjoint(stood)


@pytest.mark.slow  # a zygote and a pool from the start, then a zygote for each worker
@pytest.mark.skipif(
    bool(os.environ.get(UNSANDBOXED)), reason="without a sandbox a zygote is known by its address alone"
)
def test_a_run_outlives_the_killing_of_its_zygote(simulated, grader):
    run = grader(own_zygote=True)
    run.wait_for(lambda: len(recorded(simulated)) >= 1)
    os.kill(int(run.said("zygote")), signal.SIGKILL)
    graded, complaints = run.finish()
    assert (complaints, surprises(simulated)) == ([], [])
    assert [student for student, _ in graded] == EVERYBODY
    assert len(run.executed()) == len(EVERYBODY)
