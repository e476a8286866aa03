"""Warm execution: what a cell displays, deadlines, processes that end, a zygote that dies."""

import io
import os
import re
import signal
import socket
import tarfile
import time
from copy import deepcopy
from dataclasses import replace

import nbformat
import pytest
from kernels import execute as execute_in_kernel
from nbclient.output_widget import OutputWidget

from autograder.course import Course
from autograder.execution import frames, host
from autograder.execution.client import Zygote
from autograder.execution.limits import MB, Limits
from autograder.execution.messages import as_jupyter
from autograder.execution.process import Process, ProcessEnded, ZygoteLost
from autograder.execution.sandbox import view_of
from autograder.nbgrader_steps.execute import ZygoteExecute

QUICK = Limits(cell_seconds=2, grace_seconds=0.5, notebook_seconds=20)
DISPLAYS = [
    "print('printed'); 6 * 7",
    "import sys; print('to stderr', file=sys.stderr)",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 1]);",
    "from IPython.display import HTML, display, clear_output\ndisplay(HTML('<b>bold</b>'), metadata={'k': 1})",
    "print('gone'); clear_output(); print('stays')",
    "handle = display('before', display_id=True)\nhandle.update('after')",
    "1 / 0",
    "import ipywidgets\nslider = ipywidgets.IntSlider(value=3)\nslider",
    "box = ipywidgets.Output()\nwith box:\n    print('inside')\nbox",
    "%%capture kept\nprint('captured')",
    "print(kept.stdout); x = 5; x",
    "import asyncio\nawait asyncio.sleep(0); 'awaited'",
    "!echo from the system",
    "def f():\n    return g()\ndef g():\n    raise KeyError('deep')\nf()",
    "import warnings; warnings.warn('careful')",
]


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "P"}})


@pytest.fixture
def execute(zygote, tmp_path):
    """A notebook of these cells, run by the preprocessor as nbgrader would."""

    def run_notebook(*sources, **limits):
        host.borrow(zygote.address, sandboxed=True)
        step = ZygoteExecute(course_root=str(Course.here().root), classroom=str(tmp_path))
        step.timeout = 2
        step.limits = {"grace_seconds": 0.5, "notebook_seconds": 20} | limits
        made, _ = step.preprocess(notebook(*sources), {"metadata": {"path": str(tmp_path)}})
        host.discard()
        return made

    return run_notebook


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def lines_of(cell):
    return [output.evalue for output in cell.outputs if output.output_type == "error"]


def comparable(output):
    """An output without what differs from run to run: addresses, process numbers, the path of a cell's file."""
    output = deepcopy(dict(output))
    if output["output_type"] == "error":
        del output["traceback"]
    if output["output_type"] == "stream":
        output["text"] = re.sub(r"/\S*/ipykernel_\S*", "CELL", output["text"].replace("\r\n", "\n"))
    view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json")
    if view:
        view.pop("model_id")
    return output


@pytest.fixture(scope="module")
def by_kernel():
    """The displays as a real kernel gives them: what ours are compared with."""
    made = notebook(*DISPLAYS)
    return execute_in_kernel(made, allow_errors=True, coalesce_streams=True)


@pytest.fixture(scope="module")
def by_zygote(zygote, tmp_path_factory):
    folder = tmp_path_factory.mktemp("displays")
    host.borrow(zygote.address, sandboxed=True)
    step = ZygoteExecute(course_root=str(Course.here().root), classroom=str(folder))
    made, _ = step.preprocess(notebook(*DISPLAYS), {"metadata": {"path": str(folder)}})
    host.discard()
    return made


def test_a_reply_that_comes_while_an_output_widget_answers_is_not_overlooked(monkeypatch):
    sends = OutputWidget.send

    def send_late(self, *content):
        time.sleep(0.5)  # meanwhile the reply to the cell has come
        sends(self, *content)

    monkeypatch.setattr(OutputWidget, "send", send_late)
    source = "import ipywidgets\nbox = ipywidgets.Output()\nwith box:\n    print('inside')\n'over'"
    made = execute_in_kernel(notebook(source), timeout=None)
    assert made.cells[0].outputs[0].data["text/plain"] == "'over'"


