"""A gallery of the tests' own: Voilà as `make demos` runs it, with a few notebooks more."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lecture_lib.demos._catalogue import catalogue
from lecture_lib.demos._serve import lay_out, write_notebook

from .server import environment, free_port, stop, wait_until_it_answers

_LAUNCH = (
    "import sys; from pathlib import Path; from lecture_lib.demos._serve import launch; "
    "launch(Path(sys.argv[1]), int(sys.argv[2]))"
)


@contextmanager
def voila(folder: Path, notebooks: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Serves the gallery, and under /voila/render/NAME.ipynb a notebook of each of the given lists of lines."""
    laid = folder / "gallery"
    laid.mkdir()
    lay_out(laid, catalogue())
    for name, lines in notebooks.items():
        write_notebook(laid / "notebooks" / f"{name}.ipynb", lines)
    home = folder / "home"
    home.mkdir()
    port, log = free_port(), folder / "voila.log"
    command = [sys.executable, "-c", _LAUNCH, str(laid), str(port)]
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, env=environment(home), stdout=out, stderr=out)
    try:
        base = f"http://127.0.0.1:{port}"
        wait_until_it_answers(server, base, log)
        yield base
    finally:
        stop(server)
