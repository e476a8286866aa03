"""nbgrader's Execute on a warm, sandboxed process instead of a kernel: the same outputs, without the start's seconds.

A cell that takes too long is interrupted, then its process is killed. A process that ends before its notebook does
takes nothing else along: the cells are run again without the one that ended it, since the sealed checks, which confirm
every other exercise, come last. Each run has a fresh sandbox, so that none can tell another anything.
"""

import os
import secrets
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from traitlets import Bool, Dict, Unicode

from autograder.course import Course
from autograder.execution import companions, host
from autograder.execution.limits import Limits
from autograder.execution.messages import LANGUAGE_INFO
from autograder.execution.preload import preloads_of
from autograder.execution.process import Process, ProcessEnded, ZygoteLost
from autograder.units.marks import SEALED_PREFIX, shown_only
from lecture_lib.checking.notebook import MIME

_MOST_OUTPUTS = 2000  # of one cell
_MOST_UPDATES = 20_000  # of displays, in one notebook
_MOST_OF_ONE_ID = 20  # displays that one update changes
_MOST_DEATHS = 8  # of processes of one notebook; each costs the whole notebook once more


class ZygoteExecute(Execute):
    """Runs a submission's code cells; leaves out demos and experiments that a student has not touched."""

    unsandboxed = Bool(False, help="Run submissions with the grader's own rights").tag(config=True)
    course_root = Unicode(help="Folder of the course").tag(config=True)
    classroom = Unicode(help="Folder of the class").tag(config=True)
    limits = Dict(help="What a submission may use: fields of autograder.execution.limits.Limits").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any], km=None) -> tuple[NotebookNode, dict[str, Any]]:
        NotebookClient.__init__(self, nb, km)
        self._check_assign_resources(resources)
        # Output widgets answer their kernel; here nobody waits for that.
        self.kc = SimpleNamespace(  # pyright: ignore[reportAttributeAccessIssue]  of the two parts that are used
            session=SimpleNamespace(msg=lambda *a, **k: None), shell_channel=SimpleNamespace(send=lambda m: None)
        )
        self._ready = Limits(**{"cell_seconds": self._get_timeout(None) or 3600} | self.limits)
        self.seconds_of_cells = 0.0  # by the processes' own account
        archive = self._other_files(resources)
        try:
            self._run(archive)
        except ZygoteLost:
            self.log.warning("The zygote died; running the notebook again on a fresh one")
            host.discard()
            try:
                self._run(archive)
            except ZygoteLost as error:
                host.discard()
                raise RuntimeError(f"the zygote died twice while this notebook ran ({error})") from None
        self.nb.metadata["language_info"] = dict(LANGUAGE_INFO)
        self.set_widgets_metadata()
        return self.nb, self.resources

    def _run(self, archive: bytes) -> None:
        """Runs all cells, again without the one that ended its process, until all have run or it is enough."""
        course = replace(Course.here(), root=Path(self.course_root), classroom=Path(self.classroom))
        end = time.monotonic() + self._ready.notebook_seconds
        fatal: dict[int, str] = {}
        while True:
            ended = self._pass_over(host.zygote(course, self.unsandboxed), archive, fatal, end)
            if ended is None:
                return
            index, why = ended
            fatal[index] = why
            if len(fatal) == _MOST_DEATHS or time.monotonic() >= end:
                self._give_up(index, why)
                return

    def _pass_over(self, zygote, archive: bytes, fatal: dict[int, str], end: float) -> tuple[int, str] | None:
        """One process, all cells but the fatal ones; the index of the cell in which it ended, and how, if it did."""
        self.reset_execution_trackers()
        self._updates = 0
        todo = [(n, cell) for n, cell in enumerate(self.nb.cells) if is_run(cell)]
        index = 0
        try:
            with zygote.process(self._ready, archive, preloads_of(cell.source for _, cell in todo)) as process:
                for index, cell in todo:
                    if index in fatal:
                        cell.outputs = [_failed("ProcessEnded", fatal[index])]
                    else:
                        self._run_cell(process, cell, index, end)
                self.seconds_of_cells += process.seconds
        except ProcessEnded as ended:
            why = f"The process of this notebook ended here: {ended}."
            self.nb.cells[index].setdefault("outputs", []).append(_failed("ProcessEnded", why))
            return index, why
        return None

    def _run_cell(self, process: Process, cell: NotebookNode, index: int, end: float) -> None:
        cell.outputs = []
        self.clear_before_next_output = False
        self.code_cells_executed += 1
        cell.execution_count = self.code_cells_executed
        left = end - time.monotonic()
        if left <= 0:
            cell.outputs = [_failed("CellTimeoutError", "Not run: the notebook has used all of its time.")]
            return
        seconds = min(self._ready.cell_seconds, left)
        # Not to be guessed: code that knew the next cell's nonce could report it as done before it has begun.
        nonce = secrets.token_hex(8)
        interrupted, cut = process.execute(
            cell.source, nonce, seconds, lambda message: self._show(message, cell, index)
        )
        if interrupted:
            cell.outputs.append(_failed("CellTimeoutError", f"This cell took longer than {seconds:.0f} s."))
        if cut:
            text = "(Output cut: this cell displayed more than the grader keeps.)\n"
            cell.outputs.append(new_output("stream", name="stderr", text=text))

    def _show(self, message: dict[str, Any], cell: NotebookNode, index: int) -> None:
        if _is_sealed(cell) and not _is_observed(message):
            return  # an update of an earlier display, say, that tells its reader what was asked here
        if not self._has_room(message, cell):
            return
        try:
            self.process_message(message, cell, index)
        except Exception as error:  # a message about something that never was: the process may say what it likes
            self.log.warning("A message of cell %d was of no use (%s)", index, type(error).__name__)

    def _has_room(self, message: dict[str, Any], cell: NotebookNode) -> bool:
        """Whether one more display, or update of displays, is kept: each update goes through all of its displays."""
        kind, content = message["msg_type"], message["content"]
        if kind == "update_display_data":
            self._updates += 1
            return self._updates <= _MOST_UPDATES
        if kind in ("display_data", "execute_result"):
            shown = self._display_id_map.get(content["transient"].get("display_id"), {})
            if sum(map(len, shown.values())) >= _MOST_OF_ONE_ID:
                content["transient"] = {}
        return len(cell.outputs) < _MOST_OUTPUTS

    def output(self, outs: list, msg: dict, display_id: str | None, cell_index: int) -> NotebookNode | None:
        """As nbclient's, but what is printed piece by piece stays one output."""
        last = outs[-1] if outs else None
        hooked = self.output_hook_stack[msg["parent_header"]["msg_id"]]
        if (
            msg["msg_type"] == "stream"
            and last is not None
            and last.output_type == "stream"
            and last.name == msg["content"]["name"]
            and not (hooked or self.clear_before_next_output)
        ):
            last.text += msg["content"]["text"]
            return last
        return super().output(outs, msg, display_id, cell_index)

    def _give_up(self, index: int, why: str) -> None:
        for cell in self.nb.cells[index + 1 :]:
            if is_run(cell):
                cell.outputs = [_failed("ProcessEnded", f"Not run. {why}")]

    def _other_files(self, resources: dict[str, Any]) -> bytes:
        """The submission's own files besides notebooks, as a tar archive: plain files only.

        nbgrader copies what a link points at, which may be anybody's: what was no plain file when it was handed in
        stays out.
        """
        folder = Path(resources.get("metadata", {}).get("path") or os.devnull)
        about = resources.get("nbgrader", {})
        handed_in = Path(self.classroom, "submitted", str(about.get("student")), str(about.get("assignment")))
        files, whole = companions.pack(folder, lambda name: _is_link_in(handed_in, name))
        if not whole:
            self.log.warning("%s: files beyond %d MB are left out", handed_in, companions.MOST >> 20)
        return files


def _is_sealed(cell: NotebookNode) -> bool:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", "")).startswith(SEALED_PREFIX)


def _is_observed(message: dict[str, Any]) -> bool:
    return message["msg_type"] == "display_data" and set(message["content"]["data"]) <= {MIME, "text/plain"}


def is_run(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip()) and not left_out(cell)


def left_out(cell: NotebookNode) -> bool:
    return cell.metadata.get("shown_only") == shown_only(cell.source)


def _is_link_in(folder: Path, name: Path) -> bool:
    """Whether anything on the way to this file was a link where it was handed in, symbolic or hard."""
    steps = [folder.joinpath(*name.parts[: n + 1]) for n in range(len(name.parts))]
    if any(step.is_symlink() for step in steps):
        return True
    return steps[-1].is_file() and steps[-1].stat().st_nlink > 1


def _failed(kind: str, line: str) -> NotebookNode:
    return new_output("error", ename=kind, evalue=line, traceback=[f"{kind}: {line}"])
