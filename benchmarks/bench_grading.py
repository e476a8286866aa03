"""The grading engine beside stock nbgrader: the same submissions, the same judge, in one run; scores compared.

Stock is nbgrader's own command line and execution, a kernel for each submission, with our judge behind it (without it
the scores would not mean the same). Neither side writes feedback pages here, except in the row that says so. Demos
and experiments, which the engine leaves out where a student has not touched them, are taken out of the submissions
first: both sides run the same cells.

Otter is `otter run`, once for each submission, where otter-grader is installed (it is in none of our extras): its own
execution of the same notebooks, with one test for each exercise that its answer is there. Only its time is compared;
its scores mean another thing.
"""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil

from autograder.building.pipeline import build
from autograder.course import CLASSROOM_VARIABLE, Course
from autograder.execution import host
from autograder.execution.client import Zygote
from autograder.execution.limits import Limits
from autograder.execution.sandbox import view_of
from autograder.gradebook.grades import grades
from autograder.grading.grade import grade
from autograder.nbgrader_steps.execute import ZygoteExecute, left_out
from autograder.nbgrader_steps.settings import nbgrader_settings
from autograder.simulation.simulate import simulate
from autograder.units import Unit, find_units
from benchmarks.measurement import Measurement

RUNS = 3  # of the engine, with each number of workers; stock nbgrader, which takes minutes, once
UNITS = ("06_multihead", "08_transformer_block", "05_attention")
SUBMISSIONS = 24
REPEATED = 500  # submissions after which the zygote must not have grown


def measure(submissions: int = SUBMISSIONS, repeated: int = REPEATED) -> list[Measurement]:
    unit = _torch_unit()
    with tempfile.TemporaryDirectory(prefix="bench-grading-") as scratch:
        original = _class(Path(scratch), unit, submissions)
        size = len(list(original.submitted.iterdir()))
        serial, truth = _timed(original, unit, "stock", lambda course: _stock(course, unit, 1))
        pair, paired = _timed(original, unit, "stock2", lambda course: _stock(course, unit, 2))
        _require_same("stock with two processes", paired, truth)
        rows, each = [], {workers: [] for workers in (1, 2, 4)}
        for run, workers in itertools.product(range(RUNS), each):
            took, scores = _timed(
                original, unit, f"engine{workers}-{run}", lambda course, n=workers: _engine(course, unit, n)
            )
            _require_same(f"the engine with {workers} workers", scores, truth)
            each[workers].append(took / size)
        for workers, ours in each.items():
            what = f"one of {size} submissions of {unit.id} graded, {workers} worker{'s' * (workers > 1)}"
            peers = [("stock nbgrader, serial", serial, 12 if workers == 2 else None)]
            if workers == 2:
                peers.append(("stock nbgrader, two processes", pair, 6))
            rows += [
                Measurement(f"{what}, beside {name}", "s", ours, [peer / size] * RUNS, name, goal_ratio=goal)
                for name, peer, goal in peers
            ]
        rows.append(_beside_otter(original, unit, Path(scratch), each[1]))
        full, _ = _timed(original, unit, "feedback", lambda course: grade(course, [unit.id], workers=2))
        rows.append(Measurement("one submission graded, 2 workers, with its feedback page", "s", [full / size]))
        rows += _memory(original, unit, Path(scratch))
        rows += _overhead(original, unit, repeated)
    return rows


def _torch_unit() -> Unit:
    """A unit of torch whose exercises train nothing: there the grader's own share shows. Else the first there is."""
    units = {unit.id: unit for unit in find_units(Course.here())}
    return next((units[name] for name in UNITS if name in units), next(iter(units.values())))


def _class(scratch: Path, unit: Unit, submissions: int) -> Course:
    """A simulated class that has handed in and is not graded yet."""
    course = Course.here().with_classroom(scratch / "class")
    build(course, unit)
    simulate(course, [unit], SUBMISSIONS)
    for folder in sorted(course.submitted.iterdir())[submissions:]:
        shutil.rmtree(folder)
    for path in course.submitted.glob(f"*/{unit.id}/{unit.notebook}"):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if cell.cell_type != "code" or not left_out(cell)]
        nbformat.write(notebook, path)
    return course


def _timed(original: Course, unit: Unit, name: str, run) -> tuple[float, dict]:
    """(seconds to grade a copy of the class, its scores)."""
    course = original.with_classroom(original.classroom.with_name(name))
    shutil.copytree(original.classroom, course.classroom)
    start = time.perf_counter()
    run(course)
    took = time.perf_counter() - start
    students = sorted(folder.name for folder in course.submitted.iterdir())
    return took, {student: grades(course, unit, student) for student in students}


def _engine(course: Course, unit: Unit, workers: int) -> None:
    graded = grade(course, [unit.id], workers=workers, feedback=False)
    if graded.complaints:
        raise SystemExit("\n".join(graded.complaints))