@pytest.mark.parametrize("number", range(len(DISPLAYS)))
def test_a_cell_displays_what_it_displays_in_a_kernel(by_kernel, by_zygote, number):
    expected, seen = (made.cells[number] for made in (by_kernel, by_zygote))
    assert [comparable(o) for o in seen.outputs] == [comparable(o) for o in expected.outputs]
    assert seen.execution_count == expected.execution_count


def test_widgets_leave_their_state_as_in_a_kernel(by_kernel, by_zygote):
    def models(made):
        state = made.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
        return sorted(model["model_name"] for model in state.values())

    assert models(by_zygote) == models(by_kernel)


def test_the_notebook_made_is_valid(by_zygote):
    nbformat.validate(by_zygote)


def test_a_cell_that_takes_too_long_is_stopped_and_the_next_one_runs(execute):
    made = execute("while True: pass", "print('next')", grace_seconds=10)
    assert lines_of(made.cells[0]) == ["", "This cell took longer than 2 s."]
    assert printed(made.cells[1]) == "next\n"


def test_a_cell_that_ignores_its_interrupt_costs_only_itself(execute):
    stubborn = "import time\nwhile True:\n    try: time.sleep(9)\n    except KeyboardInterrupt: pass"
    made = execute("print('before')", stubborn, "print('after')")
    assert [printed(cell) for cell in made.cells] == ["before\n", "", "after\n"]
    assert "did not stop when it was interrupted" in lines_of(made.cells[1])[0]


def test_a_cell_that_ends_its_process_costs_only_itself(execute):
    made = execute("x = 1", "import os; os._exit(3)", "print(x)")
    assert "left Python with exit code 3" in lines_of(made.cells[1])[0]
    assert printed(made.cells[2]) == "1\n"


def test_a_notebook_that_keeps_ending_its_process_is_given_up(execute):
    made = execute("print('kept')", *["import os; os._exit(1)"] * 9)
    assert printed(made.cells[0]) == "kept\n"
    assert lines_of(made.cells[9])[0].startswith("Not run.")


def test_a_notebook_has_a_limit_of_time_for_all_its_cells(execute):
    made = execute("import time; time.sleep(1)", "time.sleep(1)", "print('late')", notebook_seconds=1.5)
    assert lines_of(made.cells[2]) == ["Not run: the notebook has used all of its time."]


def test_what_a_cell_prints_is_cut_with_a_line_that_says_so(execute):
    made = execute("print('x' * 5_000_000)", "print('next')", text_bytes=MB)
    assert MB <= len(printed(made.cells[0])) < MB + 200
    assert "Output cut" in printed(made.cells[0])
    assert printed(made.cells[1]) == "next\n"


def test_too_much_printing_leaves_room_for_what_a_check_displays(execute):
    made = execute("print('x' * 5_000_000)\nfrom IPython.display import display\ndisplay({'a/b': 'c'}, raw=True)")
    assert [o.data for o in made.cells[0].outputs if o.output_type == "display_data"] == [{"a/b": "c"}]


def test_what_a_command_prints_is_cut_too(execute):
    made = execute("import os; os.system('head -c 3000000 /dev/zero | tr \"\\\\0\" y')")
    assert 0.9 * MB < len(printed(made.cells[0])) < 1.1 * MB


def test_a_process_that_floods_its_line_is_ended(run):
    with pytest.raises(ProcessEnded, match="one cell sent more than 4 MB"):
        run("import os\nwhile True: os.write(1, b'x' * 65536)", limits=replace(QUICK, flood_bytes=4 * MB))


@pytest.mark.parametrize("rubbish", [b"\xff\xff\xff\xff", b"\0\0\0\2[]", b"\0\0\0\3{x}"])
def test_a_process_that_breaks_its_line_is_ended(run, rubbish):
    with pytest.raises(ProcessEnded, match="broke its line"):
        run(f"import os, time; os.write(3, {rubbish!r}); time.sleep(1)")


