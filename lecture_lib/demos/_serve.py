"""The gallery: every demo on a page of its own, served by Voilà to this machine only, from notebooks made at the start.

Around the pages stands one frame (`gallery/`), which keeps the full screen while the pages change, and opens the next
demo in the background. Voilà's own pages ask a CDN for an icon font, and wait for the answer where a network swallows
the question; ours do not ask.
"""

import json
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from lecture_lib.demos._catalogue import HERE, THEMES, Demo, catalogue
from lecture_lib.demos._pages import gallery_page
from lecture_lib.demos._smollm2 import at_hand

HOST = "127.0.0.1"
PORT = 8866
MISSING = "the gallery needs Voilà, which is not installed: `pip install 'voila>=0.5.8'`, or `make demos`"
TEMPLATE = "lecture"
# Those that a demo needs; others that are installed for JupyterLab only slow a page down, and complain about Voilà's.
LAB_EXTENSIONS = ["@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager", "anywidget"]
IDLE_SECONDS = 1800  # a page that was closed without saying so leaves its kernel behind


def serve(port: int = PORT, chosen: Sequence[str] = (), *, open_browser: bool = True) -> None:
    """Serves the gallery until it is interrupted; chosen: names of demos or units, all of them if left out.

    Raises SystemExit, in one line, without Voilà, for a name that there is not, or without a free port.
    """
    demos = choose(chosen)
    if find_spec("voila") is None:
        raise SystemExit(MISSING)
    port = _free(port)
    with TemporaryDirectory(prefix="demos-") as folder:
        lay_out(Path(folder), demos)
        print(at_hand())
        print(f"the gallery: http://{HOST}:{port}/   (Ctrl-C ends it)", flush=True)
        launch(Path(folder), port, open_browser=open_browser)


def choose(names: Sequence[str]) -> list[Demo]:
    """The demos of these names, and of the units of these names, in the order of the course."""
    demos = catalogue()
    unknown = [name for name in names if all(name not in (demo.name, demo.unit) for demo in demos)]
    if unknown:
        raise SystemExit(f"no demo and no unit with demos is called {unknown[0]!r}; see `python -m lecture_lib.demos`")
    return [demo for demo in demos if not names or demo.name in names or demo.unit in names]


def lay_out(folder: Path, demos: Sequence[Demo]) -> None:
    """Writes the notebooks, Voilà's template with pictures and the gallery's page, and settings for the kernels."""
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    for demo in demos:
        write_notebook(notebooks / f"{demo.name}.ipynb", [demo.line])
    template = folder / "share" / "voila" / "templates" / TEMPLATE
    shutil.copytree(HERE / "gallery", template)
    for demo in demos:
        for picture in filter(Path.exists, map(demo.picture, THEMES)):
            shutil.copy(picture, template / "static")
    (template / "tree.html").write_text("{% raw %}" + gallery_page(demos) + "{% endraw %}", encoding="utf-8")
    profile = folder / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text('get_config().IPKernelApp.log_level = "ERROR"\n')


def write_notebook(path: Path, lines: Sequence[str]) -> None:
    """A notebook whose cells are the given lines, after the import of the demos."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": [], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    for i, source in enumerate(["from lecture_lib import demos", *lines]):
        cell = {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "execution_count": None}
        notebook["cells"].append({**cell, "outputs": [], "source": source})
    path.write_text(json.dumps(notebook), encoding="utf-8")


def launch(folder: Path, port: int, *, open_browser: bool = False) -> None:
    """Runs Voilà on what `lay_out` wrote, until it is interrupted."""
    os.environ.update(_environment(folder))
    from traitlets.config import Config
    from voila.app import Voila

    config = Config()
    config.Voila.ip, config.Voila.port, config.Voila.port_retries = HOST, port, 0
    config.Voila.root_dir, config.Voila.open_browser = str(folder / "notebooks"), open_browser
    config.Voila.config_file_paths = [str(folder)]  # not the reader's own, which may name another template
    config.Voila.log_level = "ERROR"
    config.Voila.tornado_settings = {
        "ws_ping_interval": 90_000,
        "ws_ping_timeout": 90_000,
    }  # ms; else tornado complains
    config.VoilaConfiguration.template = TEMPLATE
    config.VoilaConfiguration.classic_tree = True
    config.VoilaConfiguration.extension_allowlist = LAB_EXTENSIONS
    config.VoilaConfiguration.show_tracebacks = True
    config.MappingKernelManager.cull_idle_timeout = IDLE_SECONDS
    Voila.launch_instance(argv=[], config=config)


def _environment(folder: Path) -> dict[str, str]:
    """What Voilà and its kernels need beside the reader's own: the template, and this library from anywhere."""
    environment = {"IPYTHONDIR": str(folder / "ipython")}
    for name, value in {"JUPYTER_PATH": folder / "share", "PYTHONPATH": HERE.parents[1]}.items():
        environment[name] = os.pathsep.join(filter(None, [str(value), os.environ.get(name)]))
    return environment


def _free(port: int) -> int:
    """The port, or any other that is free if it is taken."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, wanted))
                return probe.getsockname()[1]
            except OSError:
                continue
    raise SystemExit(f"port {port} is taken, and no other is free")