def _stock(course: Course, unit: Unit, processes: int) -> None:
    """`nbgrader autograde`, in as many processes at once, each for its share of the students."""
    steps = ["nbgrader.preprocessors.Execute", *nbgrader_settings(course).Autograde.autograde_preprocessors[1:]]
    environment = os.environ | {CLASSROOM_VARIABLE: str(course.classroom)}
    students = sorted(path.name for path in course.submitted.iterdir())
    running = []
    for number in range(processes):
        others = [student for n, student in enumerate(students) if n % processes != number]
        command = [sys.executable, "-m", "nbgrader", "autograde", unit.id, "--force"]
        command += [f"--Autograde.autograde_preprocessors={step}" for step in steps]
        command += [f"--CourseDirectory.student_id_exclude={','.join(others)}"] if others else []
        log = (course.classroom / f"stock{number}.log").open("wb")
        running.append(subprocess.Popen(command, cwd=course.root, env=environment, stdout=log, stderr=log))
        log.close()
    if any(process.wait() for process in running):
        raise SystemExit("stock nbgrader could not grade the simulated class")


def _beside_otter(original: Course, unit: Unit, scratch: Path, ours: list[float]) -> Measurement:
    """Seconds a submission with one worker, beside `otter run` where it is installed."""
    name = f"one submission of {unit.id} graded, 1 worker, beside otter run"
    if importlib.util.find_spec("otter") is None:
        return Measurement(f"{name} (not installed)", "s", ours)
    tests, out = scratch / "otter" / "tests", scratch / "otter" / "out"
    for folder in (tests, out):
        folder.mkdir(parents=True)
    for exercise in unit.exercises:
        case = {"code": f">>> {exercise} is not None\nTrue", "hidden": False, "locked": False}
        suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
        test = {"name": exercise, "points": 1, "suites": [suite]}
        (tests / f"{exercise}.py").write_text(f"OK_FORMAT = True\n\ntest = {test!r}\n")
    otter, archive = [sys.executable, "-m", "otter"], str(out.with_name("autograder.zip"))
    packed = [*otter, "generate", "-t", str(tests), "-o", archive, "--no-environment", "--no-requirements"]
    subprocess.run(packed, check=True, cwd=out, capture_output=True)
    handed_in = sorted(original.submitted.glob(f"*/{unit.id}/{unit.notebook}"))
    start = time.perf_counter()
    for notebook in handed_in:
        command = [*otter, "run", str(notebook), "-a", archive, "-o", str(out), "--no-logo"]
        subprocess.run(command, check=True, cwd=out, capture_output=True)
        (out / "results.json").unlink()  # that it has graded
    took = time.perf_counter() - start
    return Measurement(name, "s", ours, [took / len(handed_in)] * len(ours), "otter run")


def _require_same(who: str, scores: dict, truth: dict) -> None:
    different = sorted(student for student in truth if scores.get(student) != truth[student])
    if different:
        raise SystemExit(f"{who} gives other scores than stock nbgrader to {', '.join(different)}")


def _memory(original: Course, unit: Unit, scratch: Path) -> list[Measurement]:
    """The most that the engine's processes hold together, each shared page counted once (PSS)."""
    course = original.with_classroom(scratch / "memory")
    shutil.copytree(original.classroom, course.classroom)
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.3):
            peak[0] = max(peak[0], sum(_pss(process) for process in psutil.Process().children(recursive=True)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        _engine(course, unit, 2)
    finally:
        done.set()
        watcher.join()
    return [Measurement("memory of the engine, 2 workers, zygote and submissions included", "MB", [peak[0]])]


def _pss(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss / 2**20
    except psutil.Error:
        return 0.0


def _overhead(original: Course, unit: Unit, repeated: int) -> list[Measurement]:
    """What execution takes beyond the cells' own time, and whether a zygote grows."""
    overheads = []
    with Zygote.start(view_of(original)) as zygote:
        host.borrow(zygote.address, sandboxed=True)
        for folder in sorted(original.submitted.iterdir()):
            notebook = nbformat.read(folder / unit.id / unit.notebook, as_version=4)
            step = ZygoteExecute(course_root=str(original.root), classroom=str(original.classroom))
            start = time.perf_counter()
            step.preprocess(notebook, {"metadata": {"path": str(folder / unit.id)}})
            overheads.append(time.perf_counter() - start - step.seconds_of_cells)
        before = psutil.Process(zygote.pid).memory_info().rss
        for _ in range(repeated):
            with zygote.process(Limits()) as process:
                process.execute("import torch; torch.zeros(1000)", "c", 10, lambda message: None)
        growth = (psutil.Process(zygote.pid).memory_info().rss - before) / 2**20
        host.discard()
    return [
        Measurement("execution beyond the cells' own time", "s", overheads, goal_value=0.15),
        Measurement(f"growth of the zygote over {repeated} submissions", "MB", [growth], goal_value=5),
    ]


if __name__ == "__main__":
    for row in measure(*map(int, sys.argv[1:])):
        print(row.row())