def test_the_files_beside_a_notebook_are_there_and_nothing_comes_back(zygote, tmp_path):
    (tmp_path / "helper.py").write_text("answer = 42")
    (tmp_path / "secret").write_text("of somebody else")
    handed_in = tmp_path / "submitted" / "s" / "u"
    handed_in.mkdir(parents=True)
    (handed_in / "link.txt").symlink_to(tmp_path / "secret")
    graded = tmp_path / "autograded" / "s" / "u"
    graded.mkdir(parents=True)
    (graded / "helper.py").write_text("answer = 42")
    (graded / "link.txt").write_text("of somebody else")  # nbgrader copies what a link points at
    host.borrow(zygote.address, sandboxed=True)
    step = ZygoteExecute(course_root=str(Course.here().root), classroom=str(tmp_path))
    source = "import os, helper; open('mine', 'w').close(); print(helper.answer, sorted(os.listdir()))"
    about = {"metadata": {"path": str(graded)}, "nbgrader": {"student": "s", "assignment": "u"}}
    made, _ = step.preprocess(notebook(source), about)
    host.discard()
    assert printed(made.cells[0]).startswith("42 [")
    assert "link.txt" not in printed(made.cells[0])
    assert sorted(os.listdir(graded)) == ["helper.py", "link.txt"]


def test_an_archive_that_climbs_out_is_refused(run):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../etc/climbed"))
    ran = run("import os; print(os.path.exists('/etc/climbed'))", archive=buffer.getvalue())
    assert "could not be unpacked" in ran.text
    assert ran.text.endswith("False\n")


@pytest.mark.parametrize("draw", ["random.random()", "numpy.random.rand()", "torch.rand(1).item()"])
def test_processes_do_not_share_their_chance(run, draw):
    draws = {run(f"import numpy, random, torch; print({draw})").text for _ in range(3)}
    assert len(draws) == 3


def own_zygote():
    return Zygote.start(view_of(Course.here()))


@pytest.mark.parametrize("request_", [b"no frame at all", b"\0\0\0\2{}"])
def test_a_request_that_is_none_is_answered_and_costs_no_other_its_zygote(zygote, run, request_):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(zygote.address)
        with open(os.devnull, "wb") as nothing:
            socket.send_fds(connection, [request_], [nothing.fileno()] * 3)
        assert "failed" in frames.receive(connection)
    assert run("print('alive')").text == "alive\n"


@pytest.mark.parametrize(
    ("needs", "module"),
    [
        ("torch.optim", "torch._dynamo"),
        ("torch.testing.assert_close", "torch.distributed.tensor"),
        ('open_unit("03_neural_lm")', "lecture_lib.exercises.neural_lm"),
    ],
)
def test_what_few_notebooks_need_is_imported_once_when_one_first_does(tmp_path, monkeypatch, needs, module):
    asks = f"import sys; print('{module}' in sys.modules)"
    with own_zygote() as fresh:
        monkeypatch.setattr(host, "zygote", lambda course, unsandboxed: fresh)
        step = ZygoteExecute(course_root=str(Course.here().root), classroom=str(tmp_path))
        seen = []
        for source in (asks, f"{asks}  # {needs}", asks):
            made, _ = step.preprocess(notebook(source), {"metadata": {"path": str(tmp_path)}})
            seen.append(printed(made.cells[0]).strip())
    assert seen == ["False", "True", "True"]


def test_what_a_zygote_cannot_import_costs_no_notebook_its_run(zygote, tmp_path):
    with zygote.process(QUICK, parts=["lecture_lib.exercises.nothing", "no such part"]) as process:
        told = []
        process.execute("print('here')", "1", 10, told.append)
    assert [message["content"]["text"] for message in told] == ["here\n"]


