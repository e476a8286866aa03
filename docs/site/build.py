"""Builds the course's site, without a network: `python docs/site/build.py [FOLDER]`, by default build/site.

Lessons are the released notebooks, so no answer is in them. After a cell that opens a demo stands the demo itself, a
page without Python in a frame. Guides, the API reference from docstrings, and the search come with it.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from autograder.course import Course
from lecture_lib.demos._catalogue import by_unit, catalogue, unit_title
from lecture_lib.demos._site import write_site

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "autograder/README.md", "lecture_lib/corpora/README.md",
         "lecture_lib/train/README.md", "lecture_lib/demos/README.md")  # fmt: skip
ROOMS = ("checking", "corpora", "decoding", "inference", "models", "mywork", "plots", "pretrained", "tokenizers",
         "train")  # fmt: skip
_FRAME = '<iframe class="demo" title="{title}" loading="lazy" src="{to}/{name}.html?framed"></iframe>'
_SHOW = re.compile(r"demos\.(\w+)\.show\(")


def main(target: Path) -> int:
    source = target.parent / f"{target.name}-source"
    for folder in (source, target):
        shutil.rmtree(folder, ignore_errors=True)
    lay_out(source)
    from sphinx.cmd.build import main as sphinx

    status = sphinx(["-q", "-W", "--keep-going", "-b", "html", str(source), str(target)])
    for template in (target / "_static").glob("*.html"):  # of the theme: pages that are none
        template.unlink()
    return status


def lay_out(source: Path) -> None:
    """Writes what Sphinx reads: the tree of this repository as far as the site shows it: its links hold."""
    shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("*.py", "site"))
    for page in PAGES:
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, source / page)
    for tree in (source, source / "extra"):  # Sphinx reads the pictures, and leaves those of raw HTML where they are
        shutil.copytree(ROOT / "lecture_lib/demos/pictures", tree / "lecture_lib/demos/pictures")
    for name in ("site.css", "frames.js"):
        (source / "_static").mkdir(exist_ok=True)
        shutil.copy(HERE / name, source / "_static")
    shutil.copy(HERE / "conf.py", source)
    write_site(source / "extra" / "demos", catalogue())
    lessons = [_lesson(path, source) for path in sorted(Course.here().release.glob("*/*.ipynb"))]
    _write(source / "demos.md", _demos())
    for room in ROOMS:
        _write(source / "reference" / f"{room}.md", _reference(room))
    _write(source / "index.md", _index(lessons))


def _lesson(path: Path, source: Path) -> str:
    """Copies a notebook, with the demos that its cells open, and the pictures beside it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    titles = {demo.name: demo.title for demo in catalogue()}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        names = [name for name in _SHOW.findall("".join(cell["source"])) if name in titles]
        frames = "".join(_FRAME.format(title=titles[name], to="../../demos", name=name) for name in names)
        output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": frames}}
        cell["outputs"] = [output] if names else []
    _write(source / "notebooks" / path.parent.name / path.name, json.dumps(notebook))
    return f"notebooks/{path.parent.name}/{path.stem}"


def _demos() -> str:
    parts = ['# Demos\n\n<a href="demos/index.html">As pages of their own</a>: Page Down goes on.\n']
    for unit, its in by_unit(catalogue()).items():
        parts.append(f"\n## {unit_title(unit)}\n")
        parts += [
            f"\n### {demo.title}\n{demo.sentence} <a href='demos/{demo.name}.html'>Its own page</a>.\n\n"
            f"```{{raw}} html\n{_FRAME.format(title=demo.title, to='demos', name=demo.name)}\n```\n"
            for demo in its
        ]
    return "".join(parts)


def _reference(room: str) -> str:
    options = "\n   :members:\n   :imported-members:"
    return f"# lecture_lib.{room}\n\n```{{eval-rst}}\n.. automodule:: lecture_lib.{room}{options}\n```\n"


def _index(lessons: list[str]) -> str:
    guides = [f"docs/{path.stem}" for path in sorted((ROOT / "docs").glob("*.md"))]
    others = [page.removesuffix(".md") for page in PAGES]
    trees = {"Lessons": lessons, "Demos": ["demos"], "Guides": guides, "Also": others}
    trees["API"] = [f"reference/{room}" for room in ROOMS]
    lead = (ROOT / "README.md").read_text(encoding="utf-8").split("\n\n")[:2]
    tree = "```{{toctree}}\n:caption: {}\n:maxdepth: 1\n\n{}\n```"
    listed = [tree.format(name, "\n".join(pages)) for name, pages in trees.items()]
    return "\n\n".join([*lead, *listed]) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"))
