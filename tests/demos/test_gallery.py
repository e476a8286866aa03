"""The list of the demos, their pages and pictures, and what the gallery needs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lecture_lib import demos, pretrained
from lecture_lib.demos import _serve
from lecture_lib.demos.__main__ import main
from lecture_lib.demos._catalogue import PICTURES, THEMES, catalogue
from lecture_lib.demos._pages import README, contact_sheet, gallery_page, readme
from lecture_lib.demos._widget import BROWSER, script
from lecture_lib.units import UNITS

DEMOS = catalogue()
MOST_BYTES = 2_500_000  # of all pictures: every clone carries them
each_demo = pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)


def test_every_public_module_is_a_demo_of_a_unit():
    assert sorted(demo.name for demo in DEMOS) == dir(demos)
    assert {demo.unit for demo in DEMOS} <= set(UNITS)


@each_demo
def test_a_demo_is_described_by_a_title_and_one_sentence(demo):
    assert re.fullmatch(r"[^.:]{3,40}", demo.title)
    assert re.fullmatch(r"[^\s].{20,200}\.", demo.sentence)


def test_the_list_follows_the_course():
    units = [demo.unit for demo in DEMOS]
    assert units == sorted(units, key=UNITS.index)


def test_listing_imports_neither_torch_nor_a_demo():
    code = "import sys; from lecture_lib.demos._catalogue import catalogue; print(len(catalogue()), *sys.modules)"
    count, *loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert int(count) == len(DEMOS) > 0
    assert {"torch", "numpy", "anywidget", f"lecture_lib.demos.{DEMOS[0].name}"}.isdisjoint(loaded)


def test_a_module_without_a_unit_is_no_demo(tmp_path):
    (tmp_path / "helper.py").write_text('"""Help: for demos."""\n')
    (tmp_path / "_private.py").write_text('"""Private: not a demo."""\nUNIT = "05_attention"\n')
    (tmp_path / "late.py").write_text('"""Late demo: it comes last."""\nUNIT = "10_decoding"\n')
    (tmp_path / "zebra.py").write_text('"""Zebra: it comes first."""\nimport nowhere\nUNIT = "01_ngrams"\n')
    found = catalogue(tmp_path)
    assert [(demo.name, demo.title, demo.sentence) for demo in found] == [
        ("zebra", "Zebra", "It comes first."),
        ("late", "Late demo", "It comes last."),
    ]


@each_demo
def test_a_demo_has_its_pictures_light_and_dark(demo):
    for theme in THEMES:
        assert demo.picture(theme).read_bytes().startswith(b"\x89PNG"), f"`make pictures` takes {demo.picture(theme)}"


def test_no_picture_is_left_of_a_demo_that_is_gone_and_all_are_small():
    known = {demo.picture(theme) for demo in DEMOS for theme in THEMES}
    assert set(PICTURES.iterdir()) <= known
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < MOST_BYTES


def test_the_readme_is_what_make_pictures_writes():
    assert README.read_text(encoding="utf-8") == readme(DEMOS), "run `make pictures`"


def test_the_contact_sheet_needs_nothing_else():
    page = contact_sheet(DEMOS)
    assert re.findall(r"(?:src|srcset|href)=\"(?!data:)", page) == []
    assert re.findall(r"url\(|@import|https?:", page) == []
    for demo in DEMOS:
        assert demo.line in page


def test_the_gallery_asks_only_its_own_server():
    addresses = re.findall(r"(?:src|srcset|href)=\"([^\"]*)\"", gallery_page(DEMOS))
    assert [address for address in addresses if not address.startswith(("/voila/", "#", "data:"))] == []


def test_the_list_prints_the_line_of_every_demo(capsys):
    main([])
    printed = capsys.readouterr().out
    assert [demo.name for demo in DEMOS if demo.line not in printed] == []


def test_the_contact_sheet_is_written_where_it_was_asked_for(tmp_path, capsys):
    main(["--html", str(tmp_path / "sheet.html")])
    assert "written to" in capsys.readouterr().out
    assert (tmp_path / "sheet.html").read_text(encoding="utf-8") == contact_sheet(DEMOS)


def test_without_voila_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_serve, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"Voilà, which is not installed: `pip install 'voila>=[\d.]+'`"):
        main(["serve"])


@pytest.mark.parametrize(("cached", "said"), [(True, "take any sentence"), (False, "pretrained.fetch()")])
def test_the_gallery_says_at_its_start_whether_the_weights_are_here(monkeypatch, capsys, cached, said):
    monkeypatch.setattr(pretrained, "is_cached", lambda: cached)
    monkeypatch.setattr(_serve, "launch", lambda *args, **options: None)
    main(["serve", DEMOS[0].name, "--no-browser"])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("SmolLM2-135M is ")
    assert said in first


def test_a_demo_that_there_is_not_is_named(monkeypatch):
    with pytest.raises(SystemExit, match="no demo and no unit with demos is called 'no_such'"):
        main(["serve", DEMOS[0].name, "no_such"])


def test_a_unit_stands_for_its_demos():
    unit = DEMOS[-1].unit
    assert _serve.choose([unit]) == [demo for demo in DEMOS if demo.unit == unit]
    assert _serve.choose([DEMOS[0].name]) == [DEMOS[0]]
    assert _serve.choose([]) == DEMOS


def test_what_is_laid_out_is_a_notebook_a_demo_and_a_template(tmp_path):
    _serve.lay_out(tmp_path, DEMOS)
    for demo in DEMOS:
        notebook = json.loads((tmp_path / "notebooks" / f"{demo.name}.ipynb").read_text())
        assert [cell["source"] for cell in notebook["cells"]] == ["from lecture_lib import demos", demo.line]
    template = tmp_path / "share" / "voila" / "templates" / "lecture"
    assert {"index.html.j2", "tree.html", "page.html", "conf.json"} <= {path.name for path in template.iterdir()}


@each_demo
def test_the_one_module_that_a_demo_sends_exports_what_draws_it(node_executable, tmp_path, demo):
    """Modules that declare the same name are each in order, and one file of both is not."""
    path = tmp_path / f"{demo.name}.mjs"
    path.write_text(script(demo.name), encoding="utf-8")
    code = f"import demo from '{path.as_uri()}'; console.log(typeof demo.render)"
    done = subprocess.run([node_executable, "--input-type=module", "-e", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("function", "")


def test_the_linter_accepts_the_javascript_and_would_not_accept_a_mistake(tmp_path):
    oxlint = shutil.which("oxlint", path=str(Path(sys.executable).parent)) or shutil.which("oxlint")
    if oxlint is None:
        pytest.skip("no oxlint: pip install oxlint")
    config = BROWSER.parents[2] / ".oxlintrc.json"
    (tmp_path / "wrong.js").write_text("export const twice = (x) => 2 * y;\n")
    lint = [oxlint, "--config", str(config)]
    assert subprocess.run([*lint, str(BROWSER)], capture_output=True).returncode == 0
    wrong = subprocess.run([*lint, str(tmp_path)], capture_output=True, text=True)
    assert wrong.returncode != 0
    assert "'y' is not defined" in wrong.stdout