def test_a_zygote_that_was_killed_is_replaced_and_the_notebook_runs_again(zygote, tmp_path, monkeypatch):
    with own_zygote() as doomed:
        monkeypatch.setattr(host, "_current", doomed)
        monkeypatch.setattr(host, "_made_for", None)
        starts = []
        monkeypatch.setattr(host.Zygote, "start", lambda view: starts.append(1) or Zygote(zygote.address))
        step = ZygoteExecute(course_root=str(Course.here().root), classroom=str(tmp_path))
        execute = Process.execute

        def kill_once(process, *request):
            if not starts:
                os.kill(doomed.pid, signal.SIGKILL)
            return execute(process, *request)

        monkeypatch.setattr(Process, "execute", kill_once)
        made, _ = step.preprocess(
            notebook("import time; time.sleep(0.5); print('done')"), {"metadata": {"path": str(tmp_path)}}
        )
        host.discard()
    assert starts == [1]
    assert printed(made.cells[0]) == "done\n"


def test_a_zygote_that_keeps_dying_is_said_in_one_line(tmp_path, monkeypatch):
    nobody = tmp_path / "socket"
    monkeypatch.setattr(host, "zygote", lambda course, unsandboxed: Zygote(str(nobody)))
    step = ZygoteExecute(course_root=str(Course.here().root), classroom=str(tmp_path))
    with pytest.raises(RuntimeError, match="the zygote died twice while this notebook ran"):
        step.preprocess(notebook("1"), {"metadata": {"path": str(tmp_path)}})


def test_a_zygote_ends_with_the_grader_and_takes_its_processes_along():
    warm = own_zygote()
    with warm.process(QUICK) as process:
        warm._control.close()  # as when the grader is killed
        with pytest.raises(ZygoteLost):
            process.execute("import time; time.sleep(9)", "c", 9, lambda message: None)
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{warm.pid}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{warm.pid}")
    warm.close()


def test_without_a_sandbox_cells_run_in_a_folder_that_is_gone_afterwards(tmp_path):
    with Zygote.start(None) as bare:
        host.borrow(bare.address, sandboxed=False)
        step = ZygoteExecute(course_root=str(Course.here().root), classroom=str(tmp_path), unsandboxed=True)
        made, _ = step.preprocess(notebook("import os; print(os.getcwd())"), {"metadata": {"path": str(tmp_path)}})
        host.discard()
    folder = printed(made.cells[0]).strip()
    assert "submission-" in folder
    assert not os.path.exists(folder)


def test_frames_survive_being_cut_anywhere():
    messages = [{"n": n, "text": "é" * n} for n in range(5)]
    stream = b"".join(map(frames.packed, messages))
    for step in (1, 3, 1000):
        splitter, seen = frames.Splitter(), []
        for start in range(0, len(stream), step):
            seen += [frames.unpacked(data) for data in splitter.feed(stream[start : start + step])]
        assert seen == messages


@pytest.mark.parametrize("data", [b"[1]", b"{", b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff", b"[" * 100_000])
def test_what_is_no_frame_is_refused(data):
    with pytest.raises(frames.BadFrame):
        frames.unpacked(data)


def test_a_frame_sent_through_a_socket_arrives():
    here, there = socket.socketpair()
    with here, there:
        frames.send(here, {"a": [1, None, "ü"]})
        here.close()
        assert frames.receive(there) == {"a": [1, None, "ü"]}
        assert frames.receive(there) is None


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "status", "content": {"execution_state": "idle"}},
        {"type": "display_data", "content": {"data": "text"}},
        {"type": "display_data", "content": {"data": {}, "transient": [1]}},
        {"type": "stream", "content": {"name": "stdin", "text": ""}},
        {"type": "stream", "content": {"name": "stdout", "text": 1}},
        {"type": "error", "content": {"ename": "E", "evalue": "", "traceback": [1]}},
        {"type": "comm_open", "content": {"comm_id": "1", "data": {"state": []}}},
        {"type": ["stream"], "content": {}},
    ],
)
def test_a_message_that_lacks_something_is_dropped(message):
    assert as_jupyter(message, "m") is None


def test_a_display_keeps_only_what_a_notebook_may_hold():
    content = {"data": {"text/plain": {"no": "text"}, "a/b+json": {"any": 1}, "image/png": "x"}, "other": 1}
    read = as_jupyter({"type": "display_data", "content": content}, "m")
    assert read["content"] == {"data": {"a/b+json": {"any": 1}, "image/png": "x"}, "metadata": {}, "transient": {}}
